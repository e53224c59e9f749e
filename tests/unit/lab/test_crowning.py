"""Who may be called the best: what leads is tried until one holds, and what is too good waits for the founder."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.lab.engines import FORM, HASH, plan, survey

from firm.lab import crowning
from firm.lab.candidate import Elite
from firm.lab.checking import Ruling, Trial
from firm.lab.crowning import (
    BELIEVE,
    KEEP,
    MOST_TRIALS,
    MOST_UNSTEADY,
    Court,
    ask_founder,
    hold_out,
    too_good,
    try_leaders,
    try_next,
)
from firm.lab.engine import Engine
from firm.lab.problem import Allowance, Objective
from firm.lab.survey import StageFacts

Rules = Callable[[Trial], Ruling]
KNOWN = {"known": (10.0, "a book", "2026-11-23"), "objective": Objective("area", "max")}


def elite(id: int, value: float) -> Elite:
    return Elite(id, FORM.pack([id / 100, 0.0]), value, 1, values=(value, value))


def engine_with(*values: float, **facts: Any) -> Engine:
    """An engine whose archive holds these, in this order; ids from 1."""
    one = Engine(plan(), survey(**facts))
    for place, value in enumerate(values):
        assert one.archive.add(elite(place + 1, value))
    return one


def held(trial: Trial) -> Ruling:
    return Ruling(trial.elite.id, trial.elite.value, evaluator=HASH, cpu_s=0.5)


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rules], list[Trial]]:
    """Have trials ruled by a function; gives the list of those that were held."""

    def by(rules: Rules) -> list[Trial]:
        seen: list[Trial] = []

        async def try_champion(trial: Trial) -> Ruling:
            seen.append(trial)
            return rules(trial)

        monkeypatch.setattr(crowning, "try_champion", try_champion)
        return seen

    return by


@pytest.fixture
def founder(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Have the founder answer so; gives the list of what was asked."""

    def says(answer: str) -> list[str]:
        asked: list[str] = []

        async def ask(question: str, **more: Any) -> str:
            asked.append(question)
            assert answer in more["options"] and more["default"] == KEEP
            return answer

        monkeypatch.setattr(crowning, "ask", ask)
        return asked

    return says


def tried(engine: Engine, *, most: int = MOST_TRIALS) -> Court:
    court = Court()
    asyncio.run(try_leaders(engine, court, most=most))
    return court


def test_the_one_that_leads_is_tried_once_and_what_it_cost_is_counted(rule: Any) -> None:
    seen, engine = rule(held), engine_with(3.0, 1.0, 2.0)
    court = tried(engine)
    assert [trial.elite.value for trial in seen] == [1.0]
    best = court.best(engine.sign)
    assert best is not None and best[1].value == 1.0
    assert engine.record.spent.cpu_s == pytest.approx(0.1 + 0.5)
    asyncio.run(try_leaders(engine, court, most=MOST_TRIALS))
    assert len(seen) == 1


def verified_otherwise(*values: float, cpu_s: float) -> Engine:
    """An engine whose champions are verified by a stage that the search does not use."""
    facts = survey(final=StageFacts("four sweeps", "second solver", 1.0))
    one = Engine(plan(allowance=Allowance(cpu_s=cpu_s)), facts)
    for place, value in enumerate(values):
        assert one.archive.add(elite(place + 1, value))
    return one


def test_where_another_stage_verifies_those_behind_the_leader_are_tried_too(rule: Any) -> None:
    def backwards(trial: Trial) -> Ruling:
        return Ruling(trial.elite.id, 10.0 - trial.elite.value, evaluator=HASH, cpu_s=0.5)

    seen, engine = rule(backwards), verified_otherwise(3.0, 1.0, 2.0, 4.0, cpu_s=10.0)
    court = tried(engine)
    asyncio.run(try_next(engine, court, most=2))
    assert [trial.elite.value for trial in seen] == [1.0, 2.0, 3.0]
    best = court.best(engine.sign)
    assert best is not None and best[0].value == 3.0


def test_no_further_one_is_tried_where_that_would_take_what_the_hold_out_needs(rule: Any) -> None:
    seen, engine = rule(held), verified_otherwise(3.0, 1.0, 2.0, cpu_s=2.0)
    court = tried(engine)
    asyncio.run(try_next(engine, court, most=2))
    assert len(seen) == 1


def test_where_the_last_stage_verifies_the_leader_is_enough(rule: Any) -> None:
    seen, engine = rule(held), engine_with(3.0, 1.0, 2.0)
    court = tried(engine)
    asyncio.run(try_next(engine, court, most=2))
    assert len(seen) == 1


def test_what_does_not_hold_is_said_and_dropped_and_the_next_one_is_tried(rule: Any) -> None:
    def rules(trial: Trial) -> Ruling:
        bad = trial.elite.value < 3.0
        return Ruling(trial.elite.id, why="exact: overlaps", evaluator=HASH) if bad else held(trial)

    seen, engine = rule(rules), engine_with(3.0, 1.0, 2.0)
    court = tried(engine)
    assert [trial.elite.value for trial in seen] == [1.0, 2.0, 3.0]
    assert [why for _, why in court.failed] == ["exact: overlaps"] * 2
    assert engine.record.whys == {"exact: overlaps": 2}
    assert [one.value for one in engine.archive.elites()] == [3.0]


