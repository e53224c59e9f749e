"""A worker on a journal in memory, for tests of the kernel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from firm.errors import FirmError
from firm.kernel.carrier import Ended
from firm.kernel.definition import workflow_of
from firm.kernel.failure import Failure, rebuild_failure
from firm.kernel.status import Status
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal


class Engine:
    """One worker and its journal."""

    def __init__(self, worker: Worker, journal: SqliteJournal) -> None:
        self.worker = worker
        self.journal = journal

    async def start(self, target: Any, *args: Any, id: str = "run-1") -> str:
        return await self.worker.begin(target, args, id=id)

    async def result(self, target: Any, run_id: str = "run-1") -> Any:
        return decode(target, await asyncio.wait_for(self.worker.ended(run_id), 20))

    async def run(self, target: Any, *args: Any, id: str = "run-1") -> Any:
        await self.start(target, *args, id=id)
        return await self.result(target, id)

    async def status(self, run_id: str = "run-1") -> Status:
        standing = await self.journal.standing(run_id)
        assert standing is not None
        return standing.status

    async def until(self, condition: Callable[[], Awaitable[bool]], *, what: str = "it") -> None:
        for _ in range(1000):
            if await condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"{what} did not come about in 5 s")

    async def until_status(self, status: Status, run_id: str = "run-1") -> None:
        async def reached() -> bool:
            standing = await self.journal.standing(run_id)
            return standing is not None and standing.status is status

        await self.until(reached, what=f"status {status}")

    async def until_asked(self, count: int = 1) -> list[Any]:
        async def asked() -> bool:
            return len(await self.journal.questions()) >= count

        await self.until(asked, what="a question")
        return await self.journal.questions()


def decode(target: Any, ended: Ended) -> Any:
    if ended.status is Status.SUCCEEDED:
        return workflow_of(target).signature.result.decode(ended.body)
    raise rebuild_failure(Failure.decode(ended.body), workflow_of(target).raises)


@asynccontextmanager
async def engine(
    folder: Path | None = None, journal: SqliteJournal | None = None, **options: Any
) -> AsyncIterator[Engine]:
    """A worker at work; on a journal in memory unless a folder or a journal is given."""
    own = journal is None
    journal = journal or SqliteJournal.open(folder, threaded=folder is not None)
    options.setdefault("idle_s", 0.05)
    worker = Worker(journal, **options)
    await worker.start()
    try:
        yield Engine(worker, journal)
    finally:
        try:
            await worker.stop(grace_s=1)
        finally:
            if own:
                journal.close()


__all__ = ["Engine", "FirmError", "decode", "engine"]
