"""The ledger: what may be spent, decided before it is spent.

One rule: for each limit of each purse, spent + reserved never passes the cap, at no commit; what a call takes above
its reservation is the only exception, and is booked and said. Prices, rules and models are for others.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from firm.errors import UsageError
from firm.ledger import entries
from firm.ledger.books import Books, Breaker
from firm.ledger.clock import LedgerClock, boot_us
from firm.ledger.forward import Reader, breaker_row, bring_forward
from firm.ledger.line import LOST, NO_TAGS, Measures, Tags, measures_of
from firm.ledger.losses import Losses
from firm.ledger.pen import Keeper, Pen
from firm.ledger.pocket import Pocket, Queue, weigh
from firm.ledger.pockets import Pockets
from firm.ledger.refusal import show
from firm.ledger.reservation import HELD, REFUSED, SETTLED, VOIDED, WAITING, Reservation
from firm.ledger.turnstile import Turnstile
from firm.ledger.view import PurseView, view_of
from firm.units.amount import MAX_USD, Amount
from firm.units.purse import Purse

MAX_MEASURE = 10**15
"""Largest amount that is believed to be meant, in any measure."""
LOST_AFTER_S = 900.0
CRASHED = "its process ended before it was known what the call took"
log = logging.getLogger("firm")


class Ledger:
    """What may be spent in a firm. Made and used on one running event loop.

    Args:
        keeper: Writes rows into the journal.
        books: What the journal has so far (`books_of`). Reservations that are open there belong to nobody any
            more: they are lost.
        firm: The purse of the whole firm; every call counts against it. Its id is 'firm'.
        purses: The founder's purses of units, agents and goals, by id.
        now_us: The wall clock.
        boot_us: A clock that nobody can set, microseconds.
        lost_after_s: A lost reservation is written off so many seconds after it was made, at least 0.
        lost: What that takes it for: 'spent', at its maximum, or 'free'.
        usd_per_minute: Purse id ('agent/': each agent) -> above so much within 60 s the purse is closed.
        on_trip: Told of a purse that was closed by that, and why.

    Raises:
        UsageError: a purse or a setting that makes no sense.
    """

    def __init__(
        self,
        keeper: Keeper,
        books: Books,
        *,
        firm: Purse,
        now_us: Callable[[], int],
        purses: Mapping[str, Purse] | None = None,
        boot_us: Callable[[], int] = boot_us,
        lost_after_s: float = LOST_AFTER_S,
        lost: Literal["spent", "free"] = "spent",
        usd_per_minute: Mapping[str, float] | None = None,
        on_trip: Callable[[str, str], None] | None = None,
    ) -> None:
        founders = _checked(firm, purses or {})
        if not 0 <= lost_after_s <= MAX_USD or lost not in ("spent", "free"):
            raise UsageError(
                f"lost_after_s={lost_after_s!r}, lost={lost!r}: give seconds, and 'spent' or 'free'"
            )
        self._clock = LedgerClock(now_us, boot_us, last_us=books.last_us)
        self._turnstile = Turnstile(self._clock, self._let_through)
        self._pockets = Pockets(
            books, founders, usd_per_minute=usd_per_minute or {}, wake=self._turnstile.wake
        )
        self._pen = Pen(keeper, books.last)
        self._losses = Losses(
            self._pen,
            self._clock,
            after_us=int(lost_after_s * 1e6),
            spent=lost == "spent",
            release=self._release,
        )
        self._final = books.last
        self._on_trip = on_trip
        self._paced = bool(usd_per_minute)
        self._held: dict[Reservation, None] = {}
        self._closed = False
        self._take_over(books)

    # --- reserve --------------------------------------------------------------------------------------------

    async def reserve(self, most: Amount, purses: Sequence[Purse] = (), tags: Tags = NO_TAGS) -> Reservation:
        """Hold what a call may take at most, waiting in line where others hold it; durable on return.

        What no limit concerns is held without a line in the journal; its settlement is written all the same.

        Args:
            most: The possible maximum; each field 0 to 10^15.
            purses: What it counts against besides the firm's purse and the founder's of its tags. A purse that
                stands twice counts once, with the limits of both.
            tags: What it is filed under.

        Raises:
            BudgetExceeded: spent and its own maximum pass a limit, or the founder has closed a purse.
            UsageError: a maximum that makes no sense, or the firm is closed.
            JournalError: it could not be written; it holds nothing.
        """
        reservation = Reservation(self, most, tags, tuple([purse.id for purse in purses]) if purses else ())
        _check(reservation.measures, most, "most")
        if self._closed:
            raise UsageError("the firm is closed; open it again")
        now_us = self._clock.now_us()
        reservation.pockets = self._pockets.route(tags, purses, now_us, self._held)
        self._turnstile.enter(reservation, now_us)
        if reservation.future is not None:
            try:
                await reservation.future
            except BaseException:
                self._abandon(reservation)
                raise
        return reservation

    def _let_through(self, reservation: Reservation, counts: bool) -> None:
        """Its money is taken; where a limit concerns it, whoever waits for it is told after the commit."""
        reservation.state = HELD
        future = reservation.future
        if counts:
            self._held[reservation] = None
            if future is None:
                reservation.future = self._pen.loop.create_future()
            self._pen.together(entries.opening(reservation), reservation)
        elif future is not None and not future.done():
            future.set_result(None)

    def _abandon(self, reservation: Reservation) -> None:
        """Whoever wanted it is gone, or it could not be written; it may be on disk all the same."""
        if reservation.state == WAITING:
            reservation.state = REFUSED
            self._turnstile.leave(reservation)
        elif reservation in self._held:
            self._release(reservation, None)
            reservation.state = VOIDED
            self._pen.together(entries.void(reservation, self._clock.now_us()), reservation)

    def reopen(self, number: int) -> Reservation | None:
        """A reservation that an earlier process made and that is not closed yet, to be settled after all.

        Returns:
            None if it is closed, written off, or was never made: reserve anew.
        """
        reservation = self._losses.find(number)
        if reservation is not None:
            reservation.state = HELD
        return reservation

    def reopen_at(self, most: Amount, purses: Sequence[Purse], tags: Tags) -> Reservation | None:
        """The same reservation as an earlier process made it at this place of this run, to be held on.

        Only for a step that does nothing but reserve: as it is made again, nothing was done with the first one.

        Returns:
            None if there is none with this maximum and these purses: reserve anew.
        """
        found = self._losses.find_at(tags.run, tags.place)
        if found is None or found.most != most or found.purses != tuple([purse.id for purse in purses]):
            return None
        return self.reopen(found.number)

    # --- close (the methods of `Reservation`) ---------------------------------------------------------------

    def settle(self, reservation: Reservation, used: Amount, saved_usd_micro: int = 0) -> None:
        """See `Reservation.settle`."""
        measures = measures_of(used)
        _check(measures, used, "used")
        reservation.check_open("settle()")
        reservation.state = SETTLED
        written, now_us = reservation in self._held, self._clock.now_us()
        over = self._release(reservation, measures)
        if written:
            line = entries.settlement(reservation, used, now_us, saved_usd_micro=saved_usd_micro, over=over)
            self._pen.close(line, reservation)
        else:
            line = entries.unreserved(reservation, used, now_us, saved_usd_micro=saved_usd_micro)
            self._pen.close(line, None)
        self._watch(reservation, measures[0], now_us)

    def void(self, reservation: Reservation) -> None:
        """See `Reservation.void`."""
        reservation.check_open("void()")
        reservation.state = VOIDED
        if reservation in self._held:
            self._release(reservation, None)
            self._pen.close(entries.void(reservation, self._clock.now_us()), reservation)

    def lose(self, reservation: Reservation, why: str) -> None:
        """See `Reservation.lose`."""
        reservation.check_open("lose()")
        if reservation not in self._held:  # no limit concerns it: there is nothing to write off
            reservation.state = VOIDED
            return
        if reservation.account != LOST:
            for pocket in reservation.pockets:
                for meter in pocket.meters:
                    if meter.start_us <= reservation.made_us:
                        meter.lost += reservation.measures[meter.index]
        self._losses.add(reservation, why)
        self._watch(reservation, reservation.measures[0], self._clock.now_us())

    def _release(self, reservation: Reservation, used: Measures | None) -> bool:
        """Give back what it holds and count what it took; whether a limited measure took more than was held."""
        self._held.pop(reservation, None)
        over, made_us, most = False, reservation.made_us, reservation.measures
        lost, wake = reservation.account == LOST, self._turnstile.wake
        for pocket in reservation.pockets:
            if used is not None:
                pocket.count(used)
            for meter in pocket.meters:
                index = meter.index
                if meter.start_us <= made_us:
                    meter.reserved -= most[index]
                    if lost:
                        meter.lost -= most[index]
                    if used is not None:
                        meter.spent += used[index]
                        if used[index] > most[index]:
                            over = True
                            _say_overrun(reservation, meter.limit.measure, used[index], most[index])
                if meter.waiters:
                    wake(meter)
        return over

    def _take_over(self, books: Books) -> None:
        """What is open in the books belongs to nobody: the process that held it is gone."""
        now_us = self._clock.now_us()
        for one in books.open.values():
            reservation = Reservation(self, one.most, one.tags, one.purses)
            reservation.number, reservation.made_us = one.number, one.made_us
            reservation.pockets = self._pockets.named(one.tags, one.purses, now_us)
            if one.lost:
                reservation.account = LOST
            self._losses.add(reservation, CRASHED)
            self._held[reservation] = None
            for pocket in reservation.pockets:
                for meter in pocket.meters:
                    weigh(meter, reservation)

    # --- the breaker ----------------------------------------------------------------------------------------

    def _watch(self, reservation: Reservation, usd_micro: int, now_us: int) -> None:
        if not usd_micro or not self._paced:
            return
        for pocket in reservation.pockets:
            pace = pocket.pace
            if pace is not None and pace.add(usd_micro, now_us) and pocket.gate is None:
                self._trip(pocket)

    def _trip(self, pocket: Pocket) -> None:
        assert pocket.pace is not None
        pocket.gate = Queue()
        pocket.closed = (
            f"{pocket.id!r} spent {show('usd_micro', pocket.pace.sum_micro)} within 60 s, more than the "
            f"{show('usd_micro', pocket.pace.most_micro)} that are allowed; its calls wait"
        )
        log.warning("%s", pocket.closed)
        self._pen.row(breaker_row(pocket.id, Breaker(pocket.closed)))
        for meter in pocket.meters:
            self._turnstile.wake(meter)
        if self._on_trip is not None:
            self._pen.loop.call_soon(self._on_trip, pocket.id, pocket.closed, context=self._pen.context)

    def clear(self, purse_id: str, *, go_on: bool) -> bool:
        """What the founder says to a purse whose breaker has tripped; False if it has not.

        Args:
            go_on: Let its calls through again; else those that wait, and all that come, are refused.
        """
        pocket = self._pockets.at(purse_id, self._clock.now_us())
        gate = pocket.gate
        if gate is None:
            return False
        if go_on:
            pocket.gate, pocket.closed, pocket.stopped = None, "", ""
            if pocket.pace is not None:
                pocket.pace.forget()
            self._pen.row(breaker_row(purse_id, None))
        else:
            pocket.stopped = f"{pocket.closed}; the founder has stopped it"
            self._pen.row(breaker_row(purse_id, Breaker(pocket.closed, pocket.stopped)))
        self._turnstile.wake(gate)
        return True

    @property
    def last(self) -> int:
        """Number of the newest line."""
        return self._pen.last

    # --- the rest -------------------------------------------------------------------------------------------

    def view(self, purse_id: str | None = None) -> list[PurseView]:
        """How each purse stands that is known here (or the one of this id), the firm's first."""
        now_us = self._clock.now_us()
        pockets = [self._pockets.at("firm", now_us), *self._pockets.known.values()]
        return [
            view_of(pocket, now_us)
            for pocket in dict.fromkeys(pockets)
            if purse_id is None or pocket.id == purse_id
        ]

    def bill(self, customer: str, usd_micro: int, note: str) -> None:
        """Write down that a customer owes so much: at least 0, in millionths of a US dollar."""
        amount = Amount(usd_micro)
        _check(measures_of(amount), amount, "bill")
        self._pen.together(entries.sale(customer, amount, self._clock.now_us(), note))

    async def bring_forward(self, journal: Reader) -> int:
        """Write the books' balances, so that opening need not read all lines; how many rows were new."""
        rows = await bring_forward(journal, final=self._final)
        if rows:
            await self._pen.commit(*rows)
        return len(rows)

    async def close(self) -> None:
        """Hand all lines to the journal, send away who waits, take nothing more. Twice is fine."""
        self._closed = True
        self._turnstile.refuse_all(lambda: UsageError("the firm was closed while this call waited in line"))
        self._losses.stop()
        await self._pen.written()


def _check(measures: Measures, amount: Amount, what: str) -> None:
    signs = amount.input | amount.cache_read | amount.cache_write | amount.output | amount.reasoning
    if min(measures) < 0 or max(measures) > MAX_MEASURE or signs < 0:
        raise UsageError(f"{what}={amount!r}: each field is a whole number from 0 to {MAX_MEASURE:,}")


def _checked(firm: Purse, purses: Mapping[str, Purse]) -> list[Purse]:
    for id, purse in {"firm": firm, **purses}.items():
        if purse.id != id:
            raise UsageError(f"purse {purse.id!r} stands under the id {id!r}; give it under its own")
        for limit in purse.limits:
            if not 0 <= limit.most <= MAX_MEASURE:
                raise UsageError(f"purse {id!r}: limit {limit!r} is not between 0 and {MAX_MEASURE:,}")
    return [firm, *purses.values()]


def _say_overrun(reservation: Reservation, measure: str, used: int, most: int) -> None:
    log.warning(
        "%r took %s, reserved were %s: the difference is booked",
        reservation.tags.name,
        show(measure, used),
        show(measure, most),
    )
