"""What runs have spent at a glance is what the books say."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firm.kernel.journal import Row
from firm.ledger.books import Books
from firm.ledger.entries import loss, opening, sale, settlement, unreserved, void, write_off
from firm.ledger.forward import books_of, bring_forward
from firm.ledger.glance import spent_by
from firm.ledger.line import BOOK, Line, Tags, row_of
from firm.ledger.reservation import Reservation
from firm.units.amount import Amount

NOW_US = 1_790_000_000_000_000
DAY_US = 86_400 * 1_000_000
RUNS = ("wing", "wing/1", "wing/1/2", "wing-2", "law/3", "law", "")
ENDS = ("open", "settled", "void", "lost", "written off", "forgiven", "unreserved", "sold")


class Kept:
    """Rows in memory."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], bytes] = {}

    def put(self, rows: list[Row]) -> None:
        self.found |= {(row.book, row.key): row.value for row in rows}

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        mine = [Row(one, key, value) for (one, key), value in sorted(self.found.items()) if one == book]
        return [row for row in mine if row.key.startswith(prefix) and row.key > after][:limit]


def lines_of_call(run: str, end: str, usd_micro: int, at_us: int) -> list[Line]:
    """The lines of one call, numbered from 1."""
    used = Amount(usd_micro=usd_micro, calls=1)
    ledger: Any = None
    one = Reservation(ledger, Amount(usd_micro=usd_micro + 5, calls=1), Tags(run=run, host="h"), ())
    one.made_us = at_us
    if end == "unreserved":
        return [unreserved(one, used, at_us, saved_usd_micro=0)]
    if end == "sold":
        return [sale("ada", used, at_us, "")]
    lines = [opening(one)]
    if end == "settled":
        lines.append(settlement(one, used, at_us, saved_usd_micro=0, over=False))
    if end == "void":
        lines.append(void(one, at_us))
    if end in ("lost", "written off", "forgiven"):
        lines.append(loss(one, "?", at_us))
        one.account = "lost"
    if end in ("written off", "forgiven"):
        lines.append(write_off(one, at_us, spent=end == "written off"))
    return lines


CALLS = st.lists(
    st.tuples(st.sampled_from(RUNS), st.sampled_from(ENDS), st.integers(0, 1000), st.integers(0, 3)),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(calls=CALLS, forward=st.integers(0, 30))
def test_a_glance_gives_what_the_books_say(calls: list[tuple[str, str, int, int]], forward: int) -> None:
    async def main() -> None:
        journal, number = Kept(), 0
        for count, (run, end, usd_micro, day) in enumerate(calls):
            lines = lines_of_call(run, end, usd_micro, NOW_US + day * DAY_US)
            first = number + 1
            for line in lines:
                number += 1
                line.number = number
                line.of = 0 if end in ("unreserved", "sold") else first
            journal.put([row_of(lines)])
            if count == forward:
                journal.put(await bring_forward(journal, final=number))
        found = await spent_by(journal, ["wing", "law"], since_us=NOW_US)
        books = await books_of(journal)
        assert found == {"wing": by_books(books, "wing"), "law": by_books(books, "law")}

    asyncio.run(main())


def by_books(books: Books, run: str) -> int:
    """The same out of the books."""
    return sum(
        took.used.usd_micro + took.written_off.usd_micro
        for day in books.days.values()
        for tags, took in day.items()
        if tags.run == run or tags.run.startswith(f"{run}/")
    )


def test_days_before_it_began_are_not_read() -> None:
    async def main() -> None:
        journal = Kept()
        (line,) = lines_of_call("wing", "unreserved", 7, NOW_US)
        line.number = 1
        journal.put([row_of([line])])
        journal.put(await bring_forward(journal, final=1))
        assert await spent_by(journal, ["wing"], since_us=NOW_US) == {"wing": 7}
        assert await spent_by(journal, ["wing"], since_us=NOW_US + 2 * DAY_US) == {"wing": 0}
        assert (BOOK, f"{1:016d}") in journal.found

    asyncio.run(main())
