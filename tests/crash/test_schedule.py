"""kill -9 while a schedule begins its mission: one mission, whichever side of the start the process dies on."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.crash import keeper


def life(home: Path, how: str) -> tuple[int, str]:
    """One life: how it ended, and what it said."""
    command = [sys.executable, keeper.__file__, str(home), how]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return found.returncode, found.stdout


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_mission_is_begun_once_although_the_process_is_killed_while_it_is_begun(
    tmp_path: Path, how: str
) -> None:
    since_us = time.time_ns() // 1000 - keeper.HOURS_MISSED * keeper.HOUR_US
    (tmp_path / "since").write_text(json.dumps(since_us))
    assert life(tmp_path, how) == (-signal.SIGKILL, "")
    code, said = life(tmp_path, "never")
    assert code == 0
    assert len(json.loads(said)) == 1
    assert (tmp_path / "written").read_text() == "Write the news.\n"
    _, again = life(tmp_path, "never")
    assert again == said
    assert (tmp_path / "written").read_text() == "Write the news.\n"
