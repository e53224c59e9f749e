"""kill -9 in the middle of calls to a model: a reply that is in the journal is never asked for again."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.mock import mock_in_thread

from firm import Firm
from firm.testing import MockOptions, MockServer

SCRIPT = """
import asyncio, json, sys
from firm import Firm, Model, chat, gather, workflow


@workflow
async def ask(count: int) -> list[str]:
    replies = await gather(*(chat(f"number {number}") for number in range(count)), limit=8)
    return [reply.text for reply in replies]


async def main() -> None:
    async with Firm.open(sys.argv[1], models={"default": Model(sys.argv[2], "mock")}) as firm:
        run = await firm.start(ask, int(sys.argv[3]), id="r")
        print(json.dumps(await run.result()))


asyncio.run(main())
"""
COUNT = 150
PROMPTS = [f"number {number}" for number in range(COUNT)]


def recorded(home: Path) -> set[str]:
    """The replies that the journal has; each is the echo of its question."""

    async def look() -> set[str]:
        async with Firm.visit(home) as firm:
            if not await firm.runs():
                return set()
            events = await firm.run("r").events()
        return {event.value["parts"][0]["text"] for event in events if event.kind == "done"}

    return asyncio.run(look())


def life(script: Path, home: Path, server: MockServer, longest_s: float) -> tuple[str, list[str]]:
    """One life of the engine: what it printed ('' if it was killed), and what it asked."""
    before = len(server.requests)
    command = [sys.executable, str(script), str(home), server.url, str(COUNT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        out, _ = process.communicate(timeout=longest_s)
        assert process.returncode == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        out = ""
    asked = [request.body["messages"][-1]["content"] for request in list(server.requests)[before:]]
    return out, asked


def test_replies_that_are_known_are_not_asked_for_again_after_kill_9(tmp_path: Path) -> None:
    script, home, chance = tmp_path / "calls.py", tmp_path / "home", random.Random(5)
    script.write_text(SCRIPT, "utf-8")
    options = MockOptions(script=lambda body: body["messages"][-1]["content"], latency_s=0.1, keep=100_000)
    with mock_in_thread(options) as server:
        kills, longest_s, known = 0, 1.0, set[str]()
        while True:
            out, asked = life(script, home, server, chance.uniform(0.85, 1.0) * longest_s)
            assert not known & set(asked), "asked again although the reply was in the journal"
            if out:
                break
            kills, longest_s, known = kills + 1, longest_s * 1.1, recorded(home)
    assert json.loads(out) == PROMPTS
    assert kills > 0
    assert known, "it was never killed in the middle"
