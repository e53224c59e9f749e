"""Which endpoint a call goes to."""

from collections import Counter
from random import Random

import pytest
from tests.unit.model.traffic import endpoint, fault

from firm.model.lane import SCAN, STICKY_CALLS, Lane, affine
from firm.model.route import Route
from firm.model.wire.fault import Kind


def lane(endpoints: int, **options: object) -> Lane:
    """A lane of so many endpoints."""
    made = tuple([endpoint(f"s{number}") for number in range(endpoints)])
    return Lane(Route("m", made, **options), lambda: 0.0, Random(5))  # type: ignore[arg-type]


def test_the_emptiest_endpoint_is_chosen() -> None:
    it = lane(3)
    first, second, third = it.route.endpoints
    first.in_flight, second.in_flight, third.in_flight = 5, 4, 6
    assert it.choose("", 0.0) is second
    second.limit.value = 6.0
    assert it.choose("", 0.0) is first
    first.fault_rate = 0.4
    assert it.choose("", 0.0) is third


def test_equals_share_the_calls() -> None:
    it = lane(4)
    counts = Counter([it.choose("", 0.0) for _ in range(2000)])
    assert len(counts) == 4
    assert min(counts.values()) > 400


def test_an_endpoint_that_is_not_free_or_has_failed_is_passed_over() -> None:
    it = lane(3)
    full, failed, good = it.route.endpoints
    full.limit.value, full.in_flight = 1.0, 1
    assert it.choose("", 0.0, (failed,)) is good
    assert it.choose("", 0.0, (failed, good)) is None


@pytest.mark.parametrize("endpoints", [1, 2, SCAN, 3 * SCAN])
def test_it_is_found_however_many_there_are(endpoints: int) -> None:
    it = lane(endpoints)
    *others, last = it.route.endpoints
    for other in others:
        other.limit.value, other.in_flight = 1.0, 1
    assert all([it.choose("", 0.0) is last for _ in range(20)])


def test_sessions_are_spread_evenly_and_stay_when_an_endpoint_comes() -> None:
    endpoints = tuple([endpoint(f"s{number}") for number in range(5)])
    sessions = [f"run-{number}" for number in range(5000)]
    before = [affine(session, endpoints[:4]) for session in sessions]
    after = [affine(session, endpoints) for session in sessions]
    assert min(Counter(before).values()) > 1100
    assert all([old is new or new is endpoints[4] for old, new in zip(before, after, strict=True)])
    assert 850 < after.count(endpoints[4]) < 1150


def test_a_session_stays_at_its_endpoint_unless_that_is_much_fuller() -> None:
    it = lane(3)
    own = affine("run-1", it.route.endpoints)
    own.in_flight = STICKY_CALLS
    assert it.choose("run-1", 0.0) is own
    own.in_flight = 20
    assert it.choose("run-1", 0.0) is not own
    for other in it.route.endpoints:
        other.in_flight = 12
    own.in_flight = 20
    assert it.choose("run-1", 0.0) is own
    own.breaker.shut(0.0, 10.0)
    assert it.choose("run-1", 0.0) is not own


def test_a_lane_is_shut_when_all_of_its_endpoints_are() -> None:
    it = lane(2)
    first, second = it.route.endpoints
    first.breaker.shut(0.0, 30.0)
    assert it.shut(0.0) is None
    second.breaker.shut(0.0, 20.0)
    assert it.shut(0.0) == (20.0, second)
    assert it.shut(14.9) == (pytest.approx(5.1), second)
    assert it.shut(15.0) is None


def test_a_short_cool_down_is_waited_for_unless_another_model_stands_in() -> None:
    for fallbacks, waits in (((), True), (("x",), False)):
        it = lane(1, fallbacks=fallbacks)
        it.route.endpoints[0].breaker.shut(0.0, 4.0)
        assert (it.shut(0.0) is None) is waits
        assert it.shut(4.0) is None


@pytest.mark.parametrize(
    ("fallbacks", "retry_after_s", "shut"), [((), 20.0, False), ((), 90.0, True), (("x",), 20.0, True)]
)
def test_a_long_pause_is_waited_for_unless_another_model_stands_in(
    fallbacks: tuple[str, ...], retry_after_s: float, shut: bool
) -> None:
    it = lane(1, fallbacks=fallbacks)
    it.route.endpoints[0].failed(fault(Kind.RATE, retry_after_s), 0.0, 0.0)
    assert (it.shut(0.0) is not None) is shut
