"""Pictures as inline SVG: lines with axes, and the outline of a section. No library, no script.

One rule: colours come from the page's CSS classes, so that a picture follows light and dark by itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

Points = Sequence[tuple[float, float]]
Place = Callable[[float, float], tuple[float, float]]
"""From the units of the data to those of the picture."""

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 16, 46
"""Size of a chart and its margins, in units of the picture; text in it is 13 units high."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    points: Points
    kind: str
    """CSS class: `before`, `after`, `limit`."""
    dots: Points = ()
    """Points to mark."""


@dataclass(frozen=True, slots=True)
class Axes:
    """What a chart shows, and the range if it is not that of the data."""

    across: str
    up: str
    title: str
    """For those who do not see the picture."""
    across_range: tuple[float, float] | None = None
    up_range: tuple[float, float] | None = None


def chart(axes: Axes, lines: Sequence[Line], *, mark: tuple[float, str] | None = None) -> str:
    """A line chart.

    Args:
        axes: Titles and ranges. Lines are cut off at the ranges.
        lines: At least one, with at least one point in all.
        mark: A place across with a word, drawn as an upright dashed line.
    """
    across = axes.across_range or _range([x for line in lines for x, _ in line.points])
    up = axes.up_range or _range([y for line in lines for _, y in line.points])

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (x - across[0]) / (across[1] - across[0]) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - up[0]) / (up[1] - up[0]) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [_grid(place, across, up), _titles(axes)]
    if mark is not None:
        x, _ = place(mark[0], up[0])
        parts.append(f'<path class="mark" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text class="word" x="{x - 6:.1f}" y="{HEIGHT - BOTTOM - 8}">{escape(mark[1])}</text>')
    inside = "in-" + "".join(letter if letter.isalnum() else "-" for letter in axes.title)
    clip = (
        f'<clipPath id="{inside}"><rect x="{LEFT}" y="{TOP}" '
        f'width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"/></clipPath>'
    )
    drawn = "".join(_line(line, place) for line in lines)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(axes.title)}">'
        f'{clip}{"".join(parts)}<g clip-path="url(#{inside})">{drawn}</g></svg>'
    )


def _line(line: Line, place: Place) -> str:
    path = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in line.points)
    dots = "".join(
        '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4.5"/>'.format(line.kind, *place(x, y))
        for x, y in line.dots
    )
    return f'<path class="line {line.kind}" d="M{path}"/>{dots}'


def _grid(place: Place, across: tuple[float, float], up: tuple[float, float]) -> str:
    parts = []
    for tick in ticks(*across):
        x, y = place(tick, up[0])
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{y:.1f}"/>')
        parts.append(f'<text class="tick middle" x="{x:.1f}" y="{y + 18:.1f}">{_number(tick)}</text>')
    for tick in ticks(*up):
        x, y = place(across[0], tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{x - 7:.1f}" y="{y + 4:.1f}">{_number(tick)}</text>')
    return "".join(parts)


def _titles(axes: Axes) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    upright = (TOP + HEIGHT - BOTTOM) / 2
    return (
        f'<text class="title middle" x="{middle}" y="{HEIGHT - 8}">{escape(axes.across)}</text>'
        f'<text class="title middle" transform="translate(13 {upright}) rotate(-90)">{escape(axes.up)}</text>'
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low or 1.0) * 0.05
    return low - room, high + room


def ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between `low` and `high`."""
    rough = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.99)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


def outlines(title: str, shapes: Sequence[tuple[Points, str]]) -> str:
    """Closed outlines in true proportion, the chord as wide as the picture.

    Args:
        title: For those who do not see the picture.
        shapes: Points in fractions of the chord, and a CSS class for each.
    """
    highest = max(y for points, _ in shapes for _, y in points)
    lowest = min(y for points, _ in shapes for _, y in points)
    scale, edge = 800.0, 20.0
    height = (highest - lowest) * scale + 2 * edge
    paths = []
    for points, kind in shapes:
        spots = "L".join(f"{edge + x * scale:.1f} {edge + (highest - y) * scale:.1f}" for x, y in points)
        paths.append(f'<path class="shape {kind}" d="M{spots}Z"/>')
    chord = edge + highest * scale
    return (
        f'<svg class="wide" viewBox="0 0 {scale + 2 * edge:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">'
        f'<path class="mark" d="M{edge} {chord:.1f}H{edge + scale}"/>{"".join(paths)}</svg>'
    )
