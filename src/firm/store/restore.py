"""Putting a journal back from a backup.

One rule: a restored past must not act again. Every unfinished run gets a `RESTORED` event, so that the kernel
takes effects of the gap to be in doubt, and no worker of the past owns anything.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from firm.errors import JournalError
from firm.kernel.journal import Event, Kind
from firm.kernel.status import TERMINAL
from firm.store.backup import RESTORING, check
from firm.store.chain import decode
from firm.store.connection import FILE_NAME, connect, explain
from firm.store.folder import sync_file, sync_folder
from firm.store.sqlite import SqliteJournal, wall_us
from firm.store.worker import DEAD

_FILES = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", "blobs")
_RUNS_AT_ONCE = 1000
_ENDED = ", ".join(f"'{status.value}'" for status in sorted(TERMINAL))


async def restore(
    backup: Path, folder: Path, *, force: bool = False, now_us: Callable[[], int] = wall_us
) -> int:
    """Put the journal of `folder` back from `backup` and return the number of unfinished runs.

    The caller holds the home's lock and has no journal open there. What was there before is kept in
    `folder/replaced-<now_us>`.

    Args:
        backup: made by `SqliteJournal.backup`; it is verified first and not changed.
        folder: where `journal.db` goes.
        force: replace a journal that has runs.
        now_us: the clock, microseconds since 1970.

    Raises:
        JournalError: there is no backup, or the journal there has runs; DiskFull.
        JournalCorrupt: the backup is damaged.
    """
    check(backup)
    if not force and _has_runs(folder / FILE_NAME):
        raise JournalError(
            f"{folder / FILE_NAME} has runs already: give --force (`force=True`) to put the backup in their place; "
            "they are kept beside it"
        )
    ready = folder / RESTORING
    try:
        shutil.rmtree(ready, ignore_errors=True)
        ready.mkdir(parents=True)
        shutil.copyfile(backup / FILE_NAME, ready / FILE_NAME)
        if (backup / "blobs").exists():
            shutil.copytree(backup / "blobs", ready / "blobs")
        count = await _mark(ready, now_us)
        _sync_tree(ready)
        _swap(folder, ready, folder / f"replaced-{now_us()}")
    except OSError as error:
        raise explain(error, str(folder)) from error
    return count


def _has_runs(path: Path) -> bool:
    """Whether something there would be lost; a file that cannot be read would be."""
    if not path.exists():
        return False
    try:
        db = connect(path, writing=False)
        try:
            return db.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
        finally:
            db.close()
    except sqlite3.Error:
        return True


async def _mark(ready: Path, now_us: Callable[[], int]) -> int:
    """Say in every unfinished run that it comes from a backup; declare all workers dead."""
    journal = SqliteJournal.open(ready, threaded=False, now_us=now_us)
    try:
        async with journal.writer.transaction() as db:
            db.execute("UPDATE workers SET gone = ? WHERE gone = 0", (DEAD,))
        count = last = 0
        while True:
            found = journal.reader.execute(
                f"SELECT number, id, epoch FROM runs WHERE number > ? AND status NOT IN ({_ENDED})"
                " ORDER BY number LIMIT ?",
                (last, _RUNS_AT_ONCE),
            ).fetchall()
            if not found:
                return count
            events = [_restored(journal, number, run, epoch, now_us()) for number, run, epoch in found]
            await journal.append(events)
            count, last = count + len(found), found[-1][0]
    finally:
        journal.close()


def _restored(journal: SqliteJournal, number: int, run: str, epoch: int, now_us: int) -> Event:
    row = journal.reader.execute(
        "SELECT id, data FROM events WHERE run = ? ORDER BY id DESC LIMIT 1", (number,)
    ).fetchone()
    seq, at_us = 0, now_us
    if row is not None:
        before = decode(row[1], row[0], journal.name)
        seq, at_us = before.seq + 1, max(now_us, before.at_us)
    return Event(run, seq, epoch, Kind.RESTORED, 0, "", at_us)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            sync_file(path)
    sync_folder(folder)


def _swap(folder: Path, ready: Path, aside: Path) -> None:
    """Move the old files aside and the new ones in. While `ready` is there, no journal opens here."""
    sync_folder(folder)
    old = [folder / name for name in _FILES if (folder / name).exists()]
    if old:
        aside.mkdir()
        for path in old:
            os.rename(path, aside / path.name)
    for name in reversed(_FILES):
        if (ready / name).exists():
            os.rename(ready / name, folder / name)
    sync_folder(folder)
    shutil.rmtree(ready)
    sync_folder(folder)
