"""Charters: given at the start, handed down, replaced for what is called inside a `chartered` block."""

import asyncio
from typing import Any

from tests.unit.kernel.engine import engine

from firm.kernel import (
    charter_here,
    chartered,
    continue_as,
    current_run,
    gather,
    receive,
    sleep,
    step,
    workflow,
)
from firm.kernel.call import Start
from firm.kernel.status import Status
from firm.kernel.value import BUILTIN


@step
async def seen_by_step() -> bytes:
    return charter_here()


@step
def seen_by_thread() -> bytes:
    return charter_here()


@step(cpu=True)
def seen_by_process() -> bytes:
    return charter_here()


@workflow
async def child() -> list[bytes]:
    return [current_run().charter, charter_here(), await seen_by_step()]


@workflow
async def parent() -> list[Any]:
    seen: list[Any] = [charter_here(), await seen_by_step(), await child()]
    with chartered(b"narrow"):
        seen += [charter_here(), await seen_by_step(), await seen_by_thread(), await child()]
        with chartered(b"narrower"):
            seen.append(await child())
        seen.append(charter_here())
        seen.append(current_run().charter)
    return [*seen, charter_here()]


def run(target: Any, *args: Any, charter: bytes = b"whole") -> Any:
    async def inside() -> Any:
        async with engine() as e:
            await e.worker.begin(target, args, id="run-1", charter=charter)
            return await e.result(target)

    return asyncio.run(inside())


def test_children_and_steps_have_the_charter_of_the_run_or_of_the_block() -> None:
    narrow, narrower = [b"narrow"] * 3, [b"narrower"] * 3
    assert run(parent) == [
        *(b"whole", b"whole", [b"whole"] * 3),
        *(b"narrow", b"narrow", b"narrow", narrow, narrower, b"narrow", b"whole", b"whole"),
    ]


def test_without_a_charter_there_is_none() -> None:
    assert run(child, charter=b"") == [b"", b"", b""]
    assert charter_here() == b""


@workflow
async def asks_process() -> bytes:
    with chartered(b"narrow"):
        return await seen_by_process()


def test_a_step_in_a_process_sees_its_charter() -> None:
    assert run(asks_process) == b"narrow"


@workflow
async def made_here_awaited_there() -> list[Any]:
    with chartered(b"narrow"):
        inner_step, inner_child = seen_by_step(), child()
    outer_step, outer_child = seen_by_step(), child()
    with chartered(b"other"):
        return list(await gather(inner_step, inner_child, outer_step, outer_child))


def test_a_call_has_the_charter_of_the_place_where_it_was_made() -> None:
    assert run(made_here_awaited_there) == [b"narrow", [b"narrow"] * 3, b"whole", [b"whole"] * 3]


@workflow
async def empties() -> list[Any]:
    with chartered(b""):
        return [charter_here(), await seen_by_step(), await child()]


def test_the_empty_charter_is_one_too() -> None:
    assert run(empties) == [b"", b"", [b""] * 3]


def test_nothing_leaks_into_a_run_from_whoever_starts_it() -> None:
    async def inside() -> Any:
        async with engine() as e:
            with chartered(b"of the one who starts"):
                await e.start(child)
                return await e.result(child)

    assert asyncio.run(inside()) == [b"", b"", b""]


@workflow
async def goes_on(number: int) -> list[bytes]:
    if number == 1:
        with chartered(b"narrow"):
            continue_as(2)
    await sleep(0.3)
    await receive("go")
    return [current_run().charter, charter_here(), await seen_by_step()]


def test_the_charter_outlives_generations_and_eviction() -> None:
    async def inside() -> Any:
        async with engine() as e:
            await e.worker.begin(goes_on, (1,), id="run-1", charter=b"whole")
            await e.until_status(Status.SUSPENDED)
            await e.worker.post("run-1", "go", BUILTIN.encode(1), sender="founder", id="1")
            assert await e.result(goes_on) == [b"whole"] * 3
            starts = [
                Start.decode(event.body)
                for event in await e.journal.read("run-1", whole=True)
                if event.name == "goes_on" and event.place == 0 and event.kind == 1
            ]
            assert [(one.generation, one.charter) for one in starts] == [(1, b"whole"), (2, b"whole")]

    asyncio.run(inside())


@workflow
async def waits_in_block() -> list[bytes]:
    with chartered(b"narrow"):
        await receive("go")
        return [charter_here(), await seen_by_step(), *await child()]


def test_a_replay_stands_in_the_same_block_again() -> None:
    async def inside() -> Any:
        async with engine() as e:
            await e.worker.begin(waits_in_block, (), id="run-1", charter=b"whole")
            await e.until_status(Status.SUSPENDED)
            await e.worker.post("run-1", "go", BUILTIN.encode(1), sender="founder", id="1")
            return await e.result(waits_in_block)

    assert asyncio.run(inside()) == [b"narrow"] * 5


def test_joining_a_run_keeps_its_charter() -> None:
    async def inside() -> Any:
        async with engine() as e:
            await e.worker.begin(child, (), id="run-1", charter=b"first")
            await e.worker.begin(child, (), id="run-1", charter=b"second")
            return await e.result(child)

    assert asyncio.run(inside()) == [b"first"] * 3


def test_outside_any_run_a_block_says_what_code_acts_under() -> None:
    with chartered(b"mine"):
        assert charter_here() == b"mine"
        assert asyncio.run(seen_by_step()) == b"mine"
    assert charter_here() == b""
