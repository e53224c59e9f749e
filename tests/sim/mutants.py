"""The mutant gate: bugs planted on purpose, each of which the simulator must find.

One rule: a mutant is put in at run time and taken out again; no file changes. `python -m tests.sim.mutants` runs
them all and writes docs/mutants.md.
"""

import asyncio
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.sim.agent_mutants import AGENT_MUTANTS
from tests.sim.money_mutants import MONEY_MUTANTS

from firm.errors import JournalError
from firm.kernel import halt
from firm.kernel.attempt import Attempts
from firm.kernel.carrier import Carrier
from firm.kernel.claims import Claims
from firm.kernel.context import StepInfo
from firm.kernel.journal import Event, Kind, Refused
from firm.kernel.loop import RunLoop
from firm.kernel.mark import plain, unmarked
from firm.kernel.outbox import Outbox
from firm.kernel.run import Run
from firm.kernel.status import TERMINAL, Status
from firm.store import batch as store_batch
from firm.store import claim as store_claim
from firm.store.batch import Batch
from firm.testing import (
    FAULTS,
    Job,
    Options,
    Program,
    Report,
    corpus,
    loop,
    returns,
    simulate,
    simulate_seed,
    simulation,
)

BUDGET = 400
"""Seeds after which a mutant counts as having survived."""
DOC = Path(__file__).parents[2] / "docs" / "mutants.md"

Patch = tuple[Any, str, Any]


@dataclass(frozen=True)
class Mutant:
    """One planted bug."""

    name: str
    make: Callable[[], list[Patch]]
    """(object, attribute, replacement) of each change."""
    history: Callable[[int], Report] = simulate_seed
    """What is simulated for a seed."""


MUTANTS: list[Mutant] = []


