"""How an event lies in the table: its bytes, and the hash that chains it to the row before.

One rule: `hash = sha256(hash of the row before + sha256(data))`, one chain over all runs in the order of
commits; an erased row keeps `sha256(data)` in place of its data, so the chain holds for ever.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from firm.errors import JournalCorrupt
from firm.kernel.journal import Event

ROOT = bytes(32)
"""What the first row chains from."""

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Event).decode

EVENT_COLUMNS = """e.id, e.hash, e.data, e.erased,
    (SELECT before.hash FROM events AS before WHERE before.id = e.id - 1)"""
"""What `decode_rows` needs of a row `e`."""

EventRow = tuple[int, bytes, bytes, int, bytes | None]


def link(before: bytes, data: bytes, erased: int = 0) -> bytes:
    """The hash of a row."""
    return sha256(before + (data if erased else sha256(data).digest())).digest()


def decode_rows(rows: Iterable[EventRow], path: str) -> Iterator[Event]:
    """Events out of their rows, each checked against its hash; erased ones are left out.

    Raises:
        JournalCorrupt: names the first event whose bytes are not what was written.
    """
    for id, hash_, data, erased, before in rows:
        if link(before if before is not None else ROOT, data, erased) != hash_:
            raise damaged(path, id)
        if not erased:
            yield decode(data, id, path)


def decode(data: bytes, id: int, path: str) -> Event:
    """One event. Raises JournalCorrupt."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise damaged(path, id) from None


def damaged(path: str, id: int, run: str = "") -> JournalCorrupt:
    """The error for one bad row."""
    whose = f" of run {run!r}" if run else ""
    return JournalCorrupt(
        f"{path}: event {id}{whose} is not what was written (its hash does not fit): "
        "put the journal back with `firm restore BACKUP`"
    )


def walk(db: sqlite3.Connection, path: str, *, since: int = 0, upto: int | None = None) -> int:
    """Check all rows with `since` < id <= `upto` and return how many there are. Raises JournalCorrupt."""
    before, count, last = ROOT, 0, since
    if since:
        row = db.execute("SELECT hash FROM events WHERE id = ?", (since,)).fetchone()
        if row is None:
            raise damaged(path, since)
        before = row[0]
    rows = db.execute(
        "SELECT id, hash, data, erased, run FROM events WHERE id > ? AND id <= ? ORDER BY id",
        (since, upto if upto is not None else 2**63 - 1),
    )
    for id, hash_, data, erased, run in rows:
        if id != last + 1 or link(before, data, erased) != hash_:
            raise damaged(path, last + 1 if id != last + 1 else id, _name(db, run))
        before, last, count = hash_, id, count + 1
    return count


def _name(db: sqlite3.Connection, number: int) -> str:
    row = db.execute("SELECT id FROM runs WHERE number = ?", (number,)).fetchone()
    return row[0] if row else f"number {number}"


def verify(db: sqlite3.Connection, path: str) -> int:
    """Check the whole chain up to its head and return its length. Raises JournalCorrupt."""
    db.execute("BEGIN")
    try:
        last, hash_ = db.execute("SELECT event, hash FROM head").fetchone()
        count = walk(db, path, upto=last)
        row = db.execute("SELECT hash FROM events WHERE id = ?", (last,)).fetchone()
        if count != last or (row[0] if row else ROOT) != hash_:
            raise damaged(path, min(count + 1, last))
        return count
    finally:
        db.execute("ROLLBACK")
