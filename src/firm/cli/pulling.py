"""Pulling weights at the terminal: one line that says what and how large, then how far it is.

One rule: nothing is asked; what is pulled is kept for every firm on this machine.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firm.cli.command import note
from firm.model.embedded import store
from firm.model.embedded.catalogue import Entry
from firm.model.embedded.pull import Progress, pull

QUIET_S = 10.0
"""Without a terminal, one line of progress in so many seconds."""


async def pull_if_missing(entry: Entry) -> None:
    """Have an entry's weights here; nothing is said if they are.

    Raises:
        WeightsError, NoRoom, OutOfReach: as `firm.model.embedded.pull` says.
    """
    if not all(store.held(file) for file in entry.files):
        await pull_shown(entry)


async def pull_shown(entry: Entry) -> Path:
    """Pull, showing how far it is; the path of the weights."""
    note(f"pulling {entry.name}: {megabytes(entry.bytes)}, licence {entry.licence}, kept in {store.folder()}")
    try:
        with progress() as tell:
            return await pull(entry.name, progress=tell)
    except asyncio.CancelledError:
        note("stopped; what came is kept, and the same command goes on from there")
        raise


def megabytes(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:,.0f} MB"


@contextmanager
def progress() -> Iterator[Progress]:
    """Something to be told of progress, which shows it on stderr while the block lasts."""
    if sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task("pulling", total=None)

        def tell(what: str, there: int, total: int) -> None:
            bar.update(shown, description=what, completed=there, total=total)

        yield tell


def _lines() -> Progress:
    last_s, last = time.monotonic(), ""

    def tell(what: str, there: int, total: int) -> None:
        nonlocal last_s, last
        now_s = time.monotonic()
        if now_s - last_s >= QUIET_S or (what != last and last):
            note(f"{what}: {megabytes(there)} of {megabytes(total)}")
            last_s = now_s
        last = what

    return tell
