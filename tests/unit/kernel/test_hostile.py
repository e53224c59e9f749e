"""What a workflow or a caller may do wrong concerns that run alone: the engine goes on."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from tests.unit.kernel.engine import Engine, engine

from firm.errors import RetryableError, StepFailed, UsageError
from firm.kernel import Done, NotDone, Unknown, ask, continue_as, receive, sleep, step, workflow
from firm.kernel.journal import Kind
from firm.kernel.value import BUILTIN

EFFECTS: list[str] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    EFFECTS.clear()


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


@step(raises=(Frozen,))
async def raises_frozen() -> None:
    raise Frozen(7)


@step
async def raises_unshowable() -> None:
    raise ValueError(Unshowable())


@step
async def asks_for_text() -> None:
    raise RetryableError("x", retry_after_s="30")  # type: ignore[arg-type]


@step
def leaves() -> None:
    sys.exit(2)


@workflow
async def callback_raises() -> str:
    task = asyncio.create_task(sleep(0))
    task.add_done_callback(lambda task: 1 / 0)
    await task
    return "went on"


@workflow
async def calls(what: str) -> str:
    target = {
        "frozen": raises_frozen,
        "unshowable": raises_unshowable,
        "text": asks_for_text,
        "leaves": leaves,
    }[what]
    try:
        await target()
    except Exception as error:
        return type(error).__name__
    return "?"


@workflow
async def leaves_itself() -> None:
    sys.exit(3)


@workflow
async def sleeps_for_ever() -> None:
    async with asyncio.timeout(1e13):
        await asyncio.sleep(1e14)


@workflow
async def innocent() -> str:
    return "alive"


async def still_alive(e: Engine) -> None:
    assert await e.run(innocent, id="after") == "alive"


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("frozen", "Frozen"),
        ("unshowable", "ValueError"),
        ("text", "RetryableError"),
        ("leaves", "StepFailed"),
    ],
)
def test_odd_exceptions_are_outcomes_like_others(what: str, name: str) -> None:
    async def inside() -> None:
        async with engine() as e:
            got = await e.run(calls, what)
            assert got in (name, "StepFailed")
            await still_alive(e)

    asyncio.run(inside())


def test_callback_that_raises_and_sys_exit_in_a_workflow_leave_the_engine_running() -> None:
    async def inside() -> None:
        async with engine() as e:
            assert await e.run(callback_raises) == "went on"
            with pytest.raises(StepFailed, match="SystemExit: 3"):
                await e.run(leaves_itself, id="run-2")
            await e.start(sleeps_for_ever, id="run-3")
            await still_alive(e)

    asyncio.run(inside())


@pytest.mark.parametrize("word", ["\udcff", "a\x00", ""])
def test_names_of_callers_are_checked(word: str) -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(sleeps_for_ever)
            for call in (
                e.worker.cancel("run-1", by=word),
                e.worker.post("run-1", "news", b"\x01", sender=word, id="1"),
                e.worker.answer("0" * 12, "x", by=word),
            ):
                with pytest.raises(UsageError):
                    await call
            with pytest.raises(UsageError, match="word of the engine"):
                await e.worker.answer("0" * 12, "x", by="deadline")
            await still_alive(e)

    asyncio.run(inside())


@step(effect="once")
async def act() -> None:
    EFFECTS.append("begun")
    await asyncio.sleep(0.05)
    EFFECTS.append("done")


@workflow
async def goes_over_badly() -> None:
    asyncio.create_task(act())  # noqa: RUF006
    await sleep(0)
    continue_as("too", "many")


def test_run_that_cannot_go_over_does_no_effect_after_its_end() -> None:
    async def inside() -> None:
        async with engine() as e:
            with pytest.raises(UsageError, match="too many positional"):
                await e.run(goes_over_badly)
            await asyncio.sleep(0.1)
            assert EFFECTS == []

    asyncio.run(inside())


@workflow
async def asks_twice(number: int) -> str:
    if number == 1:
        question = asyncio.create_task(ask("the old one?"))
        await receive("on")
        question.cancel()
        continue_as(2)
    return await ask("the new one?")


def test_answer_to_an_earlier_generation_answers_nothing_else() -> None:
    async def inside() -> None:
        async with engine(idle_s=10) as e:
            await e.start(asks_twice, 1)
            (old,) = await e.until_asked()
            await asyncio.gather(
                e.worker.post("run-1", "on", BUILTIN.encode(1), sender="founder", id="1"),
                e.worker.answer(old.id, "yes", by="founder"),
            )

            async def asked_anew() -> bool:
                return [one.text for one in await e.journal.questions()] == ["the new one?"]

            await e.until(asked_anew)
            (new,) = await e.journal.questions()
            await e.worker.answer(new.id, "no", by="founder")
            assert await e.result(asks_twice) == "no"

    asyncio.run(inside())


async def cancels_itself(key: str) -> Done | NotDone | Unknown:
    raise asyncio.CancelledError


@step(effect="once", reconcile=cancels_itself)
async def lost() -> None:
    raise ConnectionResetError


@workflow
async def loses() -> None:
    await lost()


def test_reconciler_that_cancels_itself_cannot_tell() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(loses)
            (question,) = await e.until_asked()
            assert question.kind == "in doubt"

    asyncio.run(inside())


@workflow
async def takes_a_set(words: set[str]) -> int:
    return len(words)


def test_same_set_in_another_order_is_the_same_work() -> None:
    async def inside() -> None:
        async with engine() as e:
            first, second = {f"word {number}" for number in range(40)}, set()
            for number in reversed(range(40)):
                second.add(f"word {number}")
            await e.run(takes_a_set, first)
            assert await e.run(takes_a_set, second) == 40

    asyncio.run(inside())


def test_message_called_cancel_does_not_stand_in_for_one() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(sleeps_for_ever)
            await e.worker.post("run-1", "news", BUILTIN.encode(1), sender="founder", id="cancel")
            await e.worker.cancel("run-1", by="founder")
            with pytest.raises(Exception, match="CancelledError"):
                await e.result(sleeps_for_ever)
            kinds = [event.kind for event in await e.journal.read("run-1")]
            assert Kind.CANCEL in kinds

    asyncio.run(inside())


def test_closed_engine_refuses_instead_of_hanging() -> None:
    async def inside() -> Any:
        async with engine() as e:
            await e.start(sleeps_for_ever)
            await e.worker.stop(grace_s=0)
            with pytest.raises(UsageError, match="closed"):
                await e.worker.post("run-1", "news", b"\x01", sender="founder", id="1")
            with pytest.raises(Exception, match="closed"):
                await e.worker.ended("run-1")

    asyncio.run(inside())
