"""Workers of a search in virtual time: who is free asks at once, whoever else is still at work."""

import asyncio
import random

import pytest
from tests.unit.lab.engines import plan, report, survey

from firm.lab.engine import Engine
from firm.lab.order import Order, Report
from firm.lab.problem import Allowance
from firm.lab.search import work
from firm.lab.survey import StageFacts
from firm.testing.loop import SimLoop

WORKERS = 64


def busy_share(evaluations: int) -> float:
    """Share of the workers' time in which they evaluate, with log-normal times (sigma = 1)."""
    dear = StageFacts(
        "exact", "exact", 1.0, 1.65 / 0.3
    )  # the mean of what is drawn below: one candidate an order
    planned = plan(allowance=Allowance(evaluations=evaluations), workers=WORKERS)
    one = Engine(planned, survey(stages=(StageFacts("cheap", "surrogate", 0.3, 1e-4), dear)))
    spent: list[float] = []

    async def carry(order: Order) -> Report:
        chance = random.Random(order.seed)
        assert order.size == 1
        spent.append(chance.lognormvariate(0.0, 1.0))
        await asyncio.sleep(spent[-1])
        return report(order, chance)

    loop = SimLoop()
    try:
        loop.run_until_complete(work(one, carry))
        return sum(spent) / (WORKERS * loop.time())
    finally:
        loop.close()


@pytest.mark.slow
def test_64_workers_are_busy_for_95_percent_of_the_time() -> None:
    assert busy_share(WORKERS * 200) >= 0.95
