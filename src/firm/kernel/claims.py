"""Taking up runs: claim, replay, go on; or say why not.

One rule: recovery looks at the state in the journal, again and again until it is done, and never relies on
having been told. What goes wrong with one run concerns that run alone.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from firm.errors import FirmError, JournalError, ReplayDiverged, RunCancelled, RunStuck
from firm.ids import question_id
from firm.kernel.call import Posted, Start
from firm.kernel.code import load
from firm.kernel.definition import WorkflowDef, workflow_of
from firm.kernel.failure import readable, record_failure
from firm.kernel.fitness import misfits, row_of
from firm.kernel.journal import STOPPED, Also, Claimed, Event, Journal, Kind, Mail, Question, Stand
from firm.kernel.mark import marked, unmarked
from firm.kernel.ports import Clock
from firm.kernel.run import Run
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN

IN_DOUBT = "in doubt"
"""Reason of a run that is stuck with an effect in doubt: it wakes like a suspended one."""
MAX_CRASHES = 3
"""A run during which the worker died this often, without the run getting on, is quarantined."""
CLAIM_BATCH = 250
SHUT_LOOK_S = 0.005
STUCK_ANSWERS = ("resume", "cancel")

log = logging.getLogger("firm")


class Claimer(Protocol):
    """What this part needs of the worker."""

    journal: Journal
    clock: Clock
    id: str
    active: dict[str, Run]
    parking: set[str]
    stopping: bool

    def put(self, event: Event | None, *also: Also) -> None:
        """Write with the next commit."""

    def adopt_run(self, run: Run, mail: list[Mail]) -> None:
        """Carry a run that was replayed, beginning with its mail."""

    def forget_mail(self, run_ids: list[str]) -> None:
        """A claim is over: who got these runs finds their mail in the journal."""

    def new_life(self, claimed: Claimed, definition: WorkflowDef) -> Run:
        """A run object for a claimed run."""

    def note_wake(self, wake_us: int) -> None:
        """Some suspended run wants to be woken then."""

    def cancel_children(self, run_id: str, by: str) -> None:
        """Ask the children of a run to stop that ends without its code."""

    def record_patch(self, run: Run, name: str) -> None:
        """Write down that the run has agreed to a change of code."""

    def tell_stuck(self, run_id: str, error: Exception) -> None:
        """Tell those who wait for the run's result."""


