"""`kill -9` in the middle of 200 agents: is any call repeated whose outcome was known?

Each agent makes four model calls and three tool calls, durable, with the gate and the books. It is killed once, after a
part of all requests; then a new process carries the agents to their ends. What the model was asked is counted by its
server, what the tools did by a file. Known is what the journal has at the kill; calls that were under way then are made
once more.
"""

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from bench import machine, tell

from firm.testing import MockOptions, MockServer, mock_server

sys.path.append(str(Path(__file__).parents[1]))
from tests.crash import errand

AGENTS = 200
PARTS = (0.4, 0.6, 0.8)
LATENCY_S = (0.05, 0.5)


async def life(home: Path, server: MockServer, until: int | None) -> None:
    """One life of the engine; killed once so many requests have come."""
    command = [errand.__file__, str(home), server.url, str(AGENTS)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.DEVNULL
    )
    if until is not None:
        while server.count < until and process.returncode is None:
            await asyncio.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    code = await process.wait()
    assert (code == 0) == (until is None), code


async def killed(part: float) -> dict[str, int]:
    """One kill, and what was repeated."""
    options = MockOptions(tool_turns=errand.TOOL_CALLS, latency_s=LATENCY_S, seed=1, keep=1_000_000)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        async with mock_server(options) as server:
            await life(home, server, round(part * AGENTS * errand.MODEL_CALLS))
            asked = [request.body for request in server.requests]
            before = errand.seen(home, asked)
            answers, results = await errand.recorded(home, AGENTS)
            await life(home, server, None)
            after = errand.seen(home, [request.body for request in server.requests])
    asked_again, called_again = after.asked[len(before.asked) :], after.called[len(before.called) :]
    return {
        "answers known": len(answers),
        "results known": len(results),
        "known answers asked again": len(set(asked_again) & (answers | before.read())),
        "known results called again": len(set(called_again) & (results | before.returned())),
        "model calls under way, made again": len(set(asked_again) & set(before.asked)),
        "tool calls under way, made again": len(set(called_again) & set(before.called)),
        "lost": AGENTS * (errand.MODEL_CALLS + errand.TOOL_CALLS)
        - len(set(after.asked))
        - len(set(after.called)),
    }


async def main() -> None:
    for part in PARTS:
        found = await killed(part)
        what = f"killed after {part:.0%} of the model calls of {AGENTS} agents"
        for name, value in found.items():
            goal = "0" if name.startswith("known") or name == "lost" else ""
            tell(f"{what}: {name}", value, "", goal=goal, **machine())


if __name__ == "__main__":
    asyncio.run(main())
