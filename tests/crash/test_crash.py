"""Real processes that really die: at each commit in turn, at random by `kill -9`, and on a full disk.

`FIRM_CRASH_LOOPS=500` makes the `kill -9` loops longer (`make check-long` runs a longer one too).
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.crash.engine import EXPECTED, KILLED, ledger

from firm.kernel.value import BUILTIN
from firm.store.sqlite import SqliteJournal
from firm.testing.door import at_once

ENGINE = Path(__file__).parent / "engine.py"
SOURCE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


def start(home: Path, mode: str = "never", count: int = 0) -> "subprocess.Popen[str]":
    """The engine in a process of its own."""
    home.mkdir(exist_ok=True)
    command = [sys.executable, str(ENGINE), str(home), mode, str(count)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(home: Path, mode: str = "never", count: int = 0) -> dict[str, Any] | None:
    """Run it to its end; None if it died as it was told to."""
    process = start(home, mode, count)
    out, err = process.communicate(timeout=60)
    if process.returncode == KILLED:
        return None
    assert process.returncode == 0, err
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def check(home: Path, result: dict[str, Any]) -> None:
    """The result is right, the journal sound, and nothing happened that must not."""
    assert result["status"] == "succeeded"
    assert BUILTIN.decode(bytes.fromhex(result["body"])) == EXPECTED
    done = ledger(home)
    once = Counter(line[4] for line in done if line[0] == "once")
    assert len(once) == 6 and set(once.values()) == {1}, once
    keyed = {(line[1], line[2], line[3]): line[4] for line in done if line[0] == "keyed"}
    assert len(keyed) == 2 and all(
        line[4] == keyed[line[1], line[2], line[3]] for line in done if line[0] == "keyed"
    )
    journal = SqliteJournal.open(home, threaded=False)
    try:
        assert journal.audit() == []
        assert journal.verify() > 0
    finally:
        journal.close()


def known_results(home: Path) -> set[tuple[str, int]]:
    """Calls whose result stands in the journal: (run, place) of first generations."""
    if not (home / "journal.db").exists():
        return set()
    journal = SqliteJournal.open(home, threaded=False)
    try:
        runs = [standing.run for standing in at_once(journal.standings())]
        events = [event for run in runs for event in at_once(journal.read(run, whole=True))]
    finally:
        journal.close()
    found, generation = set(), Counter[str]()
    for event in events:
        generation[event.run] += event.kind == 1
        if event.kind == 2 and generation[event.run] == 1:
            found.add((event.run, event.place))
    return found


def test_a_death_at_any_commit_loses_nothing_and_repeats_no_effect(tmp_path: Path) -> None:
    whole = finish(tmp_path / "whole")
    assert whole is not None
    check(tmp_path / "whole", whole)
    commits = whole["commits"]

    def die(point: tuple[str, int]) -> None:
        mode, count = point
        home = tmp_path / f"{mode}-{count}"
        result = finish(home, mode, count) or finish(home)
        assert result is not None
        check(home, result)

    points = [(mode, count) for count in range(1, commits + 1) for mode in ("before", "after")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(die, points))


def whole_s(home: Path) -> float:
    """How long it takes when nobody kills it."""
    began = time.monotonic()
    assert finish(home) is not None
    return time.monotonic() - began


def kill_at_random(home: Path, chance: random.Random, longest_s: float) -> int:
    """Start it and kill it until it comes through; how often it was killed."""
    kills = 0
    while True:
        before, first = known_results(home), len(ledger(home))
        process = start(home)
        try:
            out, err = process.communicate(
                timeout=chance.uniform(0.3, 0.95) * longest_s if kills < 12 else 60
            )
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=20)
            kills += 1
            out = ""
        again = [line for line in ledger(home)[first:] if line[2] == 1 and (line[1], line[3]) in before]
        assert again == [], "steps were repeated whose result was known"
        if out:
            assert process.returncode == 0, err
            check(home, json.loads(out.splitlines()[-1]))
            return kills


def test_kill_9_at_random_moments_loses_nothing_and_repeats_no_known_result(tmp_path: Path) -> None:
    began, kills = time.monotonic(), 0
    loops, longest_s = int(os.environ.get("FIRM_CRASH_LOOPS", "5")), whole_s(tmp_path / "whole")
    for number in range(loops):
        kills += kill_at_random(tmp_path / f"home-{number}", random.Random(number), longest_s)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s")
    assert kills > 0


@pytest.mark.slow
def test_kill_9_in_long_loops(tmp_path: Path) -> None:
    longest_s = whole_s(tmp_path / "whole")
    for number in range(100):
        kill_at_random(tmp_path / f"home-{number}", random.Random(1000 + number), longest_s)
