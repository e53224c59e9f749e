"""Who may go through now, who waits, and who never can.

One rule: a call is let through iff for each limit spent + reserved + its maximum stays within the cap; it waits iff
it would fit once reserved money came back; and of those who wait, the first that fits goes first.
"""

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context

from firm.errors import BudgetExceeded
from firm.ledger.clock import LedgerClock
from firm.ledger.pocket import MAX_PASSED, WINDOW, Meter, Queue
from firm.ledger.refusal import refusal, show, stopped
from firm.ledger.reservation import REFUSED, WAITING, Reservation

LOOK_S = 60.0
"""Longest time between two looks at the clock while somebody waits for the next period."""
log = logging.getLogger("firm")


class Turnstile:
    """Lets reservations through.

    Args:
        clock: The ledger's.
        passed: Told of each reservation that is let through, after its money is taken; whether a limit, or the
            breaker, concerns it.
    """

    def __init__(self, clock: LedgerClock, passed: Callable[[Reservation, bool], None]) -> None:
        self._clock = clock
        self._passed = passed
        self._loop = asyncio.get_running_loop()
        self._context = Context()
        self._dirty: dict[Queue, None] = {}
        self._lines: dict[Queue, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def lines(self) -> list[Queue]:
        """All lines in which somebody waits."""
        return [line for line in self._lines if line.waiters]

    def enter(self, reservation: Reservation, now_us: int) -> None:
        """Let it through, or have it wait: then its state is WAITING, and its future tells when it is through.

        Raises:
            BudgetExceeded: it can never be.
        """
        if self._dirty:
            self._drain_all()
        block = self.find(reservation, now_us)
        if block is None:
            self._take(reservation, now_us, None)
        else:
            self._join(reservation, block)

    def find(self, reservation: Reservation, now_us: int, own: Queue | None = None) -> Queue | None:
        """What keeps it from going through now; None: nothing.

        Args:
            own: The line in which it stands already; named before others that block it too.

        Raises:
            BudgetExceeded: a limit never lets it through.
        """
        block: Queue | None = None
        measures = reservation.measures
        for pocket in reservation.pockets:
            if pocket.gate is not None:
                if pocket.stopped:
                    raise stopped(pocket.id, pocket.stopped)
                block = block or pocket.gate
            for meter in pocket.meters:
                if now_us >= meter.end_us:
                    self.turn(meter, now_us)
                want = measures[meter.index]
                if want:
                    room = meter.most - meter.spent
                    if want > room:
                        raise refusal(meter, want)
                    if want > room - meter.reserved or (meter.waiters and meter is not own and meter.shut):
                        block = meter if block is None or meter is own else block
        return block

    def _take(self, reservation: Reservation, now_us: int, own: Queue | None) -> None:
        counts, measures = False, reservation.measures
        for pocket in reservation.pockets:
            if pocket.pace is not None and measures[0]:
                counts = True
            for meter in pocket.meters:
                want = measures[meter.index]
                if want:
                    counts = True
                    meter.reserved += want
                    if meter.waiters and meter is not own:
                        for other in meter.waiters:
                            other.passed += 1
        reservation.made_us = now_us
        self._passed(reservation, counts)

    # --- lines ----------------------------------------------------------------------------------------------

    def _join(self, reservation: Reservation, line: Queue) -> None:
        if reservation.future is None:
            reservation.future = self._loop.create_future()
        reservation.state, reservation.place = WAITING, line
        line.waiters.append(reservation)
        self._lines[line] = None
        if isinstance(line, Meter):
            self._say_lost(line)
            if line.limit.per and self._timer is None:
                self._arm()

    def leave(self, reservation: Reservation) -> None:
        """Nobody waits for it any more."""
        line = reservation.place
        if line is not None and reservation in line.waiters:
            line.waiters.remove(reservation)
            if not line.waiters:
                self._lines.pop(line, None)
            self.wake(line)

    def wake(self, line: Queue) -> None:
        """Look at a line again, in this turn of the loop's last moment."""
        if line.waiters and line not in self._dirty:
            if not self._dirty:
                self._loop.call_soon(self._drain_all, context=self._context)
            self._dirty[line] = None

    def turn(self, meter: Meter, now_us: int) -> None:
        """Begin a meter's next period."""
        meter.turn(now_us)
        self.wake(meter)

    def _drain_all(self) -> None:
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for line in dirty:
                self._drain(line)
                if not line.waiters:
                    self._lines.pop(line, None)

    def _drain(self, line: Queue) -> None:
        now_us, waiters, index = self._clock.now_us(), line.waiters, 0
        while index < len(waiters) and (index < WINDOW or not isinstance(line, Meter)):
            one = waiters[index]
            try:
                block = self.find(one, now_us, line)
            except BudgetExceeded as error:
                del waiters[index]
                self._refuse(one, error)
                continue
            if block is line:
                if one.passed >= MAX_PASSED:
                    break
                index += 1
                continue
            del waiters[index]
            if block is not None:
                self._join(one, block)
                continue
            for other in waiters[:index]:
                other.passed += 1
            one.place = None
            self._take(one, now_us, line)
        if isinstance(line, Meter):
            self._say_lost(line)

    def _refuse(self, reservation: Reservation, error: Exception) -> None:
        reservation.state, reservation.place = REFUSED, None
        future = reservation.future
        if future is not None and not future.done():
            future.set_exception(error)

    def refuse_all(self, error: Callable[[], Exception]) -> None:
        """Send everybody away."""
        for line in list(self._lines):
            waiters, line.waiters = line.waiters, []
            for one in waiters:
                self._refuse(one, error())
        if self._timer is not None:
            self._timer.cancel()

    # --- time -----------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        ends = [line.end_us for line in self.lines if isinstance(line, Meter) and line.limit.per]
        self._timer = None
        if ends:
            left_s = max(0.0, (min(ends) - self._clock.now_us()) / 1e6) + 0.001
            self._timer = self._loop.call_later(min(LOOK_S, left_s), self._look, context=self._context)

    def _look(self) -> None:
        """Periods turn for those who wait, too."""
        now_us = self._clock.now_us()
        for line in self.lines:
            if isinstance(line, Meter) and now_us >= line.end_us:
                self.turn(line, now_us)
        self._arm()

    def _say_lost(self, meter: Meter) -> None:
        if meter.lost and meter.waiters and meter.lost == meter.reserved and not meter.said:
            meter.said = True
            log.warning(
                "%d calls wait for %s of %r that lost calls hold: nobody knows what those took; they are written off "
                "when their time is over",
                len(meter.waiters),
                show(meter.limit.measure, meter.lost),
                meter.purse,
            )
