"""Time-outs of one tool's calls in runs: those that stay too long are cancelled, by one timer for all of them.

One rule: all calls of a tool have the same time, so the one that came first is due first, and whoever comes and goes
in time costs two entries in a table and no timer. A task is an attempt of a step, and so in one call of a tool at most.
"""

import asyncio
from typing import Any

EXPIRED = -1.0


class Overdue:
    """The calls of one tool that are under watch on one loop.

    Args:
        timeout_s: What each may take.
        loop: That they run on.
    """

    __slots__ = ("is_armed", "loop", "since_s", "timeout_s")

    def __init__(self, timeout_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self.timeout_s, self.loop = timeout_s, loop
        self.since_s: dict[asyncio.Task[Any] | None, float] = {}
        """When each began, in the time of the loop; `EXPIRED`: its task was cancelled because its time was over."""
        self.is_armed = False
        """Whether the timer is set."""

    def begin(self) -> "asyncio.Task[Any] | None":
        """The call of this task begins."""
        task = asyncio.current_task(self.loop)
        self.since_s[task] = self.loop.time()
        if not self.is_armed:
            self.arm()
        return task

    def end(self, task: "asyncio.Task[Any] | None") -> bool:
        """It is over; True if its time-out ended it, and nobody else who cancelled it too."""
        return self.since_s.pop(task) == EXPIRED and task is not None and task.uncancel() <= 0

    def arm(self) -> None:
        """Set the timer, which looks after all that begin from now on."""
        self.is_armed = True
        self.loop.call_later(self.timeout_s, self._look)

    def _look(self) -> None:
        now_s = self.loop.time()
        for task, since_s in self.since_s.items():
            if since_s == EXPIRED or task is None:
                continue
            if since_s + self.timeout_s > now_s:
                self.loop.call_at(since_s + self.timeout_s, self._look)
                return
            self.since_s[task] = EXPIRED
            task.cancel()
        self.is_armed = False