def test_after_so_many_failures_nothing_is_claimed(rule: Any) -> None:
    seen = rule(lambda trial: Ruling(trial.elite.id, why="no", evaluator=HASH))
    engine = engine_with(*(float(value) for value in range(20)))
    court = tried(engine)
    assert len(seen) == MOST_TRIALS and court.best(engine.sign) is None


def test_a_claim_has_the_value_of_its_trial_and_the_best_trial_wins(rule: Any) -> None:
    rule(
        lambda trial: Ruling(
            trial.elite.id, trial.elite.value + (5 if trial.elite.id == 2 else 0), evaluator=HASH
        )
    )
    engine = engine_with(3.0, 1.0)
    court = tried(engine)
    engine.archive.drop(2)
    asyncio.run(try_leaders(engine, court, most=1))
    best = court.best(engine.sign)
    assert best is not None and (best[0].id, best[1].value) == (1, 3.0)


@pytest.mark.parametrize(
    ("facts", "value", "said"),
    [
        ({"bound": 0.5}, 0.4, "beats the proven bound 0.5"),
        ({"bound": 0.5}, 0.5, ""),
        ({"bound": 0.5, "objective": Objective("area", "max")}, 0.6, "beats the proven bound"),
        (KNOWN, 10.4, ""),
        (KNOWN, 10.6, r"beats the best known 10.0 \(a book\) by more than 5%"),
        (KNOWN, 2.0, ""),
    ],
)
def test_what_beats_a_bound_or_goes_too_far_beyond_the_known_is_too_good(
    facts: dict[str, Any], value: float, said: str
) -> None:
    why = too_good(Engine(plan(), survey(**facts)), value)
    assert (said == "") == (why == "")
    assert said.replace("\\", "") in why


def test_what_is_too_good_goes_into_quarantine_and_the_next_one_is_claimed(rule: Any, founder: Any) -> None:
    rule(held)
    asked, engine = founder(KEEP), engine_with(20.0, 10.1, 9.0, **KNOWN)
    court = tried(engine)
    asyncio.run(ask_founder(engine, court, answer_s=1.0))
    best = court.best(engine.sign)
    assert best is not None and best[1].value == 10.1
    [doubt] = court.doubts
    assert (doubt.value, doubt.answer) == (20.0, KEEP)
    assert len(asked) == 1 and "candidate 1 is too good to be believed: 20.0 beats the best known" in asked[0]
    assert 20.0 not in [one.value for one in engine.archive.elites()]


def test_what_the_founder_believes_is_scored_once_more_with_other_chance_and_claimed(
    rule: Any, founder: Any
) -> None:
    seen, engine = rule(held), engine_with(20.0, 10.1, **KNOWN)
    founder(BELIEVE)
    court = tried(engine)
    asyncio.run(ask_founder(engine, court, answer_s=1.0))
    best = court.best(engine.sign)
    assert best is not None and best[1].value == 20.0
    seeds = [trial.seed for trial in seen if trial.elite.id == 1]
    assert len(seeds) == 2 == len(set(seeds))


def test_what_scores_differently_from_one_time_to_the_next_is_quarantined_even_if_it_is_believed(
    rule: Any, founder: Any
) -> None:
    odd = "stage 1 said 1.0 during the search and says 2.0 now"
    rule(lambda trial: Ruling(trial.elite.id, 1.0, why=odd, odd=True, evaluator=HASH))
    founder(BELIEVE)
    engine = engine_with(1.0)
    court = tried(engine)
    asyncio.run(ask_founder(engine, court, answer_s=1.0))
    assert court.doubts[0].why == odd and court.best(engine.sign) is None


def test_after_three_that_score_differently_no_more_are_tried(rule: Any) -> None:
    seen = rule(lambda trial: Ruling(trial.elite.id, 1.0, why="differs", odd=True, evaluator=HASH))
    engine = engine_with(*(float(value) for value in range(9)))
    court = tried(engine)
    asyncio.run(try_leaders(engine, court, most=MOST_TRIALS))
    assert len(seen) == court.unsteady == len(court.doubts) == MOST_UNSTEADY
    assert court.best(engine.sign) is None


def test_what_is_too_good_says_nothing_against_the_scorer(rule: Any) -> None:
    rule(held)
    court = tried(engine_with(*(20.0 + value for value in range(6)), **KNOWN))
    assert (court.unsteady, len(court.doubts)) == (0, 6)


def test_another_evaluator_ends_the_trials_at_once_and_nothing_is_held_against_the_candidate(
    rule: Any,
) -> None:
    seen = rule(lambda trial: Ruling(trial.elite.id, why="the evaluator has changed", evaluator="f" * 16))
    engine = engine_with(3.0, 1.0)
    court = tried(engine)
    assert len(seen) == 1 and engine.changed == "f" * 16
    assert court.failed == court.tried == []
    assert len(engine.archive.elites()) == 2


def test_the_hold_out_is_scored_once_and_only_where_there_is_one(rule: Any) -> None:
    seen = rule(lambda trial: Ruling(trial.elite.id, holdout=0.7, evaluator=HASH))
    best = (elite(1, 1.0), Ruling(1, 1.0))
    assert asyncio.run(hold_out(engine_with(1.0), best)) is None and seen == []
    ruling = asyncio.run(hold_out(engine_with(1.0, holdout="unseen"), best))
    assert ruling is not None and ruling.holdout == 0.7
    assert [trial.holdout for trial in seen] == [True]
