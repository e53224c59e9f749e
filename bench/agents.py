"""Processor time of an agent's run, bare and durable; and 10,000 agents at one time, to a server that takes a second.

An agent makes four model calls and three tool calls. Ours is durable: each call is a step in the journal, goes through
the gate with the founder's rules, and is reserved and settled in the books of a firm with a budget; fsync is on. The
start and the end of the run are counted. Processor time is user and system time of the client's whole process, 100
agents at one time, slices in turn. At 10,000 each side is a process of its own with a server of its own: the first
wave opens the connections, the second one finds them open; memory is the largest resident set over that after one
agent.
"""

import asyncio
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import bare
import bare_agent
import uvloop
from bench import machine, tell

from firm import Agent, Firm, Model, tool
from firm.testing import mock_process, raise_file_limit

AT_ONCE = 100
ROUNDS = 20
MANY = 10_000
LATENCY_S = 1.0
WAVES = 2
RATES = {"input": 2.0, "output": 10.0, "cache_read": 0.5}
SETTINGS = """\
[budget]
usd_per_day = 1_000_000
usd_per_minute = 1_000_000

[[rules]]
tool = "place"
then = "allow"

[[rules]]
tool = "order"
then = "ask"
"""
TURNS = ("--tool-turns", str(bare_agent.TOOL_CALLS))
SIDES = ("bare", "firm")

clerk = Agent(
    "clerk", bare_agent.SYSTEM, tools=[tool(risk="read")(function) for function in bare_agent.TOOLS]
)


async def side(name: str, url: str, stack: AsyncExitStack) -> Callable[[], Awaitable[str]]:
    """One run of an agent on that side."""
    if name == "bare":
        return bare_agent.agent(await stack.enter_async_context(bare_agent.open_session()), url)
    home = stack.enter_context(tempfile.TemporaryDirectory())
    Path(home, "firm.toml").write_text(SETTINGS)
    model = Model(url=url, name="mock", key=bare_agent.KEY, usd_per_mtok=RATES)
    firm = await stack.enter_async_context(Firm.open(home, models={"default": model}))

    async def run() -> str:
        return str(await (await firm.start(clerk, bare_agent.TASK)).result())

    return run


async def alone() -> None:
    """Processor time of a run, 100 at once, the sides in turn."""
    gc.set_threshold(100_000, 50, 100)  # what Firm.open does while it owns a home
    with mock_process(*TURNS) as server:
        async with AsyncExitStack() as stack:
            works = {}
            for name in SIDES:
                once = await side(name, server.url, stack)
                assert await once() == bare_agent.ANSWER
                works[name] = bare.lanes(once)
            costs = await bare.take_turns(works, calls=2, at_once=AT_ONCE, rounds=ROUNDS)
    for name in SIDES:
        about = {"median": round(sorted(costs.slices[name])[ROUNDS // 2] / 1e3, 3), **machine()}
        tell(f"agent run, {name}, {AT_ONCE} at once, CPU", costs.least(name) / 1e3, "ms", **about)
    tell(
        f"agent run, firm / bare, {AT_ONCE} at once, CPU",
        costs.ratio("firm"),
        "×",
        goal="at most 1.6",
        median_of_neighbours=costs.typical_ratio("firm"),
    )


def rss_bytes() -> int:
    """Memory of this process now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def wave(once: Callable[[], Awaitable[str]]) -> tuple[float, float]:
    """Wall and processor time of `MANY` agents at one time, in seconds."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    said = await asyncio.gather(*(once() for _ in range(MANY)))
    assert set(said) == {bare_agent.ANSWER}
    return time.perf_counter() - wall, time.process_time() - cpu


async def measure(name: str, url: str) -> dict[str, float]:
    """`MANY` agents at one time, in a process of this side's own."""
    raise_file_limit()
    gc.set_threshold(100_000, 50, 100)
    async with AsyncExitStack() as stack:
        once = await side(name, url, stack)
        await once()
        gc.collect()
        before = rss_bytes()
        found = [await wave(once) for _ in range(WAVES)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        async with aiohttp.ClientSession() as session, session.get(url + "/mock") as response:
            most = (await response.json())["most_in_flight"]
    row = {"cold wall": found[0][0], "cold cpu": found[0][1], "wall": found[-1][0], "cpu": found[-1][1]}
    return row | {"memory": peak - before, "most in flight": most}


def in_process(name: str) -> dict[str, float]:
    """The same, from here."""
    with mock_process("--latency-s", str(LATENCY_S), *TURNS) as server:
        command = [sys.executable, __file__, name, server.url]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def together(rounds: int = 3) -> None:
    """10,000 agents at one time; the best of some rounds, in turn."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
    for _ in range(rounds):
        for name in SIDES:
            found[name].append(in_process(name))
    best = {name: {key: min(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}
    what = f"{MANY:,} agents at once"
    for name, row in best.items():
        walls = [round(one["wall"], 2) for one in found[name]]
        tell(f"{what}, {name}, wall", row["wall"], "s", all=walls, ideal=bare_agent.MODEL_CALLS * LATENCY_S)
        tell(f"{what}, {name}, wall with connecting", row["cold wall"], "s")
        tell(f"{what}, {name}, CPU an agent", row["cpu"] / MANY * 1e3, "ms")
        tell(f"{what}, {name}, memory added an agent", row["memory"] / MANY / 1000, "KB")
        tell(f"{what}, {name}, in flight at the server", row["most in flight"], "")
    ours, floor = best["firm"], best["bare"]
    for key in ("wall", "cold wall"):
        tell(f"{what}, firm / bare, {key}", ours[key] / floor[key], "×", goal="at most 1.25")
    over = (ours["memory"] - floor["memory"]) / MANY / 1000
    tell(f"{what}, firm over bare, memory an agent", over, "KB", goal="at most 30")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(uvloop.run(measure(*sys.argv[1:]))))
    else:
        uvloop.run(alone())
        together()
