"""The folder that an agent works in: which one it is, and how to get at a file in it and at nothing else.

One rule: no path leads out of it, and none into a `.firm`, whatever links stand in it and whatever another process
makes of it meanwhile. How a path is walked is `firm.agent.way`'s, what is done with files the kit's.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn, cast

from firm.agent.way import (
    FOLDER,
    MAX_DEPTH,
    REPOSITORY,
    STATE,
    Place,
    Way,
    in_repository,
    is_named,
    is_text,
    parts_of,
    told,
)
from firm.errors import TerminalError, UsageError
from firm.ids import digest, slug
from firm.kernel.context import StepInfo, current, current_firm

MAX_READ_BYTES = 32 * 1024 * 1024
"""Largest file that is read whole."""
MAX_WRITE_BYTES = 8 * 1024 * 1024
"""Largest file that is written at once."""
MAX_ENTRIES = 100_000
"""Files and folders that one look around sees."""

folder_here: ContextVar[str] = ContextVar("firm_folder", default="")
"""The folder that agents of this code work in, absolute or relative to the firm's home; '': the run's own."""

_LOCKS = tuple(Lock() for _ in range(64))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, link or folder that a look around saw."""

    path: str
    """Relative to the workspace, with `/`."""
    kind: str
    """'file', 'folder', 'link' or 'other' (a device, a pipe)."""
    size: int
    """Bytes."""


class Workspace:
    """A folder, and the only way to its files.

    Args:
        folder: Made at first use; links on the way to it are followed once, here.

    Raises:
        UsageError: it lies in a `.firm`, or something that is no folder stands there.
    """

    __slots__ = ("root",)

    def __init__(self, folder: Path) -> None:
        self.root = Path(os.path.realpath(folder))
        """Absolute, without links."""
        if any(is_named(part, STATE) for part in self.root.parts):
            raise UsageError(
                f"workspace {str(folder)!r} lies in {STATE!r}, where the firm keeps its own; name another folder"
            )

    def resolve(self, path: str) -> Path:
        """Where a path leads, links followed; for showing, and for programs that see nothing but the workspace.

        Raises:
            UsageError: it is absolute, has `..`, leads out of the workspace or into `.firm`.
        """
        if not parts_of(path, self.root):
            self._make()
            return self.root
        with self._reach(path) as place:
            return self.root.joinpath(*place.above, place.name)

    def read(self, path: str, *, max_bytes: int = MAX_READ_BYTES) -> bytes:
        """What stands in a file.

        Raises:
            UsageError: as for `resolve`; it is not there, no plain file, or larger than `max_bytes`.
        """
        with self._reach(path) as place:
            handle = place.open()
            try:
                size = _plain(os.fstat(handle), path, max_bytes)
                with os.fdopen(handle, "rb", closefd=False) as file:
                    found = file.read(max_bytes + 1)
            finally:
                os.close(handle)
        if len(found) > max_bytes:
            _too_large(path, max(size, len(found)), max_bytes)
        return found

    def write(self, path: str, body: bytes) -> None:
        """Put a file there, whole or not at all; folders on the way are made, what stood there is replaced.

        Raises:
            UsageError: as for `resolve`; it is a folder, lies in `.git`, or the text is too large.
            TerminalError: the disk has no room.
        """
        if len(body) > MAX_WRITE_BYTES:
            raise UsageError(
                f"{len(body):,} bytes for {path!r}: at most {MAX_WRITE_BYTES:,} are written at once; write it in parts"
            )
        with self._reach(path, make=True) as place:
            if any(is_named(part, REPOSITORY) for part in (*place.above, place.name)):
                raise in_repository(path)
            if place.is_settings():
                raise UsageError(f"{path!r} says what agents may do; only the founder writes it")
            try:
                place.put(body)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise TerminalError(
                        f"{path!r} was not written, the disk is full: free some room"
                    ) from error
                raise told(error, path) from error

    @contextlib.contextmanager
    def alone(self, path: str) -> Iterator[None]:
        """Nobody else in this process reads and then writes this file meanwhile."""
        with _LOCKS[hash((self.root, self.resolve(path))) % len(_LOCKS)]:
            yield

    def entries(self, *, skip: frozenset[str] = frozenset()) -> Iterator[Entry]:
        """All that is in it, folders before what they hold, by name; links are told, not followed.

        Args:
            skip: Names of folders that are told and not looked into; `.firm` is not even told.

        Raises:
            UsageError: there are more than `MAX_ENTRIES`.
        """
        self._make()
        top = os.open(self.root, FOLDER)
        try:
            for count, entry in enumerate(_below(top, (), skip), 1):
                if count > MAX_ENTRIES:
                    raise UsageError(
                        f"the workspace has more than {MAX_ENTRIES:,} files; look with shell, or clear some away"
                    )
                yield entry
        finally:
            os.close(top)

    def _make(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"the workspace {str(self.root)!r} cannot be made: {error.strerror}; name a folder that can be written"
            ) from error

    @contextlib.contextmanager
    def _reach(self, path: str, *, make: bool = False) -> Iterator[Place]:
        """Walk to a file; it need not be there, the folders above it must, or are made."""
        names = parts_of(path, self.root)
        if not names:
            raise UsageError(f"{path!r} is the workspace itself; name a file in it")
        self._make()
        walk = Way(path, os.open(self.root, FOLDER), names, make=make)
        try:
            yield walk.to_end()
        finally:
            walk.close()


