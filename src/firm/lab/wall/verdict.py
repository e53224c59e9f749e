"""What the wall says of one candidate at one stage, and how it comes to say so.

One rule: valid is what was shown to be valid. Each number has to be a number, each has to be finite, and of each
constraint `value >= 0` has to be `True`; whatever else a scorer gives is not valid, and is told with the reason.
"""

import math
import numbers
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec

from firm.lab.candidate import Status
from firm.lab.problem import Invalid, Score

WHY_CHARS = 200
"""Longest reason; what is longer is shortened."""
SAID_BYTES = 1 << 16
"""Most that a scorer may say beside its numbers; more is dropped, and that is said."""
_T_95 = (12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139)
"""Student's t at 97.5 % for 1 to 10 degrees of freedom."""
_Z_95 = 1.959963985


@dataclass(frozen=True, slots=True)
class Verdict:
    """One stage's word on one candidate."""

    status: Status
    value: float | None = None
    """Of the objective; finite, or None where there is none."""
    slack: float = 0.0
    """The least of the constraints: 0 and more is met. 0 where there are none."""
    missed: float = math.inf
    """By how much constraints are missed in all: 0 is valid, `inf` is not scored."""
    nearest: str = ""
    """Name of the constraint that is missed most, or what the scorer called invalid; '' where all are met."""
    why: str = ""
    """What was broken, at most 200 characters; '' where it is valid."""
    descriptors: tuple[float, ...] = ()
    others: dict[str, float] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    """What else the scorer said. Of a noisy stage also `interval` (95 %, Student's t) and `draws`."""
    cpu_us: int = 0
    """Processor time of the scorer or of the box for it, in microseconds."""


class NoNumber(Exception):
    """A scorer gave something that is no finite number."""


def shortened(text: str, most: int = WHY_CHARS) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def refused(status: Status, why: str) -> Verdict:
    """A verdict without a value."""
    return Verdict(status, why=shortened(why))


def raised(error: BaseException) -> Verdict:
    """The verdict on a candidate at which its scorer raised."""
    if isinstance(error, Invalid):
        near = _to_float(error.near)
        missed = math.inf if math.isnan(near) else max(-near, sys.float_info.min)
        why = shortened(str(error) or "invalid")
        return Verdict(Status.INVALID, slack=-missed, missed=missed, nearest=shortened(why, 80), why=why)
    if isinstance(error, MemoryError):
        return refused(Status.KILLED, "memory: the scorer wanted more than its stage may have (memory_bytes)")
    if isinstance(error, NoNumber):
        return refused(Status.FAILED, str(error))
    return refused(Status.FAILED, f"{type(error).__name__}: {error}")


def judged(result: Any, *, axes: int = 0) -> Verdict:
    """The verdict on what a scorer returned: a number, a `Score`, or an exception that it put into its list.

    Args:
        result: What the scorer gave.
        axes: How many descriptors the problem's archive has; other counts than this and 0 are refused.
    """
    if isinstance(result, BaseException):
        return raised(result)
    score = result if isinstance(result, Score) else Score(result)
    try:
        value = number(score.value, "the score")
        limits = {str(name): _margin(each, name) for name, each in score.constraints.items()}
        others = {str(name): number(each, f"objective {name!r}") for name, each in score.others.items()}
        descriptors = _descriptors(score.descriptors, axes)
    except NoNumber as error:
        return raised(error)
    worst = min(limits, key=limits.__getitem__, default="")
    slack = limits.get(worst, 0.0)
    valid = all((each >= 0) is True for each in limits.values())
    return Verdict(
        Status.VALID if valid else Status.INVALID,
        value=value,
        slack=slack,
        missed=0.0 if valid else sum(-each for each in limits.values() if not each >= 0),
        nearest="" if valid else worst,
        why="" if valid else shortened(f"constraint {worst!r} is missed by {-slack:.6g}"),
        descriptors=descriptors,
        others=others,
        said=plain(score.said),
    )


