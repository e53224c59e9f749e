"""Adaptive concurrency: one server's limit, without any server."""

import heapq
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model.limit import WINDOW, Limit


def test_nothing_is_limited_before_there_was_trouble() -> None:
    limit = Limit()
    for number in range(1000):
        limit.answered(0.01, float(number), number + 1.0, 500)
    assert limit.value == math.inf


@pytest.mark.parametrize(
    ("events", "value"),
    [
        ([("refused", 0.0, 1.0, 100)], 90.0),
        ([("timed_out", 0.0, 1.0, 100)], 70.0),
        # A call that was alone there is no reason for a limit.
        ([("refused", 0.0, 1.0, 1)], math.inf),
        ([("timed_out", 0.0, 1.0, 1)], math.inf),
        # A second time-out of the same round trip says nothing new; one of the next does.
        ([("timed_out", 0.0, 1.0, 100), ("timed_out", 0.5, 1.5, 99)], 70.0),
        ([("timed_out", 0.0, 1.0, 100), ("timed_out", 1.0, 2.0, 60)], 42.0),
        # A wave of refusals: the limit follows those that are left, and no further cut is made.
        ([("refused", 0.0, 1.0, 100), ("refused", 0.0, 1.1, 61), ("refused", 0.0, 1.2, 31)], 30.0),
        ([("refused", 0.0, 1.0, 100), ("refused", 0.0, 1.1, 99)], 90.0),
        # Never below 1.
        ([("refused", 0.0, 1.0, 2), ("refused", 1.0, 2.0, 2), ("refused", 0.0, 2.0, 0)], 1.0),
    ],
)
def test_trouble_sets_the_limit(events: list[tuple[str, float, float, int]], value: float) -> None:
    limit = Limit()
    for name, began_s, now_s, in_flight in events:
        getattr(limit, name)(began_s, now_s, in_flight)
    assert limit.value == pytest.approx(value)


def test_it_rises_by_about_one_in_a_round_trip_near_trouble_and_faster_far_from_it() -> None:
    limit = Limit()
    limit.refused(0.0, 1.0, 100)
    near = limit.value
    for _ in range(90):
        limit.answered(1.0, 1.0, 2.0, 90)
    assert near + 1 <= limit.value <= near + 3
    far = Limit()
    far.refused(0.0, 1.0, 100)
    for in_flight in range(99, 9, -1):
        far.refused(0.0, 1.1, in_flight)
    low = far.value
    for _ in range(9):
        far.answered(1.0, 1.0, 2.0, 9)
    assert low <= 9 and far.value > low + 5


def test_it_does_not_rise_while_less_than_half_of_it_is_used() -> None:
    limit = Limit()
    limit.refused(0.0, 1.0, 100)
    before = limit.value
    limit.answered(1.0, 1.0, 2.0, 44)
    assert limit.value == before
    limit.answered(1.0, 1.0, 2.0, 46)
    assert limit.value > before


def window(limit: Limit, pace_s: float, at_s: float, in_flight: int) -> None:
    """One window of replies that all began at `at_s`."""
    for _ in range(WINDOW):
        limit.answered(pace_s, at_s, at_s + 1.0, in_flight)


def test_latency_that_rises_cuts_and_latency_that_falls_again_keeps_the_cut() -> None:
    limit = Limit()
    window(limit, 1.0, 0.0, 100)
    window(limit, 3.9, 2.0, 100)
    assert limit.value == math.inf
    window(limit, 5.0, 4.0, 100)
    assert limit.value == pytest.approx(70.0)
    window(limit, 3.9, 6.0, 10)
    assert limit.value == pytest.approx(70.0)


def test_a_cut_that_does_not_make_replies_faster_is_undone() -> None:
    limit = Limit()
    window(limit, 1.0, 0.0, 100)
    window(limit, 9.0, 2.0, 100)
    assert limit.value == pytest.approx(50.0)
    window(limit, 9.0, 4.0, 10)
    assert limit.value == math.inf
    window(limit, 9.0, 6.0, 100)
    assert limit.value == math.inf


events = st.tuples(
    st.sampled_from(["answered", "refused", "timed_out"]),
    st.floats(0, 10),
    st.floats(0, 10),
    st.integers(0, 5000),
    st.floats(1e-6, 100),
)


@given(st.lists(events, max_size=200))
def test_it_is_a_number_of_at_least_one_whatever_happens(
    happened: list[tuple[str, float, float, int, float]],
) -> None:
    limit, now_s = Limit(), 0.0
    for name, wait_s, took_s, in_flight, pace_s in happened:
        now_s += wait_s
        if name == "answered":
            limit.answered(pace_s, now_s - took_s, now_s, in_flight)
        else:
            getattr(limit, name)(now_s - took_s, now_s, in_flight)
        assert limit.value >= 1.0


def converged(places: int, clients: int, *, refuses: bool, seed: int = 3) -> tuple[float, float, float]:
    """Average limit and part of the capacity that was used in the second half of 300 s, and part refused.

    A server with so many places takes about a second for a call; beyond them it refuses, or lets wait.
    """
    limit, random = Limit(), Random(seed)
    ends: list[tuple[float, float, bool, int]] = []
    free_s = [0.0] * places
    now_s, limits, answers, refusals = 0.0, [], 0, 0
    while now_s < 300:
        while len(ends) < clients and len(ends) + 1 <= limit.value:
            now_s += 1e-6
            service_s = random.uniform(0.7, 1.3)
            soonest = min(range(places), key=free_s.__getitem__)
            if refuses and free_s[soonest] > now_s:
                heapq.heappush(ends, (now_s + 0.02, now_s, False, 0))
            else:
                free_s[soonest] = max(free_s[soonest], now_s) + service_s
                heapq.heappush(ends, (free_s[soonest], now_s, True, len(ends) + 1))
        end_s, began_s, ok, in_flight = heapq.heappop(ends)
        now_s = max(now_s, end_s)
        if ok:
            limit.answered((now_s - began_s) / 32, began_s, now_s, in_flight)
        else:
            limit.refused(began_s, now_s, len(ends) + 1)
        if now_s > 150:
            limits.append(limit.value)
            answers, refusals = answers + ok, refusals + (not ok)
    return sum(limits) / len(limits), answers / 150 / places, refusals / (answers + refusals)


@pytest.mark.parametrize(("places", "clients"), [(1, 20), (4, 50), (50, 2000), (120, 600)])
def test_it_finds_what_a_refusing_server_takes(places: int, clients: int) -> None:
    limit, used, refused = converged(places, clients, refuses=True)
    assert 0.8 * places <= limit <= 1.3 * places + 1
    assert used > 0.9
    assert refused < 0.1 or places < 4


@pytest.mark.parametrize(("places", "clients"), [(4, 100), (20, 400), (50, 1000)])
def test_it_keeps_the_line_short_at_a_server_that_lets_wait(places: int, clients: int) -> None:
    limit, used, _ = converged(places, clients, refuses=False)
    assert places <= limit <= 7 * places
    assert used > 0.97


def test_it_leaves_a_server_alone_that_has_room() -> None:
    limit, *_ = converged(100, 80, refuses=False)
    assert limit == math.inf
