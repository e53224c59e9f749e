"""A section as a picture: one inline SVG, in true proportion, the flat plate it began as behind it."""

from collections.abc import Sequence
from html import escape

from wing_shape import Points, flat_plate, outline

SCALE, EDGE = 800.0, 20.0


def picture(section: Sequence[float]) -> str:
    """The section, and the plate as a dashed line; colours follow the page's text."""
    found, plate = outline(section, 81), outline(flat_plate(), 41)
    highest = max(y for _, y in (*found, *plate)) + 0.01
    lowest = min(y for _, y in (*found, *plate)) - 0.01
    height = (highest - lowest) * SCALE + 2 * EDGE
    title = f"the section that was found, at {section[-1]:.2f}° to the flow, and the flat plate it began as"
    return (
        f'<svg viewBox="0 0 {SCALE + 2 * EDGE:.0f} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'style="width:100%;height:auto" fill="none" stroke="currentColor"><title>{escape(title)}</title>'
        f'<path d="{_path(plate, highest)}" stroke-width="1" stroke-dasharray="5 4" opacity="0.6"/>'
        f'<path d="{_path(found, highest)}" stroke-width="2" fill="currentColor" fill-opacity="0.12"/></svg>'
    )


def _path(points: Points, highest: float) -> str:
    spots = "L".join(f"{EDGE + x * SCALE:.1f} {EDGE + (highest - y) * SCALE:.1f}" for x, y in points)
    return f"M{spots}Z"
