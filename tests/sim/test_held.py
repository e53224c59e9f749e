"""Histories in which brakes hold calls of every kind back at random, and let them go: no invariant may notice."""

import asyncio
from random import Random
from typing import Any

import pytest

from firm.errors import JournalError
from firm.kernel.call import Ask, Call
from firm.kernel.run import Run
from firm.kernel.worker import Worker
from firm.testing import simulate_seed, simulation

SEEDS = 100
HELD: list[str] = []
LEFT: list[str] = []


class Holding:
    """A brake that says what a coin says, and lets go after a while."""

    def __init__(self, worker: "HoldingWorker") -> None:
        self._worker = worker

    def look(self, run: Run, call: Call | None) -> str:
        return self._word(run, call)

    def begins(self, run: Run, call: Call) -> str:
        return self._word(run, call)

    def left(self, key: str) -> None:
        assert key == "coin"
        LEFT.append(key)

    def _word(self, run: Run, call: Call | None) -> str:
        if call is not None and (call.intent or isinstance(call.what, Ask)):
            return ""
        if self._worker.coin.random() > 0.05:
            return ""
        HELD.append("next generation" if call is None else type(call.what).__name__)
        return "coin"


class HoldingWorker(Worker):
    """Holds calls by its coin, and any call of a step as an attempt that raises `Held` does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.coin = Random(self.id)
        self.brake = Holding(self)

    async def start(self, *, resume: bool = True) -> None:
        await super().start(resume=resume)
        self._spawn(self._lets_go(), "coin")

    def start_call(self, run: Run, call: Call) -> None:
        if run.pace is None and not self.stopping and not run.halted and self.brake is not None:
            key = self.brake.look(run, call)
            if isinstance(key, str) and key:
                self.hold(run, call, key)
                self.quiet(run)
                return
        super().start_call(run, call)

    async def _lets_go(self) -> None:
        while True:
            await asyncio.sleep(1 + 4 * self.coin.random())
            try:
                await self.find_held()
            except JournalError:
                continue
            self.free("coin", 1 + int(9 * self.coin.random()))


def test_what_is_held_and_let_go_breaks_no_invariant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "Worker", HoldingWorker)
    for found in (HELD, LEFT):
        found.clear()
    reports = [simulate_seed(seed) for seed in range(SEEDS)]
    failed = [report for report in reports if not report.ok]
    assert not failed, "\n\n".join(str(report) for report in failed[:3])
    assert {"StepDef", "WorkflowDef", "Send", "next generation"} <= set(HELD) and LEFT
