"""Carrying runs: feed them events, do what they ask for, write down what they do, set them down again.

One rule: what a worker knows about a run is only what is in the journal and what it wrote itself under its own
epoch; once a write is refused, the run is somebody else's and is dropped without effect (rule K4).
"""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from firm.errors import JournalCorrupt, JournalError, JournalNewer, RunCancelled, RunStuck, UsageError
from firm.ids import question_id
from firm.kernel.alarm import Alarm
from firm.kernel.attempt import Attempts
from firm.kernel.call import Ask, Call, Posted, Send, Start
from firm.kernel.claims import IN_DOUBT, Claims
from firm.kernel.definition import StepDef, WorkflowDef
from firm.kernel.failure import record_failure
from firm.kernel.halt import Halts
from firm.kernel.hold import Holds
from firm.kernel.journal import (
    MAX_RUN_EVENTS,
    Also,
    Answer,
    Claimed,
    Event,
    Journal,
    Kind,
    Mail,
    NewRun,
    Question,
    Refused,
    Row,
    Stand,
    Standing,
    Taken,
    own_key,
)
from firm.kernel.mark import NONE, marked, unmarked, words_of
from firm.kernel.outbox import Batch, Outbox
from firm.kernel.pace import Brake
from firm.kernel.ports import Clock, Ids, Randomness, SystemClock, SystemIds, system_randomness
from firm.kernel.run import UNWIND_TIMES, Outcome, Run
from firm.kernel.status import TERMINAL, Status
from firm.kernel.value import BUILTIN

QUESTION_BOOK = "question"
"""Rows of the journal: what goes with a question beside its text, by `own_key(run, question)`."""
LOOK_AGAIN_S = 0.5
"""Until the next try where the journal could not be read."""
DELIVER_BATCH = 200
"""Events handed to runs in a row before steps get their turn."""
DEAR_CALLS = 100
"""A run that has made so many calls is not evicted while a child of it works: each end would have it replayed."""
EVENTS_TO_SPARE = 500
"""Room kept under MAX_RUN_EVENTS so that a run can still be ended in order."""

log = logging.getLogger("firm")


class Ended:
    """How a run ended, as those who wait for it get it."""

    __slots__ = ("body", "marks", "status", "workflow")

    def __init__(self, status: Status, body: bytes, workflow: str) -> None:
        self.status = status
        self.body, self.marks = unmarked(body)
        self.workflow = workflow


