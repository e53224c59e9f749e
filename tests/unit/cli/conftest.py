"""The command line, called in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

WORK = """
from firm import ask, gather, step, workflow


@step
async def double(x: int) -> int:
    return 2 * x


@workflow
async def add(a: int, b: int = 1) -> int:
    return sum(await gather(double(a), double(b)))


@workflow
async def parent(n: int) -> list[int]:
    return await gather(*(add(i) for i in range(n)))


@workflow
async def greet(name: str) -> str:
    return f"hello {name}"


@workflow
async def asks(name: str) -> str:
    return await ask(f"Shall {name}?", options=["yes", "no"])


@workflow
async def has_asked(name: str) -> str:
    return await asks(name)


@workflow
async def breaks(text: str) -> None:
    raise ValueError(text)


@workflow
async def loose(value):
    return {"value": value}


number = 3
"""

Firm = Callable[..., "Outcome"]


class Outcome:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Firm:
    """`firm("run", …)` in a folder with `work.py`."""
    from firm.cli.app import build

    monkeypatch.delenv("FIRM_HOME", raising=False)
    monkeypatch.delenv("FIRM_PASSPHRASE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "firm.toml").write_text("[engine]\nidle_s = 0.05\n")

    def call(*words: str) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            build()(list(words), prog_name="firm")
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return call
