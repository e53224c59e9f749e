"""Effects that must not happen twice: intent, in doubt, reconcilers, the founder's word."""

import asyncio
import time
from typing import Any

import pytest
from tests.unit.kernel.engine import Engine, engine

from firm.errors import NotSent, TerminalError, UsageError
from firm.kernel import Done, NotDone, Retry, Status, Unknown, first, sleep, step, workflow
from firm.kernel.journal import Kind
from firm.store.sqlite import SqliteJournal

SENT: list[str] = []
WORLD: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _clean() -> None:
    SENT.clear()
    WORLD.clear()
    WORLD["raise"] = []


async def look(key: str, what: str) -> Done | NotDone | Unknown:
    WORLD["asked"] = (key, what)
    return WORLD["word"]


async def act(what: str) -> str:
    SENT.append(what)
    if WORLD["raise"]:
        error = WORLD["raise"].pop(0)
        if error == "hang":
            await asyncio.sleep(60)
        raise error
    return f"sent {what}"


@step(effect="once")
async def mail(what: str) -> str:
    return await act(what)


@step(effect="once", reconcile=look, retry=Retry(attempts=3, first_s=0))
async def mail_looked_up(what: str) -> str:
    return await act(what)


@workflow
async def sends() -> str:
    return await mail("hello")


@workflow
async def sends_looked_up() -> str:
    return await mail_looked_up("hello")


async def kinds(e: Engine) -> list[Kind]:
    return [Kind(event.kind) for event in await e.journal.read("run-1")]


def test_once_writes_its_intent_before_the_effect() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(sends) == "sent hello"
            assert (await kinds(e))[1:3] == [Kind.INTENT, Kind.DONE]

    asyncio.run(inside())


def test_not_sent_is_tried_again_with_a_new_intent() -> None:
    async def inside() -> None:
        WORLD["raise"] = [NotSent("busy"), NotSent("busy")]
        async with engine() as e:
            assert await e.run(sends_looked_up) == "sent hello"
            assert (await kinds(e))[1:-1] == [Kind.INTENT, Kind.ATTEMPT] * 2 + [Kind.INTENT, Kind.DONE]

    asyncio.run(inside())


def test_plain_failure_of_once_is_a_known_outcome() -> None:
    async def inside() -> None:
        WORLD["raise"] = [ValueError("refused")]
        async with engine() as e:
            with pytest.raises(ValueError, match="refused"):
                await e.run(sends)

    asyncio.run(inside())


@pytest.mark.parametrize("error", [ConnectionResetError("lost"), TimeoutError("late")])
def test_lost_connection_leaves_it_in_doubt_and_the_founder_decides(error: Exception) -> None:
    async def inside() -> None:
        WORLD["raise"] = [error]
        async with engine() as e:
            await e.start(sends)
            (question,) = await e.until_asked()
            assert question.kind == "in doubt"
            assert "mail('hello') of run run-1 may or may not have happened" in question.text
            await e.until_status(Status.STUCK)
            assert SENT == ["hello"]
            with pytest.raises(UsageError, match="takes one of"):
                await e.worker.answer(question.id, "perhaps", by="founder")
            await e.worker.answer(question.id, {"done": "seen in the outbox"}, by="founder")
            assert await e.result(sends) == "seen in the outbox"
            assert SENT == ["hello"]
            with pytest.raises(UsageError, match="answered already"):
                await e.worker.answer(question.id, "not done", by="founder")

    asyncio.run(inside())


def test_founder_may_say_not_done_and_it_is_done_then() -> None:
    async def inside() -> None:
        WORLD["raise"] = [ConnectionResetError("lost")]
        async with engine() as e:
            await e.start(sends)
            (question,) = await e.until_asked()
            await e.worker.answer(question.id, "not done", by="founder")
            assert await e.result(sends) == "sent hello"
            assert SENT == ["hello", "hello"]

    asyncio.run(inside())


def test_founder_may_give_it_up() -> None:
    async def inside() -> None:
        WORLD["raise"] = [ConnectionResetError("lost")]
        async with engine() as e:
            await e.start(sends)
            (question,) = await e.until_asked()
            await e.worker.answer(question.id, "fail", by="founder")
            with pytest.raises(TerminalError, match="given up by the founder"):
                await e.result(sends)

    asyncio.run(inside())


