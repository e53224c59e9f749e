"""How large a journal is, for `firm doctor`. Reads no payload."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from firm.store.ballast import BALLAST_BYTES
from firm.store.blob import Blobs
from firm.store.connection import FILE_NAME


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts and bytes of one journal."""

    schema: int
    commits: int
    events: int
    """Erased ones among them."""
    runs: dict[str, int]
    """By status."""
    mail: int
    """Undelivered."""
    open_questions: int
    file_bytes: int
    free_bytes: int
    """Of the file: will be used again before it grows."""
    wal_bytes: int
    blobs: int
    blob_bytes: int
    ballast: bool
    """Whether the room for emergencies is held."""


def sizes(db: sqlite3.Connection, folder: Path | None, blobs: Blobs) -> Sizes:
    """Measure. Raises sqlite3.Error, OSError."""

    def one(query: str) -> int:
        return int(db.execute(query).fetchone()[0])

    def size(name: str) -> int:
        path = None if folder is None else folder / name
        return path.stat().st_size if path is not None and path.exists() else 0

    page = one("PRAGMA page_size")
    kept = [bytes_ for _, bytes_ in blobs.names()]
    return Sizes(
        schema=one("SELECT value FROM meta WHERE key = 'schema'"),
        commits=one("SELECT commits FROM head"),
        events=one("SELECT event FROM head"),
        runs=dict(db.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall()),
        mail=one("SELECT count(*) FROM mail"),
        open_questions=one("SELECT count(*) FROM questions WHERE answered_us = 0"),
        file_bytes=one("PRAGMA page_count") * page,
        free_bytes=one("PRAGMA freelist_count") * page,
        wal_bytes=size(f"{FILE_NAME}-wal"),
        blobs=len(kept),
        blob_bytes=sum(kept),
        ballast=size("ballast") == BALLAST_BYTES,
    )
