"""The books: all lines added up.

One rule: they are a pure fold of the journal's rows; the same rows give the same books, in any process. Nothing of
them is written anywhere but as balances brought forward (`firm.ledger.forward`), from which the fold goes on.
"""

from collections.abc import Iterable

import msgspec

from firm.ledger.line import (
    LOST,
    NO_TAGS,
    OVERRUN,
    RESERVED,
    USED,
    WRITTEN_OFF,
    Kind,
    Line,
    Tags,
    measures_of,
    purses_of,
)
from firm.ledger.period import MINUTE_US, PERS, day_of, starts_of
from firm.units.amount import NOTHING, Amount
from firm.units.purse import Per

BREAKER_BOOK = "breaker"
"""Book of the purses whose breaker has tripped; key: the purse's id."""


class Open(msgspec.Struct, array_like=True):
    """A reservation that is not closed."""

    number: int
    made_us: int
    most: Amount
    tags: Tags
    purses: tuple[str, ...] = ()
    lost: str = ""
    """Why nobody knows what it took; '' while its call is under way."""


class Sum(msgspec.Struct, array_like=True):
    """What calls with the same tags took on one day."""

    used: Amount = NOTHING
    written_off: Amount = NOTHING
    """Lost and taken as spent, at the maximum."""
    saved_usd_micro: int = 0
    """What caches of providers saved."""
    overruns: int = 0
    """Calls that took more than they had reserved."""

    def add(self, other: "Sum") -> None:
        """Count another one in."""
        self.used += other.used
        self.written_off += other.written_off
        self.saved_usd_micro += other.saved_usd_micro
        self.overruns += other.overruns


class Breaker(msgspec.Struct, array_like=True, frozen=True):
    """A purse whose breaker has tripped."""

    text: str
    stopped: str = ""
    """Why the founder wants it closed for good; '' while that is open."""


class Books:
    """Balances, sums and what is open."""

    def __init__(self) -> None:
        self.last = 0
        """Number of the newest line."""
        self.last_us = 0
        """Time of the newest line, microseconds since 1970."""
        self.balances: dict[str, Amount] = {}
        """By account; they sum to zero."""
        self.open: dict[int, Open] = {}
        self.purses: dict[str, list[list[int]]] = {}
        """By purse id, in the order of `PERS`: the start of the newest period, and what was spent in it."""
        self.days: dict[str, dict[Tags, Sum]] = {}
        """By day and tags (without the place)."""
        self.breakers: dict[str, Breaker] = {}

    def spent(self, purse: str, per: Per, at_us: int) -> dict[str, int]:
        """What a purse has spent in the period around a moment that is not before its newest one, by measure."""
        index = PERS.index(per)
        start_us, *spent = self.purses.get(purse, [[0] * 6] * 6)[index]
        if start_us != starts_of(at_us)[index]:
            spent = [0] * 5
        return dict(zip(("usd_micro", "tokens", "gpu_ms", "cpu_ms", "calls"), spent, strict=True))

    def fold(self, lines: Iterable[Line]) -> None:
        """Add lines, in the order in which they were committed."""
        recent: dict[tuple[int, str], list[int]] = {}
        for line in lines:
            self.last, self.last_us = max(self.last, line.number), max(self.last_us, line.at_us)
            for account, amount in line.entries:
                self.balances[account] = self.balances.get(account, NOTHING) + amount
            if line.kind == Kind.RESERVE:
                self._reserve(line)
            elif line.kind != Kind.SALE:
                self._close(line, recent)
        self._spend(recent)

    def _reserve(self, line: Line) -> None:
        most = next((amount for account, amount in line.entries if account == RESERVED), NOTHING)
        self.open[line.number] = Open(line.number, line.made_us, most, line.tags or NO_TAGS, line.purses)

    def _close(self, line: Line, recent: dict[tuple[int, str], list[int]]) -> None:
        if line.kind == Kind.LOSE:
            if line.of in self.open:
                self.open[line.of].lost = line.note or LOST
            return
        opened = self.open.pop(line.of, None)
        taken = _taken(line)
        if taken is None:
            return
        tags, purses = line.tags or NO_TAGS, line.purses
        if opened is not None:
            tags, purses = opened.tags, opened.purses
        self._count(line, tags, taken)
        measures = measures_of(taken)
        minute = line.made_us // MINUTE_US
        for purse in purses_of(tags, purses):
            spent = recent.get((minute, purse))
            if spent is None:
                recent[minute, purse] = list(measures)
            else:
                for index, value in enumerate(measures):
                    spent[index] += value

    def _count(self, line: Line, tags: Tags, taken: Amount) -> None:
        day = self.days.setdefault(day_of(line.made_us), {})
        key = Tags(
            tags.run,
            0,
            tags.agent,
            tags.unit,
            tags.goal,
            tags.name,
            tags.operation,
            tags.host,
            tags.price_date,
        )
        found = day.get(key)
        if found is None:
            found = day[key] = Sum()
        if line.kind == Kind.WRITE_OFF:
            found.written_off += taken
        else:
            found.used += taken
            found.saved_usd_micro += line.saved_usd_micro
            found.overruns += line.note == OVERRUN

    def _spend(self, recent: dict[tuple[int, str], list[int]]) -> None:
        for (minute, purse), spent in recent.items():
            starts = starts_of(minute * MINUTE_US)
            rows = self.purses.get(purse)
            if rows is None:
                rows = self.purses[purse] = [[start, 0, 0, 0, 0, 0] for start in starts]
            for row, start in zip(rows, starts, strict=True):
                if row[0] == start:
                    for index, value in enumerate(spent, 1):
                        row[index] += value
                elif row[0] < start:
                    row[:] = [start, *spent]


def _taken(line: Line) -> Amount | None:
    """What a line charges; None: nothing."""
    for account, amount in line.entries:
        if account.startswith((USED, WRITTEN_OFF)):
            return amount
    return None
