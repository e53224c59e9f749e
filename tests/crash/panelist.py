"""The process that is killed in the middle of close calls: `python panelist.py HOME COUNT`.

Each of COUNT close calls is a full panel of three experts, whose model notes each request in HOME/asked, one line each:
the run that asks and its round. All fall to their defaults after 0.4 s; what was decided is printed as JSON.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from firm import Firm
from firm.kernel import current_step
from firm.model.request import Request
from firm.model.scripted import ScriptedModel
from firm.org.desk import CloseCall, Option, close_call

EXPERTS = ("ada", "bo", "cy")


def prepare(home: Path) -> None:
    """A firm with three experts."""
    (home / "experts").mkdir(parents=True)
    for name in EXPERTS:
        (home / "experts" / f"{name}.md").write_text(f"---\nfields: price\n---\n# {name}\n\nKnows prices.\n")


def call(number: int) -> CloseCall:
    """One close call."""
    return CloseCall(
        question=f"Which price for course {number}?",
        options=(Option("19 USD"), Option("29 USD")),
        kind="pricing",
        default="19 USD",
        answer_s=0.4,
        panel=True,
    )


async def main(home: Path, count: int) -> None:
    """Carry all of them to their end."""

    async def answer(request: Request) -> dict[str, Any]:
        run = current_step().run
        assert run is not None
        file = os.open(home / "asked", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{run.id}\n".encode())
        os.close(file)
        await asyncio.sleep(0.01)
        return {"choice": "29 USD", "reason": "they pay it", "confidence": 0.8, "against": "some will leave"}

    async with Firm.open(home, models={"default": ScriptedModel(answer)}) as firm:
        runs = [await firm.start(close_call, call(number), id=f"call-{number}") for number in range(count)]
        found = [await run.result() for run in runs]
    print(json.dumps([[one.run, one.choice, one.by, len(one.opinions)] for one in found]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
