"""What a folder holds: how much, and where in it a firm keeps its state.

One rule: no link is followed out of the folder, and what cannot be looked into is not shown: what is in the box may
open it again. In size it counts as nothing.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from firm.sandbox.box import INSIDE, STATE, Box

_BLOCK_BYTES = 512


@dataclass(slots=True)
class Survey:
    """What was found in a folder."""

    used_bytes: int = 0
    states: list[Path] = field(default_factory=list)
    """Folders named `.firm`, not looked into, what links of that name lead to, and folders that cannot be read."""


def survey(folder: Path, *, sizes: bool = True) -> Survey:
    """Walk through a folder; a file with several names counts once.

    Args:
        folder: Where to begin.
        sizes: Whether to look at each file; without, only folders are looked for, which is quicker.
    """
    found, seen, todo = Survey(), set[int](), [os.fspath(folder)]
    while todo:
        try:
            with os.scandir(at := todo.pop()) as entries:
                for entry in entries:
                    _count(entry, found, seen if sizes else None, todo)
        except PermissionError:
            found.states.append(Path(at))
        except OSError:
            continue  # gone in the meantime
    return found


def _count(entry: os.DirEntry[str], found: Survey, seen: set[int] | None, todo: list[str]) -> None:
    if entry.name == STATE:
        if entry.is_dir():
            found.states.append(Path(entry.path).resolve() if entry.is_symlink() else Path(entry.path))
        return
    if entry.is_dir(follow_symlinks=False):
        todo.append(entry.path)
        return
    if seen is None:
        return
    held = entry.stat(follow_symlinks=False)
    if stat.S_ISREG(held.st_mode):
        if held.st_nlink > 1:
            if held.st_ino in seen:
                return
            seen.add(held.st_ino)
        found.used_bytes += held.st_blocks * _BLOCK_BYTES


def masks(box: Box, states: Iterable[Path]) -> dict[str, str]:
    """Which folders must stay empty inside, by their names there, and what they are outside."""
    shown = [(box.folder.resolve(), Path(INSIDE))]
    shown += [(path.resolve(), path) for path in box.readable]
    return {
        str(inside / state.relative_to(real)): str(state)
        for state in states
        for real, inside in shown
        if state.is_relative_to(real)
    }
