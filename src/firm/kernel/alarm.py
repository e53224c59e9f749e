"""One timer of the real event loop for everything in a worker that waits for a time."""

import asyncio
import heapq
from collections.abc import Callable

from firm.kernel.ports import Clock

MAX_ARM_S = 60.0
"""Longest wait of the timer: a clock that was set forward is noticed after this."""


class Alarm:
    """Calls `ring(name)` when its time has come; one that was set in vain rings too."""

    def __init__(self, clock: Clock, ring: Callable[[str], None]) -> None:
        self._clock = clock
        self._ring_one = ring
        self._loop = asyncio.get_running_loop()
        self._heap: list[tuple[int, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us = 0

    def set(self, at_us: int, name: str) -> None:
        """Ring for `name` at that time (microseconds since 1970)."""
        heapq.heappush(self._heap, (at_us, name))
        if self._timer is None or at_us < self._timer_us:
            self._arm()

    def stop(self) -> None:
        """Ring no more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = self._heap[0][0]
        delay_s = (self._timer_us - self._clock.now_us()) / 1e6
        self._timer = self._loop.call_later(min(MAX_ARM_S, max(0.0, delay_s)), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now_us = self._clock.now_us()
        while self._heap and self._heap[0][0] <= now_us:
            self._ring_one(heapq.heappop(self._heap)[1])
        if self._heap and self._timer is None:
            self._arm()
