"""Workflows that use every construct of asyncio that rule K1 names; each must replay exactly."""

import asyncio
from typing import Any

from firm.kernel import (
    as_completed,
    ask,
    continue_as,
    first,
    gather,
    now,
    patched,
    random,
    receive,
    send,
    sleep,
    step,
    uuid,
    workflow,
)

CALLS: list[tuple[str, Any]] = []
"""Every execution of a step, in order; tests look at what was executed again."""
GATE: dict[str, asyncio.Event] = {}


@step
async def work(name: str, wait_s: float = 0.0) -> str:
    CALLS.append(("work", name))
    await asyncio.sleep(wait_s)
    return name.upper()


@step
async def broken(name: str) -> str:
    CALLS.append(("broken", name))
    raise ValueError(f"no {name}")


@step
def plain(number: int) -> int:
    CALLS.append(("plain", number))
    return number * 2


@workflow
async def leaf(name: str) -> str:
    return await work(name)


@workflow
async def bad_leaf(name: str) -> str:
    await work("before")
    return await broken(name)


@workflow
async def shared_list() -> list[str]:
    """Branches that share a list: its order is that of the results."""
    seen: list[str] = []

    async def branch(name: str, wait_s: float) -> None:
        seen.append(f"begin {name}")
        seen.append(await work(name, wait_s))
        seen.append(await work(name + "2"))

    await asyncio.gather(branch("a", 0.02), branch("b", 0.0), branch("c", 0.01))
    return seen


@workflow
async def failing_group() -> list[str]:
    seen: list[str] = []

    async def slow(name: str) -> None:
        try:
            await work(name, 30)
        except asyncio.CancelledError:
            seen.append(f"cancelled {name}")
            seen.append(await work(f"clean {name}"))
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(slow("x"))
            group.create_task(slow("y"))
            group.create_task(broken("z"))
    except* ValueError as group_error:
        seen.append(str(group_error.exceptions[0]))
    return seen


@workflow
async def times_out() -> list[str]:
    seen = []
    try:
        await asyncio.wait_for(work("slow", 30), 0.02)
    except TimeoutError:
        seen.append("wait_for")
    try:
        async with asyncio.timeout(0.02):
            await asyncio.Event().wait()
    except TimeoutError:
        seen.append("timeout")
    done, pending = await asyncio.wait(
        [asyncio.create_task(work("quick")), asyncio.create_task(work("late", 30))], timeout=0.05
    )
    seen.extend(task.result() for task in done)
    for task in pending:
        task.cancel()
    seen.append(await asyncio.wait_for(work("in time"), 30))
    return seen


@workflow
async def waits_on_sets() -> list[str]:
    """Sets of tasks iterate alike in every replay."""
    seen: list[str] = []
    tasks = {
        asyncio.create_task(work(f"t{number}", number % 3 * 0.004), name=f"t{number}") for number in range(12)
    }
    while tasks:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        seen.extend(task.result() for task in done)
        seen.append(await work("after " + ",".join(task.get_name() for task in done)))
    return seen


@workflow
async def locks_and_queues() -> list[str]:
    seen: list[str] = []
    lock, queue = asyncio.Lock(), asyncio.Queue[str](maxsize=1)
    semaphore, condition = asyncio.Semaphore(2), asyncio.Condition()

    async def make(name: str) -> None:
        async with semaphore:
            await queue.put(await work(name))

    async def take() -> None:
        for _ in range(4):
            item = await queue.get()
            async with lock:
                seen.append(item + await work("took " + item))
        async with condition:
            condition.notify_all()

    async def watch() -> None:
        async with condition:
            await condition.wait()
            seen.append("told")

    await asyncio.gather(watch(), take(), *(make(name) for name in "pqrs"))
    return seen


@workflow
async def cancels() -> list[str]:
    seen: list[str] = []

    async def branch() -> None:
        try:
            await work("long", 30)
        finally:
            seen.append(await work("finally"))

    task = asyncio.create_task(branch())
    await work("first")
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        seen.append("gone")
    index, value = await first(work("slowest", 30), work("fastest"))
    seen.append(f"{index} {value}")
    return seen


@workflow
async def children() -> list[str]:
    names = await gather(*(leaf(name) for name in "abcd"), limit=2)
    beside = asyncio.create_task(leaf("beside"))
    try:
        await bad_leaf("apple")
    except ValueError as error:
        names.append(str(error))
    async for index, value in as_completed(leaf("m"), work("n", 0.01)):
        names.append(f"{index}{value}")
    names.append(await beside)
    return names


@workflow
async def derived() -> list[str]:
    """Time, chance and ids."""
    seen = [str(uuid()), str(random().random()), now().isoformat()]
    await sleep(0.01)
    seen += [str(uuid()), str(random().randint(0, 10**9)), now().isoformat(), str(await plain(4))]
    return [*seen, str(patched("new"))]


@workflow
async def talks() -> list[str]:
    other = asyncio.create_task(listens())
    await sleep(0.01)
    for number in range(3):
        await send("run-1/1", "news", number)
    said = await other
    try:
        await receive("nothing", timeout_s=0.01)
    except TimeoutError:
        said.append("silence")
    return said


@workflow
async def listens() -> list[str]:
    return [str(await receive("news")) for _ in range(3)]


@workflow
async def asks() -> str:
    return await ask("which?", options=["left", "right"], default="left", deadline=0.03)


@workflow
async def generations(number: int) -> int:
    await plain(number)
    if number < 3:
        continue_as(number + 1)
    return number


@workflow
async def swallows() -> str:
    """Failures, caught and not, and results without a declared type."""
    try:
        await broken("pear")
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


CORPUS: list[tuple[Any, tuple[Any, ...]]] = [
    (shared_list, ()),
    (failing_group, ()),
    (times_out, ()),
    (waits_on_sets, ()),
    (locks_and_queues, ()),
    (cancels, ()),
    (children, ()),
    (derived, ()),
    (talks, ()),
    (asks, ()),
    (generations, (1,)),
    (swallows, ()),
]


# --- code that does not fit a history of `swallows` ----------------------------------------------------------


@workflow
async def leaf_like() -> str:
    return await work("pear")


@workflow
async def other_fruit() -> str:
    return await broken("plum")


@workflow
async def does_nothing() -> str:
    await asyncio.Event().wait()
    return "never"
