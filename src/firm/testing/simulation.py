"""`simulate`: the real kernel and the real store in a world where everything fails, from one seed.

One rule: first a phase in which things go wrong, then one in which nothing does and everything must come to its
end; whatever is drawn is drawn from the seed, so the same seed is the same history.
"""

import asyncio
import gc
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, cast

from firm.errors import UsageError
from firm.kernel.status import TERMINAL
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal
from firm.testing.clock import START_US
from firm.testing.corpus import reference_program
from firm.testing.door import Door, Shore, at_once
from firm.testing.fault import FAULTS, Faults
from firm.testing.history import History
from firm.testing.invariant import Evidence, check_all
from firm.testing.loop import Deadlock, SimLoop, Spinning
from firm.testing.machines import Machines
from firm.testing.node import Node, State
from firm.testing.people import People
from firm.testing.program import Program
from firm.testing.report import Report
from firm.testing.world import World, world_here

if TYPE_CHECKING:
    from firm.testing.auditor import Auditor
    from firm.testing.economy import SimFirm

LEASE_S = 10.0
GRACE_S = 60.0
PATIENCE_S = 600.0
"""After so many virtual seconds without faults everything must have come to its end (wild: two hours more)."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a history is simulated."""

    workers: int = 2
    """1: one worker on a journal of its own; more: they share it by leases."""
    faults: frozenset[str] = frozenset(FAULTS)
    """Kinds of `firm.testing.fault.FAULTS` that may happen."""
    harm_s: float = 40.0
    """How long they may, in virtual seconds."""
    shuffle: bool = True
    """Whether callbacks that are ready run in an order drawn from the seed, not first in, first out."""
    wild: bool = False
    """Pauses up to ten minutes and clocks that jump by an hour, not just by half a minute."""

    def __str__(self) -> str:
        faults = ", ".join(sorted(self.faults)) or "none"
        return (
            f"workers={self.workers} harm_s={self.harm_s:.0f} shuffle={self.shuffle} wild={self.wild} "
            f"faults: {faults}"
        )

    @classmethod
    def draw(cls, seed: int) -> "Options":
        """Options for a seed: often few kinds of faults, sometimes all."""
        random = Random(f"options/{seed}")
        count = random.choice((0, 2, 3, 4, len(FAULTS)))
        return cls(
            workers=random.choice((1, 2)),
            faults=frozenset(random.sample(list(FAULTS), count)),
            harm_s=random.choice((15.0, 30.0, 60.0)),
            shuffle=random.random() < 0.7,
            wild=random.random() < 0.05,
        )


