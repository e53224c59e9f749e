"""Processor time of one call to a model: bare, through `chat` inside a firm, and durable inside a run.

The same body goes out and the same reply is decoded, one call after the other and 32 at once. A durable call is one
of a run of many; the start and the end of the run are counted with its calls.
"""

import asyncio
import gc
import tempfile
from pathlib import Path

import bare
import uvloop
from bench import machine, tell

from firm import Firm, Model, chat, workflow
from firm.testing import mock_process

ROUNDS = 40
CALLS = {1: 100, 32: 10}
"""Calls in a slice, for each that runs at one time."""
SETTINGS = "[limits]\nsame_call = 0\n"
"""The same question gets the same answer here, which would be asked about otherwise."""
GOALS = {"chat in a firm": "at most 1.1, 1.25 accepted", "chat in a run": "at most 1.5"}


@workflow
async def talk(count: int) -> int:
    for _ in range(count):
        await chat(bare.TEXT)
    return count


async def undurable() -> str:
    return (await chat(bare.TEXT)).text


def durable(firm: Firm) -> bare.Work:
    async def work(calls: int, at_once: int) -> None:
        async def one() -> None:
            await (await firm.start(talk, calls)).result()

        await asyncio.gather(*(one() for _ in range(at_once)))

    return work


async def measure(works: dict[str, bare.Work], at_once: int) -> None:
    costs = await bare.take_turns(works, calls=CALLS[at_once], at_once=at_once, rounds=ROUNDS)
    for name in works:
        tell(f"{name}, {at_once} at once, CPU", costs.least(name), "µs", **machine())
    for name in list(works)[1:]:
        tell(
            f"{name} / bare, {at_once} at once",
            costs.ratio(name),
            "×",
            goal=GOALS.get(name, ""),
            median_of_neighbours=costs.typical_ratio(name),
        )


async def main() -> None:
    gc.set_threshold(100_000, 50, 100)  # what Firm.open does while it owns a home
    with mock_process() as server, tempfile.TemporaryDirectory() as home:
        (Path(home) / "firm.toml").write_text(SETTINGS)
        models = {"default": Model(url=server.url, name="mock", key=bare.KEY)}
        async with (
            bare.open_session() as session,
            bare.open_lean_session() as lean,
            Firm.open(home, models=models) as firm,
        ):
            works = {
                "bare": bare.lanes(bare.call(session, server.url)),
                "bare, lean": bare.lanes(bare.lean_call(lean, server.url)),
                "chat in a firm": bare.lanes(undurable),
                "chat in a run": durable(firm),
            }
            for at_once in CALLS:
                await measure(works, at_once)


if __name__ == "__main__":
    uvloop.run(main())
