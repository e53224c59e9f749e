"""The process that is killed while its agents work: `python errand.py HOME URL COUNT`; and what became of it.

COUNT agents make four model calls and three tool calls each, under the ids errand-0 and so on. Each tool call is one
line in HOME/called, written when the tool runs. What they answer is printed as JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firm import Agent, Firm, Model, tool
from firm.kernel import current_step

MODEL_CALLS, TOOL_CALLS = 4, 3
RATES = {"input": 2.0, "output": 10.0}
SETTINGS = (
    '[budget]\nusd_per_day = 1_000\nusd_per_minute = 1_000\n\n[[rules]]\ntool = "order"\nthen = "ask"\n'
)
HOME = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()

Call = tuple[str, int]
"""A run, and which of its calls."""


@tool(risk="write", effect="keyed")
async def ring(number: int) -> str:
    """Ring somebody up; `number` counts the calls of one agent."""
    info = current_step()
    assert info.run is not None
    file = os.open(HOME / "called", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{info.run.id} {number}\n".encode())
    os.close(file)
    return f"nobody at home at {number}"


caller = Agent("caller", "Ring up three people, then say that you did.", tools=[ring])


async def main(url: str, count: int) -> None:
    """All errands to their ends."""
    Path(HOME, "firm.toml").write_text(SETTINGS)
    model = Model(url, "mock", usd_per_mtok=RATES)
    async with Firm.open(HOME, models={"default": model}) as firm:
        runs = [
            await firm.start(caller, f"errand {number}", id=f"errand-{number}") for number in range(count)
        ]
        print(json.dumps([await run.result() for run in runs]))


# --- seen from outside ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What the world saw so far, in order."""

    asked: list[Call]
    """Requests to the model: how many results of tools each held."""
    called: list[Call]
    """Tool calls that were carried out."""

    def read(self) -> set[Call]:
        """Model calls whose answer was surely read: the tool that it wanted was called, or the next request came."""
        return set(self.called) | {(run, number - 1) for run, number in self.asked if number}

    def returned(self) -> set[Call]:
        """Tool calls whose result was surely returned: a request to the model held it."""
        return {(run, number - 1) for run, number in self.asked if number}


def seen(home: Path, bodies: Iterable[Any]) -> Seen:
    """What a server was asked, and what the tools did."""
    path = home / "called"
    lines = path.read_text().splitlines() if path.exists() else []
    called = [(run, int(number)) for run, number in map(str.split, lines)]
    return Seen([_request(body["messages"]) for body in bodies if "tools" in body and _is_ours(body)], called)


def _is_ours(body: Any) -> bool:
    return any(str(message["content"]).startswith("errand ") for message in body["messages"])


def _request(messages: list[Any]) -> Call:
    task = next(one["content"] for one in messages if str(one["content"]).startswith("errand "))
    return task.replace(" ", "-"), sum(message["role"] == "tool" for message in messages)


async def recorded(home: Path, count: int) -> tuple[set[Call], set[Call]]:
    """Model calls and tool calls whose outcome is in the journal."""
    found: dict[str, set[Call]] = {"chat": set(), "ring": set()}
    async with Firm.visit(home) as firm:
        known = {run.id for run in await firm.runs()}
        for run in known & {f"errand-{number}" for number in range(count)}:
            names = [event.name for event in await firm.run(run).events() if event.kind == "done"]
            for name, calls in found.items():
                calls.update((run, number) for number in range(names.count(name)))
    return found["chat"], found["ring"]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2], int(sys.argv[3])))
