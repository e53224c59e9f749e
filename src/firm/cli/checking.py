"""`firm doctor` and `firm sim`: is all well, and would it stay so?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import DONE, FAILED, Command, Home, Json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from firm.root.config import Config
    from firm.root.home import Home as HomeFolder
    from firm.store.sqlite import SqliteJournal

LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: str
    """'ok', 'warn' or 'bad'."""
    what: str
    text: str


def doctor(
    home: Home = None,
    about: Annotated[bool, typer.Option("--about", help="Write ABOUT.md anew from the files first.")] = False,
    as_json: Json = False,
) -> int:
    """Look whether all is well with this firm.

    Warnings do not count as failure.
    """
    from firm.cli.text import add_row, print_json, render, table
    from firm.root.home import find_home

    place = find_home(home)
    if about:
        _write_about(place.folder)
    found = list(_examine(place))
    if as_json:
        print_json(found)
    else:
        made = table("", "WHAT", "FOUND")
        for finding in found:
            add_row(made, finding.level, finding.what, finding.text)
        render(made)
    return FAILED if any(finding.level == "bad" for finding in found) else DONE


def _examine(home: "HomeFolder") -> "Iterator[Finding]":
    import sys

    from firm.errors import FirmError
    from firm.root.config import read_config
    from firm.store.connection import sqlite_warning
    from firm.store.sqlite import SqliteJournal

    yield Finding("ok", "python", sys.version.split()[0])
    warning = sqlite_warning()
    yield Finding("warn", "sqlite", warning) if warning else Finding("ok", "sqlite", "no known faults")
    yield Finding("ok", "home", f"{home.folder}" + ("" if home.state.exists() else " (nothing there yet)"))
    try:
        config = read_config(home.config)
        yield Finding("ok", "firm.toml", "in order" if home.config.exists() else "none, which is fine")
        yield from _models(config)
    except FirmError as error:
        yield Finding("bad", "firm.toml", str(error))
    yield from _organization(home.folder)
    yield from _disk(home)
    yield _isolation()
    yield from _founder(home.state)
    yield from _secrets(home.state)
    if not home.journal.exists():
        yield Finding("ok", "journal", "none yet: nothing was started here")
        return
    try:
        journal = SqliteJournal.open(home.state, read_only=True)
    except FirmError as error:
        yield Finding("bad", "journal", str(error))
        return
    try:
        yield from _journal(journal)
    finally:
        journal.close()


def _organization(folder: "Path") -> "Iterator[Finding]":
    """Roles, workflows and what lies beside them; nothing for a firm without."""
    from firm.errors import FirmError
    from firm.org.founding import check_about
    from firm.org.roster import check_folder

    try:
        for one in (*check_folder(folder), *check_about(folder)):
            yield Finding(one.level, one.what, one.text)
    except FirmError as error:
        yield Finding("bad", "roles", str(error))


def _write_about(folder: "Path") -> None:
    from firm.errors import UsageError
    from firm.org.founding import ABOUT, about_page

    if not (folder / "roles").is_dir():
        raise UsageError(
            f"--about: {str(folder)!r} has no roles, so there is nothing to say; found a firm with `firm new`"
        )
    (folder / ABOUT).write_text(about_page(folder), "utf-8")


def _models(config: "Config") -> "Iterator[Finding]":
    import asyncio
    import os

    from firm.cli.finding import look_at_models

    standing = asyncio.run(look_at_models(config, os.environ))
    yield Finding("ok", "default", f"{standing.default} ({'; '.join(standing.why)})")
    yield Finding("ok", "servers", ", ".join(standing.servers) or "none on the usual local ports")
    yield from (Finding("ok", "key", told) for told in standing.keys)
    yield from (Finding("warn", "key", told) for told in standing.lacking)
    yield from (Finding("ok", "weights", told) for told in standing.weights)
    yield from (Finding("warn", "weights", told) for told in standing.missing)


def _disk(home: "HomeFolder") -> "Iterator[Finding]":
    import os
    import shutil

    from firm.root import spool
    from firm.root.lock import holder_of

    folder = next(path for path in (home.state, home.folder, *home.folder.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    yield Finding("warn" if free < LOW_DISK_BYTES else "ok", "disk", f"{free / 1e9:.1f} GB free")
    if not os.access(folder, os.W_OK):
        yield Finding("bad", "writing", f"{folder} cannot be written by this user; make it writable")
    holder = holder_of(home.lock)
    yield Finding("ok", "owner", str(holder) if holder else "nobody carries runs just now (`firm up`)")
    waiting = len(spool.pending(home))
    if waiting and holder is None:
        yield Finding("warn", "requests", f"{waiting} wait for an owner: `firm up` takes them in")


def _isolation() -> Finding:
    from firm.sandbox import Level, probe

    found = probe()
    level = "ok" if found.level is Level.BUBBLEWRAP else "warn"
    return Finding(level, "sandbox", f"{found.level.word}" + (f": {found.why}" if found.why else ""))


def _founder(state: "Path") -> "Iterator[Finding]":
    import time
    from datetime import UTC, datetime

    from firm.cli.text import clock
    from firm.policy.identity import NoSession, check_key, open_session, shown_key
    from firm.policy.seal import KeyFault

    if state.exists() and (mode := state.stat().st_mode & 0o777) & 0o077:
        text = f"other users can look into {state} (mode {mode:03o}); run: chmod 700 {str(state)!r}"
        yield Finding("warn", "folder", text)
    try:
        public = check_key(state)
    except KeyFault as error:
        yield Finding("bad", "founder", str(error))
        return
    if public is None:
        yield Finding(
            "ok", "founder", "no key yet: nobody can approve with authority (`firm login` makes one)"
        )
        return
    yield Finding("ok", "founder", f"the key is there, sealed: {shown_key(public)}")
    try:
        until_us = open_session(state, time.time_ns() // 1000).until_us
        yield Finding("ok", "session", f"open until {clock(datetime.fromtimestamp(until_us / 1e6, UTC))}")
    except NoSession as error:
        yield Finding("ok", "session", str(error))
    except KeyFault as error:
        yield Finding("bad", "session", str(error))


def _secrets(state: "Path") -> "Iterator[Finding]":
    from firm.cli.text import count
    from firm.policy.seal import KeyFault
    from firm.policy.secret import Secrets

    secrets = Secrets(state)
    try:
        kept, where = secrets.list(), secrets.where()
    except KeyFault as error:
        yield Finding("bad", "secrets", str(error))
        return
    lies = (
        f", sealed; their key lies in {secrets.key_path if where == 'file' else 'the keyring'}"
        if where
        else ""
    )
    yield Finding("ok", "secrets", f"{count(len(kept), 'secret')}{lies}")


def _journal(journal: "SqliteJournal") -> "Iterator[Finding]":
    from firm.cli.text import count
    from firm.errors import FirmError

    try:
        size: Any = journal.sizes()
        runs = ", ".join(f"{number} {status}" for status, number in sorted(size.runs.items())) or "no runs"
        megabytes = (size.file_bytes + size.wal_bytes + size.blob_bytes) / 1e6
        yield Finding(
            "ok", "journal", f"{runs}; {size.events} events, {size.blobs} blobs, {megabytes:.1f} MB"
        )
        if size.runs.get("stuck"):
            yield Finding(
                "warn", "stuck", f"{count(size.runs['stuck'], 'run')} cannot go on without you: `firm inbox`"
            )
        if size.open_questions:
            yield Finding("warn", "inbox", f"{count(size.open_questions, 'open question')}: `firm inbox`")
        yield Finding("ok", "hashes", f"the chain holds over {journal.verify()} events")
        faults = journal.audit()
        yield from (Finding("bad", "audit", fault) for fault in faults[:20])
        if not faults:
            yield Finding("ok", "audit", "every invariant holds")
    except FirmError as error:
        yield Finding("bad", "journal", str(error))


def sim(
    seed: Annotated[int, typer.Option("--seed", help="Of the first world.")] = 0,
    count: Annotated[
        int, typer.Option("--count", min=1, help="So many worlds, with the seeds after it.")
    ] = 1,
    as_json: Json = False,
) -> int:
    """Play through a simulated world in which everything fails.

    The same seed gives the same world. It checks that nothing is lost and nothing done twice.
    """
    import sys

    from firm.cli.text import plain, print_json
    from firm.testing import simulate_seed

    bad = None
    for number in range(seed, seed + count):
        report = simulate_seed(number, shrink=True)
        if not report.ok:
            bad = report
            break
        if count > 1 and sys.stderr.isatty():
            print(f"\r{number - seed + 1} of {count}", end="", file=sys.stderr, flush=True)
    if as_json:
        print_json(report)
    else:
        print(plain(str(report)) if count == 1 or bad else f"{count} worlds from seed {seed}: all is well")
    return FAILED if bad else DONE


COMMANDS = (Command("doctor", "firm doctor", doctor), Command("sim", "firm sim --seed 7 --count 100", sim))
