"""What the tests of the journal share: a clock to turn, journals on disk and in memory, lines to write."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firm.kernel.journal import Event, Kind, Mail, NewRun, Question, Stand
from firm.kernel.status import Status
from firm.store.sqlite import SqliteJournal


class Clock:
    """The store's clock, in microseconds; turned by hand."""

    def __init__(self) -> None:
        self.us = 1_000_000

    def __call__(self) -> int:
        return self.us


class Pen:
    """Writes lines with the right sequence numbers, one `Pen` per journal."""

    def __init__(self) -> None:
        self.seq: Counter[str] = Counter()

    def event(
        self, run: str, kind: Kind = Kind.DONE, *, epoch: int = 1, place: int = 0, body: bytes = b"x"
    ) -> Event:
        event = Event(run, self.seq[run], epoch, kind, place, "name", 10 + self.seq[run], body)
        self.seq[run] += 1
        return event

    def new(self, run: str, *, owner: str = "w", **more: Any) -> NewRun:
        status = Status.RUNNING if owner else Status.PENDING
        return NewRun(run, "mod:work", "c" * 64, more.pop("parent", ""), status, owner, 5, **more)

    async def begin(self, journal: SqliteJournal, *runs: str, owner: str = "w") -> None:
        epoch = 1 if owner else 0
        events = [self.event(run, Kind.STARTED, epoch=epoch) for run in runs]
        refused = await journal.append(events, [self.new(run, owner=owner) for run in runs])
        assert not refused.runs

    def ended(self, run: str, *, epoch: int = 1) -> tuple[list[Event], list[Stand]]:
        return [self.event(run, Kind.ENDED, epoch=epoch)], [Stand(run, epoch, Status.SUCCEEDED, 50)]

    @staticmethod
    def mail(to: str, id: str = "1", *, kind: Kind = Kind.MESSAGE, sender: str = "anna", **more: Any) -> Mail:
        return Mail(to, kind, sender, id, name="topic", **more)

    @staticmethod
    def question(id: str, run: str, *, epoch: int = 1) -> Question:
        return Question(id, run, epoch, 3, "ask", "Shall we?", b"\xc0", b"", None, 20)


Open = Callable[..., SqliteJournal]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pen() -> Pen:
    return Pen()


@pytest.fixture
def open_(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens journals (in `home` unless told otherwise) and closes them after the test."""
    opened: list[SqliteJournal] = []

    def open_one(folder: Path | None = tmp_path / "home", **more: Any) -> SqliteJournal:
        opened.append(SqliteJournal.open(folder, now_us=clock, **more))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()


@pytest.fixture(params=["disk", "disk without a thread", "memory"])
def journal(request: pytest.FixtureRequest, open_: Open, tmp_path: Path) -> SqliteJournal:
    folder = None if request.param == "memory" else tmp_path / "home"
    return open_(folder, threaded=request.param == "disk")
