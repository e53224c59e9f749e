"""A file of an artifact, opened so that it is surely the one: below the home, no link on the way, a plain file.

One rule: every part of a path is opened by itself and never followed, so what is swapped meanwhile is not read.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from firm.errors import UsageError
from firm.org.artifact import FileMade

OWN = frozenset({".firm", ".git"})
"""Folders whose files are nobody's artifact."""
CHUNK_BYTES = 1024 * 1024
MAX_PATH_CHARS = 1_000


def parts_of(path: str) -> tuple[str, ...]:
    """The parts of a path below the home, with `/`.

    Raises:
        UsageError: it is absolute, leads upward, is empty, has control characters, or goes into a folder of our own.
    """
    parts = tuple(path.split("/"))
    if not path or len(path) > MAX_PATH_CHARS or not path.isprintable() or path.startswith("/"):
        raise UsageError(
            f"the file {path[:200]!r} of an artifact is no path below the home; give one such as 'a/b.txt'"
        )
    for part in parts:
        if part in ("", ".", "..") or part.lower() in OWN:
            raise UsageError(
                f"the file {path!r} of an artifact goes through {part!r}; give a plain path below the home"
            )
    return parts


@contextmanager
def opened(home: Path, path: str) -> Iterator[BinaryIO]:
    """A file to read.

    Args:
        home: The firm's folder.
        path: Below it, with `/`.

    Raises:
        UsageError: it is not there, is no plain file, or a link stands on the way.
    """
    *folders, name = parts_of(path)
    held: list[int] = []
    try:
        held.append(os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for folder in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            held.append(os.open(folder, flags, dir_fd=held[-1]))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        last = os.open(name, flags, dir_fd=held[-1])
    except OSError as error:
        raise UsageError(f"the file {path!r} of an artifact cannot be read: {_why(error)}") from None
    finally:
        for handle in held:
            os.close(handle)
    with os.fdopen(last, "rb") as file:
        if not stat.S_ISREG(os.fstat(last).st_mode):
            raise UsageError(f"the file {path!r} of an artifact is no plain file; hand over a plain one")
        yield file


def _why(error: OSError) -> str:
    import errno

    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a link stands on the way, or a file where a folder should be; hand over plain files"
    return error.strerror or type(error).__name__


def read_through(home: Path, made: FileMade, put: Callable[[bytes], object] | None = None) -> str:
    """Read a file to its end and say in hex what SHA-256 its bytes have; each piece goes to `put`.

    Raises:
        UsageError: as `opened`, or it is larger than was said when it was handed over.
    """
    seen, size = hashlib.sha256(), 0
    with opened(home, made.path) as file:
        while piece := file.read(CHUNK_BYTES):
            seen.update(piece)
            size += len(piece)
            if size > made.bytes:
                raise UsageError(
                    f"the file {made.path!r} has grown since it was handed over with {made.bytes:,} bytes; "
                    "it must be checked again"
                )
            if put is not None:
                put(piece)
    return seen.hexdigest()


def fault(home: Path, made: FileMade) -> str:
    """What is wrong with a file of an artifact; '' where it is there and is as it was handed over."""
    try:
        seen = read_through(home, made)
    except UsageError as error:
        return str(error)
    if seen != made.sha256:
        return f"the file {made.path!r} is not what was handed over: SHA-256 {seen[:16]}…, not {made.sha256[:16]}…"
    return ""


def text_of(home: Path, made: FileMade, limit: int) -> str | None:
    """What a file says; None where it is larger than `limit` bytes, cannot be read, or is no UTF-8."""
    if made.bytes > limit:
        return None
    with suppress(UsageError, UnicodeDecodeError), opened(home, made.path) as file:
        return file.read(limit).decode("utf-8")
    return None
