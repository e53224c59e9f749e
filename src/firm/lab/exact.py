"""Exact arithmetic for the last word on an artifact of floats.

One rule: no tolerance. A float is a fraction, sums and products of fractions are exact, and so a solution is valid or
it is not; 1e-12 too much is too much. What is wanted here is the *margin* of a constraint: `signed` turns it into a
float for `Score(constraints=…)` without losing its sign.

A float has two readings: the binary fraction that it is (`stored`), and the decimal one that its shortest print names
(`printed`). Who checks a result may take either, so each function here that takes floats gives the lesser margin of
both. This is how a problem with exact arithmetic ends: search with floats, shrink by a hair, and let a stage of trust
`exact` decide:

    def score(circles):
        margin = min(discs_apart(circles), discs_inside(circles, 0.0, 1.0), least(circles, 2))
        return Score(sum(r for _, _, r in circles), constraints={"packed": signed(margin)})
"""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

Points = Sequence[Sequence[float]]
"""One row for each point or disc: [x, y] or [x, y, r]."""
_Rows = list[list[int]]
_LARGEST = Fraction(2) ** 1023


def stored(value: float) -> Fraction:
    """The binary fraction that a float is."""
    return Fraction(value)


def printed(value: float) -> Fraction:
    """The decimal fraction that its shortest print names: 1/10 for 0.1."""
    return Fraction(repr(float(value)))


def signed(margin: Fraction | int) -> float:
    """As a float whose sign is that of the margin: what is missed by too little for a float stays missed."""
    value = float(min(max(Fraction(margin), -_LARGEST), _LARGEST))
    if margin < 0:
        return min(value, -math.ulp(0.0))
    return max(value, math.ulp(0.0)) if margin > 0 else 0.0


def whole(numbers: Iterable[float]) -> tuple[list[int], int]:
    """Integers and a power with number = integer / 2**power, as stored: quicker to reckon with than fractions.

    Raises:
        ValueError, OverflowError: a number that is not finite.
    """
    ratios = [float(number).as_integer_ratio() for number in numbers]
    power = max((below.bit_length() - 1 for _, below in ratios), default=0)
    return [above << (power - below.bit_length() + 1) for above, below in ratios], power


def discs_apart(discs: Points) -> Fraction:
    """The least over pairs of (squared distance of centres) - (sum of radii) squared; 0 and more: none overlap."""
    return _over_readings(discs, _apart, 2)


def discs_inside(discs: Points, low: float, high: float) -> Fraction:
    """The least distance of a disc [x, y, r] from the sides of the square from (low, low) to (high, high)."""
    edges = [[low, high, 0.0]]
    return _over_readings([*discs, *edges], _inside, 1)


def least(rows: Points, column: int) -> Fraction:
    """The least number of a column: `least(discs, 2)` is the smallest radius."""
    return min(stored(row[column]) for row in rows)


def in_triangle(points: Points, corners: Points) -> Fraction:
    """The least over points and sides of twice the signed area; 0 and more: all points are in the triangle.

    Args:
        points: [x, y] each.
        corners: Three, in either order around.
    """
    return _over_readings([*corners, *points], _in_triangle, 2)


def least_triangle(points: Points) -> Fraction:
    """Twice the area of the smallest triangle that three of the points make."""
    return _over_readings(points, _least_area, 2)


def distances(points: Points) -> tuple[Fraction, Fraction]:
    """The squares of the least and of the greatest distance of two points, of any dimension, as stored."""
    rows, unit = _scaled(points, stored)
    squares = [_square(a, b) for place, a in enumerate(rows) for b in rows[:place]]
    return Fraction(min(squares), unit**2), Fraction(max(squares), unit**2)


def _over_readings(rows: Points, margin: Callable[[_Rows], int], power: int) -> Fraction:
    """The lesser margin of both readings; `margin` works on integers, and its unit is that of the rows to `power`."""
    found = []
    for reading in (stored, printed):
        scaled, unit = _scaled(rows, reading)
        found.append(Fraction(margin(scaled), unit**power))
    return min(found)


def _scaled(rows: Points, reading: Callable[[float], Fraction]) -> tuple[_Rows, int]:
    """All numbers as integers, in units of one over the integer that comes with them: many times quicker."""
    exact = [[reading(value) for value in row] for row in rows]
    unit = math.lcm(*(value.denominator for row in exact for value in row))
    return [[value.numerator * (unit // value.denominator) for value in row] for row in exact], unit


def _square(a: Sequence[int], b: Sequence[int]) -> int:
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))


def _apart(rows: _Rows) -> int:
    return min(
        (
            (x - u) ** 2 + (y - v) ** 2 - (r + s) ** 2
            for place, (x, y, r) in enumerate(rows)
            for u, v, s in rows[:place]
        ),
        default=0,
    )


def _inside(rows: _Rows) -> int:
    *discs, (low, high, _) = rows
    return min(min(x - r - low, y - r - low, high - x - r, high - y - r) for x, y, r in discs)


def _area(a: Sequence[int], b: Sequence[int], c: Sequence[int]) -> int:
    """Twice the signed area; above 0 where a, b, c go against the clock."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _in_triangle(rows: _Rows) -> int:
    a, b, c, *points = rows
    turn = 1 if _area(a, b, c) > 0 else -1
    return min(turn * _area(p, q, point) for p, q in ((a, b), (b, c), (c, a)) for point in points)


def _least_area(rows: _Rows) -> int:
    return min(
        abs(_area(a, b, c))
        for place, a in enumerate(rows)
        for second, b in enumerate(rows[:place])
        for c in rows[:second]
    )
