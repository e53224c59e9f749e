"""Memory of a running run over the bare coroutine; disk of an evicted one; opening a home with 1,000,000 of them."""

import asyncio
import gc
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from bench import machine, tell

from firm.kernel import receive, workflow
from firm.kernel.call import Start
from firm.kernel.definition import workflow_of
from firm.kernel.journal import Event, Kind, NewRun, Stand
from firm.kernel.status import Status
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal

RUNS = 10_000
EVICTED = 1_000_000


def rss_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@workflow
async def waits(number: int) -> int:
    return await receive("go")


async def bare_wait(number: int) -> int:
    return await asyncio.get_running_loop().create_future()


async def bare() -> float:
    gc.collect()
    before = rss_bytes()
    tasks = [asyncio.create_task(bare_wait(number)) for number in range(RUNS)]
    await asyncio.sleep(0.1)
    gc.collect()
    used = rss_bytes() - before
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return used / RUNS


async def running() -> tuple[float, float]:
    """Bytes a run in memory, and bytes still there after all were evicted."""
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal.open(Path(folder))
        worker = Worker(journal, idle_s=3600)
        await worker.start()
        warm = await worker.begin(waits, (0,))
        gc.collect()
        before = rss_bytes()
        for start in range(0, RUNS, 500):
            await asyncio.gather(*(worker.begin(waits, (start + number,)) for number in range(500)))
        await asyncio.sleep(0.2)
        gc.collect()
        used = rss_bytes() - before
        worker.idle_s = 0.01
        worker._evict_idle()
        while worker.active or worker.parking:
            await asyncio.sleep(0.05)
            worker._evict_idle()
        gc.collect()
        objects = sum(type(thing).__name__ in ("Run", "RunLoop", "RunTask") for thing in gc.get_objects())
        await worker.stop()
        journal.close()
        assert warm
        return used / RUNS, float(objects)


async def fill(folder: Path) -> float:
    """A home with EVICTED suspended runs, half of which wait for a time far away; bytes on disk for each."""
    journal = SqliteJournal.open(folder)
    await journal.join("filler", lease_s=None)
    reference = workflow_of(waits).reference
    body = Start(reference, "0" * 16, "", b"\x81\xa6number\xc4\x01\x00").encode()
    now_us, size = time.time_ns() // 1000, 5_000
    for start in range(0, EVICTED, size):
        ids = [f"waits-{number:010}" for number in range(start, start + size)]
        new = [NewRun(id, reference, "0" * 16, "", Status.RUNNING, "filler", now_us) for id in ids]
        events = [Event(id, 0, 1, Kind.STARTED, 0, "waits", now_us, body) for id in ids]
        far_us = now_us + 86_400_000_000
        stands = [
            Stand(id, 1, Status.SUSPENDED, now_us, wake_at_us=far_us + index if index % 2 else None)
            for index, id in enumerate(ids)
        ]
        await journal.append(events, [*new, *stands])
    await journal.leave("filler")
    journal.close()
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / EVICTED


OPEN = """
import asyncio, sys, time, resource
begun = time.perf_counter()
from pathlib import Path
from firm.store.sqlite import SqliteJournal
from firm.kernel.worker import Worker
async def main():
    journal = SqliteJournal.open(Path(sys.argv[1]))
    worker = Worker(journal)
    await worker.start()
    await worker._claims.recover()
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    await worker.stop()
asyncio.run(main())
"""


async def main() -> None:
    floor = await bare()
    used, objects = await running()
    tell(
        "memory of a running run over the bare coroutine",
        (used - floor) / 1024,
        "KiB",
        goal="at most 8",
        **machine(),
    )
    tell("memory of a bare coroutine", floor / 1024, "KiB")
    tell("objects left of 10,000 evicted runs", objects, "", goal="0")
    with tempfile.TemporaryDirectory() as folder:
        disk = await fill(Path(folder))
        tell("disk of an evicted run", disk / 1024, "KiB", goal="at most 1.5")
        out = subprocess.run([sys.executable, "-c", OPEN, folder], capture_output=True, text=True, check=True)
        seconds, mib = map(float, out.stdout.split())
        tell("opening a home with 1,000,000 evicted runs", seconds, "s", goal="under 2")
        tell("memory of that process", mib, "MiB", goal="under 300")


if __name__ == "__main__":
    uvloop.run(main())
