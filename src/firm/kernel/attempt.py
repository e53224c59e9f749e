"""Carrying out steps: attempts on the real loop, in threads and in processes; retries; effects in doubt.

One rule: the workflow sees nothing of an attempt but the event that was written about it. A result that comes
when the run has moved on, or left, is dropped.
"""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol, cast

from firm.errors import InternalError, NotSent, ProcessDied, RetryableError, TerminalError, UsageError
from firm.ids import question_id, step_key
from firm.kernel.call import Attempt, Call
from firm.kernel.context import StepInfo, current, current_step
from firm.kernel.definition import Done, NotDone, StepDef, Unknown
from firm.kernel.failure import Failure, readable, record_failure
from firm.kernel.journal import Kind, Question, Row
from firm.kernel.mark import marked, unmarked
from firm.kernel.ports import Clock, Randomness
from firm.kernel.process import Processes
from firm.kernel.run import Run
from firm.kernel.signal import Held
from firm.kernel.value import BUILTIN

MAX_THREADS = 64
"""Plain functions at work as steps at one time."""
DOUBT_ANSWERS = ("done", "not done", "fail")
CONFIRM_EVERY_S = 1.0
THREAD_GRACE_S = 60.0
"""How long an effect in a thread that nobody waits for any more may take before its reconciler is not asked."""
THREAD_LOOK_S = 0.05

log = logging.getLogger("firm")


class Writer(Protocol):
    """What this part needs of the worker."""

    clock: Clock
    randomness: Randomness
    lease_s: float | None

    def write(
        self, run: Run, kind: Kind, call: Call | None = None, body: bytes = b"", name: str = ""
    ) -> None:
        """Write an event of a run with the next commit."""

    def write_rows(self, *rows: Row | Question) -> None:
        """Write rows with the next commit."""

    def carries(self, run: Run) -> bool:
        """Whether this very object is still the run's life here."""

    def quiet(self, run: Run) -> None:
        """Something of the run came to rest."""

    def hold(self, run: Run, call: Call, key: str) -> None:
        """Put a call back as if it had not begun."""

    async def confirm_dead(self, worker: str) -> bool:
        """Whether an earlier worker surely does nothing any more."""


