"""10,000 calls in flight at one time, to a server that takes a second: how long they take, and what memory.

Each measurement is a process of its own with a server of its own. The first wave of calls opens the connections, the
second one finds them open. Memory is the largest resident set over that after one call; wall and processor time are
the best of three rounds, in turn.
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

import aiohttp
import bare
import uvloop
from bench import machine, tell

from firm.testing import mock_process, raise_file_limit

IN_FLIGHT = 10_000
LATENCY_S = 1.0
ROUNDS = 3
SIDES = ("bare", "chat in a firm", "chat in runs")
GOALS = {"wall": "at most 1.25", "memory": "at most 2"}


def rss_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def side(name: str, url: str, stack: AsyncExitStack) -> Callable[[], Awaitable[object]]:
    """One call of that side."""
    if name == "bare":
        return bare.call(await stack.enter_async_context(bare.open_session()), url)
    from firm import Firm, Model, chat, workflow

    home = stack.enter_context(tempfile.TemporaryDirectory())
    models = {"default": Model(url=url, name="mock", key=bare.KEY)}
    firm = await stack.enter_async_context(Firm.open(home, models=models))
    if name == "chat in a firm":
        return lambda: chat(bare.TEXT)

    @workflow
    async def talk() -> str:
        return (await chat(bare.TEXT)).text

    async def run() -> object:
        return await (await firm.start(talk)).result()

    return run


async def wave(once: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Wall and processor time of `IN_FLIGHT` calls at one time, in seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(once() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - wall, time.process_time() - cpu


async def measure(name: str, url: str) -> dict[str, float]:
    raise_file_limit()
    gc.set_threshold(100_000, 50, 100)  # what Firm.open does while it owns a home
    async with AsyncExitStack() as stack:
        once = await side(name, url, stack)
        await once()
        gc.collect()
        before = rss_bytes()
        cold_wall, cold_cpu = await wave(once)
        wall, cpu = await wave(once)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        async with aiohttp.ClientSession() as session, session.get(url + "/mock") as response:
            most = (await response.json())["most_in_flight"]
    return {
        "cold wall": cold_wall,
        "cold cpu": cold_cpu,
        "wall": wall,
        "cpu": cpu,
        "memory": peak - before,
        "most in flight": most,
    }


def in_process(name: str) -> dict[str, float]:
    with mock_process("--latency-s", str(LATENCY_S)) as server:
        command = [sys.executable, __file__, name, server.url]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
    for _ in range(ROUNDS):
        for name in SIDES:
            found[name].append(in_process(name))
    best = {name: {key: min(row[key] for row in rows) for key in rows[0]} for name, rows in found.items()}
    what = f"{IN_FLIGHT:,} at once"
    for name, row in best.items():
        walls = [round(one["wall"], 2) for one in found[name]]
        tell(f"{what}, {name}, wall", row["wall"], "s", all=walls, **machine())
        tell(f"{what}, {name}, wall with connecting", row["cold wall"], "s")
        tell(f"{what}, {name}, CPU a call", row["cpu"] / IN_FLIGHT * 1e6, "µs")
        tell(f"{what}, {name}, CPU a call with connecting", row["cold cpu"] / IN_FLIGHT * 1e6, "µs")
        tell(f"{what}, {name}, memory added", row["memory"] / 2**20, "MiB")
        tell(f"{what}, {name}, in flight at the server", row["most in flight"], "")
    for name in SIDES[1:]:
        for key in ("wall", "cold wall", "memory"):
            ratio = best[name][key] / best["bare"][key]
            goal = GOALS[key.removeprefix("cold ")] if name == SIDES[1] else ""
            tell(f"{what}, {name} / bare, {key}", ratio, "×", goal=goal)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(uvloop.run(measure(*sys.argv[1:]))))
    else:
        main()
