"""One statement on an SQLite file that is not ours: a program of its own, to be run where it can do no harm.

One rule: it opens that one file and no other, reads only unless told otherwise, and ends within its time and size. It
is run as source, with standard input and output: `{"file", "statement", "values", "change", "rows", "chars", "time_s"}`
in, `{"columns", "rows", "more", "changed"}` or `{"error"}` out. It imports nothing of `firm`.
"""

import json
import os
import sqlite3
import sys
import time
import urllib.parse
from typing import Any

MAX_VALUE_BYTES = 16 * 1024 * 1024
"""Largest single value that a statement may make."""
STEPS_BETWEEN_LOOKS = 1_000
"""Instructions of SQLite's machine between two looks at the clock."""
READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
NEVER = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})
FUNCTIONS_NEVER = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})
LOOKING = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"}
    | {"database_list", "integrity_check", "quick_check", "foreign_key_check", "user_version", "encoding"}
)
"""Pragmas that only tell."""


BESIDE = ("-journal", "-wal", "-shm")
"""Ends of the names of the files that SQLite keeps beside one."""
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
"""With this ends a journal that names another file, which SQLite would delete."""


def check_beside(file: str) -> None:
    """Whether what lies beside the file leads to no other: SQLite obeys it, whoever made it.

    Raises:
        ValueError: it does.
    """
    for end in BESIDE:
        if os.path.islink(file + end):
            raise ValueError(f"{file + end!r} is a link; remove it, or copy the file without it")
    try:
        with open(f"{file}-journal", "rb") as journal:
            journal.seek(-len(JOURNAL_MAGIC), os.SEEK_END)
            names_another = journal.read() == JOURNAL_MAGIC
    except OSError:  # there is none, or a short one
        return
    if names_another:
        raise ValueError(f"{file + '-journal'!r} names another file; remove it, or copy the file without it")


def judge(change: bool) -> Any:
    """What SQLite asks before each part of a statement."""

    def allowed(
        action: int, first: str | None, second: str | None, _schema: str | None, _by: str | None
    ) -> int:
        if action in NEVER or (
            action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FUNCTIONS_NEVER
        ):
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            fine = (first or "").lower() in LOOKING and (change or not second or not second.isdigit())
            return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK if change or action in READS else sqlite3.SQLITE_DENY

    return allowed


def opened(file: str, change: bool, time_s: float) -> sqlite3.Connection:
    """The file, bounded and guarded."""
    mode = "rwc" if change else "ro"
    until = time.monotonic() + time_s
    db = sqlite3.connect(f"file:{urllib.parse.quote(file)}?mode={mode}", uri=True, timeout=min(time_s, 5.0))
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    if not change:
        db.execute("PRAGMA query_only=ON")
    db.execute("PRAGMA trusted_schema=OFF")
    db.set_progress_handler(lambda: time.monotonic() > until, STEPS_BETWEEN_LOOKS)
    db.set_authorizer(judge(change))
    return db


def shown(value: object, chars: int) -> object:
    """A value as JSON has it, cut."""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes: {value[:16].hex()}{'…' if len(value) > 16 else ''}>"
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode()
        return value if len(value) <= chars else f"{value[:chars]}… ({len(value):,} characters)"
    if isinstance(value, float) and value - value != 0:  # infinite: JSON has no word for it
        return str(value)
    return value


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What comes of a statement."""
    try:
        check_beside(asked["file"])
        db = opened(asked["file"], asked["change"], asked["time_s"])
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        with db:
            cursor = db.execute(asked["statement"], asked["values"])
            columns = [name for name, *_ in cursor.description or ()]
            rows = cursor.fetchmany(asked["rows"] + 1) if columns else []
        kept = [[shown(value, asked["chars"]) for value in row] for row in rows[: asked["rows"]]]
        return {
            "columns": columns,
            "rows": kept,
            "more": len(rows) > asked["rows"],
            "changed": db.total_changes,
        }
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(json.load(sys.stdin))))