class Attempts:
    """Carries out the steps of all runs of a worker."""

    def __init__(self, writer: Writer, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop
        self._late = self._write_late
        self._threads: ThreadPoolExecutor | None = None
        self._processes = Processes()
        self.tasks: set[asyncio.Task[None]] = set()
        """Attempts with effect `once` and reconcilers under way; a closing worker waits for these."""

    # --- begin and end of an attempt ------------------------------------------------------------------------

    def begin(self, run: Run, call: Call) -> None:
        """Begin the next attempt of a step now."""
        run.in_flight += 1
        context = call.context
        if context is None:
            raise InternalError(f"call {call.place} of run {run.id!r} has no context")
        info = StepInfo(run, call.place, call.name, call.attempt + 1)
        context.run(current.set, info)
        call.late = None
        call.task = task = self._loop.create_task(self._attempt(run, call, info), context=context)
        if call.intent:
            self._keep(task)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _attempt(self, run: Run, call: Call, info: StepInfo) -> None:
        definition = call.what
        assert isinstance(definition, StepDef)
        try:
            if definition.timeout_s is not None:
                value = await self._timed(definition, call, definition.timeout_s)
            elif definition.is_async:
                value = await definition.function(*call.args, **call.kwargs)
            else:
                value = await self._execute(definition, call)
            body = definition.signature.result.encode(value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a step may raise anything; all of it is its outcome
            run.in_flight -= 1
            call.task = None
            if self._write_rows(run, info):
                if isinstance(error, Held) and not call.intent:
                    self._writer.hold(run, call, error.key)
                else:
                    self._failed(run, call, error, info.marks)
                self._writer.quiet(run)
            return
        run.in_flight -= 1
        call.task = None
        if self._write_rows(run, info) and (call.intent or not call.dropped):
            self._end(run, call, Kind.DONE, marked(body, info.marks) if info.marks else body)

    async def _timed(self, definition: StepDef, call: Call, timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s) as timer:
                return await self._execute(definition, call)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise TimeoutError(
                f"step {definition.name!r} took longer than its timeout_s={timeout_s:g}"
            ) from error

    async def _execute(self, definition: StepDef, call: Call) -> Any:
        if definition.is_async:
            return await definition.function(*call.args, **call.kwargs)
        if definition.cpu:
            return await self._processes.call(definition, call.args, call.kwargs)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="firm-step")
        return await self._loop.run_in_executor(
            self._threads, copy_context().run, _in_thread, definition, call
        )

    def _write_rows(self, run: Run, info: StepInfo) -> bool:
        """What the attempt put down, with whatever is written of it next: a failed one costs money too (rule K10).

        False if nothing is written of it next, because the run has moved on or left: then only what is true all
        the same.
        """
        info.late = self._late
        if info.regardless:
            self._writer.write_rows(*[Row(row.book, row.key, row.value) for row in info.regardless])
        carries = self._writer.carries(run)
        if carries:
            for row in info.rows:
                self._writer.write_rows(Row(row.book, row.key, row.value, run.id, run.epoch))
        return carries

    def _write_late(self, row: Row) -> None:
        """What an attempt puts down after its end, perhaps in a thread."""
        self._loop.call_soon_threadsafe(self._writer.write_rows, Row(row.book, row.key, row.value))

    def _end(self, run: Run, call: Call, kind: Kind, body: bytes) -> None:
        self._writer.write(run, kind, call, body)

    def _failed(self, run: Run, call: Call, error: BaseException, marks: frozenset[str]) -> None:
        definition = call.what
        assert isinstance(definition, StepDef)
        lost = isinstance(error, TimeoutError | ConnectionError | ProcessDied | asyncio.CancelledError)
        if call.intent and lost and not isinstance(error, NotSent):
            self.doubt(
                run, call, f"{type(error).__name__} in the middle" + (f": {error}" if str(error) else "")
            )
            return
        if call.dropped and not call.intent:
            return
        number = call.attempt + 1
        again = isinstance(error, NotSent) or (
            not call.intent and isinstance(error, RetryableError | TimeoutError | ConnectionError)
        )
        failure = marked(record_failure(error).encode(), marks)
        if not again or call.dropped or number >= definition.retry.attempts:
            self._end(run, call, Kind.FAILED, failure)
            return
        wait_s = definition.retry.wait_s(number, self._writer.randomness.random())
        if isinstance(error, RetryableError) and error.retry_after_s is not None:
            wait_s = max(wait_s, Failure.decode(failure).retry_after_s or 0.0)
        self._again(run, call, number, failure, wait_s)

    def _again(self, run: Run, call: Call, number: int, failure: bytes, wait_s: float = 0.0) -> None:
        """Write a failed attempt down; when that is on disk the next one waits for its time.

        The marks of the failure stand before the whole.
        """
        failure, marks = unmarked(failure)
        call.attempt, call.intent, call.doubted, call.cleared = number, False, False, True
        call.retry_at_us = self._writer.clock.now_us() + round(wait_s * 1e6)
        body = Attempt(number, failure, call.retry_at_us).encode()
        self._writer.write(run, Kind.ATTEMPT, call, marked(body, marks))

    # --- in doubt -------------------------------------------------------------------------------------------

    def doubt(self, run: Run, call: Call, why: str) -> None:
        """An effect may have happened: let its reconciler say, or ask the founder (rule K5)."""
        if call.question or call.doubted:
            return  # asked already
        call.doubted = True
        run.in_flight += 1
        context = copy_context()
        if call.context is not None:
            context = call.context.copy()
        info = StepInfo(run, call.place, call.name, call.attempt + 1)
        context.run(current.set, info)
        self._keep(self._loop.create_task(self._resolve(run, call, info, why), context=context))

    async def _resolve(self, run: Run, call: Call, info: StepInfo, why: str) -> None:
        definition = call.what
        assert isinstance(definition, StepDef)
        word: object = Unknown()
        body = b""
        try:
            while call.intent_by and not await self._writer.confirm_dead(call.intent_by):
                await asyncio.sleep(CONFIRM_EVERY_S)
                if not self._writer.carries(run):
                    return  # it is no longer ours to find out, nor to kill that worker for it
            if definition.reconcile is not None:
                await self._thread_over(call)
            if call.at_work:
                why = f"{why}; its thread is still at work"
            elif call.late is not None:
                word, attempt = call.late
                info.marks |= attempt.marks
            elif definition.reconcile is not None:
                key = step_key(run.id, run.generation, call.place)
                word = await definition.reconcile(key, *call.args, **call.kwargs)
            if isinstance(word, Done):
                body = definition.signature.result.encode(word.value)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                return
            why = f"{why}; its reconciler raised {type(error).__name__}"
        except Exception as error:  # a reconciler that fails cannot tell
            why, word = f"{why}; its reconciler raised {type(error).__name__}: {error}", Unknown()
        finally:
            run.in_flight -= 1
        if not self._write_rows(run, info) or not call.intent:
            return
        if isinstance(word, Done):
            self._end(run, call, Kind.DONE, marked(body, info.marks))
        elif isinstance(word, NotDone):
            self.not_done(run, call)
        else:
            self._ask(run, call, why)
        self._writer.quiet(run)

    async def _thread_over(self, call: Call) -> None:
        """A thread cannot be killed: before a reconciler looks what it did, it may finish (at most so long)."""
        for _ in range(round(THREAD_GRACE_S / THREAD_LOOK_S)):
            if not call.at_work:
                return
            await asyncio.sleep(THREAD_LOOK_S)

    def not_done(self, run: Run, call: Call) -> None:
        """The effect surely did not happen: do it now, or close it where the workflow gave it up."""
        failure = record_failure(NotSent(f"{call.name} did not happen")).encode()
        if call.dropped:
            self._end(run, call, Kind.FAILED, failure)
        else:
            self._again(run, call, call.attempt + 1, failure)

    def _ask(self, run: Run, call: Call, why: str) -> None:
        now_us = self._writer.clock.now_us()
        content = call.input + str((run.seq, why)).encode()
        call.question = question_id(run.id, run.generation, call.place, "in doubt", content)
        text = (
            f"{call.show()} of run {run.id} may or may not have happened ({why}). Look, then answer 'done' "
            "(or {\"done\": RESULT}), 'not done' to do it now, or 'fail' to give it up."
        )
        text, options = readable(text), BUILTIN.encode(list(DOUBT_ANSWERS))
        self._writer.write_rows(
            Question(
                call.question, run.id, run.epoch, call.place, "in doubt", text, options, b"", None, now_us
            )
        )
        self._writer.write(run, Kind.ASKED, call, call.question.encode())

    def answered(self, run: Run, call: Call, value: object) -> None:
        """The founder has said what became of an effect; his answer is on its way to the journal already."""
        call.question = ""
        match value:
            case "not done":
                self.not_done(run, call)
            case "fail":
                error = TerminalError(f"{call.name}: given up by the founder")
                self._end(run, call, Kind.FAILED, record_failure(error).encode())
            case _:
                result = value.get("done") if isinstance(value, dict) else None
                assert isinstance(call.what, StepDef)
                try:
                    body = b"" if call.dropped else call.what.signature.result.encode(result)
                except UsageError as error:
                    self._ask(run, call, f'answer {{"done": RESULT}} with a result that fits: {error}')
                    return
                self._end(run, call, Kind.DONE, body)

    # --- stopping -------------------------------------------------------------------------------------------

    def give_up(self, run: Run, call: Call, task: asyncio.Task[None]) -> None:
        """The workflow gave up on a call while its attempt was under way."""
        task.cancel()
        if (
            inspect.getcoroutinestate(cast("Coroutine[Any, Any, None]", task.get_coro()))
            == inspect.CORO_CREATED
        ):  # now it never begins
            run.in_flight -= 1
            call.task = None
            if call.intent:
                self.not_done(run, call)

    def of(self, run: Run) -> list[asyncio.Task[None]]:
        """The attempts of a run that are under way."""
        if not run.calls and not run.dropped:
            return []
        calls = [*run.calls.values(), *run.dropped.values()]
        return [call.task for call in calls if call.task is not None]

    def cancel(self, run: Run) -> None:
        """Cancel all attempts of a run that leaves."""
        for task in self.of(run):
            task.cancel()

    async def finish(self, grace_s: float) -> None:
        """Give effects under way time to end, then cancel them; they will be in doubt."""
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=grace_s)
        for task in list(self.tasks):
            task.cancel()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        await self._processes.close()


def _in_thread(definition: StepDef, call: Call) -> Any:
    call.at_work = True
    try:
        value = definition.function(*call.args, **call.kwargs)
        call.late = Done(value), current_step()
        return value
    except StopIteration as error:  # a future cannot carry it
        raise RuntimeError(f"step {definition.name!r} raised StopIteration") from error
    finally:
        call.at_work = False
