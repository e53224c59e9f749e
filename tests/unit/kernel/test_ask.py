"""What hangs on a question that `ask` puts: one-way decisions, the cost of waiting, who comes too late."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.kernel.engine import engine

from firm.errors import DeadlineExceeded, UsageError
from firm.kernel import ask, current_run, step, workflow
from firm.kernel.journal import Kind, own_key
from firm.kernel.question import Stakes, stakes_of
from firm.kernel.status import Status
from firm.kernel.value import encode_input
from firm.store.sqlite import SqliteJournal
from firm.testing import VirtualClock

DAYS_2 = timedelta(days=2).total_seconds()
BOUGHT: list[str] = []


@step
async def buy(colour: str) -> str:
    BOUGHT.append(colour)
    return f"bought a {colour} one"


@workflow
async def paints() -> str:
    return await buy(await ask("Which colour?", options=["red", "blue"]))


@workflow
async def ships() -> str:
    return str(await ask("Ship it?", options=["yes", "no"], one_way=True, waiting=40))


@workflow
async def marked_then_asks() -> str:
    current_run().mark("untrusted")
    return str(await ask("Pay the deposit?"))


@workflow
async def too_late(default: Any, one_way: bool) -> str:
    try:
        return str(await ask("Now?", default=default, deadline=60, one_way=one_way, waiting="a table"))
    except DeadlineExceeded as error:
        return f"not decided: {error}"


def in_engine(story: Any, **options: Any) -> Any:
    async def inside() -> Any:
        async with engine(**options) as e:
            return await story(e)

    return asyncio.run(inside())


def asked_input(events: list[Any]) -> bytes:
    return next(event.input for event in events if event.kind == Kind.ASKED)


def test_what_hangs_on_a_question_is_kept_beside_it() -> None:
    async def story(e: Any) -> None:
        await e.start(ships)
        (question,) = await e.until_asked()
        (row,) = await e.journal.rows("question")
        assert row.key == own_key("run-1", question.id)
        assert Stakes.decode(row.value) == Stakes(True, "40.00 USD a day", 40.0)
        given = asked_input(await e.journal.read("run-1"))
        assert given == encode_input(("Ship it?", ["yes", "no"]), {"one_way": True, "waiting": 40})
        await e.worker.answer(question.id, "yes", by="founder")
        assert await e.result(ships) == "yes"

    in_engine(story)


def test_a_question_with_nothing_more_to_say_is_journaled_as_it_always_was() -> None:
    async def story(e: Any) -> None:
        await e.start(paints)
        (question,) = await e.until_asked()
        assert await e.journal.rows("question") == []
        given = asked_input(await e.journal.read("run-1"))
        assert given == encode_input(("Which colour?", ["red", "blue"]), {})
        await e.worker.answer(question.id, "red", by="founder")
        await e.result(paints)

    in_engine(story)


def test_what_the_run_was_marked_with_stands_beside_its_question_and_not_in_its_input() -> None:
    async def story(e: Any) -> None:
        await e.start(marked_then_asks)
        (question,) = await e.until_asked()
        (row,) = await e.journal.rows("question")
        assert Stakes.decode(row.value).marks == ("untrusted",)
        assert asked_input(await e.journal.read("run-1")) == encode_input(("Pay the deposit?", None), {})
        await e.worker.answer(question.id, "no", by="founder")
        await e.result(marked_then_asks)

    in_engine(story)


def test_a_one_way_decision_takes_no_default() -> None:
    with pytest.raises(UsageError, match="never falls to a default"):
        ask("Ship it?", default="yes", one_way=True)

    async def story(e: Any) -> None:
        with pytest.raises(UsageError, match="never falls to a default"):
            await e.run(too_late, "yes", True)

    in_engine(story)


@pytest.mark.parametrize("waiting", [-1, float("nan"), float("inf"), True, None, ["x"], "x" * 501])
def test_the_cost_of_waiting_is_words_or_a_sum(waiting: Any) -> None:
    with pytest.raises(UsageError, match="waiting="):
        stakes_of(waiting, one_way=False, marks=frozenset())


def test_words_about_waiting_are_kept_as_they_are() -> None:
    found = stakes_of(" the table is gone by noon ", one_way=False, marks=frozenset())
    assert found == Stakes(False, "the table is gone by noon")
    assert Stakes.decode(found.encode()) == found
    assert stakes_of("", one_way=False, marks=frozenset()).encode() == b""
    assert Stakes.decode(b"\x93junk") == Stakes(), "what another version wrote"


@pytest.mark.parametrize(
    ("default", "one_way", "came_to"),
    [
        ("later", False, "later"),
        (None, False, "not decided: nobody answered 'Now?' in time"),
        (None, True, "not decided: nobody answered 'Now?' in time"),
    ],
)
def test_at_the_deadline_the_default_is_taken_or_nothing_is_decided(
    default: Any, one_way: bool, came_to: str
) -> None:
    clock = VirtualClock()

    async def story() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal, clock=clock) as e:
            await e.start(too_late, default, one_way)
            (question,) = await e.until_asked()
            await e.until_status(Status.SUSPENDED)
            clock.advance(60)
            with pytest.raises(UsageError, match="its time was over at 2026-09-21 14:14:20 UTC"):
                await e.worker.answer(question.id, "yes", by="founder")
        async with engine(journal=journal, clock=clock) as e:
            assert await e.result(too_late) == came_to
            said = "the default 'later' was taken" if default else "nobody decided"
            with pytest.raises(UsageError, match=said):
                await e.worker.answer(question.id, "yes", by="founder")
            assert (await journal.question(question.id)).by == "deadline"
        journal.close()

    asyncio.run(story())


def test_the_first_valid_answer_counts_and_the_second_is_told_so() -> None:
    async def story(e: Any) -> None:
        await e.start(paints)
        (question,) = await e.until_asked()
        with pytest.raises(UsageError, match="takes one of"):
            await e.worker.answer(question.id, "green", by="laptop")
        both = await asyncio.gather(
            e.worker.answer(question.id, "blue", by="phone"),
            e.worker.answer(question.id, "red", by="laptop"),
            return_exceptions=True,
        )
        (refused,) = [str(one) for one in both if isinstance(one, UsageError)]
        assert re.search(r"answered already, by phone at 20\d\d-\d\d-\d\d .* UTC: 'blue'", refused)
        assert await e.result(paints) == "bought a blue one"

    in_engine(story)


def test_a_run_asks_its_process_goes_away_and_two_days_later_the_answer_brings_it_on(tmp_path: Path) -> None:
    clock = VirtualClock()
    BOUGHT.clear()

    async def ask_and_go() -> str:
        journal = SqliteJournal.open(tmp_path, threaded=True)
        async with engine(journal=journal, clock=clock) as e:
            await e.start(paints)
            (question,) = await e.until_asked()
            await e.until_status(Status.SUSPENDED)
        journal.close()
        return str(question.id)

    async def come_back(question: str) -> str:
        journal = SqliteJournal.open(tmp_path, threaded=True)
        async with engine(journal=journal, clock=clock) as e:
            await e.worker.answer(question, "red", by="founder")
            with pytest.raises(UsageError, match=r"by founder at 2026-09-23 14:13:20 UTC: 'red'"):
                await e.worker.answer(question, "blue", by="founder")
            found = str(await e.result(paints))
            events = await e.journal.read("run-1")
        journal.close()
        between = next(event for event in events if event.kind == Kind.ANSWERED).at_us - events[0].at_us
        assert between >= DAYS_2 * 1e6
        return found

    question = asyncio.run(ask_and_go())
    assert BOUGHT == []
    clock.advance(DAYS_2)
    assert asyncio.run(come_back(question)) == "bought a red one"
    assert BOUGHT == ["red"]
