"""One agent's run of 1,000 turns: what a turn costs at the beginning and at the end.

A turn is a call to the model and a call of a tool, each a step in the journal, with the gate and the books. Processor
time is that of the whole client process, fsync on, taken each time the tool is called; a window is 50 turns and its
cost the median of them. Once with a window that is never compacted, so that the last request is a hundred times as
long as the first, and once with the default one. Beside it the bare loop, which writes the whole conversation anew
with each request. Best of some rounds.
"""

import gc
import itertools
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import bare_agent
import uvloop
from agents import SETTINGS
from bench import machine, tell

from firm import Agent, Firm, Model, tool
from firm.errors import LimitReached
from firm.testing import mock_process

TURNS = 1_000
WINDOW = 50
ROUNDS = 3
LONG = 10_000_000
"""Tokens: never full."""
SIDES = ("bare", "firm, never compacted", "firm")
GOALS = {"firm": "at most 1.5", "firm, never compacted": "at most 1.5"}

seen: list[float] = []
"""Processor time at each call of the tool."""


async def look(name: str, number: int) -> str:
    """Look what lies at a place of the shelf."""
    seen.append(time.process_time())
    return f"{name} {number}: three left"


TOOLS = [tool(risk="read")(look)]
long = Agent("long", bare_agent.SYSTEM, tools=TOOLS, max_turns=TURNS, context_tokens=LONG)
usual = Agent("usual", bare_agent.SYSTEM, tools=TOOLS, max_turns=TURNS)


class Enough(Exception):
    """The bare loop has made its turns."""


async def bare_look(name: str, number: int) -> str:
    """The same."""
    if len(seen) >= TURNS:
        raise Enough
    return await look(name, number)


async def bare_side(url: str, stack: AsyncExitStack) -> None:
    bare_agent.BY_NAME["look"] = bare_look
    once = bare_agent.agent(await stack.enter_async_context(bare_agent.open_session()), url)
    tools, bare_agent.WIRE_TOOLS[:] = list(bare_agent.WIRE_TOOLS), bare_agent.WIRE_TOOLS[:1]
    try:
        await once()
    except Enough:
        bare_agent.WIRE_TOOLS[:] = tools


async def firm_side(agent: Agent[str], url: str, stack: AsyncExitStack) -> None:
    home = stack.enter_context(tempfile.TemporaryDirectory())
    Path(home, "firm.toml").write_text(SETTINGS)
    model = Model(url=url, name="mock", key=bare_agent.KEY, usd_per_mtok={"input": 2.0, "output": 10.0})
    firm = await stack.enter_async_context(Firm.open(home, models={"default": model}))
    try:
        await (await firm.start(agent, bare_agent.TASK)).result()
    except LimitReached as error:
        assert error.limit == "turns", error


async def run(name: str) -> list[float]:
    """Cost of each turn, in µs."""
    seen.clear()
    gc.collect()
    with mock_process("--tool-turns", str(10 * TURNS)) as server:
        async with AsyncExitStack() as stack:
            if name == "bare":
                await bare_side(server.url, stack)
            else:
                await firm_side(usual if name == "firm" else long, server.url, stack)
    assert len(seen) == TURNS, len(seen)
    return [(later - sooner) * 1e6 for sooner, later in itertools.pairwise(seen)]


async def main() -> None:
    gc.set_threshold(100_000, 50, 100)  # what Firm.open does while it owns a home
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    for _ in range(ROUNDS):
        for name in SIDES:
            costs = await run(name)
            first, last = costs[10 : 10 + WINDOW], costs[-WINDOW:]
            found[name].append((statistics.median(first), statistics.median(last)))
    for name, rows in found.items():
        first_us, last_us = min(row[0] for row in rows), min(row[1] for row in rows)
        about = {"turns": TURNS, "window": WINDOW, "rounds": ROUNDS, **machine()}
        tell(f"a turn, {name}, turns 10 to {9 + WINDOW}, CPU", first_us, "µs", **about)
        tell(f"a turn, {name}, turns {TURNS - WINDOW + 1} to {TURNS}, CPU", last_us, "µs")
        ratios = [round(last / first, 2) for first, last in rows]
        tell(
            f"turn {TURNS:,} / turn 10, {name}", last_us / first_us, "×", goal=GOALS.get(name, ""), all=ratios
        )


if __name__ == "__main__":
    uvloop.run(main())
