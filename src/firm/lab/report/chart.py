"""Pictures as inline SVG: lines with axes, heat maps, bars. No library, no script.

One rule: colours come from the page's CSS classes, so that a picture follows light and dark by itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firm.lab.report.figures import number
from firm.lab.report.markup import Html, join, tag

Points = Sequence[tuple[float, float]]
Place = Callable[[float, float], tuple[float, float]]
"""From the units of the data to those of the picture."""
Range = tuple[float, float]

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 84, 18, 16, 50
"""Size of a picture and its margins, in its own units; text in it is 13 units high."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    points: Points
    kind: str
    """CSS class: `found`, `other`, `limit`."""
    dots: Points = ()


@dataclass(frozen=True, slots=True)
class Axes:
    """What a chart shows."""

    across: str
    up: str
    title: str
    """For those who do not see the picture."""
    across_range: Range
    up_range: Range
    log: bool = False
    """Whether the horizontal axis is logarithmic; its range lies above 0 then."""


def steps(points: Points, end: float) -> list[tuple[float, float]]:
    """The corners of a line that keeps its height until the next point, up to `end`."""
    corners: list[tuple[float, float]] = []
    for x, y in points:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return [*corners, (max(end, corners[-1][0]), corners[-1][1])] if corners else []


def chart(axes: Axes, lines: Sequence[Line], levels: Sequence[tuple[float, str]] = ()) -> Html:
    """A line chart; lines are cut off at the ranges.

    Args:
        axes: Titles and ranges.
        lines: Any number.
        levels: Heights with a word, drawn as dashed lines across.
    """
    place = _place(axes)
    clip = _clip_name(axes.title)
    inside = tag("rect", x=LEFT, y=TOP, width=WIDTH - LEFT - RIGHT, height=HEIGHT - TOP - BOTTOM)
    drawn = join(_line(line, place) for line in lines)
    return tag(
        "svg",
        tag("clipPath", inside, id=clip),
        _grid(axes, place),
        _titles(axes.across, axes.up),
        _levels(levels, axes, place),
        tag("g", drawn, clip_path=f"url(#{clip})"),
        cls="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=axes.title,
    )


def _clip_name(title: str) -> str:
    return "in-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title)[:60]


def _place(axes: Axes) -> Place:
    (x0, x1), (y0, y1) = axes.across_range, axes.up_range
    turn = math.log10 if axes.log else float
    a, b = turn(x0), turn(x1)

    def place(x: float, y: float) -> tuple[float, float]:
        share = (turn(max(x, x0)) - a) / (b - a)
        height = min(max((y - y0) / (y1 - y0), -9.0), 9.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - height * (HEIGHT - TOP - BOTTOM)

    return place


def _line(line: Line, place: Place) -> Html:
    spots = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in line.points)
    dots = []
    for x, y in line.dots:
        cx, cy = place(x, y)
        dots.append(tag("circle", cls=line.kind, cx=f"{cx:.1f}", cy=f"{cy:.1f}", r=4))
    path = tag("path", cls=f"line {line.kind}", d=f"M{spots}") if spots else None
    return join([path, *dots])


