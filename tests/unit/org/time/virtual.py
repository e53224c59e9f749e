"""A firm on a worker in virtual time, for tests of schedules: 30 days pass in a second."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firm.errors import UsageError
from firm.kernel.definition import workflow
from firm.kernel.worker import Worker
from firm.org.mission import Mission
from firm.org.settings import OrgSettings, Schedule
from firm.root.view import EventView, RunView, event_view, run_view
from firm.store.sqlite import SqliteJournal
from firm.testing.clock import START_US
from firm.testing.loop import SimLoop

BEGAN: list[tuple[str, Mission]] = []
"""Missions that have begun, in order: when, and what."""


@workflow
async def small(mission: Mission) -> str:
    """Stands for a mission; takes no time."""
    return mission.text


@workflow
async def endless(mission: Mission) -> str:
    """Stands for a mission that waits for somebody."""
    from firm.kernel.api import ask

    return str(await ask("Go on?"))


@dataclass(frozen=True)
class Settings:
    """What the organization reads of firm.toml."""

    schedules: tuple[Schedule, ...] = ()
    org: OrgSettings = field(default_factory=OrgSettings)
    name: str = "virtual"
    mission: str = ""


class VirtualFirm:
    """What `firm.org.time` asks of a firm, on a worker; asking it for a model is a failure."""

    def __init__(self, loop: SimLoop, schedules: Sequence[Schedule], folder: Path) -> None:
        self.loop, self.home, self.config = loop, self, Settings(tuple(schedules))
        self.folder = folder
        self.journal = SqliteJournal.open(None, threaded=False, now_us=self.now_us)
        self.worker = self._worker("one")

    def _worker(self, id: str) -> Worker:
        return Worker(self.journal, id=id, clock=self, firm=self)

    @property
    def models(self) -> object:
        raise AssertionError("a model was asked for")

    def now_us(self) -> int:
        return START_US + round(self.loop.time() * 1e6)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_us() / 1e6, UTC)

    async def down_for(self, seconds: float) -> None:
        """Nobody carries the firm for so long."""
        await self.worker.stop(grace_s=1)
        await asyncio.sleep(seconds)
        self.worker = self._worker("two")
        await self.worker.start()

    async def start(self, target: object, *args: Any, id: str | None = None) -> object:
        return await self.worker.begin(target, args, id=id, by="founder")

    async def unfinished(self) -> list[RunView]:
        found = await self.journal.standings(parent="")
        return [run_view(one) for one in found if one.status not in ("succeeded", "failed", "cancelled")]

    async def runs(self, prefix: str = "schedule-") -> list[str]:
        """Ids of missions that were begun, the oldest first."""
        found = await self.journal.standings()
        return [
            one.run
            for one in reversed(found)
            if one.run.startswith(prefix) and "keep_time" not in one.workflow
        ]

    def run(self, run_id: str) -> "_Handle":
        return _Handle(self, run_id)


@dataclass
class _Handle:
    firm: VirtualFirm
    id: str

    async def view(self) -> RunView:
        found = await self.firm.journal.standing(self.id)
        if found is None:
            raise UsageError(f"there is no run {self.id!r}")
        return run_view(found)

    async def events(self) -> list[EventView]:
        return [event_view(one) for one in await self.firm.journal.read(self.id, whole=True)]

    async def cancel(self) -> None:
        await self.firm.worker.cancel(self.id, by="founder")


def live(
    schedules: Sequence[Schedule], folder: Path, story: Callable[[VirtualFirm], Awaitable[None]]
) -> None:
    """Live through a story in virtual time."""
    loop = SimLoop()

    async def main() -> None:
        firm = VirtualFirm(loop, schedules, folder)
        await firm.worker.start()
        await story(firm)
        await firm.worker.stop(grace_s=1)

    try:
        loop.run_until_complete(main())
    finally:
        loop.bury()
        loop.close()
