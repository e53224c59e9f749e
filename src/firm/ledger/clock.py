"""The ledger's clock: by it a day of the budget begins.

One rule: it never goes back, and it never runs ahead of the time that has really passed since it was set; so a wall
clock that jumps gives nobody a new day.
"""

import logging
import time
from collections.abc import Callable

log = logging.getLogger("firm")
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
TOLERATED_US = 5_000_000
"""A wall clock that is behind the last line by no more than this is not spoken of."""


def boot_us() -> int:
    """Microseconds that the machine has been on, asleep or awake (where the system can tell)."""
    return (time.monotonic_ns() if _BOOTTIME is None else time.clock_gettime_ns(_BOOTTIME)) // 1000


class LedgerClock:
    """Time for periods and write-offs.

    Args:
        now_us: The wall clock.
        boot_us: A clock that nobody can set.
        last_us: Time of the newest line; the clock is set to this if the wall clock is behind it, and then
            counts on at the pace of real time.
    """

    __slots__ = ("_ahead_us", "_boot_us", "_last_us", "_now_us", "_offset_us")

    def __init__(
        self, now_us: Callable[[], int], boot_us: Callable[[], int] = boot_us, *, last_us: int = 0
    ) -> None:
        wall_us = now_us()
        self._now_us, self._boot_us = now_us, boot_us
        self._last_us = max(wall_us, last_us)
        self._offset_us = self._last_us - wall_us
        self._ahead_us = self._last_us - boot_us()
        if self._offset_us > TOLERATED_US:
            log.warning(
                "the clock is %.0f s behind the ledger's last line: the ledger counts on from there",
                self._offset_us / 1e6,
            )

    def now_us(self) -> int:
        """Microseconds since 1970; never less than before."""
        now = self._now_us() + self._offset_us
        most = self._boot_us() + self._ahead_us
        if now > most:
            now = most
        if now > self._last_us:
            self._last_us = now
        return self._last_us
