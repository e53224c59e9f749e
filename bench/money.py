"""CPU of money at 10,000 calls at once, and 10,000 runs against a cap of 1 USD.

A pair is a reservation and its settlement. Its cost is what 10,000 tasks with a pair take, less what the same tasks
take with as many waits and no ledger; all is user and system CPU of the whole process, the best of some rounds.
"""

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from bench import machine, tell

from firm.errors import BudgetExceeded
from firm.kernel import step, workflow
from firm.kernel.journal import Row
from firm.kernel.worker import Worker
from firm.ledger import Books, Ledger, Tags, books_of
from firm.store.sqlite import SqliteJournal
from firm.units import Amount, Limit, Purse

CALLS = 10_000
ROUNDS = 5
CAP_MICRO = 1_000_000
MOST = Amount(500, 1000, output=4096, calls=1)
USED = Amount(90, 900, output=300, calls=1)


class Nothing:
    """A keeper that keeps nothing."""

    def put(self, *rows: Row) -> None: ...

    async def commit(self, *rows: Row) -> None:
        await asyncio.sleep(0)


class Door:
    """A keeper on a worker."""

    def __init__(self, worker: Worker) -> None:
        self.put = worker.write_rows
        self.commit = worker.commit


def open_ledger(keeper: Nothing | Door, books: Books, cap_micro: int = 10**12) -> Ledger:
    firm = Purse("firm", (Limit("usd_micro", cap_micro, "day"),))
    agent = Purse("agent/scout", (Limit("usd_micro", 10**12, "day"),))
    return Ledger(
        keeper, books, firm=firm, purses={"agent/scout": agent}, now_us=lambda: time.time_ns() // 1000
    )


def tags_of(number: int) -> Tags:
    return Tags(f"run-{number}", 1, "scout", name="big", operation="chat", host="api.example")


RUN_PURSES = [(Purse(f"run/{number}", (Limit("usd_micro", 10**9),)),) for number in range(CALLS)]
TAGS = [tags_of(number) for number in range(CALLS)]


async def cost_us(work: Callable[[int], Awaitable[None]]) -> float:
    """CPU of one of 10,000 at once."""
    gc.collect()
    begun = time.process_time()
    await asyncio.gather(*(work(number) for number in range(CALLS)))
    await asyncio.sleep(0)
    return (time.process_time() - begun) / CALLS * 1e6


async def bare(number: int) -> None:
    """Two waits, as a reservation and the call itself have them."""
    loop = asyncio.get_running_loop()
    first = loop.create_future()
    loop.call_soon(first.set_result, None)
    await first
    await asyncio.sleep(0)


def paying(ledger: Ledger) -> Callable[[int], Awaitable[None]]:
    async def pay(number: int) -> None:
        held = await ledger.reserve(MOST, RUN_PURSES[number], TAGS[number])
        await asyncio.sleep(0)
        held.settle(USED)

    return pay


async def with_nothing() -> float:
    """Least cost of a pair with a keeper that keeps nothing."""
    best, floor = [], []
    for _ in range(ROUNDS):
        ledger = open_ledger(Nothing(), Books())
        await cost_us(paying(ledger))  # purses are known from the second call on
        best.append(await cost_us(paying(ledger)))
        floor.append(await cost_us(bare))
        await ledger.close()
    return min(best) - min(floor)


@step
async def call(number: int, paid: bool) -> int:
    if paid:
        held = await LEDGERS[-1].reserve(MOST, RUN_PURSES[number], TAGS[number])
        await asyncio.sleep(0)
        held.settle(USED)
    else:
        await bare(number)
    return number


LEDGERS: list[Ledger] = []


@workflow
async def calling(number: int, count: int, paid: bool) -> int:
    for _ in range(count):
        await call(number, paid)
    return number


async def in_runs(paid: bool) -> float:
    """CPU of a step in 10,000 runs at once: the difference between runs of 3 steps and of 1."""
    took = []
    for count in (1, 3):
        with tempfile.TemporaryDirectory() as folder:
            journal = SqliteJournal.open(Path(folder))
            worker = Worker(journal)
            await worker.start()
            LEDGERS.append(open_ledger(Door(worker), await books_of(journal)))

            async def one(number: int, count: int = count, worker: Worker = worker) -> None:
                await worker.ended(await worker.begin(calling, (number, count, paid)))

            took.append(await cost_us(one))
            await LEDGERS.pop().close()
            await worker.stop()
            journal.close()
    return (took[1] - took[0]) / 2


