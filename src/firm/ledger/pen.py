"""Writing lines down: in the step's own transaction, or all of one turn of the loop together.

One rule: what closes a reservation inside a step is written with what becomes of the attempt (rule K10), but never
after a reservation that may use the money it has freed: then it is written with that one already, and again with the
step, as the same row.
"""

import asyncio
from contextvars import Context
from typing import Protocol

from firm.kernel.context import StepInfo, current
from firm.kernel.journal import Row
from firm.ledger.line import Kind, Line, row_of
from firm.ledger.reservation import Reservation


class Keeper(Protocol):
    """What the ledger needs of the engine (`firm.root` hands it in)."""

    def put(self, *rows: Row) -> None:
        """Write rows with the next commit, after all that were given before."""
        ...

    async def commit(self, *rows: Row) -> object:
        """Write rows, durable on return, after all that were given before."""
        ...


class Pen:
    """Gives numbers to lines and hands them to the journal."""

    def __init__(self, keeper: Keeper, last: int) -> None:
        self.last = last
        """Number of the newest line."""
        self._keeper = keeper
        self.loop = asyncio.get_running_loop()
        self.context = Context()  # what a step does here must not be taken for the step's own
        self._lines: list[tuple[Line, Reservation | None]] = []
        self._with_steps: list[tuple[StepInfo, Row]] = []
        """Rows that free money, since the last reservation was written."""
        self._commits: set[asyncio.Task[None]] = set()

    def close(self, line: Line, reservation: Reservation | None) -> None:
        """Write the end of a reservation: with the step that the caller is in, else with the others."""
        here = current.get()
        if not isinstance(here, StepInfo) or here.run is None or here.late is not None:
            self.together(line, reservation)
            return
        self.last = line.number = self.last + 1
        if reservation is not None:
            line.of = reservation.number
        row = row_of([line])
        here.also(row, regardless=True)
        if reservation is not None:
            self._with_steps.append((here, row))

    def together(self, line: Line, reservation: Reservation | None = None) -> None:
        """Write a line with all others of this turn of the loop.

        Args:
            line: Its number is given here, and `of`.
            reservation: The one that the line opens or closes, if that is written down; when it is opened, its
                future is done as soon as it is on disk.
        """
        if not self._lines:
            self.loop.call_soon(self._flush, context=self.context)
        self._lines.append((line, reservation))

    async def commit(self, *rows: Row) -> None:
        """Write rows of other books, durable on return."""
        await self._keeper.commit(*rows)

    def row(self, row: Row) -> None:
        """Write a row of another book."""
        self._keeper.put(row)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        number, owed = self.last, []
        for line, reservation in lines:
            number += 1
            line.number = number
            if reservation is not None:
                if line.kind == Kind.RESERVE:
                    reservation.number = number
                    owed.append(reservation)
                line.of = reservation.number
        self.last = number
        row = row_of([line for line, _ in lines])
        if not owed:
            self._keeper.put(row)
            return
        before = [freed for step, freed in self._with_steps if step.late is None]  # else it is on its way
        self._with_steps.clear()
        rows = [*before, row]
        self._keeper.put(*rows)  # now: what closes one of these must not come to the journal before it
        task = self.loop.create_task(self._commit(rows, owed), name="firm-ledger", context=self.context)
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)

    async def _commit(self, rows: list[Row], owed: list[Reservation]) -> None:
        try:
            await self._keeper.commit()
        except Exception as error:  # told to all who wait for it
            self._keeper.put(*rows)  # they may be on disk or not; what comes later counts on them
            for reservation in owed:
                future = reservation.future
                if future is not None and not future.done():
                    future.set_exception(error)
            return
        for reservation in owed:
            future = reservation.future
            if future is not None and not future.done():
                future.set_result(None)

    async def written(self) -> None:
        """Wait until everything that was given to it is with the journal."""
        if self._lines:
            await asyncio.sleep(0)
        while self._commits:
            await asyncio.wait(set(self._commits))
