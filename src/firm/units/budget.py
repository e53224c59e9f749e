"""A budget: how much may be spent on one piece of work, at most."""

import math
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.units.amount import usd_micro_of
from firm.units.purse import Limit

MAX_COUNT = 10**15
"""Largest number of tokens, calls or seconds that is believed to be meant."""


class Budget(msgspec.Struct, frozen=True):
    """Limits of one run and everything that it begins; all of them hold, None is no limit of its own.

    Raises:
        UsageError: a limit that is negative, not finite or absurd, or no limit at all.
    """

    usd: float | None = None
    """US dollars, 0 to 1e9."""
    tokens: int | None = None
    """Tokens of all kinds, read and written."""
    gpu_s: float | None = None
    """Seconds of the founder's own GPUs, each GPU counted."""
    wall_s: float | None = None
    """Seconds from its start, waiting included; above 0."""
    calls: int | None = None
    """Calls to models and to tools that count."""

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise UsageError("Budget(): nothing is limited; give usd, tokens, gpu_s, wall_s or calls")
        if self.usd is not None:
            usd_micro_of(self.usd, "Budget usd")
        for name in ("tokens", "calls"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not 0 <= value <= MAX_COUNT):
                raise UsageError(f"Budget({name}={value!r}): give a whole number, 0 to {MAX_COUNT:,}")
        for name in ("gpu_s", "wall_s"):
            value = getattr(self, name)
            fits = value is None or (
                type(value) in (int, float) and math.isfinite(value) and 0 <= value <= MAX_COUNT
            )
            if not fits or (name == "wall_s" and value == 0):
                raise UsageError(f"Budget({name}={value!r}): give seconds above 0")

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits that the ledger holds (`wall_s` is a deadline, not an amount)."""
        found = []
        if self.usd is not None:
            found.append(Limit("usd_micro", usd_micro_of(self.usd, "Budget usd")))
        if self.tokens is not None:
            found.append(Limit("tokens", self.tokens))
        if self.gpu_s is not None:
            found.append(Limit("gpu_ms", int(self.gpu_s * 1000)))
        if self.calls is not None:
            found.append(Limit("calls", self.calls))
        return tuple(found)


def budget_of(value: Any) -> Budget | None:
    """What a caller gave as `budget=`: None, US dollars, or a Budget.

    Raises:
        UsageError: for anything else.
    """
    if value is None or isinstance(value, Budget):
        return value
    if type(value) in (int, float):
        return Budget(usd=value)
    raise UsageError(
        f"budget={value!r}: give US dollars, or a Budget(usd=…, tokens=…, gpu_s=…, wall_s=…, calls=…)"
    )
