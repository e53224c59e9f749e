"""CPU of the gate and of money at 10,000 runs at once: what a call costs more than the same call without them.

A tool that is allowed stands beside the same function as a plain step; a priced call to a model that answers at once
stands beside the same call without a till. The cost of a call is the difference between runs of some calls and of
more, so that start and end do not count. All is user and system CPU of the whole process, fsync on, in turns, the
best of some rounds.
"""

import asyncio
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from bench import machine, tell

from firm import Firm, Model, chat, step, tool, workflow
from firm.model import ScriptedModel
from firm.model.message import Text
from firm.model.reply import Reply
from firm.units import Usage

RUNS = 10_000
FEW, MANY = 1, 5
ROUNDS = 3
ANSWER = Reply((Text("yes"),), Usage(input=90, cache_read=900, output=300), "stop", "scripted")
RATES = {"input": 2.0, "output": 10.0, "cache_read": 0.5}
SETTINGS = "[budget]\nusd_per_day = 1_000_000\nusd_per_minute = 1_000_000\n[limits]\nsame_call = 30\n"


async def look(name: str, number: int) -> int:
    return number + 1


step_look = step(look)
tool_look = tool(risk="read")(look)


@workflow
async def plain(count: int) -> int:
    number = 0
    for _ in range(count):
        number = await step_look("shelf", number)
    return number


@workflow
async def gated(count: int) -> int:
    number = 0
    for _ in range(count):
        number = await tool_look("shelf", number)
    return number


@workflow
async def talk(count: int) -> int:
    for number in range(count):
        await chat(f"is it {number}?", max_tokens=500)
    return count


async def cost_us(work: Any, count: int, *, paid: bool) -> float:
    """CPU of one of 10,000 runs."""
    model = ScriptedModel(lambda request: ANSWER)
    model.model = Model("http://scripted.localhost", "scripted", usd_per_mtok=RATES)
    with tempfile.TemporaryDirectory() as home:
        Path(home, "firm.toml").write_text(SETTINGS)  # else the breaker stops what is measured
        async with Firm.open(home, models={"default": model}) as firm:
            if not paid:
                firm.models._till = None

            async def one() -> None:
                assert await (await firm.start(work, count)).result() == count

            gc.collect()
            begun = time.process_time()
            await asyncio.gather(*(one() for _ in range(RUNS)))
            took = time.process_time() - begun
    return took / RUNS * 1e6


async def call_us(work: Any, *, paid: bool = True) -> float:
    """CPU of one call."""
    few = await cost_us(work, FEW, paid=paid)
    return (await cost_us(work, MANY, paid=paid) - few) / (MANY - FEW)


async def main() -> None:
    found: dict[str, list[float]] = {"step": [], "tool": [], "unpaid": [], "paid": []}
    for _ in range(ROUNDS):
        found["step"].append(await call_us(plain))
        found["tool"].append(await call_us(gated))
        found["unpaid"].append(await call_us(talk, paid=False))
        found["paid"].append(await call_us(talk))
    least = {name: min(costs) for name, costs in found.items()}
    every = {name: [round(cost, 1) for cost in costs] for name, costs in found.items()}
    about = {"runs": RUNS, "calls": MANY - FEW, "rounds": ROUNDS, **machine()}
    gate_us, money_us = least["tool"] - least["step"], least["paid"] - least["unpaid"]
    tell("plain step in a firm, CPU", least["step"], "µs", all=every["step"], **about)
    tell("allowed tool, CPU", least["tool"], "µs", all=every["tool"])
    tell("gate of an allowed tool, CPU", gate_us, "µs", goal="at most 12")
    tell("allowed tool / plain step", least["tool"] / least["step"], "×")
    tell("call to a model without a till, CPU", least["unpaid"], "µs", all=every["unpaid"])
    tell("priced call to a model, CPU", least["paid"], "µs", all=every["paid"])
    tell("money of a priced call, CPU", money_us, "µs", goal="5, at most 50 with the gate")
    tell("gate and money together, CPU", gate_us + money_us, "µs", goal="at most 50")


if __name__ == "__main__":
    uvloop.run(main())
