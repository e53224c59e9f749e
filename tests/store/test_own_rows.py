"""Rows that belong to one run go with its history; others stay."""

import asyncio
from typing import Any

import pytest

from firm.errors import UsageError
from firm.ids import check_id
from firm.kernel.journal import Row, own_key
from firm.store import reading
from firm.store.sqlite import SqliteJournal

from .test_scale import Watch


async def end_with_rows(journal: SqliteJournal, pen: Any, run: str, rows: list[Row]) -> None:
    """A run that has begun and ended, and wrote these rows."""
    await pen.begin(journal, run)
    await journal.append([], rows)
    await journal.append(*pen.ended(run))


def test_gc_drops_the_rows_of_a_run_and_those_of_no_other(journal: SqliteJournal, pen: Any) -> None:
    async def story() -> None:
        await journal.join("w", lease_s=None)
        mine = [
            Row(book, own_key("a", f"{number}"), b"x" * 500) for book in ("x", "y") for number in range(3)
        ]
        others = [
            Row("x", own_key("a/1", "1"), b"a child's"),
            Row("x", own_key("a b", "1"), b"of a run with a longer name"),
            Row("x", "a", b"of nobody"),
            Row("z", "b", b"of nobody"),
        ]
        await end_with_rows(journal, pen, "a", mine + others)
        gone = await journal.gc(older_than_us=99)
        assert (gone.runs, gone.events) == (1, 2)
        assert 2900 < gone.bytes < 3100
        left = [row for book in "xyz" for row in await journal.rows(book)]
        assert sorted(left, key=lambda row: row.value) == sorted(others, key=lambda row: row.value)
        assert journal.verify() == 2

    asyncio.run(story())


def test_gc_takes_many_rows_in_pieces(
    journal: SqliteJournal, pen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firm.store.retention._ROWS_AT_ONCE", 2)

    async def story() -> None:
        await journal.join("w", lease_s=None)
        rows = [Row(book, own_key("a", f"{number}"), b"") for book in ("x", "y") for number in range(5)]
        await end_with_rows(journal, pen, "a", rows)
        before = journal.writer.head.commits
        assert (await journal.gc(older_than_us=99)).runs == 1
        assert journal.writer.head.commits - before > 5, "a transaction for each piece"
        assert [*await journal.rows("x"), *await journal.rows("y")] == []

    asyncio.run(story())


def test_rows_of_a_run_that_lives_stay(journal: SqliteJournal, pen: Any) -> None:
    async def story() -> None:
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([], [Row("x", own_key("a"), b"")])
        assert (await journal.gc(older_than_us=99)).runs == 0
        assert await journal.rows("x") == [Row("x", own_key("a"), b"")]

    asyncio.run(story())


def test_dropped_bytes_are_not_in_the_file_any_more(open_: Any, pen: Any) -> None:
    journal = open_()
    secret = b"never to be seen again" * 3

    async def story() -> None:
        await journal.join("w", lease_s=None)
        await end_with_rows(journal, pen, "a", [Row("x", own_key("a"), secret)])
        await journal.gc(older_than_us=99)

    asyncio.run(story())
    path = journal.path
    journal.writer.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.close()
    assert secret not in path.read_bytes()


def test_no_book_is_read_from_end_to_end_for_its_name(open_: Any) -> None:
    journal = open_(None)
    asyncio.run(journal.append([], [Row(book, f"{key}", b"") for book in "cab" for key in range(50)]))
    watch = Watch(journal.reader)
    assert reading.books(watch) == ["a", "b", "c"]  # type: ignore[arg-type]
    assert all(step.startswith("SEARCH") for plan in watch.plans.values() for step in plan), watch.plans


def test_an_id_of_a_run_cannot_reach_into_the_rows_of_another() -> None:
    assert own_key("a", "b") == "a\tb"
    with pytest.raises(UsageError, match="unprintable"):
        check_id("a\tb")
