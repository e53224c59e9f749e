"""One run in memory: its code on its own loop, fed with events in the order of the journal.

One rule: everything from outside comes in through `deliver`, live and in replay alike; what the run wants from
the world goes out through its `Host`. So a replay is the same code as the live run, with the host silent until
the last recorded event was delivered (rules K1 to K3).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Protocol, cast

import msgspec

from firm.errors import DeadlineExceeded, InternalError, ReplayDiverged, UsageError
from firm.ids import child_id
from firm.kernel.call import Ask, Call, Known, Posted, Send, Start
from firm.kernel.context import current, narrowed
from firm.kernel.definition import StepDef, WorkflowDef
from firm.kernel.failure import Failure, rebuild_failure, record_failure
from firm.kernel.journal import Event, Kind
from firm.kernel.loop import RunLoop
from firm.kernel.mark import FIRST, NONE, add_marks, unmarked
from firm.kernel.pace import Pace
from firm.kernel.signal import ContinueAs, Evicted
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN, encode_input

UNWIND_TIMES = 10
"""How often `Evicted` is thrown into a frame that goes on waiting (rule K6)."""


class Host(Protocol):
    """What a run asks of the worker that carries it."""

    cancel_grace_s: float

    def start_call(self, run: "Run", call: Call) -> None:
        """Carry a call out: for the first time, or on from where the journal says it stopped."""

    def drop_call(self, run: "Run", call: Call) -> None:
        """The workflow gave up on a call that has no outcome."""

    def intent_written(self, run: "Run", call: Call) -> None:
        """The intent of an effect is on disk: now it may happen."""

    def attempt_written(self, run: "Run", call: Call) -> None:
        """A failed attempt is on disk: the next one may begin when its time has come."""

    def record_patch(self, run: "Run", name: str) -> None:
        """`patched(name)` was true for the first time."""


class Outcome:
    """How the main coroutine ended."""

    __slots__ = ("body", "status", "then")

    def __init__(self, status: Status, body: bytes, then: ContinueAs | None = None) -> None:
        self.status = status
        self.body = body
        self.then = then


class Run:
    """One durable execution, in the memory of a worker.

    `id`, `generation`, `firm`, `marks`, `mark`, `charter` and `state` are for everybody.
    """

    __slots__ = (
        "_counters",
        "_gap",
        "_held",
        "_known",
        "_mailbox",
        "_patches",
        "_receivers",
        "_state",
        "_unpatched",
        "base_seq",
        "broken",
        "calls",
        "cancelled",
        "charter",
        "children",
        "context",
        "definition",
        "dropped",
        "epoch",
        "firm",
        "forced",
        "generation",
        "halted",
        "hold",
        "host",
        "id",
        "in_flight",
        "last_us",
        "loop",
        "mail_upto",
        "main",
        "marks",
        "outcome",
        "over",
        "pace",
        "parent",
        "places",
        "replaying",
        "same_code",
        "seq",
        "start",
        "swept",
        "unbegun",
        "unsettled",
        "unwinding",
        "unwritten",
        "wake_us",
        "wakes",
    )

    def __init__(self, host: Host, id: str, epoch: int, definition: WorkflowDef, firm: object = None) -> None:
        self.host = host
        self.id = id
        self.firm = firm
        """The firm it runs in, as `firm.root` set it."""
        self.marks = NONE
        """Words that stick to what it has seen, and to all that comes of it; only ever more (`firm.kernel.mark`)."""
        self.charter = b""
        """In whose name it acts and what it may do, as it was started; opaque to the kernel."""
        self._state: dict[str, Any] | None = None
        self.parent = ""
        """Id of the run that called it, or ''."""
        self.epoch = epoch
        self.definition = definition
        self.loop = RunLoop(id)  # type: ignore[abstract]
        self.generation = 1
        self.start: Start | None = None
        self.main: asyncio.Task[Any] | None = None
        self.context: Context | None = None
        # places and calls
        self.places = 0
        self.calls: dict[int, Call] = {}
        """Begun, without outcome, by place."""
        self.unbegun: dict[int, tuple[str, Coroutine[Any, Any, Any]]] = {}
        """Calls whose coroutine was not awaited yet: name and coroutine by place."""
        self.dropped: dict[int, Call] = {}
        """Given up by the workflow before their outcome was recorded."""
        self.unsettled: dict[int, Call] = {}
        """Of those, the ones whose effect may have happened: the run cannot end before that is known."""
        self.children: dict[int, str] = {}
        """Open child runs by place."""
        self.wakes: dict[int, int] = {}
        """Calls that wait for a time: the next attempt of a step, the deadline of a question; place -> µs."""
        self._mailbox: dict[str, deque[bytes]] = {}
        self._receivers: dict[str, deque[asyncio.Future[bytes]]] = {}
        self._counters: dict[str, int] = {}
        # replay
        self.replaying = False
        self.same_code = False
        """Whether the code is still that which the run was started with."""
        self._known: dict[int, Known] = {}
        self._held: list[Call] = []
        self._patches: set[str] = set()
        self._unpatched: set[str] = set()
        self._gap = False
        # ending
        self.cancelled = False
        self.forced = False
        self.swept = False
        self.outcome: Outcome | None = None
        self.broken: ReplayDiverged | None = None
        self.unwinding = False
        self.halted = False
        """It is being stopped: nothing of it begins any more."""
        self.over = False
        self.pace: Pace | None = None
        """What is counted of it; None: it never woke itself and never sent anything."""
        # kept by the host
        self.hold = ""
        """Key of the brake that keeps it from its next generation."""
        self.seq = 0
        self.base_seq = 0
        self.last_us = 0
        self.mail_upto = 0
        self.in_flight = 0
        self.unwritten = 0
        self.wake_us: int | None = None

    # --- events in ------------------------------------------------------------------------------------------

    def deliver(self, event: Event) -> None:
        """Take in one event and go on until idle."""
        self.loop.now_us = event.at_us
        handler = _HANDLERS.get(event.kind)
        if event.body[:1] == FIRST:  # marked, or a value in the tagged form
            event = self._take_marks(event)
        if handler is not None:
            handler(self, event)
        try:
            self.loop.drain()
            self.settle()
        except UsageError as error:  # the loop refused to go on
            self.give_up(error)
        except Exception as error:  # whatever it is, it concerns this run alone
            self.give_up(InternalError(f"{type(error).__name__}: {error}"))

    def _take_marks(self, event: Event) -> Event:
        """What comes in marked marks the run, whatever its code does with it."""
        body, marks = unmarked(event.body)
        self.marks |= marks
        return msgspec.structs.replace(event, body=body) if marks else event

    def replay(self, events: list[Event]) -> None:
        """Deliver a recorded history with the host silent, then begin what was held, in order."""
        self.replaying = True
        self._gather(events)
        self.seq, self.base_seq, self.last_us = events[-1].seq + 1, events[0].seq, events[-1].at_us
        for event in events:
            self.deliver(event)
            if self.broken is not None or self.over:
                return
        self.replaying = False
        self._known.clear()
        held, self._held = self._held, []
        for call in [*self.unsettled.values(), *self._lost_children(), *held]:
            call.held = True
            if call.dropped:
                self.host.drop_call(self, call)
            else:
                self.host.start_call(self, call)

    def _lost_children(self) -> list[Call]:
        return [call for place, call in self.dropped.items() if place in self.children]

    def _gather(self, events: list[Event]) -> None:
        for event in events:
            if event.kind == Kind.STARTED:
                self._gap = Start.decode(event.body).restored
            elif event.kind == Kind.PATCHED:
                self._patches.add(event.name)
            elif event.kind == Kind.RESTORED:
                self._gap = True
            elif event.place and event.kind not in (Kind.TIMER, Kind.STARTED):
                known = self._known.get(event.place)
                if known is None:
                    known = self._known[event.place] = Known(event)
                known.add(event, restored=self._gap)

    def _on_started(self, event: Event) -> None:
        self.start = start = Start.decode(event.body)
        self.generation, self.parent = start.generation, start.parent
        self.charter = start.charter
        if start.marks:
            self.marks = frozenset(start.marks)
        if start.generation > 1:
            self.pace = Pace.decode(start.pace) if start.pace else Pace()
            self.pace.turned(event.at_us)
        self._gap = self._gap or start.restored
        for topic, value in start.messages:
            self._mailbox.setdefault(topic, deque()).append(value)
        self.context = copy_context()
        self.context.run(current.set, self)
        if narrowed.get() is not None:
            self.context.run(narrowed.set, None)
        try:
            args, kwargs = self.definition.signature.decode_args(start.args)
            main = self.definition.function(*args, **kwargs)
        except (UsageError, TypeError) as error:
            if self.replaying:
                self._diverge(0, "arguments that the workflow took", str(error))
            else:
                self.give_up(error)
            return
        self.main = self.loop.create_task(main, context=self.context)

    def _on_outcome(self, event: Event) -> None:
        place = event.place
        self.children.pop(place, None)
        self.unsettled.pop(place, None)
        call = self.calls.pop(place, None)
        if call is None:
            if self.dropped.pop(place, None) is None:
                self._diverge(place, f"{event.name}, ended", "no such call")
            return
        self.wakes.pop(place, None)
        call.intent = False
        if self.pace is not None:
            self.pace.came_to(event.name, event.body)
            if type(call.what) is Send and event.kind == Kind.DONE:
                self.pace.sent(call.what.to, event.at_us)
        future = cast("asyncio.Future[Any]", call.future)
        if future.done():
            return
        raises = getattr(call.what, "raises", ())
        try:
            if event.kind == Kind.DONE:
                codec = (
                    call.what.signature.result if isinstance(call.what, StepDef | WorkflowDef) else BUILTIN
                )
                future.set_result(codec.decode(event.body))
            else:
                future.set_exception(rebuild_failure(Failure.decode(event.body), raises))
        except UsageError as error:
            future.set_exception(error)

    def _on_intent(self, event: Event) -> None:
        call = self.calls.get(event.place) or self.dropped.get(event.place)
        if call is None:
            self._diverge(event.place, f"{event.name}, about to be tried", "no such call")
        elif not self.replaying:
            self.host.intent_written(self, call)

    def _on_attempt(self, event: Event) -> None:
        call = self.calls.get(event.place)
        if call is not None and not self.replaying:
            self.host.attempt_written(self, call)

    def _on_timer(self, event: Event) -> None:
        if self.pace is None:
            self.pace = Pace()
        self.pace.turned(event.at_us)
        if not self.loop.fire(event.place):
            self._diverge(
                event.place, f"timer {event.place}, fired", f"{self.loop.timer_count} timers so far"
            )

    def _on_message(self, event: Event) -> None:
        posted = Posted.decode(event.body)
        value = posted.value
        if self.pace is not None:
            self.pace.heard(posted.sender)
        waiting = self._receivers.get(event.name)
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(value)
                return
        self._mailbox.setdefault(event.name, deque()).append(value)

    def _on_cancel(self, event: Event) -> None:
        if self.cancelled:
            return
        self.cancelled = True
        if self.main is not None and not self.main.done():
            self.main.cancel()
        self.loop.call_later(max(1e-6, self.host.cancel_grace_s), self._force)
        if self.outcome is not None:
            self._drop_children()

    def _on_answered(self, event: Event) -> None:
        call = self.calls.get(event.place)
        if call is None or not isinstance(call.what, Ask):
            return  # an answer about an effect in doubt: the outcome follows as an event of its own
        del self.calls[event.place]
        self.wakes.pop(event.place, None)
        future = cast("asyncio.Future[Any]", call.future)
        if future.done():
            return
        posted = Posted.decode(event.body)
        if self.pace is not None and posted.sender != "deadline":
            self.pace.news()
        if posted.sender == "deadline" and not call.what.default:
            future.set_exception(DeadlineExceeded(f"nobody answered {call.what.text!r} in time"))
        else:
            future.set_result(BUILTIN.decode(posted.value))

    # --- calls out ------------------------------------------------------------------------------------------

    def call_step(
        self, definition: StepDef, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Fix the place of a step; it begins when the coroutine is awaited."""
        self.places += 1
        return self._made(
            Call(self.places, definition, definition.name, (args, kwargs), encode_input(args, kwargs))
        )

    def call_step_around(
        self,
        definition: StepDef,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        around: "Callable[[Run, Call], Coroutine[Any, Any, Any]]",
    ) -> Coroutine[Any, Any, Any]:
        """As `call_step`, for later parts: the coroutine is theirs, and begins the step with `perform`."""
        self.places += 1
        call = Call(self.places, definition, definition.name, arguments, encode_input(*arguments))
        coroutine = around(self, call)
        self.unbegun[call.place] = (call.name, coroutine)
        return coroutine

    def call_child(
        self, definition: WorkflowDef, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Fix the place of a child run; UsageError at once if its arguments do not fit."""
        body = definition.signature.encode_args(args, kwargs)
        self.places += 1
        return self._made(
            Call(self.places, definition, definition.name, ((body,), {}), encode_input(args, kwargs))
        )

    def call_other(self, what: Ask | Send, name: str, input: bytes) -> Coroutine[Any, Any, Any]:
        """Fix the place of a question or a message."""
        self.places += 1
        if self.pace is None and type(what) is Send:
            self.pace = Pace()
        return self._made(Call(self.places, what, name, ((), {}), input))

    def _made(self, call: Call) -> Coroutine[Any, Any, Any]:
        coroutine = self.perform(call)
        self.unbegun[call.place] = (call.name, coroutine)
        return coroutine

    async def perform(self, call: Call) -> Any:
        """Begin a call whose place is fixed, and wait for its outcome."""
        if self.unwinding:
            await self._refuse()
        future = call.future = asyncio.Future(loop=self.loop)
        self._begin(call)
        try:
            return await future
        except asyncio.CancelledError:
            if not self.unwinding:
                self._abandon(call)
            raise

    def _begin(self, call: Call) -> None:
        place = call.place
        del self.unbegun[place]
        self.calls[place] = call
        call.context = copy_context()
        if call.charter is not narrowed.get():  # it is awaited elsewhere than it was made
            call.context.run(narrowed.set, call.charter)
        if isinstance(call.what, WorkflowDef):
            self.children[place] = child_id(self.id, self.generation, place)
        if not self.replaying:
            self.host.start_call(self, call)
            return
        known = self._known.get(place)
        if known is None:
            self._held.append(call)
            return
        if not known.fits(call):
            self._diverge(place, known.show(), call.show())
            raise Evicted
        call.intent, call.intent_by, call.attempt = known.intent, known.intent_by, known.attempt
        call.cleared = known.cleared
        call.retry_at_us, call.question = known.retry_at_us, known.question
        if not known.outcome:
            self._held.append(call)

    def _abandon(self, call: Call) -> None:
        if self.calls.pop(call.place, None) is None:
            return
        call.dropped = True
        self.dropped[call.place] = call
        self.wakes.pop(call.place, None)
        if call.intent:
            self.unsettled[call.place] = call
        if call in self._held:
            self._held.remove(call)
            if isinstance(call.what, Ask) and call.question:
                self._held.append(call)  # its question must be closed
        if not self.replaying:
            self.host.drop_call(self, call)

    def _diverge(self, place: int, expected: str, got: str) -> None:
        if self.broken is None:
            self.broken = ReplayDiverged(self.id, place, expected, got)
            self.unwinding = True

    # --- what workflow code asks of its run -----------------------------------------------------------------

    async def _refuse(self) -> None:
        """A kernel call of a run that leaves: `Evicted` is thrown in here; code that swallows it is left standing."""
        while True:
            await asyncio.Future(loop=self.loop)

    async def receive(self, topic: str, timeout_s: float | None) -> Any:
        """The next message on a topic."""
        if self.unwinding:
            await self._refuse()
        queue = self._mailbox.get(topic)
        if queue:
            return self._read(queue.popleft())
        future: asyncio.Future[bytes] = asyncio.Future(loop=self.loop)
        self._receivers.setdefault(topic, deque()).append(future)
        try:
            async with asyncio.timeout(timeout_s):
                return self._read(await future)
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it came, and nobody took it: back to the front
                self._mailbox.setdefault(topic, deque()).appendleft(future.result())
            raise

    def _read(self, message: bytes) -> Any:
        body, marks = unmarked(message)
        self.marks |= marks
        return BUILTIN.decode(body)

    def mark(self, *words: str) -> None:
        """Mark the run from here on. For workflow code; a step says `current_step().mark`.

        Raises:
            UsageError: in a step, a word is not 1..200 printable characters, or there are more than MAX_MARKS.
        """
        if current.get() is not self:
            raise UsageError(
                f"Run.mark{words!r} outside the run's workflow code; in a step, call current_step().mark"
            )
        self.marks = add_marks(self.marks, words)

    @property
    def state(self) -> dict[str, Any]:
        """What later parts keep of this life of the run; not journaled, a replay makes it anew."""
        if self._state is None:
            self._state = {}
        return self._state

    def state_of(self, name: str) -> Any:
        """One thing of `state`; None where nobody has put it there."""
        return None if self._state is None else self._state.get(name)

    def is_patched(self, name: str) -> bool:
        """Rule K11: true in new runs and where it was true before, false while older history is replayed."""
        if name in self._patches:
            return True
        if name in self._unpatched or (self.replaying and not self.same_code):
            self._unpatched.add(name)  # and so it stays, in this life and the next
            return False
        self._patches.add(name)
        self.host.record_patch(self, name)
        return True

    def count(self, what: str) -> int:
        """How often this was asked before, for values that are derived from run, place and counter."""
        number = self._counters.get(what, 0)
        self._counters[what] = number + 1
        return number

    @property
    def in_gap(self) -> bool:
        """Whether effects may have happened already between a backup and its restoration."""
        return self._gap

    def unread(self) -> tuple[tuple[str, bytes], ...]:
        """Messages that nobody received."""
        return tuple((topic, value) for topic, queue in self._mailbox.items() for value in queue)

    # --- the end --------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """After each drain: has the main coroutine ended, and with it all that it began?"""
        if self.main is None or not self.main.done() or self.unwinding:
            return
        if self.outcome is None:
            self.outcome = self._outcome_of(self.main)
            if self.outcome.status is not Status.SUCCEEDED:
                self._drop_children()
        if not self.children and not self.swept:
            self.swept = True
            for task in self.loop.tasks:
                if not task.done():
                    task.cancel()
            self.loop.drain()

    def ended(self) -> bool:
        """Whether nothing more can come of it."""
        if self.forced:
            return not self.unsettled and not self.children
        return (
            self.outcome is not None
            and self.swept
            and not self.children
            and not self.unsettled
            and all(task.done() for task in self.loop.tasks)
        )

    def _outcome_of(self, main: asyncio.Task[Any]) -> Outcome:
        try:
            value = main.result()
            return Outcome(Status.SUCCEEDED, self.definition.signature.result.encode(value))
        except asyncio.CancelledError as error:
            return Outcome(Status.CANCELLED, record_failure(error).encode())
        except ContinueAs as then:
            body = self.definition.signature.encode_args(then.arguments, then.named)
            return Outcome(Status.SUCCEEDED, body, then)
        except BaseException as error:  # whatever the workflow raised is its outcome
            return Outcome(Status.FAILED, record_failure(error).encode())

    def _drop_children(self) -> None:
        """Cancel the open children, in the order of their places."""
        for place in sorted(self.children):
            call = self.calls.get(place)
            if call is not None and call.future is not None:
                call.future.cancel()
                self._abandon(call)

    def _force(self) -> None:
        """The grace time of a cancelled run is over: its frames are unwound, its calls given up."""
        if self.ended():
            return
        self.forced = True
        self._drop_children()
        for call in list(self.calls.values()):
            self._abandon(call)
        if self.outcome is None:
            error = asyncio.CancelledError("its grace time was over")
            self.outcome = Outcome(Status.CANCELLED, record_failure(error).encode())
        self.loop.call_soon(self._unwind_all)

    def _unwind_all(self) -> None:
        self.unwinding = True
        self.loop.unwind(Evicted, UNWIND_TIMES, cast("Context", self.context))

    def give_up(self, error: Exception) -> None:
        """Its code cannot even be begun, spins or goes on too long: the run fails."""
        self.outcome = Outcome(Status.FAILED, record_failure(error).encode())
        self.forced = True
        self._drop_children()
        for call in list(self.calls.values()):
            self._abandon(call)
        self.unwinding = True
        if self.context is not None:
            self.loop.unwind(Evicted, UNWIND_TIMES, self.context)

    def close_unbegun(self) -> list[str]:
        """Names of calls that were made and never awaited; they will not be."""
        unbegun, self.unbegun = self.unbegun, {}
        for _, coroutine in unbegun.values():
            coroutine.close()
        return [name for name, _ in unbegun.values()]

    def evict(self) -> bool:
        """Leave memory (rule K6); False if its code would not let go. Safe on a run that has not begun."""
        self.unwinding = True
        self.close_unbegun()
        if self.context is None:
            return True
        return self.loop.unwind(Evicted, UNWIND_TIMES, self.context)


_HANDLERS: dict[int, Callable[[Run, Event], None]] = {
    Kind.STARTED: Run._on_started,
    Kind.DONE: Run._on_outcome,
    Kind.FAILED: Run._on_outcome,
    Kind.INTENT: Run._on_intent,
    Kind.ATTEMPT: Run._on_attempt,
    Kind.TIMER: Run._on_timer,
    Kind.MESSAGE: Run._on_message,
    Kind.CANCEL: Run._on_cancel,
    Kind.ANSWERED: Run._on_answered,
}
"""Event -> what it does. Kinds that are missing are records of what the run itself did."""
