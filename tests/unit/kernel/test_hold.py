"""Calls that a brake holds back."""

import asyncio
from typing import Any

from tests.unit.kernel.engine import engine

from firm import gather, step, workflow
from firm.kernel.signal import Held
from firm.kernel.status import Status

SHUT: list[bool] = []
DONE: list[int] = []


class Gate:
    """Holds child runs while it is shut."""

    def look(self, run: Any, call: Any) -> str:
        return ""

    def begins(self, run: Any, call: Any) -> str:
        return "gate" if SHUT else ""

    def left(self, key: str) -> None:
        DONE.append(-1)


@workflow
async def child(number: int) -> int:
    return number


@workflow
async def parent(count: int) -> list[int]:
    return await gather(*(child(number) for number in range(count)))


@step
async def tries(number: int) -> int:
    if SHUT:
        raise Held("gate")
    DONE.append(number)
    return number


@workflow
async def all_tries(count: int) -> list[int]:
    return await gather(*(tries(number) for number in range(count)))


def hold_and_free(target: Any) -> None:
    async def inside() -> None:
        SHUT[:], DONE[:] = [True], []
        async with engine(idle_s=60) as e:
            e.worker.brake = Gate()
            await e.start(target, 5)
            while not e.worker.held("gate"):
                await asyncio.sleep(0.001)
            before = len(await e.journal.read("run-1"))
            assert before == 1 and e.worker.held("gate") == 1  # nothing stands in the journal; one run
            SHUT.clear()
            assert e.worker.free("gate", 2) == 2
            while len(await e.journal.read("run-1")) < 3:
                await asyncio.sleep(0.001)
            assert e.worker.held("gate") == 1
            assert e.worker.free("gate") == 3 and e.worker.held("gate") == 0
            assert await e.result(target) == [0, 1, 2, 3, 4]

    asyncio.run(inside())


def test_so_many_calls_go_on_as_are_let_go() -> None:
    hold_and_free(parent)


def test_an_attempt_that_raises_held_has_not_been_made() -> None:
    hold_and_free(all_tries)


def test_a_run_that_is_held_leaves_memory_and_is_found_and_let_go_in_the_next_life(tmp_path: Any) -> None:
    async def inside() -> None:
        SHUT[:], DONE[:] = [True], []
        async with engine(tmp_path) as e:
            e.worker.brake = Gate()
            await e.start(parent, 3)
            await e.until_status(Status.SUSPENDED)
            standing = await e.journal.standing("run-1")
            assert standing is not None and (standing.reason, standing.wake_at_us) == ("held: gate", None)
        async with engine(tmp_path) as e:
            e.worker.brake = Gate()
            assert await e.worker.find_held() == ["gate"] and e.worker.active == {}
            SHUT.clear()
            assert e.worker.free("gate", 1) == 1
            assert await e.result(parent) == [0, 1, 2]

    asyncio.run(inside())


def test_a_run_that_is_cancelled_while_it_is_held_ends_and_the_brake_is_told() -> None:
    async def inside() -> None:
        SHUT[:], DONE[:] = [True], []
        async with engine() as e:
            e.worker.brake = Gate()
            await e.start(parent, 3)
            await e.until_status(Status.SUSPENDED)
            await e.worker.cancel("run-1", by="founder")
            await e.until_status(Status.CANCELLED)
            assert e.worker.held("gate") == 0 and DONE == [-1]

    asyncio.run(inside())
