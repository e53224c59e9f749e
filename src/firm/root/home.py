"""The home: the folder in which a firm lives, and how it is found.

One rule: everything that `firm` writes there lies in `.firm/`; the rest of the folder is the founder's.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from firm.errors import DiskFull, JournalError, UsageError

STATE = ".firm"
"""Folder with journal, blobs, lock and spool."""
CONFIG = "firm.toml"
ENVIRONMENT = "FIRM_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """A firm's folder and the places in it."""

    folder: Path
    """Absolute."""
    invented: bool = False
    """Nobody named it and nothing was found: it is the current folder."""

    @property
    def state(self) -> Path:
        """Where journal, lock and spool lie."""
        return self.folder / STATE

    @property
    def config(self) -> Path:
        """The file of settings; need not be there."""
        return self.folder / CONFIG

    @property
    def lock(self) -> Path:
        """Held by the process that owns the home."""
        return self.state / "lock"

    @property
    def spool(self) -> Path:
        """Where other processes put their requests."""
        return self.state / "spool"

    @property
    def socket(self) -> Path:
        """Where the owner is told that there is a request."""
        return self.state / "sock"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.state / "journal.db"

    def make(self) -> None:
        """Make the folders that are not there.

        Raises:
            UsageError: the path is a file, or a folder that this process may not write to.
            DiskFull
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.state.mkdir(mode=0o700, exist_ok=True)  # what was said, and keys: nobody else's business
            self.spool.mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise UsageError(
                f"the home {str(self.folder)!r} is not a folder; give the path of a folder"
            ) from error
        except OSError as error:
            raise writing_failed(error, self.state) from error


def writing_failed(error: OSError, path: Path) -> JournalError | UsageError:
    """What an error of the disk means for who wanted to write at `path`."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            f"no room to write {str(path)!r} ({error.strerror}): free some space; nothing was lost"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UsageError(
            f"{str(path)!r} cannot be written ({error.strerror}): make the folder writable for you, "
            "or choose another home (`--home DIR` or $FIRM_HOME)"
        )
    return JournalError(
        f"{str(path)!r} cannot be written ({error.strerror or error}): check the path and the disk"
    )


def find_home(given: str | os.PathLike[str] | None = None) -> Home:
    """The home: what was given, else $FIRM_HOME, else the nearest folder upward with `firm.toml` or `.firm/`.

    Where nothing is found it is the current folder.

    Raises:
        UsageError: an empty path, or the current folder is gone.
    """
    name = given if given is not None else os.environ.get(ENVIRONMENT) or None
    if name is not None:
        if not os.fspath(name) or "\0" in os.fspath(name):
            raise UsageError(f"the home {os.fspath(name)!r} is not a path; give the path of a folder")
        return Home(Path(name).expanduser().absolute())
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the current folder does not exist any more; cd to another, or give --home"
        ) from None
    for folder in (here, *here.parents):
        if (folder / CONFIG).is_file() or (folder / STATE).is_dir():
            return Home(folder)
    return Home(here, invented=True)
