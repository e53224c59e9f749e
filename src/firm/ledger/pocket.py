"""A purse as it stands now: how full each of its limits is, and who waits for it.

One rule: a reservation counts in the periods in which it was made, and so does its settlement; when a period turns,
what is still reserved from before weighs on it no more.
"""

from collections import deque
from typing import TYPE_CHECKING

from firm.ledger.line import LOST, MEASURES, Measures
from firm.ledger.period import period_of
from firm.units.purse import Limit, Purse

if TYPE_CHECKING:
    from firm.ledger.reservation import Reservation

WINDOW = 64
"""Of those who wait in one line, so many first ones are looked at when money comes free."""
MAX_PASSED = 100
"""How often one who waits may be passed over; then nobody passes it any more."""
PACE_S = 60
"""The breaker looks at what was spent within so many seconds."""


class Queue:
    """Those who wait for one limit, or for a purse to be opened again, in the order of their coming."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: list[Reservation] = []

    @property
    def shut(self) -> bool:
        """Whether one that fits must join the line all the same."""
        waiters = self.waiters
        if not waiters:
            return False
        return len(waiters) >= WINDOW or any(one.passed >= MAX_PASSED for one in waiters)


class Meter(Queue):
    """One limit of a purse in the current period, and the line before it."""

    __slots__ = ("end_us", "index", "limit", "lost", "most", "purse", "reserved", "said", "spent", "start_us")

    def __init__(self, purse: str, limit: Limit, now_us: int) -> None:
        super().__init__()
        self.purse = purse
        self.limit = limit
        self.index = MEASURES.index(limit.measure)
        self.most = limit.most
        self.start_us, self.end_us = period_of(limit.per, now_us)
        self.spent = 0
        self.reserved = 0
        self.lost = 0
        """Of what is reserved: held by calls of which nobody knows what they took."""
        self.said = False
        """Whether it was logged that only lost money is waited for."""

    def period(self, now_us: int) -> tuple[int, int]:
        """The period around `now_us`, and where the next begins."""
        return period_of(self.limit.per, now_us)

    def turn(self, now_us: int) -> None:
        """Begin the period around `now_us`."""
        self.start_us, self.end_us = period_of(self.limit.per, now_us)
        self.spent = self.reserved = self.lost = 0
        self.said = False


class Pace:
    """What a purse has spent within the last minute."""

    __slots__ = ("_recent", "most_micro", "sum_micro")

    def __init__(self, most_micro: int) -> None:
        self.most_micro = most_micro
        self.sum_micro = 0
        self._recent: deque[tuple[int, int]] = deque()

    def add(self, usd_micro: int, now_us: int) -> bool:
        """Count an amount; whether it is now too much."""
        second, recent = now_us // 1_000_000, self._recent
        if recent and recent[-1][0] == second:
            recent[-1] = (second, recent[-1][1] + usd_micro)
        else:
            recent.append((second, usd_micro))
        self.sum_micro += usd_micro
        while recent[0][0] <= second - PACE_S:
            self.sum_micro -= recent.popleft()[1]
        return self.sum_micro > self.most_micro

    def forget(self) -> None:
        """Begin anew."""
        self._recent.clear()
        self.sum_micro = 0


class Pocket:
    """All limits of one purse."""

    __slots__ = ("closed", "fixed", "gate", "given", "id", "meters", "opening", "pace", "stopped", "total")

    def __init__(self, purse: Purse, *, fixed: bool, opening: list[list[int]] | None) -> None:
        self.id = purse.id
        self.given = purse
        self.fixed = fixed
        """Its limits are the founder's: what a caller gives under this id changes nothing."""
        self.meters: list[Meter] = []
        self.total = [0, 0, 0, 0, 0]
        """Spent since the ledger was opened, in each measure."""
        self.opening = opening
        """Spent before, as `Books.purses` has it."""
        self.gate: Queue | None = None
        """Who waits until the breaker is cleared; None: it has not tripped."""
        self.closed = ""
        """Why the breaker has tripped."""
        self.stopped = ""
        """Why nothing is let through any more."""
        self.pace: Pace | None = None

    def count(self, used: Measures) -> None:
        """Something was spent."""
        total, (usd_micro, tokens, gpu_ms, cpu_ms, calls) = self.total, used
        total[0] += usd_micro
        total[1] += tokens
        total[4] += calls
        if gpu_ms or cpu_ms:
            total[2] += gpu_ms
            total[3] += cpu_ms


def weigh(meter: Meter, reservation: "Reservation") -> None:
    """Count an open reservation on a meter that was made after it, or was read from the books."""
    if meter.start_us <= reservation.made_us:
        want = reservation.measures[meter.index]
        meter.reserved += want
        if reservation.account == LOST:
            meter.lost += want