def mutant(
    name: str, history: Callable[[int], Report] = simulate_seed
) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    """Plant the bug of this name; `history` aims at it where it would seldom be met."""

    def plant(make: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        MUTANTS.append(Mutant(name, make, history))
        return make

    return plant


SHORT: list[Patch] = [(loop, "MAX_STEPS", 60_000), (simulation, "PATIENCE_S", 200.0)]
"""A mutant may spin for ever; sound histories are far shorter than this."""


@contextmanager
def planted(patches: list[Patch]) -> Iterator[None]:
    """While this lasts the bug is in."""
    with ExitStack() as stack:
        for target, attribute, replacement in [*SHORT, *patches]:
            stack.enter_context(patch.object(target, attribute, replacement))
        yield


def aimed(*kinds: str, workers: int, jobs: tuple[Job, ...], **every_s: float) -> Callable[[int], Report]:
    """Histories of these jobs with these kinds of faults only; `every_s`: some of them more often, by kind."""

    def history(seed: int) -> Report:
        options = Options(workers=workers, faults=frozenset({*kinds, *every_s}), harm_s=60.0)
        with patch.dict(FAULTS, every_s):
            return simulate(Program("aimed", jobs), seed=seed, options=options)

    return history


def _in_order(status: Status, value: Any) -> str | None:
    last: dict[str, int] = {}
    for sender, number in value:
        if number != last.get(sender, -1) + 1:
            return f"out of order: {value!r}"
        last[sender] = number
    return None


PAYMENTS = tuple(Job(f"pay-{number}", corpus.settle_up, (10 * number,)) for number in range(4))
LETTERS = (
    Job("sink", corpus.collect, (18,), expect=_in_order),
    *(Job(f"from-{number}", corpus.deliver, ("sink", 0, 6)) for number in range(3)),
)
QUESTIONS = (Job("inquire", corpus.inquire, (1,)),)
STOPS = (
    Job("tree", corpus.branch, (3,), halt=True, expect=returns(8)),
    Job("pay-0", corpus.settle_up, (10,), halt=True),
    Job("slumber", corpus.slumber, (3,), halt=True, expect=returns(6)),
    Job("wide", corpus.family, (3,), halt=True, expect=returns([1, 2, 3, 1, 2, 8])),
)
MARKS = (
    Job("gullible", corpus.gullible, (3,), expect=returns(["child 0", "child 1", "letter", "web"])),
    Job("writer", corpus.write_letter, ("gullible",), expect=returns(1)),
    Job("mission", corpus.mission, (2,), charter=b"m", expect=returns(corpus.MISSION)),
)


# --- the journal ---------------------------------------------------------------------------------------------


@mutant("no fencing: lines of a stale epoch are written")
def _() -> list[Patch]:
    def left_out(runs: Any, events: Any, also: Any) -> frozenset[str]:
        return frozenset()

    return [(store_batch, "left_out", left_out)]


@mutant("a claim does not raise the epoch")
def _() -> list[Patch]:
    take = store_claim.Claim._take

    def same_epoch(self: Any, run: str) -> Any:
        claimed = take(self, run)
        if claimed is not None:
            self._db.execute("UPDATE runs SET epoch = epoch - 1 WHERE id = ?", (run,))
            self._runs.clear()
        return claimed

    return [(store_claim.Claim, "_take", same_epoch)]


@mutant("ended runs wake up again: terminal states do not absorb")
def _() -> list[Patch]:
    stand = Batch._stand

    def forgetful(self: Any, lines: Any) -> None:
        stand(self, lines)
        for line in lines:
            if line.status in TERMINAL:
                row = (line.at_us, line.run)
                self._db.execute("UPDATE runs SET status = 'suspended', wake_at_us = ? WHERE id = ?", row)

    return [(Batch, "_stand", forgetful)]


@mutant("duplicate mail is not dropped")
def _() -> list[Patch]:
    deliver = Batch._deliver

    def twice(self: Any, line: Any) -> None:
        deliver(self, line)
        self._db.execute("DELETE FROM seen WHERE sender = ? AND id = ?", (line.sender, line.id))

    return [(Batch, "_deliver", twice)]


@mutant(
    "a question closes twice: the second answer is confirmed too",
    aimed("slow", workers=2, jobs=QUESTIONS),
)
def _() -> list[Patch]:
    answer = Batch._answer

    def generous(self: Any, line: Any) -> None:
        answer(self, line)
        self._lost_answers.clear()

    return [(Batch, "_answer", generous)]


@mutant("a worker that claims what it already owns, unawares, is refused")
def _() -> list[Patch]:
    init = store_claim.Claim.__init__

    def strict(self: Any, *args: Any) -> None:
        init(self, *args)
        take = self._take

        def only_others(run: str) -> Any:
            row = self._db.execute("SELECT owner FROM runs WHERE id = ?", (run,)).fetchone()
            return None if row and row[0] == self._number else take(run)

        self._take = only_others

    return [(store_claim.Claim, "__init__", strict)]


# --- writing and recovery --------------------------------------------------------------------------------------


@mutant("a commit error is taken for a failure: what was written is written again")
def _() -> list[Patch]:
    async def never(self: Any, batch: Any) -> None:
        return None

    return [(Outbox, "_landed", never)]


@mutant("a commit error is taken for success: what was not written is given up")
def _() -> list[Patch]:
    async def always(self: Any, batch: Any) -> Refused:
        return Refused()

    return [(Outbox, "_landed", always)]


@mutant("confirmed before it is on disk")
def _() -> list[Patch]:
    def at_once(self: Any, ack: Any) -> None:
        self.poke()
        asyncio.get_running_loop().call_soon(ack, Refused())

    return [(Outbox, "ack", at_once)]


@mutant("told before it is written: the run sees an event before the commit")
def _() -> list[Patch]:
    async def hasty(self: Any) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            batch, self.batch = self.batch, type(self.batch)()
            self._committed(batch)
            batch.refused = await self._commit(batch)
            batch.mail = await self._new_mail()
            for mail in batch.mail:
                self._committed.__self__._mail_in(mail)
            if not self._dirty.is_set():
                self._idle.set()

    return [(Outbox, "run", hasty)]


@mutant("an error during recovery is swallowed", aimed(workers=1, jobs=PAYMENTS, crash=5.0, read_error=1.5))
def _() -> list[Patch]:
    async def once(self: Any) -> None:
        carrier = self._carrier
        try:
            found = await carrier.journal.claimable(carrier.clock.now_us(), limit=500)
            wake_us = await carrier.journal.next_wake_us()
        except JournalError:
            return
        self.want(
            [run_id for run_id in found if run_id not in carrier.active and run_id not in carrier.parking]
        )
        if wake_us is not None:
            carrier.note_wake(wake_us)

    return [(Claims, "recover", once)]


@mutant("nobody notes when a suspended run wants to wake")
def _() -> list[Patch]:
    return [(Carrier, "note_wake", lambda self, wake_us: None)]


@mutant("mail that was read before a claim is taken again after it")
def _() -> list[Patch]:
    new_life = Carrier.new_life

    def unaware(self: Any, claimed: Any, definition: Any) -> Any:
        run = new_life(self, claimed, definition)
        run.mail_upto = 0
        return run

    return [(Carrier, "new_life", unaware)]


@mutant(
    "mail that comes during a claim waits for the next one",
    aimed("slow", "commit_before", workers=1, jobs=LETTERS),
)
def _() -> list[Patch]:
    adopt = Carrier.adopt_run

    def deaf(self: Any, run: Any, mail: Any) -> None:
        self._early.clear()
        adopt(self, run, mail)

    return [(Carrier, "adopt_run", deaf)]


# --- effects -----------------------------------------------------------------------------------------------------


@mutant("the effect comes before its intent is on disk")
def _() -> list[Patch]:
    start = Carrier._start_step

    def early(self: Any, run: Any, call: Any, definition: Any) -> None:
        fresh = not call.intent
        start(self, run, call, definition)
        if fresh and call.intent:
            self._attempts.begin(run, call)

    return [(Carrier, "_start_step", early), (Carrier, "intent_written", lambda self, run, call: None)]


@mutant("an effect in doubt is blindly repeated")
def _() -> list[Patch]:
    return [(Attempts, "doubt", lambda self, run, call, why: self.not_done(run, call))]


@mutant(
    "an effect in doubt is looked into while the old worker may live",
    aimed("pause", workers=2, jobs=PAYMENTS),
)
def _() -> list[Patch]:
    async def surely(self: Any, worker: str) -> bool:
        return True

    return [(Carrier, "confirm_dead", surely)]


@mutant("the idempotency key differs from attempt to attempt")
def _() -> list[Patch]:
    key = StepInfo.key.fget  # type: ignore[attr-defined]
    return [(StepInfo, "key", property(lambda self: f"{key(self)}-{self.attempt}"))]


@mutant("an attempt that is cancelled before it began never ends")
def _() -> list[Patch]:
    return [(Attempts, "give_up", lambda self, run, call, task: task.cancel())]


# --- runs ----------------------------------------------------------------------------------------------------------


@mutant("places by scheduling order: a call gets its number when it happens to be awaited")
def _() -> list[Patch]:
    call_step, order = Run.call_step, Random(7)

    async def awaited(self: Any, definition: Any, args: Any, kwargs: Any) -> Any:
        return await call_step(self, definition, args, kwargs)

    def fire_soon(self: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        handle = call_soon(self, callback, *args, context=context)
        self._ready.insert(order.randrange(len(self._ready)), self._ready.pop())
        return handle

    call_soon = RunLoop.call_soon
    return [(Run, "call_step", awaited), (RunLoop, "call_soon", fire_soon)]


@mutant("replay delivers results in the order of calls, not in that of the journal")
def _() -> list[Patch]:
    replay = Run.replay

    def sorted_replay(self: Any, events: list[Event]) -> None:
        outcomes = iter(sorted((one for one in events if one.kind in (2, 3)), key=lambda one: one.place))
        replay(self, [next(outcomes) if one.kind in (2, 3) else one for one in events])

    return [(Run, "replay", sorted_replay)]


@mutant("a held call is started before the history is delivered")
def _() -> list[Patch]:
    begin = Run._begin

    def early(self: Any, call: Any) -> None:
        begin(self, call)
        if self.replaying and call in self._held and self._left > 0 and hasattr(self.host, "journal"):
            self._held.remove(call)
            self.host.start_call(self, call)

    return [(Run, "_begin", early)]


@mutant("eviction is a cancel: `finally` runs and its steps are journaled")
def _() -> list[Patch]:
    def drop(self: Any, run: Any) -> None:
        if run.main is not None and run.over is False and not run.main.done():
            run.main.cancel()
            run.loop.drain()
        original(self, run)

    original = Carrier._drop
    return [(Carrier, "_drop", drop)]


@mutant("a cancel does not reach a run that sleeps")
def _() -> list[Patch]:
    on_cancel = Run._on_cancel
    from firm.kernel import run as module

    def deaf(self: Any, event: Any) -> None:
        if not self.loop.timers:
            on_cancel(self, event)

    handlers = {**module._HANDLERS, Kind.CANCEL: deaf}
    return [(module, "_HANDLERS", handlers)]


@mutant("a run ends before its children")
def _() -> list[Patch]:
    return [(Run, "ended", lambda self: self.outcome is not None)]


@mutant("a timer fires twice")
def _() -> list[Patch]:
    due = RunLoop.due

    def again(self: Any, now_us: int) -> Any:
        found = due(self, now_us)
        return [one for one in found for _ in range(2)]

    return [(RunLoop, "due", again)]


@mutant(
    "a refused write of an earlier life throws the present one out",
    aimed(workers=2, jobs=PAYMENTS, pause=6.0, slow=6.0, commit_before=4.0, commit_after=4.0, disk_full=10.0),
)
def _() -> list[Patch]:
    after = Carrier._after_batch

    def blunt(self: Any, batch: Any) -> None:
        for run_id in batch.refused.runs:
            run = self.active.get(run_id)
            if run is not None:
                self._lose(run)
        batch.refused = Refused()
        after(self, batch)

    return [(Carrier, "_after_batch", blunt)]


# --- marks and charters --------------------------------------------------------------------------------------------


def _posts_unmarked(*kinds: int) -> list[Patch]:
    post = Carrier._post

    def forgetful(self: Any, run: Any, to: str, kind: int, id: str, *rest: Any) -> None:
        if rest and kind in kinds:
            *rest_but_body, body = rest
            rest = (*rest_but_body, plain(body))
        post(self, run, to, kind, id, *rest)

    return [(Carrier, "_post", forgetful)]


@mutant("a mark is dropped at the end of a child", aimed("crash", "slow", workers=1, jobs=MARKS))
def _() -> list[Patch]:
    return _posts_unmarked(Kind.DONE, Kind.FAILED)


@mutant("a mark is dropped over a message", aimed("crash", "slow", workers=1, jobs=MARKS))
def _() -> list[Patch]:
    return _posts_unmarked(Kind.MESSAGE)


@mutant("a mark is dropped over the generations", aimed("crash", "slow", workers=1, jobs=MARKS))
def _() -> list[Patch]:
    go_on = Carrier._continue

    def clean(self: Any, run: Any, outcome: Any) -> None:
        run.marks = frozenset()
        go_on(self, run, outcome)

    return [(Carrier, "_continue", clean)]


@mutant("a child begins without the marks of its parent", aimed("crash", "slow", workers=1, jobs=MARKS))
def _() -> list[Patch]:
    begin = Carrier.new_run

    def clean(self: Any, *args: Any, parent: Any = None, **options: Any) -> Any:
        marks = parent.marks if parent is not None else frozenset()
        if parent is not None:
            parent.marks = frozenset()
        run = begin(self, *args, parent=parent, **options)
        if parent is not None:
            parent.marks = marks
        return run

    return [(Carrier, "new_run", clean)]


@mutant(
    "the marks of a failed attempt and of a result are told but not written",
    aimed("crash", workers=1, jobs=MARKS),
)
def _() -> list[Patch]:
    end = Attempts._end

    def unwritten(self: Any, run: Any, call: Any, kind: Any, body: bytes) -> None:
        run.marks |= unmarked(body)[1]
        end(self, run, call, kind, plain(body))

    return [(Attempts, "_end", unwritten)]


@mutant(
    "a child has the charter of its parent, whatever block it was called in",
    aimed("slow", workers=1, jobs=MARKS),
)
def _() -> list[Patch]:
    start = Carrier._start_child

    def wide(self: Any, run: Any, call: Any, definition: Any) -> None:
        call.charter = None
        start(self, run, call, definition)

    return [(Carrier, "_start_child", wide)]


# --- stopping --------------------------------------------------------------------------------------------------------


@mutant("a stop does not reach what is in memory: attempts go on", aimed("slow", workers=1, jobs=STOPS))
def _() -> list[Patch]:
    return [
        (Carrier, "begin_halt", lambda self, run_ids: None),
        (Carrier, "drop_halted", lambda self, run_ids: None),
    ]


@mutant("a stop does not cancel the attempts under way", aimed("slow", workers=1, jobs=STOPS))
def _() -> list[Patch]:
    drop = Carrier.drop_halted

    def gently(self: Any, run_ids: Any) -> None:
        with patch.object(Attempts, "cancel", lambda self, run: None):
            drop(self, run_ids)

    return [(Carrier, "drop_halted", gently)]


@mutant("a stop misses the descendants", aimed("slow", workers=1, jobs=STOPS))
def _() -> list[Patch]:
    async def only_these(journal: Any, run_ids: Any) -> Any:
        found = [await journal.standing(run_id) for run_id in run_ids]
        return [one for one in found if one.status not in TERMINAL]

    return [
        (halt, "unfinished_tree", only_these),
        (Carrier, "begin_halt", lambda self, run_ids: None),
    ]


@mutant(
    "a stopped run is claimed like any other when mail comes", aimed("slow", "crash", workers=1, jobs=STOPS)
)
def _() -> list[Patch]:
    from firm.kernel import claims

    reasons = tuple(reason for reason in claims.STUCK_REASONS if reason != "stopped")
    return [(store_claim.Claim, "_may_end", lambda self, number: True), (claims, "STUCK_REASONS", reasons)]


@mutant("a stop does not raise the epoch", aimed("slow", "pause", workers=2, jobs=STOPS))
def _() -> list[Patch]:
    stop = Batch._halt

    def gentle(self: Any, line: Any) -> None:
        live = self._runs.find(line.run)
        before = live.epoch if live is not None else 0
        stop(self, line)
        if live is not None and live.epoch != before:
            live.epoch = before
            self._db.execute("UPDATE runs SET epoch = epoch - 1 WHERE id = ?", (line.run,))

    return [(Batch, "_halt", gentle)]


@mutant("a release forgets what the run began", aimed("slow", workers=1, jobs=STOPS))
def _() -> list[Patch]:
    releases = halt.releases
    return [(halt, "releases", lambda standings, at_us: releases(standings, at_us)[:1])]


MUTANTS += [Mutant(*one) for one in (*MONEY_MUTANTS, *AGENT_MUTANTS)]


# --- the gate --------------------------------------------------------------------------------------------------------


def first_failure(number: int) -> tuple[int, int | None, str]:
    """Number of the mutant, the first seed that finds it, and what was violated."""
    logging.disable(logging.CRITICAL)
    one = MUTANTS[number]
    try:
        seed, found = _hunt(one)
        if seed is not None:
            with planted([]):
                sound = one.history(seed)
            assert sound.ok, f"without the mutant {one.name!r} its seed fails too:\n{sound}"
        return number, seed, found
    finally:
        logging.disable(logging.NOTSET)


def _hunt(one: Mutant) -> tuple[int | None, str]:
    with planted(one.make()):
        for seed in range(BUDGET):
            try:
                report = one.history(seed)
            except Exception as error:
                return seed, f"the simulator raised {type(error).__name__}"
            if not report.ok:
                return seed, _checker(report.violations)
    return None, ""


def _checker(violations: list[str]) -> str:
    """The name of what was violated: `I1`, `K3`, or in words."""
    names = list(dict.fromkeys(text.split(":")[0] for text in violations if ":" in text[:6]))
    if names:
        return ", ".join(names[:3])
    first = violations[0]
    for words in (
        "result of run",
        "asked the store for what no engine may want",
        "a callback of the engine raised",
    ):
        if words in first:
            return words
    return first[:60]


def run_all(processes: int = 2) -> list[tuple[str, int | None, str]]:
    """All mutants: name, first failing seed (None: survived), checker."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.imap_unordered(first_failure, range(len(MUTANTS)), chunksize=1)
        results = {number: (seed, text) for number, seed, text in found}
    return [(one.name, *results[number]) for number, one in enumerate(MUTANTS)]


def table(results: list[tuple[str, int | None, str]]) -> str:
    """The page docs/mutants.md."""
    lines = [
        "# Planted bugs, and how soon they are found",
        "",
        "Each of these bugs is put into the engine at run time (`tests/sim/mutants.py`, `tests/sim/money_mutants.py`,",
        "`tests/sim/agent_mutants.py`), and the simulator runs its seeds from 0 until one fails; the budget is",
        f"{BUDGET} seeds. The build fails if one survives, or if this page lacks one (`python -m tests.sim.mutants`",
        "writes it). Without the bug the same seeds pass. The letters are the invariants of the journal, of money and",
        "of command (I), those of agents (A, see `tests/sim/agency_watch.py`), and the rules of the kernel (K).",
        "",
        "| planted bug | first failing seed | found by |",
        "|---|---:|---|",
    ]
    for name, seed, text in results:
        lines.append(f"| {name} | {'**survived**' if seed is None else seed} | {text} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run all and write the page."""
    began = time.monotonic()
    results = run_all()
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(table(results), "utf-8")
    print(table(results))
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(any(seed is None for _, seed, _ in results))


if __name__ == "__main__":
    main()
