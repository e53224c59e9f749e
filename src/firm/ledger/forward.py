"""Balances brought forward: the books up to a line, so that nobody has to read all lines again.

One rule: they are the fold of the lines up to `upto`, nothing else; throw them away and the lines give them back.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from firm.errors import InternalError
from firm.kernel.journal import Row
from firm.ledger.books import BREAKER_BOOK, Books, Breaker, Open, Sum
from firm.ledger.line import BOOK, Line, Tags, lines_of
from firm.units.amount import Amount

FORWARD_BOOK = "ledger-books"
"""Keys: 'head'; 'day/DATE'; 'purse/ID'."""
PAGE = 2000
"""Rows that are read at one time."""
_T = TypeVar("_T")


class Reader(Protocol):
    """What is needed of a journal."""

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Sequence[Row]:
        """Rows of a book by key."""
        ...


class Head(msgspec.Struct, array_like=True):
    """The part that is always read."""

    upto: int
    """The fold of all lines up to this number; no line with a lower one will ever come."""
    last_us: int
    balances: dict[str, Amount]
    open: list[Open]


_encode = msgspec.msgpack.Encoder().encode
_head = msgspec.msgpack.Decoder(Head).decode
_purse = msgspec.msgpack.Decoder(list[list[int]]).decode
_day = msgspec.msgpack.Decoder(list[tuple[Tags, Sum]]).decode
_breaker = msgspec.msgpack.Decoder(Breaker).decode


async def books_of(journal: Reader, *, days: bool = True) -> Books:
    """The books as the journal has them now.

    Args:
        days: Read the sums of earlier days too; the ledger itself does without.

    Raises:
        InternalError: a row cannot be read, or does not balance.
        JournalError: the journal cannot be read.
    """
    books = await brought_forward(journal, days=days)
    after = f"{books.last:016d}"
    while rows := await journal.rows(BOOK, after=after, limit=PAGE):
        books.fold([line for row in rows for line in lines_of(row)])
        after = rows[-1].key
    for row in await journal.rows(BREAKER_BOOK):
        if row.value:
            books.breakers[row.key] = _read(_breaker, row)
    return books


async def brought_forward(journal: Reader, *, days: bool = True) -> Books:
    """The books up to the line to which they were brought forward; empty ones where that was never done."""
    books = Books()
    for row in await journal.rows(FORWARD_BOOK, prefix="head"):
        head: Head = _read(_head, row)
        books.last, books.last_us, books.balances = head.upto, head.last_us, head.balances
        books.open = {one.number: one for one in head.open}
    for row in await journal.rows(FORWARD_BOOK, prefix="purse/"):
        books.purses[row.key.removeprefix("purse/")] = _read(_purse, row)
    for row in await journal.rows(FORWARD_BOOK, prefix="day/") if days else ():
        books.days[row.key.removeprefix("day/")] = dict(_read(_day, row))
    return books


async def bring_forward(journal: Reader, *, final: int) -> list[Row]:
    """Rows that bring the books forward, to be written in one transaction; none where nothing is new.

    Only lines after which nothing is missing are taken in: a line of a step comes with the step's outcome, so a
    higher number may be on disk before it.

    Args:
        final: No line up to this number will come any more: what is missing there was cut off by a crash.
    """
    books = await brought_forward(journal)
    before = {row.key: row.value for row in _rows(books)}
    upto, after = books.last, f"{books.last:016d}"
    while rows := await journal.rows(BOOK, after=after, limit=PAGE):
        found, upto = _gapless([lines_of(row) for row in rows], upto, final)
        books.fold(found)
        if upto < int(rows[-1].key):
            break
        after = rows[-1].key
    return [row for row in _rows(books) if before.get(row.key) != row.value]


def _gapless(rows: list[list[Line]], upto: int, final: int) -> tuple[list[Line], int]:
    """Lines of the first rows between which nothing can be missing, and the last number of them."""
    found: list[Line] = []
    for lines in rows:
        if lines[0].number > max(upto, final) + 1:
            break
        found += lines
        upto = lines[-1].number
    return found, upto


def _rows(books: Books) -> list[Row]:
    """The books as rows."""
    head = Head(books.last, books.last_us, books.balances, list(books.open.values()))
    found = [Row(FORWARD_BOOK, "head", _encode(head))]
    found += [Row(FORWARD_BOOK, f"purse/{id}", _encode(spent)) for id, spent in books.purses.items()]
    found += [
        Row(FORWARD_BOOK, f"day/{day}", _encode(list(sums.items()))) for day, sums in books.days.items()
    ]
    return found


def breaker_row(purse: str, breaker: Breaker | None) -> Row:
    """A breaker that has tripped, or (None) is cleared."""
    return Row(BREAKER_BOOK, purse, b"" if breaker is None else _encode(breaker))


def _read(decode: Callable[[bytes], _T], row: Row) -> _T:
    try:
        return decode(row.value)
    except msgspec.MsgspecError as error:
        raise InternalError(f"row {row.key!r} of the book {row.book!r} cannot be read: {error}") from error
