"""What is read from the journal, outside of transactions.

One rule: reading changes nothing and never waits for writing; every event is checked against its hash. Rows
are always fetched to the end before they are looked at: a half-read statement would pin an old state.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from firm.kernel.journal import Event, Kind, Mail, Question, Row, Standing
from firm.kernel.status import Status
from firm.store.chain import EVENT_COLUMNS, decode_rows
from firm.store.schema import IS_RARE, IS_STOPPED, RARE

STANDING_COLUMNS = """r.id, r.workflow, r.code, r.parent, r.status, r.reason, r.epoch, coalesce(w.id, ''), r.crashes,
    r.wake_at_us, r.created_us, r.changed_us"""
STANDINGS = f"SELECT {STANDING_COLUMNS} FROM runs AS r LEFT JOIN workers AS w ON w.number = r.owner"
_MAIL = (
    "SELECT m.number, r.id, m.kind, m.sender, m.id, m.place, m.name, m.body, m.blob"
    " FROM mail AS m JOIN runs AS r ON r.number = m.run"
)
MAY_END = "w.kind = ? AND w.sender <> r.parent"
"""Mail `w` that ends a stopped run `r`: a CANCEL, but not its parent's, after which its code would tidy up."""
_QUESTIONS = (
    "SELECT id, run, epoch, place, kind, text, options, preset, deadline_us, asked_us, answered_us, answer,"
    " answered_by FROM questions"
)


def to_standing(row: Sequence[object]) -> Standing:
    """A `Standing` out of `STANDING_COLUMNS`."""
    run, workflow, code, parent, status, *rest = row
    return Standing(run, workflow, code, parent, Status(status), *rest)  # type: ignore[arg-type]


def to_mail(row: Sequence[object]) -> Mail:
    """A `Mail` out of a row of `_MAIL`; its body in a blob is not yet fetched."""
    number, to, kind, sender, id, place, name, body, blob = row
    return Mail(to, kind, sender, id, place, name, body, blob, number=number)  # type: ignore[arg-type]


def events_of(db: sqlite3.Connection, path: str, run: str, *, whole: bool) -> list[Event]:
    """Events of a run, bodies in blobs not yet fetched."""
    since = "" if whole else " AND e.id >= r.base"
    rows = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM runs AS r CROSS JOIN events AS e ON e.run = r.number{since}"
        " WHERE r.id = ? ORDER BY e.id",
        (run,),
    )
    return list(decode_rows(rows.fetchall(), path))


def mail_after(db: sqlite3.Connection, number: int) -> list[Mail]:
    """Undelivered mail of all runs with a higher number."""
    rows = db.execute(f"{_MAIL} WHERE m.number > ? ORDER BY m.number", (number,))
    return [to_mail(row) for row in rows.fetchall()]


def mail_of(db: sqlite3.Connection, run: int) -> list[Mail]:
    """Undelivered mail of one run, by its number."""
    rows = db.execute(f"{_MAIL} WHERE m.run = ? ORDER BY m.number", (run,))
    return [to_mail(row) for row in rows.fetchall()]


def standing(db: sqlite3.Connection, run: str) -> Standing | None:
    """How one run stands."""
    row = db.execute(f"{STANDINGS} WHERE r.id = ?", (run,)).fetchone()
    return None if row is None else to_standing(row)


def standings(
    db: sqlite3.Connection,
    *,
    status: Status | None,
    parent: str | None,
    workflow: str | None = None,
    limit: int,
) -> list[Standing]:
    """How runs stand, the newest first."""
    where, values = [], list[object]()
    if status is not None:
        where.append("r.status = ?" + (f" AND r.{IS_RARE}" if status.value in RARE else ""))
        values.append(status.value)
    if parent is not None:
        where.append("r.parent = ?" + (" AND r.parent <> ''" if parent else ""))
        values.append(parent)
    if workflow is not None:
        where.append("r.workflow = ?")
        values.append(workflow)
    rows = db.execute(
        f"{STANDINGS}{' WHERE ' if where else ''}{' AND '.join(where)} ORDER BY r.number DESC LIMIT ?",
        (*values, limit),
    )
    return [to_standing(row) for row in rows.fetchall()]