def workspace_here() -> Workspace:
    """The workspace of the agent that this code acts for.

    That is the folder in `folder_here`; in a run without one a folder `work/RUN` of the home, RUN
    being the id of the outermost run.

    Raises:
        UsageError: there is neither, or the folder cannot be a workspace.
    """
    folder, home = folder_here.get(), _home()
    if os.path.isabs(folder):
        return _beside(Workspace(Path(folder)), home)
    if home is None:
        raise UsageError(
            f"no workspace here: {folder!r} is relative to a firm's home, and no firm is open; "
            "open one, or set an absolute folder in firm.agent.workspace.folder_here"
            if folder
            else "no workspace here: files belong to a run of an agent; start one in an open firm, "
            "or set a folder in firm.agent.workspace.folder_here"
        )
    found = Workspace(home / (folder or _own_folder()))
    if found.root != home and home not in found.root.parents:
        raise UsageError(
            f"workspace {folder!r} leads out of the firm's home, to {str(found.root)!r}; "
            "give it as an absolute path, if it is meant"
        )
    return found


def _beside(here: Workspace, home: Path | None) -> Workspace:
    """The workspace, where the home is not somewhere in it: who may move the home is not held by what it says."""
    if home is not None and here.root in home.parents:
        raise UsageError(
            f"the workspace {str(here.root)!r} holds the firm's home {str(home)!r}; use a folder beside the home, or "
            "one in it"
        )
    return here


def _home() -> Path | None:
    """The home of the firm here, without links."""
    folder = getattr(getattr(current_firm(), "home", None), "folder", None)
    return Path(os.path.realpath(folder)) if folder is not None else None


def _own_folder() -> str:
    here = current.get()
    run: Any = here.run if isinstance(here, StepInfo) else here
    if run is None:
        raise UsageError(
            "no workspace here: outside any run there is no folder; "
            "call it in a run, or set a folder in firm.agent.workspace.folder_here"
        )
    outermost = cast("str", run.id).partition("/")[0]
    plain = slug(outermost)
    return f"work/{plain if plain == outermost else f'{plain}-{digest(outermost)[:8]}'}"


def _below(folder: int, above: tuple[str, ...], skip: frozenset[str]) -> Iterator[Entry]:
    """All below an open folder."""
    with os.scandir(folder) as found:
        listed = sorted(
            ((one.name, one.is_dir(follow_symlinks=False)) for one in found), key=lambda one: one[0]
        )
    for name, is_folder in listed:
        if is_named(name, STATE):
            continue
        path = "/".join((*above, name))
        if not is_text(name):
            yield Entry(path.encode("utf-8", "backslashreplace").decode(), "other", 0)
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            inner = -1
            if is_folder and name not in skip and len(above) < MAX_DEPTH:
                inner = os.open(name, FOLDER, dir_fd=folder)
        except OSError:  # gone or changed since, or not ours to read: told as what it is not
            yield Entry(path, "other", 0)
            continue
        yield Entry(path, _kind(status.st_mode), status.st_size)
        if inner >= 0:
            try:
                yield from _below(inner, (*above, name), skip)
            finally:
                os.close(inner)


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _plain(status: os.stat_result, path: str, max_bytes: int) -> int:
    """The size of a plain file."""
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path!r} is a folder; list_files({path.rstrip('/') + '/*'!r}) shows what is in it")
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path!r} is no plain file but a device, pipe or socket; it cannot be read")
    if status.st_size > max_bytes:
        _too_large(path, status.st_size, max_bytes)
    return status.st_size


def _too_large(path: str, size: int, most: int) -> NoReturn:
    raise UsageError(
        f"{path!r} has {size:,} bytes, at most {most:,} are read; take a part of it with shell or run_python"
    )
