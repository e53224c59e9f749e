"""Backups, putting them back, and forgetting."""

import asyncio
import shutil
import threading

import pytest

from firm.errors import JournalCorrupt, JournalError
from firm.kernel.journal import MAX_INLINE_BYTES, Kind, Row, Stand
from firm.kernel.status import Status
from firm.store.restore import restore

LARGE = b"x" * (MAX_INLINE_BYTES + 1)


async def fill(journal, pen):
    """One run at work, one suspended with mail, one ended; a blob each."""
    await journal.join("w", lease_s=None)
    await pen.begin(journal, "busy", "waits", "done")
    await journal.append([pen.event(run, body=LARGE + run.encode()) for run in ("busy", "waits", "done")])
    events, also = pen.ended("done")
    await journal.append(
        events, [*also, Stand("waits", 1, Status.SUSPENDED, 9), pen.mail("waits"), Row("b", "k", b"v")]
    )


def test_backup_put_back_says_so_in_every_unfinished_run(journal, pen, open_, tmp_path, clock):
    async def story():
        await fill(journal, pen)
        before = {run: await journal.read(run) for run in ("busy", "waits", "done")}
        await journal.backup(tmp_path / "backup")
        await journal.append([pen.event("busy")])
        assert await restore(tmp_path / "backup", tmp_path / "new", now_us=clock) == 2
        new = open_(tmp_path / "new")
        assert await new.read("done") == before["done"]
        for run in ("busy", "waits"):
            *events, mark = await new.read(run)
            assert events == before[run]
            assert (mark.kind, mark.seq, mark.epoch) == (Kind.RESTORED, 2, 1)
        assert await new.rows("b") == [Row("b", "k", b"v")]
        assert len(await new.mail_after(0)) == 1
        assert new.verify() == 9 and new.audit() == []
        assert not await new.renew("w")
        await new.join("v", lease_s=60)
        assert set(await new.claimable(0, limit=9)) == {"busy", "waits"}
        assert not (tmp_path / "new" / "restoring").exists()

    asyncio.run(story())


def test_backup_goes_on_beside_appends(open_, pen, tmp_path):
    journal = open_()

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")

        async def write():
            for _ in range(200):
                await journal.append([pen.event("a")])

        await asyncio.gather(write(), journal.backup(tmp_path / "backup"))
        copy = open_(tmp_path / "backup", read_only=True)
        events = await copy.read("a")
        assert events == (await journal.read("a"))[: len(events)]
        assert copy.verify() == len(events)

    asyncio.run(story())


def test_restore_keeps_what_was_there_and_asks_for_force(open_, pen, tmp_path, clock):
    async def story():
        journal = open_()
        await fill(journal, pen)
        await journal.backup(tmp_path / "backup")
        with pytest.raises(JournalError, match="is not empty"):
            await journal.backup(tmp_path / "backup")
        await journal.append([pen.event("busy")])
        journal.close()
        home = tmp_path / "home"
        with pytest.raises(JournalError, match=r"journal\.db has runs"):
            await restore(tmp_path / "backup", home, now_us=clock)
        await restore(tmp_path / "backup", home, force=True, now_us=clock)
        assert len(await open_(home).read("busy")) == 3
        (old,) = home.glob("replaced-*")
        assert len(await open_(old).read("busy")) == 3
        assert (await open_(old).read("busy"))[-1].kind == Kind.DONE

    asyncio.run(story())


def test_restore_replaces_a_journal_that_is_damaged(open_, pen, tmp_path, clock):
    async def story():
        journal = open_()
        await fill(journal, pen)
        await journal.backup(tmp_path / "backup")
        journal.close()
        (tmp_path / "home" / "journal.db").write_bytes(b"rubbish" * 1000)
        with pytest.raises(JournalError, match="force"):
            await restore(tmp_path / "backup", tmp_path / "home", now_us=clock)
        await restore(tmp_path / "backup", tmp_path / "home", force=True, now_us=clock)
        assert open_().verify() == 9

    asyncio.run(story())


def test_damaged_backup_is_refused_before_anything_is_touched(open_, pen, tmp_path, clock):
    async def story():
        journal = open_()
        await fill(journal, pen)
        await journal.backup(tmp_path / "backup")
        with pytest.raises(JournalError, match="no backup"):
            await restore(tmp_path, tmp_path / "new", now_us=clock)
        next((tmp_path / "backup" / "blobs").glob("*/*")).unlink()
        with pytest.raises(JournalCorrupt, match="is gone"):
            await restore(tmp_path / "backup", tmp_path / "new", now_us=clock)
        assert not (tmp_path / "new").exists()

    asyncio.run(story())


