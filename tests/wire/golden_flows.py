"""The workflows of the golden journals. Never change one: a journal that was written by them is replayed for ever.

To write a journal in the format of this version, where that has changed (a new folder, the old one stays):
`python -c "from tests.wire.golden_flows import *; asyncio.run(write(Path('tests/wire/journal-N')))"`
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import RetryableError
from firm.kernel import (
    Retry,
    ask,
    continue_as,
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
from firm.kernel.worker import Worker
from firm.store.sqlite import SqliteJournal


class Offer(msgspec.Struct):
    name: str
    price_usd: float


@step
async def price(name: str) -> Offer:
    return Offer(name, 10.0 + len(name))


@step(effect="once")
async def book(name: str) -> str:
    return f"booked {name}"


@step(retry=Retry(attempts=3, first_s=0))
async def moody(times: list[int]) -> Any:
    times.append(1)
    if len(times) < 2:
        raise RetryableError("not yet")
    return (len(times), {"a", "b"}, "\ud800 lone", 2**70)


@step
async def fails() -> None:
    raise ValueError("no")


@workflow
async def child(name: str) -> Offer:
    return await price(name)


@workflow
async def everything(names: list[str]) -> dict[str, Any]:
    offers = await gather(*(child(name) for name in names), limit=2)
    best = min(offers, key=lambda offer: offer.price_usd)
    seen: dict[str, Any] = {"best": best.name, "booked": await book(best.name)}
    seen["moody"] = str(await moody([]))[:3]
    try:
        await fails()
    except ValueError as error:
        seen["error"] = str(error)
    seen["late"] = "no"
    try:
        async with asyncio.timeout(0.01):
            await receive("never")
    except TimeoutError:
        seen["late"] = "yes"
    seen["derived"] = [str(uuid()), random().random(), now().isoformat(), patched("p")]
    seen["answer"] = await ask("which?", options=["a", "b"], default="b", deadline=0.01)
    return seen


@workflow
async def generations(number: int) -> list[Any]:
    await price(str(number))
    if number < 3:
        continue_as(number + 1)
    return [number, await receive("kept")]


@workflow
async def waits() -> list[Any]:
    """Still waits when the journal is closed: for a message, with a long timer beside it."""
    first = await price("first")
    try:
        async with asyncio.timeout(100 * 365 * 86_400):
            word = await receive("go")
    except TimeoutError:
        word = "?"
    await sleep(0.01)
    return [first.name, word, (await price("second")).name]


@workflow
async def tells(to: str) -> None:
    await send(to, "kept", {"from": "tells"})


async def write(folder: Path) -> None:
    """A finished run of everything, a continued one, and one that waits."""
    journal = SqliteJournal.open(folder)
    worker = Worker(journal, idle_s=0.05)
    await worker.start()
    await worker.begin(everything, (["ab", "c", "def"],), id="everything")
    await worker.ended("everything")
    await worker.begin(generations, (1,), id="generations")
    await worker.begin(tells, ("generations",), id="tells")
    await worker.ended("generations")
    await worker.begin(waits, (), id="waits")
    while worker.active:
        await asyncio.sleep(0.05)
    await worker.stop()
    journal.close()