def test_answer_done_without_the_result_that_is_declared_is_asked_again() -> None:
    async def inside() -> None:
        WORLD["raise"] = [ConnectionResetError("lost")]
        async with engine() as e:
            await e.start(sends)
            (question,) = await e.until_asked()
            await e.worker.answer(question.id, "done", by="founder")

            async def asked_again() -> bool:
                return any("with a result that fits" in one.text for one in await e.journal.questions())

            await e.until(asked_again)
            (again,) = await e.journal.questions()
            await e.worker.answer(again.id, {"done": "x"}, by="founder")
            assert await e.result(sends) == "x"

    asyncio.run(inside())


@pytest.mark.parametrize(
    ("word", "result", "sent"),
    [(Done("found"), "found", 1), (NotDone(), "sent hello", 2)],
)
def test_reconciler_decides_where_it_can(word: Any, result: str, sent: int) -> None:
    async def inside() -> None:
        WORLD["raise"], WORLD["word"] = [ConnectionResetError("lost")], word
        async with engine() as e:
            assert await e.run(sends_looked_up) == result
            assert len(SENT) == sent
            assert WORLD["asked"][1] == "hello"
            assert len(WORLD["asked"][0]) == 32

    asyncio.run(inside())


def test_reconciler_that_cannot_tell_leaves_it_to_the_founder() -> None:
    async def inside() -> None:
        WORLD["raise"], WORLD["word"] = [ConnectionResetError("lost")], Unknown()
        async with engine() as e:
            await e.start(sends_looked_up)
            (question,) = await e.until_asked()
            assert question.kind == "in doubt"

    asyncio.run(inside())


async def crash_in_the_middle(target: Any) -> SqliteJournal:
    """A journal whose worker vanished between intent and result."""
    WORLD["raise"] = ["hang"]
    journal = SqliteJournal.open(None, threaded=False)
    async with engine(journal=journal) as e:
        await e.start(target)

        async def sent() -> bool:
            return bool(SENT)

        await e.until(sent)
        # vanish: nothing more is written, nothing is set down
        for task in list(e.worker._tasks):
            task.cancel()
        for run in list(e.worker.active.values()):
            e.worker._lose(run)
        await asyncio.sleep(0)
        e.worker.stopping = True
    return journal


def test_crash_between_intent_and_result_is_never_repeated_blindly() -> None:
    async def inside() -> None:
        journal = await crash_in_the_middle(sends)
        async with engine(journal=journal) as e:
            (question,) = await e.until_asked()
            assert "the engine stopped in the middle of it" in question.text
            assert SENT == ["hello"]
            await e.worker.answer(question.id, {"done": "it went out"}, by="founder")
            assert await e.result(sends) == "it went out"
            assert SENT == ["hello"]

    asyncio.run(inside())


def test_open_doubt_survives_another_restart_and_is_asked_once() -> None:
    async def inside() -> None:
        journal = await crash_in_the_middle(sends)
        async with engine(journal=journal) as e:
            (first_question,) = await e.until_asked()
        async with engine(journal=journal) as e:
            await asyncio.sleep(0.1)
            (question,) = await e.journal.questions()
            assert question.id == first_question.id
            await e.worker.answer(question.id, "not done", by="founder")
            assert await e.result(sends) == "sent hello"

    asyncio.run(inside())


@workflow
async def gives_up() -> str:
    try:
        await asyncio.wait_for(mail("hello"), 0.05)
    except TimeoutError:
        return "too late"
    return "in time"


def test_cancel_in_the_middle_of_once_holds_the_run_open_until_it_is_known() -> None:
    async def inside() -> None:
        WORLD["raise"] = ["hang"]
        async with engine() as e:
            await e.start(gives_up)
            (question,) = await e.until_asked()
            assert await e.status() is not Status.SUCCEEDED
            await e.worker.answer(question.id, {"done": "it had gone out"}, by="founder")
            assert await e.result(gives_up) == "too late"
            assert (await kinds(e))[-3:] == [Kind.ANSWERED, Kind.DONE, Kind.ENDED]

    asyncio.run(inside())


@workflow
async def races() -> Any:
    return await first(sleep(0.02), mail_looked_up("hello"))


