"""SQL: what a query may do, what a hostile file or statement comes to."""

import sqlite3
from pathlib import Path

import pytest
from tests.unit.agent.kit.calling import refused, said

from firm.agent.kit import sql as kit_sql
from firm.agent.kit import sql_change, sql_query
from firm.agent.workspace import Workspace
from firm.errors import UsageError
from firm.store.guest import answer

pytestmark = pytest.mark.usefixtures("limited")


@pytest.fixture
def shop(here: Workspace) -> Path:
    """A file with a table."""
    path = here.resolve(".") / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE sold (name TEXT, price REAL, picture BLOB)")
        db.execute("CREATE INDEX by_price ON sold (price)")
        db.execute("INSERT INTO sold VALUES ('tea\nset', 2.5, x'00ff'), (NULL, 1, NULL)")
    db.close()
    return path


def asked(file: Path, statement: str, *, change: bool = False, time_s: float = 5.0) -> str:
    """What the program that opens the file says, in this process."""
    found = answer(
        {
            "file": str(file),
            "statement": statement,
            "values": [],
            "change": change,
            "rows": 3,
            "chars": 20,
            "time_s": time_s,
        }
    )
    return str(found.get("error") or found["rows"])


def test_a_query_shows_columns_and_rows(here: Workspace, shop: Path) -> None:
    assert said(sql_query, "shop.db", "SELECT * FROM sold WHERE price > ?", [2]) == (
        "name | price | picture\ntea\\nset | 2.5 | <2 bytes: 00ff>"
    )
    assert said(sql_query, "shop.db", "SELECT name FROM sold WHERE price > 9") == "name\n(no rows)"


def test_a_change_is_done_and_makes_a_file(here: Workspace) -> None:
    assert "make it with sql_change" in refused(sql_query, "new.db", "SELECT 1", by=UsageError)
    assert said(sql_change, "new.db", "CREATE TABLE t (a, b)") == "done; 0 rows changed"
    assert (
        said(sql_change, "new.db", "INSERT INTO t VALUES (?, ?), (3, 4)", [1, "x"]) == "done; 2 rows changed"
    )
    assert said(sql_query, "new.db", "SELECT * FROM t") == "a | b\n1 | x\n3 | 4"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sold",
        "INSERT INTO sold VALUES (1, 2, 3)",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "DROP TABLE sold",
        "PRAGMA user_version=5",
        "PRAGMA journal_mode=WAL",
        "PRAGMA query_only=OFF",
        "PRAGMA writable_schema=ON",
        "ATTACH 'other.db' AS other",
        "VACUUM",
        "VACUUM INTO 'other.db'",
        "SELECT load_extension('x')",
        "BEGIN",
        "REINDEX",
    ],
)
def test_a_query_changes_nothing(shop: Path, statement: str) -> None:
    before = shop.read_bytes()
    assert "Error" in asked(shop, statement)
    assert shop.read_bytes() == before
    assert [path.name for path in shop.parent.iterdir()] == ["shop.db"]


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "PRAGMA writable_schema=ON",
        "SELECT load_extension('x')",
    ],
)
def test_a_change_stays_in_its_file(shop: Path, statement: str) -> None:
    assert "Error" in asked(shop, statement, change=True)
    assert [path.name for path in shop.parent.iterdir()] == ["shop.db"]


def test_what_never_ends_or_is_too_large_is_stopped(shop: Path) -> None:
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT"
    assert "interrupted" in asked(shop, f"{endless} count(*) FROM c", time_s=0.1)
    assert asked(shop, f"{endless} n FROM c") == "[[1], [2], [3]]"
    assert "too big" in asked(shop, "SELECT zeroblob(1000000000)")
    assert asked(shop, "SELECT printf('%.*c', 50, 'x')") == f"[['{'x' * 20}… (50 characters)']]"
    assert asked(shop, "SELECT 9e999, CAST(x'ff' AS TEXT)") == "[['inf', '\ufffd']]"


def test_what_is_wrong_is_said_with_what_to_do(here: Workspace, shop: Path) -> None:
    here.write("text.txt", b"no database at all, but long enough for a header of one" * 9)
    (here.root / "folder").mkdir()
    (here.root / ".git").mkdir()
    for file, statement, words in (
        ("shop.db", "DELETE FROM sold", "sql_query only reads"),
        (
            "shop.db",
            "SELECT * FROM bought",
            "what there is stands in the table sqlite_schema, as name and sql",
        ),
        ("shop.db", "SELECT 1; SELECT 2", "give one statement a call"),
        ("shop.db", "SELECT ?", "as many values as there are ?"),
        ("text.txt", "SELECT 1 FROM sqlite_schema", "it is no SQLite file"),
    ):
        assert words in refused(sql_query, file, statement, by=UsageError)
    for file, words in ((".git/x.db", "only git"), ("folder", "is no file"), ("../x.db", "without '..'")):
        assert words in refused(sql_change, file, "CREATE TABLE t (a)", by=UsageError)


def test_a_result_is_bounded(here: Workspace, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 500) SELECT n, {} FROM c"
    lines = said(sql_query, "shop.db", many.format("1")).split("\n")
    assert len(lines) == 202 and lines[-1].startswith("… 200 rows are shown, there are more")
    wide = said(sql_query, "shop.db", many.format("printf('%.*c', 999, 'x')"))
    assert len(wide) < kit_sql.RESULT_CHARS + 1_100
    assert "… 14 rows are shown" in wide


def test_a_file_that_a_link_leads_to_elsewhere_is_not_opened(here: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside.db").write_bytes(b"")
    (here.resolve(".") / "x.db").symlink_to(tmp_path / "outside.db")
    assert "leads out of the workspace" in refused(sql_change, "x.db", "CREATE TABLE t (a)", by=UsageError)
    assert (tmp_path / "outside.db").read_bytes() == b""
