"""Job shop: in which order does each machine take the jobs, so that all is finished soonest?

The instances ft06, ft10 and ft20 are the published ones (Fisher and Thompson, 1963); `--set table="6 6 2 1 0 3 …"`
takes any other in the usual form: jobs, machines, then for each job its machines (from 0) and times in turn.
The artifact is what a foreman can hang up: for each machine its jobs in order, as JSON, counted from 0.

    firm lab examples/lab/jobshop.py --set instance=ft10 --cpu-s 60
"""

import json

import numpy as np

from firm.errors import UsageError
from firm.lab.artifact import Text
from firm.lab.problem import (
    Allowance,
    Baseline,
    Invalid,
    Known,
    Objective,
    Operators,
    Problem,
    Score,
    Stage,
    problem,
)
from jobshop_plan import Plan, Shop, search

TABLES = {
    "ft06": """6 6
2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1""",
    "ft10": """10 10
0 29 1 78 2 9 3 36 4 49 5 11 6 62 7 56 8 44 9 21
0 43 2 90 4 75 9 11 3 69 1 28 6 46 5 46 7 72 8 30
1 91 0 85 3 39 2 74 8 90 5 10 7 12 6 89 9 45 4 33
1 81 2 95 0 71 4 99 6 9 8 52 7 85 3 98 9 22 5 43
2 14 0 6 1 22 5 61 3 26 4 69 8 21 7 49 9 72 6 53
2 84 1 2 5 52 3 95 8 48 9 72 0 47 6 65 4 6 7 25
1 46 0 37 3 61 2 13 6 32 5 21 9 32 8 89 7 30 4 55
2 31 0 86 1 46 5 74 4 32 6 88 8 19 9 48 7 36 3 79
0 76 1 69 3 76 5 51 2 85 9 11 6 40 7 89 4 26 8 74
1 85 0 13 2 61 6 7 8 64 9 76 5 47 3 52 4 90 7 45""",
    "ft20": """20 5
0 29 1 9 2 49 3 62 4 44
0 43 1 75 3 69 2 46 4 72
1 91 0 39 2 90 4 12 3 45
1 81 0 71 4 9 2 85 3 22
2 14 1 22 0 26 3 21 4 72
2 84 1 52 4 48 0 47 3 6
1 46 0 61 2 32 3 32 4 30
2 31 1 46 0 32 3 19 4 36
0 76 3 76 2 85 1 40 4 26
1 85 2 61 0 64 3 47 4 90
1 78 3 36 0 11 4 56 2 21
2 90 0 11 1 28 3 46 4 30
0 85 2 74 1 10 3 89 4 33
2 95 0 99 1 52 3 98 4 43
0 6 1 61 4 69 2 49 3 53
1 2 0 95 3 72 4 65 2 25
0 37 2 13 1 21 3 89 4 55
0 86 1 74 4 88 2 48 3 79
1 69 2 51 0 11 3 89 4 74
0 13 1 7 2 76 3 52 4 45""",
}
OPTIMA = {"ft06": 55, "ft10": 930, "ft20": 1165}
"""As the literature has them: ft10 was proven by Carlier and Pinson; for ft06 the tests prove it anew."""
SOURCE = (
    "tables of Fisher and Thompson (1963) with the optima listed for them; "
    "ft10: Carlier and Pinson, Management Science 35 (1989) 164"
)
STEPS = 3_000
"""Moves without a better schedule after which one improvement ends."""


def read_orders(text: str, shop: Shop) -> list[list[int]]:
    """For each machine its jobs in order, from an artifact.

    Raises:
        Invalid: it is anything but that.
    """
    try:
        orders = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"no JSON: {error}") from None
    if not isinstance(orders, list) or len(orders) != shop.machines:
        raise Invalid(f"give a list of {shop.machines} lists, one for each machine")
    for machine, order in enumerate(orders):
        if not isinstance(order, list) or not all(type(job) is int for job in order):
            raise Invalid(f"machine {machine}: {str(order)[:60]!r} is no list of whole numbers")
        if sorted(order) != list(range(shop.jobs)):
            raise Invalid(
                f"machine {machine}: {str(order)[:60]!r} does not have each of the {shop.jobs} jobs once"
            )
    return orders