def test_interrupted_restore_is_named_and_can_be_repeated(open_, pen, tmp_path, clock, monkeypatch):
    async def story():
        journal = open_()
        await fill(journal, pen)
        await journal.backup(tmp_path / "backup")
        journal.close()
        with monkeypatch.context() as patch:
            patch.setattr("firm.store.restore._swap", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                await restore(tmp_path / "backup", tmp_path / "home", force=True, now_us=clock)
        with pytest.raises(JournalError, match="interrupted: run `firm restore"):
            open_()
        await restore(tmp_path / "backup", tmp_path / "home", force=True, now_us=clock)
        assert open_().verify() == 9

    asyncio.run(story())


def test_gc_erases_old_runs_and_the_chain_still_verifies(journal, pen):
    async def story():
        await fill(journal, pen)
        await pen.begin(journal, "young")
        await journal.append([pen.event("young", Kind.ENDED)], [Stand("young", 1, Status.FAILED, 900)])
        assert (await journal.gc(older_than_us=50)).runs == 0
        gone = await journal.gc(older_than_us=51)
        assert (gone.runs, gone.events, gone.blobs) == (1, 3, 1)
        assert gone.bytes > MAX_INLINE_BYTES
        assert await journal.read("done", whole=True) == []
        assert (await journal.standing("done")).status is Status.SUCCEEDED
        assert len(await journal.read("young")) == 2 and len(await journal.read("busy")) == 2
        assert journal.verify() == 9 and journal.audit() == []
        assert (await journal.gc(older_than_us=51)).runs == 0
        await journal.append([pen.event("busy")])
        assert journal.verify() == 10

    asyncio.run(story())


def test_gc_takes_a_long_run_in_pieces(journal, pen, monkeypatch):
    monkeypatch.setattr("firm.store.retention._EVENTS_AT_ONCE", 2)

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([pen.event("a") for _ in range(6)])
        await journal.append(*pen.ended("a"))
        assert (await journal.gc(older_than_us=99)).events == 8
        assert journal.verify() == 8

    asyncio.run(story())


def test_erased_bytes_are_not_in_the_file_any_more(open_, pen, tmp_path):
    journal = open_()

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        await journal.append([pen.event("a", body=b"Anna's secret" * 300)])
        await journal.append(*pen.ended("a"))
        await journal.gc(older_than_us=99)
        journal.close()
        assert b"secret" not in (tmp_path / "home" / "journal.db").read_bytes()

    asyncio.run(story())


def test_gc_deletes_what_a_crash_left_of_a_blob(open_, pen, tmp_path):
    journal = open_()

    async def story():
        await fill(journal, pen)
        path = next((tmp_path / "home" / "blobs").glob("*/*"))
        shutil.copy(path, path.with_name(f"{path.name}.1.tmp"))
        assert (await journal.gc(older_than_us=0)).blobs == 1
        assert journal.verify() == 7

    asyncio.run(story())


@pytest.mark.parametrize("there", [False, True], ids=["new", "left over"])
def test_blob_of_an_append_in_progress_is_not_deleted(open_, pen, monkeypatch, there):
    journal = open_()

    async def nothing(*_):
        return 0, 0, 0

    monkeypatch.setattr("firm.store.sqlite.erase", nothing)

    async def story():
        await journal.join("w", lease_s=None)
        await pen.begin(journal, "a")
        if there:
            journal.blobs.put(LARGE)
        in_commit, go_on, real = threading.Event(), threading.Event(), journal.writer.commit

        def slow():
            in_commit.set()
            assert go_on.wait(10)
            real()

        journal.writer.commit = slow
        append = asyncio.ensure_future(journal.append([pen.event("a", body=LARGE)]))
        await asyncio.to_thread(in_commit.wait, 10)
        gc = asyncio.ensure_future(journal.gc(older_than_us=0))
        for _ in range(5):
            await asyncio.sleep(0)
        go_on.set()
        await append
        assert (await gc).blobs == 0
        assert (await journal.read("a"))[1].body == LARGE

    asyncio.run(story())
