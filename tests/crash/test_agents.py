"""kill -9 in the middle of many agents: nothing is repeated whose outcome they knew."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

from tests.crash import errand
from tests.e2e.mock import mock_in_thread

from firm.testing import MockOptions, MockServer

COUNT = 30
KILLS = 2


def life(home: Path, server: MockServer, until: int | None) -> str:
    """One life of the engine, until so many requests have come; what it printed, '' if it was killed."""
    command = [sys.executable, errand.__file__, str(home), server.url, str(COUNT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while until is not None and server.count < until and process.poll() is None:
            try:
                process.wait(0.005)
            except subprocess.TimeoutExpired:
                continue
        if until is not None:
            process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        return out if process.returncode == 0 else ""


def test_agents_repeat_nothing_that_they_knew_after_kill_9(tmp_path: Path) -> None:
    chance = random.Random(11)
    options = MockOptions(
        tool_turns=errand.TOOL_CALLS, reply="done", latency_s=(0.01, 0.1), seed=3, keep=100_000
    )
    with mock_in_thread(options) as server:
        for _ in range(KILLS):
            life(tmp_path, server, server.count + round(chance.uniform(1.1, 1.9) * COUNT))
            before = errand.seen(tmp_path, [request.body for request in server.requests])
            answers, results = asyncio.run(errand.recorded(tmp_path, COUNT))
            assert before.read() <= answers, "an answer was acted on that is not in the journal"
            assert before.returned() <= results, "a result was told that is not in the journal"
            first = len(before.asked), len(before.called)
        said = life(tmp_path, server, None)
        after = errand.seen(tmp_path, [request.body for request in server.requests])
    assert json.loads(said) == ["done"] * COUNT
    assert answers and results, "it was never killed in the middle"
    assert not answers & set(after.asked[first[0] :]), "asked again although the answer was known"
    assert not results & set(after.called[first[1] :]), "called again although the result was known"
    assert len(set(after.asked)) == COUNT * errand.MODEL_CALLS
    assert len(set(after.called)) == COUNT * errand.TOOL_CALLS
