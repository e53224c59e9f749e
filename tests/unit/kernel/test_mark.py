"""Marks: what they stick to, how they spread, and that they never go."""

import asyncio
from typing import Any

import pytest
from tests.unit.kernel.engine import engine

from firm.errors import JournalCorrupt, RetryableError, UsageError
from firm.kernel import (
    Retry,
    continue_as,
    current_run,
    current_step,
    gather,
    receive,
    send,
    sleep,
    step,
    workflow,
)
from firm.kernel.call import Attempt, Start
from firm.kernel.failure import Failure
from firm.kernel.journal import Kind
from firm.kernel.mark import MARKED, MAX_MARKS, NONE, add_marks, marked, plain, unmarked
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN


def marks_here() -> list[str]:
    return sorted(current_run().marks)


# --- bytes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [{"a"}, {"web", "mail"}, {"é" * 100}, {"x" * 200}, {f"word {number}" for number in range(40)}],
)
@pytest.mark.parametrize("body", [b"", b"\xc0", b"\xc1\x90", b"x" * 70_000])
def test_what_is_marked_comes_apart_again(words: set[str], body: bytes) -> None:
    assert unmarked(marked(body, words)) == (body, words)
    assert plain(marked(body, words)) == body


def test_a_body_without_marks_stays_as_it_is() -> None:
    body = BUILTIN.encode({"a": (1, 2)})
    assert marked(body, NONE) == body
    assert unmarked(body) == (body, NONE)


@pytest.mark.parametrize("value", [None, 1, "x", b"\xc1\xc1", (1,), {1, 2}, 2**70, [b"\xc1"], "\ud800"])
def test_no_value_is_taken_for_a_marked_one(value: Any) -> None:
    body = BUILTIN.encode(value)
    assert body[:2] != MARKED
    assert BUILTIN.decode(marked(body, {"w"})) == value


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"\xc0",
        b"\x92\xa1a",
        b"\x91\xc4\x01a",
        b"\x91\xa1\xff",
        b"\xdc\x00",
        b"\x91\xa5ab",
        b"\x91\xd9\xff",
    ],
)
def test_damaged_marks_are_an_error_and_not_a_value(tail: bytes) -> None:
    with pytest.raises(JournalCorrupt, match="marks cannot be read"):
        unmarked(MARKED + tail)


@pytest.mark.parametrize("word", ["", " a", "a\n", "x" * 201, 7])
def test_a_word_is_short_printable_text(word: Any) -> None:
    with pytest.raises(UsageError, match="mark"):
        add_marks(NONE, [word])


def test_there_are_not_endlessly_many_words() -> None:
    full = add_marks(NONE, [str(number) for number in range(MAX_MARKS)])
    assert add_marks(full, ["7"]) == full
    with pytest.raises(UsageError, match="more than 100 marks"):
        add_marks(full, ["new"])


# --- runs --------------------------------------------------------------------------------------------------------


@step
async def read(word: str) -> str:
    current_step().mark(word)
    return f"read {word}"


@step
async def clean() -> str:
    return "clean"


@step
async def fails(word: str) -> None:
    current_step().mark(word)
    raise ValueError("no")


@step(retry=Retry(attempts=3, first_s=0))
async def moody(word: str) -> int:
    attempt = current_step().attempt
    if attempt < 3:
        current_step().mark(f"{word}{attempt}")
        raise RetryableError("not yet")
    return attempt


@step
def in_thread() -> int:
    current_step().mark("thread")
    return 1


@step(cpu=True)
def in_process(word: str) -> int:
    current_step().mark(word)
    return 1


@step(effect="once")
async def once() -> int:
    current_step().mark("once")
    return 1


@workflow
async def reads() -> list[list[str]]:
    seen = [marks_here()]
    await clean()
    seen.append(marks_here())
    await read("web")
    seen.append(marks_here())
    await clean()
    return [*seen, marks_here()]


@workflow
async def all_kinds() -> list[str]:
    try:
        await fails("failed")
    except ValueError:
        pass
    await gather(moody("try"), in_thread(), once())
    return marks_here()


@workflow
async def uses_a_process() -> list[str]:
    await in_process("process")
    return marks_here()


def run(target: Any, *args: Any) -> Any:
    async def inside() -> Any:
        async with engine() as e:
            return await e.run(target, *args)

    return asyncio.run(inside())


def test_a_run_is_marked_from_the_first_marked_result_on() -> None:
    assert run(reads) == [[], [], ["web"], ["web"]]


def test_failures_retries_threads_and_effects_mark_too() -> None:
    assert run(all_kinds) == ["failed", "once", "thread", "try1", "try2"]


def test_what_a_process_said_marks_too() -> None:
    assert run(uses_a_process) == ["process"]


def test_unmarked_outcomes_are_written_as_before_and_marked_ones_carry_their_own_words() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.run(reads)
            clean_one, marked_one, last = [
                event for event in await e.journal.read("run-1") if event.kind == Kind.DONE
            ]
            assert clean_one.body == BUILTIN.encode("clean")
            assert unmarked(marked_one.body) == (BUILTIN.encode("read web"), {"web"})
            assert last.body == BUILTIN.encode("clean"), "what comes later is not said again at each step"

    asyncio.run(inside())


