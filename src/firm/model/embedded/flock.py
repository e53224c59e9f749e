"""Locks between processes, awaited without blocking the loop.

One rule: a lock is the kernel's `flock`, so it is gone the moment its process is. Lock files are never deleted:
who holds a deleted one holds nothing.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

POLL_S = 0.02
"""How often a taken lock is tried again."""


def take(path: Path) -> int | None:
    """Take the lock at `path` if it is free; what to close to let it go, None if someone has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return fd


def is_taken(path: Path) -> bool:
    """Whether some process holds the lock at `path`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@asynccontextmanager
async def holding(
    path: Path, *, timeout_s: float | None = None, waiting: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Hold the lock at `path`, waiting for it.

    Args:
        path: The lock's file, made if it is not there; its folder must be there.
        timeout_s: How long to wait at most, in seconds; None: for as long as someone has it.
        waiting: Called once if someone else has it.

    Raises:
        TimeoutError: someone had it all the time.
    """
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    fd = take(path)
    if fd is None and waiting is not None:
        waiting()
    while fd is None:
        if deadline_s is not None and time.monotonic() > deadline_s:
            raise TimeoutError(f"another process has held {str(path)!r} for {timeout_s:g} s")
        await asyncio.sleep(POLL_S)
        fd = take(path)
    try:
        yield
    finally:
        os.close(fd)
