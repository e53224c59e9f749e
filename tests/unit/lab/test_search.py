"""Workers of a search: nobody waits for anybody, and what leads is tried by the one whose burst ended a stretch."""

import asyncio
import random
from typing import Any

import msgspec
import pytest
from tests.unit.lab.engines import SOURCE, engine, plan, report, survey

from firm.errors import UsageError
from firm.lab import search as searching
from firm.lab.crowning import Court
from firm.lab.engine import Engine
from firm.lab.order import Order, Report
from firm.lab.problem import Allowance
from firm.lab.search import (
    DEAR_TRIAL,
    MOST_RESERVED,
    RESERVED,
    STRETCHES,
    Bench,
    Brief,
    plan_of,
    refuse_nothing,
    work,
)


async def carry(order: Order) -> Report:
    await asyncio.sleep(0)
    return report(order, random.Random(order.seed))


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """What is tried by `Bench`: (share of the budget that was used, how many at most); one costs what `Court` says."""
    seen: list[tuple[float, int]] = []

    async def try_leaders(engine: Engine, court: Court, *, most: int) -> None:
        seen.append((engine.share_used(), most))

    monkeypatch.setattr(searching, "try_leaders", try_leaders)
    return seen


def test_while_one_worker_tries_what_leads_the_others_go_on() -> None:
    one = engine(workers=3, allowance=Allowance(evaluations=2_000))
    during: list[int] = []

    async def between() -> None:
        if not during:
            during.append(one.steps)
            while one.record.spent.evaluations < 1_500:
                await asyncio.sleep(0)
            during.append(one.steps)

    asyncio.run(work(one, carry, between=between))
    assert during[1] - during[0] > 20
    assert one.record.spent.evaluations == 2_000 and not one.under_way


def test_each_stretch_is_looked_at_once_by_the_worker_that_ended_it(trials: list[tuple[float, int]]) -> None:
    one = engine(workers=2, allowance=Allowance(evaluations=3_000))
    bench = Bench(one, Court(), 0)
    asyncio.run(work(one, carry, between=bench.look))
    assert bench.stretch == len(STRETCHES) == len(trials)
    assert all(0 <= used - stretch < 0.1 for (used, _), stretch in zip(trials, STRETCHES, strict=True))
    assert {most for _, most in trials} == {3}


def test_a_trial_that_is_dear_is_made_once_a_stretch_and_its_cost_kept_back(
    trials: list[tuple[float, int]],
) -> None:
    for trial_s, most, kept_s in (
        (DEAR_TRIAL * 100 + 0.1, 1, RESERVED * (DEAR_TRIAL * 100 + 0.1)),
        (1.0, 3, RESERVED * 1.0),
        (50.0, 1, MOST_RESERVED * 100),
    ):
        one = engine(allowance=Allowance(cpu_s=100.0))
        one.record.spent.cpu_s = 31.0
        asyncio.run(Bench(one, Court(trial_s=trial_s), 0).look())
        assert (trials.pop()[1], one.reserve_s) == (most, pytest.approx(kept_s))


def test_before_a_stretch_has_ended_nothing_is_tried(trials: list[tuple[float, int]]) -> None:
    one = engine()
    bench = Bench(one, Court(), 0)
    asyncio.run(bench.look())
    assert (trials, bench.stretch) == ([], 0)


def test_after_so_many_steps_all_workers_stop_with_nothing_under_way() -> None:
    one = engine(workers=4, allowance=Allowance(evaluations=1_000_000))
    asyncio.run(work(one, carry, most=30))
    assert 30 <= one.steps < 34 and not one.under_way
    assert all(not island.busy for island in one.islands)


@pytest.mark.parametrize("limit", [{"tokens": 5}, {"usd": 1.0}, {"gpu_s": 1.0}])
def test_a_budget_that_never_ends_is_refused_before_anything_is_searched(limit: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="or name a model"):
        refuse_nothing(engine(allowance=Allowance(**limit)))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"evaluations": 8}, "8 candidates"),
        ({"cpu_s": 0.1001}, "the first look took 0.10 CPU-s"),
    ],
)
def test_a_budget_that_buys_nothing_says_what_was_spent_and_what_one_costs(
    limit: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match="the budget buys nothing") as raised:
        refuse_nothing(engine(allowance=Allowance(**limit)))
    assert said in str(raised.value)


def test_models_work_only_where_they_are_named() -> None:
    facts = survey(written=("model-operators@big",))
    assert plan_of(Brief(source=SOURCE), facts, "r").written == ()
    named = plan_of(Brief(source=SOURCE, models=("big",), workers=3, seed=5), facts, "r")
    assert (named.written, named.workers, named.seed, named.allowance) == (
        ("model-operators@big",),
        3,
        5,
        facts.allowance,
    )


def test_a_brief_goes_through_the_journal_as_it_is() -> None:
    brief = Brief(source=SOURCE, allowance=Allowance(cpu_s=3.0), start=((b"\x00\xff", (1, 2)),), until=1.5)
    again = msgspec.convert(msgspec.to_builtins(brief), Brief)
    assert again == brief
    assert plan_of(again, survey(), "r") == msgspec.structs.replace(
        plan(allowance=Allowance(cpu_s=3.0), seed=0, until=1.5), run="r"
    )
