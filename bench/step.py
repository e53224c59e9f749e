"""CPU of a durable step at 10,000 concurrent runs, beside the same coroutines with no engine and the bare rows.

The cost of a step is the difference between runs of 12 and of 2 steps, so that start and end do not count; the cost
of start and end is that of runs without a step, less what the clients that start them and wait cost by themselves.
All are user and system CPU of the whole process, fsync on, the best of three rounds.
"""

import asyncio
import gc
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from bench import machine, tell

from firm.kernel import step, workflow
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal

RUNS = 10_000
FEW, MANY = 2, 12
ROUNDS = 3


@step
async def add_one(number: int) -> int:
    return number + 1


@workflow
async def steps(number: int, count: int) -> int:
    for _ in range(count):
        number = await add_one(number)
    return number


async def bare_add_one(number: int) -> int:
    return number + 1


async def bare_steps(number: int, count: int) -> int:
    for _ in range(count):
        number = await asyncio.create_task(bare_add_one(number))
    return number


async def cost_s(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """CPU and wall seconds."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return time.process_time() - cpu, time.perf_counter() - wall


async def durable(count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal.open(Path(folder))
        worker = Worker(journal)
        await worker.start()

        async def work() -> None:
            async def one(number: int) -> None:
                await worker.ended(await worker.begin(steps, (number, count)))

            await asyncio.gather(*(one(number) for number in range(RUNS)))

        cost = await cost_s(work)
        await worker.stop()
        journal.close()
        return cost


async def clients_alone() -> tuple[float, float]:
    """What the clients of `durable(0)` cost by themselves: two waits each, and a coroutine in a task."""

    async def work() -> None:
        loop = asyncio.get_running_loop()

        async def one(number: int) -> None:
            begun = loop.create_future()
            loop.call_soon(begun.set_result, None)
            await begun
            await asyncio.create_task(bare_steps(number, 0))

        await asyncio.gather(*(one(number) for number in range(RUNS)))

    return await cost_s(work)


async def bare(count: int) -> tuple[float, float]:
    async def work() -> None:
        await asyncio.gather(*(bare_steps(number, count) for number in range(RUNS)))

    return await cost_s(work)


def bare_rows(count: int, size: int) -> float:
    """CPU seconds of the same rows with the same hashes through a bare executemany."""
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, run INTEGER, hash BLOB, data BLOB)")
        begun = time.process_time()
        before, body = bytes(32), b"x" * 60
        for start in range(0, count, size):
            rows = []
            for number in range(start, start + size):
                before = hashlib.sha256(before + body).digest()
                rows.append((number, number % RUNS, before, body))
            db.execute("BEGIN")
            db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")
        cost = time.process_time() - begun
        db.close()
        return cost


async def main() -> None:
    gc.set_threshold(100_000, 50, 100)  # what Firm.open does while it owns a home
    per_step, per_run, rate, floor, clients = [], [], [], [], []
    for _ in range(ROUNDS):
        none, few, many = await durable(0), await durable(FEW), await durable(MANY)
        per_step.append((many[0] - few[0]) / RUNS / (MANY - FEW) * 1e6)
        clients.append((await clients_alone())[0] / RUNS * 1e6)
        per_run.append(none[0] / RUNS * 1e6 - clients[-1])
        rate.append(RUNS * MANY / many[1])
        few, many = await bare(FEW), await bare(MANY)
        floor.append((many[0] - few[0]) / RUNS / (MANY - FEW) * 1e6)
    rows_us = bare_rows(100_000, 1000) / 100_000 * 1e6
    step_us, floor_us = min(per_step), min(floor)
    about = {"runs": RUNS, "rounds": ROUNDS, "all": [round(value, 1) for value in per_step], **machine()}
    tell("durable step, CPU", step_us, "µs", goal="25, at most 40", **about)
    tell("bare coroutine step, CPU", floor_us, "µs")
    tell("bare row (executemany, 1000 a commit), CPU", rows_us, "µs")
    tell("durable step / (bare step + bare row)", step_us / (floor_us + rows_us), "×")
    tell("clients alone, a run, CPU", min(clients), "µs")
    tell(
        "start and end of a run, CPU",
        min(per_run),
        "µs",
        goal="at most 60",
        all=[round(value, 1) for value in per_run],
    )
    tell("durable steps a second", max(rate), "1/s", goal="at least 15,000")


if __name__ == "__main__":
    uvloop.run(main())
