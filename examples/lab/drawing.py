"""Small inline pictures for reports: SVG without scripts, in the colours of the page around it.

One rule: nothing is coloured by value alone; lines and text take `currentColor`, areas are its faint shades.
"""

from collections.abc import Iterable, Sequence

SIDE = 400
"""Length of a picture's side in its own units."""

STYLE = (
    "<style>.lab-line{fill:none;stroke:currentColor;stroke-width:1.5}"
    ".lab-faint{fill:none;stroke:currentColor;stroke-width:1;opacity:.3}"
    ".lab-area{fill:currentColor;fill-opacity:.12;stroke:currentColor;stroke-width:1.2}"
    ".lab-dot{fill:currentColor}</style>"
)


def svg(title: str, shapes: Iterable[str], *, height: int = SIDE) -> str:
    """One picture; `title` is what is read aloud in its place."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lab-picture" role="img" '
        f'viewBox="-8 -8 {SIDE + 16} {height + 16}" aria-label="{title}">'
        f"<title>{title}</title>{STYLE}{''.join(shapes)}</svg>"
    )


def circle(x: float, y: float, radius: float, look: str = "lab-area") -> str:
    """A circle; all in units of the picture, y downward."""
    return f'<circle class="{look}" cx="{x:.2f}" cy="{y:.2f}" r="{max(radius, 0):.2f}"/>'


def path(points: Iterable[Sequence[float]], look: str = "lab-line", *, closed: bool = False) -> str:
    """A line through points."""
    steps = "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
    return f'<path class="{look}" d="M{steps}{"Z" if closed else ""}"/>'


def frame(width: float = SIDE, height: float = SIDE) -> str:
    """The border of a picture."""
    return f'<rect class="lab-faint" x="0" y="0" width="{width}" height="{height}"/>'
