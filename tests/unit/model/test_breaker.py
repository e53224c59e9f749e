"""The circuit breaker: every row of its table, and what leads from row to row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model.breaker import (
    COOL_S,
    FAULTS_IN_ROW,
    MAX_COOL_S,
    MIN_OUTCOMES,
    TRANSITIONS,
    WINDOW_S,
    Breaker,
    Event,
    State,
)


def opened(at_s: float = 0.0) -> Breaker:
    """A breaker that failures have opened."""
    breaker = Breaker()
    for _ in range(FAULTS_IN_ROW):
        breaker.failed(at_s, at_s)
    assert breaker.state is State.OPEN
    return breaker


def probing() -> Breaker:
    """A breaker whose probe went out at 10 s."""
    breaker = opened()
    breaker.entered(10.0)
    assert breaker.state is State.HALF
    return breaker


@pytest.mark.parametrize(
    ("make", "act", "event"),
    [
        (Breaker, lambda it: it.shut(0.0, 5.0), Event.TRIP),
        (opened, lambda it: it.shut(0.0, 5.0), Event.TRIP),
        (opened, lambda it: it.entered(10.0), Event.PROBE),
        (probing, lambda it: it.shut(10.0, 5.0), Event.TRIP),
        (probing, lambda it: it.answered(10.0), Event.OK),
        (probing, lambda it: it.failed(10.0, 11.0), Event.FAULT),
        (probing, lambda it: it.dropped(10.0, 11.0), Event.DROP),
    ],
)
def test_each_row_of_the_table(make, act, event) -> None:  # type: ignore[no-untyped-def]
    breaker = make()
    expected = TRANSITIONS[breaker.state, event]
    act(breaker)
    assert breaker.state is expected
    assert breaker.closed is (expected is State.CLOSED)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(FAULTS_IN_ROW - 1):
            breaker.failed(0.0, 0.0)
        breaker.answered(0.0)
    assert breaker.closed
    for _ in range(FAULTS_IN_ROW):
        assert breaker.closed
        breaker.failed(0.0, 0.0)
    assert not breaker.allows(0.0)


def test_half_of_the_calls_failing_opens_it_once_there_were_enough() -> None:
    breaker, outcomes = Breaker(), 0
    while breaker.closed:
        breaker.answered(0.0)
        breaker.failed(0.0, 1.0)
        outcomes += 2
    assert outcomes == MIN_OUTCOMES


def test_failures_of_long_ago_do_not_count() -> None:
    breaker = Breaker()
    for number in range(200):
        breaker.answered(0.0)
        breaker.failed(0.0, number * WINDOW_S / 5)
    assert breaker.closed


def test_after_the_cool_down_one_call_goes_and_no_second_one() -> None:
    breaker = opened()
    assert not breaker.allows(COOL_S - 0.1)
    assert breaker.allows(COOL_S)
    breaker.entered(COOL_S)
    assert not breaker.allows(COOL_S + 100)


def test_the_cool_down_doubles_with_each_probe_that_fails_up_to_a_minute() -> None:
    breaker, cools_s = opened(), []
    for _ in range(8):
        now_s = breaker.until_s
        breaker.entered(now_s)
        breaker.failed(now_s, now_s)
        cools_s.append(breaker.until_s - now_s)
    assert cools_s == [4.0, 8.0, 16.0, 32.0, MAX_COOL_S, MAX_COOL_S, MAX_COOL_S, MAX_COOL_S]
    breaker.entered(breaker.until_s)
    breaker.answered(breaker.until_s)
    for _ in range(FAULTS_IN_ROW):
        breaker.failed(1000.0, 1000.0)
    assert breaker.until_s == 1000.0 + COOL_S


def test_calls_of_before_the_probe_say_nothing() -> None:
    breaker = probing()
    breaker.answered(9.0)
    breaker.failed(9.0, 11.0)
    breaker.dropped(9.0, 11.0)
    assert breaker.state is State.HALF
    waiting = opened()
    waiting.answered(0.0)
    waiting.failed(0.0, 1.0)
    assert (waiting.state, waiting.until_s) == (State.OPEN, COOL_S)


def test_a_probe_that_was_cancelled_lets_the_next_call_probe() -> None:
    breaker = probing()
    breaker.dropped(10.0, 12.0)
    assert breaker.allows(12.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["call", "answered", "failed", "dropped", "shut"]),
            st.floats(0, 40),
            st.floats(0, 40),
        )
    )
)
def test_it_never_leaves_its_table_and_never_stays_open_for_ever(
    happened: list[tuple[str, float, float]],
) -> None:
    breaker, now_s, probes = Breaker(), 0.0, 0
    for name, wait_s, took_s in happened:
        now_s += wait_s
        before = breaker.state
        if name == "call":
            if breaker.allows(now_s):
                breaker.entered(now_s)
                probes += before is not State.CLOSED
        elif name == "answered":
            breaker.answered(now_s - took_s)
        elif name == "shut":
            breaker.shut(now_s, took_s)
        else:
            getattr(breaker, name)(now_s - took_s, now_s)
        assert breaker.closed is (breaker.state is State.CLOSED)
        assert breaker.state is before or breaker.state in {
            after for (state, _), after in TRANSITIONS.items() if state is before
        }
        if breaker.state is State.OPEN:
            assert breaker.allows(now_s + MAX_COOL_S)
