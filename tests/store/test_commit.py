"""Commits that raise, are cancelled, or do not fit: what took effect is known, and nothing is half there."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from firm.errors import DiskFull, JournalError
from firm.kernel.journal import MAX_INLINE_BYTES, Answer, Kind, Refused, Row
from firm.store.ballast import BALLAST_BYTES


class Fault:
    """Makes the next commits of a journal raise, before or after the real one."""

    def __init__(self, journal, *, after, times=1, error=None):
        self.journal, self.real, self.after, self.times = journal, journal.writer.commit, after, times
        self.error = error or sqlite3.OperationalError("disk I/O error")
        journal.writer.commit = self

    def __call__(self):
        if self.times == 0:
            return self.real()
        self.times -= 1
        if self.after:
            self.real()
        raise self.error


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_commit_that_raises_tells_whether_it_landed(journal, pen, after):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        lost = pen.event("a")
        Fault(journal, after=after)
        with pytest.raises(JournalError, match="disk I/O error"):
            await journal.append([lost], [Row("book", "k", b"v")])
        assert await journal.landed([lost], [Row("book", "k", b"v")]) == (Refused() if after else None)
        assert (await journal.read("a"))[1:] == ([lost] if after else [])
        if not after:
            assert await journal.landed([lost]) is None
            await journal.append([lost], [Row("book", "k", b"v")])
        await journal.append([pen.event("a"), pen.event("b")], [])
        assert [event.seq for event in await journal.read("a")] == [0, 1, 2]
        assert journal.verify() == 5 and journal.audit() == []

    asyncio.run(story())


def test_what_landed_also_tells_what_it_refused(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        stale, good = pen.event("a", epoch=7), pen.event("b")
        answer = Answer("q", b"", "sam", 9)
        Fault(journal, after=True)
        with pytest.raises(JournalError):
            await journal.append([stale, good], [answer])
        assert await journal.landed([stale, good], [answer]) == Refused(frozenset({"a"}), frozenset({"q"}))

    asyncio.run(story())


def test_another_append_does_not_make_a_lost_one_look_landed(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", "b")
        lost, kept = pen.event("a"), pen.event("b")
        Fault(journal, after=False)
        results = await asyncio.gather(journal.append([lost]), journal.append([kept]), return_exceptions=True)
        assert isinstance(results[0], JournalError) and results[1] == Refused()
        assert await journal.landed([lost]) is None

    asyncio.run(story())


def test_outcome_is_found_out_when_the_disk_comes_back(open_, pen, tmp_path, monkeypatch):
    journal = open_()

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        event = pen.event("a")
        Fault(journal, after=True)
        with monkeypatch.context() as patch:
            patch.setattr(
                "firm.store.writer.connect",
                lambda *_, **__: (_ for _ in ()).throw(sqlite3.OperationalError("gone")),
            )
            with pytest.raises(JournalError, match="I/O"):
                await journal.append([event])
            with pytest.raises(JournalError, match="gone"):
                await journal.landed([event])
        assert await journal.landed([event]) == Refused()
        assert await journal.append([pen.event("a")]) == Refused()

    asyncio.run(story())


def test_claim_whose_commit_was_lost_grants_nothing(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a", owner="")
        Fault(journal, after=False)
        with pytest.raises(JournalError):
            await journal.claim(["a"], "w")
        assert (await journal.append([pen.event("a", epoch=1)])).runs == {"a"}
        pen.seq["a"] -= 1
        (claimed,) = await journal.claim(["a"], "w")
        assert claimed.standing.epoch == 1
        assert await journal.append([pen.event("a", epoch=1)]) == Refused()

    asyncio.run(story())


def test_cancelled_append_is_whole_and_known(open_, pen):
    journal = open_()

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        in_commit, go_on, real = threading.Event(), threading.Event(), journal.writer.commit

        def slow():
            in_commit.set()
            assert go_on.wait(10)
            real()

        journal.writer.commit = slow
        event = pen.event("a")
        task = asyncio.ensure_future(journal.append([event]))
        await asyncio.to_thread(in_commit.wait, 10)
        task.cancel()
        other = asyncio.ensure_future(journal.append([pen.event("a")]))
        await asyncio.sleep(0)
        assert len(await journal.read("a")) == 1, "reading goes on during a commit"
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await journal.landed([event]) == Refused()
        assert await other == Refused()
        assert len(await journal.read("a")) == 3

    asyncio.run(story())


def test_full_disk_gives_up_the_ballast_and_takes_it_back(open_, pen, tmp_path):
    journal = open_()
    ballast = tmp_path / "home" / "ballast"

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        assert ballast.stat().st_size == BALLAST_BYTES
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
        Fault(journal, after=False, error=error)
        event = pen.event("a")
        with pytest.raises(DiskFull, match=r"journal\.db .*free some space"):
            await journal.append([event])
        assert not ballast.exists()
        assert len(await journal.read("a")) == 1
        assert await journal.landed([event]) is None
        await journal.append([event])
        assert ballast.stat().st_size == BALLAST_BYTES

    asyncio.run(story())


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from firm.errors import DiskFull
from firm.kernel.journal import *
from firm.kernel.status import Status
from firm.store.sqlite import SqliteJournal

async def story(folder, large):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = SqliteJournal.open(folder)
    await journal.join("w", lease_s=None)
    new = NewRun("a", "m:w", "", "", Status.RUNNING, "w", 1)
    await journal.append([Event("a", 0, 1, Kind.STARTED, 0, "", 1)], [new])
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    seq = 1
    try:
        while True:
            await journal.append([Event("a", seq, 1, Kind.DONE, seq, "", 1, b"x" * large)])
            seq += 1
    except DiskFull as error:
        print(error)
    assert not (folder / "ballast").exists()
    assert len(await journal.read("a")) == seq, seq
    assert await journal.landed([Event("a", seq, 1, Kind.DONE, seq, "", 1, b"x" * large)]) is None
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.append([Event("a", seq, 1, Kind.DONE, seq, "", 1, b"x" * large)])
    assert (folder / "ballast").exists()
    assert journal.verify() == seq + 1
    journal.close()

asyncio.run(story(Path(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.parametrize("large", [5000, MAX_INLINE_BYTES + 1], ids=["in the table", "in a blob"])
def test_journal_survives_a_full_disk(tmp_path: Path, large: int):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "home"), str(large)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "free some space" in done.stdout


def test_checkpoint_moves_the_log_into_the_file(open_, pen, monkeypatch, tmp_path):
    monkeypatch.setattr("firm.store.writer.CHECKPOINT_PAGES", 20)
    journal = open_()

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        for _ in range(50):
            await journal.append([pen.event("a", body=b"x" * 5000)])
        assert journal.sizes().wal_bytes < 400_000
        assert journal.sizes().file_bytes > 250_000

    asyncio.run(story())


def test_checkpoint_that_fails_loses_nothing(open_, pen, monkeypatch):
    monkeypatch.setattr("firm.store.writer.CHECKPOINT_PAGES", 1)
    journal = open_()

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        before = journal.writer.db

        class Broken:
            total_changes = 0
            in_transaction = False

            def __getattr__(self, name):
                return getattr(before, name)

            def execute(self, statement, *values):
                if "wal_checkpoint" in statement:
                    raise sqlite3.OperationalError("disk I/O error")
                return before.execute(statement, *values)

        journal.writer.db = Broken()
        assert await journal.append([pen.event("a")]) == Refused()
        assert await journal.append([pen.event("a")]) == Refused()
        assert journal.writer.db is not before, "the descriptors of the failed fsync are not used again"
        assert len(await journal.read("a")) == 3

    asyncio.run(story())


def test_event_that_cannot_be_encoded_leaves_nothing_behind(journal, pen):
    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        with pytest.raises(UnicodeEncodeError):
            await journal.append([pen.event("a", Kind.DONE)], [Row("book", "\ud800", b"")])
        pen.seq["a"] -= 1
        assert await journal.append([pen.event("a")]) == Refused()

    asyncio.run(story())