def dispatch(rng: np.random.Generator, shop: Shop) -> list[list[int]]:
    """A random schedule without circles: the jobs go forward in a random sequence."""
    turns = np.repeat(np.arange(shop.jobs), shop.machines)
    rng.shuffle(turns)
    done = [0] * shop.jobs
    orders: list[list[int]] = [[] for _ in range(shop.machines)]
    for job in turns.tolist():
        orders[shop.machine[job * shop.machines + done[job]]].append(job)
        done[job] += 1
    return orders


def shake(rng: np.random.Generator, plan: Plan, swaps: int) -> list[list[int]]:
    """Swap neighbours on a longest way so often; that never closes a circle."""
    for _ in range(swaps):
        makespan = plan.time_it()
        assert makespan is not None
        blocks = plan.blocks(rng.random, makespan)
        if not blocks:
            break
        block = blocks[int(rng.integers(len(blocks)))]
        place = int(rng.integers(len(block) - 1))
        plan.move(block[place : place + 2], forward=True)
    return plan.orders()


def most_work_first(shop: Shop) -> list[list[int]]:
    """What one does by hand: of what can start soonest, the job with the most work left."""
    done, free, ready = [0] * shop.jobs, [0] * shop.machines, [0] * shop.jobs
    orders: list[list[int]] = [[] for _ in range(shop.machines)]
    for _ in shop.time:
        waiting = []
        for job in range(shop.jobs):
            if done[job] < shop.machines:
                place = job * shop.machines + done[job]
                left = sum(shop.time[place : (job + 1) * shop.machines])
                waiting.append((max(ready[job], free[shop.machine[place]]), -left, job, place))
        start, _, job, place = min(waiting)
        ready[job] = free[shop.machine[place]] = start + shop.time[place]
        done[job] += 1
        orders[shop.machine[place]].append(job)
    return orders


def written(orders: list[list[int]]) -> str:
    """As the artifact."""
    return json.dumps(orders, separators=(",", ":"))


def operators_of(shop: Shop) -> Operators:
    """How schedules are made: by chance, by tabu search, by swaps on the longest way."""

    def propose(rng: np.random.Generator) -> str:
        return written(dispatch(rng, shop))

    def improve(rng: np.random.Generator, text: str) -> str:
        plan = Plan(shop, read_orders(text, shop))
        return text if plan.time_it() is None else written(search(plan, rng, STEPS)[1])

    def perturb(rng: np.random.Generator, text: str, reach: float) -> str:
        plan = Plan(shop, read_orders(text, shop))
        if plan.time_it() is None:
            return written(dispatch(rng, shop))
        return written(shake(rng, plan, max(3, round(reach * len(shop.time) / 4))))

    return Operators(propose, improve, perturb)


@problem
def jobshop(*, instance: str = "ft10", table: str = "") -> Problem:
    """The question for one instance.

    Args:
        instance: ft06, ft10 or ft20; a name of one's own where a table is given.
        table: Any other instance in the usual form.
    """
    if not table and instance not in TABLES:
        raise UsageError(
            f"instance={instance!r}: give one of {', '.join(TABLES)}, or table= with the numbers"
        )
    shop = Shop.read(table or TABLES[instance])
    optimum = None if table else OPTIMA[instance]

    def makespan(text: str) -> Score:
        plan = Plan(shop, read_orders(text, shop))
        found = plan.time_it()
        if found is None:
            raise Invalid("the orders wait for each other in a circle, so nothing is ever finished")
        last = max(range(len(shop.time)), key=lambda place: plan.head[place] + shop.time[place])
        return Score(found, said={"last job": last // shop.machines, "gap to the bound": found - shop.bound})

    return Problem(
        name="job shop" if table else f"job shop {instance}",
        question=f"In which order do {shop.machines} machines take {shop.jobs} jobs, so that all is finished soonest?",
        artifact=Text(start=written(most_work_first(shop))),
        stages=(Stage("makespan", makespan, trust="exact"),),
        objective=Objective("makespan", "min"),
        allowance=Allowance(cpu_s=60),
        baselines=(Baseline("most work left first", artifact=written(most_work_first(shop))),),
        known=None if optimum is None else Known(optimum, SOURCE, "2026-11-23"),
        bound=float(shop.bound if optimum is None else optimum),
        operators=operators_of(shop),
    )
