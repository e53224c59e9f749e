"""Searches where everything fails: each comes to what an unbroken one comes to that was told in the same order."""

import os
import random
from collections import Counter

import pytest
from tests.sim.searches import history

from firm.lab.engine import Engine

SEEDS = 25


def hold(seeds: range) -> None:
    """All of these histories."""
    lives = 0
    for seed in seeds:
        report = history(seed)
        assert report.ok, report
        lives += report.workers
    assert lives > 2 * len(seeds), "nothing crashed"


def test_searches_come_to_what_unbroken_ones_come_to() -> None:
    hold(range(SEEDS))


@pytest.mark.slow
def test_many_searches_come_to_what_unbroken_ones_come_to() -> None:
    hold(range(SEEDS, SEEDS + int(os.environ.get("FIRM_SIM_SEEDS", "400")) // 10))


def found(seeds: int = 20) -> bool:
    """Whether one of so many histories shows that something is wrong."""
    return any(not history(seed).ok for seed in range(seeds))


def test_an_engine_that_forgets_what_is_under_way_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Engine._left

    def forgetful(self: Engine) -> tuple[int, float]:
        under_way, self.under_way = self.under_way, {}
        try:
            return whole(self)
        finally:
            self.under_way = under_way

    monkeypatch.setattr(Engine, "_left", forgetful)
    assert found()


def test_an_engine_with_chance_of_its_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    loose = random.Random(1)
    monkeypatch.setattr("firm.lab.engine._seed", lambda seed, number: loose.getrandbits(62))
    assert found()


def test_an_engine_that_keeps_a_report_out_of_its_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, told = Engine.tell, Counter[int]()

    def now_and_then(self: Engine, order, report) -> None:
        told[id(self)] += 1
        whole(self, order, report)
        if told.total() % 50 == 0:
            self.record.spent.valid += 1

    monkeypatch.setattr(Engine, "tell", now_and_then)
    assert found()
