"""The tables of the embedded journal, as migrations.

One rule: a migration that was released never changes; what comes later is appended. Each is applied in a
transaction of its own together with the new version in `meta`, and an older program refuses a newer file.
"""

import sqlite3

from firm.errors import JournalError, JournalNewer
from firm.kernel.journal import STOPPED

APPLICATION_ID = 0x6669726D
"""'firm': tells our files from other SQLite files."""

RARE = ("pending", "stuck", "failed", "cancelled")
"""States that are found by an index; the usual ways of a run from its start to its end write none."""
IS_RARE = f"status IN ({', '.join(repr(status) for status in RARE)})"
"""To be said in a query word for word, else SQLite does not see that the index serves."""

IS_STOPPED = f"(status = 'stuck' AND (reason = '{STOPPED}' OR reason LIKE '{STOPPED}:%'))"
"""As `firm.kernel.journal.is_stopped`."""

_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # One row of counters, written by every transaction.
    """
    CREATE TABLE head (
        commits INTEGER NOT NULL,  -- transactions so far
        run INTEGER NOT NULL,      -- the last run's number
        mail INTEGER NOT NULL,     -- the last mail's number
        event INTEGER NOT NULL,    -- the last event's number
        hash BLOB NOT NULL         -- and its hash
    )
    """,
    "INSERT INTO head VALUES (0, 0, 0, 0, zeroblob(32))",
    """
    CREATE TABLE workers (
        number INTEGER PRIMARY KEY,  -- one per join: a worker that comes back under its old name is a new one
        id TEXT NOT NULL CHECK (id <> ''),
        lease_us INTEGER,            -- NULL: the only worker, no lease
        lease_until_us INTEGER,
        gone INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX workers_id ON workers (id)",
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE CHECK (id <> ''),
        workflow TEXT NOT NULL,
        code TEXT NOT NULL,
        parent TEXT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        epoch INTEGER NOT NULL,
        owner INTEGER,                       -- workers.number
        crashes INTEGER NOT NULL DEFAULT 0,
        wake_at_us INTEGER,                  -- only where suspended, or stuck in doubt
        created_us INTEGER NOT NULL,
        changed_us INTEGER NOT NULL,
        base INTEGER NOT NULL DEFAULT 0,     -- events.id of the current generation's STARTED
        erased INTEGER NOT NULL DEFAULT 0
    )
    """,
    f"CREATE INDEX runs_rare ON runs (status) WHERE {IS_RARE}",
    "CREATE INDEX runs_parent ON runs (parent) WHERE parent <> ''",
    "CREATE INDEX runs_owner ON runs (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX runs_wake ON runs (wake_at_us) WHERE wake_at_us IS NOT NULL",
    # The hash stands before the data, so that reading it never walks a large event's overflow pages.
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        hash BLOB NOT NULL,                  -- sha256(hash of the row before + sha256(data))
        data BLOB NOT NULL,                  -- the event as msgpack, or sha256 of it once erased
        erased INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX events_run ON events (run)",
    """
    CREATE TABLE mail (
        number INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,                -- the receiver
        kind INTEGER NOT NULL,
        sender TEXT NOT NULL,
        id TEXT NOT NULL,
        place INTEGER NOT NULL,
        name TEXT NOT NULL,
        body BLOB NOT NULL,
        blob TEXT NOT NULL
    )
    """,
    "CREATE INDEX mail_run ON mail (run)",
    # What a run was ever sent: a second one with the same sender and id is dropped.
    """
    CREATE TABLE seen (
        run INTEGER NOT NULL,
        sender TEXT NOT NULL,
        id TEXT NOT NULL,
        PRIMARY KEY (run, sender, id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE questions (
        id TEXT PRIMARY KEY CHECK (id <> ''),
        run TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        options BLOB NOT NULL,
        preset BLOB NOT NULL,                -- the default
        deadline_us INTEGER,
        asked_us INTEGER NOT NULL,
        answered_us INTEGER NOT NULL DEFAULT 0,
        answer BLOB NOT NULL DEFAULT x'',
        answered_by TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX questions_open ON questions (asked_us) WHERE answered_us = 0",
    "CREATE INDEX questions_open_run ON questions (run) WHERE answered_us = 0",
    """
    CREATE TABLE rows (
        book TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (book, key)
    ) WITHOUT ROWID
    """,
    # Which runs' events need which blob.
    "CREATE TABLE blobs (hash TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (hash, run)) WITHOUT ROWID",
    "CREATE INDEX blobs_run ON blobs (run)",
)

MIGRATIONS: list[tuple[str, ...]] = [_FIRST]
"""Statements that lead from version i to version i + 1."""


def version(db: sqlite3.Connection, path: str) -> int:
    """The file's schema version, 0 for an empty file.

    Raises:
        JournalError: the file is some other program's.
        JournalNewer: it was written by a newer `firm`.
    """
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise JournalError(
            f"{path} is an SQLite file of another program (application id {application}); "
            "move it away or choose another home"
        )
    (number,) = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if number > len(MIGRATIONS):
        raise JournalNewer(
            f"{path} has schema {number}, this firm knows up to {len(MIGRATIONS)}: "
            "update firm (pip install -U firm), or use another home"
        )
    return int(number)


def migrate(db: sqlite3.Connection, path: str) -> None:
    """Bring the file to the newest version, one transaction per step. Raises as `version` does."""
    for number in range(version(db, path), len(MIGRATIONS)):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in MIGRATIONS[number]:
                db.execute(statement)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (number + 1,))
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
