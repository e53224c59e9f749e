"""Looking after what runs: which limit was passed?

One rule: a look takes at most a twentieth of the time, so a folder of a million files is looked at less often. What
the kernel can hold by itself it holds as well (see `run`); this holds what it cannot, a moment later.
"""

import os
import time
from pathlib import Path
from typing import Protocol

from firm.sandbox.box import Limits
from firm.sandbox.folder import survey
from firm.sandbox.tree import Use

FIRST_S = 0.01
"""Until the first look; each pause is twice the one before."""
LONGEST_S = 0.1
"""The longest pause between two looks."""
_SHARE = 20


class Tree(Protocol):
    """The processes that are looked after."""

    def count(self) -> int:
        """How many they are."""

    def use(self) -> Use:
        """What they use now."""

    def shares(self) -> tuple[int, int]:
        """Bytes of memory of their own, and bytes that are shared or a file's; each page once."""


class Watch:
    """Looks at processes and folder of one run."""

    def __init__(self, folder: Path, limits: Limits, *, used_bytes: int) -> None:
        self._folder, self._limits, self._before = folder, limits, used_bytes
        self._device = folder.stat().st_dev
        self._looked = time.monotonic()
        self._free, self._cost_s, self._grown = self._free_bytes(), 0.0, 0

    def look(self, tree: Tree) -> str:
        """The limit that is passed now, or ''."""
        limits = self._limits
        if tree.count() > limits.processes:  # first, for to look at thousands takes too long
            return "processes"
        use = tree.use()
        on_disk = sum(size for (device, _), size in use.nameless.items() if device == self._device)
        files = use.scratch_bytes + sum(use.nameless.values()) - on_disk
        if use.processes > limits.processes:
            return "processes"
        if use.memory_bytes + files > limits.memory_bytes:  # at most; now count each page once
            own, shared = tree.shares()
            if own + max(shared, files) > limits.memory_bytes:
                return "memory"
        if use.cpu_s > limits.cpu_s:
            return "cpu"
        return "disk" if self._growth() + on_disk > limits.disk_bytes else ""

    def _growth(self) -> int:
        """By how much the folder has grown, as of the last time it was walked through."""
        now, free = time.monotonic(), self._free_bytes()
        filling = self._free - free > (self._limits.disk_bytes - self._grown) / 2
        if now - self._looked >= self._cost_s * (2 if filling else _SHARE):
            self._grown = survey(self._folder).used_bytes - self._before
            self._looked, self._free = time.monotonic(), free
            self._cost_s = self._looked - now
        return self._grown

    def _free_bytes(self) -> int:
        seen = os.statvfs(self._folder)
        return seen.f_bfree * seen.f_frsize
