"""The process that is killed while it pays: `python payer.py HOME URL WORK COUNT`.

It opens the firm in HOME with a priced model at URL, says "open", carries COUNT runs of WORK to their ends and prints
what they return as JSON. Payments and mails stand in HOME/world, one line each, on disk when the tool returns.
"""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from firm import Firm, Model, chat, tool, workflow
from firm.errors import BudgetExceeded, RunStuck, UsageError
from firm.kernel import Done, NotDone, current_step
from firm.kernel.status import Status

HOME = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
RATES = {"input": 10.0, "output": 10.0}
PAID_USD = 0.002
PAYEE = "ACME"


def note(kind: str, value: Any) -> None:
    """One line of what reached the world; on disk when this returns."""
    with (HOME / "world").open("a") as file:
        file.write(json.dumps([kind, current_step().key, value]) + "\n")
        file.flush()
        os.fsync(file.fileno())


def world(home: Path) -> list[list[Any]]:
    """What reached the world; a torn last line did not."""
    path = home / "world"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


async def look(key: str, *args: object, **names: object) -> Done | NotDone:
    """The reconciler: asks the world."""
    found = [line for line in world(HOME) if line[1] == key]
    return Done(found[0][2]) if found else NotDone()


@tool(risk="spend", effect="once", to="payee", amount="usd", reconcile=look)
async def pay(payee: str, usd: float, number: int) -> int:
    """Pay somebody."""
    note("pay", number)
    return number


@tool(risk="send", effect="once", to="to", reconcile=look)
async def mail(to: str, body: str) -> str:
    """Send a letter."""
    note("mail", body)
    return body


@workflow
async def order(number: int) -> list[str]:
    """Ask, pay, ask again; how far the money went."""
    done: list[str] = []
    try:
        done.append((await chat(f"first {number}", max_tokens=500)).text)
        done.append(f"paid {await pay(PAYEE, PAID_USD, number)}")
        done.append((await chat(f"last {number}", max_tokens=500)).text)
    except BudgetExceeded:
        done.append("too dear")
    return done


@workflow
async def letter(number: int) -> list[str]:
    """A letter that the founder has to read first."""
    return [await mail("ann@example.com", f"letter {number}")]


async def _result_of(firm: Firm, run: Any) -> Any:
    """The result of a run, also of one that was put aside because it only waited while its process died."""
    for _ in range(20):
        try:
            return await run.result()
        except RunStuck:
            with contextlib.suppress(UsageError):  # it goes on by itself already
                await firm.resume(run.id)
    return await run.result()


async def main(url: str, what: str, count: int) -> None:
    """Carry all runs to their ends."""
    work = {"order": order, "letter": letter}[what]
    async with Firm.open(HOME, models={"default": Model(url, "mock", usd_per_mtok=RATES)}) as firm:
        for stuck in await firm.runs(
            Status.STUCK
        ):  # three deaths without getting on: no fault of theirs here
            with contextlib.suppress(UsageError):  # it has ended by itself already
                await firm.resume(stuck.id)
        print("open", flush=True)
        runs = [await firm.start(work, number, id=f"{what}-{number}") for number in range(count)]
        print(json.dumps([await _result_of(firm, run) for run in runs]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2], sys.argv[3], int(sys.argv[4])))
