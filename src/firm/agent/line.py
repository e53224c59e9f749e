"""Waiting in line: at most so many calls of one tool are at work in this process at one time.

One rule: first come, first served, and a place is given back exactly once, whatever became of its call; a call that
is cancelled while it waits has taken nothing. Places of event loops that are closed are given back by themselves.
"""

import asyncio
import contextlib
import threading
from collections import deque
from concurrent.futures import Future
from contextvars import Context
from typing import Any

from firm.policy.gate import HOLD_S


class Slot:
    """A place at work."""

    __slots__ = ("home", "thread")

    def __init__(self, home: asyncio.AbstractEventLoop) -> None:
        self.home = home
        """Loop of the call that has it."""
        self.thread: Future[Any] | None = None
        """What works in a thread, which cannot be stopped: the place is free when that is over."""


class Line:
    """The places of one tool.

    Args:
        places: How many, at least 1.
    """

    __slots__ = ("_lock", "_taken", "_waiting", "places")

    def __init__(self, places: int) -> None:
        self.places = places
        self._lock = threading.Lock()
        self._taken: set[Slot] = set()
        self._waiting: deque[tuple[Slot, asyncio.Future[None]]] = deque()

    @property
    def at_work(self) -> int:
        """Places that are taken."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return len(self._waiting)

    async def enter(self) -> Slot:
        """Wait for a place; it must be given back with `leave`."""
        loop = asyncio.get_running_loop()
        slot = Slot(loop)
        with self._lock:
            if len(self._taken) >= self.places:
                self._drop_closed()
            if len(self._taken) < self.places and not self._waiting:
                self._taken.add(slot)
                return slot
            turn: asyncio.Future[None] = loop.create_future()
            waits = (slot, turn)
            self._waiting.append(waits)
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock, contextlib.suppress(ValueError):
                self._waiting.remove(waits)
            self._free(slot)  # it may have come to its turn in this very moment
            raise
        return slot

    def leave(self, slot: Slot) -> None:
        """Give a place back, now or when its thread is over."""
        thread = slot.thread
        if thread is None or thread.done():
            self._free(slot)
        else:
            thread.add_done_callback(lambda _: self._free(slot))

    def _free(self, slot: Slot) -> None:
        with self._lock:
            if slot in self._taken:
                self._taken.remove(slot)
                self._call_next()

    def _call_next(self) -> None:
        while self._waiting and len(self._taken) < self.places:
            slot, turn = self._waiting.popleft()
            try:
                slot.home.call_soon_threadsafe(_wake, turn)
            except RuntimeError:  # its loop is closed
                continue
            self._taken.add(slot)

    def _drop_closed(self) -> None:
        """What a loop left behind that ended without unwinding its calls."""
        gone = [slot for slot in self._taken if slot.home.is_closed() and slot.thread is None]
        for slot in gone:
            self._taken.remove(slot)
        self._call_next()


def _wake(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_result(None)


class KeptPlaces:
    """Places that a gate has taken for effects whose intent is being written.

    Args:
        line: Of the tool.
    """

    __slots__ = ("_kept", "line")

    def __init__(self, line: Line) -> None:
        self.line = line
        self._kept: dict[object, tuple[Slot, asyncio.TimerHandle]] = {}

    def keep(self, key: object, slot: Slot) -> None:
        """Keep it for the effect of this key; given back where that does not begin within `HOLD_S`."""
        self._kept[key] = (slot, slot.home.call_later(HOLD_S, self._give_up, key, context=Context()))

    def take(self, key: object) -> Slot | None:
        """The place that was kept; None where none is."""
        slot, timer = self._kept.pop(key, (None, None))
        if timer is not None:
            timer.cancel()
        return slot

    def _give_up(self, key: object) -> None:
        slot = self.take(key)
        if slot is not None:
            self.line.leave(slot)
