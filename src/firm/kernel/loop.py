"""The event loop of one run: ordinary asyncio, drained by hand, the same in every replay.

One rule: nothing enters from outside but through `Run.deliver`. The ready queue is first in, first out; time
stands still between two events; timers are numbered and durable. Everything that would touch the world
(threads, sockets, signals, processes) is refused: it belongs in a step.
"""

import asyncio
import heapq
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, NoReturn
from zlib import crc32

from firm.errors import UsageError

MAX_WAIT_US = 100 * 366 * 86_400 * 1_000_000
"""Longest timer: 100 years; a longer one is cut."""
MAX_DRAIN = 1_000_000
"""Callbacks in a row without an event from outside; a workflow that needs more is spinning."""

log = logging.getLogger("firm")


class RunTask(asyncio.Task[Any]):
    """A task that hashes by its run and its number in it: sets of tasks iterate alike in every replay."""

    __slots__ = ("_hash",)

    def __init__(self, coro: Any, *, loop: "RunLoop", hash: int, name: Any, context: Any) -> None:
        self._hash = hash  # first: asyncio's own registry asks for it
        super().__init__(coro, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        return self._hash


class Handle:
    """A callback in the ready queue."""

    __slots__ = ("args", "callback", "context", "dropped")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context if context is not None else copy_context()
        self.dropped = False

    def cancel(self) -> None:
        """Do not run it."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.dropped


class Timer(Handle):
    """A callback at a point in time; survives crashes because every replay makes it again."""

    __slots__ = ("deadline_us", "firing", "loop", "number")

    def __init__(
        self,
        loop: "RunLoop",
        number: int,
        deadline_us: int,
        handle: tuple[Callable[..., object], tuple[Any, ...], Context | None],
    ) -> None:
        super().__init__(*handle)
        self.loop = loop
        self.number = number
        self.deadline_us = deadline_us
        self.firing = False

    def cancel(self) -> None:
        """Do not run it; it leaves no trace in the journal."""
        if not self.dropped:
            self.dropped = True
            self.loop.timers.pop(self.number, None)

    def when(self) -> float:
        """Seconds since 1970."""
        return self.deadline_us / 1e6

    def __lt__(self, other: "Timer") -> bool:
        return (self.deadline_us, self.number) < (other.deadline_us, other.number)


class RunLoop(asyncio.AbstractEventLoop):
    """See the module. `time()` is that of the last delivered event, in seconds since 1970."""

    __slots__ = (
        "_agens",
        "_heap",
        "_pruned",
        "_ready",
        "_salt",
        "now_us",
        "task_count",
        "tasks",
        "timer_count",
        "timers",
    )

    def __init__(self, id: str) -> None:
        self._salt = crc32(id.encode()) << 20
        self._ready: list[Handle] = []
        self._heap: list[Timer] = []
        self._agens: list[AsyncGenerator[Any, Any]] = []
        self.timers: dict[int, Timer] = {}
        self.timer_count = 0
        self.tasks: list[RunTask] = []
        self.task_count = 0
        self._pruned = 16
        self.now_us = 0

    # -- what asyncio asks of a loop -----------------------------------------------------------------------

    def get_debug(self) -> bool:
        """Never in debug mode."""
        return False

    def is_running(self) -> bool:
        """Whether it is being drained right now."""
        return asyncio._get_running_loop() is self

    def is_closed(self) -> bool:
        """Never closed: it is dropped."""
        return False

    def time(self) -> float:
        """Seconds since 1970, of the last delivered event."""
        return self.now_us / 1e6

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: Any = None,
        context: Any = None,
        **_: Any,
    ) -> asyncio.Task[Any]:
        """A task of this run; kept until it is done."""
        self.task_count += 1
        task = RunTask(coro, loop=self, hash=self._salt + self.task_count, name=name, context=context)
        if len(self.tasks) >= self._pruned:
            self.tasks = [other for other in self.tasks if not other.done()]
            self._pruned = 16 + 2 * len(self.tasks)
        self.tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Run it in this drain, after all that is ready already."""
        handle = Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """A durable timer, `delay` seconds after the last delivered event."""
        return self._call_at_us(self.now_us + round(delay * 1e6), callback, args, context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """A durable timer at `when` seconds since 1970."""
        return self._call_at_us(round(when * 1e6), callback, args, context)

    def _call_at_us(
        self,
        deadline_us: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
    ) -> Handle:
        deadline_us = min(deadline_us, self.now_us + MAX_WAIT_US)
        if deadline_us <= self.now_us:
            return self.call_soon(callback, *args, context=context)
        self.timer_count += 1
        timer = Timer(self, self.timer_count, deadline_us, (callback, args, context))
        self.timers[timer.number] = timer
        heapq.heappush(self._heap, timer)
        return timer

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An exception nobody awaited: into the log."""
        error = context.get("exception")
        log.warning("in a workflow: %s", context.get("message"), exc_info=error)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """As `call_exception_handler`."""
        self.call_exception_handler(context)

    # -- what the run does with it --------------------------------------------------------------------------

    def next_deadline_us(self) -> int | None:
        """When the next timer is due that is not firing yet."""
        heap = self._heap
        while heap and (heap[0].dropped or heap[0].firing):
            heapq.heappop(heap)
        return heap[0].deadline_us if heap else None

    def due(self, now_us: int) -> list[Timer]:
        """Timers due by `now_us`, in order, marked as firing."""
        found = []
        while (deadline_us := self.next_deadline_us()) is not None and deadline_us <= now_us:
            timer = heapq.heappop(self._heap)
            timer.firing = True
            found.append(timer)
        return found

    def fire(self, number: int) -> bool:
        """Make a timer's callback ready; False if no such timer was ever made."""
        timer = self.timers.pop(number, None)
        if timer is not None:
            timer.firing = True
            self._ready.append(timer)
        return number <= self.timer_count

    def drain(self) -> None:
        """Run until idle. Called on the real loop's thread, from a plain callback."""
        if not self._ready:
            return
        outer, hooks = asyncio._get_running_loop(), sys.get_asyncgen_hooks()
        asyncio._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=self._agens.append, finalizer=_leave)
        try:
            count = 0
            while self._ready:
                batch = self._ready
                self._ready = []
                count += len(batch)
                if count > MAX_DRAIN:
                    raise UsageError(
                        f"a workflow spins: {MAX_DRAIN} callbacks without waiting for anything; "
                        "await a step, sleep or receive in its loop"
                    )
                for handle in batch:
                    if not handle.dropped:
                        try:
                            handle.context.run(handle.callback, *handle.args)
                        except SystemExit:  # the task has it as its exception; the engine goes on
                            pass
                        except Exception as error:
                            self.call_exception_handler({"message": "a callback raised", "exception": error})
        finally:
            sys.set_asyncgen_hooks(*hooks)
            asyncio._set_running_loop(outer)

    def unwind(self, signal: type[BaseException], times: int, context: Context) -> bool:
        """Throw `signal` into the frames of every task, the youngest first; False if one would not end."""
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        ended = True
        try:
            for task in reversed(self.tasks):
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                if task.done():
                    if not task.cancelled():
                        task.exception()  # nobody will ask for it any more
                else:
                    ended &= context.run(_throw, task.get_coro(), signal, times)
        finally:
            asyncio._set_running_loop(outer)
            self._ready.clear()
            self.timers.clear()
            self._heap.clear()
            self._agens.clear()
        return ended


def _leave(agen: AsyncGenerator[Any, Any]) -> None:
    """Asynchronous generators of a run end with the run."""


def _throw(coroutine: Any, signal: type[BaseException], times: int) -> bool:
    for _ in range(times):
        try:
            coroutine.throw(signal())
        except BaseException:  # whatever a frame raises while it is unwound is dropped (rule K6)
            return True
    # It swallows every signal, so it would swallow that of the garbage collector too, for ever: keep it.
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(coroutine))
    return False


def _refuse(name: str) -> Callable[..., NoReturn]:
    def refused(self: RunLoop, *args: object, **kwargs: object) -> NoReturn:
        raise UsageError(
            f"a workflow cannot use {name}: threads, sockets, processes and executors would not replay; "
            "do it in a @step"
        )

    refused.__name__ = name
    refused.__doc__ = "Refused: it belongs in a step."
    return refused


for _name in dir(asyncio.AbstractEventLoop):
    if not _name.startswith("_") and getattr(RunLoop, _name) is getattr(asyncio.AbstractEventLoop, _name):
        setattr(RunLoop, _name, _refuse(_name))