def test_loser_of_a_race_is_settled_by_its_reconciler() -> None:
    async def inside() -> None:
        WORLD["raise"], WORLD["word"] = ["hang"], Done("sent")
        async with engine() as e:
            assert await e.run(races) == (0, None)
            assert SENT == ["hello"]

    asyncio.run(inside())


def test_effect_in_the_gap_after_a_restored_backup_is_in_doubt() -> None:
    """A past that was put back must not send mail again."""

    @workflow
    async def waits_then_sends() -> str:
        await sleep(0.2)
        return await mail("hello")

    async def inside() -> None:
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(waits_then_sends)
            await e.until_status(Status.SUSPENDED)
            standing = await journal.standing("run-1")
            assert standing is not None
        await restore_mark(journal)
        async with engine(journal=journal) as e:
            from firm.kernel.definition import workflow_of

            e.worker.adopt(workflow_of(waits_then_sends))
            (question,) = await e.until_asked()
            assert "a backup was restored" in question.text
            assert SENT == []
            await e.worker.answer(question.id, "not done", by="founder")
            assert await e.result(waits_then_sends) == "sent hello"
            assert SENT == ["hello"], "what was said about it holds"

    asyncio.run(inside())


def test_reconciler_is_believed_after_a_restored_backup() -> None:
    async def inside() -> None:
        WORLD["word"] = NotDone()
        journal = SqliteJournal.open(None, threaded=False)
        async with engine(journal=journal) as e:
            await e.start(waits_then_looks)
            await e.until_status(Status.SUSPENDED)
        await restore_mark(journal)
        async with engine(journal=journal) as e:
            assert await e.result(waits_then_looks) == "sent hello"
            assert (await kinds(e)).count(Kind.INTENT) == 2

    asyncio.run(inside())


@step(effect="once", reconcile=look, timeout_s=0.05)
def mail_in_a_thread(what: str) -> str:
    time.sleep(0.3)
    SENT.append(what)
    return f"sent {what}"


@workflow
async def sends_in_a_thread() -> str:
    return await mail_in_a_thread("hello")


def test_thread_that_outlives_its_time_is_awaited_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firm.kernel.attempt.CONFIRM_EVERY_S", 0.05)

    async def inside() -> None:
        WORLD["word"] = NotDone()  # what an early look would say
        async with engine() as e:
            assert await e.run(sends_in_a_thread) == "sent hello"
            assert SENT == ["hello"]
            assert "asked" not in WORLD

    asyncio.run(inside())


def test_thread_that_never_ends_is_told_to_the_founder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.kernel.attempt.THREAD_GRACE_S", 0.05)

    async def inside() -> None:
        async with engine() as e:
            await e.start(sends_in_a_thread)
            (question,) = await e.until_asked()
            assert "its thread is still at work" in question.text

    asyncio.run(inside())


@step(effect="once", timeout_s=0.05)
def mail_in_a_slow_thread(what: str) -> str:
    time.sleep(0.4)
    return what


@workflow
async def sends_in_a_slow_thread() -> str:
    return await mail_in_a_slow_thread("hello")


def test_effect_in_a_thread_without_a_reconciler_is_in_doubt_at_its_time_out() -> None:
    async def inside() -> None:
        async with engine() as e:
            begun = time.monotonic()
            await e.start(sends_in_a_slow_thread)
            (question,) = await e.until_asked()
            assert time.monotonic() - begun < 0.35
            assert "took longer than its timeout_s=0.05; its thread is still at work" in question.text

    asyncio.run(inside())


@workflow
async def waits_then_looks() -> str:
    await sleep(0.2)
    return await mail_looked_up("hello")


async def restore_mark(journal: SqliteJournal) -> None:
    """What `firm restore` appends to each unfinished run."""
    from firm.kernel.journal import Event, Stand

    await journal.join("restorer", lease_s=None)
    (claimed,) = await journal.claim(["run-1"], "restorer")
    last = claimed.events[-1]
    epoch = claimed.standing.epoch
    await journal.append(
        [Event("run-1", last.seq + 1, epoch, Kind.RESTORED, 0, "", last.at_us)],
        [Stand("run-1", epoch, Status.SUSPENDED, last.at_us, wake_at_us=last.at_us)],
    )
