"""Shell and Python: what they see, what stays, what stops them."""

import sys
from pathlib import Path

import pytest
from tests.unit.agent.kit.calling import refused, said

from firm.agent.kit import boxed as boxes
from firm.agent.kit import run_python
from firm.agent.kit import shell as shells
from firm.agent.kit.shell import shell
from firm.agent.workspace import Workspace
from firm.errors import NotIsolated, UsageError
from firm.sandbox import Finished, Level, Limits

pytestmark = pytest.mark.usefixtures("boxed")


def test_a_command_runs_in_the_workspace_and_tells_its_end(here: Workspace) -> None:
    here.write("a.txt", b"eins\n")
    words = said(shell, "cat a.txt; echo zwei >> a.txt; echo bad >&2; exit 3")
    assert words.startswith("exit code 3, after ")
    assert words.endswith("\nstdout:\neins\nstderr:\nbad")
    assert here.read("a.txt") == b"eins\nzwei\n"
    assert said(shell, "true").endswith("s, nothing printed")


def test_a_command_sees_nothing_but_the_workspace(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.txt").write_text("what nobody may read")
    monkeypatch.setenv("BIG_KEY", "what nobody may read")
    here.resolve(".")
    words = said(
        shell, f"cat {tmp_path}/secret.txt ../secret.txt; env; cat /proc/*/environ | tr '\\0' '\\n'; echo end"
    )
    assert "nobody may read" not in words
    assert "stdout:" in words and "\nend" in words


def test_what_a_command_prints_is_shown_from_both_ends(here: Workspace) -> None:
    words = said(shell, "seq 1 20000")
    assert len(words) < 10_000
    assert "stdout:\n1\n2\n" in words and words.endswith("\n19999\n20000")
    assert "characters are left out here" in words


def test_a_command_that_takes_too_long_is_stopped(here: Workspace) -> None:
    words = said(shell, "echo begun; sleep 60", 0.7)
    assert words.startswith("stopped after ")
    assert "longer than 0.7 s; give it more time with timeout_s" in words
    assert words.endswith("stdout:\nbegun")
    assert "above 0 and at most 600" in refused(shell, "true", 601, by=UsageError)


def test_python_runs_and_sees_files_of_the_workspace(here: Workspace) -> None:
    here.write("mine.py", b"WORD = 'imported'\n")
    words = said(
        run_python, "import mine, sys\nprint(mine.WORD, sys.version_info[:2])\nprint('ä', flush=True)\n1 / 0"
    )
    assert f"imported {sys.version_info[:2]}\nä" in words
    assert "exit code 1" in words and words.endswith("ZeroDivisionError: division by zero")
    assert [entry.path for entry in here.entries()] == ["mine.py"]


@pytest.mark.skipif(
    Path(sys.prefix).is_relative_to("/box"), reason="this environment is hidden in the sandbox"
)
def test_python_sees_what_is_installed(here: Workspace) -> None:
    assert "\nstdout:\n(" in said(run_python, "import msgspec; print((msgspec.__name__,))")


def test_there_is_no_network(here: Workspace) -> None:
    words = said(run_python, "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)")
    assert "OSError" in words or "Network is unreachable" in words


def test_without_isolation_nothing_runs(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*_: object, **__: object) -> Finished:
        raise NotIsolated("this code needs isolation 'bubblewrap'")

    monkeypatch.setattr(sys.modules["firm.agent.kit.shell"], "run", run)
    assert "needs isolation" in refused(shell, "touch a", by=NotIsolated)
    assert list(here.entries()) == []


@pytest.mark.parametrize("stopped", ["time", "cpu", "memory", "processes", "disk", "output"])
def test_each_limit_says_what_to_do(stopped: str) -> None:
    done = Finished(137, b"some", b"", stopped == "output", stopped, Level.BUBBLEWRAP, 1.0)
    words = boxes.told(done, Limits())
    assert words.startswith("stopped after 1.0 s: it ") and "{" not in words and "; " in words
    assert words.endswith("stdout:\nsome")


def test_an_environment_inside_the_workspace_is_named_as_it_is_seen_there(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(here.root / ".venv"))
    monkeypatch.setattr(sys, "executable", str(here.root / ".venv" / "bin" / "python"))
    python, readable = boxes.python_here(here)
    assert python == "/" + "box/.venv/bin/python"
    assert not any(path.is_relative_to(here.root) for path in readable)
    assert shells.MAX_WAIT_S == 600 if hasattr(shells, "MAX_WAIT_S") else True
