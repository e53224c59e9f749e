"""Telling the founder something without waiting for him.

One rule: a report made in a run is written in the transaction of the step that makes it, so it is there once, or not at
all; its files are copied before, by content, and never change. Showing reports is the business of `firm.root`.
"""

import asyncio
import errno
import hashlib
import os
import re
import threading
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

import msgspec

from firm.agent.workspace import Workspace, folder_here, workspace_here
from firm.errors import DiskFull, UsageError
from firm.kernel.api import now
from firm.kernel.context import StepInfo, charter_here, current, current_firm, current_step
from firm.kernel.definition import step
from firm.kernel.failure import readable
from firm.kernel.journal import Row, own_key
from firm.policy.action import UNTRUSTED
from firm.policy.capability import Charter
from firm.store.folder import sync_folder, write_whole

BOOK = "report"
"""Rows of the journal: reports of a run by `own_key(run, …)`, those made outside any run by `own_key("", …)`."""
FOLDER = "reports"
"""Where the copies of files lie, in the home: `reports/<hash>/<name>`."""
MAX_TEXT_CHARS = 20_000
MAX_FILES = 20
MAX_FILE_BYTES = 64 * 1024 * 1024

_copying = threading.Lock()
"""Two reports may copy the same file at once."""
_UNSAFE = re.compile(r"[^\w.,+=@ -]")


class Attached(msgspec.Struct, frozen=True):
    """A file of a report."""

    name: str
    path: str
    """Of the copy, below the home."""
    sha256: str
    """Of its bytes, in hex."""
    bytes: int


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was told."""

    text: str
    at_us: int = 0
    """Microseconds since 1970."""
    files: tuple[Attached, ...] = ()
    agent: str = ""
    """In whose name; '' for plain workflow code."""
    untrusted: bool = False
    """The run had read what strangers wrote."""

    def encode(self) -> bytes:
        """Bytes for the journal."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Report":
        """From the journal. Raises msgspec.MsgspecError for what another version wrote."""
        return _report.decode(body)


_report = msgspec.msgpack.Decoder(Report)


def report(text: str, files: Iterable[str | os.PathLike[str]] = ()) -> Coroutine[Any, Any, None]:
    """Tell the founder something; nobody waits for an answer.

    In a run this is a step, in a step a part of it; outside a run, in an open firm, it is kept as well. With neither it
    does nothing, so that unit tests need no engine. It stands in `firm inbox` and `firm show RUN`.

    Args:
        text: In plain words, 1 to 20,000 characters.
        files: At most 20, each at most 64 MiB: paths in the workspace (outside a run: in the home), or absolute ones
            below the home. Each is copied as it is now, to `reports/` in the home.

    Raises:
        UsageError: the text is empty or too long, or a file is not there, too large, or none that may be shown.
        DiskFull: there is no room for the copies.
    """
    text = readable(text.strip(), MAX_TEXT_CHARS + 1)
    if not text:
        raise UsageError("report() of an empty text; say what is to be told")
    if len(text) > MAX_TEXT_CHARS:
        raise UsageError(
            f"report({text[:40]!r}…): the text has more than {MAX_TEXT_CHARS:,} characters; put it into a file"
        )
    if isinstance(files, str | os.PathLike):
        raise UsageError(f"report(files={files!r}): give a list of paths")
    paths = [os.fspath(path) for path in files]
    if len(paths) > MAX_FILES:
        raise UsageError(f"report() with {len(paths)} files; give at most {MAX_FILES}, or pack them into one")
    return _outside(text, paths) if current.get() is None else _in_step(text, paths)


async def _tell(text: str, files: list[str]) -> None:
    info = current_step()
    if info.run is None:
        return
    untrusted = UNTRUSTED in info.run.marks or UNTRUSTED in info.marks
    told = await _made(text, files, untrusted=untrusted)
    number = sum(row.book == BOOK for row in info.rows)
    name = f"{info.run.generation:06d}.{info.place:06d}.{number:04d}"
    info.also(Row(BOOK, own_key(info.run.id, name), told.encode()))


_tell.__name__ = "report"
_in_step = step(_tell)


async def _outside(text: str, files: list[str]) -> None:
    keep = getattr(current_firm(), "keep_report", None)
    if keep is not None:
        await keep(await _made(text, files, untrusted=False))


async def _made(text: str, files: list[str], *, untrusted: bool) -> Report:
    kept = await asyncio.to_thread(_copied, files) if files else ()
    agent = Charter.decode(charter_here()).agent
    return Report(text, round(now().timestamp() * 1e6), kept, agent, untrusted)


# --- files -------------------------------------------------------------------------------------------------------


def _copied(files: list[str]) -> tuple[Attached, ...]:
    home = getattr(getattr(current_firm(), "home", None), "folder", None)
    if home is None:
        raise UsageError(
            "report(files=…) needs a firm, whose home keeps the copies; open one, or leave them out"
        )
    folder = Path(os.path.realpath(home))
    return tuple([_copy(folder, path) for path in files])


def _copy(home: Path, path: str) -> Attached:
    body = _read(home, path)
    name = _UNSAFE.sub("_", os.path.basename(path)).lstrip(".")[-100:] or "file"
    sha256 = hashlib.sha256(body).hexdigest()
    place = home / FOLDER / sha256[:16] / name
    try:
        with _copying:
            if not (place.is_file() and place.stat().st_size == len(body)):
                (home / FOLDER).mkdir(mode=0o700, exist_ok=True)
                place.parent.mkdir(mode=0o700, exist_ok=True)
                write_whole(place, body)
                sync_folder(home / FOLDER)
    except OSError as error:
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else UsageError
        raise kind(
            f"{str(place)!r} could not be written ({error.strerror or error}): free some room, or make the folder "
            "writable"
        ) from error
    return Attached(name, place.relative_to(home).as_posix(), sha256, len(body))


def _read(home: Path, path: str) -> bytes:
    """Through the workspace, which follows no link out of it and shows nothing of `.firm`."""
    if not os.path.isabs(path):
        in_run = isinstance(current.get(), StepInfo) or folder_here.get()
        return (workspace_here() if in_run else Workspace(home)).read(path, max_bytes=MAX_FILE_BYTES)
    whole = Path(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    for root in (_workspace_root(), home):
        if root is not None and whole.is_relative_to(root):
            return Workspace(root).read(str(whole.relative_to(root)), max_bytes=MAX_FILE_BYTES)
    raise UsageError(
        f"{path!r} lies neither in the workspace nor below the home {str(home)!r}; copy it there"
    )


def _workspace_root() -> Path | None:
    try:
        return workspace_here().root
    except UsageError:  # there is none
        return None
