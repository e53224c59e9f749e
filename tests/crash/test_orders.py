"""An order that is killed at any point ends with one delivery, one invoice and one number."""

import os
import subprocess
import sys
from pathlib import Path

from tests.crash import trader
from tests.e2e import ordered as shop

from firm.org.trade.bill import bills_in
from firm.org.trade.order import BOOK, orders_in
from firm.store.sqlite import SqliteJournal

MOST = 60
EVERY = int(os.environ.get("FIRM_CRASH_EVERY", "3"))
"""Of the points at which it can die, one in so many is tried."""


def life(home: Path, count: int) -> tuple[int, str]:
    """One life: how it ended, and what it said."""
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, str(Path(root, "src"))])}
    command = [sys.executable, trader.__file__, str(home), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode in (0, trader.KILLED), done.stderr
    return done.returncode, done.stdout.strip()


def test_an_order_that_is_killed_ends_with_one_invoice_and_one_number(tmp_path: Path) -> None:
    killed = 0
    for count in range(2, MOST, EVERY):
        home = shop.make(tmp_path / str(count))
        code, said = life(home, count)
        if code == trader.KILLED:
            killed += 1
            code, said = life(home, 0)
        assert (code, said) == (0, "delivered 000001"), count
        assert_once(home)
        if killed != (count - 2) // EVERY + 1:
            break
    assert killed >= 3


def assert_once(home: Path) -> None:
    """One order, one invoice, one number."""
    import asyncio

    journal = SqliteJournal.open(home / ".firm", read_only=True)
    try:
        rows = asyncio.run(journal.rows(BOOK))
    finally:
        journal.close()
    assert [one.number for one in bills_in(rows)] == ["000001"]
    assert [one.invoice for one in orders_in(rows)] == ["000001"]
    assert len([row for row in rows if row.key.startswith("took.")]) == 1