async def directly(cost: dict[str, float]) -> None:
    """Pairs outside any run, with the real journal; then the books are read back."""
    best, floor = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            journal = SqliteJournal.open(Path(folder))
            worker = Worker(journal)
            await worker.start()
            ledger = open_ledger(Door(worker), await books_of(journal))
            await cost_us(paying(ledger))
            await worker.commit()
            begun = time.process_time()
            await cost_us(paying(ledger))
            await ledger.close()
            await worker.commit()
            best.append((time.process_time() - begun) / CALLS * 1e6)
            floor.append(await cost_us(bare))
            begun = time.process_time()
            books = await books_of(journal)
            cost["fold"] = (time.process_time() - begun) / (4 * CALLS) * 1e6
            assert books.balances["used/api.example"].calls == 2 * CALLS
            await worker.stop()
            journal.close()
    cost["pair"] = min(best) - min(floor)


async def cap(most_micro: int, used_micro: int) -> dict[str, int]:
    """10,000 calls at once against 1 USD: the most that spent and reserved came to, and who waited for free money."""
    ledger = open_ledger(Nothing(), Books(), CAP_MICRO)
    chance = random.Random(1)
    found = {"highest": 0, "refused": 0, "paid": 0, "idle waits": 0, "spent": 0}

    async def one(number: int) -> None:
        try:
            held = await ledger.reserve(Amount(most_micro, calls=1), RUN_PURSES[number], TAGS[number])
        except BudgetExceeded:
            found["refused"] += 1
            return
        for _ in range(chance.randrange(1, 20)):
            await asyncio.sleep(0)
        held.settle(Amount(used_micro, calls=1))
        found["paid"] += 1

    def head() -> object:
        return next((line.waiters[0] for line in ledger._turnstile.lines), None)

    async def watch() -> None:
        first: object = None
        while found["paid"] + found["refused"] < CALLS:
            [limit] = ledger.view("firm")[0].limits
            found["highest"] = max(found["highest"], limit.spent + limit.reserved)
            free = limit.most - limit.spent - limit.reserved
            # Money that has come free is given on in the same turn of the loop; a look may come in between.
            found["idle waits"] += first is not None and free >= most_micro and head() is first
            first = head() if free >= most_micro else None
            await asyncio.sleep(0)

    await asyncio.gather(watch(), *(one(number) for number in range(CALLS)))
    found["spent"] = ledger.view("firm")[0].limits[0].spent
    await ledger.close()
    return found


async def main() -> None:
    gc.set_threshold(100_000, 50, 100)  # what Firm.open does while it owns a home
    about = {"calls": CALLS, "rounds": ROUNDS, **machine()}
    tell("pair of reserve and settle, no journal, CPU", await with_nothing(), "µs", goal="5", **about)
    cost: dict[str, float] = {}
    await directly(cost)
    tell("pair of reserve and settle, journal, outside runs, CPU", cost["pair"], "µs")
    tell("line read back into the books, CPU", cost["fold"], "µs")
    paid = min([await in_runs(True) for _ in range(3)])
    free = min([await in_runs(False) for _ in range(3)])
    tell("pair in a durable step, journal, CPU", paid - free, "µs", goal="5, at most 50 with the gate")
    for most_micro, used_micro in ((1000, 80), (1000, 1000), (500, 300)):
        began = time.perf_counter()
        found = await cap(most_micro, used_micro)
        more = {**found, "cap": CAP_MICRO, "most": most_micro, "used": used_micro}
        more["wall_s"] = round(time.perf_counter() - began, 2)
        over = max(0, found["highest"] - CAP_MICRO)
        tell("10,000 runs against 1 USD: above the cap", over, "µUSD", goal="0", **more)
        tell(
            "10,000 runs against 1 USD: looks at which one waited for free money",
            found["idle waits"],
            "",
            goal="0",
        )


if __name__ == "__main__":
    uvloop.run(main())
