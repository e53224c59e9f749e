"""A search where everything fails: workers ask a real engine, and what carries out its orders is the simulated world.

The workflow returns all that was asked and told, in order, with the state it came to, so that a second engine that
never saw a crash can be led the same way.
"""

import random
from typing import Any

import msgspec
from tests.unit.lab.engines import plan, report, survey

from firm.kernel import Retry, step, workflow
from firm.kernel.status import Status
from firm.lab.engine import Engine
from firm.lab.order import Order, Report
from firm.lab.problem import Allowance
from firm.lab.search import work
from firm.testing import Job, Options, Program, act, simulate
from firm.testing import Report as History
from firm.testing.fault import FAULTS

CANDIDATES = 24
WORKERS = 4
OFTEN = Retry(attempts=200, first_s=0.1, max_s=1.0)


def new_engine(workers: int = WORKERS) -> Engine:
    """At its beginning."""
    return Engine(plan(allowance=Allowance(evaluations=CANDIDATES), workers=workers), survey())


class Noted(Engine):
    """An engine that notes what it is asked and told."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.log: list[tuple[str, int]] = []

    def ask(self) -> Order | None:
        """As the engine."""
        order = super().ask()
        self.log.append(("ask", order.number if order is not None else 0))
        return order

    def tell(self, order: Order, report: Report) -> None:
        """As the engine."""
        self.log.append(("tell", order.number))
        super().tell(order, report)


class Came(msgspec.Struct):
    """What a search came to."""

    log: list[tuple[str, int]]
    state: bytes
    blocks: int
    evaluations: int


@step(retry=OFTEN)
async def carry(order: Order) -> Report:
    """A burst: it takes its time, and fails now and then."""
    await act("repeatable", order.number, longest_s=3.0)
    return report(order, random.Random(order.seed))


@workflow
async def searching(workers: int) -> Came:
    """All of a search but its problem."""
    engine = Noted(plan(allowance=Allowance(evaluations=CANDIDATES), workers=workers), survey())
    await work(engine, carry)
    spent = engine.record.spent
    return Came(engine.log, engine.save(), engine.record.blocks, spent.evaluations)


def led_again(log: list[tuple[str, int]], workers: int) -> Engine:
    """A fresh engine, asked and told in the same order by no kernel at all."""
    engine = new_engine(workers)
    orders: dict[int, Order] = {}
    for what, number in log:
        if what == "tell":
            order = orders.pop(number)
            engine.tell(order, report(order, random.Random(order.seed)))
            continue
        found = engine.ask()
        assert (found.number if found is not None else 0) == number
        if found is not None:
            orders[number] = found
    return engine


def sound(workers: int) -> Any:
    """Judges how a search ended: what is wrong, or None."""

    def check(status: Status, value: Any) -> str | None:
        if status is not Status.SUCCEEDED:
            return f"the search ended as {status.value}: {value!r}"
        came = msgspec.convert(value, Came)
        asked = [number for what, number in came.log if what == "ask" and number]
        told = [number for what, number in came.log if what == "tell"]
        if sorted(told) != asked or asked != list(range(1, len(asked) + 1)):
            return f"asked for {asked}, told {told}"
        if came.evaluations != CANDIDATES:
            return f"{came.evaluations} candidates for a budget of {CANDIDATES}"
        if led_again(came.log, workers).save() != came.state:
            return "an unbroken engine comes to another state"
        return None

    return check


def history(seed: int) -> History:
    """One seed: two searches beside each other, one alone and one of many workers."""
    jobs = tuple(
        Job(f"search-{workers}", searching, (workers,), expect=sound(workers)) for workers in (1, WORKERS)
    )
    drawn = Options.draw(seed)
    options = Options(drawn.workers, frozenset(drawn.faults or FAULTS), 20.0, drawn.shuffle)
    return simulate(Program("searches", jobs), seed=seed, options=options)
