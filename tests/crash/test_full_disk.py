"""A disk that runs full: the engine pauses, reading works, and it goes on when there is room; nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.crash.full import BYTES, ROUNDS

from firm.kernel.value import BUILTIN

SCRIPT = Path(__file__).parent / "full.py"
SOURCE = Path(__file__).parents[2] / "src"


def begin(home: Path, limit: int) -> "subprocess.Popen[str]":
    """The engine in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(home), str(limit)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def goes_on(process: "subprocess.Popen[str]") -> None:
    """After room was made: it comes to its end with nothing lost."""
    out, err = process.communicate("lift\n", timeout=120)
    assert process.returncode == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["status"] == "succeeded"
    assert BUILTIN.decode(bytes.fromhex(result["body"])) == ROUNDS * BYTES
    assert result["audit"] == []
    assert result["events"] == ROUNDS + 2


def paused(process: "subprocess.Popen[str]") -> dict[str, object]:
    """What it says when nothing can be written."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(process.communicate()[1])
    said: dict[str, object] = json.loads(line)
    return said


def test_the_engine_pauses_at_a_file_size_limit_and_goes_on_when_it_is_lifted(tmp_path: Path) -> None:
    process = begin(tmp_path, 600_000)
    said = paused(process)
    assert said["paused"] == "DiskFull"
    assert 1 < int(str(said["written"])) < ROUNDS
    goes_on(process)


def test_the_engine_pauses_on_a_full_disk_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    try:
        process = begin(disk / "home", 0)
        said = paused(process)
        assert said["paused"] == "DiskFull"
        again = ["mount", "-o", "remount,size=64m", str(disk)]
        subprocess.run(again, check=True, capture_output=True)
        goes_on(process)
    finally:
        subprocess.run(["umount", str(disk)], capture_output=True, check=False)
