"""The simulator itself: a history is a function of its seed, and what is planted is found."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firm.kernel import sleep, step, workflow
from firm.testing import (
    FAULTS,
    Job,
    Options,
    Program,
    VirtualClock,
    act,
    look_up,
    reference_program,
    returns,
    simulate,
    simulate_seed,
)
from firm.testing.corpus import add
from firm.testing.loop import Deadlock, SimLoop
from firm.testing.node import Node, State, here

SOURCE = Path(__file__).parents[2] / "src"


def test_the_same_seed_gives_the_same_history() -> None:
    for seed in (3, 12, 44):
        assert simulate_seed(seed).fingerprint == simulate_seed(seed).fingerprint


def test_other_seeds_give_other_histories() -> None:
    assert len({simulate_seed(seed).fingerprint for seed in range(10)}) == 10


def test_a_history_does_not_depend_on_the_hash_seed_of_the_process() -> None:
    code = "from firm.testing import simulate_seed\nfor s in range(24): print(simulate_seed(s).fingerprint)"
    seen = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert seen[0] == seen[1]


@step(effect="once", reconcile=look_up)
async def buy(cents: int) -> int:
    return await act("once", cents)


@workflow
async def shop(cents: int) -> int:
    await sleep(3)
    return await buy(cents)


@workflow
async def rooted() -> str:
    """Says where it runs, which no workflow may: it differs in the next life."""
    for number in range(8):
        await add(number, 1)
    node = here.get()
    return node.name if node else "w1"


@workflow
async def wrong(cents: int) -> int:
    return cents + 1


def test_a_program_of_ones_own_is_simulated() -> None:
    program = Program("shop", (Job("shop-1", shop, (5,)), Job("shop-2", shop, (6,))))
    for seed in range(20):
        report = simulate(program, seed=seed)
        assert report.ok, report


def test_a_wrong_result_is_a_violation() -> None:
    report = simulate(Program("wrong", (Job("w", wrong, (5,), expect=returns(5)),)), seed=1)
    assert report.violations == ["result of run 'w': expected 5, got succeeded 6"]
    assert "seed 1: 1 violation(s)" in str(report)


def test_what_fails_is_shrunk_to_the_faults_it_needs() -> None:
    program = Program("rooted", (Job("r", rooted, expect=returns("w1")),))
    options = Options(workers=1, faults=frozenset({"crash", "slow", "clock"}), harm_s=30)
    reports = (simulate(program, seed=seed, options=options, shrink=True) for seed in range(200))
    failed = next(report for report in reports if not report.ok)
    assert failed.needed is not None and "crash" in failed.needed and "clock" not in failed.needed


def test_every_kind_of_fault_leaves_a_trace_in_some_history() -> None:
    for kind in FAULTS:
        options = Options(faults=frozenset({kind}), harm_s=120)
        calm = Options(faults=frozenset(), harm_s=120)
        marks = [
            simulate(reference_program(seed), seed=seed, options=chosen).fingerprint
            for seed in range(4)
            for chosen in (options, calm)
        ]
        assert any(one != other for one, other in zip(marks[::2], marks[1::2], strict=True)), kind


def test_time_jumps_to_the_next_timer() -> None:
    loop = SimLoop()
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() == pytest.approx(86_400)
    loop.close()


def test_waiting_for_nothing_is_a_deadlock() -> None:
    loop = SimLoop()
    with pytest.raises(Deadlock):
        loop.run_until_complete(loop.create_future())
    loop.bury()
    loop.close()


def test_a_crashed_node_runs_no_finally_and_a_paused_one_goes_on() -> None:
    loop = SimLoop()
    said: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(1)
            said.append(f"{name} ends")
        finally:
            said.append(f"{name} tidies up")

    async def main() -> None:
        crashed, paused = Node("a", loop), Node("b", loop)
        crashed.spawn(work("a"))
        paused.spawn(work("b"))
        await asyncio.sleep(0.5)
        crashed.state, paused.state = State.CRASHED, State.PAUSED
        await asyncio.sleep(10)
        assert said == []
        loop.resume(paused)
        await asyncio.sleep(0.1)

    loop.run_until_complete(main())
    assert said == ["b ends", "b tidies up"]
    loop.bury()
    loop.close()


def test_a_virtual_clock_is_turned_by_hand() -> None:
    clock = VirtualClock()
    before = clock.now_us()
    clock.advance(1.5)
    assert clock.now_us() - before == 1_500_000
    clock.advance(-3600)
    assert clock.now_us() < before
