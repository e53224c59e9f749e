"""kill -9 in the middle of a dinner: no restaurant hears anything twice, and the evening is what it would have been."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.crash import diner

from carrier import Outcome
from evening import heard_twice
from manners import Manner, manners
from town import Town, open_town, read_book

FEW, ALL = 40, 300
PACE = 0.1
LONGEST_S = 60.0


@contextmanager
def town_in_thread(book: Path) -> Iterator[tuple[Town, str]]:
    """A town beside the test, while the block lasts; its book stays."""
    ready, found, bells = threading.Event(), list[tuple[Town, str]](), list[Callable[[], object]]()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        bells.append(lambda: loop.call_soon_threadsafe(stop.set))
        async with open_town(book, pace=PACE, hang_up_s=0.1) as opened:
            found.append(opened)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(30), "the town did not open"
        yield found[0]
    finally:
        bells[0]()
        thread.join(30)
        assert not thread.is_alive(), "the town did not close"


def life(home: Path, count: int, kill_at: int | None = None) -> Outcome | None:
    """One life of the diner, in a town of its own on the same book; None if it was killed.

    With `kill_at` it dies as soon as the restaurants have heard so many calls in all.
    """
    with town_in_thread(home / "book.jsonl") as (town, url):
        command = [sys.executable, diner.__file__, str(home), str(count)]
        env = {**os.environ, "TOWN_URL": url}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
            try:
                if kill_at is not None:
                    wait_for(process, town, kill_at)
                    process.send_signal(signal.SIGKILL)
                out, _ = process.communicate(timeout=LONGEST_S)
            finally:
                process.kill()
    assert process.returncode in (0, -signal.SIGKILL), "it failed; see its stderr"
    return msgspec.json.decode(out, type=Outcome) if process.returncode == 0 else None


def wait_for(process: subprocess.Popen[bytes], town: Town, calls: int) -> None:
    """Wait until so many calls were heard, or the process has ended."""
    deadline_s = time.monotonic() + LONGEST_S
    while len(town.heard) < calls and process.poll() is None:
        assert time.monotonic() < deadline_s, f"{len(town.heard)} of {calls} calls"
        threading.Event().wait(0.002)


def check_book(home: Path) -> int:
    """What must hold of the restaurants' own book after any death; how many calls came again, unheard."""
    lines = read_book(home / "book.jsonl")
    heard = [(line.restaurant, line.message) for line in lines if line.what == "heard"]
    whats = Counter(line.what for line in lines)
    assert whats["paid"] == 0, "a deposit was paid"
    assert len(set(heard)) == len(heard), "a restaurant heard something twice"
    assert max(Counter(name for name, _ in heard).values(), default=0) <= 2, "called more than twice"
    return whats["again"]


def whole(home: Path, count: int) -> tuple[Outcome, set[tuple[str, str, str]]]:
    """An unbroken dinner: what came of it, and what was heard."""
    home.mkdir()
    outcome = life(home, count)
    assert outcome is not None
    check_book(home)
    return outcome, heard_in(home)


def heard_in(home: Path) -> set[tuple[str, str, str]]:
    lines = read_book(home / "book.jsonl")
    return {(line.restaurant, line.key, line.message) for line in lines if line.what == "heard"}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, set[tuple[str, str, str]]]:
    return whole(tmp_path_factory.mktemp("unbroken") / "home", FEW)


def play(home: Path, count: int, kills: list[int]) -> Outcome:
    """A dinner that is killed when so many calls were heard, and goes on until its end."""
    home.mkdir()
    silent = 2 * Counter(manners().values())[Manner.SILENT]
    again, outcome = 0, None
    for kill_at in kills:
        assert life(home, count, kill_at) is None, f"it ended before {kill_at} calls were heard"
        again = check_book(home)
    outcome = life(home, count)
    assert outcome is not None
    assert check_book(home) > again or again > silent, "it was never killed in the middle of a call"
    assert heard_twice(town_of(home), outcome.keys) == 0
    return outcome


def town_of(home: Path) -> Town:
    town = Town(home / "book.jsonl")
    town.close()
    return town


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_dinner_says_nothing_twice_and_comes_to_the_same_end(
    unbroken: tuple[Outcome, set[tuple[str, str, str]]], tmp_path: Path, seed: int
) -> None:
    expected, heard = unbroken
    kills = sorted(random.Random(seed).sample(range(1, len(heard)), 2))
    outcome = play(tmp_path / "home", FEW, kills)
    assert outcome.evening == expected.evening
    assert outcome.refused == expected.refused and len(expected.refused) == 1
    assert heard_in(tmp_path / "home") == heard


@pytest.mark.slow
def test_three_hundred_killed_again_and_again_come_to_the_same_end(tmp_path: Path) -> None:
    expected, heard = whole(tmp_path / "unbroken", ALL)
    loops = max(1, int(os.environ.get("FIRM_CRASH_LOOPS", "20")) // 20)
    for seed in range(loops):
        kills = sorted(random.Random(seed).sample(range(1, len(heard)), 2))
        outcome = play(tmp_path / f"home-{seed}", ALL, kills)
        assert outcome.evening == expected.evening
        assert heard_in(tmp_path / f"home-{seed}") == heard


def test_the_front_door_kills_its_engine_goes_on_and_counts_nothing_twice(tmp_path: Path) -> None:
    command = [sys.executable, str(diner.EXAMPLE / "dinner.py"), "--kill", "--count", "12", "--pace", "0.5"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr
    assert "kill -9 of process" in done.stdout and "came again with a known key" in done.stdout
    assert "repeated     0 " in done.stdout and "1 tried, refused by the gate; 0 USD paid" in done.stdout
    lines = read_book(tmp_path / ".dinner" / "town" / "dinner-1.jsonl")
    assert Counter(line.what for line in lines)["again"] > 0
