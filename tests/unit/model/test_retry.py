"""How often calls may be repeated, and after how long."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model.retry import (
    FIRST_S,
    MAX_SAVED,
    MAX_WAIT_S,
    RESERVE,
    RESERVE_PER_S,
    SHARE,
    RetryBudget,
    backoff_s,
)


@pytest.mark.parametrize("attempt", [1, 2, 3, 8, 10_000])
def test_waits_are_spread_from_nothing_to_a_bound_that_doubles(attempt: int) -> None:
    random = Random(7)
    bound_s = min(FIRST_S * 2.0 ** min(attempt - 1, 20), MAX_WAIT_S)
    waits_s = [backoff_s(attempt, random) for _ in range(1000)]
    assert 0 <= min(waits_s) < 0.05 * bound_s
    assert 0.95 * bound_s < max(waits_s) <= bound_s


def test_a_single_call_may_be_repeated() -> None:
    budget = RetryBudget(0.0)
    assert all([budget.take(0.0) for _ in range(int(RESERVE))])
    assert not budget.take(0.0)


def test_ten_calls_allow_one_repeated_call() -> None:
    budget = RetryBudget(0.0)
    while budget.take(0.0):
        pass
    for _ in range(11):
        budget.called()
    assert budget.take(0.0)
    assert not budget.take(0.0)


def test_the_reserve_comes_back_with_time_but_no_more_than_it_was() -> None:
    budget = RetryBudget(0.0)
    while budget.take(0.0):
        pass
    assert not budget.take(0.9 / RESERVE_PER_S)
    assert budget.take(2.0 / RESERVE_PER_S)
    assert sum([budget.take(1e9) for _ in range(1000)]) == RESERVE


def test_not_more_than_so_much_is_saved_up() -> None:
    budget = RetryBudget(0.0)
    for _ in range(20_000):
        budget.called()
    assert budget.tokens <= MAX_SAVED + SHARE


def test_a_success_brings_a_token_for_calls_that_wait_for_one() -> None:
    budget = RetryBudget(0.0)
    while budget.take(0.0):
        pass
    budget.answered()
    assert budget.take(0.0)
    assert not budget.take(0.0)


@given(st.lists(st.tuples(st.sampled_from(["called", "take", "answered"]), st.floats(0, 5)), max_size=300))
def test_repeated_calls_are_never_more_than_what_was_paid_in(happened: list[tuple[str, float]]) -> None:
    budget, now_s, calls, answers, taken = RetryBudget(0.0), 0.0, 0, 0, 0
    for name, wait_s in happened:
        now_s += wait_s
        if name == "called":
            budget.called()
            calls += 1
        elif name == "take":
            taken += budget.take(now_s)
        else:
            budget.answered()
            answers += 1
        assert taken == budget.taken
        assert taken <= SHARE * calls + answers + RESERVE + RESERVE_PER_S * now_s + 1e-6
