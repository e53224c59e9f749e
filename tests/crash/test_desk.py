"""kill -9 in the middle of close calls: each is decided once, no opinion that was recorded is asked for again."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.crash import panelist

from firm import Firm
from firm.org.desk.book import pasts
from firm.org.desk.score import Past, records_of

COUNT = 6
REQUESTS = COUNT * len(panelist.EXPERTS) * 2
"""Each expert answers alone, and then once more."""
LONGEST_S = 60.0


def asked(home: Path) -> list[str]:
    """Runs of opinions whose model was asked, in order."""
    path = home / "asked"
    return path.read_text().splitlines() if path.exists() else []


def life(home: Path, *, kill_at: int | None = None) -> list[Any] | None:
    """One life: what it said; None where it was killed as soon as so many opinions were asked for in all."""
    command = [sys.executable, panelist.__file__, str(home), str(COUNT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            while kill_at is not None and len(asked(home)) < kill_at and process.poll() is None:
                try:
                    process.wait(0.002)
                except subprocess.TimeoutExpired:
                    continue
            if kill_at is not None:
                process.send_signal(signal.SIGKILL)
            out, _ = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
    assert process.returncode in (0, -signal.SIGKILL), "it failed; see its stderr"
    return json.loads(out) if process.returncode == 0 else None


def look(home: Path) -> tuple[list[Past], set[str]]:
    """Decisions that are written down, and runs of opinions that have ended."""

    async def main() -> tuple[list[Past], set[str]]:
        async with Firm.visit(home) as firm:
            runs = await firm.runs("succeeded")
            return await pasts(firm), {run.id for run in runs if run.name == "opinion"}

    return asyncio.run(main())


def test_close_calls_that_are_killed_are_decided_once_and_lose_no_opinion(tmp_path: Path) -> None:
    home, chance = tmp_path / "home", random.Random(7)
    panelist.prepare(home)
    kills, before, known = 0, 0, set[str]()
    for point in sorted(
        chance.sample(range(1, REQUESTS), 2)
    ):  # a third would set runs aside that never got on
        kills += life(home, kill_at=point) is None
        again = asked(home)[before:]
        assert not known & set(again), "asked again although its opinion was recorded"
        before, (_, known) = before + len(again), look(home)
    said = life(home)
    assert not known & set(asked(home)[before:]), "asked again although its opinion was recorded"
    assert said == [[f"call-{number}", "19 USD", "default", 3] for number in range(COUNT)]
    past, ended = look(home)
    assert [one.run for one in past] == [f"call-{number}" for number in range(COUNT)]
    assert [(one.expert, one.asked, one.agreed) for one in records_of(past)] == [
        (name, COUNT, 0) for name in panelist.EXPERTS
    ]
    assert len(ended) == REQUESTS == len(Counter(asked(home)))
    assert kills, "it was not killed in the middle"
