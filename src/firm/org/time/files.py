"""Files that begin missions: each new one, once, when it is complete.

One rule: a file is known by its path and its content, and the id of its mission holds both; so it may be seen as often
as one likes. Files that nobody looked at while the firm was down are found when it comes up.
"""

import asyncio
import contextlib
import fnmatch
import hashlib
import logging
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firm.errors import FirmError, UsageError
from firm.ids import digest
from firm.org.artifact import Artifact, FileMade
from firm.org.settings import Schedule
from firm.org.time.begin import Starting, begin_mission, event_of
from firm.org.time.inotify import Watch

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Of a file that begins a mission."""
MAX_TEXT_BYTES = 1024 * 1024
"""Of a file whose text is given to the mission; of a larger one only where it lies."""
SHOWN_CHARS = 200

log = logging.getLogger("firm")


@dataclass(frozen=True, slots=True)
class Place:
    """Where files of a schedule lie."""

    folder: Path
    names: str
    """Pattern of their names."""

    def fits(self, path: Path) -> bool:
        """Whether a path is one of them; names that begin with a dot are not."""
        name = path.name
        return (
            path.parent == self.folder and fnmatch.fnmatchcase(name, self.names) and not name.startswith(".")
        )


def place_of(pattern: str, home: Path) -> Place:
    """The folder and the names that a pattern stands for.

    Args:
        pattern: A folder below the home and a name with `*` and `?`, such as 'inbox/*.txt'.
        home: The firm's folder.

    Raises:
        UsageError: it leads out of the home, or has `*` in the folder's name.
    """
    path = Path(pattern)
    if path.is_absolute() or ".." in path.parts or not path.name or ".firm" in path.parts:
        raise UsageError(
            f"file {pattern!r} does not lie below the firm's folder; write such as 'inbox/*.txt'"
        )
    if any(letter in str(path.parent) for letter in "*?["):
        raise UsageError(f"file {pattern!r}: only the name may have '*'; write such as 'inbox/*.txt'")
    folder = (home / path.parent).resolve()
    if not folder.is_relative_to(home.resolve()):
        raise UsageError(
            f"file {pattern!r} leads out of the firm's folder through a link; take another folder"
        )
    return Place(folder, path.name)


class Files:
    """Watches for files while the firm is up; made by `watch_files`."""

    def __init__(self, firm: Starting, home: Path, places: Iterable[tuple[Schedule, Place]]) -> None:
        self._firm, self._home = firm, home.resolve()
        self._places = tuple(places)
        self._watch: Watch | None = None
        self._seen: asyncio.Queue[Path | None] = asyncio.Queue()
        self._taking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch from now on, and take what lies there already."""
        try:
            self._watch = Watch()
            asyncio.get_running_loop().add_reader(self._watch.fd, self._read)
        except OSError as error:
            log.warning(
                "new files are not noticed (%s); those that lie there when the firm comes up are taken", error
            )
        self._seen.put_nowait(None)
        self._taking = asyncio.create_task(self._take_for_ever(), name="firm-files")

    async def close(self) -> None:
        """Watch nothing more."""
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fd)
            self._watch.close()
        if self._taking is not None:
            self._taking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._taking

    def _read(self) -> None:
        if self._watch is not None:
            for path in self._watch.read():
                self._seen.put_nowait(path)

    async def _take_for_ever(self) -> None:
        while True:
            path = await self._seen.get()
            for one in await asyncio.to_thread(self._look) if path is None else [path]:
                for schedule, place in self._places:
                    if place.fits(one):
                        await self._take(schedule, one)

    def _look(self) -> list[Path]:
        """Everything that lies there, by name; folders that are not there are made, and watched."""
        found: set[Path] = set()
        for folder in sorted({place.folder for _, place in self._places}):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if self._watch is not None and folder not in self._watch.folders:
                    self._watch.add(folder)
                found.update(folder.iterdir())
            except OSError as error:
                log.warning("folder %s cannot be watched: %s", folder, error)
        return sorted(found)

    async def _take(self, schedule: Schedule, path: Path) -> None:
        try:
            found = await asyncio.to_thread(read_event, path, self._home)
            if found is not None:
                await begin_mission(self._firm, schedule, *found)
        except (FirmError, OSError) as error:
            log.warning("file %s has begun no mission: %s", path, error)


def read_event(path: Path, home: Path) -> tuple[str, Artifact] | None:
    """What tells a file from others, and what it gives to the mission; None: it is not there, or no plain file.

    Raises:
        UsageError: it is too large.
        OSError: it cannot be read.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    if found.st_size > MAX_FILE_BYTES:
        raise UsageError(f"it has {found.st_size:,} bytes; at most {MAX_FILE_BYTES:,}")
    body = path.read_bytes()
    made = FileMade(path.relative_to(home).as_posix(), hashlib.sha256(body).hexdigest(), len(body))
    return digest("firm/file", made.path, made.sha256)[:16], event_of(_text_of(body, made), (made,))


def _text_of(body: bytes, made: FileMade) -> str:
    """A file's text; of one that is none, or a large one, where it lies."""
    if len(body) <= MAX_TEXT_BYTES and b"\0" not in body:
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode()
    return f"file {made.path[:SHOWN_CHARS]}, {made.bytes:,} bytes"


def watch_files(firm: Starting, home: Path) -> Files | None:
    """Begin missions for new files, as `[[schedules]]` say; None: none does.

    Args:
        firm: Open until `close` has returned.
        home: Its folder.

    Raises:
        UsageError: a pattern leads out of the home.
    """
    places = [(one, place_of(one.file, home)) for one in firm.config.schedules if one.file]
    if not places:
        return None
    files = Files(firm, home, places)
    files.begin()
    return files