def test_a_run_that_ended_marked_says_so() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(reads)
            ended = await e.worker.ended("run-1")
            assert (ended.status, ended.marks) == (Status.SUCCEEDED, {"web"})
            event = (await e.journal.read("run-1"))[-1]
            assert unmarked(event.body) == (ended.body, {"web"})
            again = await e.worker.ended("run-1")
            assert (again.body, again.marks) == (ended.body, ended.marks)

    asyncio.run(inside())


def test_failures_and_attempts_are_read_whatever_they_carry() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.run(all_kinds)
            events = await e.journal.read("run-1")
            tries = [Attempt.decode(event.body) for event in events if event.kind == Kind.ATTEMPT]
            assert [one.number for one in tries] == [1, 2]
            assert all(Failure.decode(one.failure).message == "not yet" for one in tries)
            failed = next(event for event in events if event.kind == Kind.FAILED)
            assert Failure.decode(failed.body).message == "no"

    asyncio.run(inside())


@workflow
async def child(word: str) -> list[str]:
    before = marks_here()
    if word:
        await read(word)
    return before


@workflow
async def bad_child() -> None:
    await read("bad")
    raise ValueError("no")


@workflow
async def parent() -> list[Any]:
    await read("own")
    seen: list[Any] = [await child("of child"), marks_here()]
    try:
        await bad_child()
    except ValueError:
        seen.append(marks_here())
    return seen


def test_a_child_begins_with_the_marks_of_its_parent_and_gives_its_own_back() -> None:
    begun, after, at_last = run(parent)
    assert begun == ["own"]
    assert after == ["of child", "own"]
    assert at_last == ["bad", "of child", "own"]


@workflow
async def cancels_child() -> list[str]:
    task = asyncio.create_task(marks_and_waits())
    await receive("go")
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    await sleep(0.05)
    return marks_here()


@workflow
async def marks_and_waits() -> None:
    await read("cancelled child")
    await send("run-1", "go", 1)
    await sleep(1000)


def test_a_child_that_was_cancelled_marks_its_parent() -> None:
    assert run(cancels_child) == ["cancelled child"]


@workflow
async def hears() -> list[list[str]]:
    before = marks_here()
    value = await receive("news")
    assert value == {"hello": (1, 2)}
    return [before, marks_here()]


@workflow
async def says(to: str) -> None:
    await read("said")
    await send(to, "news", {"hello": (1, 2)})


def test_a_message_marks_who_receives_it() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(hears)
            await e.run(says, "run-1", id="run-2")
            assert await e.result(hears) == [[], ["said"]]

    asyncio.run(inside())


@workflow
async def does_not_listen() -> list[str]:
    await sleep(0.2)
    return marks_here()


def test_a_message_that_nobody_has_received_marks_nobody() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(does_not_listen)
            await e.run(says, "run-1", id="run-2")
            assert await e.result(does_not_listen) == []

    asyncio.run(inside())


@workflow
async def goes_on(number: int) -> list[Any]:
    if number == 1:
        await read("first")
        await receive("start")
        continue_as(2)
    before = marks_here()
    value = await receive("news")
    return [before, value, marks_here()]


def test_the_next_generation_keeps_the_marks_and_those_of_unread_messages() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(goes_on, 1)
            await e.run(says, "run-1", id="run-2")
            await e.worker.post("run-1", "start", BUILTIN.encode(1), sender="founder", id="1")
            assert await e.result(goes_on) == [["first"], {"hello": (1, 2)}, ["first", "said"]]
            start = Start.decode((await e.journal.read("run-1"))[0].body)
            assert (start.generation, start.marks) == (2, ("first",))

    asyncio.run(inside())


@workflow
async def sleeps_marked() -> list[Any]:
    current_run().mark("by code")
    current_run().state["count"] = 1
    await read("web")
    before = marks_here()
    await receive("go")
    return [before, marks_here(), current_run().state]


def test_a_run_that_was_evicted_or_killed_has_its_marks_again() -> None:
    async def inside() -> None:
        async with engine() as e:
            await e.start(sleeps_marked)
            await e.until_status(Status.SUSPENDED)
            await e.worker.post("run-1", "go", BUILTIN.encode(1), sender="founder", id="1")
            assert await e.result(sleeps_marked) == [["by code", "web"], ["by code", "web"], {"count": 1}]

    asyncio.run(inside())


@step
async def marks_its_run() -> str:
    try:
        current_run().mark("x")
    except UsageError as error:
        return str(error)
    return ""


@workflow
async def in_step() -> str:
    return await marks_its_run()


def test_a_step_marks_by_its_outcome_and_not_past_it() -> None:
    assert "call current_step().mark" in run(in_step)


@step
async def tells(word: str) -> list[str]:
    current_step().mark(*[f"{word} {number}" for number in range(MAX_MARKS)])
    return []


@workflow
async def hears_much() -> int:
    for number in range(3):
        await tells(str(number))
    return len(current_run().marks)


def test_what_comes_from_outside_is_kept_however_much_it_is() -> None:
    assert run(hears_much) == 3 * MAX_MARKS


def test_outside_any_run_marks_go_nowhere() -> None:
    assert asyncio.run(read("x")) == "read x"