def questions(db: sqlite3.Connection, *, open_only: bool, since_us: int = 0) -> list[Question]:
    """Questions that were asked then or later, the oldest first."""
    where = " WHERE asked_us >= ?" + (" AND answered_us = 0" if open_only else "")
    found = db.execute(f"{_QUESTIONS}{where} ORDER BY asked_us, id", (since_us,)).fetchall()
    return [Question(*row) for row in found]


def question(db: sqlite3.Connection, id: str) -> Question | None:
    """One question."""
    row = db.execute(f"{_QUESTIONS} WHERE id = ?", (id,)).fetchone()
    return None if row is None else Question(*row)


def rows(db: sqlite3.Connection, book: str, prefix: str, *, after: str = "", limit: int = -1) -> list[Row]:
    """Rows of a book whose keys begin with `prefix` and are greater than `after`, by key; at most so many, -1: all."""
    over = "key > ?" if after > prefix or after == prefix != "" else "key >= ?"
    found = db.execute(
        f"SELECT key, value FROM rows WHERE book = ? AND {over} AND (key < ? OR ? = '') ORDER BY key LIMIT ?",
        (book, max(after, prefix), _after(prefix), _after(prefix), limit),
    )
    return [Row(book, key, value) for key, value in found.fetchall()]


def books(db: sqlite3.Connection) -> list[str]:
    """Names of the books that have rows, without reading the rows."""
    found: list[str] = []
    row = db.execute("SELECT min(book) FROM rows").fetchone()
    while row[0] is not None:
        found.append(row[0])
        row = db.execute("SELECT min(book) FROM rows WHERE book > ?", (row[0],)).fetchone()
    return found


def next_wake_us(db: sqlite3.Connection) -> int | None:
    """The earliest wake of a suspended run."""
    row = db.execute("SELECT min(wake_at_us) FROM runs WHERE wake_at_us IS NOT NULL").fetchone()
    return None if row[0] is None else int(row[0])


def owned(db: sqlite3.Connection, worker: str) -> dict[str, int]:
    """Epochs of the runs that the newest worker of that name owns, by id."""
    return dict(
        db.execute(
            "SELECT id, epoch FROM runs WHERE owner = (SELECT max(number) FROM workers WHERE id = ?)",
            (worker,),
        ).fetchall()
    )


def claimable(db: sqlite3.Connection, now_us: int, living: frozenset[int], limit: int) -> list[str]:
    """Ids of runs that may be claimed, the oldest wake first."""
    streams = [
        db.execute(
            "SELECT wake_at_us, id FROM runs WHERE wake_at_us IS NOT NULL AND wake_at_us <= ?"
            " ORDER BY wake_at_us LIMIT ?",
            (now_us, limit),
        ).fetchall(),
        db.execute(
            "SELECT created_us, id FROM runs WHERE status = 'pending' AND "
            + IS_RARE
            + " ORDER BY number LIMIT ?",
            (limit,),
        ).fetchall(),
        db.execute(
            "SELECT r.changed_us, r.id FROM (SELECT DISTINCT run FROM mail) AS m"
            " CROSS JOIN runs AS r ON r.number = m.run"
            " WHERE r.status = 'suspended' OR (r.status = 'stuck' AND (r.reason = 'in doubt' OR EXISTS ("
            "SELECT 1 FROM mail AS w WHERE w.run = r.number AND"
            f" CASE WHEN {IS_STOPPED} THEN {MAY_END} ELSE w.kind IN (?, ?) END))) LIMIT ?",
            (Kind.CANCEL, Kind.ANSWERED, Kind.CANCEL, limit),
        ).fetchall(),
    ]
    streams.extend(
        db.execute(
            "SELECT changed_us, id FROM runs WHERE owner = ? ORDER BY number LIMIT ?", (owner, limit)
        ).fetchall()
        for owner in _owners(db)
        if owner not in living
    )
    return list(islice(dict.fromkeys(id for _, id in sorted(chain.from_iterable(streams))), limit))


def _owners(db: sqlite3.Connection) -> Iterator[int]:
    """Numbers of the workers that own runs, without reading all of those runs."""
    owner = -1
    while True:
        (owner,) = db.execute("SELECT min(owner) FROM runs WHERE owner > ?", (owner,)).fetchone()
        if owner is None:
            return
        yield owner


def _after(prefix: str) -> str:
    """The least text that follows every text with that prefix; '' if there is none."""
    for length in range(len(prefix), 0, -1):
        code = ord(prefix[length - 1]) + 1
        if code <= 0x10FFFF:
            return prefix[: length - 1] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)
    return ""
