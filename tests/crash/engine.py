"""The process that is killed: `python engine.py HOME MODE COUNT`.

It carries one run on a journal in HOME and writes what its steps do, fsynced, to HOME/ledger. MODE and COUNT say
where it dies by itself: `before` or `after` the COUNT-th commit; `never` otherwise. It prints the result as JSON.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from firm.kernel import (
    Done,
    NotDone,
    Retry,
    continue_as,
    current_step,
    gather,
    receive,
    send,
    sleep,
    step,
    workflow,
)
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal

HOME = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
OFTEN = Retry(attempts=50, first_s=0.01, max_s=0.05)
KILLED = 99
RUN = "order-1"


def note(kind: str, value: Any) -> None:
    """One line of what really happened; on disk when this returns."""
    info = current_step()
    assert info.run is not None
    line = json.dumps([kind, info.run.id, info.run.generation, info.place, info.key, value])
    with (HOME / "ledger").open("a") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def ledger(home: Path) -> list[list[Any]]:
    """What really happened; a torn last line did not."""
    path = home / "ledger"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


async def look(key: str, *args: object) -> Done | NotDone:
    """The reconciler: reads the ledger."""
    found = [line for line in ledger(HOME) if line[4] == key]
    return Done(found[0][5]) if found else NotDone()


@step(retry=OFTEN)
async def add(a: int, b: int) -> int:
    note("repeatable", a + b)
    return a + b


@step
def add_in_thread(a: int, b: int) -> int:
    note("repeatable", a + b)
    return a + b


@step(effect="keyed", retry=OFTEN)
async def post(value: int) -> int:
    note("keyed", value)
    return value


@step(effect="once", reconcile=look, retry=OFTEN)
async def pay(cents: int) -> int:
    note("once", cents)
    return cents


@workflow
async def part(value: int) -> int:
    """A child."""
    paid = await pay(value)
    return await add(paid, 1)


@workflow
async def order(generation: int, total: int) -> int:
    """Steps, effects, children, messages to a run and a second generation."""
    total += sum(await gather(add(1, 2), add_in_thread(3, 4), post(5)))
    total += sum(await gather(part(10), part(20)))
    await sleep(0.01)
    await send(RUN, "self", generation)
    total += await receive("self")
    total += await pay(7)
    if generation == 1:
        continue_as(2, total)
    return total


EXPECTED = 2 * (3 + 7 + 5 + 11 + 21 + 7) + 1 + 2


def die_at(journal: SqliteJournal, mode: str, count: int) -> list[int]:
    """Kill this process before or after its COUNT-th commit; the list counts commits."""
    commit, seen = journal.writer.commit, [0]

    def commit_or_die() -> None:
        seen[0] += 1
        if mode == "before" and seen[0] == count:
            os._exit(KILLED)
        commit()
        if mode == "after" and seen[0] == count:
            os._exit(KILLED)

    journal.writer.commit = commit_or_die  # type: ignore[method-assign]
    return seen


async def main(mode: str, count: int) -> None:
    """Carry the run to its end."""
    journal = SqliteJournal.open(HOME)
    seen = die_at(journal, mode, count)
    worker = Worker(journal, idle_s=0.05)
    await worker.start()
    await worker.begin(order, (1, 0), id=RUN)
    ended = await worker.ended(RUN)
    await worker.stop()
    journal.close()
    print(json.dumps({"status": ended.status, "commits": seen[0], "body": ended.body.hex()}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2], int(sys.argv[3])))