class Carrier:
    """The inside of a `Worker` (see there for the arguments)."""

    brake: Brake | None = None
    """Asked before calls of runs that wake themselves or answer others, and before child runs begin."""

    def __init__(
        self,
        journal: Journal,
        *,
        id: str = "",
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        ids: Ids | None = None,
        idle_s: float = 1.0,
        cancel_grace_s: float = 60.0,
        lease_s: float | None = None,
        confirm_dead: Callable[[str], Awaitable[bool]] | None = None,
        firm: object = None,
    ) -> None:
        self.journal = journal
        self.clock: Clock = clock or SystemClock()
        self.randomness: Randomness = randomness or system_randomness()
        self.ids: Ids = ids or SystemIds()
        self.id = id or f"worker-{self.ids.draw()}"
        self.idle_s, self.cancel_grace_s, self.lease_s = idle_s, cancel_grace_s, lease_s
        self.firm = firm
        self.active: dict[str, Run] = {}
        """Runs in memory."""
        self.parking: set[str] = set()
        """Runs on their way out of memory: their new standing is not on disk yet."""
        self.stopping = False
        self._stopped = False
        self.fatal: BaseException | None = None
        self._confirm_dead = confirm_dead
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(journal, committed=self._on_commit, trouble=self._on_trouble)
        self._attempts = Attempts(self, self._loop)
        self._claims = Claims(self)
        self._halts = Halts(self, self._claims)
        self._holds = Holds(self, self._claims)
        self._alarm = Alarm(self.clock, self._ring)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._deliveries: deque[Batch] = deque()
        self._position = 0
        self._deferred: list[tuple[Run, Call]] = []
        """Calls that wait until the journal can be written again."""
        self._early: dict[str, list[Mail]] = {}
        """Mail that came to light while its run was being claimed."""
        self._stuck: dict[str, Exception] = {}
        """What to tell those who wait for a run, as soon as it is on disk that it is stuck."""
        self._commits: set[asyncio.Future[Refused]] = set()
        """Those who wait until something is on disk."""
        self._halting: set[str] = set()
        """Runs that are being stopped."""
        self._closing: set[str] = set()
        """Questions whose answer is on its way to the journal."""
        self._idle: dict[str, float] = {}
        self._idle_timer: asyncio.TimerHandle | None = None
        self._next_wake_us: int | None = None
        self._waiters: dict[str, list[asyncio.Future[Ended]]] = {}

    def _spawn(self, coroutine: Any, name: str) -> None:
        task = self._loop.create_task(coroutine, name=f"firm-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._on_task_end)

    def _on_task_end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fatal = error
            log.critical("the engine stopped: %s", error, exc_info=error)
            for run_id in list(self._waiters):
                self._tell(run_id, error)
            for commit in self._commits:
                if not commit.done():
                    commit.set_exception(error)

    # --- writing --------------------------------------------------------------------------------------------

    async def commit(self, *rows: Also) -> Refused:
        """Write rows from outside any run, durable on return; says what was refused."""
        if self.fatal is not None:
            raise self.fatal
        if self._stopped:
            raise UsageError("the firm is closed; open it again")
        done: asyncio.Future[Refused] = self._loop.create_future()
        self._outbox.also(*rows)
        self._outbox.ack(lambda refused: None if done.done() else done.set_result(refused))
        self._commits.add(done)
        try:
            return await done
        finally:
            self._commits.discard(done)

    def put(self, event: Event | None, *also: Also) -> None:
        """Write with the next commit."""
        if event is not None:
            self._outbox.event(event)
        self._outbox.also(*also)

    def write(self, run: Run, kind: int, call: Call | None = None, body: bytes = b"", name: str = "") -> None:
        """Write an event of a run with the next commit."""
        now_us = self.clock.now_us()
        if now_us > run.last_us:
            run.last_us = now_us
        place, input = 0, b""
        if call is not None:
            place, input, name = call.place, call.input, name or call.name
        self._outbox.event(Event(run.id, run.seq, run.epoch, kind, place, name, run.last_us, body, "", input))
        run.seq += 1
        run.unwritten += 1

    def write_rows(self, *rows: Also) -> None:
        """Write rows with the next commit."""
        self._outbox.also(*rows)

    def _post(
        self, run: Run, to: str, kind: int, id: str, place: int = 0, name: str = "", body: bytes = b""
    ) -> None:
        """Mail from one run to another, with the next commit."""
        self._outbox.also(Mail(to, kind, run.id, id, place, name, body, run=run.id, epoch=run.epoch))

    def _fail(self, run: Run, call: Call, error: Exception) -> None:
        self.write(run, Kind.FAILED, call, record_failure(error).encode())

    def close(self, answer: Answer) -> bool:
        """Close a question with the next commit; False if that is under way already."""
        if answer.question in self._closing:
            return False
        self._closing.add(answer.question)
        self._outbox.also(answer)
        self._outbox.ack(lambda refused: self._closing.discard(answer.question))
        return True

    def carries(self, run: Run) -> bool:
        """Whether this very object is still the run's life here."""
        return self.active.get(run.id) is run and not run.over and run.broken is None

    async def confirm_dead(self, worker: str) -> bool:
        """Whether an earlier worker surely does nothing any more."""
        if worker == self.id or self._confirm_dead is None:
            return worker == self.id or self.lease_s is None
        return await self._confirm_dead(worker)

    # --- after a commit -------------------------------------------------------------------------------------

    def _on_commit(self, batch: Batch) -> None:
        for ack in batch.acks:
            ack(batch.refused)
        self._deliveries.append(batch)
        if len(self._deliveries) == 1:
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        """Hand committed events to their runs, some at a time so that steps get their turn in between."""
        batch = self._deliveries[0]
        stop = self._position + DELIVER_BATCH
        for event in batch.events[self._position : stop]:
            run = self.active.get(event.run)
            if event.run in batch.refused.runs:
                continue
            if run is not None and run.epoch == event.epoch:
                self._hand_over_safely(run, event)
            elif run is None and event.kind == Kind.ENDED:  # a stuck run that was cancelled
                self._tell(event.run, Ended(Status(event.name), event.body, ""))
        self._position = stop
        if stop >= len(batch.events):
            self._position = 0
            self._after_batch(batch)
            self._deliveries.popleft()
        if self._deliveries:
            self._loop.call_soon(self._deliver)

    def _hand_over_safely(self, run: Run, event: Event) -> None:
        """A bug of ours with one run must not stop the others."""
        try:
            self._hand_over(run, event)
        except Exception as error:
            log.exception("run %s: event %s could not be delivered", run.id, event.seq)
            if not run.over:
                self._drop(run)
                self._claims.stick(run.id, run.epoch, "internal error", f"{type(error).__name__}: {error}")

    def _hand_over(self, run: Run, event: Event) -> None:
        run.unwritten -= 1
        if event.kind == Kind.ENDED:
            self._gone(run, event)
            return
        if event.kind == Kind.STARTED and run.over:
            run = self._next_generation(run, event)
        if run.over:
            return
        run.deliver(event)
        if event.kind == Kind.STARTED and run.id in self._early:
            self.adopt_run(run, [])
        self.quiet(run)

    def _after_batch(self, batch: Batch) -> None:
        lost: list[Run] = []
        left: list[str] = []
        for run_id in batch.refused.runs:
            run = self.active.get(run_id)
            epochs = {line.epoch for line in (*batch.events, *batch.also) if line.run == run_id}
            if run is None or run.epoch in epochs:  # else only an earlier life of it here was refused
                if run is not None:
                    lost.append(run)
                self.parking.discard(run_id)
                self._stuck.pop(run_id, None)
                left.append(run_id)
        self._lose(*lost)
        self._claims.want(left)  # they may be this worker's all the same
        for row in batch.also:
            if type(row) is Stand and row.run in self.parking:
                self._parked(row)
        for mail in batch.mail:
            self._mail_in(mail)

    def _on_trouble(self, trouble: bool) -> None:
        if not trouble:
            deferred, self._deferred = self._deferred, []
            for run, call in deferred:
                if self.carries(run) and not call.dropped:
                    self.start_call(run, call)

    # --- what runs ask for (firm.kernel.run.Host) -----------------------------------------------------------

    def start_call(self, run: Run, call: Call) -> None:
        """Carry a call out, or on from where the journal says it stopped."""
        if run.halted:
            return
        if self.stopping or self._outbox.trouble is not None:
            self._deferred.append((run, call))
            return
        if run.seq - run.base_seq > MAX_RUN_EVENTS - EVENTS_TO_SPARE:
            self._fail(run, call, UsageError(_too_long(run)))
            return
        what = call.what
        if (
            run.pace is not None
            and self.brake is not None
            and self._is_held(run, call, self.brake.look(run, call))
        ):
            return
        if isinstance(what, StepDef):
            self._start_step(run, call, what)
        elif isinstance(what, WorkflowDef):
            self._start_child(run, call, what)
        elif isinstance(what, Ask):
            self._start_ask(run, call, what)
        else:
            run.in_flight += 1
            self._spawn(self._send(run, call, what), "send")

    def _start_step(self, run: Run, call: Call, definition: StepDef) -> None:
        if call.intent:
            self._attempts.doubt(run, call, "the engine stopped in the middle of it")
        elif call.retry_at_us and call.retry_at_us > self.clock.now_us():
            run.wakes[call.place] = call.retry_at_us
        elif definition.effect == "once":
            call.intent, call.held = True, False  # this life's own from here on
            self.write(run, Kind.INTENT, call, self.id.encode())
        else:
            self._attempts.begin(run, call)

    def intent_written(self, run: Run, call: Call) -> None:
        """The intent of an effect is on disk: now it may happen."""
        if call.dropped:
            self._attempts.not_done(run, call)
        elif run.in_gap and not call.cleared:
            self._attempts.doubt(run, call, "a backup was restored: it may have happened after that backup")
        elif self.stopping or run.halted or self._outbox.trouble is not None:
            self._attempts.not_done(run, call)
        else:
            self._attempts.begin(run, call)

    def attempt_written(self, run: Run, call: Call) -> None:
        """A failed attempt is on disk: the next one may begin when its time has come."""
        self.start_call(run, call)

    def _start_child(self, run: Run, call: Call, definition: WorkflowDef) -> None:
        child = run.children[call.place]
        own = child in self.active and self.active[child].parent == run.id
        if call.held or own:  # an earlier life may have started it
            run.in_flight += 1
            self._spawn(self._find_child(run, call), "child")
            return
        if child in self.active:
            self._child_refused(run, call, child)
            return
        if self.brake is not None and self._is_held(run, call, self.brake.begins(run, call)):
            return
        charter = run.charter if call.charter is None else call.charter
        self.new_run(child, definition, call.args[0], parent=run, place=call.place, charter=charter)
        self._outbox.ack(lambda refused: self._child_started(run, call, child, refused))

    def _child_started(self, run: Run, call: Call, child: str, refused: Refused) -> None:
        if child in refused.runs and run.id not in refused.runs and self.carries(run):
            self._child_refused(run, call, child)

    def _child_refused(self, run: Run, call: Call, child: str) -> None:
        self._fail(
            run, call, UsageError(f"run id {child!r} is taken by a run that is not a child of {run.id!r}")
        )

    async def _find_child(self, run: Run, call: Call) -> None:
        child = run.children.get(call.place)
        if child in self.active:  # begun by a life that was lost: is it on disk, or refused?
            await self._flushed()
        standing = await self._look_up(child) if child is not None else None
        run.in_flight -= 1
        if child is None or not self.carries(run):
            return
        call.held = False
        if standing is not None and standing.parent != run.id:
            self._child_refused(run, call, child)
        elif standing is None and call.dropped:
            run.children.pop(call.place, None)
            run.settle()
        elif standing is None:
            self.start_call(run, call)
        elif call.dropped and standing.status not in TERMINAL:
            self._post(run, child, Kind.CANCEL, "cancel")
        self.quiet(run)

    def _start_ask(self, run: Run, call: Call, what: Ask) -> None:
        if not call.question:
            options, now_us = BUILTIN.encode(what.options), self.clock.now_us()
            content = call.input + BUILTIN.encode((what.text, what.options))
            call.question = id = question_id(run.id, run.generation, call.place, what.kind, content)
            self._outbox.also(
                Question(
                    id,
                    run.id,
                    run.epoch,
                    call.place,
                    what.kind,
                    what.text,
                    options,
                    what.default,
                    what.deadline_us,
                    now_us,
                )
            )
            if what.detail:
                self._outbox.also(Row(QUESTION_BOOK, own_key(run.id, id), what.detail, run.id, run.epoch))
            self.write(run, Kind.ASKED, call, id.encode())
        if what.deadline_us is not None:
            run.wakes[call.place] = what.deadline_us

    async def _send(self, run: Run, call: Call, what: Send) -> None:
        error: UsageError | None = None
        try:
            check_open(what.to, await self._look_up(what.to))
        except UsageError as refused:
            error = refused
        run.in_flight -= 1
        if not self.carries(run) or call.dropped or run.halted:
            return
        if error is not None:
            self._fail(run, call, error)
            return
        id = what.id or f"{run.generation}.{call.place}"
        self._post(run, what.to, Kind.MESSAGE, id, 0, what.topic, marked(what.value, run.marks))
        self.write(run, Kind.DONE, call, BUILTIN.encode(None))

    async def open_standing(self, run_id: str) -> Standing:
        """How a run stands; UsageError if there is none or it has ended."""
        return check_open(run_id, await self.journal.standing(run_id))

    async def _look_up(self, run_id: str) -> Standing | None:
        """How a run stands, as soon as the journal can be read."""
        while True:
            try:
                return await self.journal.standing(run_id)
            except (JournalCorrupt, JournalNewer):
                raise
            except JournalError as error:
                log.warning("run %s cannot be looked up: %s", run_id, error)
                await asyncio.sleep(LOOK_AGAIN_S)

    def drop_call(self, run: Run, call: Call) -> None:
        """The workflow gave up on a call that has no outcome."""
        what = call.what
        if call.hold:
            self._holds.given_up(run, call)
        if call.task is not None:
            self._attempts.give_up(run, call, call.task)
        elif isinstance(what, StepDef) and call.intent and call.held:
            self._attempts.doubt(
                run, call, "the engine stopped in the middle of it, and the workflow gave it up"
            )
        elif isinstance(what, WorkflowDef) and call.place in run.children:
            if call.held:
                run.in_flight += 1
                self._spawn(self._find_child(run, call), "child")
            else:
                self._post(run, run.children[call.place], Kind.CANCEL, "cancel")
        elif isinstance(what, Ask) and call.question:
            now_us = self.clock.now_us()
            self.close(Answer(call.question, b"", "closed", now_us, None, run.id, run.epoch))

    def record_patch(self, run: Run, name: str) -> None:
        """`patched(name)` was true for the first time."""
        self.write(run, Kind.PATCHED, name=name)

    # --- beginning and ending -------------------------------------------------------------------------------

    def new_run(
        self,
        run_id: str,
        definition: WorkflowDef,
        args: bytes,
        *,
        parent: Run | None = None,
        place: int = 0,
        by: str = "",
        charter: bytes = b"",
    ) -> Run:
        """Begin a run with the next commit."""
        run = self.active[run_id] = Run(self, run_id, 1, definition, self.firm)
        self._claims.introduce(definition)
        code, reference = definition.code, definition.reference
        parent_id, writer = (parent.id, (parent.id, parent.epoch)) if parent is not None else ("", ("", 0))
        restored, marks = (parent.in_gap, parent.marks) if parent is not None else (False, NONE)
        run.parent, run.halted = parent_id, parent is not None and parent.halted
        start = Start(
            reference, code, definition.version, args, 1, parent_id, place, by, (), restored,
            words_of(marks), charter,
        )  # fmt: skip
        now_us = self.clock.now_us()
        self._outbox.also(
            NewRun(run_id, reference, code, parent_id, Status.RUNNING, self.id, now_us, 0, writer)
        )
        self.write(run, Kind.STARTED, body=start.encode(), name=definition.name)
        return run

    def new_life(self, claimed: Claimed, definition: WorkflowDef) -> Run:
        """A run object for a claimed run, to be replayed."""
        run = Run(self, claimed.standing.run, claimed.standing.epoch, definition, self.firm)
        run.mail_upto, run.halted = claimed.mail_upto, run.id in self._halting
        self.active[run.id] = run
        return run

    def adopt_run(self, run: Run, mail: list[Mail]) -> None:
        """Carry a run that was replayed, beginning with its mail."""
        for one in mail:
            self._take(run, one)
        for one in self._early.pop(run.id, ()):
            if one.number > run.mail_upto:
                run.mail_upto = one.number
                self._take(run, one)
        self.quiet(run)

    def forget_mail(self, run_ids: list[str]) -> None:
        """A claim is over: who got these runs finds their mail in the journal."""
        for run_id in run_ids:
            self._early.pop(run_id, None)

    def quiet(self, run: Run) -> None:
        """After anything happened to a run: has it ended, diverged, or does it wait?"""
        if run.over:
            return
        if run.seq - run.base_seq > MAX_RUN_EVENTS and run.outcome is None:
            run.give_up(UsageError(_too_long(run)))
        if run.broken is not None:
            self._attempts.cancel(run)
            self._idle.pop(run.id, None)
            self._claims.diverged(run, "diverged")
        elif run.outcome is not None and run.ended():
            self._end(run, run.outcome)
        else:
            self._arm(run)

    def _end(self, run: Run, outcome: Outcome) -> None:
        if outcome.then is not None and not run.cancelled:
            if not run.unwritten:  # what is on its way comes before the next generation
                self._continue(run, outcome)
            return
        run.over = True
        self._attempts.cancel(run)
        if forgotten := run.close_unbegun():
            log.warning("run %s ended without awaiting these calls: %s", run.id, ", ".join(forgotten))
        status, body, start = outcome.status, outcome.body, run.start
        if outcome.then is not None:  # it was cancelled while it went over to the next generation
            status, body = (
                Status.CANCELLED,
                record_failure(RunCancelled(f"run {run.id!r} was cancelled")).encode(),
            )
        if start is not None and start.parent:
            kind, said = (Kind.DONE if status is Status.SUCCEEDED else Kind.FAILED), body
            if status is Status.CANCELLED:
                said = record_failure(RunCancelled(f"child run {run.id!r} was cancelled")).encode()
            said = marked(said, run.marks)
            self._post(run, start.parent, kind, "end", start.parent_place, run.definition.name, said)
        self._outbox.also(Stand(run.id, run.epoch, status, self.clock.now_us()))
        self.write(run, Kind.ENDED, body=marked(body, run.marks), name=status.value)

    def _gone(self, run: Run, event: Event) -> None:
        self.active.pop(run.id, None)
        self._idle.pop(run.id, None)
        self._early.pop(run.id, None)
        self._tell(run.id, Ended(Status(event.name), event.body, run.definition.reference))

    def _tell(self, run_id: str, word: Ended | BaseException) -> None:
        for waiter in self._waiters.pop(run_id, ()):
            if waiter.done():
                continue
            if isinstance(word, Ended):
                waiter.set_result(word)
            else:
                waiter.set_exception(word)
                waiter.exception()  # whoever waits sees it; nobody need

    async def _cancel_children(self, run_id: str, by: str) -> None:
        while True:
            try:
                children = await self.journal.standings(parent=run_id)
                break
            except JournalError as error:
                log.warning("the children of run %s cannot be looked up: %s", run_id, error)
                await asyncio.sleep(0.2)
        for standing in children:
            if standing.status not in TERMINAL:
                self._outbox.also(Mail(standing.run, Kind.CANCEL, by, "cancel"))

    def cancel_children(self, run_id: str, by: str) -> None:
        """Ask the children of a run to stop that ends without its code, in the name of who wanted that."""
        self._spawn(self._cancel_children(run_id, by), "cancel")

    def tell_stuck(self, run_id: str, error: Exception) -> None:
        """Tell those who wait for the run's result, as soon as its standing is on disk."""
        self._stuck[run_id] = error

    def _continue(self, run: Run, outcome: Outcome) -> None:
        verdict = "" if run.pace is None or self.brake is None else self.brake.look(run, None)
        if isinstance(verdict, Exception):
            run.outcome = Outcome(Status.FAILED, record_failure(verdict).encode())
            self._end(run, run.outcome)
            return
        self._holds.hold_back(run, verdict)
        if verdict:
            self._arm(run)
            return
        run.over = True
        self._attempts.cancel(run)
        old, definition = run.start, run.definition
        assert old is not None
        self._claims.introduce(definition)
        start = Start(
            old.workflow, definition.code, definition.version, outcome.body, run.generation + 1,
            old.parent, old.parent_place, old.by, run.unread(), run.in_gap,
            words_of(run.marks), run.charter, b"" if run.pace is None else run.pace.encode(),
        )  # fmt: skip
        self.write(run, Kind.CONTINUED)
        self.write(run, Kind.STARTED, body=start.encode(), name=definition.name)

    def _next_generation(self, old: Run, event: Event) -> Run:
        run = Run(self, old.id, old.epoch, old.definition, self.firm)
        run.seq, run.base_seq, run.last_us, run.unwritten = old.seq, event.seq, old.last_us, old.unwritten
        run.mail_upto, run.parent, run.halted = old.mail_upto, old.parent, old.halted
        self.active[run.id] = run
        return run

    # --- held back by a brake -----------------------------------------------------------------------------------

    def _is_held(self, run: Run, call: Call, verdict: str | Exception) -> bool:
        """Whether a call does not begin now: it is held, or fails."""
        if isinstance(verdict, Exception):
            self._fail(run, call, verdict)
        elif verdict:
            self._holds.hold(run, call, verdict)
        return bool(verdict)

    def hold(self, run: Run, call: Call, key: str) -> None:
        """Put a call back as if it had not begun: nothing of it stands in the journal, a replay makes it anew."""
        self._holds.hold(run, call, key)

    def held(self, key: str) -> int:
        """Runs that a brake holds back."""
        return self._holds.count(key)

    def free(self, key: str, count: int | None = None) -> int:
        """Let calls begin that a brake holds back, unless it holds them again.

        Args:
            key: Of the brake.
            count: At most so many calls, those that came first; None: all.

        Returns:
            How many were let go; a run that is out of memory counts as one.
        """
        return self._holds.free(key, count)

    async def find_held(self) -> list[str]:
        """Keys of the brakes that held runs back when the journal was last open; from now on `free` reaches them."""
        return await self._holds.find()

    # --- stopping (firm.kernel.halt.Halter) -------------------------------------------------------------------

    def begin_halt(self, run_ids: Iterable[str]) -> None:
        """From now on nothing of these runs, and of what they began, begins here."""
        children: dict[str, list[Run]] = {}
        for run in self.active.values():
            children.setdefault(run.parent, []).append(run)
        todo = list(run_ids)
        while todo:
            run_id = todo.pop()
            self._halting.add(run_id)
            if run_id in self.active:
                self.active[run_id].halted = True
            todo += [child.id for child in children.pop(run_id, ())]

    def drop_halted(self, run_ids: Iterable[str]) -> None:
        """These are fenced off: out of memory, their attempts cancelled."""
        runs = [self.active[run_id] for run_id in run_ids if run_id in self.active]
        for run in runs:
            self._early.pop(run.id, None)
            self._drop(run)
        self._outbox.forget({(run.id, run.epoch) for run in runs})

    def end_halt(self, stopped: Iterable[str]) -> None:
        """The halt is over; tell those who wait for what it has stopped."""
        self._halting.clear()
        for run_id in stopped:
            self._tell(run_id, RunStuck(stopped_text(run_id)))

    async def _flushed(self) -> None:
        """Wait until all that was to be written is on disk, and the runs know what was refused."""
        written: asyncio.Future[None] = self._loop.create_future()
        self._outbox.ack(lambda refused: None if written.done() else written.set_result(None))
        await written
        await self.delivered()

    async def delivered(self) -> None:
        """Wait until the runs have got all that was committed."""
        while self._deliveries:
            await asyncio.sleep(0)

    # --- setting down ---------------------------------------------------------------------------------------

    def _lose(self, *runs: Run) -> None:
        """Somebody else owns them now: stop without effect."""
        for run in runs:
            log.warning("run %s belongs to another worker now; dropped here", run.id)
            self._drop(run)
        self._outbox.forget({(run.id, run.epoch) for run in runs})

    def _drop(self, run: Run) -> None:
        run.over = True
        self.active.pop(run.id, None)
        self._idle.pop(run.id, None)
        self._attempts.cancel(run)
        if not run.evict():
            log.warning("run %s: its code swallowed Evicted %d times; evicted anyway", run.id, UNWIND_TIMES)

    def _set_down(self, run: Run) -> None:
        """Out of memory, with a note when to wake it: at once if something was under way."""
        if run.over:
            return
        if run.start is None:  # not on disk yet, perhaps never: it is free as soon as this worker has left
            self._drop(run)
            return
        open_effects = [call for call in [*run.calls.values(), *run.unsettled.values()] if call.intent]
        busy = (
            run.in_flight
            or run.unwritten
            or any(not call.question for call in open_effects)
            or any(call[0] is run for call in self._deferred)
        )
        wake_us = self.clock.now_us() if busy else self._wake_of(run)
        self._drop(run)
        status, reason = Status.SUSPENDED, self._holds.reason(run)
        if open_effects and not busy:
            status, reason = Status.STUCK, IN_DOUBT
        self.parking.add(run.id)
        self._outbox.also(Stand(run.id, run.epoch, status, self.clock.now_us(), reason, wake_us))

    def _parked(self, stand: Stand) -> None:
        self.parking.discard(stand.run)
        if stand.wake_at_us is not None:
            self.note_wake(stand.wake_at_us)
        if stand.run in self._stuck:
            self._tell(stand.run, self._stuck.pop(stand.run))
        self._claims.set_down(stand.run)

    def _wake_of(self, run: Run) -> int | None:
        wake_us = min(run.wakes.values(), default=None)
        deadline_us = run.loop.next_deadline_us()
        return (
            deadline_us if wake_us is None or (deadline_us is not None and deadline_us < wake_us) else wake_us
        )

    def _arm(self, run: Run) -> None:
        """Note when the run wants to be woken, and whether it may be evicted."""
        if run.wakes or run.loop.timers:
            wake_us = self._wake_of(run)
            if wake_us is not None and (run.wake_us is None or wake_us < run.wake_us):
                run.wake_us = wake_us
                self._alarm.set(wake_us, run.id)
        if run.in_flight or run.unwritten:
            self._idle.pop(run.id, None)
        elif run.id not in self._idle:
            self._idle[run.id] = self._loop.time()
            if self._idle_timer is None:
                self._idle_timer = self._loop.call_later(self.idle_s, self._evict_idle)

    def _evict_idle(self) -> None:
        """Evict runs in which everything has waited for `idle_s` and will wait longer (rule K6)."""
        now_s, soon_us = self._loop.time(), self.clock.now_us() + round(self.idle_s * 1e6)
        rested = itertools.takewhile(lambda item: now_s - item[1] >= 0.99 * self.idle_s, self._idle.items())
        for run_id, _ in list(rested):
            del self._idle[run_id]
            run = self.active.get(run_id)
            if run is None:
                continue
            wake_us = self._wake_of(run)
            stays = run.places >= DEAR_CALLS and self._works_below(run)
            if stays or (wake_us is not None and wake_us <= soon_us):
                self._idle[run_id] = now_s
            else:
                self._set_down(run)
        self._idle_timer = None
        if self._idle:
            delay_s = max(0.01, next(iter(self._idle.values())) + self.idle_s - now_s)
            self._idle_timer = self._loop.call_later(delay_s, self._evict_idle)

    def _works_below(self, run: Run) -> bool:
        """Whether a child is at work in memory: a long run would be read again, from its first line, for each end."""
        below = [self.active[child] for child in run.children.values() if child in self.active]
        return any(child.id not in self._idle or self._works_below(child) for child in below)

    # --- time and mail --------------------------------------------------------------------------------------

    def note_wake(self, wake_us: int) -> None:
        """Some suspended run wants to be woken then."""
        if self._next_wake_us is None or wake_us < self._next_wake_us:
            self._next_wake_us = wake_us
            self._alarm.set(wake_us, "")

    def _ring(self, run_id: str) -> None:
        now_us = self.clock.now_us()
        if not run_id:
            if self._next_wake_us is not None and self._next_wake_us <= now_us and not self.stopping:
                self._next_wake_us = None
                self._spawn(self._claims.recover(), "wake")
            return
        run = self.active.get(run_id)
        if run is None or run.over or run.wake_us is None or run.wake_us > now_us:
            return
        run.wake_us = None
        for timer in run.loop.due(now_us):
            self._event_of_timer(run, timer.number)
        for place in [place for place, at_us in run.wakes.items() if at_us <= now_us]:
            del run.wakes[place]
            call = run.calls.get(place)
            if call is not None and isinstance(call.what, Ask):
                kind, default = call.what.kind, call.what.default
                mail = Mail(run.id, Kind.ANSWERED, "deadline", call.question, place, kind, default)
                self.close(Answer(call.question, default, "deadline", now_us, mail))
            elif call is not None:
                self.start_call(run, call)
        self._arm(run)

    def _event_of_timer(self, run: Run, number: int) -> None:
        now_us = run.last_us = max(self.clock.now_us(), run.last_us)
        self._outbox.event(Event(run.id, run.seq, run.epoch, Kind.TIMER, number, "", now_us))
        run.seq += 1
        run.unwritten += 1

    def _mail_in(self, mail: Mail) -> None:
        run = self.active.get(mail.to)
        if (
            run is None or run.start is None or run.over
        ):  # not this worker's, not yet, or for its next generation
            self._early.setdefault(mail.to, []).append(mail)
            if run is None:
                self._claims.want([mail.to])
        elif mail.number <= run.mail_upto:
            pass  # taken already: the list was read before the run was claimed
        else:
            run.mail_upto = mail.number
            self._take(run, mail)
            self.quiet(run)

    def _take(self, run: Run, mail: Mail) -> None:
        """Turn mail into an event of its run."""
        call = run.calls.get(mail.place) or run.dropped.get(mail.place)
        self._outbox.also(Taken(run.id, run.epoch, (mail.number,)))
        body = Posted(mail.sender, mail.id, mail.body).encode()
        if mail.kind == Kind.MESSAGE:
            self.write(run, Kind.MESSAGE, body=body, name=mail.name)
        elif mail.kind == Kind.CANCEL:
            self.write(run, Kind.CANCEL, name=mail.sender)
        elif call is not None and mail.kind == Kind.ANSWERED:
            if call.question != mail.id:
                return  # the answer to a question of an earlier generation
            self.write(run, Kind.ANSWERED, call, body)
            if isinstance(call.what, StepDef):
                self._attempts.answered(run, call, BUILTIN.decode(mail.body))
        elif call is not None:
            self.write(run, mail.kind, call, mail.body)


def check_open(run_id: str, standing: Standing | None) -> Standing:
    """The standing of a run that has not ended; UsageError otherwise."""
    if standing is None:
        raise UsageError(f"there is no run {run_id!r}; `firm ps` lists them")
    if standing.status in TERMINAL:
        raise UsageError(f"run {run_id!r} has ended: it {standing.status}")
    return standing


def _too_long(run: Run) -> str:
    return (
        f"run {run.id!r} has {run.seq - run.base_seq} events in this generation, {MAX_RUN_EVENTS} are allowed; "
        "go over to the next one earlier, with continue_as()"
    )


def stopped_text(run_id: str) -> str:
    """What those read who wait for a run that was stopped."""
    return (
        f"run {run_id!r} was stopped; `firm resume {run_id}` lets it and what it began go on (where its agent was "
        "stopped: `firm resume` with the agent's name)"
    )


def closed_while_awaited() -> RunStuck:
    """What those get who wait for a result when the firm is closed."""
    return RunStuck("the firm was closed while this result was awaited; open it again")
