"""How the kit runs programs: in the sandbox, in the workspace, with nothing of our environment.

One rule: what is not ours (a command, code that a model wrote) runs in `bubblewrap` or not at all; a program of ours
on what is not ours (a search, a query) runs at the best level there is. What a level holds is `firm.sandbox`'s.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from firm.agent.kit.text import ends_of
from firm.agent.way import INSIDE
from firm.agent.workspace import Workspace
from firm.errors import UsageError
from firm.sandbox import Box, Finished, Level, Limits, run

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
BARE_PYTHON: str = getattr(sys, "_base_executable", "") or sys.executable
"""The interpreter without what is installed beside it."""
STDOUT_CHARS = 9_000
"""Of what a program wrote; both ends of what is more."""
STDERR_CHARS = 4_000
_WHY = {
    "time": "it took longer than {wall_s:g} s; give it more time with timeout_s, or do less at once",
    "cpu": "it used {cpu_s:g} s of processor time; give it more time with timeout_s, or do less at once",
    "memory": "it wanted more than {memory_bytes:,} bytes of memory; work on less at once",
    "processes": "it started more than {processes} processes; start fewer",
    "disk": "it wrote more than {disk_bytes:,} bytes; write less",
    "output": "it printed more than {output_bytes:,} bytes; send that to a file, and read it with read_file",
}


def python_here(here: Workspace) -> tuple[str, tuple[Path, ...]]:
    """The interpreter that this process runs, with what is installed beside it: its path, and what it must see.

    Where its folder is hidden in the sandbox (it lies below `/box`), the bare one, without what is installed.
    """
    own, bare = Path(sys.prefix), _visible(Path(sys.base_prefix))
    if own.is_relative_to(here.root):  # it is seen with the workspace
        return f"{INSIDE}/{Path(sys.executable).relative_to(here.root)}", bare
    if own.is_relative_to(INSIDE):
        return BARE_PYTHON, bare
    return sys.executable, tuple(dict.fromkeys((*_visible(own), *bare)))


def _visible(folder: Path) -> tuple[Path, ...]:
    """What must be shown of a folder: nothing where every box has it."""
    return () if folder.is_relative_to("/usr") else (folder,)


def environment(*first: str) -> dict[str, str]:
    """What a program finds as its environment; folders in `first` are searched for programs before the system's."""
    return {"PATH": os.pathsep.join((*first, SYSTEM_PATH)), "TERM": "dumb"}


async def run_ours(command: Sequence[str], here: Workspace, *, stdin: bytes, limits: Limits) -> Finished:
    """Run a program of ours with the Python of this process, at the best level there is.

    Args:
        command: What comes after the interpreter.
    """
    box = Box(
        folder=folder_of(here),
        readable=_visible(Path(sys.base_prefix)),
        env=environment(),
        limits=limits,
        at_least=Level.LIMITS,
    )
    return await run((BARE_PYTHON, "-I", "-S", *command), box, stdin=stdin)


def folder_of(here: Workspace) -> Path:
    """The workspace's folder, made."""
    return here.resolve(".")


def limits_for(timeout_s: float, most_s: float) -> Limits:
    """Limits for a program of a model's.

    Raises:
        UsageError: the time is not above 0, or above `most_s`.
    """
    if not 0 < timeout_s <= most_s:
        raise UsageError(f"timeout_s={timeout_s!r}: give seconds, above 0 and at most {most_s:g}")
    return Limits(wall_s=timeout_s, cpu_s=timeout_s)


def told(done: Finished, limits: Limits) -> str:
    """What became of a program, as a model reads it."""
    first = f"exit code {done.code}, after {done.took_s:.1f} s"
    if done.stopped:
        figures = {name: getattr(limits, name) for name in Limits.__slots__}
        first = f"stopped after {done.took_s:.1f} s: {_WHY.get(done.stopped, done.stopped).format(**figures)}"
    lines = [first]
    for name, body, most in (("stdout", done.stdout, STDOUT_CHARS), ("stderr", done.stderr, STDERR_CHARS)):
        text = body.decode("utf-8", "replace").rstrip("\n")
        if text:
            lines.append(f"{name}:\n{ends_of(text, most)}")
    if done.cut and done.stopped != "output":
        lines.append("… it printed more than is kept: send that to a file, and read it with read_file")
    return "\n".join(lines) if len(lines) > 1 else f"{first}, nothing printed"


def program(name: str) -> str:
    """Where a program lies.

    Raises:
        UsageError: it is not installed.
    """
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise UsageError(
            f"the program {name!r} is not installed in {SYSTEM_PATH}; the founder has to install it"
        )
    return found
