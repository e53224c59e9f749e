"""Delivering what came of a mission.

One rule: it may be done again after a crash anywhere in its middle, and the end is the same: the same files, one entry
in the changelog, one commit.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.ids import digest, slug
from firm.org.deliver.account import account
from firm.org.deliver.changelog import FILE as CHANGELOG
from firm.org.deliver.changelog import entry, read_changelog, with_entry
from firm.org.deliver.commit import Commit, commit, found_commit
from firm.org.deliver.diagram import standalone
from firm.org.deliver.page import page
from firm.org.deliver.parcel import Parcel, pack
from firm.org.deliver.plain import markdown
from firm.org.mission import Outcome
from firm.store.folder import sync_folder, write_whole

FOLDER = "deliveries"
"""In the home."""
HTML, MARKDOWN, PLAN = "report.html", "report.md", "plan.svg"
"""What lies beside what is delivered."""
_STAGING, _LOCK = ".firm/delivering", ".firm/deliver.lock"


class Delivered(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was delivered, and where it lies."""

    folder: str
    """Below the home."""
    report: str
    """The report's page, below the home."""
    commit: str = ""
    """Of the firm's git repository; '': none was made."""
    why: str = ""
    """Why none was made."""


def deliver(outcome: Outcome, folder: Path, firm_name: str) -> Delivered:
    """Hand over what was accepted of a mission's results, with its report; also where nothing was.

    Args:
        outcome: As it ended, with what it took.
        folder: The firm's.
        firm_name: Who commits; '': 'firm'.

    Raises:
        UsageError: something is not what was accepted, or a link stands in the way; then nothing is delivered.
        OSError: it cannot be written.
    """
    home = Path(os.path.realpath(folder))
    place = f"{FOLDER}/{folder_name(outcome.run)}"
    said = Delivered(folder=place, report=f"{place}/{HTML}")
    with _alone(home):
        if (before := found_commit(home, place, outcome.run)) is not None:
            return msgspec.structs.replace(said, commit=before)
        staging = home / _STAGING / folder_name(outcome.run)
        _clear(staging)
        staging.mkdir(parents=True)
        try:
            parcel = pack(outcome, home, staging, reserved=(HTML, MARKDOWN, PLAN))
            _write_reports(outcome, parcel, staging, firm_name)
            made, why = _hand_over(outcome, home, staging, firm_name)
        finally:
            _clear(staging)
    return msgspec.structs.replace(said, commit=made, why=why)


def folder_name(run: str) -> str:
    """Of a run's delivery, below `deliveries/`; two runs never share one."""
    plain = slug(run)
    return plain if plain == run else f"{plain}-{digest(run)[:8]}"


def _write_reports(outcome: Outcome, parcel: Parcel, staging: Path, firm_name: str) -> None:
    told = account(outcome, parcel, firm_name)
    if told.drawing is not None:
        write_whole(staging / PLAN, standalone(told.drawing))
    write_whole(staging / MARKDOWN, markdown(told, PLAN).encode("utf-8"))
    write_whole(staging / HTML, page(told, staging).encode("utf-8"))


def _hand_over(outcome: Outcome, home: Path, staging: Path, firm_name: str) -> tuple[str, str]:
    """Put the staged folder into its place and commit it: the commit, or '' and why there is none."""
    place = f"{FOLDER}/{staging.name}"
    at_s = max([one.at_us for one in outcome.tasks], default=0) // 1_000_000 or int(time.time())
    wanted = Commit(
        run=outcome.run,
        place=place,
        files={path: _sha256(staging / path) for path in _files(staging)},
        says=entry(outcome, f"{place}/{MARKDOWN}", at_s),
        author=firm_name,
        at_s=at_s,
    )
    text = read_changelog(home)
    _move(staging, home / place)
    if (new := with_entry(text, wanted.says)) != text:
        write_whole(home / CHANGELOG, new.encode("utf-8", "surrogateescape"))
    return commit(home, wanted)


def _files(folder: Path) -> list[str]:
    return sorted([path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _move(staging: Path, place: Path) -> None:
    """Put a folder in its place; what an earlier try left there goes."""
    if place.parent.is_symlink():
        raise UsageError(
            f"{str(place.parent)!r} is a link; deliveries go into a folder of the firm: remove the link"
        )
    place.parent.mkdir(exist_ok=True)
    old = staging.with_name(f"{staging.name}.old")
    _clear(old)
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        os.replace(place, old)
    os.replace(staging, place)
    sync_folder(place.parent)
    _clear(old)


def _clear(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One delivery at a time in a home, whichever thread or process makes it."""
    path = home / _LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
