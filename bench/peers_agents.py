"""The same agent in other people's frameworks, beside the bare loop and ours. Optional: `make bench-peers`.

Four model calls and three tool calls against the same mock server. Each framework is installed into an environment of
its own under `.venv-peers-agents`, and measured in a process of its own: processor time of a run with 100 at once, the
best of three rounds; wall time of 1,000 at once where each model call takes a second. What cannot be installed or
does not do the work is left out, and one line on the standard error says why. `dbos-postgres` runs where PostgreSQL's
programs are found: on a loopback port, as the user `postgres` where this is root. Names as arguments: only these.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import machine, tell

from firm.testing import mock_process

HERE = Path(__file__).parent
FOLDER = HERE.parent / ".venv-peers-agents"
OURS = ("bare", "firm")
ENVIRONMENTS = {
    "agno": ("agno", "openai"),
    "langgraph": ("langgraph", "langchain-openai", "langgraph-checkpoint-sqlite", "aiosqlite"),
    "openai-agents": ("openai-agents",),
    "pydantic-ai": ("pydantic-ai-slim[openai]",),
    "dbos": ("dbos", "psycopg[binary]", "pydantic-ai-slim[openai]", "aiohttp", "orjson"),
    "crewai": ("crewai",),
}
PEERS = {
    "agno": "agno",
    "langgraph": "langgraph",
    "langgraph-sqlite": "langgraph",
    "openai-agents": "openai-agents",
    "pydantic-ai": "pydantic-ai",
    "pydantic-ai-dbos": "dbos",
    "dbos-sqlite": "dbos",
    "dbos-postgres": "dbos",
    "crewai": "crewai",
}
"""Peers and their environments."""
LATENCY_S = 1.0
LIMIT_S = 600
AGENTS = 401
"""Runs of a measurement of processor time, with those that warm it up."""


class LeftOut(Exception):
    """Why a peer is not measured."""


def python_of(name: str) -> str:
    """The interpreter of a peer's environment, which is made if it is not there.

    Raises:
        LeftOut: it cannot be installed.
    """
    if name in OURS:
        return sys.executable
    home = FOLDER / PEERS[name]
    python, mark = home / "bin" / "python", home / ".installed"
    if mark.exists():
        return str(python)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    print(f"installing {PEERS[name]} into {home}", file=sys.stderr, flush=True)
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "-q", "uvloop", *ENVIRONMENTS[PEERS[name]]],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise LeftOut(f"it cannot be installed: {last(done.stderr)}")
    mark.touch()
    return str(python)


def last(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def measure(name: str, what: str, environment: dict[str, str]) -> dict[str, Any]:
    """One measurement of one peer.

    Raises:
        LeftOut: it failed.
    """
    python = python_of(name)
    more = ("--latency-s", str(LATENCY_S)) if what == "wall" else ()
    with mock_process("--tool-turns", "3", *more) as server, tempfile.TemporaryDirectory() as folder:
        command = [python, str(HERE / "agent_peers.py"), name, what, server.url, folder]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT_S, env=os.environ | environment
            )
        except subprocess.TimeoutExpired as error:
            raise LeftOut(f"{what}: it took longer than {LIMIT_S} s") from error
    if done.returncode or not done.stdout:
        raise LeftOut(f"{what}: {last(done.stderr)}")
    return dict(json.loads(last(done.stdout)))


@contextlib.contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL of this measurement's own: its address, and the process that serves it.

    Raises:
        LeftOut: its programs are not here, or it does not start.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        raise LeftOut("PostgreSQL is not installed; on Debian and Ubuntu: sudo apt-get install postgresql")
    who: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="bench-postgres-")
    try:
        if who:
            shutil.chown(folder, "postgres", "postgres")
        command = [initdb, "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, **who)
        if done.returncode:
            raise LeftOut(f"initdb: {last(done.stderr)}")
        program = str(Path(initdb).resolve().with_name("postgres"))
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", folder, "-c", "max_connections=300"]
        server = subprocess.Popen(
            [program, "-D", f"{folder}/data", *options], cwd=folder, stderr=subprocess.PIPE, text=True, **who
        )
        try:
            _wait_until_ready(server)
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/bench", server.pid
        finally:
            server.terminate()
            server.communicate(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(server: "subprocess.Popen[str]") -> None:
    assert server.stderr is not None
    for line in server.stderr:
        if "ready to accept connections" in line:
            return
    raise LeftOut("postgres ended while it started")


def processor_s(parent: int) -> float:
    """Processor time of a process and its children so far, those that ended included."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(") ")[2].split()
            if int(fields[1]) == parent or int(path.parent.name) == parent:
                ticks += sum(map(int, fields[11:15] if int(path.parent.name) == parent else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def peer(name: str) -> dict[str, Any]:
    """Both measurements of one peer."""
    if name != "dbos-postgres":
        return measure(name, "cpu", {}) | measure(name, "wall", {})
    with postgres() as (url, pid):
        measure(name, "cpu", {"DBOS_URL": url})  # makes the tables
        before_s = processor_s(pid)
        found = measure(name, "cpu", {"DBOS_URL": url})
        found["database_ms"] = round((processor_s(pid) - before_s) / AGENTS * 1e3, 2)
        return found | measure(name, "wall", {"DBOS_URL": url})


def main() -> None:
    for name in sys.argv[1:] or (*OURS, *PEERS):
        try:
            found = peer(name)
        except LeftOut as error:
            print(f"{name} is left out: {error}", file=sys.stderr, flush=True)
            continue
        about = {key: found[key] for key in ("versions", "database_ms") if key in found}
        rounds = [round(one, 2) for one in found["cpu_ms"]]
        tell(
            f"agent run, {name}, 100 at once, CPU",
            min(found["cpu_ms"]),
            "ms",
            **about,
            all=rounds,
            **machine(),
        )
        tell(f"1,000 agents at once, {name}, wall", found["wall_s"], "s", ideal=4 * LATENCY_S)


if __name__ == "__main__":
    main()
