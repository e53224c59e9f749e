"""The lock of a home: who holds it owns the firm.

One rule: the lock is the kernel's `flock`, so it is gone the moment its process is; what is written in the file
only tells others whom to ask.
"""

import fcntl
import os
import time
from pathlib import Path

import msgspec

from firm.root.home import writing_failed

ANSWER_S = 2.0
"""How long a new owner may take to write down who it is."""


class Holder(msgspec.Struct, frozen=True):
    """Who owns a home."""

    pid: int
    started_us: int
    """Since when, microseconds since 1970."""
    command: str = ""

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started_us / 1e6))
        return f"process {self.pid} ({self.command or 'unknown'}, since {since})"


class Lock:
    """A lock that is held."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path, command: str, *, tries: int = 1) -> "Lock | None":
        """Take the lock if nobody holds it.

        Args:
            path: The lock's file, made if it is not there.
            command: How this process was called, for others to read.
            tries: So many, 5 ms apart: who asks `holder_of` holds the lock for a moment.

        Raises:
            UsageError, JournalError: the file cannot be written.
        """
        fd = -1
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            _lock(fd, tries)
            holder = Holder(os.getpid(), time.time_ns() // 1000, command)
            os.ftruncate(fd, 0)
            os.pwrite(fd, msgspec.json.encode(holder) + b"\n", 0)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            if isinstance(error, BlockingIOError):
                return None
            raise writing_failed(error, path) from error
        return cls(fd)

    def release(self) -> None:
        """Let go. Twice is fine."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def _lock(fd: int, tries: int) -> None:
    for last in range(tries - 1, -1, -1):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not last:
                raise
            time.sleep(0.005)


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock at `path`; None if nobody does. May not be asked by the holder's own process."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        deadline = time.monotonic() + ANSWER_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                pass
            try:
                return msgspec.json.decode(os.pread(fd, 10_000, 0), type=Holder)
            except msgspec.MsgspecError:
                if time.monotonic() > deadline:
                    return Holder(0, 0, "it has not said who it is")
                time.sleep(0.01)
    finally:
        os.close(fd)
