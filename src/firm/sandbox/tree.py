"""The processes of a box, seen from outside: what they use, and how all of them are ended.

One rule: what is told of a process is read from the kernel, never asked of the process.
"""

import os
import select
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
MARKER = "FIRM_BOX"
"""The variable by which processes are found that have left the session of code run without a box of its own."""


@dataclass(slots=True)
class Use:
    """What all processes together use at one moment."""

    processes: int = 0
    """With their threads."""
    cpu_s: float = 0.0
    memory_bytes: int = 0
    """Resident; what several share counts for each of them, so it is an upper bound."""
    scratch_bytes: int = 0
    """Held in the box's temporary files, which lie in memory."""
    nameless: dict[tuple[int, int], int] = field(default_factory=dict)
    """Bytes of open files without a name, by device and inode."""


GONE_S = 2.0
"""So long a killed namespace is waited for."""


class Boxed:
    """The processes of a namespace, of which `init` is the first: the kernel ends all of them with it."""

    def __init__(self, init: int) -> None:
        self.init = init
        self.handle = os.pidfd_open(init)
        self._proc = Path(f"/proc/{init}/root/proc")
        self._host = os.stat("/proc").st_dev
        self._scratch = [Path(f"/proc/{init}/root/{place}") for place in ("tmp", "dev/shm")]

    def kill(self) -> None:
        """End all of them."""
        try:
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        except ProcessLookupError:
            return

    def end(self) -> None:
        """End all of them, and wait until they are gone: a killed process takes a moment on a busy machine."""
        self.kill()
        gone = select.poll()
        gone.register(self.handle, select.POLLIN)
        gone.poll(GONE_S * 1000)

    def count(self) -> int:
        """How many they are, without looking at any."""
        return sum(1 for _ in self._members())

    def use(self) -> Use:
        """What they use now."""
        if not self._is_built():
            return Use()
        found = _use(self._members())
        found.scratch_bytes = sum(map(_held, self._scratch))
        return found

    def shares(self) -> tuple[int, int]:
        """Bytes of memory of their own and bytes of memory that is shared or a file's, each page counted once."""
        return _shares(self._members())

    def _members(self) -> Iterator[Path]:
        return (
            (process for process in _numbered(self._proc) if process.name != "1")
            if self._is_built()
            else iter(())
        )

    def _is_built(self) -> bool:
        """Whether it has a /proc of its own; before, the one of this machine is seen through it."""
        try:
            return self._proc.stat().st_dev != self._host
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the handle."""
        os.close(self.handle)


class Session:
    """The processes of a session, and those that have left it but carry its marker (where there is /proc)."""

    def __init__(self, leader: int, marker: str) -> None:
        self._leader = leader
        self._marker = f"{MARKER}={marker}".encode()

    def kill(self) -> None:
        """End those that are found; one that has changed its session and its environment is not."""
        try:
            os.killpg(self._leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        for process in self._members():
            try:
                os.kill(int(process.name), signal.SIGKILL)
            except ProcessLookupError:
                continue

    def count(self) -> int:
        """How many they are."""
        return sum(1 for _ in self._members())

    def use(self) -> Use:
        """What they use now."""
        return _use(self._members())

    def shares(self) -> tuple[int, int]:
        """As `Boxed.shares`."""
        return _shares(self._members())

    def close(self) -> None:
        """Nothing is held."""

    def _members(self) -> Iterator[Path]:
        for process in _numbered(Path("/proc")):
            try:
                marked = self._marker in (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if marked:
                yield process


def _numbered(proc: Path) -> Iterator[Path]:
    try:
        names = os.listdir(proc)
    except OSError:
        return
    yield from (proc / name for name in names if name.isdecimal())


def _use(processes: Iterator[Path]) -> Use:
    found = Use()
    for process in processes:
        try:
            fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
            found.memory_bytes += int((process / "statm").read_bytes().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            continue
        found.processes += int(fields[17])
        found.cpu_s += sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICKS
        _note_nameless(process / "fd", found.nameless)
    return found


def _shares(processes: Iterator[Path]) -> tuple[int, int]:
    own = shared = 0
    for process in processes:
        try:
            lines = (process / "smaps_rollup").read_bytes().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(b"Pss_Anon:"):
                own += int(line.split()[1]) << 10
            elif line.startswith(b"Pss_Shmem:"):
                shared += int(line.split()[1]) << 10
    return own, shared


def _note_nameless(folder: Path, found: dict[tuple[int, int], int]) -> None:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            held = (folder / name).stat()
        except OSError:
            continue
        if stat.S_ISREG(held.st_mode) and not held.st_nlink:
            found[held.st_dev, held.st_ino] = held.st_blocks * 512


def _held(place: Path) -> int:
    try:
        seen = os.statvfs(place)
    except OSError:
        return 0
    return (seen.f_blocks - seen.f_bfree) * seen.f_frsize
