"""Questions of a kind: put by later parts from within a run, or by the firm itself."""

import asyncio
from typing import Any

import pytest
from tests.unit.kernel.engine import engine

from firm.errors import DeadlineExceeded, UsageError
from firm.kernel import put_question, sleep, step, workflow
from firm.kernel.journal import Answer, Kind, Question, own_key
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN


@workflow
async def approves(amount: int) -> Any:
    detail = BUILTIN.encode({"tool": "pay", "amount": amount})
    return await put_question("approval", f"Pay {amount}?", options=None, detail=detail)


@workflow
async def has_choice() -> Any:
    return await put_question("loop", "Again?", options=["go on", "stop"])


def in_engine(story: Any) -> Any:
    async def inside() -> Any:
        async with engine() as e:
            return await story(e)

    return asyncio.run(inside())


def test_a_question_has_its_kind_and_its_detail_beside_it() -> None:
    async def story(e: Any) -> None:
        await e.start(approves, 7)
        (question,) = await e.until_asked()
        assert (question.kind, question.text, question.run) == ("approval", "Pay 7?", "run-1")
        (row,) = await e.journal.rows("question")
        assert row.key == own_key("run-1", question.id)
        assert BUILTIN.decode(row.value) == {"tool": "pay", "amount": 7}
        await e.worker.answer(question.id, {"do": "accept"}, by="founder")
        assert await e.result(approves) == {"do": "accept"}
        asked = next(event for event in await e.journal.read("run-1") if event.kind == Kind.ASKED)
        assert asked.name == "approval"

    in_engine(story)


def test_a_question_outlives_eviction_and_is_asked_once() -> None:
    async def story(e: Any) -> None:
        await e.start(approves, 7)
        (question,) = await e.until_asked()
        await e.until_status(Status.SUSPENDED)
        await e.worker.answer(question.id, "yes", by="founder")
        assert await e.result(approves) == "yes"
        assert len(await e.journal.questions(open_only=False)) == 1

    in_engine(story)


def test_only_an_option_answers() -> None:
    async def story(e: Any) -> None:
        await e.start(has_choice)
        (question,) = await e.until_asked()
        with pytest.raises(UsageError, match="takes one of"):
            await e.worker.answer(question.id, "perhaps", by="founder")
        await e.worker.answer(question.id, "stop", by="founder")
        assert await e.result(has_choice) == "stop"
        assert await e.journal.rows("question") == [], "without a detail there is no row"

    in_engine(story)


@workflow
async def expires(default: Any) -> Any:
    from firm.kernel import now

    deadline_us = round(now().timestamp() * 1e6) + 50_000
    try:
        return await put_question("approval", "Now?", options=None, deadline_us=deadline_us, default=default)
    except DeadlineExceeded as error:
        return str(error)


@pytest.mark.parametrize(("default", "value"), [(None, "nobody answered 'Now?' in time"), ("no", "no")])
def test_a_question_expires(default: Any, value: Any) -> None:
    async def story(e: Any) -> None:
        assert await e.run(expires, default) == value
        (question,) = await e.journal.questions(open_only=False)
        assert question.by == "deadline"

    in_engine(story)


@workflow
async def gives_up() -> str:
    task = asyncio.create_task(put_question("approval", "Pay?", options=None, detail=b"x"))
    await sleep(0.02)
    task.cancel()
    await sleep(0.02)
    return "given up"


def test_a_question_that_the_run_gave_up_is_closed() -> None:
    async def story(e: Any) -> None:
        assert await e.run(gives_up) == "given up"
        assert await e.journal.questions() == []

    in_engine(story)


@pytest.mark.parametrize("kind", ["ask", "in doubt", "stuck", ""])
def test_the_kinds_of_the_kernel_are_not_for_others(kind: str) -> None:
    @workflow
    async def wrong() -> str:
        try:
            await put_question(kind, "?", options=None)
        except UsageError as error:
            return str(error)
        return ""

    async def story(e: Any) -> None:
        assert "kind" in await e.run(wrong)
        with pytest.raises(UsageError, match="kind"):
            await e.worker.ask_firm("q", kind, "?", None)

    in_engine(story)


@step
async def asks_in_step() -> str:
    try:
        await put_question("approval", "?", options=None)
    except UsageError as error:
        return str(error)
    return ""


@workflow
async def with_step() -> str:
    return await asks_in_step()


def test_a_step_cannot_put_a_question() -> None:
    async def story(e: Any) -> None:
        assert "a step cannot wait" in await e.run(with_step)

    in_engine(story)
    with pytest.raises(UsageError, match="outside any run"):
        put_question("approval", "?", options=None)


# --- the firm itself asks --------------------------------------------------------------------------------------------


def test_the_firm_asks_and_is_told_after_the_commit() -> None:
    async def story(e: Any) -> None:
        told: list[tuple[Question, Any]] = []

        def tell(question: Question, value: Any) -> None:
            told.append((question, value))

        e.worker.on_firm_answer = tell
        await e.worker.ask_firm("breaker-1", "breaker", "Go on spending?", ["go on", "stop"])
        (question,) = await e.journal.questions()
        assert (question.run, question.kind, question.options) == (
            "",
            "breaker",
            BUILTIN.encode(["go on", "stop"]),
        )
        with pytest.raises(UsageError, match="takes one of"):
            await e.worker.answer("breaker-1", "what?", by="founder")
        assert told == []
        await e.worker.answer("breaker-1", "go on", by="founder")
        assert [(one.id, value) for one, value in told] == [("breaker-1", "go on")]
        assert await e.journal.questions() == []
        closed = await e.journal.question("breaker-1")
        assert (closed.by, BUILTIN.decode(closed.answer)) == ("founder", "go on")
        with pytest.raises(UsageError, match="answered already"):
            await e.worker.answer("breaker-1", "stop", by="founder")
        assert len(told) == 1
        assert e.journal.audit() == []
        assert await e.journal.mail_after(0) == []

    in_engine(story)


def test_the_firm_asks_once_under_one_id() -> None:
    async def story(e: Any) -> None:
        for _ in range(2):
            await e.worker.ask_firm("q", "breaker", "?", None)
        assert len(await e.journal.questions()) == 1
        await e.worker.answer("q", 1, by="founder")
        with pytest.raises(UsageError, match="take another id"):
            await e.worker.ask_firm("q", "breaker", "?", None)

    in_engine(story)


def test_a_question_of_the_firm_that_was_answered_a_moment_before_stops_nothing() -> None:
    async def story(e: Any) -> None:
        await e.worker.ask_firm("q", "breaker", "?", None)
        question = await e.journal.question("q")
        await e.journal.append([], [Answer("q", BUILTIN.encode(1), "other", 5)])
        await e.journal.append([], [question])
        assert (await e.journal.question("q")).by == "other"

    in_engine(story)


def test_with_nobody_to_tell_the_answer_is_kept_all_the_same() -> None:
    async def story(e: Any) -> None:
        await e.worker.ask_firm("q", "breaker", "?", None)
        await e.worker.answer("q", "x", by="founder")
        assert BUILTIN.decode((await e.journal.question("q")).answer) == "x"

    in_engine(story)
