"""What runs have spent, at a glance: for a list that must be there at once while the firm works.

One rule: it gives what `firm.ledger.books` would, of some runs alone; lines are not checked here, and nothing else of
them is looked at.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from firm.errors import InternalError
from firm.ledger.books import Sum
from firm.ledger.forward import FORWARD_BOOK, Reader
from firm.ledger.line import BOOK, USED, WRITTEN_OFF, Kind, Tags
from firm.ledger.period import day_of
from firm.units.amount import NOTHING, Amount

T = TypeVar("T")


class _Usd(msgspec.Struct, array_like=True, gc=False):
    """Of an `Amount` its money."""

    usd_micro: int


class _Run(msgspec.Struct, array_like=True, gc=False):
    """Of `Tags` the run."""

    run: str = ""


class _Line(msgspec.Struct, Generic[T], array_like=True, gc=False):
    """Of a `Line` what amounts and run are in."""

    kind: int
    number: int
    of: int
    at_us: int
    made_us: int
    entries: tuple[tuple[str, T], ...]
    purses: msgspec.Raw = msgspec.Raw()
    tags: _Run | None = None


class _Open(msgspec.Struct, array_like=True):
    number: int
    made_us: int
    most: msgspec.Raw
    tags: _Run


class _Head(msgspec.Struct, array_like=True):
    upto: int
    last_us: int
    balances: msgspec.Raw
    open: list[_Open]


_money = msgspec.msgpack.Decoder(list[_Line[_Usd]]).decode
_amounts = msgspec.msgpack.Decoder(list[_Line[Amount]]).decode
_head = msgspec.msgpack.Decoder(_Head).decode
_day = msgspec.msgpack.Decoder(list[tuple[Tags, Sum]]).decode


async def spent_by(journal: Reader, runs: Sequence[str], *, since_us: int = 0) -> dict[str, int]:
    """What each run has spent with all that it has begun, in millionths of a US dollar.

    Args:
        journal: Where the ledger stands.
        runs: Ids; none of them below another.
        since_us: When the first of them began, microseconds since 1970: days before are not read.

    Raises:
        InternalError: a row cannot be read.
    """
    asked = _Asked(runs)
    await _read(journal, _money, asked.add, since_us)
    return asked.spent


async def taken_by(journal: Reader, run: str, *, since_us: int = 0) -> Amount:
    """What a run has taken with all that it has begun, written off or used.

    Args:
        journal: Where the ledger stands.
        run: Its id.
        since_us: When it began, microseconds since 1970: days before are not read.

    Raises:
        InternalError: a row cannot be read.
    """
    below, found = f"{run}/", list[Amount]()

    def add(whose: str, amount: Amount) -> None:
        if whose == run or whose.startswith(below):
            found.append(amount)

    await _read(journal, _amounts, add, since_us)
    return sum(found, NOTHING)


async def _read(
    journal: Reader,
    decode: Callable[[bytes], list[_Line[T]]],
    add: Callable[[str, T | Amount], None],
    since_us: int,
) -> None:
    """Hand on what each run has taken: sums of days that were brought forward, then lines."""
    try:
        upto, opened = 0, dict[int, str]()
        for row in await journal.rows(FORWARD_BOOK, prefix="head"):
            head = _head(row.value)
            upto, opened = head.upto, {one.number: one.tags.run for one in head.open}
        for row in await journal.rows(FORWARD_BOOK, prefix="day/"):
            if row.key >= f"day/{day_of(since_us)}":
                for tags, found in _day(row.value):
                    add(tags.run, found.used)
                    add(tags.run, found.written_off)
        for row in await journal.rows(BOOK, after=f"{upto:016d}"):
            _fold(decode(row.value), opened, add)
    except msgspec.MsgspecError as error:
        raise InternalError(f"a row of the ledger cannot be read: {error}; `firm doctor`") from error


class _Asked:
    """Sums of the runs that are asked about."""

    def __init__(self, runs: Iterable[str]) -> None:
        self.spent = dict.fromkeys(runs, 0)
        self._tops: dict[str, str] = {}

    def add(self, run: str, amount: _Usd | Amount) -> None:
        """Count in what a run has spent."""
        top = self._tops.get(run)
        if top is None:
            top = next((one for one in self.spent if run == one or run.startswith(f"{one}/")), "")
            self._tops[run] = top
        if top:
            self.spent[top] += amount.usd_micro


def _fold(lines: list[_Line[T]], opened: dict[int, str], add: Callable[[str, T], None]) -> None:
    for line in lines:
        if line.kind == Kind.RESERVE:
            opened[line.number] = line.tags.run if line.tags is not None else ""
        elif line.kind != Kind.SALE:
            for account, amount in line.entries:
                if account.startswith((USED, WRITTEN_OFF)):
                    run = line.tags.run if line.tags is not None else opened.get(line.of, "")
                    add(run, amount)
                    break