def _levels(levels: Sequence[tuple[float, str]], axes: Axes, place: Place) -> Html:
    """Dashed lines, their words one above the other where they would meet."""
    parts: list[Html] = []
    taken: list[float] = []
    for height, word in sorted(levels, reverse=True):
        if not axes.up_range[0] <= height <= axes.up_range[1]:
            continue
        _, y = place(axes.across_range[0], height)
        baseline = max([y - 5, *(other + 15 for other in taken[-1:])])
        taken.append(baseline)
        parts.append(tag("path", cls="mark", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}"))
        parts.append(tag("text", _short(word, 44), x=LEFT + 8, y=f"{baseline:.1f}"))
    return join(parts)


def _grid(axes: Axes, place: Place) -> Html:
    parts = []
    for tick in decades(*axes.across_range) if axes.log else ticks(*axes.across_range):
        x, y = place(tick, axes.up_range[0])
        parts.append(tag("path", cls="grid", d=f"M{x:.1f} {TOP}V{y:.1f}"))
        parts.append(tag("text", number(tick, 4), cls="middle", x=f"{x:.1f}", y=f"{y + 18:.1f}"))
    marks = ticks(*axes.up_range)
    digits = _digits(marks)
    for tick in marks:
        x, y = place(axes.across_range[0], tick)
        parts.append(tag("path", cls="grid", d=f"M{x:.1f} {y:.1f}H{WIDTH - RIGHT}"))
        parts.append(tag("text", number(tick, digits), cls="end", x=f"{x - 7:.1f}", y=f"{y + 4:.1f}"))
    return join(parts)


def _titles(across: str, up: str) -> Html:
    upright = (TOP + HEIGHT - BOTTOM) / 2
    turned = f"translate(13 {upright}) rotate(-90)"
    middle = (LEFT + WIDTH - RIGHT) / 2
    return join(
        [
            tag("text", _short(across, 70), cls="middle", x=middle, y=HEIGHT - 8),
            tag("text", _short(up, 34), cls="middle", transform=turned),
        ]
    )


def _short(word: str, limit: int) -> str:
    return word if len(word) <= limit else word[: limit - 1] + "…"


def roomy(values: Sequence[float], share: float = 0.06) -> Range:
    """The range of some values with a little room on both sides."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def ticks(low: float, high: float) -> list[float]:
    """Three to eight round numbers between `low` and `high`."""
    rough = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.99)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{count * step:.12g}") for count in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Round numbers of a logarithmic axis: powers of ten, with 2 and 5 between them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    found = [tick for tick in every if low * 0.999 <= tick <= high * 1.001]
    return found[:: 1 + len(found) // 9]


def _digits(marks: Sequence[float]) -> int:
    """Significant digits that tell neighbours of an axis apart."""
    for digits in range(2, 12):
        if len({number(mark, digits) for mark in marks}) == len(marks):
            return digits
    return 12


# --- maps ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a map: `cells` boxes between two numbers."""

    name: str
    low: float
    high: float
    cells: int


def heat_map(across: Side, up: Side, cells: dict[tuple[int, int], tuple[float, str]], title: str) -> Html:
    """Boxes whose colour is a share.

    Args:
        across: The horizontal side.
        up: The vertical side.
        cells: (column, row) -> share from 0 to 1, and words for the one who points at it; what is not there is empty.
        title: For those who do not see the picture.
    """
    axes = Axes(across.name, up.name, title, (across.low, across.high), (up.low, up.high))
    wide, high = (WIDTH - LEFT - RIGHT) / across.cells, (HEIGHT - TOP - BOTTOM) / up.cells
    boxes = [
        tag(
            "rect",
            tag("title", words),
            x=f"{LEFT + column * wide:.1f}",
            y=f"{HEIGHT - BOTTOM - (row + 1) * high:.1f}",
            width=f"{wide:.1f}",
            height=f"{high:.1f}",
            fill_opacity=f"{0.12 + 0.88 * share:.2f}",
        )
        for (column, row), (share, words) in sorted(cells.items())
    ]
    frame = tag("rect", cls="empty", x=LEFT, y=TOP, width=WIDTH - LEFT - RIGHT, height=HEIGHT - TOP - BOTTOM)
    return _map(title, frame, boxes, axes)


def bar_map(across: Side, up: str, bars: dict[int, tuple[float, str]], heights: Range, title: str) -> Html:
    """Upright bars over one side.

    Args:
        across: The horizontal side.
        up: What the height is.
        bars: Column -> height, and words for the one who points at it.
        heights: The range of heights; bars rise from its low end.
        title: For those who do not see the picture.
    """
    axes = Axes(across.name, up, title, (across.low, across.high), heights)
    wide = (WIDTH - LEFT - RIGHT) / across.cells
    place = _place(axes)
    boxes = []
    for column, (height, words) in sorted(bars.items()):
        _, y = place(across.low, height)
        tall = max(HEIGHT - BOTTOM - y, 1.0)
        x = LEFT + column * wide
        sizes = {"x": f"{x:.1f}", "y": f"{HEIGHT - BOTTOM - tall:.1f}", "width": f"{max(wide - 1, 0.8):.1f}"}
        boxes.append(tag("rect", tag("title", words), height=f"{tall:.1f}", **sizes))
    return _map(title, None, boxes, axes)


def _map(title: str, frame: Html | None, boxes: list[Html], axes: Axes) -> Html:
    return tag(
        "svg",
        frame,
        _grid(axes, _place(axes)),
        _titles(axes.across, axes.up),
        tag("g", *boxes, cls="boxes"),
        cls="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )
