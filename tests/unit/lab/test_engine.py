"""Who does what next follows from the reports alone, and nothing is asked for that is not paid for."""

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.lab.engines import ARMS, FORM, engine, plan, report, survey

from firm.lab.artifact import Prompt
from firm.lab.author import Written
from firm.lab.candidate import Elite
from firm.lab.engine import GIVEN_UP, SHARES, Engine
from firm.lab.order import Order, Tally
from firm.lab.problem import Allowance, Objective
from firm.lab.survey import Form, StageFacts

MADE = st.lists(st.integers(0, 9), min_size=1, max_size=25)


def played(one: Engine, made: Sequence[int], *, saves: Sequence[bool] = ()) -> list[Order]:
    """Orders as they were given out, each reported at once; where `saves` says so the engine is saved and loaded."""
    orders: list[Order] = []
    for place, count in enumerate(made):
        if place < len(saves) and saves[place]:
            one = Engine.load(one.plan, one.survey, one.save())
        order = one.ask()
        if order is None:
            break
        orders.append(order)
        chance = random.Random(order.number)
        one.tell(order, report(order, chance, made=min(order.size, count)))
    return orders


@settings(max_examples=40, deadline=None)
@given(MADE, st.lists(st.booleans(), max_size=25))
def test_saved_and_loaded_between_any_two_calls_it_gives_the_same_orders(
    made: list[int], saves: list[bool]
) -> None:
    assert played(engine(), made, saves=saves) == played(engine(), made)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 12))
def test_the_same_reports_in_the_same_order_give_the_same_state_with_many_under_way(
    seed: int, workers: int
) -> None:
    def story() -> tuple[list[Order], bytes]:
        one, chance = engine(workers=workers), random.Random(seed)
        under_way: list[Order] = []
        given: list[Order] = []
        for _ in range(40):
            order = one.ask() if len(under_way) < workers else None
            if order is not None:
                under_way.append(order)
                given.append(order)
            elif under_way:
                done = under_way.pop(chance.randrange(len(under_way)))
                one.tell(done, report(done, random.Random(done.number)))
        for done in under_way:
            one.tell(done, report(done, random.Random(done.number)))
        return given, one.save()

    assert story() == story()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 500), st.integers(1, 64), st.integers(0, 1 << 30), st.integers(0, 100))
def test_no_more_candidates_are_asked_for_than_the_budget_buys(
    evaluations: int, workers: int, seed: int, begun_with: int
) -> None:
    one, chance = engine(allowance=Allowance(evaluations=evaluations), workers=workers), random.Random(seed)
    one.given.extend((FORM.pack([n / 100, 0.0]), ()) for n in range(begun_with))
    under_way: list[Order] = []
    asked = one.record.spent.evaluations
    while True:
        order = one.ask() if len(under_way) < workers else None
        if order is not None:
            asked += order.size
            under_way.append(order)
        elif under_way:
            done = under_way.pop(chance.randrange(len(under_way)))
            told = report(done, chance, made=chance.randint(done.size // 2, done.size))
            asked -= done.size - told.made
            one.tell(done, told)
        else:
            break
        assert asked <= max(evaluations, one.survey.tried)
    assert one.ended_by() == "evaluations" or all(one.idle.get(arm, 0) >= GIVEN_UP for arm in one.arms)


def test_processor_seconds_that_were_promised_are_not_promised_twice() -> None:
    one = engine(allowance=Allowance(cpu_s=2.5), workers=8)
    orders = [order for _ in range(8) if (order := one.ask()) is not None]
    assert len(orders) == 3
    assert sum(order.seconds for order in orders) + one.survey.cpu_s == pytest.approx(2.5)


def test_what_is_kept_back_for_verification_is_not_searched_with_and_survives_a_new_generation() -> None:
    one = engine(allowance=Allowance(cpu_s=1.0))
    one.reserve_s = 0.9
    assert one.ask() is None and one.ended_by() == "cpu_s"
    assert Engine.load(one.plan, one.survey, one.save()).ended_by() == "cpu_s"


def test_a_burst_takes_a_small_part_of_the_budget_so_that_each_arm_has_its_turn() -> None:
    one = engine(allowance=Allowance(evaluations=96))
    sizes, arms = [], set()
    while (order := one.ask()) is not None:
        sizes.append(order.size)
        arms.add(order.arm)
        one.tell(order, report(order, random.Random(order.number)))
    assert set(sizes) == {96 // SHARES, 1}  # the last is what is left of 96 - 8
    assert arms == set(ARMS)


@pytest.mark.parametrize(
    ("each_s", "burst", "size"), [(1e-4, 64, 64), (1e-4, 7, 7), (0.99, 64, 64), (1.01, 64, 1)]
)
def test_a_burst_without_a_limit_of_time_is_as_large_as_the_problem_says_or_one_dear_candidate(
    each_s: float, burst: int, size: int
) -> None:
    stages = (StageFacts("exact", "exact", 1.0, each_s),)
    one = Engine(plan(allowance=Allowance(evaluations=100_000)), survey(stages=stages, burst=burst))
    order = one.ask()
    assert order is not None and (order.size, order.seconds) == (size, 0.0)


def test_what_was_measured_decides_nothing_where_only_the_number_is_limited() -> None:
    def orders(each_s: float) -> list[Order]:
        stages = (StageFacts("exact", "exact", 1.0, each_s),)
        one = Engine(plan(allowance=Allowance(evaluations=200)), survey(stages=stages, cpu_s=each_s))
        found = []
        while (order := one.ask()) is not None:
            found.append(order)
            told = msgspec.structs.replace(
                report(order, random.Random(order.number)), cpu_s=each_s * order.size, wall_s=each_s
            )
            one.tell(order, msgspec.structs.replace(told, tallies=told.tallies[:1]))
        return found

    assert orders(1e-6) == orders(0.99) and len(orders(0.1)) >= SHARES


def test_the_last_bursts_share_what_is_left_so_that_all_workers_end_at_about_one_time() -> None:
    one = engine(allowance=Allowance(evaluations=10_000), workers=8)
    one.record.spent.evaluations = 10_000 - 160
    sizes = [order.size for _ in range(8) if (order := one.ask()) is not None]
    assert len(sizes) == 8 and max(sizes) == 160 // 16
    alone = engine(allowance=Allowance(evaluations=10_000))
    alone.record.spent.evaluations = 10_000 - 60
    order = alone.ask()
    assert order is not None and order.size == 60, "one worker has nobody to wait for"


def test_an_arm_that_makes_nothing_three_times_running_is_given_up_and_the_others_go_on() -> None:
    one = engine(allowance=Allowance(evaluations=100_000))
    seen = []
    for _ in range(200):
        order = one.ask()
        assert order is not None
        seen.append(order.arm)
        one.tell(order, report(order, random.Random(0), made=0 if order.arm == "cma" else None))
    assert seen.count("cma") == GIVEN_UP
    assert {"chance", "evolution"} < set(seen)


def test_where_no_arm_makes_anything_the_search_ends() -> None:
    one, asked = engine(), 0
    while (order := one.ask()) is not None:
        asked += 1
        one.tell(order, report(order, random.Random(0), made=0))
    assert asked == GIVEN_UP * len(ARMS)
    assert one.ended_by() == ""


def test_an_island_is_never_given_to_two_workers_and_goes_on_from_what_it_saved() -> None:
    one = engine(workers=6)
    orders = [order for _ in range(6) if (order := one.ask()) is not None]
    assert len({(order.arm, order.island) for order in orders}) == 6
    one.tell(orders[0], report(orders[0], random.Random(0)))
    again = one.ask()
    assert again is not None
    while (again.arm, again.island) != (orders[0].arm, orders[0].island):
        one.tell(again, report(again, random.Random(0)))
        again = one.ask()
        assert again is not None
    assert (again.state, again.counter) == (b"state %d" % orders[0].number, 1)


def test_each_burst_has_chance_of_its_own_which_the_seed_decides() -> None:
    def seeds(seed: int) -> list[int]:
        one = engine(seed=seed, workers=5)
        return [order.seed for _ in range(5) if (order := one.ask()) is not None]

    assert len(set(seeds(1))) == 5
    assert seeds(1) == seeds(1) and not set(seeds(1)) & set(seeds(2))


def test_a_worker_that_finds_another_evaluator_stops_the_search_and_loses_nothing_it_was_given() -> None:
    one = engine()
    one.given.append((FORM.pack([0.5, 0.5]), (7,)))
    order = one.ask()
    assert order is not None and order.arm == "given" and not one.given
    told = msgspec.structs.replace(report(order, random.Random(0)), evaluator="f" * 16, trouble="changed")
    one.tell(order, told)
    assert one.changed == "f" * 16 and one.trouble == ""
    assert one.given == [(FORM.pack([0.5, 0.5]), (7,))]
    assert one.ask() is None
    assert one.archive.best() is None, "what another evaluator said does not count"


def test_a_problem_that_cannot_be_read_is_trouble_and_not_a_change() -> None:
    one = engine()
    order = one.ask()
    assert order is not None
    broken = msgspec.structs.replace(
        report(order, random.Random(0), made=0), evaluator="?", trouble="no file"
    )
    one.tell(order, broken)
    assert one.trouble == "no file" and one.ask() is None


def test_it_ends_at_the_target_whichever_way_is_better() -> None:
    for direction, until in (("min", 0.2), ("max", 0.0)):
        one = Engine(plan(until=until), survey(objective=Objective("depth", direction)))
        order = one.ask()
        assert order is not None
        one.tell(order, report(order, random.Random(1)))
        assert one.ended_by() == "target" and one.ask() is None


def test_a_surrogate_that_flatters_is_audited_more() -> None:
    def audits(lie: float) -> list[float]:
        one, found = engine(), []
        for number in range(6):
            order = one.ask()
            assert order is not None
            found.append(order.audit)
            told = report(order, random.Random(number))
            true = [0.5 + 0.01 * place for place in range(20)]
            fair = tuple((value, value) for value in true)
            flattered = tuple((value - lie, value) for value in true)
            cheap = Tally(20, 0.1, tuple(true), flattered, fair[:5])
            one.tell(order, msgspec.structs.replace(told, tallies=(cheap, told.tallies[1])))
        return found

    assert audits(0.0)[-1] == audits(0.0)[0] < audits(0.3)[-1]


def test_what_did_not_hold_is_nothing_to_start_from() -> None:
    one = engine()
    order = one.ask()
    assert order is not None
    one.tell(order, report(order, random.Random(0)))
    best = one.archive.best()
    assert best is not None
    one.drop(best.id)
    following = one.ask()
    assert following is not None and following.elites
    assert best.id not in {elite.id for elite in following.elites}


def test_what_a_model_took_counts_against_its_budget() -> None:
    one = engine(allowance=Allowance(tokens=100), written=("model-rewrite@big",))
    before = one.record.spent.cpu_s
    one.pay(
        "model-rewrite@big", Written(calls=2, tokens=60, cost_usd=0.01, gpu_s=1.0, box_s=0.5), waited_s=3.0
    )
    assert one.ended_by() == "" and one.share_used() == pytest.approx(0.6)
    assert one.steps == 2, "each call is a step of the run's history"
    one.pay(
        "model-rewrite@big", Written(calls=1, tokens=40, cost_usd=0.01, gpu_s=1.0, box_s=0.5), waited_s=4.0
    )
    assert one.ended_by() == "tokens" and one.ask() is None
    line, spent = one.record.arm("model-rewrite@big", "", ""), one.record.spent
    assert (line.tokens, line.usd, line.cpu_s) == (100, 0.02, 1.0)
    assert (spent.gpu_s, spent.wall_s, spent.cpu_s - before) == (2.0, 7.0, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("limits", "written", "kind", "bounded"),
    [
        ({"evaluations": 9}, (), "Vector", True),
        ({"cpu_s": 9}, (), "Vector", True),
        ({"wall_s": 9}, (), "Vector", True),
        ({"tokens": 9}, (), "Vector", False),
        ({"usd": 9}, (), "Vector", False),
        ({"gpu_s": 9}, (), "Vector", False),
        ({"tokens": 9}, ("model-rewrite@big",), "Vector", True),
        ({"tokens": 9}, (), "Prompt", True),
    ],
)
def test_money_bounds_a_search_only_where_a_model_works_for_it(
    limits: dict[str, float], written: tuple[str, ...], kind: str, bounded: bool
) -> None:
    form = Form.of(FORM) if kind == "Vector" else Form.of(Prompt("Say {input}"))
    arms = ARMS if kind == "Vector" else ("chance",)
    one = Engine(plan(allowance=Allowance(**limits), written=written), survey(form=form, arms=arms))
    assert one.bounded() is bounded


@pytest.mark.parametrize(("value", "ended"), [(0.25, "bound"), (0.25 + 1e-9, ""), (0.25 - 1e-9, "")])
def test_it_ends_where_a_proven_bound_is_reached_and_not_beside_it(value: float, ended: str) -> None:
    one = Engine(plan(), survey(bound=0.25))
    one.archive.add(Elite(1, FORM.pack([0.0, 0.0]), value, 1))
    assert one.ended_by() == ended
    assert (one.ask() is None) == bool(ended)


def test_more_go_on_from_a_stage_that_ranks_poorly() -> None:
    def keeps(noise: float) -> tuple[float, ...]:
        one, chance = engine(), random.Random(5)
        order = one.ask()
        assert order is not None and order.keeps == (0.3, 1.0)
        true = [chance.random() for _ in range(30)]
        pairs = tuple((value + chance.gauss(0, noise), value) for value in true)
        told = report(order, chance)
        cheap = Tally(30, 0.1, tuple(true), pairs)
        one.tell(order, msgspec.structs.replace(told, tallies=(cheap, told.tallies[1])))
        following = one.ask()
        assert following is not None
        return following.keeps

    assert keeps(0.0) == (0.3, 1.0) < keeps(100.0)


def test_a_loaded_engine_counts_its_steps_anew() -> None:
    one = engine()
    for _ in range(3):
        order = one.ask()
        assert order is not None
        one.tell(order, report(order, random.Random(0)))
    assert one.steps == 3 and Engine.load(one.plan, one.survey, one.save()).steps == 0
