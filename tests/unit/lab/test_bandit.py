"""The budget goes where it pays, and nobody starves."""

import json
import random
from collections import Counter

import pytest

from firm.errors import UsageError
from firm.lab.bandit import Bandit

ARMS = ("chance", "early", "late", "never")


def played(bandit: Bandit, gain, *, rounds: int, chance: random.Random, cost=lambda arm: 1.0) -> list[str]:
    """Who was picked."""
    picks = []
    for number in range(rounds):
        arm = bandit.pick(chance, {})
        picks.append(arm)
        bandit.tell(arm, gain=gain(arm, number, chance), cost=cost(arm))
    return picks


def early_then_late(arm: str, number: int, chance: random.Random) -> float:
    """`early` pays well for 300 rounds; then `late` does, a thousandth as much."""
    pays = (arm == "early" and number < 300) or (arm == "late" and number >= 300)
    size = 1.0 if number < 300 else 1e-3
    return size * chance.random() if pays and chance.random() < 0.3 else 0.0


def test_each_arm_is_tried_once_before_any_is_tried_twice():
    bandit, chance = Bandit(ARMS), random.Random(1)
    assert [bandit.pick(chance, {}) for _ in range(1)] == ["chance"]
    assert bandit.pick(chance, {"chance": 1}) == "early"
    assert bandit.pick(chance, {"chance": 1, "early": 1}) == "late"
    assert bandit.pick(chance, {"chance": 1, "early": 1, "late": 1}) == "never"


@pytest.mark.parametrize("seed", range(5))
def test_the_arm_that_pays_late_takes_over_though_its_gains_are_tiny(seed):
    picks = played(Bandit(ARMS), early_then_late, rounds=900, chance=random.Random(seed))
    before, after = Counter(picks[100:300]), Counter(picks[500:900])
    assert before["early"] > 0.5 * 200 > before["late"]
    assert after["late"] > 0.5 * 400 > after["early"]


@pytest.mark.parametrize("seed", range(5))
def test_no_arm_gets_less_than_its_floor(seed):
    picks = played(Bandit(ARMS), early_then_late, rounds=900, chance=random.Random(seed))
    for end in (100, 300, 900):
        counts = Counter(picks[:end])
        assert min(counts[arm] for arm in ARMS) >= 0.05 * end - 1


def test_of_two_that_gain_alike_the_cheaper_one_is_preferred():
    picks = Counter(
        played(
            Bandit(("cheap", "dear")),
            lambda arm, number, chance: float(chance.random() < 0.5),
            rounds=400,
            chance=random.Random(3),
            cost=lambda arm: 1.0 if arm == "cheap" else 5.0,
        )
    )
    assert picks["cheap"] > 2 * picks["dear"]


@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_the_unit_of_gain_and_cost_does_not_matter(scale):
    def gains(factor):
        return lambda arm, number, chance: factor * early_then_late(arm, number, chance)

    one = played(Bandit(ARMS), gains(1.0), rounds=200, chance=random.Random(5))
    other = played(Bandit(ARMS), gains(scale), rounds=200, chance=random.Random(5), cost=lambda arm: 8.0)
    assert one == other


def test_without_any_gain_all_are_tried_alike():
    picks = Counter(played(Bandit(ARMS), lambda *_: 0.0, rounds=400, chance=random.Random(2)))
    assert max(picks.values()) - min(picks.values()) <= 20


def test_orders_under_way_count_as_tried():
    bandit, chance = Bandit(("a", "b")), random.Random(1)
    for arm in ("a", "b"):
        bandit.tell(arm, gain=1.0, cost=1.0)
    busy: Counter[str] = Counter()
    for _ in range(8):
        busy[bandit.pick(chance, busy)] += 1
    assert busy == {"a": 4, "b": 4}


def test_floors_that_cannot_all_be_met_are_scaled_down():
    arms = tuple(f"arm{number}" for number in range(40))
    picks = Counter(
        played(
            Bandit(arms),
            lambda arm, *_: float(arm == "arm7"),
            rounds=2000,
            chance=random.Random(1),
        )
    )
    assert picks["arm7"] > 500
    assert min(picks[arm] for arm in arms) >= 2000 * 0.5 / 40 - 1


def test_a_saved_bandit_goes_on_as_if_it_had_not_been():
    unbroken, chance = Bandit(ARMS), random.Random(4)
    played(unbroken, early_then_late, rounds=150, chance=chance)
    restored = Bandit.load(json.loads(json.dumps(unbroken.save())))
    picks = [
        played(bandit, early_then_late, rounds=150, chance=random.Random(9))
        for bandit in (unbroken, restored)
    ]
    assert picks[0] == picks[1]


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(UsageError, match="at least one"):
        Bandit(())
    with pytest.raises(UsageError, match="each of them once"):
        Bandit(("a", "a"))
    with pytest.raises(UsageError, match="floor=2"):
        Bandit(("a",), floor=2)
    bandit = Bandit(("a", "b"))
    with pytest.raises(UsageError, match="no arm 'c'; there are a, b"):
        bandit.tell("c", gain=1.0, cost=1.0)
    for gain, cost in ((-1.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))):
        with pytest.raises(UsageError, match="gain="):
            bandit.tell("a", gain=gain, cost=cost)
