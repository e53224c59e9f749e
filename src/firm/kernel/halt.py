"""Stopping runs with all that they began, and letting them go on.

One rule: what stops a run is a row from outside it, which fences off whoever owns it: after that commit nothing of
the run takes effect, and nobody carries it until it is released.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from firm.errors import JournalCorrupt, JournalError, JournalNewer, UsageError
from firm.kernel.failure import readable
from firm.kernel.journal import STOPPED, Also, Halt, Journal, Refused, Release, Standing, is_stopped
from firm.kernel.ports import Clock
from firm.kernel.status import TERMINAL

MAX_CHILDREN = 1_000_000
"""Children of one run that are looked at."""
MAX_REASON_CHARS = 1_000
LOOK_AGAIN_S = 0.2
"""Until the next try where the journal could not be read."""

log = logging.getLogger("firm")


class Halter(Protocol):
    """What this part needs of the worker."""

    journal: Journal
    clock: Clock

    async def commit(self, *rows: Also) -> Refused:
        """Write rows and all that was to be written before, durable on return."""

    async def delivered(self) -> None:
        """Wait until the runs have got all that was committed."""

    def begin_halt(self, run_ids: Iterable[str]) -> None:
        """From now on nothing of these runs, and of what they began, begins here."""

    def drop_halted(self, run_ids: Iterable[str]) -> None:
        """These are fenced off: out of memory, their attempts cancelled."""

    def end_halt(self, stopped: Iterable[str]) -> None:
        """The halt is over; tell those who wait for what it has stopped."""


class Claimer(Protocol):
    """What this part needs of the claims."""

    def shut(self) -> AbstractAsyncContextManager[None]:
        """While this lasts no claim is under way."""

    def want(self, run_ids: list[str], *, asked: bool = False) -> None:
        """Claim these as soon as may be."""


class Halts:
    """Stops and releases runs for a worker, one call at a time."""

    def __init__(self, halter: Halter, claims: Claimer) -> None:
        self._halter = halter
        self._claims = claims
        self._one = asyncio.Lock()

    async def halt(self, run_ids: list[str], reason: str) -> list[str]:
        """See `Worker.halt`."""
        async with self._one:
            check_haltable(run_ids, await self._tree(run_ids))
            self._halter.begin_halt(run_ids)
            halted: list[str] = []
            try:
                async with self._claims.shut():
                    halted = await self._halt(run_ids, reason)
            finally:
                self._halter.end_halt(halted)
            return halted

    async def _halt(self, run_ids: list[str], reason: str) -> list[str]:
        halted: set[str] = set()
        tree = await self._whole_tree(run_ids)
        while rows := halts(tree, self._halter.clock.now_us(), reason):
            await self._halter.commit(*rows)
            halted.update(row.run for row in rows)
            self._halter.drop_halted(halted)
            # another worker may have begun a child a moment before
            tree = await self._whole_tree(run_ids)
        self._halter.drop_halted(halted)  # what went over to its next generation in the same commit
        return sorted(halted.intersection(one.run for one in tree))

    async def _whole_tree(self, run_ids: list[str]) -> list[Standing]:
        """All that must be stopped, when nothing of it begins any more and what had begun is on disk."""
        seen: set[str] = set()
        while True:
            await self._halter.commit()
            await self._halter.delivered()
            tree = await self._tree(run_ids)
            found = {one.run for one in tree}
            if found <= seen:
                return tree
            seen |= found
            self._halter.begin_halt(found)

    async def _tree(self, run_ids: list[str]) -> list[Standing]:
        while True:
            try:
                return await unfinished_tree(self._halter.journal, run_ids)
            except (JournalCorrupt, JournalNewer):
                raise
            except JournalError as error:
                log.warning("what is to be stopped cannot be looked up: %s", error)
                await asyncio.sleep(LOOK_AGAIN_S)

    async def release(self, run_id: str) -> None:
        """Let a stopped run and what it began go on, durable on return."""
        async with self._one:
            rows = releases(await self._tree([run_id]), self._halter.clock.now_us())
            await self._halter.commit(*rows)
            self._claims.want([row.run for row in rows])


async def unfinished_tree(journal: Journal, run_ids: Iterable[str]) -> list[Standing]:
    """These runs and all their descendants, as far as they have not ended; parents before their children.

    An ended run has no unfinished children.

    Raises:
        UsageError: there is no such run.
    """
    found: dict[str, Standing] = {}
    for run_id in run_ids:
        standing = await journal.standing(run_id)
        if standing is None:
            raise UsageError(f"there is no run {run_id!r}; `firm ps` lists them")
        found[run_id] = standing
    todo = list(found.values())
    while todo:
        parent = todo.pop()
        children = await journal.standings(parent=parent.run, limit=MAX_CHILDREN)
        for child in children:
            if child.run not in found:
                found[child.run] = child
                todo.append(child)
    return [standing for standing in found.values() if standing.status not in TERMINAL]


def halts(standings: Iterable[Standing], at_us: int, reason: str = STOPPED) -> list[Halt]:
    """Rows that stop these runs; none for those that are stopped already."""
    why = readable(reason.strip(), MAX_REASON_CHARS)
    text = STOPPED if why in ("", STOPPED) else f"{STOPPED}: {why}"
    return [Halt(one.run, at_us, text) for one in standings if not is_stopped(one.status, one.reason)]


def releases(standings: Iterable[Standing], at_us: int) -> list[Release]:
    """Rows that let these runs go on; none for those that are not stopped."""
    return [Release(one.run, at_us) for one in standings if is_stopped(one.status, one.reason)]


def check_haltable(run_ids: list[str], tree: list[Standing]) -> None:
    """Refuse to stop what has ended. Raises UsageError if nothing of it is left."""
    if not tree:
        names = ", ".join(map(repr, run_ids)) or "no run"
        raise UsageError(f"nothing to stop: {names} has ended; `firm ps` lists what runs")
