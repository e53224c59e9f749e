"""Real processes on one home."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import firm

WORK = '''
"""Workflows for the tests; what their steps do stands in the file `calls`."""

import asyncio
from pathlib import Path

from firm import ask, gather, receive, step, workflow


def note(word):
    with open("calls", "a") as file:
        file.write(word + "\\n")


@step
async def double(x: int) -> int:
    note(f"double {x}")
    return 2 * x


@step
async def slow(name: str, seconds: float) -> str:
    note(f"begin {name}")
    await asyncio.sleep(seconds)
    note(f"end {name}")
    return name


@step(effect="once")
async def pay() -> str:
    note("pay")
    await asyncio.sleep(60)
    return "paid"


@workflow
async def add(a: int, b: int) -> int:
    return sum(await gather(double(a), double(b)))


@workflow
async def asks(name: str) -> str:
    await double(1)
    return await ask(f"Shall {name}?", options=["yes", "no"])


@workflow
async def collects() -> list:
    found = []
    while (news := await receive("news")) != "end":
        found.append(news)
    return found


@workflow
async def chain(count: int, seconds: float) -> list[str]:
    return [await slow(str(number), seconds) for number in range(count)]


@workflow
async def pays() -> str:
    return await pay()
'''


class Place:
    """A home with `work.py`, and processes that work there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []
        (folder / "work.py").write_text(WORK)
        (folder / "firm.toml").write_text("[engine]\nidle_s = 0.1\n")

    def begin(self, *words: str, script: str = "", **options: object) -> "subprocess.Popen[str]":
        """Start `firm WORDS`, or a script."""
        command = [sys.executable, "-c", script] if script else [sys.executable, "-m", "firm.cli", *words]
        env = {name: value for name, value in os.environ.items() if name != "FIRM_HOME"}
        env["PYTHONPATH"] = str(Path(firm.__file__).parents[1])
        settings: dict[str, object] = {
            "cwd": self.folder,
            "env": env,
            "text": True,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **options,
        }
        process = subprocess.Popen(command, **settings)  # type: ignore[call-overload]
        self.processes.append(process)
        return process  # type: ignore[no-any-return]

    def firm(self, *words: str, code: int | None = 0, timeout_s: float = 20) -> str:
        """Run `firm WORDS` to its end; its stdout. `code=None`: any exit code."""
        process = self.begin(*words)
        out, err = process.communicate(timeout=timeout_s)
        assert code is None or process.returncode == code, f"{words}: {process.returncode}\n{out}\n{err}"
        return out if code == 0 else out + err

    def up(self) -> "subprocess.Popen[str]":
        """Start `firm up`; it carries runs when this returns."""
        process = self.begin("up")
        assert process.stdout is not None
        assert "is up in" in process.stdout.readline(), process.communicate(timeout=20)
        return process

    def calls(self) -> list[str]:
        """What the steps did."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def until(self, condition: Callable[[], object], what: str = "it", timeout_s: float = 15) -> None:
        """Wait for something that another process does."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, f"{what} did not happen; calls: {self.calls()}"
            time.sleep(0.02)

    def spooled(self) -> list[Path]:
        """Requests that are not taken in."""
        return sorted((self.folder / ".firm" / "spool").glob("*.request"))

    def end(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                    process.kill()
            with contextlib.suppress(ValueError, subprocess.TimeoutExpired):
                process.communicate(timeout=20)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty home."""
    found = Place(tmp_path)
    yield found
    found.end()
