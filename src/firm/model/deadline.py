"""Time-outs for many calls with one timer.

One rule: a call that is too late is cancelled, and told from one that somebody else has cancelled. To be late by a
part of the limit is allowed; to cost something in each call is not. (`asyncio.timeout` costs 8 to 14 µs a call.)
"""

import asyncio
import time

SWEEP_S = 1.0
"""Between two looks at all calls; at most a quarter of the shortest limit."""


class Deadlines:
    """Cancels tasks that take too long; one per event loop."""

    __slots__ = ("_due", "_late", "_timer")

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, loop: asyncio.AbstractEventLoop, limit_s: float) -> "asyncio.Task[object]":
        """From now on the current task may take `limit_s` seconds; each `enter` is followed by a `leave`."""
        task = asyncio.current_task(loop)
        assert task is not None
        self._due[task] = time.monotonic() + limit_s
        self._look_within(loop, min(SWEEP_S, limit_s / 4))
        return task

    def prolong(self, task: "asyncio.Task[object]", limit_s: float, last_s: float) -> None:
        """From now on a task that has entered may take `limit_s` seconds, but not beyond the moment `last_s`."""
        self._due[task] = min(time.monotonic() + limit_s, last_s)
        self._look_within(task.get_loop(), min(SWEEP_S, limit_s / 4))

    def _look_within(self, loop: asyncio.AbstractEventLoop, sweep_s: float) -> None:
        timer = self._timer
        if timer is None or timer.when() > loop.time() + sweep_s:
            if timer is not None:
                timer.cancel()
            self._timer = loop.call_later(sweep_s, self._sweep, loop, sweep_s)

    def leave(self, task: "asyncio.Task[object]") -> None:
        """It came to its end."""
        self._due.pop(task, None)

    def was_late(self, task: "asyncio.Task[object]") -> bool:
        """Whether the cancellation that the task has just seen came from here; then it is taken back."""
        if task not in self._late:
            return False
        self._late.discard(task)
        return task.uncancel() <= 0

    def _sweep(self, loop: asyncio.AbstractEventLoop, sweep_s: float) -> None:
        now_s = time.monotonic()
        late = [task for task, due_s in self._due.items() if due_s <= now_s]
        for task in late:
            del self._due[task]
            self._late.add(task)
            task.cancel()
        self._timer = loop.call_later(sweep_s, self._sweep, loop, sweep_s) if self._due else None

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
