"""Where spans go: with the run whose step makes them, and into a recorder's memory."""

import asyncio
from typing import Any

import pytest
from tests.unit.kernel.engine import Engine, engine

from firm.errors import RetryableError
from firm.kernel import Retry, Row, continue_as, current_step, gather, step, workflow
from firm.kernel.journal import own_key
from firm.store.sqlite import SqliteJournal
from firm.trace import Kept, Recorder, Span, attribute, keep, spans_of
from firm.trace.keep import BOOK
from firm.trace.span import CHAT, EXECUTE_TOOL


def chat(model: str, error: str = "") -> Span:
    return Span(CHAT, 1, 2, {attribute.REQUEST_MODEL: model}, error)


def go(story: Any) -> None:
    async def inside() -> None:
        async with engine() as e:
            await story(e)

    asyncio.run(inside())


def told(kept: list[Kept]) -> list[tuple[int, int, int, str]]:
    return [(one.generation, one.place, one.attempt, one.span.name + one.span.error) for one in kept]


@step
async def asks(model: str) -> str:
    assert keep([chat(model), chat(f"{model}'")])
    assert keep([Span(EXECUTE_TOOL, 1, 2, {attribute.TOOL_NAME: "look"})])
    return model


@workflow
async def two_calls(part: int) -> str:
    await gather(asks("b"), asks("a"))
    if part < 2:
        continue_as(part + 1)
    return "done"


def test_spans_are_kept_with_the_run_by_generation_place_and_attempt() -> None:
    async def story(e: Engine) -> None:
        await e.run(two_calls, 1)
        assert told(await spans_of(e.journal, "run-1")) == [
            (generation, place, 1, name)
            for generation in (1, 2)
            for place, model in ((1, "b"), (2, "a"))
            for name in (f"chat {model}", f"chat {model}'", "execute_tool look")
        ]

    go(story)


@step(retry=Retry(attempts=3, first_s=0))
async def busy(fails: int) -> str:
    if current_step().attempt <= fails:
        keep([chat("m", " 429")])
        raise RetryableError("busy")
    keep([chat("m")])
    return "at last"


@workflow
async def calls_a_busy_one(fails: int) -> str:
    return await busy(fails)


def test_spans_of_failed_attempts_are_kept() -> None:
    async def story(e: Engine) -> None:
        assert await e.run(calls_a_busy_one, 2) == "at last"
        assert told(await spans_of(e.journal, "run-1")) == [
            (1, 1, 1, "chat m 429"),
            (1, 1, 2, "chat m 429"),
            (1, 1, 3, "chat m"),
        ]
        with pytest.raises(RetryableError):
            await e.run(calls_a_busy_one, 3, id="run-2")
        assert len(await spans_of(e.journal, "run-2")) == 3

    go(story)


@workflow
async def child(model: str) -> str:
    return await asks(model)


@workflow
async def parent() -> str:
    return await child("c")


def test_a_run_has_its_own_spans_and_gc_drops_them_with_it() -> None:
    async def story(e: Engine) -> None:
        await e.run(parent)
        await e.run(child, "d", id="run-1 b")
        assert await spans_of(e.journal, "run-1") == []
        assert len(await spans_of(e.journal, "run-1/1")) == 3
        assert len(await e.journal.rows(BOOK)) == 4, "one row for what is kept together"
        await e.journal.gc(older_than_us=2**60)
        assert await e.journal.rows(BOOK) == []

    go(story)


def test_rows_that_are_no_spans_are_left_out() -> None:
    async def story() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        good = [chat("m")]
        rows = [
            Row(BOOK, own_key("r", "000001.000002.0001.0000"), b"junk"),
            Row(BOOK, own_key("r", "what is this"), b"\x90"),
            Row(BOOK, own_key("r", "000001.000003.0001.0000"), b"\x91\x91\x01"),
        ]
        await journal.append([], rows)
        assert await spans_of(journal, "r") == []
        assert await spans_of(journal, "nobody") == []
        from firm.trace import encode

        await journal.append([], [Row(BOOK, own_key("r", "1000001.1000002.10001.0"), encode(good))])
        assert told(await spans_of(journal, "r")) == [(1000001, 1000002, 10001, "chat m")]
        journal.close()

    asyncio.run(story())


def test_outside_of_runs_only_the_recorder_remembers() -> None:
    recorder = Recorder(3)
    assert not keep([chat("m")])
    assert [recorder.record(chat(str(number))) for number in range(5)] == [False] * 5
    assert [span.name for span in recorder.recent()] == ["chat 2", "chat 3", "chat 4"]
    assert [span.name for span in recorder.recent(1)] == ["chat 4"]
    assert recorder.recent(0) == []
    assert recorder.record() is False
    assert len(Recorder().recent()) == 0


def test_a_step_outside_of_any_run_keeps_nothing() -> None:
    assert asyncio.run(records(Recorder())) is False


RECORDER = Recorder()


@step
async def records(recorder: Any = None) -> bool:
    return (recorder or RECORDER).record(chat("m"))


@workflow
async def records_in_a_run() -> bool:
    assert not keep([chat("outside any step")])
    return await records()


def test_in_a_run_the_recorder_keeps_and_remembers() -> None:
    async def story(e: Engine) -> None:
        assert await e.run(records_in_a_run) is True
        assert told(await spans_of(e.journal, "run-1")) == [(1, 1, 1, "chat m")]
        assert RECORDER.recent(1) == [chat("m")]

    go(story)
