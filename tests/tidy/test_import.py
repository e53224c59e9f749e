"""Importing `firm` does nothing but define names: no thread, no file, no socket, no heavy import."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "firm"

pytestmark = pytest.mark.skipif(
    not (SOURCE / "__init__.py").exists(), reason="firm/__init__.py is not written yet"
)

HEAVY = (
    "typer",
    "rich",
    "uvloop",
    "aiohttp",
    "asyncio",
    "sqlite3",
    "pydantic",
    "numpy",
    "neuralfoil",
    "ssl",
    "httptools",
    "jsonschema",
    "uvicorn",
    "xllamacpp",
    "cryptography",
    "keyring",
)

PROBE = """
import os, signal, sys, threading, warnings
def state():
    handles = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    signals = [signal.getsignal(number) for number in signal.valid_signals()]
    return len(handles), threading.active_count(), signals, sys.excepthook, dict(os.environ), os.getcwd()
opened = []
sys.addaudithook(lambda event, args: opened.append((event, args)) if event.split(".")[0] in (
    "socket", "sqlite3", "subprocess") or event == "open" and "w" in str(args[1]) else None)
before = state()
import firm
assert state() == before, (before, state())
assert not opened, opened
print(*sorted(set(sys.modules) & set({heavy!r})))
"""


def probe(code: str) -> str:
    """Run `code` in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_firm_has_no_effect_and_is_light() -> None:
    assert probe(PROBE.replace("{heavy!r}", repr(HEAVY))) == ""


def test_every_public_name_is_there() -> None:
    assert probe("import firm\nfor name in firm.__all__: getattr(firm, name)") == ""


def test_a_wrong_name_is_an_attribute_error() -> None:
    assert probe("import firm\nprint(hasattr(firm, 'no_such_name'))") == "False"
