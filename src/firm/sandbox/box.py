"""What a box is made of, and what came out of it.

One rule: what is not said is not there: no file, no network, no variable of the caller's environment.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firm.errors import UsageError
from firm.sandbox.level import Level

STATE = ".firm"
"""The folder in which a firm keeps its journal and keys; it is never seen inside a box."""
SETTINGS = "firm.toml"
"""The file beside it that says what agents may do; it can be read in a box, and not changed."""
INSIDE = "/box"
"""Where a box's folder is seen by what runs in it."""
MOST = 1 << 40
"""The largest limit that can be set, whatever its unit."""
_NOT_READABLE = ("/proc", "/sys", "/dev", "/run", "/var/run", "/tmp/.X11-unix", INSIDE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What code in a box may use; all of them hold for everything it starts, together."""

    wall_s: float = 60.0
    """Seconds from start to end; over 0."""
    cpu_s: float = 60.0
    """Seconds of processor time; over 0."""
    memory_bytes: int = 1 << 30
    """Memory, with what lies in the box's /tmp; at least 16 MiB."""
    processes: int = 128
    """Processes and threads at one time; at least 1."""
    disk_bytes: int = 512 << 20
    """By how much its folder may grow, and the size of one file; over 0."""
    output_bytes: int = 1 << 20
    """Standard output and standard error together; over 0."""


@dataclass(frozen=True, slots=True)
class Box:
    """What code sees and may use.

    Args:
        folder: The only place that may be written: an existing folder, absolute. Inside it is `/box` and the
            working directory.
        readable: Other files and folders, absolute, seen at their own paths and read only.
        network: Whether all is reached that this machine reaches, its own loopback included.
        env: The environment, beside PATH, HOME, TMPDIR and LANG.
        limits: What may be used.
        at_least: The level without which nothing is run.
    """

    folder: Path
    readable: tuple[Path, ...] = ()
    network: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    at_least: Level = Level.BUBBLEWRAP


@dataclass(frozen=True, slots=True)
class Finished:
    """How it ended."""

    code: int
    """The exit code; 128 + the number of the signal that ended it."""
    stdout: bytes
    stderr: bytes
    cut: bool
    """Whether output is missing because it passed the limit."""
    stopped: str
    """The limit that ended it, as far as that can be told: 'time', 'cpu', 'memory', 'processes', 'disk', 'output';
    '' where none did."""
    level: Level
    """What it ran in."""
    took_s: float


def check(command: Sequence[str], box: Box) -> None:
    """Whether command and box can be meant.

    Raises:
        UsageError: a path that is not there, not absolute or not to be shown; a limit of nothing; a NUL.
    """
    if isinstance(command, str) or not command or not all(isinstance(word, str) for word in command):
        raise UsageError(f"command {command!r} is no list of words: give the program and its arguments")
    for text in (*command, *box.env, *box.env.values()):
        if "\0" in text:
            raise UsageError(f"{text!r} has a NUL in it, which no program can be given; take it out")
    for name in box.env:
        if not name or "=" in name:
            raise UsageError(f"environment name {name!r} cannot be: it must not be empty or have '='")
    _check_limits(box.limits)
    _check_folder(box.folder)
    for path in box.readable:
        _check_readable(path, box.folder)


def _check_limits(limits: Limits) -> None:
    for name in Limits.__slots__:
        least = {"memory_bytes": 16 << 20, "processes": 1}.get(name, 0)
        value = getattr(limits, name)
        if not (value > 0 and least <= value <= MOST):
            raise UsageError(
                f"limit {name}={value!r} must be {f'at least {least}' if least else 'over 0'}, and at most {MOST}"
            )


def _check_folder(folder: Path) -> None:
    if not folder.is_absolute() or not folder.is_dir():
        raise UsageError(f"the box's folder {str(folder)!r} is no absolute path of a folder; make it first")
    real = folder.resolve()
    if STATE in real.parts:
        raise UsageError(
            f"the box's folder {str(folder)!r} lies in {STATE}/, which no box may see; use another"
        )
    if real in (Path("/"), Path(os.path.expanduser("~")).resolve()):
        raise UsageError(f"the box's folder {str(folder)!r} is too much to hand over; make one for it")


def _check_readable(path: Path, folder: Path) -> None:
    if not path.is_absolute() or ".." in path.parts or not path.exists():
        raise UsageError(f"readable {str(path)!r} is no absolute path of something that is there")
    for seen in (path, path.resolve()):
        if STATE in seen.parts:
            raise UsageError(f"readable {str(path)!r} lies in {STATE}/, which no box may see; leave it out")
        if seen == Path("/") or any(seen.is_relative_to(place) for place in _NOT_READABLE):
            raise UsageError(f"readable {str(path)!r} cannot be shown in a box; name what is needed in it")
        if seen.is_relative_to(folder.resolve()):
            raise UsageError(f"readable {str(path)!r} lies in the box's own folder, where it can be changed")
