"""A file that only takes room, to be given up when the disk is full.

One rule: on a full disk even SQLite's checkpoint fails; 256 KiB given back are enough to write down that
the engine is paused.
"""

import os
import shutil
from pathlib import Path

from firm.store.folder import write_whole

BALLAST_BYTES = 256 * 1024
_ROOM_BYTES = 16 * BALLAST_BYTES


class Ballast:
    """The ballast beside one journal; with `path=None` it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.released = False
        """Given up since the disk was full."""

    def keep(self) -> None:
        """Make the file if it is not there and the disk has room; it is no error if it cannot be made."""
        if self._path is None:
            return
        try:
            held = self._path.exists() and self._path.stat().st_size == BALLAST_BYTES
            if not held and shutil.disk_usage(self._path.parent).free > _ROOM_BYTES:
                write_whole(self._path, os.urandom(BALLAST_BYTES))
                held = True
            self.released = not held
        except OSError:
            self.released = True

    def release(self) -> None:
        """Give the room back."""
        if self._path is None or self.released:
            return
        self._path.unlink(missing_ok=True)
        self.released = True
