"""What something may cost at most."""

import math
from typing import Any

import msgspec

from firm.errors import UsageError


class Budget(msgspec.Struct, frozen=True):
    """Hard limits; None: no limit of that kind.

    Raises:
        UsageError: if a limit is negative or not a number.
    """

    usd: float | None = None
    """Money, in US dollars."""
    tokens: int | None = None
    """Tokens read and written, all together."""
    gpu_s: float | None = None
    """Seconds of the founder's own GPUs."""
    wall_s: float | None = None
    """Seconds from start to end."""
    calls: int | None = None
    """Calls of models."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and (
                type(value) not in (int, float) or not math.isfinite(value) or value < 0
            ):
                raise UsageError(f"Budget({name}={value!r}): give a number of at least 0")


def budget_of(value: Any) -> Budget | None:
    """What a caller gave as `budget=`: None, a number of US dollars, or a Budget.

    Raises:
        UsageError: for anything else.
    """
    if value is None or isinstance(value, Budget):
        return value
    if type(value) in (int, float):
        return Budget(usd=value)
    raise UsageError(f"budget={value!r}: give a number of US dollars, or a Budget")