class Claims:
    """The runs that a worker wants, and how it gets them."""

    def __init__(self, carrier: Claimer) -> None:
        self._carrier = carrier
        self._wanted: dict[str, bool] = {}
        """Run -> whether a person asked for it (`firm resume`)."""
        self._later: dict[str, bool] = {}
        """Those of them that are just being set down."""
        self._now = asyncio.Event()
        self._unresolved: set[str] = set()
        """Runs whose code cannot be found here."""
        self.known: dict[str, WorkflowDef] = {}
        self._introduced: set[str] = set()
        self._claiming: dict[str, bool] = {}
        """The part of them that is being claimed right now."""
        self._open = asyncio.Event()
        self._open.set()
        self._shut = 0

    def want(self, run_ids: list[str], *, asked: bool = False) -> None:
        """Claim these as soon as may be."""
        if self._carrier.stopping:
            return
        for run_id in run_ids:
            wanted = self._later if run_id in self._carrier.parking else self._wanted
            wanted[run_id] = asked or wanted.get(run_id, False)
            if asked:
                self._unresolved.discard(run_id)
        self._now.set()

    def wants(self, run_id: str) -> bool:
        """Whether the run is about to be claimed."""
        return run_id in self._wanted or run_id in self._later or run_id in self._claiming

    def set_down(self, run_id: str) -> None:
        """It is on disk that the run is nobody's: now it can be claimed again."""
        if run_id in self._later:
            self.want([run_id], asked=self._later.pop(run_id))

    def introduce(self, definition: WorkflowDef) -> None:
        """Make a workflow known by its reference, here and in the journal."""
        if definition.reference not in self._introduced:
            self._introduced.add(definition.reference)
            self.known[definition.reference] = definition
            self._carrier.put(None, row_of(definition.reference, definition.code))
            if "<locals>" in definition.reference:
                log.warning(
                    "workflow %r stands inside a function: after a restart its runs wait until it is started again",
                    definition.name,
                )

    async def check(self) -> None:
        """Replay dry what waits for changed code, and take up what does not fit, so that it is told at once."""
        try:
            self.want(await misfits(self._carrier.journal))
        except JournalError as error:
            log.warning("waiting runs could not be checked against the changed code: %s", error)

    async def recover(self) -> None:
        """Want every run that may be claimed."""
        carrier = self._carrier
        wait_s = 0.05
        while not carrier.stopping:
            try:
                limit = 500 + len(self._unresolved) + len(self._wanted)
                found = await carrier.journal.claimable(carrier.clock.now_us(), limit=limit)
                wake_us = await carrier.journal.next_wake_us()
            except JournalError as error:
                log.warning("recovery waits: %s", error)
                await asyncio.sleep(wait_s)
                wait_s = min(5.0, 2 * wait_s)
                continue
            known = (carrier.active, carrier.parking, self._unresolved, self._wanted)
            self.want([run_id for run_id in found if not any(run_id in group for group in known)])
            if len(found) < limit:
                if wake_us is not None:
                    carrier.note_wake(wake_us)
                return
            while self._wanted and not carrier.stopping:
                await asyncio.sleep(0.01)

    async def run(self) -> None:
        """Claim what is wanted, for ever."""
        carrier = self._carrier
        while True:
            await self._now.wait()
            await self._open.wait()
            names = list(itertools.islice(self._wanted, CLAIM_BATCH))
            batch = self._claiming = {run_id: self._wanted.pop(run_id) for run_id in names}
            if not self._wanted:
                self._now.clear()
            try:
                ids = [
                    run_id
                    for run_id in batch
                    if run_id not in carrier.active and run_id not in carrier.parking
                ]
                claimed = await carrier.journal.claim(ids, carrier.id) if ids else []
            except JournalError as error:
                log.warning("claiming waits: %s", error)
                await asyncio.sleep(0.2)
                for run_id, asked in batch.items():
                    self.want([run_id], asked=asked)
                self._claiming = {}
                continue
            if carrier.stopping:
                return  # what was claimed is free again as soon as this worker has left
            if len(claimed) < len(ids):
                await self._tell_damage(set(ids) - {one.standing.run for one in claimed})
            for number, one in enumerate(claimed):
                self._take_up(one, asked=batch[one.standing.run])
                if number % 20 == 19:
                    await asyncio.sleep(0)
            carrier.forget_mail(ids)
            self._claiming = {}

    @asynccontextmanager
    async def shut(self) -> AsyncIterator[None]:
        """While this lasts no claim is under way: who stops runs must not meet one that was claimed before."""
        self._shut += 1
        self._open.clear()
        try:
            while self._claiming and not self._carrier.stopping:
                await asyncio.sleep(SHUT_LOOK_S)
            yield
        finally:
            self._shut -= 1
            if not self._shut:
                self._open.set()

    async def _tell_damage(self, run_ids: set[str]) -> None:
        """A run whose journal cannot be read is set aside by the store; the inbox says so."""
        for run_id in sorted(run_ids):
            try:
                standing = await self._carrier.journal.standing(run_id)
            except JournalError as error:
                log.warning("run %s cannot be looked up: %s", run_id, error)
                await asyncio.sleep(0.2)
                self.want([run_id])  # looked into again with the next claim
                continue
            if (
                standing is not None
                and standing.status is Status.STUCK
                and standing.reason.startswith(DAMAGED)
            ):
                self._carrier.put(None, self._stuck_question(run_id, standing.epoch, standing.reason))

    def _take_up(self, claimed: Claimed, *, asked: bool) -> None:
        standing = claimed.standing
        try:
            self._replay(claimed, asked=asked)
        except FirmError as error:
            if not self._let_go(standing.run):
                raise
            log.warning("run %s waits: %s", standing.run, error)
            self._unresolved.add(standing.run)
            reason = readable(f"waits for its code: {error}")
            now_us = self._carrier.clock.now_us()
            self._carrier.put(None, Stand(standing.run, standing.epoch, Status.SUSPENDED, now_us, reason))
        except Exception as error:  # a bug of ours must not take the other runs along
            if not self._let_go(standing.run):
                raise
            log.exception("run %s cannot be taken up", standing.run)
            self.stick(standing.run, standing.epoch, "internal error", f"{type(error).__name__}: {error}")

    def _let_go(self, run_id: str) -> bool:
        """Forget a run that could not be taken up; False if its end is on its way to the journal already."""
        run = self._carrier.active.pop(run_id, None)
        return run is None or not run.over

    def _replay(self, claimed: Claimed, *, asked: bool) -> None:
        standing, mail = claimed.standing, claimed.mail
        answers = [BUILTIN.decode(one.body) for one in mail if one.kind == Kind.ANSWERED and not one.place]
        asked = asked or "resume" in answers
        was_stuck = standing.reason.partition(":")[0] in STUCK_REASONS
        if was_stuck and ("cancel" in answers or any(one.kind == Kind.CANCEL for one in mail)):
            self._cancel(claimed)
            return
        if was_stuck and not asked:  # a message came, or a child ended: that is for later
            now_us = self._carrier.clock.now_us()
            self._carrier.parking.add(standing.run)
            self._carrier.put(
                None, Stand(standing.run, standing.epoch, Status.STUCK, now_us, standing.reason)
            )
            return
        if standing.crashes >= MAX_CRASHES and not asked:
            text = f"the engine died {standing.crashes} times while this run was at work, and it never got on"
            self.stick(standing.run, standing.epoch, "quarantined", text)
            return
        definition = self.known.get(standing.workflow) or workflow_of(load(standing.workflow))
        start = Start.decode(claimed.events[0].body)
        accepted = f"version {definition.version}"
        agreed = start.version == definition.version or any(
            event.kind == Kind.PATCHED and event.name == accepted for event in claimed.events
        )
        if not agreed and not asked:
            text = f"it was started by version {start.version!r} of its code, this is version {definition.version!r}"
            self.stick(standing.run, standing.epoch, "needs migration", text)
            return
        run = self._carrier.new_life(claimed, definition)
        run.same_code = start.code == definition.code
        run.replay(claimed.events)
        if run.broken is not None:
            self.diverged(run, "diverged" if run.same_code else "needs migration")
        else:
            if not agreed:
                self._carrier.record_patch(run, accepted)
            self._carrier.adopt_run(run, mail)

    def diverged(self, run: Run, reason: str) -> None:
        """The run's journal stays as it is; the difference goes to the inbox (rules K3 and K11)."""
        run.over = True
        self._carrier.active.pop(run.id, None)
        run.evict()
        self.stick(run.id, run.epoch, reason, str(run.broken), run.broken)

    def stick(
        self, run_id: str, epoch: int, reason: str, text: str, error: ReplayDiverged | None = None
    ) -> None:
        """Set a run down that needs a person, with a question in the inbox."""
        text = readable(text)
        self._carrier.parking.add(run_id)
        stand = Stand(run_id, epoch, Status.STUCK, self._carrier.clock.now_us(), f"{reason}: {text}")
        self._carrier.put(None, self._stuck_question(run_id, epoch, stand.reason), stand)
        stuck = error or RunStuck(f"run {run_id!r} is stuck, {reason}: {text}; see `firm inbox`")
        self._carrier.tell_stuck(run_id, stuck)

    def _stuck_question(self, run_id: str, epoch: int, text: str) -> Question:
        id = question_id(run_id, 0, 0, "stuck", f"{epoch} {text}".encode())
        options, now_us = BUILTIN.encode(list(STUCK_ANSWERS)), self._carrier.clock.now_us()
        return Question(id, run_id, epoch, 0, "stuck", text, options, b"", None, now_us)

    def _cancel(self, claimed: Claimed) -> None:
        """End a stuck run without running its code."""
        run_id, epoch, last = claimed.standing.run, claimed.standing.epoch, claimed.events[-1]
        start = Start.decode(claimed.events[0].body)
        now_us = max(self._carrier.clock.now_us(), last.at_us)
        failure = record_failure(RunCancelled(f"run {run_id!r} was stuck and was cancelled")).encode()
        failure = marked(failure, _marks_in(claimed.events))
        # in the name of who cancelled it: where it was stopped, its children are too, and would hear only that
        by = next((one.sender for one in claimed.mail if one.kind in (Kind.CANCEL, Kind.ANSWERED)), run_id)
        self._carrier.cancel_children(run_id, by)
        also: list[Also] = [Stand(run_id, epoch, Status.CANCELLED, now_us)]
        if start.parent:
            name, place = claimed.events[0].name, start.parent_place
            also.append(
                Mail(start.parent, Kind.FAILED, run_id, "end", place, name, failure, run=run_id, epoch=epoch)
            )
        event = Event(run_id, last.seq + 1, epoch, Kind.ENDED, 0, Status.CANCELLED.value, now_us, failure)
        self._carrier.put(event, *also)


def _marks_in(events: list[Event]) -> frozenset[str]:
    """What marks came to a run that cannot be asked, because its code does not run; those that it said are lost."""
    marks = frozenset(Start.decode(events[0].body).marks)
    for event in events:
        value = Posted.decode(event.body).value if event.kind == Kind.MESSAGE else event.body
        marks |= unmarked(value)[1]
    return marks


DAMAGED = "damaged"
"""Reason of a stuck run that the store could not read."""
STUCK_REASONS = ("diverged", "needs migration", "quarantined", "internal error", STOPPED)
"""Reasons of a stuck run whose code cannot go on; the reason's text follows after a colon."""
