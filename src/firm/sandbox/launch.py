"""Starting one box: the files that bubblewrap is handed, the limits that the kernel holds, and its first process.

One rule: the command is not started before every limit is set on it.
"""

import asyncio
import os
import resource
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Self

import msgspec

from firm.errors import NotIsolated
from firm.sandbox import bubblewrap, seccomp
from firm.sandbox.box import Box, Limits
from firm.sandbox.cgroup import Group, make_group
from firm.sandbox.tree import Boxed, Session

_OPEN_FILES = 1024
_CHUNK_BYTES = 1 << 16
_NO_CORE = 1
"""Bytes of a memory dump: with 1 none is written, and none is piped to a program outside (0 would not stop that)."""


@dataclass(slots=True)
class Prepared:
    """A command line and the open files that belong to it; closes them at the end of the block."""

    argv: list[str]
    passed: tuple[int, ...]
    told: IO[bytes]
    """Where the number of the first process is read."""
    release: IO[bytes]
    """Where a byte is written to let the command start."""
    theirs: ExitStack = field(default_factory=ExitStack)
    ours: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.theirs.close()
        self.ours.close()


def prepare(program: str, command: Sequence[str], box: Box, masks: Mapping[str, str]) -> Prepared:
    """All that starts `command` in a box, but the start."""
    with ExitStack() as theirs, ExitStack() as ours:
        told, tells = _pipe(ours, theirs)
        held, release = _pipe(theirs, ours)
        users, groups = _file(bubblewrap.USERS, theirs), _file(bubblewrap.GROUPS, theirs)
        refused = _file(seccomp.make_filter(), theirs)
        places = bubblewrap.Descriptors(users, groups, refused, tells.fileno(), held.fileno())
        given = _file(bubblewrap.packed(bubblewrap.make_arguments(box, masks, places)), theirs)
        argv = [program, "--args", str(given), "--", *command]
        passed = (users, groups, refused, given, tells.fileno(), held.fileno())
        return Prepared(argv, passed, told, release, theirs.pop_all(), ours.pop_all())


def _pipe(reads: ExitStack, writes: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return (
        reads.enter_context(open(reading, "rb", buffering=0)),
        writes.enter_context(open(writing, "wb", buffering=0)),
    )


def _file(content: bytes, stack: ExitStack) -> int:
    number = os.memfd_create("firm-box")
    stack.callback(os.close, number)
    os.write(number, content)
    os.lseek(number, 0, os.SEEK_SET)
    return number


@dataclass(frozen=True, slots=True)
class Started:
    """What runs, and how it is seen and ended."""

    process: "subprocess.Popen[bytes]"
    tree: Boxed | Session
    group: Group | None = None

    def discard(self) -> None:
        """End it before it was of use."""
        if isinstance(self.tree, Boxed):
            self.tree.end()
        else:
            self.tree.kill()
        self.tree.close()
        _last_words(self.process)
        if self.group is not None:
            self.group.remove()


async def start(prepared: Prepared, limits: Limits, *, stdin: int) -> Started:
    """Build the box, set the limits, and let the command start.

    Raises:
        NotIsolated: bubblewrap could not build it.
    """
    with prepared:
        process = spawn(prepared.argv, env={}, stdin=stdin, passed=prepared.passed)
        prepared.theirs.close()
        try:
            await readable(prepared.told.fileno())
        except BaseException:
            _abandon(process, prepared.told)
            raise
        started = Started(process, _tree_of(process, prepared.told), make_group(limits))
        try:
            await _set_limits(started, limits)
            prepared.release.write(b"x")
        except BaseException as error:
            started.discard()
            if not isinstance(error, (OSError, ValueError)):
                raise
            raise NotIsolated(f"the limits of a box could not be set ({error}); see `firm doctor`") from error
    return started


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: int,
    cwd: str | None = None,
    passed: tuple[int, ...] = (),
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own; of what is open here it gets `passed` and its three streams."""
    return subprocess.Popen(
        argv,
        bufsize=0,
        cwd=cwd,
        env=env,
        pass_fds=passed,
        start_new_session=True,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def readable(number: int) -> None:
    """Wait until a file can be read, or a process that `number` is the handle of has ended."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(number, tell)
    try:
        await ready
    finally:
        loop.remove_reader(number)


def _tree_of(process: "subprocess.Popen[bytes]", told: IO[bytes]) -> Boxed:
    try:
        return Boxed(_first_process(told))
    except (OSError, ValueError) as error:
        said = _last_words(process)
        raise NotIsolated(f"bubblewrap built no box ({said or error}); see `firm doctor`") from error


def _first_process(told: IO[bytes]) -> int:
    """The number of the box's first process; bubblewrap writes it, and closes."""
    os.set_blocking(told.fileno(), True)  # uvloop changes that of what it watches
    return msgspec.json.decode(told.read(), type=_Told).pid


class _Told(msgspec.Struct, rename={"pid": "child-pid"}):
    pid: int


def _abandon(process: "subprocess.Popen[bytes]", told: IO[bytes]) -> None:
    """End a box that is being built. Its first process has to be known, else it would be let go as we let go."""
    try:
        tree = Boxed(_first_process(told))
    except (OSError, ValueError):
        pass  # it has failed by itself
    else:
        tree.end()
        tree.close()
    _last_words(process)


def _last_words(process: "subprocess.Popen[bytes]") -> str:
    """End a process and say what it complained of; does not wait for those who share its streams."""
    process.kill()
    process.wait()
    assert process.stdout is not None and process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    said = process.stderr.read(_CHUNK_BYTES) or b""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return said.decode("utf-8", "replace").strip()


async def _set_limits(started: Started, limits: Limits) -> None:
    assert isinstance(started.tree, Boxed)
    _limit(started.tree.init, limits)
    if started.group is not None:  # the kernel may take some milliseconds over it
        await asyncio.to_thread(started.group.add, started.tree.init)


def _limit(pid: int, limits: Limits) -> None:
    """Set what the kernel holds for each process; all that it starts inherits it."""
    cpu_s = max(1, round(limits.cpu_s))
    for which, soft, hard in (
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 1),
        (resource.RLIMIT_DATA, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, int(limits.disk_bytes), int(limits.disk_bytes)),
        (resource.RLIMIT_NPROC, limits.processes + 1, limits.processes + 1),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_CORE, _NO_CORE, _NO_CORE),
    ):
        highest = resource.prlimit(pid, which)[1]
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        resource.prlimit(pid, which, (soft, hard))
