"""kill -9 while money is reserved, spent and asked for: from outside, the books always cover what the world saw.

`FIRM_CRASH_LOOPS=500` makes the loop of kills longer.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crash import payer
from tests.e2e.mock import mock_in_thread

from firm import Firm
from firm.ledger import Books, books_of
from firm.ledger.period import day_of
from firm.policy.identity import login, make_key
from firm.root.view import QuestionView
from firm.store.sqlite import SqliteJournal
from firm.testing import MockOptions, MockReply, MockServer
from firm.units import Usage
from firm.units.amount import NOTHING

COUNT = 40
CAP_MICRO, MANDATE_MICRO = 300_000, 250_000
PAID_MICRO = round(payer.PAID_USD * 1e6)
USAGE = Usage(input=40, output=300)
ASKED_MICRO = (USAGE.input + USAGE.output) * 10
KILLS_A_HOME = 5
SETTINGS = f"""
[budget]
usd_per_day = {CAP_MICRO / 1e6}
usd_per_minute = 1000
lost_after_s = 0.5

[[mandates]]
payee = "{payer.PAYEE}"
usd = {MANDATE_MICRO / 1e6}
per = "day"
"""


def life(home: Path, url: str, *words: str, kill: Callable[[], object] | None = None) -> str:
    """One life of the payer: what it printed at its end; with `kill`, it dies as soon as that returns.

    '' if it was killed before its end.
    """
    command = [sys.executable, payer.__file__, str(home), url, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        if kill is not None:
            kill()
            process.send_signal(signal.SIGKILL)
        out = process.stdout.read()
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert process.returncode in (0, -signal.SIGKILL), "it failed; see its stderr"
    return out if process.returncode == 0 else ""


def books_in(home: Path) -> Books:
    """The books as they lie on disk."""

    async def read() -> Books:
        journal = SqliteJournal.open(home / ".firm", read_only=True)
        try:
            return await books_of(journal)
        finally:
            journal.close()

    return asyncio.run(read())


def taken(books: Books, end: str, operation: str) -> tuple[int, int]:
    """Calls and micro-dollars that the books have for a host or tool: used, written off, or still reserved."""
    found = NOTHING
    for account in (f"used/{end}", f"written-off/{end}"):
        found += books.balances.get(account, NOTHING)
    for one in books.open.values():
        if one.tags.operation == operation:
            found += one.most
    return found.calls, found.usd_micro


def held(books: Books, purse: str) -> int:
    """What of the purse's cap of today is spent, reserved or lost; micro-dollars."""
    spent = books.spent(purse, "day", books.last_us)["usd_micro"]
    ids = (one for one in books.open.values() if purse == "firm" or purse in one.purses)
    return spent + sum(one.most.usd_micro for one in ids if day_of(one.made_us) == day_of(books.last_us))


def check_money(home: Path, server: MockServer) -> Books:
    """The laws of money, after any death."""
    asked, paid = len(server.requests), [line for line in payer.world(home) if line[0] == "pay"]
    books = books_in(home)
    assert sum(books.balances.values(), NOTHING) == NOTHING
    owed = books.balances.get("reserved", NOTHING) + books.balances.get("lost", NOTHING)
    assert owed == sum((one.most for one in books.open.values()), NOTHING)
    assert held(books, "firm") <= CAP_MICRO
    assert held(books, f"mandate/{payer.PAYEE}") <= MANDATE_MICRO
    calls, usd_micro = taken(books, "127.0.0.1", "chat")
    assert asked <= calls and asked * ASKED_MICRO <= usd_micro
    calls, usd_micro = taken(books, "pay", "tool")
    assert len(paid) <= calls and len(paid) * PAID_MICRO <= usd_micro
    assert len({line[1] for line in paid}) == len({line[2] for line in paid}) == len(paid), "paid twice"
    return books


