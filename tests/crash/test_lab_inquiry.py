"""kill -9 in the middle of an inquiry: no experiment is made again whose reading was recorded."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
from tests.crash import inquirer

from firm import Firm
from firm.lab.phenomenon import Finding

LONGEST_S = 120.0
FURTHER = (50, 30)
"""So many readings more than before it is killed: in the second batch (the first has 42), and in the third."""


def home_at(folder: Path) -> Path:
    """A home with the phenomenon in it."""
    folder.mkdir()
    (folder / "spring.py").write_text(inquirer.SPRING)
    return folder


def readings(home: Path) -> list[str]:
    """All that the instrument has read, in order; a torn last line was not."""
    path = home / "read"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line.strip() for line in lines if line.endswith("\n")]


def life(home: Path, *, kill_at: int | None = None) -> Finding | None:
    """One life: what it found; None where it was killed, as soon as there were so many readings in all."""
    command = [sys.executable, inquirer.__file__, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            while kill_at is not None and len(readings(home)) < kill_at and process.poll() is None:
                try:
                    process.wait(0.01)
                except subprocess.TimeoutExpired:
                    continue
            if kill_at is not None:
                os.killpg(process.pid, signal.SIGKILL)  # the instrument with it
            out, _ = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
    assert process.returncode in (0, -signal.SIGKILL), "it failed; see its stderr"
    return msgspec.json.decode(out, type=Finding) if process.returncode == 0 else None


def recorded(home: Path) -> set[str]:
    """The readings that the journal has."""

    async def look() -> set[str]:
        async with Firm.visit(home) as firm:
            if not await firm.runs():
                return set()
            events = await firm.run(inquirer.RUN).events()
        done = [event.value for event in events if event.kind == "done" and "made" in event.value]
        return {repr(result) for value in done for _, _, results, _ in value["made"] for result in results}

    return asyncio.run(look())


def without_time(found: Finding | None) -> Finding:
    """The finding without the processor time, which differs from life to life."""
    assert found is not None
    return msgspec.structs.replace(found, cost={k: v for k, v in found.cost.items() if k != "cpu_s"})


def test_experiments_that_are_recorded_are_not_made_again_and_the_finding_is_the_same(tmp_path: Path) -> None:
    whole = home_at(tmp_path / "whole")
    expected = without_time(life(whole))
    made = readings(whole)
    assert len(made) == expected.cost["experiments"] > sum(FURTHER)
    home, known, kills = home_at(tmp_path / "home"), set[str](), 0
    for count in FURTHER:
        before = len(readings(home))
        kills += life(home, kill_at=before + count) is None
        assert not known & set(readings(home)[before:]), "made again although its reading was recorded"
        known = recorded(home)
    before = len(readings(home))
    again = life(home)
    assert not known & set(readings(home)[before:]), "made again although its reading was recorded"
    assert kills == len(FURTHER) and known, "it was never killed in the middle"
    assert without_time(again) == expected
    assert set(readings(home)) == set(made)
    assert again is not None and again.cost["cpu_s"] > 0
