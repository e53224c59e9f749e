"""SQL on SQLite files in the workspace.

One rule: the file is opened by a program of its own in the sandbox, never in this process: what is wrong with a file
that a stranger made, or with a statement that never ends, harms nobody. What a statement may do is
`firm.store.guest`'s.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from firm.agent.kit.boxed import run_ours
from firm.agent.tool import tool
from firm.agent.way import REPOSITORY
from firm.agent.workspace import workspace_here
from firm.errors import UsageError
from firm.sandbox import Limits

MAX_ROWS = 200
"""Rows of one result."""
VALUE_CHARS = 1_000
"""Characters of one value that are shown."""
RESULT_CHARS = 15_000
"""Characters of one result; rows beyond are left out."""
QUERY_S = 20.0
"""Longest that one statement may take."""
MAX_STATEMENT_CHARS = 100_000
Value = str | int | float | None


@tool(risk="read", timeout_s=QUERY_S * 3)
async def sql_query(file: str, query: str, values: list[Value] | None = None) -> str:
    """Ask an SQLite file of the workspace with one statement that only reads; at most 200 rows come back.

    The tables are in `SELECT name, sql FROM sqlite_schema`; take the next rows with LIMIT and OFFSET.

    Args:
        file: Relative to the workspace.
        query: One SELECT, WITH or EXPLAIN; `?` stands for a value.
        values: What the `?` stand for, in order.
    """
    found = await _ask(file, query, values, change=False)
    return _table(found)


@tool(risk="write", timeout_s=QUERY_S * 3)
async def sql_change(file: str, statement: str, values: list[Value] | None = None) -> str:
    """Change an SQLite file of the workspace with one statement, which is done whole or not at all.

    Args:
        file: Relative to the workspace; it is made if it is not there.
        statement: One statement, such as INSERT, UPDATE, DELETE or CREATE TABLE; `?` stands for a value.
        values: What the `?` stand for, in order.
    """
    found = await _ask(file, statement, values, change=True)
    return _table(found) if found["columns"] else f"done; {found['changed']:,} rows changed"


SQL = (sql_query, sql_change)
"""All tools of this file."""


async def _ask(file: str, statement: str, values: list[Value] | None, *, change: bool) -> dict[str, Any]:
    if not statement.strip() or len(statement) > MAX_STATEMENT_CHARS:
        raise UsageError(f"statement {statement!r:.80}: give one of 1 to {MAX_STATEMENT_CHARS:,} characters")
    here = workspace_here()
    path = here.resolve(file)
    _check(path, file, change)
    asked = {
        "file": str(path.relative_to(here.root)),
        "statement": statement,
        "values": values or [],
        "change": change,
        "rows": MAX_ROWS,
        "chars": VALUE_CHARS,
        "time_s": QUERY_S,
    }
    limits = Limits(wall_s=QUERY_S + 5, cpu_s=QUERY_S + 5, output_bytes=4 * 1024 * 1024)
    done = await run_ours(("-c", _program()), here, stdin=msgspec.json.encode(asked), limits=limits)
    if done.stopped or done.code:
        why = done.stopped or done.stderr[-300:].decode("utf-8", "replace")
        raise UsageError(f"the statement on {file!r} was stopped ({why}); ask for less at once")
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    if "error" in found:
        raise UsageError(_advice(found["error"], file, change))
    return found


def _check(path: Path, file: str, change: bool) -> None:
    if REPOSITORY in path.parts:
        raise UsageError(
            f"{file!r} lies in {REPOSITORY!r}, which only git reads and writes; name another file"
        )
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise UsageError(f"{file!r} is no file; name one, such as 'data.db'")
    if not path.exists() and not change:
        raise UsageError(f"{file!r} is not there; look with list_files, or make it with sql_change")
    if not path.parent.is_dir():
        raise UsageError(f"{file!r} is in a folder that is not there; use one that list_files shows")


def _advice(error: str, file: str, change: bool) -> str:
    """What went wrong, with what to do."""
    for words, advice in (
        (
            "not authorized",
            "this statement may not be used here" + ("" if change else "; sql_query only reads"),
        ),
        ("authorization denied", "this may not be used here" + ("" if change else "; sql_query only reads")),
        ("readonly", "sql_query only reads; use sql_change"),
        ("interrupted", f"it took longer than {QUERY_S:g} s; ask for less, or add an index"),
        ("one statement", "give one statement a call"),
        ("not a database", "it is no SQLite file"),
        ("locked", "something else writes it; try again"),
        ("bindings", "give as many values as there are ?"),
        ("no such", "what there is stands in the table sqlite_schema, as name and sql"),
    ):
        if words in error:
            return f"{file!r}: {error.rstrip('.')}: {advice}"
    return f"{file!r}: {error}; mend the statement"


def _table(found: dict[str, Any]) -> str:
    """Columns and rows, a line each."""
    lines, chars, left = [" | ".join(found["columns"])], 0, 0
    for row in found["rows"]:
        line = " | ".join("NULL" if one is None else str(one).replace("\n", "\\n") for one in row)
        chars += len(line) + 1
        if chars > RESULT_CHARS and len(lines) > 1:
            left = len(found["rows"]) - len(lines) + 1
            break
        lines.append(line[:RESULT_CHARS])
    if left or found["more"]:
        lines.append(f"… {len(lines) - 1} rows are shown, there are more: take them with LIMIT and OFFSET")
    elif len(lines) == 1:
        lines.append("(no rows)")
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _program() -> str:
    """The source of `firm.store.guest`, for a process that has nothing of this package."""
    from firm.store import guest

    return Path(guest.__file__).read_text("utf-8")
