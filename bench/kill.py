"""`kill -9` with 10,000 runs in flight: how soon do they go on, and is anything done again whose result was known?"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, tell

RUNS, STEPS = 10_000, 6

CHILD = """
import asyncio, os, sys, time
from pathlib import Path
import uvloop
from firm.kernel import step, workflow
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal
folder, begun = Path(sys.argv[1]), time.perf_counter()
side = os.open(folder / "executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
lines = []

@step
async def work(run: int, number: int) -> int:
    lines.append(f"{run} {number}\\n")
    if len(lines) == 1:
        asyncio.get_running_loop().call_soon(flush)
    await asyncio.sleep(0.2)
    return number

def flush():
    os.write(side, "".join(lines).encode())
    lines.clear()

@workflow
async def flow(run: int) -> int:
    for number in range(%(steps)d):
        await work(run, number)
    return run

async def main():
    journal = SqliteJournal.open(folder / "home")
    worker = Worker(journal)
    first = await journal.standing("run-0") is None
    moved = {}
    begin = worker._attempts.begin
    def begins(run, call):
        moved.setdefault(run.id, time.perf_counter() - begun)
        begin(run, call)
    worker._attempts.begin = begins
    await worker.start()
    if first:
        for start in range(0, %(runs)d, 1000):
            await asyncio.gather(*(worker.begin(flow, (n,), id=f"run-{n}") for n in range(start, start + 1000)))
        print("started", flush=True)
    for n in range(%(runs)d):
        await worker.ended(f"run-{n}")
    print("done", min(moved.values()), max(moved.values()), len(moved), flush=True)
    await worker.stop()

uvloop.run(main())
"""


def committed(folder: Path) -> set[tuple[int, int]]:
    """(run, step) of every result on disk."""
    from firm.kernel.journal import Kind
    from firm.store.sqlite import SqliteJournal

    async def read() -> set[tuple[int, int]]:
        journal = SqliteJournal.open(folder / "home", read_only=True)
        known = set()
        for number in range(RUNS):
            for event in await journal.read(f"run-{number}"):
                if event.kind == Kind.DONE:
                    known.add((number, event.body[0]))
        journal.close()
        return known

    return asyncio.run(read())


def executed(folder: Path) -> list[tuple[int, int]]:
    lines = (folder / "executed").read_text().splitlines()
    return [(int(run), int(number)) for run, number in map(str.split, lines)]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "child.py"
        script.write_text(CHILD % {"runs": RUNS, "steps": STEPS})
        command = [sys.executable, str(script), name]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(1.0)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        known, before = committed(folder), len(executed(folder))
        out = subprocess.run(command, capture_output=True, text=True, check=True)
        _, first_s, all_s, moved = out.stdout.split()
        again = [pair for pair in executed(folder)[before:] if pair in known]
        lost = RUNS * STEPS - len(committed(folder))
        tell("results known when it was killed", len(known), "", **machine())
        tell("first run goes on after", float(first_s), "s", goal="1", counted="from the start of the script")
        tell("all runs go on after", float(all_s), "s", goal="10", runs=int(moved))
        tell("steps repeated whose result was known", len(again), "", goal="0")
        tell("steps lost", lost, "", goal="0")


if __name__ == "__main__":
    main()
