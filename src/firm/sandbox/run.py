"""`run`: a command in a box, from its start to the end of everything it started.

One rule: when `run` returns or raises, nothing that it started is left.
"""

import asyncio
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from firm.errors import NotIsolated, UsageError
from firm.sandbox import bubblewrap, launch, plain
from firm.sandbox.box import Box, Finished, check
from firm.sandbox.carry import Running
from firm.sandbox.folder import masks, survey
from firm.sandbox.level import Level
from firm.sandbox.probe import Probe, probe

_BY_SIGNAL = {128 + signal.SIGXCPU: "cpu", 128 + signal.SIGXFSZ: "disk"}


async def run(command: Sequence[str], box: Box, *, stdin: bytes = b"") -> Finished:
    """Run a command at the highest level that this machine has, and wait until all it started is gone.

    It may be cancelled at any time: everything is killed then, too.

    Args:
        command: The program and its arguments; the program is looked for in the box's PATH.
        box: What it sees and may use.
        stdin: What it can read; then the end of file.

    Raises:
        NotIsolated: the machine has less than `box.at_least`; it says what is missing and how to get it.
        UsageError: a path, a limit or a word that cannot be meant.
    """
    began = time.monotonic()
    check(command, box)
    found = await asyncio.to_thread(probe)
    _refuse_less(found, box)
    used_bytes, hidden = await asyncio.to_thread(_look_through, box, found.level)
    started = await _start(command, box, found.level, hidden, has_input=bool(stdin))
    running = Running(started, box, stdin=stdin)
    try:
        stopped = await running.carry(used_bytes)
    finally:
        await running.end()
    code = running.code
    if not stopped and code:
        stopped = running.reached or _BY_SIGNAL.get(code, "")
    took_s = time.monotonic() - began
    return Finished(code, running.stdout, running.stderr, running.cut, stopped, found.level, took_s)


def _refuse_less(found: Probe, box: Box) -> None:
    if found.level < max(box.at_least, Level.LIMITS):
        raise NotIsolated(
            f"this code needs isolation {box.at_least.word!r}, and this machine has {found.level.word!r}: {found.why}"
        )


def _look_through(box: Box, level: Level) -> tuple[int, dict[str, str]]:
    """What the folder holds, and which folders have to stay empty inside."""
    folder = survey(box.folder.resolve())
    if level < Level.BUBBLEWRAP:
        return folder.used_bytes, {}
    if box.folder.resolve() in folder.states:
        raise UsageError(
            f"the box's folder {str(box.folder)!r} cannot be read; make it readable (chmod u+rwx), or use another"
        )
    states = [state for path in box.readable if path.is_dir() for state in _states_in(path.resolve())]
    return folder.used_bytes, masks(box, [*folder.states, *states])


def _states_in(folder: Path) -> tuple[Path, ...]:
    """Every `.firm` in a readable folder; an interpreter's own, with its ten thousands of files, is seen once."""
    if str(folder) in (os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)):
        return _states_once(folder)
    return tuple(survey(folder, sizes=False).states)


@functools.lru_cache(maxsize=8)
def _states_once(folder: Path) -> tuple[Path, ...]:
    return tuple(survey(folder, sizes=False).states)


async def _start(
    command: Sequence[str], box: Box, level: Level, hidden: dict[str, str], *, has_input: bool
) -> launch.Started:
    stdin = subprocess.PIPE if has_input else subprocess.DEVNULL
    if level < Level.BUBBLEWRAP:
        return plain.start(command, box, stdin=stdin)
    program = bubblewrap.find_bubblewrap()
    if program is None:
        raise NotIsolated("bubblewrap was there and is not any more; see `firm doctor`")
    return await launch.start(launch.prepare(program, command, box, hidden), box.limits, stdin=stdin)
