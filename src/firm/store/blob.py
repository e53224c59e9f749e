"""Large bodies, by the SHA-256 of their content.

One rule: a blob never changes; it is on disk before the event that names it, and it is checked on every
read.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec.structs import replace

from firm.errors import JournalCorrupt
from firm.kernel.journal import MAX_INLINE_BYTES, Also, Answer, Event, Mail
from firm.store.folder import sync_folder, write_whole

Line = TypeVar("Line", Event, Mail)


def has_large(events: Sequence[Event], also: Sequence[Also]) -> bool:
    """Whether a body must lie in a blob."""
    if any([len(event.body) > MAX_INLINE_BYTES for event in events]):
        return True
    return any((mail := _mail(line)) is not None and len(mail.body) > MAX_INLINE_BYTES for line in also)


def put_away(
    events: Sequence[Event], also: Sequence[Also], put: Callable[[bytes], str]
) -> tuple[list[Event], list[Also]]:
    """The lines as they lie in the tables: large bodies put away. Raises OSError."""

    def emptied(line: Line) -> Line:
        return replace(line, body=b"", blob=put(line.body)) if len(line.body) > MAX_INLINE_BYTES else line

    def emptied_also(line: Also) -> Also:
        if type(line) is Mail:
            return emptied(line)
        if type(line) is Answer and line.mail is not None:
            return replace(line, mail=emptied(line.mail))
        return line

    return [emptied(event) for event in events], [emptied_also(line) for line in also]


def _mail(line: Also) -> Mail | None:
    if type(line) is Answer:
        return line.mail
    return line if type(line) is Mail else None


def filled(line: Line, get: Callable[[str], bytes]) -> Line:
    """The line as it was written: its body fetched. Raises JournalCorrupt."""
    return replace(line, body=get(line.blob), blob="") if line.blob else line


def referenced(db: sqlite3.Connection) -> set[str]:
    """Digests of all blobs that an event or undelivered mail needs."""
    rows = db.execute("SELECT hash FROM blobs UNION SELECT blob FROM mail WHERE blob <> ''").fetchall()
    return {digest for (digest,) in rows}


class Blobs(Protocol):
    """Where blobs lie."""

    def put(self, data: bytes) -> str:
        """Keep `data` durably and return its SHA-256 in hex; kept already is fine."""
        ...

    def get(self, digest: str) -> bytes:
        """The data. Raises JournalCorrupt if it is gone or damaged."""
        ...

    def names(self) -> Iterator[tuple[str, int]]:
        """(digest, size in bytes) of all."""
        ...

    def drop(self, digest: str) -> None:
        """Delete one; not there is fine."""
        ...


class BlobFolder:
    """Blobs as files `ab/abcdef…` in a folder, which is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Write the file unless it is there. Raises OSError."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if path.exists() and path.stat().st_size == len(data):
            return digest
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
        write_whole(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """Read and check the file."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise JournalCorrupt(f"blob {path} is gone: put it back with `firm restore BACKUP`") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise JournalCorrupt(f"blob {path} is damaged: put it back with `firm restore BACKUP`")
        return data

    def names(self) -> Iterator[tuple[str, int]]:
        """All files, left-overs of a crash (`….tmp`) among them."""
        if self._folder.exists():
            for path in self._folder.glob("??/*"):
                yield path.name, path.stat().st_size

    def drop(self, digest: str) -> None:
        """Delete the file."""
        self._path(digest).unlink(missing_ok=True)


class BlobDict:
    """Blobs in memory, for a journal in memory."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep it."""
        digest = hashlib.sha256(data).hexdigest()
        self._data[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        """Look it up."""
        try:
            return self._data[digest]
        except KeyError:
            raise JournalCorrupt(f"blob {digest} is gone") from None

    def names(self) -> Iterator[tuple[str, int]]:
        """All."""
        yield from [(digest, len(data)) for digest, data in self._data.items()]

    def drop(self, digest: str) -> None:
        """Forget it."""
        self._data.pop(digest, None)
