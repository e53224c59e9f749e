"""A journal of rows in memory, a keeper that commits when it is told to, and a loop whose time is turned by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from firm.errors import JournalError
from firm.kernel.journal import Row
from firm.ledger import Ledger, books_of
from firm.ledger.line import BOOK, Line, lines_of
from firm.units import Limit, Purse

DAY = 86_400
T = TypeVar("T")


class TurnedLoop(asyncio.SelectorEventLoop):
    """An event loop that is as late as it is told."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


class Desk:
    """What stands between a ledger and its journal; by default everything is on disk at once."""

    def __init__(self, wall_s: int = 20_000 * DAY, *, by_hand: bool = False) -> None:
        self.loop = TurnedLoop()
        self.wall_us, self.boot_us = wall_s * 1_000_000, 5_000_000
        self.by_hand = by_hand
        self.disk: dict[tuple[str, str], Row] = {}
        self.commits: list[list[Row]] = []
        self.queue: list[tuple[tuple[Row, ...], asyncio.Future[None] | None]] = []

    # --- Keeper ---

    def put(self, *rows: Row) -> None:
        self.queue.append((rows, None))
        if not self.by_hand:
            self.flush()

    async def commit(self, *rows: Row) -> None:
        done = self.loop.create_future()
        self.queue.append((rows, done))
        if not self.by_hand:
            self.flush()
        await done

    def flush(self, *, land: bool = True, raises: bool = False) -> list[Row]:
        """All that was given is one transaction; it lands or not, and those who wait are told it did or not."""
        queue, self.queue = self.queue, []
        rows = [row for given, _ in queue for row in given]
        if land and rows:
            self.commits.append(rows)
            self.disk |= {(row.book, row.key): row for row in rows}
        for _, done in queue:
            if done is not None and not done.done():
                if raises:
                    done.set_exception(JournalError("the disk is gone"))
                else:
                    done.set_result(None)
        return rows

    # --- Journal ---

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Sequence[Row]:
        keys = sorted(
            key for kept, key in self.disk if kept == book and key.startswith(prefix) and key > after
        )
        return [self.disk[book, key] for key in keys[:limit]]

    def lines(self) -> list[Line]:
        """All that is on disk."""
        rows = [row for (book, _), row in sorted(self.disk.items()) if book == BOOK]
        return [line for row in rows for line in lines_of(row)]

    # --- time ---

    def run(self, story: Awaitable[T]) -> T:
        async def inside() -> T:
            return await story

        return self.loop.run_until_complete(inside())

    def settle_down(self) -> None:
        """Let everything happen that can."""
        for _ in range(12):
            self.loop.run_until_complete(asyncio.sleep(0))

    def advance(self, seconds: float) -> None:
        """Time passes, on every clock."""
        self.wall_us += int(seconds * 1e6)
        self.boot_us += int(seconds * 1e6)
        self.loop.now_s += seconds
        self.settle_down()

    # --- ledger ---

    async def open(self, *limits: Limit, **more: Any) -> Ledger:
        """A ledger on what is on disk."""
        more.setdefault("firm", Purse("firm", limits))
        return Ledger(
            self, await books_of(self), now_us=lambda: self.wall_us, boot_us=lambda: self.boot_us, **more
        )

    def close(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


def at_desk(story: Callable[[Desk], Awaitable[None]], **more: Any) -> None:
    """Tell a story on a desk of its own."""
    desk = Desk(**more)

    async def inside() -> None:
        await story(desk)

    try:
        desk.loop.run_until_complete(inside())
    finally:
        desk.loop.close()


async def turn(times: int = 8) -> None:
    """Let everything happen that can."""
    for _ in range(times):
        await asyncio.sleep(0)
