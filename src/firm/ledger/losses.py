"""Reservations of which nobody knows what they took.

One rule: they stay reserved until their time is over; then a rule, not a guess, says what they took.
"""

from collections.abc import Callable

from firm.ledger import entries
from firm.ledger.clock import LedgerClock
from firm.ledger.line import LOST, Measures
from firm.ledger.pen import Pen
from firm.ledger.reservation import IS_LOST, WRITTEN_OFF, Reservation

LOOK_S = 60.0
"""Longest time between two looks at the clock while something is lost."""


class Losses:
    """What is lost and not yet written off.

    Args:
        after_us: A reservation is written off so long after it was made.
        spent: It is then taken as spent, at its maximum; else as nothing.
        release: Gives back what a reservation holds and counts what it took.
    """

    def __init__(
        self,
        pen: Pen,
        clock: LedgerClock,
        *,
        after_us: int,
        spent: bool,
        release: Callable[[Reservation, Measures | None], bool],
    ) -> None:
        self._pen, self._clock = pen, clock
        self._after_us, self._spent, self._release = after_us, spent, release
        self._lost: dict[int, Reservation] = {}
        """By number."""
        self._at: dict[tuple[str, int], Reservation] = {}
        """Those of calls in runs, by run and place: the newest."""
        self._timer_armed = False

    def add(self, one: Reservation, why: str) -> None:
        """It is lost from now on. Nothing of a step's outcome hangs on that, so it is written at once."""
        one.state = IS_LOST
        if one.account != LOST:
            self._pen.together(entries.loss(one, why, self._clock.now_us()), one)
            one.account = LOST
        self._lost[one.number] = one
        if one.tags.run:
            self._at[one.tags.run, one.tags.place] = one
        if not self._timer_armed:
            self._timer_armed = True
            self._pen.loop.call_soon(self._look, context=self._pen.context)

    def find(self, number: int) -> Reservation | None:
        """A lost reservation by its number; it is lost no more."""
        found = self._lost.get(number)
        if found is not None:
            self._drop(found)
        return found

    def find_at(self, run: str, place: int) -> Reservation | None:
        """The newest one that was lost at this place of a run; it stays lost."""
        return self._at.get((run, place))

    def _drop(self, one: Reservation) -> None:
        del self._lost[one.number]
        at = (one.tags.run, one.tags.place)
        if self._at.get(at) is one:
            del self._at[at]

    def stop(self) -> None:
        """Write nothing off any more."""
        self._lost.clear()
        self._at.clear()

    def _look(self) -> None:
        now_us = self._clock.now_us()
        for one in [one for one in self._lost.values() if one.made_us + self._after_us <= now_us]:
            self._drop(one)
            one.state = WRITTEN_OFF
            self._release(one, one.measures if self._spent else None)
            self._pen.together(entries.write_off(one, now_us, spent=self._spent), one)
        self._timer_armed = bool(self._lost)
        if self._lost:
            next_us = min(one.made_us for one in self._lost.values()) + self._after_us
            left_s = min(LOOK_S, (next_us - now_us) / 1e6)
            self._pen.loop.call_later(left_s, self._look, context=self._pen.context)
