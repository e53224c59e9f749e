"""What waits for the founder and what he was told: questions with what hangs on them, reports, notes of agents.

One rule: what agents have written is data of unknown worth: it says so where they have read what strangers wrote, and
whoever shows it escapes it.
"""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from firm.agent.notes import Notes
from firm.agent.report import BOOK as REPORTS
from firm.agent.report import Report
from firm.kernel.journal import Journal, Question, Row, own_key
from firm.root.home import Home
from firm.root.request import DETAILS
from firm.root.view import QuestionView, question_view, when

LOOKED = "looked"
"""In `.firm/`: an empty file, as old as the founder's last look into the inbox."""


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a report."""

    name: str
    path: str
    """Absolute, of the copy."""
    sha256: str
    bytes: int


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """What a run, or a program, told the founder."""

    run: str
    """Id of the run; '' where it was told outside any."""
    agent: str
    """In whose name; '' for plain workflow code."""
    at: datetime
    text: str
    files: list[FileView]
    untrusted: bool
    """The run had read what strangers wrote: the text may be theirs."""


class NotesView(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent has noted, and its to-do list."""

    todo: list[dict[str, object]]
    """Each with 'text' and 'done'."""
    notes: list[str]
    """The oldest first."""
    dropped: int
    """Older ones that are not among them any more."""
    untrusted: bool
    """Some of it was written after the run had read what strangers wrote."""


class Details:
    """What lies beside questions; it never changes, so each is read once."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def views(self, questions: Sequence[Question], journal: Journal) -> list[QuestionView]:
        """Open questions as they are shown; the others are forgotten here."""
        kept: dict[str, bytes] = {}
        for question in questions:
            detail = self._kept.get(question.id)
            kept[question.id] = await detail_of(question, journal) if detail is None else detail
        self._kept = kept
        return [question_view(question, kept[question.id]) for question in questions]


async def detail_of(question: Question, journal: Journal) -> bytes:
    """What lies beside one question; b'' where nothing does."""
    rows = await journal.rows(DETAILS, prefix=own_key(question.run, question.id), limit=1)
    return rows[0].value if rows else b""


async def reports_in(
    journal: Journal, home: Home, run: str | None = None, since: datetime | None = None
) -> list[ReportView]:
    """Reports, the newest first. All rows of the book are read.

    Args:
        journal: To read from.
        home: Where the copies of files lie.
        run: Only those of this run and of what it began; None: all.
        since: Only those told then or later.
    """
    rows: list[Row] = []
    for prefix in ("",) if run is None else (own_key(run), f"{run}/"):
        rows += await journal.rows(REPORTS, prefix=prefix)
    found = [view for row in rows if (view := _report_view(row, home.folder)) is not None]
    chosen = [view for view in found if since is None or view.at >= since]
    return sorted(chosen, key=lambda view: view.at, reverse=True)


def _report_view(row: Row, folder: Path) -> ReportView | None:
    try:
        told = Report.decode(row.value)
    except msgspec.MsgspecError:  # of another version
        return None
    files = [
        FileView(name=one.name, path=str(folder / one.path), sha256=one.sha256, bytes=one.bytes)
        for one in told.files
    ]
    return ReportView(
        run=row.key.partition("\t")[0],
        agent=told.agent,
        at=when(told.at_us),
        text=told.text,
        files=files,
        untrusted=told.untrusted,
    )


def notes_view(notes: Notes) -> NotesView | None:
    """Notes, for people; None where nothing is noted."""
    if not notes.todo and not notes.notes:
        return None
    return NotesView(
        todo=[{"text": item.text, "done": item.done} for item in notes.todo],
        notes=list(notes.notes),
        dropped=notes.dropped,
        untrusted=notes.untrusted,
    )


def last_look(home: Home) -> datetime | None:
    """When the founder last looked into the inbox; None: not yet."""
    try:
        return when(os.stat(home.state / LOOKED).st_mtime_ns // 1000)
    except OSError:
        return None


def since_of(looked: datetime | None, now: datetime) -> datetime:
    """From when on reports are shown: the last look, at least the last day."""
    day = now - timedelta(days=1)
    return day if looked is None else min(day, looked)


def note_look(home: Home) -> None:
    """The founder looks into the inbox now; a disk that cannot be written forgets it."""
    try:
        (home.state / LOOKED).touch()
    except OSError:
        return
