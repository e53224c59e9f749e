"""The engine on a disk that runs full and gets room again: `python full.py HOME`, the limit set by the parent.

It takes the commands `lift` on its input, says `paused` when nothing can be written, and prints the result.
"""

import asyncio
import json
import resource
import signal
import sys
from pathlib import Path

from firm.kernel import step, workflow
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal

ROUNDS = 400
BYTES = 4_000


@step
async def fill(number: int) -> str:
    return str(number % 10) * BYTES


@workflow
async def grow(rounds: int) -> int:
    total = 0
    for number in range(rounds):
        total += len(await fill(number))
    return total


async def main(home: Path, limit: int) -> None:
    """Grow until the limit is reached, say so, read, wait until it is lifted, go on to the end."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = SqliteJournal.open(home)
    worker = Worker(journal)
    await worker.start()
    await worker.begin(grow, (ROUNDS,), id="grow")
    if limit:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    result = asyncio.ensure_future(worker.ended("grow"))
    while worker._outbox.trouble is None and not result.done():
        await asyncio.sleep(0.01)
    trouble = type(worker._outbox.trouble).__name__
    written = len(await journal.read("grow"))  # reads go on
    print(json.dumps({"paused": trouble, "written": written}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    ended = await asyncio.wait_for(result, 60)
    await worker.stop()
    audit, count = journal.audit(), journal.verify()
    journal.close()
    print(json.dumps({"status": ended.status, "body": ended.body.hex(), "audit": audit, "events": count}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
