"""The event loop of a simulation: virtual time, an order drawn from the seed, no threads, no sockets.

One rule: when nothing is ready, time jumps to the next timer; so an hour of waiting costs nothing and a history
is a function of its seed.
"""

import asyncio
import heapq
from collections.abc import Callable
from contextvars import copy_context
from random import Random
from typing import Any

from firm.testing.node import Node, State, here

MAX_STEPS = 200_000
"""Callbacks of one history; the longest sound ones need half of that at most."""
BATCH = 64
"""Callbacks between two looks at whether the loop is to stop."""


class Deadlock(Exception):
    """Nothing is ready and no timer is set: everything waits for ever."""


class Spinning(Exception):
    """The history does not come to its end."""


class SimTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks iterate alike in every process."""

    def __init__(self, coroutine: Any, *, number: int, **options: Any) -> None:
        self.number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number


class SimLoop(asyncio.BaseEventLoop):
    """See the module.

    Args:
        random: Draws the order of what is ready; None: first in, first out, as asyncio does.
        thread_s: Draws how long a function in a "thread" takes; it then runs in one go on this thread.
    """

    _ready: list[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, random: Random | None = None, thread_s: Callable[[], float] = lambda: 0.01) -> None:
        super().__init__()
        self._ready = []
        self._random = random
        self._thread_s = thread_s
        self._now_s = 0.0
        self.tasks: list[SimTask] = []
        """All tasks that are not known to be done: what crashed is kept here, so that nothing finalizes it."""
        self._task_count = 0
        self._pruned = 256
        self.errors: list[str] = []
        """What callbacks raised; a sound engine raises nothing there."""
        self.steps = 0
        self.set_exception_handler(self._on_error)

    # -- what asyncio asks of a loop -----------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the beginning of the simulation."""
        return self._now_s

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None, **_: Any) -> SimTask:
        """A task with a number."""
        self._task_count += 1
        task = SimTask(coro, number=self._task_count, loop=self, name=name, context=context)
        if len(self.tasks) >= self._pruned:
            self.tasks = [other for other in self.tasks if not other.done()]
            self._pruned = 256 + 2 * len(self.tasks)
        self.tasks.append(task)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As a thread: it cannot be stopped, only its result can be ignored; but it dies with its node."""
        future: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            try:
                value = func(*args)
            except BaseException as error:  # whatever a thread raises goes to who waits for it
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(value)

        self.call_later(self._thread_s(), work, context=copy_context())
        return future

    def _process_events(self, event_list: object) -> None:
        raise NotImplementedError

    def _write_to_self(self) -> None:
        """Nobody calls from other threads."""

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context:
            self.errors.append(f"{context.get('message')}: {error!r}")

    # -- running ---------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        for _ in range(BATCH):
            self._run_one()
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _run_one(self) -> None:
        ready = self._ready
        self._ripen()
        while not ready:
            if not self._scheduled:
                raise Deadlock(f"at {self._now_s:.3f} s nothing is ready and no timer is set")
            self._now_s = max(self._now_s, self._scheduled[0].when())
            self._ripen()
        if self._random is not None and len(ready) > 1:
            index = self._random.randrange(len(ready))
            ready[index], ready[-1] = ready[-1], ready[index]
            handle = ready.pop()
        else:
            handle = ready.pop(0)
        if handle.cancelled():
            return
        node: Node | None = handle._context.get(here)  # type: ignore[attr-defined]
        if node is None or node.state is State.LIVES:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise Spinning(
                    f"at {self._now_s:.3f} s, after {MAX_STEPS} callbacks, there is no end in sight"
                )
            handle._run()
        else:
            node.aside.append(handle)

    def _ripen(self) -> None:
        scheduled = self._scheduled
        while scheduled and (scheduled[0].cancelled() or scheduled[0].when() <= self._now_s):
            timer = heapq.heappop(scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]
            if not timer.cancelled():
                self._ready.append(timer)

    # -- faults ----------------------------------------------------------------------------------------------

    def resume(self, node: Node) -> None:
        """Let a paused node go on, with all that it has missed."""
        if node.state is State.PAUSED:
            node.state = State.LIVES
            self._ready.extend(node.aside)
            node.aside = []

    def bury(self) -> None:
        """End of the simulation: let go of what never ended, without a word in the log."""
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            if not task.done():
                coroutine: Any = task.get_coro()
                try:
                    coroutine.close()
                except BaseException:  # frames may do as they like when they are thrown away
                    pass
        self.tasks.clear()
        self._ready.clear()
        self._scheduled.clear()
