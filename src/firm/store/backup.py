"""Backups of a journal: a folder with one SQLite file and its blobs.

One rule: a backup is whole and unchanged, or it is refused. `restore` puts one back.
"""

import os
import shutil
import sqlite3
from pathlib import Path

from firm.errors import JournalError
from firm.store import chain
from firm.store.blob import BlobFolder, Blobs, referenced
from firm.store.connection import FILE_NAME, connect, explain
from firm.store.folder import sync_file, sync_folder
from firm.store.schema import version

RESTORING = "restoring"
"""Folder in the home where a restore gets its files ready; there only while one goes on."""


def copy_journal(source: sqlite3.Connection, blobs: Blobs, target: Path) -> None:
    """Copy a journal, as it stands now, into the new folder `target`: whole or not there.

    Raises:
        JournalError: `target` is not empty.
        JournalCorrupt: a blob is damaged.
        sqlite3.Error, OSError
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise JournalError(f"{target} is not empty: choose a new folder for the backup")
    beside = target.with_name(f"{target.name}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        copy = sqlite3.connect(beside / FILE_NAME, isolation_level=None)
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable where nothing may be written
            _copy_blobs(copy, blobs, beside)
        finally:
            copy.close()
        sync_file(beside / FILE_NAME)
        sync_folder(beside)
        os.rename(beside, target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _copy_blobs(db: sqlite3.Connection, blobs: Blobs, target: Path) -> None:
    folder = BlobFolder(target / "blobs")
    for digest in sorted(referenced(db)):
        folder.put(blobs.get(digest))


def check(backup: Path) -> int:
    """Check that a backup is whole and unchanged; the number of its events.

    Raises:
        JournalError: there is none.
        JournalCorrupt: it is damaged.
    """
    path = backup / FILE_NAME
    if not path.exists():
        raise JournalError(f"there is no backup at {backup}: it holds no {FILE_NAME}")
    try:
        db = connect(path, writing=False)
        try:
            version(db, str(path))
            count = chain.verify(db, str(path))
            blobs = BlobFolder(backup / "blobs")
            for digest in referenced(db):
                blobs.get(digest)
            return count
        finally:
            db.close()
    except sqlite3.Error as error:
        raise explain(error, str(path)) from error


def interrupted(folder: Path) -> None:
    """Refuse a journal whose `restore` did not come to its end. Raises JournalError."""
    if (folder / RESTORING).exists():
        raise JournalError(
            f"a restore into {folder} was interrupted: run `firm restore BACKUP` again"
            f" (the journal of before, if any, lies in {folder}/replaced-…)"
        )
