"""Journals that earlier versions wrote are opened, verified, replayed and continued by this one, for ever."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.laws.test_replay import replay
from tests.unit.kernel.engine import engine
from tests.wire import golden_flows

from firm.kernel.definition import workflow_of
from firm.kernel.journal import Kind
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN
from firm.store.sqlite import SqliteJournal

FOLDERS = sorted(path for path in Path(__file__).parent.iterdir() if path.name.startswith("journal-"))


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copytree(request.param, tmp_path / "home")
    return tmp_path / "home"


def test_there_is_a_golden_journal() -> None:
    assert FOLDERS


def test_chain_and_invariants_of_an_old_journal_hold(folder: Path) -> None:
    journal = SqliteJournal.open(folder, threaded=False)
    assert journal.verify() > 20
    assert journal.audit() == []
    journal.close()


@pytest.mark.parametrize("name", ["everything", "generations", "waits"])
def test_old_run_replays_to_its_recorded_outcome(folder: Path, name: str) -> None:
    async def read() -> list[Any]:
        journal = SqliteJournal.open(folder, threaded=False)
        events = await journal.read(name)
        journal.close()
        return events

    events = asyncio.run(read())
    target = getattr(golden_flows, name)
    run, asked = replay(target, [event for event in events if event.kind != Kind.ENDED])
    assert run.broken is None
    assert asked == []
    if events[-1].kind == Kind.ENDED:
        assert run.outcome is not None
        assert run.outcome.body == events[-1].body


def test_old_run_that_waits_goes_on(folder: Path) -> None:
    async def inside() -> None:
        async with engine(folder) as e:
            assert await e.status("waits") is Status.SUSPENDED
            await e.worker.post("waits", "go", BUILTIN.encode("went"), sender="founder", id="1")
            assert await e.result(golden_flows.waits, "waits") == ["first", "went", "second"]
            again = await e.result(golden_flows.everything, "everything")
            assert again["booked"] == "booked c"
            assert workflow_of(golden_flows.everything).name == "everything"

    asyncio.run(inside())
