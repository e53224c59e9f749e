"""Numbers as a person reads them.

One rule: a figure is never printed with fewer digits than it takes to tell it from what stands beside it (as long as
12 are enough), and never with an exactness that it does not have.
"""

import math
from collections.abc import Iterable

from firm.lab.report.story import Goal

MINUS = "−"


def number(value: float | None, digits: int = 6) -> str:
    """With this many significant digits: '2.63598', '1,234,567', '1.2e−5'; nothing known: '–'."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}".replace("-", MINUS)
    if 1e-4 <= abs(value) < 1e9:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        whole = f"{value:,.{places}f}"
        return (whole.rstrip("0").rstrip(".") if "." in whole else whole).replace("-", MINUS)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(power)}".replace("-", MINUS)


def digits_for(values: Iterable[float | None], least: int = 6, most: int = 12) -> int:
    """Significant digits that tell all different values apart, as far as `most` can."""
    different = {value for value in values if value is not None}
    for digits in range(least, most):
        if len({number(value, digits) for value in different}) == len(different):
            return digits
    return most


def with_unit(value: float | None, goal: Goal, digits: int = 6) -> str:
    """A value of an objective."""
    said = number(value, digits)
    return f"{said} {goal.unit}" if goal.unit and value is not None else said


def percent(share: float) -> str:
    """A share with its sign left out: '11.3 %', '0.0004 %'."""
    size = abs(share) * 100
    if size == 0:
        return "0 %"
    if size < 1e-7:
        return "less than 0.0000001 %"
    places = max(0, 2 - max(math.floor(math.log10(size)), -8))
    return f"{size:,.{min(places, 9)}f}".rstrip("0").rstrip(".") + " %" if places else f"{size:,.0f} %"


def better_by(value: float, other: float, goal: Goal) -> float | None:
    """How much better than another value, as a share of that; below 0: worse. None: there is no share of 0."""
    if other == 0:
        return None
    gain = (value - other) if goal.direction == "max" else (other - value)
    return gain / abs(other)


def level(value: float, printed: float) -> bool:
    """Whether a value is the same to nine digits, or when rounded to those that the other one is printed with."""
    text = repr(float(printed))
    if math.isclose(value, printed, rel_tol=1e-9, abs_tol=1e-12) or "e" in text or "." not in text:
        return math.isclose(value, printed, rel_tol=1e-9, abs_tol=1e-12)
    places = len(text.partition(".")[2])
    return round(value, places) == round(printed, places)


def seconds(amount: float) -> str:
    """A cost in time: '3.2 ms', '28 s', '2 min 5 s', '3 h 20 min'."""
    if amount < 0.0995:
        return (
            f"{number(amount * 1e3, 2)} ms"
            if amount >= 1e-4
            else f"{number(amount * 1e6, 2)} µs"
            if amount
            else "0 s"
        )
    if amount < 120:
        return f"{number(float(f'{amount:.3g}'), 3)} s"
    for size, name, small, small_name in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if amount >= size:
            whole, rest = divmod(round(amount / small), size // small)
            return f"{whole:,} {name}" + (f" {rest} {small_name}" if rest and whole < 100 else "")
    return f"{amount:.0f} s"
