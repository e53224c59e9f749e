"""Money of calls that are made in a process which does not own the home.

One rule: the owner's ledger decides; a visitor's call is made only after its reservation is on disk, and what became
of it is told once. Where nobody owns the home, a clerk keeps the ledger for that moment.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from firm.errors import PolicyDenied
from firm.kernel.journal import Row
from firm.ledger.ledger import Ledger
from firm.ledger.line import Tags
from firm.ledger.reservation import Reservation
from firm.root.stopping import check_not_stopped
from firm.store.sqlite import SqliteJournal
from firm.units.amount import NOTHING, Amount
from firm.units.purse import Purse

BOOK = "paying"
"""The journal's book of visitors' reservations: request id -> number in the ledger (0: none) and what was wanted."""
log = logging.getLogger("firm")


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """Value of a request "reserve"."""

    most: Amount
    purses: tuple[Purse, ...]
    tags: Tags


class Closed(msgspec.Struct, frozen=True, array_like=True):
    """Value of a request "close"; its target is the request that reserved."""

    how: Literal["settle", "void", "lose"]
    used: Amount = NOTHING
    saved_usd_micro: int = 0
    why: str = ""


_wanted = msgspec.msgpack.Decoder(Wanted).decode
_closed = msgspec.msgpack.Decoder(Closed).decode
_kept = msgspec.msgpack.Decoder(tuple[int, bytes]).decode


class RemoteTicket:
    """A visitor's reservation: what becomes of it is put into the spool."""

    def __init__(self, reserved_by: str, tell: Callable[[str, bytes], None]) -> None:
        self._id, self._tell = reserved_by, tell
        self.number = 0
        """The owner knows it."""

    def settle(self, used: Amount, saved_usd_micro: int = 0) -> None:
        """It took so much."""
        self._close(Closed("settle", used, saved_usd_micro))

    def void(self) -> None:
        """It surely took nothing."""
        self._close(Closed("void"))

    def lose(self, why: str) -> None:
        """Nobody knows what it took."""
        self._close(Closed("lose", why=why))

    def _close(self, closed: Closed) -> None:
        self._tell(self._id, msgspec.msgpack.encode(closed))


def wanted(most: Amount, purses: Sequence[Purse], tags: Tags) -> bytes:
    """Value of a request "reserve"."""
    return msgspec.msgpack.encode(Wanted(most, tuple(purses), tags))


class Counter:
    """Takes in what visitors reserve and close."""

    def __init__(self, ledger: Ledger, journal: SqliteJournal) -> None:
        self._ledger, self._journal = ledger, journal
        self._open: dict[str, Reservation] = {}

    async def reserve(self, id: str, value: bytes, stopped: Callable[[], frozenset[str]]) -> Row:
        """Hold what a visitor's call may take; the row that says so.

        Args:
            id: Of the request.
            value: What is wanted.
            stopped: Agents that are stopped, as it is when asked: the visitor may not know of them yet.

        Raises:
            BudgetExceeded: there is no room for it.
            PolicyDenied: it was stopped, before or while it waited in line.
        """
        asked = _wanted(value)
        reservation = await self._ledger.reserve(asked.most, asked.purses, asked.tags)
        try:
            check_not_stopped(stopped(), asked.tags.agent)
        except PolicyDenied:
            reservation.void()
            raise
        self._open[id] = reservation
        return Row(BOOK, id, msgspec.msgpack.encode((reservation.number, value)))

    async def close(self, id: str, value: bytes) -> None:
        """It is known what became of that call; a second word about it is passed over."""
        reservation = self._open.pop(id, None) or await self._found(id)
        if reservation is None:
            log.warning("what call %s took is not booked: its reservation was closed before", id)
            return
        closed = _closed(value)
        if closed.how == "settle":
            reservation.settle(closed.used, closed.saved_usd_micro)
        elif closed.how == "void":
            reservation.void()
        else:
            reservation.lose(closed.why)

    async def _found(self, id: str) -> Reservation | None:
        """A reservation that an earlier owner made; where no limit concerned it, it is made anew."""
        rows = await self._journal.rows(BOOK, prefix=id)
        if not rows:
            return None
        number, value = _kept(rows[0].value)
        if number:
            return self._ledger.reopen(number)
        asked = _wanted(value)
        return await self._ledger.reserve(asked.most, asked.purses, asked.tags)
