"""The dial: how much thought one question is worth."""

from typing import Any

import msgspec

from firm.errors import UsageError

LEVELS = ("instant", "low", "medium", "high", "xhigh", "max")
"""From fast to right. Up to `medium` one reply is drawn; strategies begin at `high`."""


class Effort(msgspec.Struct, frozen=True):
    """How much thought to spend; exactly one of these is set.

    Raises:
        UsageError: if none or several are, or one is out of its range.
    """

    level: str | None = None
    """One of `LEVELS`."""
    target: float | None = None
    """Wanted probability that the answer is right; above 0, below 1."""
    deadline_s: float | None = None
    """As right as can be in so many seconds; above 0."""
    usd: float | None = None
    """As right as can be for so much money; above 0."""

    def __post_init__(self) -> None:
        given = {
            name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not None
        }
        if len(given) != 1:
            raise UsageError(
                f"Effort: {given or 'nothing'} given; give one of level, target, deadline_s, usd"
            )
        [(name, value)] = given.items()
        if name == "level":
            if value not in LEVELS:
                raise UsageError(f"effort {value!r} is not known; give one of {', '.join(LEVELS)}")
        elif type(value) not in (int, float) or not value > 0 or (name == "target" and not value < 1):
            raise UsageError(
                f"Effort({name}={value!r}): give a number above 0{' and below 1' * (name == 'target')}"
            )


def effort_of(value: Any) -> Effort | None:
    """What a caller gave as `effort=`: None, a level, or an Effort.

    Raises:
        UsageError: for anything else.
    """
    if value is None or isinstance(value, Effort):
        return value
    if isinstance(value, str):
        return Effort(level=value)
    raise UsageError(f"effort={value!r}: give one of {', '.join(LEVELS)}, or an Effort")
