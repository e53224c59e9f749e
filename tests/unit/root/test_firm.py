"""`Firm`: start, look, answer, send, cancel, park and go on, in one process."""

import asyncio
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Firm, ask, gather, receive, sleep, step, workflow
from firm.errors import (
    JournalCorrupt,
    JournalNewer,
    RunCancelled,
    RunStuck,
    StepFailed,
    UsageError,
)
from firm.kernel.status import Status

CALLS: list[str] = []


class Offer(msgspec.Struct):
    name: str
    fit: float


@dataclass
class Note:
    text: str


class Broken(Exception):
    pass


@step
async def double(x: int) -> int:
    CALLS.append(f"double {x}")
    return 2 * x


@workflow
async def add(a: int, b: int) -> int:
    return sum(await gather(double(a), double(b)))


@workflow
async def offer(name: str) -> Offer:
    return Offer(name, 0.5)


@workflow
async def note(text: str) -> Note:
    return Note(text)


@workflow
async def asks(name: str) -> str:
    return await ask(f"Shall {name}?", options=["yes", "no"])


@workflow
async def listens(count: int) -> list[Any]:
    return [await receive("news") for _ in range(count)]


@workflow(raises=(Broken,))
async def breaks(how: str) -> None:
    raise Broken(how) if how == "ours" else ValueError(how)


@workflow
async def breaks_foreign() -> None:
    raise Broken("foreign")


@workflow
async def naps(seconds: float) -> str:
    await sleep(seconds)
    return "awake"


@workflow
async def loose(value) -> Any:  # type: ignore[no-untyped-def]
    return value


@workflow
async def family(n: int) -> int:
    return sum(await gather(*(add(i, i) for i in range(n))))


def test_a_run_gives_its_result_in_its_declared_type(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path / "home") as firm:
            assert await (await firm.start(offer, "Ada")).result() == Offer("Ada", 0.5)
            assert await (await firm.start(note, "hello")).result() == Note("hello")
            run = await firm.start(add, 1, 2)
            assert await run.result() == 6
            assert await run.status() is Status.SUCCEEDED

    asyncio.run(main())


def test_the_result_of_a_run_that_ended_long_ago_is_still_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await (await firm.start(offer, "Ada", id="a")).result()
        async with Firm.open(tmp_path) as firm:
            assert await firm.run("a").result() == Offer("Ada", 0.5)
            again = await firm.start(offer, "Ada", id="a")
            assert await again.result() == Offer("Ada", 0.5)
            assert len(await firm.runs()) == 1

    asyncio.run(main())


def test_the_same_id_with_other_work_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(add, 1, 2, id="sum")
            with pytest.raises(UsageError, match="exists already"):
                await firm.start(add, 1, 3, id="sum")
            with pytest.raises(UsageError, match="exists already"):
                await firm.start(offer, "x", id="sum")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("", "empty"),
        ("a\0b", "unprintable"),
        ("x" * 10_000, "10000 characters"),
        (" a", "space"),
        ("founder", "another"),
    ],
)
def test_a_bad_id_is_refused_before_anything_is_written(tmp_path: Path, id: str, says: str) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            with pytest.raises(UsageError, match=says):
                await firm.start(add, 1, 2, id=id)
            assert await firm.runs() == []

    asyncio.run(main())


def test_work_that_cannot_be_started_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async def plain() -> None: ...

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            with pytest.raises(UsageError, match="@workflow"):
                await firm.start(plain)
            with pytest.raises(UsageError, match="missing a required argument"):
                await firm.start(add, 1)
            with pytest.raises(UsageError, match="int"):
                await firm.start(add, 1, "two")
            with pytest.raises(UsageError, match="cannot be stored"):
                await firm.start(loose, object())
            with pytest.raises(UsageError, match="Budget usd=-1: give US dollars, 0 to 1,000,000,000"):
                await firm.start(add, 1, 2, budget=-1)
            with pytest.raises(UsageError, match="budget='5': give US dollars, or a Budget"):
                await firm.start(add, 1, 2, budget="5")  # type: ignore[arg-type]
            with pytest.raises(UsageError, match="give a list of Capability"):
                await firm.start(add, 1, 2, capabilities=["call"])  # type: ignore[list-item]
            with pytest.raises(UsageError, match="effort"):
                await firm.start(add, 1, 2, effort="high")
            assert await firm.runs() == []

    asyncio.run(main())


