"""The worker's doors: begin runs, send, cancel, answer, wait for results; come and go.

One rule: what a door has confirmed is on disk.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from firm.errors import JournalError, RunStuck, UsageError
from firm.ids import check_id
from firm.kernel.api import KERNEL_KINDS
from firm.kernel.call import Start
from firm.kernel.carrier import Carrier, Ended, closed_while_awaited, stopped_text
from firm.kernel.claims import IN_DOUBT
from firm.kernel.definition import WorkflowDef, workflow_of
from firm.kernel.failure import readable
from firm.kernel.journal import STOPPED, Kind, Mail, Question, is_stopped
from firm.kernel.question import answer_to, check_answer, check_open
from firm.kernel.status import TERMINAL, Status
from firm.kernel.value import BUILTIN

log = logging.getLogger("firm")
LEAVE_S = 1.0
"""How long a cancelled attempt may take to end before the worker leaves."""
LOOK_S = 0.1
"""How often a closing worker looks whether the journal can still be written."""


class Worker(Carrier):
    """Carries runs on the running event loop.

    Args:
        journal: Where everything stands.
        id: Name of this worker, never used before; drawn if empty.
        idle_s: A run in which everything waits for longer than this is evicted.
        cancel_grace_s: How long a cancelled run may take for its `finally`.
        lease_s: Length of the lease where several workers share a journal; None: a lock outside proves that
            this is the only one.
        confirm_dead: Says whether an earlier worker surely does nothing any more (kills it if it can).
        firm: Anything; runs carry it as `run.firm`.
    """

    on_firm_answer: Callable[[Question, Any], None] | None = None
    """Told after the commit when a question of the firm itself (`ask_firm`) was answered through this worker."""
    before_leaving: Callable[[], Awaitable[object]] | None = None
    """Awaited when every run is set down, before the last commit."""

    async def start(self, *, resume: bool = True) -> None:
        """Join the journal and take up what nobody carries (unless `resume` is False)."""
        await self.journal.join(self.id, lease_s=self.lease_s)
        self._spawn(self._outbox.run(), "outbox")
        self._spawn(self._claims.run(), "claims")
        if resume:
            self._spawn(self._claims.recover(), "recovery")
            self._spawn(self._claims.check(), "check")
        if self.lease_s is not None:
            self._spawn(self._lease_loop(self.lease_s), "lease")

    async def stop(self, *, grace_s: float = 10.0) -> None:
        """Claim nothing more, let steps end within `grace_s` seconds, set every run down, leave.

        A step that does not end in time is cancelled: a repeatable one is made again later, one with effect
        'once' is in doubt.
        """
        if self.stopping:
            return
        self.stopping = True
        deadline_s = self._loop.time() + grace_s
        while self._writable() and any(run.in_flight for run in self.active.values()):
            if self._loop.time() >= deadline_s:
                break
            await asyncio.sleep(0.01)
        await self._attempts.finish(max(0.0, deadline_s - self._loop.time()))
        await asyncio.sleep(0)
        at_work = [task for run in self.active.values() for task in self._attempts.of(run)]
        for run in list(self.active.values()):
            self._set_down(run)
        if at_work and self._writable():  # they may have to put down what they spent
            await asyncio.wait(at_work, timeout=LEAVE_S)
        if self.before_leaving is not None and self._writable():
            await self.before_leaving()
        await self._last_word()
        self._stopped = True
        for commit in self._commits:
            if not commit.done():
                commit.set_exception(JournalError("the firm was closed before this was on disk; try again"))
        for task in self._tasks:
            task.cancel()
        self._alarm.stop()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        for run_id in list(self._waiters):
            self._tell(run_id, closed_while_awaited())

    async def _last_word(self) -> None:
        """Wait until everything is on disk, or cannot get there, and leave."""
        empty = asyncio.ensure_future(self._outbox.empty())
        while self._writable() and not empty.done():
            await asyncio.wait((empty,), timeout=LOOK_S)
        empty.cancel()
        if self._writable():
            try:
                await self.journal.leave(self.id)
            except JournalError as error:
                log.warning("closed without a last word to the journal: %s", error)

    def _writable(self) -> bool:
        return self._outbox.trouble is None and self.fatal is None

    async def begin(
        self,
        target: object,
        args: tuple[Any, ...],
        *,
        id: str | None = None,
        by: str = "",
        charter: bytes = b"",
    ) -> str:
        """Start a run, durable on return; with the id of an earlier one join that. Returns its id.

        Args:
            target: What `@workflow` returned.
            args: Its positional arguments.
            id: Its id; None: one is drawn.
            by: Who asks for it.
            charter: In whose name it acts and what it may do; one that is joined keeps its own.

        Raises:
            UsageError: not a workflow, arguments that do not fit, or an id that stands for other work.
        """
        definition = workflow_of(target)
        body = definition.signature.encode_args(args, {})
        if id is None:
            run_id = f"{definition.slug}-{self.ids.draw()}"
        else:
            run_id = check_id(id, "run id")
            joined = await self._joins(run_id, definition, body)
            while not joined and run_id in self.active:  # another call began it while this one looked
                joined = await self._joins(run_id, definition, body)
            if joined:
                return run_id
        if self.stopping:
            raise UsageError("the firm is closing; open it again to start runs")
        self.new_run(run_id, definition, body, by=by, charter=charter)
        refused = await self.commit()
        if run_id in refused.runs and not await self._joins(run_id, definition, body):
            raise JournalError(f"run {run_id!r} could not be started; try again")
        return run_id

    async def _joins(self, run_id: str, definition: WorkflowDef, args: bytes) -> bool:
        """Whether a run of this id is there already; UsageError if it stands for other work."""
        if run_id in self.active and self.active[run_id].start is None:
            await self.commit()  # it is being started just now
        if await self.journal.standing(run_id) is None:
            return False
        history = await self.journal.read(run_id, whole=True)
        if not history:
            raise UsageError(f"run {run_id!r} has ended and `firm gc` has erased it; take another id")
        start = Start.decode(history[0].body)
        if start.workflow != definition.reference or not _same_args(definition, start.args, args):
            raise UsageError(
                f"run {run_id!r} exists already, with another workflow or other arguments; take another id"
            )
        return True

    async def post(self, run_id: str, topic: str, value: bytes, *, sender: str, id: str) -> None:
        """A message for a run, durable on return; a second one with the same sender and id is dropped."""
        check_id(sender, "sender")
        check_id(topic, "topic")
        await self.open_standing(run_id)
        await self.commit(
            Mail(run_id, Kind.MESSAGE, sender, f"id:{check_id(id, 'message id')}", 0, topic, value)
        )

    async def cancel(self, run_id: str, *, by: str) -> None:
        """Ask a run to stop, durable on return."""
        check_id(by, "by")
        await self.open_standing(run_id)
        await self.commit(Mail(run_id, Kind.CANCEL, by, "cancel"))

    async def answer(self, question_id: str, value: object, *, by: str) -> Question:
        """Answer a question, durable on return.

        Raises:
            UsageError: somebody was first, its time is over, or the value is not allowed.
        """
        if check_id(by, "by") in ("deadline", "closed"):
            raise UsageError(f"by={by!r} is a word of the engine; say who answers")
        question = await self.journal.question(question_id)
        if question is None:
            raise UsageError(f"there is no question {question_id!r}; `firm inbox` lists them")
        check_open(question, self.clock.now_us())
        check_answer(question, value)
        body = BUILTIN.encode(value)
        closing = self.close(answer_to(question, body, by=by, at_us=self.clock.now_us()))
        refused = await self.commit()
        if not closing or question_id in refused.answers:
            check_open(await self.journal.question(question_id) or question, self.clock.now_us())
            raise UsageError(f"question {question_id!r} was answered at the same moment; see `firm inbox`")
        if not question.run and self.on_firm_answer is not None:
            self.on_firm_answer(question, value)
        return question

    async def ask_firm(self, id: str, kind: str, text: str, options: list[Any] | None) -> None:
        """Put a question of the firm itself, of no run, into the inbox; durable on return.

        Whoever wants the answer sets `on_firm_answer`, or looks at the question later.

        Args:
            id: Of the question; while it is open a second one with this id is the same.
            kind: 'breaker' …; not one of the kernel's.
            text: What the founder reads.
            options: The answers allowed; None: any value.

        Raises:
            UsageError: it was answered already: take another id; or a kind of the kernel's.
        """
        if check_id(kind, "kind of question") in KERNEL_KINDS:
            raise UsageError(f"ask_firm(kind={kind!r}): that kind is the kernel's own; take another word")
        before = await self.journal.question(check_id(id, "question id"))
        if before is not None and before.answered_us:
            raise UsageError(f"question {id!r} was answered already; take another id")
        now_us, allowed = self.clock.now_us(), BUILTIN.encode(options)
        await self.commit(Question(id, "", 0, 0, kind, readable(text), allowed, b"", None, now_us))

    async def halt(self, run_ids: Iterable[str], reason: str = STOPPED) -> list[str]:
        """Stop runs with all that they began, at once; ids of those that this call has stopped, durable on return.

        After the commit nothing of them takes effect or begins: the epoch of each is raised, attempts under way are
        cancelled (those with effect 'once' will be in doubt), and nobody carries them until `resume`. With several
        workers on one journal, another one that carries such a run learns of it when it next writes or prolongs its
        lease.

        Args:
            run_ids: Those already stopped, or ended, are passed over.
            reason: Why, for the founder.

        Raises:
            UsageError: there is no such run, or all of them have ended.
        """
        work = self._loop.create_task(self._halts.halt(list(run_ids), reason), name="firm-halt")
        return await asyncio.shield(work)  # whoever goes away meanwhile has stopped it all the same

    async def resume(self, run_id: str) -> None:
        """Take up a run that is stuck, after its code was put right; one that was stopped, with all that it began."""
        standing = await self.open_standing(run_id)
        if is_stopped(standing.status, standing.reason):
            await self._halts.release(run_id)
        else:
            self._claims.want([run_id], asked=True)

    def adopt(self, definition: WorkflowDef) -> None:
        """Make a workflow known that cannot be found by its reference (a function inside a function)."""
        self._claims.known.setdefault(definition.reference, definition)

    async def ended(self, run_id: str) -> Ended:
        """Wait until a run has ended.

        Raises:
            UsageError: there is no such run.
            ReplayDiverged, RunStuck: it needs a person before it can go on.
        """
        waiter: asyncio.Future[Ended] = self._loop.create_future()
        self._waiters.setdefault(run_id, []).append(waiter)
        try:
            if run_id not in self.active:
                standing = await self.journal.standing(run_id)
                if standing is None:
                    raise UsageError(f"there is no run {run_id!r}; `firm ps` lists them")
                if standing.status in TERMINAL:
                    history = await self.journal.read(run_id)
                    if not history:
                        raise UsageError(f"run {run_id!r} {standing.status}; `firm gc` has erased its result")
                    return Ended(standing.status, history[-1].body, standing.workflow)
                needs_person = standing.status is Status.STUCK and standing.reason != IN_DOUBT
                if needs_person and not self._claims.wants(run_id):
                    if is_stopped(standing.status, standing.reason):
                        raise RunStuck(stopped_text(run_id))
                    raise RunStuck(f"run {run_id!r} is stuck, {standing.reason}; see `firm inbox`")
            if self.fatal is not None:
                raise self.fatal
            if self._stopped:
                raise closed_while_awaited()
            return await waiter
        finally:
            waiters = self._waiters.get(run_id, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._waiters.pop(run_id, None)

    async def _lease_loop(self, lease_s: float) -> None:
        """Prolong the lease; where it ran out, drop everything: others may own it."""
        for _ in itertools.count():
            await asyncio.sleep(lease_s / 3)
            try:
                if not await self.journal.renew(self.id):
                    # those that are not on disk yet nobody else can have
                    self._lose(*[run for run in self.active.values() if run.start is not None])
                    if self.stopping:
                        return
                    await self.journal.join(self.id, lease_s=lease_s)
            except JournalError as error:
                log.warning("the lease could not be prolonged: %s", error)
                continue
            self._outbox.look()
            await self._give_up_lost()
            await self._claims.recover()

    async def _give_up_lost(self) -> None:
        """Drop what another worker has stopped: what writes nothing would never learn of it."""
        carried = [run for run in self.active.values() if run.start is not None and not run.over]
        try:
            mine = await self.journal.owned(self.id)
        except JournalError as error:
            log.warning("what is owned cannot be read: %s", error)
            return
        self._lose(*[run for run in carried if mine.get(run.id) != run.epoch and self.carries(run)])


def _same_args(definition: WorkflowDef, one: bytes, other: bytes) -> bool:
    """Sets and records may lie in another order and be the same."""
    if one == other:
        return True
    try:
        return definition.signature.decode_args(one) == definition.signature.decode_args(other)
    except UsageError:
        return False
