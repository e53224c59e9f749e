"""What is forgotten: payloads and own rows of runs that ended long ago, and blobs that nothing needs.

One rule: an erased event keeps the SHA-256 of its bytes, so the chain of hashes verifies for ever. Work goes
in small transactions, so that appends slip in between.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from firm.kernel.journal import own_key
from firm.kernel.status import TERMINAL
from firm.store import reading
from firm.store.blob import Blobs, referenced
from firm.store.writer import Writer

_EVENTS_AT_ONCE = 5000
_ROWS_AT_ONCE = 5000
_BLOBS_AT_ONCE = 100
_ENDED = ", ".join(f"'{status.value}'" for status in sorted(TERMINAL))

Aside = Callable[[Callable[[], tuple[int, int]]], Awaitable[tuple[int, int]]]
"""Does work off the event loop."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What `gc` let go."""

    runs: int
    events: int
    blobs: int
    bytes: int
    """Of payloads, rows and blobs; in the journal's file they are used again before it grows."""


async def erase(writer: Writer, older_than_us: int, aside: Aside) -> tuple[int, int, int]:
    """Erase the events and own rows of runs that ended before then: (events, runs, bytes). Raises JournalError."""
    events = runs = size = last = 0
    while True:
        async with writer.transaction() as db:
            row = db.execute(
                f"SELECT number, id FROM runs WHERE number > ? AND status IN ({_ENDED}) AND erased = 0"
                " AND changed_us < ? ORDER BY number LIMIT 1",
                (last, older_than_us),
            ).fetchone()
            if row is None:
                return events, runs, size
            count, bytes_ = await aside(partial(_erase_some, db, row[0]))
            rows, room = await aside(partial(_drop_rows, db, row[1]))
            events, size = events + count, size + bytes_ + room
            if count < _EVENTS_AT_ONCE and rows < _ROWS_AT_ONCE:
                _forget(db, row[0])
                runs, last = runs + 1, row[0]


def _erase_some(db: sqlite3.Connection, run: int) -> tuple[int, int]:
    rows = db.execute(
        "SELECT id, data FROM events WHERE run = ? AND erased = 0 ORDER BY id LIMIT ?", (run, _EVENTS_AT_ONCE)
    ).fetchall()
    db.execute("PRAGMA secure_delete = ON")  # the bytes are overwritten, not only unlinked
    try:
        db.executemany(
            "UPDATE events SET data = ?, erased = 1 WHERE id = ?",
            [(sha256(data).digest(), id) for id, data in rows],
        )
    finally:
        db.execute("PRAGMA secure_delete = OFF")
    return len(rows), sum(len(data) - 32 for _, data in rows)


def _drop_rows(db: sqlite3.Connection, run: str) -> tuple[int, int]:
    """Delete some of the rows that belong to the run alone: (rows, bytes)."""
    count = size = 0
    db.execute("PRAGMA secure_delete = ON")
    try:
        for book in reading.books(db):
            found = reading.rows(db, book, own_key(run), limit=_ROWS_AT_ONCE - count)
            db.executemany(
                "DELETE FROM rows WHERE book = ? AND key = ?", [(book, line.key) for line in found]
            )
            count, size = count + len(found), size + sum(len(line.value) for line in found)
    finally:
        db.execute("PRAGMA secure_delete = OFF")
    return count, size


def _forget(db: sqlite3.Connection, run: int) -> None:
    db.execute("UPDATE runs SET erased = 1 WHERE number = ?", (run,))
    for table in ("mail", "seen", "blobs"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))


async def sweep(db: sqlite3.Connection, blobs: Blobs, files: asyncio.Lock) -> tuple[int, int]:
    """Delete blobs that nothing needs: (blobs, bytes). Raises OSError.

    `files` keeps appends from counting on a blob while it is deleted.
    """
    count = size = 0
    needed = referenced(db)
    idle = [(name, bytes_) for name, bytes_ in blobs.names() if name not in needed]
    for start in range(0, len(idle), _BLOBS_AT_ONCE):
        async with files:
            needed = referenced(db)
            for name, bytes_ in idle[start : start + _BLOBS_AT_ONCE]:
                if name not in needed:
                    blobs.drop(name)
                    count, size = count + 1, size + bytes_
    return count, size