def test_a_failure_is_raised_as_what_the_workflow_raised(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            with pytest.raises(Broken, match="ours"):
                await (await firm.start(breaks, "ours")).result()
            with pytest.raises(ValueError, match="builtin"):
                await (await firm.start(breaks, "builtin")).result()
            run = await firm.start(breaks_foreign)
            with pytest.raises(StepFailed, match="Broken: foreign"):
                await run.result()
            assert await run.status() is Status.FAILED

    asyncio.run(main())


def test_a_cancelled_run_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(naps, 1000.0)
            await run.cancel()
            with pytest.raises(RunCancelled, match=run.id):
                await run.result()
            with pytest.raises(UsageError, match="has ended already: it was cancelled"):
                await run.cancel()

    asyncio.run(main())


def test_a_question_stands_in_the_inbox_until_it_is_answered_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(asks, "we")
            while not (found := await firm.inbox()):
                await asyncio.sleep(0.005)
            [question] = found
            assert (question.run, question.kind, question.text) == (run.id, "ask", "Shall we?")
            assert question.options == ["yes", "no"]
            with pytest.raises(UsageError, match="one of"):
                await firm.answer(question.id, "maybe")
            with pytest.raises(UsageError, match="no question"):
                await firm.answer("nothing", "yes")
            await firm.answer(question.id, "yes")
            with pytest.raises(
                UsageError, match="answered already, by somebody who has not logged in .*'yes'"
            ):
                await firm.answer(question.id, "no")
            assert await run.result() == "yes"
            assert await firm.inbox() == []

    asyncio.run(main())


def test_messages_arrive_once_and_in_order(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(listens, 4)
            await firm.send(run.id, "news", 1, id="first")
            await firm.send(run.id, "news", 1, id="first")
            for value in (2, [3, (4,)], "fünf"):
                await firm.send(run.id, "news", value)
            assert await run.result() == [1, 2, [3, (4,)], "fünf"]
            with pytest.raises(UsageError, match="has ended"):
                await firm.send(run.id, "news", 5)
            with pytest.raises(UsageError, match="no run 'nobody'"):
                await firm.send("nobody", "news", 5)
            with pytest.raises(UsageError, match="cannot be stored"):
                await firm.send(run.id, "news", object())

    asyncio.run(main())


def test_leaving_the_block_parks_and_opening_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        CALLS.clear()
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(asks, "we", id="parked")
            done = await firm.start(add, 1, 2)
            await done.result()
        assert firm.parked == ["parked"]
        async with Firm.open(tmp_path) as firm:
            while not (found := await firm.inbox()):
                await asyncio.sleep(0.005)
            await firm.answer(found[0].id, "no")
            assert await firm.run("parked").result() == "no"
        assert CALLS == ["double 1", "double 2"]
        assert run.id == "parked"

    asyncio.run(main())


def test_awaiting_a_result_when_the_firm_is_closed_raises(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            waiting = asyncio.create_task((await firm.start(naps, 1000.0)).result())
            await asyncio.sleep(0.02)
        with pytest.raises(RunStuck, match="closed"):
            await waiting
        with pytest.raises(UsageError, match="not open"):
            await firm.runs()

    asyncio.run(main())


def test_the_history_can_be_read(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(family, 1)
            await run.result()
            events = await run.events()
            assert [event.kind for event in events] == ["started", "done", "ended"]
            assert events[0].value == {"n": 1}
            assert (events[1].name, events[1].given, events[1].value) == ("add", "(0, 0)", 0)
            assert [event.seq for event in events] == [0, 1, 2]
            assert events[0].at.tzinfo is not None
            [child] = await firm.runs(parent=run.id)
            assert child.id == f"{run.id}/1"
            failed = await firm.start(breaks, "x")
            with pytest.raises(ValueError, match="x"):
                await failed.result()
            assert (await failed.events())[-1].error == "ValueError: x"
            with pytest.raises(UsageError, match="no run"):
                await firm.run("nobody").events()

    asyncio.run(main())


def test_runs_are_listed_by_status(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await (await firm.start(add, 1, 2, id="old")).result()
            await firm.start(naps, 1000.0, id="new")
            assert [run.id for run in await firm.runs()] == ["new", "old"]
            assert [run.id for run in await firm.runs("succeeded")] == ["old"]
            assert [run.id for run in await firm.runs(status=Status.RUNNING)] == ["new"]
            assert [run.name for run in await firm.runs(limit=1)] == ["naps"]
            with pytest.raises(UsageError, match="one of pending"):
                await firm.runs("sleeping")

    asyncio.run(main())


def test_an_unfinished_run_of_the_same_work_is_found(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(naps, 1000.0, id="one")
            await (await firm.start(add, 1, 2)).result()
            found = await firm.find_unfinished(naps, (1000.0,))
            assert found is not None
            assert found.id == "one"
            assert await firm.find_unfinished(naps, (5.0,)) is None
            assert await firm.find_unfinished(add, (1, 2)) is None

    asyncio.run(main())


def test_a_stuck_run_goes_on_when_it_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(listens, 1, id="a")
        monkeypatch.setattr(listens.definition, "version", "2")  # type: ignore[attr-defined]
        async with Firm.open(tmp_path) as firm:
            await firm.send("a", "news", 1)
            while not (found := await firm.inbox()):
                await asyncio.sleep(0.005)
            assert (found[0].kind, found[0].options) == ("stuck", ["resume", "cancel"])
            with pytest.raises(RunStuck, match="needs migration"):
                await firm.run(run.id).result()
            await firm.resume("a")
            assert await firm.run("a").result() == [1]
            assert await firm.inbox() == []

    asyncio.run(main())


def test_a_run_whose_history_was_cleared_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm, Firm.open(tmp_path) as other:
            await (await firm.start(add, 1, 2, id="old")).result()
            await firm._desk.journal.gc(older_than_us=2**60)
            for opened in (firm, other):
                with pytest.raises(UsageError, match="cleared by `firm gc`"):
                    await opened.run("old").result()
                with pytest.raises(UsageError, match="take another id"):
                    await opened.start(add, 1, 2, id="old")
                assert await opened.run("old").status() is Status.SUCCEEDED

    asyncio.run(main())


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path, models={"default": object()}):  # type: ignore[dict-item]
            pass

    with pytest.raises(UsageError, match=r"models\['default'\] is <object"):
        asyncio.run(main())


def test_a_firm_is_opened_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            with pytest.raises(UsageError, match="open already"):
                await firm.__aenter__()
            assert firm.is_owner

    asyncio.run(main())


def test_a_corrupt_journal_is_named_and_the_lock_let_go(tmp_path: Path) -> None:
    (tmp_path / ".firm").mkdir()
    (tmp_path / ".firm" / "journal.db").write_bytes(b"not a database at all" * 1000)

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(JournalCorrupt, match="restore"):
                async with Firm.open(tmp_path):
                    pass

    asyncio.run(main())


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    async def main() -> None:
        async with Firm.open(tmp_path):
            pass
        with sqlite3.connect(tmp_path / ".firm" / "journal.db") as db:
            db.execute("UPDATE meta SET value = 999 WHERE key = 'schema'")
        db.close()
        with pytest.raises(JournalNewer):
            async with Firm.open(tmp_path):
                pass

    asyncio.run(main())


def test_the_collector_is_calmed_while_a_firm_is_open(tmp_path: Path) -> None:
    async def main() -> None:
        before = gc.get_threshold()
        gc.set_threshold(700, 10, 10)
        try:
            async with Firm.open(tmp_path / "a"):
                assert gc.get_threshold()[0] == 50_000
                async with Firm.open(tmp_path / "b"):
                    pass
                assert gc.get_threshold()[0] == 50_000
            assert gc.get_threshold() == (700, 10, 10)
            gc.set_threshold(1234, 5, 6)
            async with Firm.open(tmp_path / "a"):
                assert gc.get_threshold() == (1234, 5, 6)
            assert gc.get_threshold() == (1234, 5, 6)
        finally:
            gc.set_threshold(*before)

    asyncio.run(main())
