"""What one call takes: money, tokens, compute, each as an integer.

One rule: amounts are added and compared as integers; a float of money is for showing only.
"""

import math

import msgspec

from firm.errors import UsageError
from firm.units.usage import Usage

MAX_USD = 1e9
"""Largest sum of money that is believed to be meant; above it, it is a mistake."""
MICRO = 1_000_000


class Amount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An amount of everything that is counted; negative only inside entries of the ledger."""

    usd_micro: int = 0
    """Millionths of a US dollar."""
    input: int = 0
    """Tokens read anew."""
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    gpu_ms: int = 0
    """Milliseconds of one GPU."""
    cpu_ms: int = 0
    calls: int = 0
    """How many calls were made."""

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.input + self.cache_read + self.cache_write + self.output + self.reasoning

    @property
    def usd(self) -> float:
        """US dollars, for showing."""
        return self.usd_micro / MICRO

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.usd_micro + other.usd_micro,
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.gpu_ms + other.gpu_ms,
            self.cpu_ms + other.cpu_ms,
            self.calls + other.calls,
        )

    def __neg__(self) -> "Amount":
        return Amount(
            -self.usd_micro,
            -self.input,
            -self.cache_read,
            -self.cache_write,
            -self.output,
            -self.reasoning,
            -self.gpu_ms,
            -self.cpu_ms,
            -self.calls,
        )

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(
            self.usd_micro - other.usd_micro,
            self.input - other.input,
            self.cache_read - other.cache_read,
            self.cache_write - other.cache_write,
            self.output - other.output,
            self.reasoning - other.reasoning,
            self.gpu_ms - other.gpu_ms,
            self.cpu_ms - other.cpu_ms,
            self.calls - other.calls,
        )

    @classmethod
    def of(cls, usage: Usage, *, usd_micro: int = 0, gpu_ms: int = 0, calls: int = 1) -> "Amount":
        """What a call to a model took."""
        return cls(
            usd_micro, usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning, gpu_ms, 0, calls
        )  # fmt: skip


NOTHING = Amount()


def usd_micro_of(usd: object, what: str) -> int:
    """Millionths of a dollar, rounded up; `what` names the value in errors.

    Raises:
        UsageError: no number, negative, not finite, or above a billion dollars.
    """
    if type(usd) not in (int, float) or not math.isfinite(usd) or not 0 <= usd <= MAX_USD:  # type: ignore[arg-type, operator]
        raise UsageError(f"{what}={usd!r}: give US dollars, 0 to {MAX_USD:,.0f}")
    return math.ceil(round(usd * MICRO, 3))  # type: ignore[operator]
