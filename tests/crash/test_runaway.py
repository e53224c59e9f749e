"""kill -9 while runaways are held: nothing of them goes on in the next life before the founder has said so."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.crash import runaway

from firm import Firm
from firm.root.view import QuestionView

LIMIT = 5
SETTINGS = f"[engine]\nidle_s = 0.05\n[limits]\nwakes = {LIMIT}\n"


def inbox(home: Path) -> list[QuestionView]:
    async def look() -> list[QuestionView]:
        async with Firm.visit(home) as firm:
            return await firm.inbox()

    return asyncio.run(look())


def life(home: Path, *words: str, after_s: float | None = None) -> str:
    """One life: what it printed; killed `after_s` seconds after both lines stand in the inbox, where that is given."""
    process = subprocess.Popen(
        [sys.executable, runaway.__file__, str(home), *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        if after_s is not None:
            deadline_s = time.monotonic() + 30
            while len(inbox(home)) < 2:
                assert time.monotonic() < deadline_s, "nobody asked"
            time.sleep(after_s)
            process.send_signal(signal.SIGKILL)
        out = process.stdout.read()
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert process.returncode == (0 if after_s is None else -signal.SIGKILL)
    return out


def test_what_is_held_stays_held_over_kills_with_one_line_each_and_goes_on_when_it_may(
    tmp_path: Path,
) -> None:
    (tmp_path / "firm.toml").write_text(SETTINGS)
    life(tmp_path, after_s=0.5)
    [first] = [question.id for question in inbox(tmp_path) if "'owl'" in question.text]
    life(tmp_path, after_s=0.0)  # at once: while it looks again
    storm, owl = sorted(inbox(tmp_path), key=lambda question: question.text)
    assert "model 'default'" in storm.text and "'owl' has woken itself 5 times" in owl.text
    assert owl.id == first
    assert len((tmp_path / "world").read_text().splitlines()) == LIMIT + 1
    found, left = json.loads(life(tmp_path, "go on"))
    assert found == [runaway.TIMES, *["yes"] * runaway.WAITING] and left == []
    assert len((tmp_path / "world").read_text().splitlines()) == runaway.TIMES
