"""The figure: what was measured against what the law says, and by how much it misses.

One rule: every reading is a point; what belongs to the fresh series can be told from what the law was fitted to.
"""

import math
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, HIGH, LOW = 640, 520, 70, 40, 270, 110
"""Of the picture; where its panels begin, and how high the upper and the lower one are."""
GAP = 50
FITTED, FRESH = "#7a869a", "#c2410c"


def drawing(
    data: dict[str, Any], told: dict[str, Any], known: list[float | None], rows: list[dict[str, Any]]
) -> str:
    """The SVG.

    Args:
        data: Of the analysis.
        told: The instrument.
        known: What the law says of the experiment's readings; None without a law.
        rows: These readings.
    """
    fitted = [(_across(value, row), row["result"]) for value, row in zip(known, rows, strict=True)]
    fresh = [(_across(row["law"], row), row["measured"]) for row in data["fresh"]]
    name, unit = told["output"]["name"], told["output"]["unit"]
    across = (
        f"{name} by the law, {unit}"
        if data["law"]
        else f"{told['inputs'][0]['name']}, {told['inputs'][0]['unit']}"
    )
    xs, ys = _range([x for x, _ in fitted + fresh]), _range([y for _, y in fitted + fresh])
    parts = [_frame(TOP, HIGH), _title(data, told), _label(LEFT, TOP - 8, f"{name} measured, {unit}")]
    if data["law"]:
        both = (max(xs[0], ys[0]), min(xs[1], ys[1]))
        ends = [(_at(one, xs, LEFT, _wide()), TOP + HIGH - _at(one, ys, 0, HIGH)) for one in both]
        parts.append(_line(ends))
    for points, word, colour in ((fitted, "fitted", FITTED), (fresh, "fresh", FRESH)):
        parts += [
            _dot(_at(x, xs, LEFT, _wide()), TOP + HIGH - _at(y, ys, 0, HIGH), word, colour) for x, y in points
        ]
    parts += _ticks(xs, ys)
    if data["law"]:
        parts += _misses(fitted, fresh, xs)
    parts.append(_label(LEFT, HEIGHT - 12, across))
    parts += _legend(len(fitted), len(fresh))
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif">'
    return (
        "\n".join([opened, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>"])
        + "\n"
    )


def _across(value: float | None, row: dict[str, Any]) -> float:
    return float(row["inputs"][0]) if value is None else value


def _wide() -> int:
    return WIDTH - LEFT - 20


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 0.5
    return low - room, high + room


def _at(value: float, span: tuple[float, float], start: float, length: float) -> float:
    return start + (value - span[0]) / (span[1] - span[0]) * length


def _frame(top: float, high: float) -> str:
    return f'<rect x="{LEFT}" y="{top}" width="{_wide()}" height="{high}" fill="none" stroke="#94a3b8"/>'


def _line(ends: list[tuple[float, float]]) -> str:
    (x1, y1), (x2, y2) = ends
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#334155" stroke-dasharray="5 4"/>'


def _dot(x: float, y: float, word: str, colour: str) -> str:
    shown = f'<circle class="{word}" cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}" fill-opacity="0.75"/>'
    return shown if math.isfinite(x + y) else ""


def _label(x: float, y: float, said: str, anchor: str = "start", colour: str = "#1e293b") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" text-anchor="{anchor}" fill="{colour}">{escape(said)}</text>'


def _title(data: dict[str, Any], told: dict[str, Any]) -> str:
    says = f"{told['output']['name']} = {data['law']}" if data["law"] else "no law"
    return f"<title>{escape(says)} ({data['label']})</title>" + _label(WIDTH / 2, 16, says[:80], "middle")


def _ticks(xs: tuple[float, float], ys: tuple[float, float]) -> list[str]:
    found = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = xs[0] + share * (xs[1] - xs[0]), ys[0] + share * (ys[1] - ys[0])
        found.append(_label(LEFT + share * _wide(), TOP + HIGH + 18, f"{x:.3g}", "middle"))
        found.append(_label(LEFT - 6, TOP + HIGH - share * HIGH + 4, f"{y:.3g}", "end"))
    return found


def _misses(
    fitted: list[tuple[float, float]], fresh: list[tuple[float, float]], xs: tuple[float, float]
) -> list[str]:
    """The lower panel: by how much the law misses each reading, in per cent."""
    top = TOP + HIGH + GAP
    shares = [[(x, 100 * (y - x) / x) for x, y in points if x] for points in (fitted, fresh)]
    most = max([abs(share) for points in shares for _, share in points], default=1.0) or 1.0
    span = (-1.1 * most, 1.1 * most)
    parts = [
        _frame(top, LOW),
        _label(LEFT, top - 6, "measured less law, %"),
        _line([(LEFT, top + LOW / 2), (LEFT + _wide(), top + LOW / 2)]),
    ]
    for points, colour in zip(shares, (FITTED, FRESH), strict=True):
        parts += [
            _dot(_at(x, xs, LEFT, _wide()), top + LOW - _at(y, span, 0, LOW), "miss", colour)
            for x, y in points
        ]
    parts += [
        _label(LEFT - 6, top + 14, f"{span[1]:.2g}", "end"),
        _label(LEFT - 6, top + LOW, f"{span[0]:.2g}", "end"),
    ]
    return parts


def _legend(fitted: int, fresh: int) -> list[str]:
    y = HEIGHT - 12
    return [
        _label(WIDTH - 20, y, f"● {fresh} fresh", "end", FRESH),
        _label(WIDTH - 130, y, f"● {fitted} fitted", "end", FITTED),
    ]