def number(given: Any, what: str) -> float:
    """A finite float; True and False are no numbers.

    Raises:
        NoNumber: it says what was given instead.
    """
    if type(given) is not float:
        given = _unwrapped(given)
        if isinstance(given, bool) or not isinstance(given, numbers.Real | Decimal):
            raise NoNumber(
                f"{what} is {shortened(repr(given), 60)} ({type(given).__name__}), which is no number"
            )
        given = _to_float(given)
    if not math.isfinite(given):
        raise NoNumber(f"{what} is {given!r}; only a finite number counts")
    return given  # type: ignore[no-any-return]


def _unwrapped(given: Any) -> Any:
    """A scalar of numpy, or an array that holds nothing but one, as Python has it."""
    return given.item() if hasattr(given, "item") and getattr(given, "ndim", None) == 0 else given


def _to_float(given: Any) -> float:
    try:
        return float(given)
    except (OverflowError, ValueError):
        return math.nan


def _margin(given: Any, name: str) -> float:
    """By how much a constraint is met: a finite number, or -inf for NaN and -inf."""
    plainly = _unwrapped(given)
    if isinstance(plainly, bool) or not isinstance(plainly, numbers.Real | Decimal):
        raise NoNumber(
            f"constraint {name!r} is {shortened(repr(given), 60)}; give by how much it is met, negative where missed"
        )
    margin = _to_float(plainly)
    return -math.inf if math.isnan(margin) or margin == -math.inf else min(margin, sys.float_info.max)


def _descriptors(given: Sequence[Any], axes: int) -> tuple[float, ...]:
    found = tuple(number(each, f"descriptor {place}") for place, each in enumerate(given))
    if found and axes and len(found) != axes:
        raise NoNumber(f"{len(found)} descriptors where the problem has {axes} axes")
    return found


def plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a scorer said, as builtins of JSON; what cannot be told so is told as text."""
    if not said:
        return {}
    try:
        told = msgspec.to_builtins(dict(said), enc_hook=_as_text, str_keys=True)
        size = len(msgspec.msgpack.encode(told))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return {"unsaid": shortened(f"{type(error).__name__}: {error}")}
    return told if size <= SAID_BYTES else {"unsaid": f"{size} bytes; at most {SAID_BYTES} are kept"}


def _as_text(value: Any) -> Any:
    unwrapped = _unwrapped(value)
    if unwrapped is not value:
        return unwrapped
    return value.tolist() if hasattr(value, "tolist") else shortened(repr(value))


def pooled(draws: Sequence[Verdict]) -> Verdict:
    """One verdict from several draws of a noisy score: the mean with its interval; valid where every draw is.

    Its limits are those of the worst draw; one draw that has no value leaves none.
    """
    worst = max(draws, key=lambda draw: (draw.missed, draw.status))
    values = [draw.value for draw in draws if draw.value is not None]
    cpu_us = sum(draw.cpu_us for draw in draws)
    if len(values) < len(draws):
        return replace(worst, value=None, cpu_us=cpu_us)
    mean = statistics.fmean(values)
    if not math.isfinite(mean):
        return replace(refused(Status.FAILED, "the mean of the draws is not finite"), cpu_us=cpu_us)
    reach = half_width(values)
    said = {**worst.said, "interval": [mean - reach, mean + reach], "draws": len(values)}
    others = {name: _mean_of(draws, name) for name in worst.others}
    return replace(worst, value=mean, said=said, others=others, cpu_us=cpu_us)


def _mean_of(draws: Sequence[Verdict], name: str) -> float:
    return statistics.fmean(draw.others[name] for draw in draws if name in draw.others)


def half_width(values: Sequence[float]) -> float:
    """Half of the 95 % interval of a mean, by Student's t; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    return t_95(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def t_95(freedom: int) -> float:
    """Student's t at 97.5 %, to about 0.0001; Cornish-Fisher above 10 degrees of freedom."""
    if freedom <= len(_T_95):
        return _T_95[freedom - 1]
    z, n = _Z_95, freedom
    first = (z**3 + z) / (4 * n)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return z + first + second + third


def agree(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts on one artifact by one stage, with one seed, say the same: to the last bit."""
    return (one.status, one.value, one.slack) == (other.status, other.value, other.slack)
