"""The way to one file: from an open folder down, one name at a time, never through a link that leads out.

One rule: each name is opened relative to the folder before, without following a link, so that what was checked is what
is opened, whatever another process makes of the folders meanwhile. Links that stay inside are followed by hand.
"""

import contextlib
import errno
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from firm.errors import UsageError

MAX_PATH_CHARS = 2_000
MAX_DEPTH = 64
"""Folders below each other on the way to one file: each is open meanwhile."""
MAX_LINKS = 20
"""Links that are followed on the way to one file."""
STATE, REPOSITORY, SETTINGS = ".firm", ".git", "firm.toml"
INSIDE = "/box"
"""How programs in the sandbox see the workspace."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened."""
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHANGED = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK, errno.EINVAL})


class Way:
    """The way to one file, one name at a time."""

    __slots__ = ("_ahead", "_handles", "_links", "_make", "_names", "_path")

    def __init__(self, path: str, top: int, names: list[str], *, make: bool) -> None:
        self._path, self._make = path, make
        self._handles, self._names = [top], list[str]()
        self._ahead = names[::-1]
        self._links = 0

    def to_end(self) -> "Place":
        """Where it ends: the folder, open, and the name in it."""
        while self._ahead:
            name = self._ahead.pop()
            if name == "..":
                self._up()
            elif is_named(name, STATE):
                raise UsageError(
                    f"{self._path!r} leads into {STATE!r}, where the firm keeps its own; use another folder"
                )
            elif self._on(name):
                return Place(self._path, self._handles[-1], name, tuple(self._names))
        raise UsageError(f"{self._path!r} is a folder; name a file in it")  # a link that ends in `..`

    def _on(self, name: str) -> bool:
        """One name further; whether it is the last."""
        folder = self._handles[-1]
        try:
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return self._missing(name)
        except OSError as error:
            raise told(error, self._path) from error
        if stat.S_ISLNK(mode):
            self._through(name)
            return False
        if not self._ahead:
            return True
        self._enter(name)
        return False

    def _missing(self, name: str) -> bool:
        if not self._ahead:
            return True
        if self._make and is_named(name, REPOSITORY):
            raise in_repository(self._path)
        if not self._make:
            raise UsageError(f"{self._path!r} is not there: no folder {name!r}; look with list_files")
        try:
            os.mkdir(name, dir_fd=self._handles[-1])
        except FileExistsError:
            pass  # somebody else made it
        except OSError as error:
            raise told(error, self._path) from error
        self._enter(name)
        return False

    def _enter(self, name: str) -> None:
        if len(self._handles) > MAX_DEPTH:
            raise UsageError(
                f"{self._path!r:.80} goes through more than {MAX_DEPTH} folders; use a file that lies less deep"
            )
        try:
            self._handles.append(os.open(name, FOLDER, dir_fd=self._handles[-1]))
        except OSError as error:
            raise told(error, self._path) from error
        self._names.append(name)

    def _up(self) -> None:
        """Only a link brings us here: a path has no `..`."""
        if not self._names:
            self._out()
        os.close(self._handles.pop())
        self._names.pop()

    def _through(self, name: str) -> None:
        """On along a link."""
        self._links += 1
        try:
            target = os.readlink(name, dir_fd=self._handles[-1])
        except OSError as error:
            raise told(error, self._path) from error
        if self._links > MAX_LINKS:
            raise UsageError(f"{self._path!r} goes through more than {MAX_LINKS} links; name the file itself")
        if target.startswith("/"):
            self._out(f"{name!r} is a link to {target!r}")
        self._ahead += [part for part in target.split("/") if part not in ("", ".")][::-1]

    def _out(self, how: str = "a link in it goes above the workspace") -> NoReturn:
        raise UsageError(f"{self._path!r} leads out of the workspace ({how}); use files inside it")

    def close(self) -> None:
        """Close all folders on the way."""
        for handle in self._handles:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open folder."""

    path: str
    folder: int
    name: str
    above: tuple[str, ...]
    """Names of the folders from the workspace down."""

    def open(self) -> int:
        """The file there."""
        try:
            return os.open(self.name, _FILE, dir_fd=self.folder)
        except OSError as error:
            raise told(error, self.path) from error

    def is_settings(self) -> bool:
        """Whether it is the settings of a firm whose home the folder is."""
        if not is_named(self.name, SETTINGS):
            return False
        try:
            os.stat(STATE, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def put(self, body: bytes) -> None:
        """Replace it, in one go."""
        mode = self._mode()
        part = f".{secrets.token_hex(8)}.part"
        handle = os.open(part, _NEW, 0o600, dir_fd=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(part, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part, dir_fd=self.folder)
            raise
        os.fsync(self.folder)

    def _mode(self) -> int:
        try:
            found = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return 0o644
        if stat.S_ISDIR(found):
            raise UsageError(f"{self.path!r} is a folder; name a file in it")
        if not stat.S_ISREG(found):
            raise UsageError(f"{self.path!r} is no plain file; use another name")
        return stat.S_IMODE(found) & 0o777


def in_repository(path: str) -> UsageError:
    """What is said of a path into `.git` that is to be written."""
    return UsageError(f"{path!r} lies in {REPOSITORY!r}, which only git writes; use git_commit")


def is_named(name: str, special: str) -> bool:
    """Whether a name is this one to some file system."""
    return name.casefold() == special


def parts_of(path: str, root: Path) -> list[str]:
    """The names in a path, checked."""
    if len(path) > MAX_PATH_CHARS or "\0" in path:
        raise UsageError(
            f"path {path!r:.80}: give text of at most {MAX_PATH_CHARS:,} characters, without NUL"
        )
    if path.startswith("/"):
        hint = next(
            (f", as {path[len(top) + 1 :]!r}" for top in (INSIDE, str(root)) if path.startswith(f"{top}/")),
            "",
        )
        raise UsageError(f"path {path!r} is absolute; give it relative to the workspace{hint}")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UsageError(f"path {path!r} has '..'; give it from the workspace down, without '..'")
    if not is_text(path):
        raise UsageError(f"path {path!r} is no proper text; give it in UTF-8")
    return parts


def is_text(name: str) -> bool:
    """Whether a name is UTF-8; the system allows others."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def told(error: OSError, path: str) -> UsageError:
    """An error of the system, as one to act on."""
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{path!r} is not there; look with list_files")
    if error.errno in _CHANGED:
        return UsageError(
            f"{path!r}: a part of it is no folder, or was changed meanwhile; look with list_files"
        )
    if error.errno == errno.ENAMETOOLONG:
        return UsageError(f"{path!r:.80} has a name that is too long; use at most 255 bytes between two '/'")
    return UsageError(f"{path!r}: {error.strerror}; look at it with list_files, or use another file")
