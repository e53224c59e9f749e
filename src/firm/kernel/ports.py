"""Where chance and time enter: the clock, randomness and ids, so that a simulated world can stand in for them."""

import os
import random
import secrets
import time
from typing import Protocol

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]


class Clock(Protocol):
    """Wall time. Waiting is done by the real event loop."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        ...


class Ids(Protocol):
    """Names for runs that were started without one."""

    def draw(self) -> str:
        """A new name part, 10 characters that never came before."""
        ...


class Randomness(Protocol):
    """Chance that need not replay (jitter)."""

    def random(self) -> float:
        """0 ≤ x < 1."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000


class SystemIds:
    """Drawn from the system's source of randomness, some hundred at a time."""

    def __init__(self) -> None:
        self._bytes = b""
        self._pid = 0

    def draw(self) -> str:
        """50 random bits in base 32."""
        if not self._bytes or self._pid != os.getpid():  # a forked process must not draw the same
            self._bytes, self._pid = secrets.token_bytes(7 * 500), os.getpid()
        bits, self._bytes = int.from_bytes(self._bytes[-7:]), self._bytes[:-7]
        return "".join([_PAIRS[bits >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


def system_randomness() -> Randomness:
    """A generator seeded by the system."""
    return random.Random()
