"""A clock that a test turns by hand.

One rule: time moves only when somebody says so.
"""

from datetime import UTC, datetime

START_US = 1_790_000_000_000_000
"""Where virtual clocks begin: 21 September 2026, 14:13:20 UTC."""


class VirtualClock:
    """A `Clock` for unit tests: `Worker(journal, clock=VirtualClock())`.

    Waiting is the event loop's business: a timer that is due only after `advance` fires when the worker next
    looks at its clock.

    Args:
        start: Where it begins; a datetime with a time zone. None: a fixed day in 2026.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now_us = START_US if start is None else round(start.timestamp() * 1e6)

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return self._now_us

    def now(self) -> datetime:
        """The same as a datetime in UTC."""
        return datetime.fromtimestamp(self._now_us / 1e6, UTC)

    def advance(self, seconds: float) -> None:
        """Move it, backwards too: a negative number is a clock that was set back."""
        self._now_us += round(seconds * 1e6)

    def set(self, when: datetime) -> None:
        """Put it to a point in time (with a time zone)."""
        self._now_us = round(when.timestamp() * 1e6)
