"""Job shop: the published tables, what the scorer refuses, and that the search reaches the proven optimum of ft06."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.lab.problem import Invalid, Score

ROOT = Path(__file__).parents[2]
lab = load_file(ROOT / "examples/lab/jobshop.py")
plans = load_file(ROOT / "examples/lab/jobshop_plan.py")
SHOPS = {name: lab.Shop.read(table) for name, table in lab.TABLES.items()}
TINY = "2 2 0 3 1 2 0 2 1 4"


def value(name: str, text: str) -> float:
    score = lab.jobshop(instance=name).stages[0].score(text)
    assert isinstance(score, Score)
    return score.value


def slow_makespan(shop: Any, orders: list[list[int]]) -> float:
    """By letting everything start as late as what stands before it makes it, over and over."""
    start = [0] * len(shop.time)
    at = {(shop.machine[place], place // shop.machines): place for place in range(len(shop.time))}
    chains = [[at[machine, job] for job in order] for machine, order in enumerate(orders)]
    chains += [list(range(job * shop.machines, (job + 1) * shop.machines)) for job in range(shop.jobs)]
    for _ in shop.time:
        for chain in chains:
            for one, other in itertools.pairwise(chain):
                start[other] = max(start[other], start[one] + shop.time[one])
    return max(begin + took for begin, took in zip(start, shop.time, strict=True))


def can_end_by(shop: Any, limit: int) -> bool:
    """Whether a schedule of at most `limit` exists, proven: each pair on a machine is tried both ways."""
    count, time = len(shop.time), shop.time
    pairs = [
        pair
        for pair in itertools.combinations(range(count), 2)
        if shop.machine[pair[0]] == shop.machine[pair[1]]
    ]

    def slack(head: list[int], tail: list[int], one: int, other: int) -> int:
        return limit - (head[one] + time[one] + time[other] + tail[other])

    def close(head: list[int], tail: list[int], after: list[set[int]]) -> bool:
        """Follow what is decided until nothing changes; False where the limit is passed."""
        changed = True
        while changed:
            changed = False
            for one, other in [(place, later) for place in range(count) for later in after[place]]:
                if head[one] + time[one] > head[other]:
                    head[other], changed = head[one] + time[one], True
                if tail[other] + time[other] > tail[one]:
                    tail[one], changed = tail[other] + time[other], True
            if any(head[one] + time[one] + tail[one] > limit for one in range(count)):
                return False
            for one, other in pairs:
                if other not in after[one] and one not in after[other]:
                    first, second = slack(head, tail, one, other) >= 0, slack(head, tail, other, one) >= 0
                    if not (first or second):
                        return False
                    if first != second:
                        (after[one].add(other) if first else after[other].add(one))
                        changed = True
        return True

    def look(head: list[int], tail: list[int], after: list[set[int]]) -> bool:
        if not close(head, tail, after):
            return False
        left = [(one, other) for one, other in pairs if other not in after[one] and one not in after[other]]
        if not left:
            return True
        pair = min(left, key=lambda pair: min(slack(head, tail, *pair), slack(head, tail, *reversed(pair))))
        for one, other in (pair, pair[::-1]):
            further = [set(places) for places in after]
            further[one].add(other)
            if look(head[:], tail[:], further):
                return True
        return False

    rows = [{place + 1} if (place + 1) % shop.machines else set() for place in range(count)]
    return look([0] * count, [0] * count, rows)


def test_the_optimum_of_ft06_is_proven_to_be_55() -> None:
    assert can_end_by(SHOPS["ft06"], 55)
    assert not can_end_by(SHOPS["ft06"], 54)


@pytest.mark.parametrize(
    ("name", "size", "bound"), [("ft06", (6, 6), 52), ("ft10", (10, 10), 796), ("ft20", (20, 5), 1164)]
)
def test_the_tables_have_their_shape_and_their_load(name: str, size: tuple[int, int], bound: int) -> None:
    shop = SHOPS[name]
    assert (shop.jobs, shop.machines) == size
    assert shop.bound == bound <= lab.OPTIMA[name]


def test_ft20_is_ft10_with_each_job_cut_in_two() -> None:
    # Fisher and Thompson made the one from the other: every second time, so that a wrong digit in either shows.
    ten, twenty = SHOPS["ft10"].time, SHOPS["ft20"].time
    for job in range(10):
        row = ten[job * 10 : job * 10 + 10]
        assert twenty[job * 5 : job * 5 + 5] == row[0::2]
        assert twenty[(job + 10) * 5 : (job + 10) * 5 + 5] == row[1::2]


def test_a_schedule_is_timed_as_by_hand() -> None:
    problem = lab.jobshop(instance="mine", table=TINY)
    assert problem.stages[0].score("[[0,1],[0,1]]").value == 9
    assert problem.stages[0].score("[[1,0],[1,0]]").value == 8
    assert problem.bound == 8.0
    assert problem.known is None


@pytest.mark.parametrize("name", ["ft06", "ft10"])
def test_two_ways_to_time_a_schedule_agree(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        orders = lab.dispatch(rng, SHOPS[name])
        assert value(name, lab.written(orders)) == slow_makespan(SHOPS[name], orders)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[0,1]", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "a list of 2 lists"),
        ("[[0,1]]", "a list of 2 lists"),
        ("[[0,1],[0,0]]", "machine 1: .* does not have each of the 2 jobs once"),
        ("[[0,1],[0,1.0]]", "no list of whole numbers"),
        ("[[0,1],[false,true]]", "no list of whole numbers"),
        ("[[0,1],[0,1,2]]", "each of the 2 jobs once"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, why: str) -> None:
    problem = lab.jobshop(table=TINY)
    with pytest.raises(Invalid, match=why):
        problem.stages[0].score(text)


def test_orders_that_wait_for_each_other_are_refused() -> None:
    problem = lab.jobshop(table="2 2 0 1 1 1 1 1 0 1")
    with pytest.raises(Invalid, match="in a circle"):
        problem.stages[0].score("[[1,0],[0,1]]")


def test_the_search_reaches_the_optimum_of_ft06() -> None:
    operators, rng = lab.operators_of(SHOPS["ft06"]), np.random.default_rng(0)
    text = operators.improve(rng, operators.propose(rng))
    assert value("ft06", text) == 55


def test_the_search_comes_near_the_optimum_of_ft10_from_any_start() -> None:
    operators, rng = lab.operators_of(SHOPS["ft10"]), np.random.default_rng(0)
    start = operators.propose(rng)
    text = operators.improve(rng, start)
    assert 930 <= value("ft10", text) < 1000 < value("ft10", start)
    near = operators.perturb(rng, text, 0.1)
    assert value("ft10", near) < value("ft10", start)
    assert near != text


def test_the_same_chance_makes_the_same_schedule() -> None:
    operators = lab.operators_of(SHOPS["ft06"])

    def made() -> str:
        rng = np.random.default_rng(3)
        return str(operators.perturb(rng, operators.improve(rng, operators.propose(rng)), 1.0))

    assert made() == made()


def test_a_move_never_closes_a_circle_and_links_stay_whole() -> None:
    rng, shop = np.random.default_rng(1), SHOPS["ft10"]
    plan = lab.Plan(shop, lab.dispatch(rng, shop))
    makespan = plan.time_it()
    for _ in range(300):
        found = plans.moves(plan, plan.blocks(rng.random, makespan))
        segment, forward = found[int(rng.integers(len(found)))]
        plan.move(segment, forward)
        makespan = plan.time_it()
        assert makespan is not None
        assert all(sorted(order) == list(range(10)) for order in plan.orders())
    assert makespan == slow_makespan(shop, plan.orders())


def test_the_baseline_is_a_schedule_and_the_artifact_reads_as_machine_orders() -> None:
    problem = lab.jobshop(instance="ft10")
    orders = json.loads(problem.baselines[0].artifact)
    assert [sorted(order) for order in orders] == [list(range(10))] * 10
    assert 930 < problem.stages[0].score(problem.baselines[0].artifact).value < 1500


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"instance": "ft11"}, "give one of ft06, ft10, ft20"),
        ({"table": "2 2 0 1 1 1 0 1 0 1"}, "job 1 does not visit each of 2 machines once"),
        ({"table": "2 2 0 1 1 1"}, "4 numbers where 2 jobs on 2 machines need 8"),
        ({"table": "a b"}, "give whole numbers"),
        ({"table": "1 1 0 -1"}, "give 0 or more"),
        ({"table": "7"}, "give whole numbers"),
    ],
)
def test_a_table_that_is_no_shop_is_refused(settings: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        lab.jobshop(**settings)