class _Simulation:
    def __init__(self, program: Program, seed: int, options: Options) -> None:
        self.program, self.seed, self.options = program, seed, options
        random = Random(seed)
        scheduler, latency, things, nodes, people, faults, jitter, self.checks = (
            Random(random.random()) for _ in range(8)
        )
        self.jitter, self._fault_random, self._people_random = jitter, faults, people
        threads = Random(random.random())
        self.loop = SimLoop(scheduler if options.shuffle else None, lambda: threads.random() * 0.8)
        self.history = History(self.loop.time)
        self.journal = SqliteJournal.open(None, threaded=False, now_us=self._true_us)
        shared = options.workers > 1
        self.shore = Shore(self.journal, self.history, latency, shared=shared)
        self.world = World(self.history, things)
        self.machines = Machines(
            self.loop,
            self.shore,
            self.history,
            nodes,
            make=self._make_worker,
            count=options.workers,
            open=None if program.economics is None else _open_firm,
        )
        self.auditor = _auditor(program, self.history, self.journal)

    def _true_us(self) -> int:
        return START_US + round(self.loop.time() * 1e6)

    def _make_worker(self, node: Node, door: Door) -> Worker:
        shared = self.options.workers > 1
        return Worker(
            door,
            id=node.name,
            clock=node,
            randomness=self.jitter,
            ids=_Ids(),
            cancel_grace_s=GRACE_S,
            lease_s=LEASE_S if shared else None,
            confirm_dead=self.machines.confirm_dead if shared else None,
            firm=self.auditor.firm(node) if self.auditor is not None else None,
        )

    def run(self) -> Report:
        """The whole history, then the checkers."""
        try:
            self.loop.run_until_complete(self._live())
        except (Deadlock, Spinning) as endless:
            self.history.violated(f"I5: {endless}")
        report = self._report()
        self._bury()
        return report

    async def _live(self) -> None:
        world_here.set(self.world)
        options = self.options
        people = People(
            self.machines,
            self.history,
            self.world,
            self._people_random,
            rush_s=options.harm_s / 3,
            founder=self.auditor.founder(self._people_random) if self.auditor is not None else None,
        )
        self.machines.fill()
        people.begin(self.program.jobs)
        faults = Faults(self.machines, self.shore, options.faults, self._fault_random, wild=options.wild)
        await asyncio.sleep(options.harm_s)
        faults.stop()
        self.world.rough = False
        self.machines.calm()
        self.history.note("--- no more faults")
        await self._settle()
        people.stop()
        await asyncio.sleep(5)
        self._check_memory()
        self.machines.restarting = False
        for node in self.machines.living():
            await self.machines.stop(node, 5.0)
            if node.state is State.CRASHED:  # it had to be killed
                self.history.violated(f"I5: {node.name} could not be closed")

    async def _settle(self) -> None:
        deadline_s = self.loop.time() + PATIENCE_S + (7200.0 if self.options.wild else 0.0)
        wait_s = 0.5
        while not self._settled() and self.loop.time() < deadline_s:
            await asyncio.sleep(wait_s)
            wait_s = min(20.0, wait_s * 1.2)

    def _settled(self) -> bool:
        standings = at_once(self.journal.standings(limit=100_000))
        begun = {standing.run for standing in standings}
        return (
            all(standing.status in TERMINAL for standing in standings)
            and all(job.id in begun for job in self.program.jobs)
            and (self.auditor is None or self.auditor.settled())
        )

    def _check_memory(self) -> None:
        """I15: nothing is kept of what has ended."""
        for node in self.machines.living():
            assert node.worker is not None
            if node.worker.active:
                self.history.violated(f"I15: {node.name} still carries {sorted(node.worker.active)}")
            if node.worker.fatal is not None:
                error = node.worker.fatal
                self.history.violated(
                    f"I5: the engine of {node.name} stopped: {type(error).__name__}: {error}"
                )

    def _report(self) -> Report:
        history = self.history
        for text in self.loop.errors:
            history.violated(f"a callback of the engine raised: {text}")
        evidence = Evidence(self.journal, history, self.program.jobs)
        for text in check_all(evidence, cancel_grace_s=GRACE_S, random=self.checks):
            history.violated(text)
        for text in self.auditor.check(evidence) if self.auditor is not None else ():
            history.violated(text)
        for check in self.program.checks:
            for text in check(evidence):
                history.violated(text)
        head = self.journal.writer.head
        mark = (head.event, head.commits, head.hash, self.loop.steps, len(history.ledger), history.violations)
        return Report(
            self.seed,
            self.program.name,
            str(self.options),
            list(history.violations),
            history.trace() if history.violations else [],
            hashlib.sha256(repr(mark).encode()).hexdigest()[:16],
            events=len(history.events),
            commits=history.commits,
            executions=len(history.ledger),
            workers=len(self.machines.nodes),
            virtual_s=self.loop.time(),
        )

    def _bury(self) -> None:
        for node in self.machines.nodes:
            node.state = State.CRASHED
            if node.worker is not None:
                for run in list(node.worker.active.values()):
                    run.evict()
        self.loop.bury()
        self.loop.close()
        self.journal.close()


async def _open_firm(worker: Worker, journal: Door) -> None:
    firm = cast("SimFirm", worker.firm)
    await firm.open(worker, journal)


def _auditor(program: Program, history: History, journal: SqliteJournal) -> "Auditor | None":
    if program.economics is None:
        return None
    from firm.testing.auditor import Auditor

    return Auditor(program.economics, history, journal)


class _Ids:
    def draw(self) -> str:
        """Every simulated run has a name of its own already."""
        raise NotImplementedError


@contextmanager
def _quiet() -> Iterator[None]:
    """Log lines of simulated trouble go nowhere; no collection of garbage runs finalizers in the middle."""
    logs = [logging.getLogger(name) for name in ("firm", "asyncio")]
    before = [log.disabled for log in logs]
    collecting = gc.isenabled()
    for log in logs:
        log.disabled = True
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        for log, disabled in zip(logs, before, strict=True):
            log.disabled = disabled


def simulate(program: Program, *, seed: int, options: Options | None = None, shrink: bool = False) -> Report:
    """One history of a program under faults, checked against the invariants.

    Args:
        program: What runs; see `firm.testing.program`.
        seed: Of everything that is drawn; the same seed gives the same history.
        options: None: drawn from the seed.
        shrink: If it fails, leave out kinds of faults one by one and report the fewest that still fail.

    Raises:
        UsageError: a program with money on several workers.
    """
    options = options or Options.draw(seed)
    if program.economics is not None and options.workers != 1:
        raise UsageError(
            f"workers={options.workers!r}: a ledger belongs to one worker; give Options(workers=1)"
        )
    with _quiet():
        report = _Simulation(program, seed, options).run()
        if shrink and not report.ok:
            return _shrunk(program, seed, options, report)
    return report


def _shrunk(program: Program, seed: int, options: Options, report: Report) -> Report:
    for kind in sorted(options.faults):
        fewer = replace(options, faults=options.faults - {kind})
        other = _Simulation(program, seed, fewer).run()
        if not other.ok:
            options, report = fewer, other
    report.needed = tuple(sorted(options.faults))
    return report


def simulate_seed(seed: int, *, shrink: bool = False) -> Report:
    """One history of the reference program and the options that belong to this seed."""
    return simulate(reference_program(seed), seed=seed, shrink=shrink)
