"""The process that is killed while runaways are held: `python runaway.py HOME [ANSWER]`.

It opens the firm in HOME, says "open", starts or joins three runs: one that wakes itself for nothing, and two that wait
for a model that refuses everything. With ANSWER it answers each line of the inbox so, until the runs have ended, and
prints what they returned as JSON. Looks of the first stand in HOME/world, one line each.
"""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from firm import Firm, chat, sleep, step, workflow
from firm.errors import UsageError
from firm.model import ScriptedModel, storm
from firm.model.wire.fault import Fault, Kind
from firm.policy import runaway

HOME = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
TIMES = 15
WAITING = 2


@step
async def look() -> str:
    with (HOME / "world").open("a") as file:
        file.write("look\n")
        file.flush()
        os.fsync(file.fileno())
    return "nothing"


@workflow
async def owl() -> int:
    for _ in range(TIMES):
        await sleep(0.001)
        await look()
    return TIMES


@workflow
async def asks(number: int) -> str:
    return (await chat(f"question {number}")).text


async def main(answer: str) -> None:
    runaway.PLAIN, storm.PROBE_S = 1, 0.1
    model = ScriptedModel(lambda request: "yes" if answer else Fault(Kind.RATE, "too many", status=429))
    async with Firm.open(HOME, models={"default": model}) as firm:
        assert firm.models.storms is not None
        if not answer:  # it refused first long ago
            firm.models.storms._storms.setdefault("default", storm.Storm(1_000.0))
        print("open", flush=True)
        runs = [await firm.start(owl, id="owl")]
        runs += [await firm.start(asks, number, id=f"ask-{number}") for number in range(WAITING)]
        done = asyncio.gather(*(run.result() for run in runs))
        while not done.done():
            for question in await firm.inbox() if answer else ():
                with contextlib.suppress(UsageError):  # it was over at this very moment
                    await firm.answer(question.id, answer)
            await asyncio.sleep(0.02)
        found: list[Any] = done.result()
        print(json.dumps([found, [question.text for question in await firm.inbox()]]))


if __name__ == "__main__":
    asyncio.run(main("".join(sys.argv[2:])))
