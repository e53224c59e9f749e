"""Control groups: the kernel counts processes and memory of a box, and holds the limit itself.

One rule: they are used where they can be made (mostly by root), and never needed; `watch` holds the limits elsewhere,
a moment later. Each box has a group of its own, removed at its end; what a killed process left behind is removed when
the next one is made.
"""

import contextlib
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firm.sandbox.box import Limits

ROOT = Path("/sys/fs/cgroup")
_PREFIX = "firm-box-"
_number = itertools.count()


@dataclass(frozen=True, slots=True)
class Group:
    """The groups of one box: one with version 2, one for each controller with version 1."""

    folders: tuple[Path, ...]

    def add(self, pid: int) -> None:
        """Put a process in; what it starts is in too."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def reached(self) -> str:
        """The limit that was come to: 'memory', 'processes' or ''."""
        for folder in self.folders:
            for name, file, key in (
                ("memory", "memory.events", "oom_kill"),
                ("memory", "memory.oom_control", "oom_kill"),
                ("processes", "pids.events", "max"),
            ):
                if _read_table(folder / file).get(key):
                    return name
        return ""

    def remove(self) -> bool:
        """Remove the groups; False where something is still in one."""
        left = False
        for folder in self.folders:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                left = True
        return not left


def make_group(limits: Limits, *, root: Path = ROOT) -> Group | None:
    """Groups with the limits on processes and memory; None where they cannot be made."""
    places = _places(root)
    if not places or not all(os.access(place, os.W_OK) for place in places):
        return None
    for place in places:
        _sweep(place)
    name = f"{_PREFIX}{os.getpid()}-{next(_number)}"
    group = Group(tuple(place / name for place in places))
    try:
        for folder in group.folders:
            folder.mkdir()
            _set(folder, limits)
    except OSError:
        group.remove()
        return None
    return group


def _places(root: Path) -> tuple[Path, ...]:
    """Where groups with a limit on processes and on memory are made."""
    if {"pids", "memory"} <= set(_read_words(root / "cgroup.controllers")):
        missing = {"pids", "memory"} - set(_read_words(root / "cgroup.subtree_control"))
        if missing:
            with contextlib.suppress(OSError):
                (root / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(missing)))
        return (root,) if {"pids", "memory"} <= set(_read_words(root / "cgroup.subtree_control")) else ()
    places = (root / "pids", root / "memory")
    return places if all((place / "cgroup.procs").exists() for place in places) else ()


def _set(folder: Path, limits: Limits) -> None:
    wanted = {
        "pids.max": limits.processes + 1,  # one is bubblewrap's own
        "memory.max": limits.memory_bytes,
        "memory.limit_in_bytes": limits.memory_bytes,
        "memory.memsw.limit_in_bytes": limits.memory_bytes,
        "memory.swap.max": 0,
    }
    for name, value in wanted.items():
        if (folder / name).exists():
            (folder / name).write_text(str(value))


def _sweep(place: Path) -> None:
    """Remove the groups of processes that are gone."""
    for folder in place.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _read_table(path: Path) -> Mapping[str, int]:
    words = _read_words(path)
    return {key: int(value) for key, value in zip(words[::2], words[1::2], strict=False) if value.isdecimal()}
