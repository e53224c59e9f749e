"""`firm backup`, `restore`, `gc`: keeping the journal."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import Command, Home, Json, note

if TYPE_CHECKING:
    from firm.root.home import Home as HomeFolder
    from firm.root.lock import Lock

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the copy.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy the journal as it stands now, while everything goes on."""
    import asyncio

    from firm.cli.text import plain, print_json
    from firm.root.home import find_home
    from firm.store.sqlite import SqliteJournal

    found = find_home(home)

    async def main() -> int:
        journal = SqliteJournal.open(found.state, read_only=True)
        try:
            await journal.backup(target)
        finally:
            journal.close()
        copy = SqliteJournal.open(target, read_only=True)
        try:
            return copy.verify()
        finally:
            copy.close()

    events = asyncio.run(main())
    if as_json:
        print_json({"backup": str(target), "events": events})
    else:
        print(f"{events} events copied to {plain(str(target))} and verified")


def restore(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Made by `firm backup`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a journal that has runs (it is kept beside).")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put the journal back from a backup.

    Effects that were about to happen after the backup count as in doubt: you are asked about them.
    """
    import asyncio

    from firm.cli.text import count as counted
    from firm.cli.text import print_json
    from firm.root.home import find_home
    from firm.store.restore import restore as put_back

    found = find_home(home)
    found.make()
    lock = _lock(found, "firm restore")
    try:
        count = asyncio.run(put_back(source, found.state, force=force))
    finally:
        lock.release()
    if as_json:
        print_json({"unfinished": count})
    else:
        print(f"restored; {counted(count, 'unfinished run')} will go on with `firm up`")


def gc(
    older_than: Annotated[
        str, typer.Option("--older-than", help="Age of what may go: 30d, 12h, 8w.")
    ] = "30d",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Clear the histories of runs that ended long ago.

    How they ended is kept.
    """
    import asyncio
    import time

    from firm.cli.text import count as counted
    from firm.cli.text import print_json
    from firm.errors import UsageError
    from firm.root.home import find_home
    from firm.store.sqlite import SqliteJournal

    size = re.fullmatch(r"(\d{1,9})([smhdw])", older_than.strip())
    if size is None:
        raise UsageError(f"--older-than {older_than!r}: give a number and s, m, h, d or w, for example 30d")
    found = find_home(home)
    if not found.journal.exists():
        raise UsageError(f"there is no journal in {str(found.folder)!r}; give --home")
    lock = _lock(found, "firm gc")
    try:

        async def main() -> object:
            journal = SqliteJournal.open(found.state)
            try:
                before_us = time.time_ns() // 1000 - int(size.group(1)) * _UNITS[size.group(2)] * 1_000_000
                return await journal.gc(older_than_us=before_us)
            finally:
                journal.close()

        gone = asyncio.run(main())
    finally:
        lock.release()
    if as_json:
        print_json(gone)
        return
    runs, events = getattr(gone, "runs", 0), getattr(gone, "events", 0)
    size_mb = getattr(gone, "bytes", 0) / 1e6
    print(f"cleared {counted(runs, 'run')}, {counted(events, 'event')}, {size_mb:.1f} MB")
    if not runs:
        note(f"no run ended more than {older_than} ago")


def _lock(home: "HomeFolder", command: str) -> "Lock":
    from firm.errors import HomeLocked
    from firm.root.lock import Lock, holder_of

    lock = Lock.take(home.lock, command)
    if lock is None:
        raise HomeLocked(f"{home.folder} is in use by {holder_of(home.lock)}; `firm stop` first")
    return lock


COMMANDS = (
    Command("backup", "firm backup ~/backups/firm-today", backup),
    Command("restore", "firm restore ~/backups/firm-today", restore),
    Command("gc", "firm gc --older-than 30d", gc),
)
