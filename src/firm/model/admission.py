"""Who waits for a free place at a model's servers, and who is next.

One rule: a person who waits goes before background work, and background work still gets on.
"""

import asyncio
from collections import OrderedDict
from typing import Generic, TypeVar

BACKGROUND_TURN = 8
"""Every so many places one goes to background work, whoever waits."""

Given = TypeVar("Given")


class Queue(Generic[Given]):
    """Waiting calls in two lines, first come first served in each.

    A waiter is a future: it gets what it waits for; or None: look again, there is nothing to wait for.
    Each operation takes the same time however many wait.
    """

    __slots__ = ("_background", "_turn", "_urgent")

    def __init__(self) -> None:
        self._urgent: OrderedDict[asyncio.Future[Given | None], str] = OrderedDict()
        self._background: OrderedDict[asyncio.Future[Given | None], str] = OrderedDict()
        self._turn = 0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._background)

    @property
    def urgent(self) -> int:
        """How many of them a person waits for."""
        return len(self._urgent)

    def join(
        self, waiter: asyncio.Future[Given | None], session: str, *, urgent: bool, again: bool = False
    ) -> None:
        """Wait; `again`: it had its turn already and was sent back, so it goes to the front."""
        line = self._urgent if urgent else self._background
        line[waiter] = session
        if again:
            line.move_to_end(waiter, last=False)

    def leave(self, waiter: asyncio.Future[Given | None]) -> None:
        """Wait no longer."""
        if self._urgent.pop(waiter, None) is None:
            self._background.pop(waiter, None)

    def first(self) -> tuple[asyncio.Future[Given | None], str]:
        """Who is next, and its session; there must be somebody."""
        line = self._line()
        waiter = next(iter(line))
        return waiter, line[waiter]

    def serve(self) -> asyncio.Future[Given | None]:
        """Take out who is next; there must be somebody."""
        line = self._line()
        self._turn = (self._turn + 1) % BACKGROUND_TURN
        return line.popitem(last=False)[0]

    def _line(self) -> OrderedDict[asyncio.Future[Given | None], str]:
        if self._urgent and (self._turn < BACKGROUND_TURN - 1 or not self._background):
            return self._urgent
        return self._background
