"""Connections to the journal's file, and what their errors mean.

One rule: one connection per file writes and checkpoints (SQLite 3.7.0 to 3.51.2 can corrupt a WAL when
two do); every other one is opened read-only.
"""

import errno
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from firm.errors import DiskFull, FirmError, InternalError, JournalCorrupt, JournalError

FILE_NAME = "journal.db"
"""In the journal's folder."""
BUSY_S = 5.0
"""How long to wait for another process that holds the file."""
_FIXED = (3, 51, 3)

_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


def sqlite_warning(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> str | None:
    """What `firm doctor` says about this SQLite; None if there is nothing to say."""
    if not (3, 7, 0) <= version < _FIXED:
        return None
    return (
        f"SQLite {'.'.join(map(str, version))} can corrupt a journal when two connections write at once "
        "(fixed in 3.51.3); firm writes with one only, so keep other programs from writing to it"
    )


def connect(path: Path | None, *, writing: bool, create: bool = False) -> sqlite3.Connection:
    """Open the file (None: a database in memory), for writing or read-only.

    Raises:
        JournalCorrupt: not even its error can be read.
        sqlite3.Error: see `explain`.
    """
    mode = ("rwc" if create else "rw") if writing else "ro"
    name = ":memory:" if path is None else f"file:{quote(str(path.absolute()))}?mode={mode}"
    db = sqlite3.connect(
        name, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S, cached_statements=256
    )
    try:
        db.execute("PRAGMA mmap_size = 0")
        db.execute("PRAGMA temp_store = MEMORY")
        # Checkpoints are made by hand (see `writer`): SQLite's own hides their errors.
        db.execute("PRAGMA wal_autocheckpoint = 0")
        if writing:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
        else:
            db.execute("PRAGMA query_only = 1")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except UnicodeDecodeError as error:  # SQLite quotes damaged bytes in its message
        db.close()
        raise JournalCorrupt(
            f"{path} is damaged ({error.reason}): put it back with `firm restore BACKUP`"
        ) from None
    except BaseException:
        db.close()
        raise
    return db


def explain(error: BaseException, path: str) -> FirmError:
    """Turn an error of SQLite or of the disk into ours: what happened, where, and what to do."""
    if isinstance(error, FirmError):
        return error
    if isinstance(error, OSError):
        return _explain_os(error, path)
    if not isinstance(error, sqlite3.Error):
        return InternalError(f"journal {path}: {type(error).__name__}: {error}; please report this")
    code = getattr(error, "sqlite_errorcode", None) or 0
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if code in _FULL:
        return DiskFull(f"no room to write {path} ({name}): free some space; nothing was lost")
    match code & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return JournalCorrupt(f"{path} is damaged ({error}): put it back with `firm restore BACKUP`")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return JournalError(
                f"{path} cannot be opened or written ({error}): check that the folder exists and is yours"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return JournalError(f"another process is writing {path} ({error}): stop it, then try again")
        case sqlite3.SQLITE_IOERR:
            return JournalError(
                f"the disk failed under {path} ({name}): check the disk and its cable, then restart"
            )
    return JournalError(f"{path}: {type(error).__name__}: {error} ({name})")


def _explain_os(error: OSError, path: str) -> FirmError:
    where = error.filename or path
    if error.errno in _NO_ROOM:
        return DiskFull(
            f"no room to write {where} ({os.strerror(error.errno or 0)}): free some space; nothing was lost"
        )
    return JournalError(
        f"{where} cannot be read or written ({error}): check that the folder exists and is yours"
    )
