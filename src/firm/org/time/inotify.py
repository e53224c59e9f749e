"""Linux tells when a file of a folder is complete: inotify, through the C library.

One rule: nothing is looked at again and again; the kernel says when there is something to read. What is read of it is
the business of `firm.org.time.files`.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

CLOSED, MOVED_HERE, LOST_FOLDER = 0x8, 0x80, 0x400 | 0x800
OVERFLOW, GONE = 0x4000, 0x8000
ONLY_FOLDERS = 0x01000000
READ_BYTES = 64 * 1024
_HEAD = struct.Struct("iIII")


class Watch:
    """Folders that are watched; made where the machine can do it.

    Raises:
        OSError: this machine cannot, or has no more of them.
    """

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError(f"{sys.platform} does not tell of new files")
        self._c = ctypes.CDLL(None, use_errno=True)
        self.fd = self._checked(self._c.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._folders: dict[int, Path] = {}

    def add(self, folder: Path) -> None:
        """Watch a folder.

        Raises:
            OSError: it is none, or there are too many.
        """
        mask = CLOSED | MOVED_HERE | LOST_FOLDER | ONLY_FOLDERS
        number = self._c.inotify_add_watch(self.fd, os.fsencode(folder), mask)
        self._folders[self._checked(number)] = folder

    def read(self) -> Iterator[Path | None]:
        """Files that were closed after writing, or moved here; None: some were lost, look at all of them."""
        while True:
            try:
                body = os.read(self.fd, READ_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(body):
                number, mask, _, length = _HEAD.unpack_from(body, at)
                name = body[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
                at += _HEAD.size + length
                if mask & (OVERFLOW | LOST_FOLDER | GONE):
                    if mask & GONE:
                        self._folders.pop(number, None)
                    yield None
                elif number in self._folders and name:
                    yield self._folders[number] / os.fsdecode(name)

    @property
    def folders(self) -> set[Path]:
        """Those that are watched."""
        return set(self._folders.values())

    def close(self) -> None:
        """Watch nothing more."""
        os.close(self.fd)

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
