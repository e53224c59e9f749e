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
    """Ids that follow one another up to the end of a block: rows of runs of one time lie together in the journal."""

    def __init__(self) -> None:
        self._block = ""
        self._next = len(_PAIRS)
        self._pid = 0

    def draw(self) -> str:
        """40 random bits, the same for a block, and 10 bits that begin at random and count up; in base 32."""
        if self._next == len(_PAIRS) or self._pid != os.getpid():  # a forked process must not draw the same
            bits, self._pid = secrets.randbits(50), os.getpid()
            self._block = "".join([_PAIRS[bits >> shift & 1023] for shift in (40, 30, 20, 10)])
            self._next = bits & 1023
        self._next += 1
        return self._block + _PAIRS[self._next - 1]


def system_randomness() -> Randomness:
    """A generator seeded by the system."""
    return random.Random()