def pause(length_s: float) -> Callable[[], object]:
    """The moment of a death; the time is counted from when the firm is open."""
    return lambda: threading.Event().wait(length_s)


def play(home: Path, chance: random.Random, kills: int) -> dict[str, int]:
    """Kill the payer so often, let it come to its end; what was in the balance at the deaths."""
    home.mkdir()
    (home / "firm.toml").write_text(SETTINGS)
    seen = {"kills": 0, "open": 0, "paid": 0, "refused": 0}
    options = MockOptions(
        script=lambda body: MockReply(body["messages"][-1]["content"], usage=USAGE),
        latency_s=(0.01, 0.1),
        keep=100_000,
    )
    with mock_in_thread(options) as server:
        words = (server.url, "order", str(COUNT))
        while seen["kills"] < kills and not life(home, *words, kill=pause(chance.uniform(0.0, 0.35))):
            seen["kills"] += 1
            seen["open"] += len(check_money(home, server).open)
        ended = json.loads(life(home, *words))
        books = check_money(home, server)
    assert not books.open, "something stays reserved although all runs have ended"
    seen["paid"] = sum(f"paid {number}" in done for number, done in enumerate(ended))
    seen["refused"] = sum("too dear" in done for done in ended)
    assert seen["paid"] == len(payer.world(home))
    return seen


def test_the_books_cover_what_the_world_saw_through_kill_9(tmp_path: Path) -> None:
    left, chance = int(os.environ.get("FIRM_CRASH_LOOPS", "8")), random.Random(4)
    total: dict[str, int] = {}
    for number in range(-(-left // KILLS_A_HOME)):
        seen = play(tmp_path / f"home-{number}", chance, min(left, KILLS_A_HOME))
        left -= KILLS_A_HOME
        total = {key: total.get(key, 0) + value for key, value in seen.items()}
    assert total["kills"] > 0 and total["open"] > 0, "it was never killed in the middle"
    assert total["paid"] > 0 and total["refused"] > 0, "the cap was never reached, or nothing was paid"


def waiting(home: Path, count: int) -> list[QuestionView]:
    """The approvals that are asked for, once there are so many."""

    async def look() -> list[QuestionView]:
        async with Firm.visit(home) as firm:
            return await firm.inbox()

    deadline_s = time.monotonic() + 20
    while len(found := asyncio.run(look())) < count:
        assert time.monotonic() < deadline_s, f"{len(found)} of {count} questions"
    return found


@pytest.mark.parametrize("seed", range(2))
def test_an_approval_that_waits_over_kill_9_is_answered_once_and_sends_once(
    tmp_path: Path, seed: int
) -> None:
    count, chance, home = 6, random.Random(seed), tmp_path
    (home / "firm.toml").write_text("[engine]\nidle_s = 0.05\n")
    (home / ".firm").mkdir(mode=0o700)
    make_key(home / ".firm", "correct horse battery")
    session = login(home / ".firm", "correct horse battery", time.time_ns() // 1000)
    words = ("http://127.0.0.1:9/v1", "letter", str(count))
    assert not life(home, *words, kill=lambda: waiting(home, count))
    questions = waiting(home, count)
    assert {question.run for question in questions} == {f"letter-{number}" for number in range(count)}
    assert payer.world(home) == []

    async def answer(some: list[QuestionView]) -> None:
        async with Firm.visit(home) as firm:
            for question in some:
                await firm.answer(question.id, {"do": "accept"}, session=session)

    def answer_and_wait() -> None:
        asyncio.run(answer(questions[count // 2 :]))
        pause(chance.uniform(0.0, 0.1))()

    asyncio.run(answer(questions[: count // 2]))
    life(home, *words, kill=answer_and_wait)
    ended = json.loads(life(home, *words))
    assert ended == [[f"letter {number}"] for number in range(count)]
    assert sorted(line[2] for line in payer.world(home)) == [f"letter {number}" for number in range(count)]
    assert waiting(home, 0) == []
