"""What an endpoint learns from each outcome."""

import math

import pytest
from tests.unit.model.traffic import endpoint, fault

from firm.model.breaker import FAULTS_IN_ROW, State
from firm.model.endpoint import MIN_SAMPLES, SHUT_S
from firm.model.reply import Reply
from firm.model.wire.fault import PASSING, Fault, Kind
from firm.units import Usage


@pytest.mark.parametrize("kind", list(Kind))
def test_what_each_kind_of_fault_does_to_limit_and_breaker(kind: Kind) -> None:
    it = endpoint()
    it.in_flight = 10
    for number in range(FAULTS_IN_ROW):
        it.failed(fault(kind), float(number), number + 0.5)
    assert (it.limit.value < math.inf) is (kind in {Kind.RATE, Kind.OVERLOAD, Kind.SLOW})
    assert (it.breaker.state is State.OPEN) is (kind in PASSING - {Kind.RATE})
    assert (it.fault_rate > 0) is (kind in PASSING)
    assert (it.last_fault is None) is (kind in {Kind.CONTEXT, Kind.REQUEST, Kind.FILTER, Kind.SIZE})


def test_a_wave_of_refusals_does_not_open_the_breaker() -> None:
    it = endpoint()
    it.in_flight = 1000
    for _ in range(900):
        it.failed(fault(Kind.OVERLOAD), 0.0, 0.5)
        it.in_flight -= 1
    assert it.breaker.closed
    assert it.limit.value == pytest.approx(100, abs=1)


def test_it_is_not_asked_before_the_server_wants_to_be() -> None:
    it = endpoint()
    it.failed(fault(Kind.RATE, 20.0), 0.0, 1.0)
    assert not it.free(20.9)
    assert it.free(21.0)
    assert it.shut_s(1.0) == 20.0
    assert it.shut_s(30.0) == 0.0


def test_a_shorter_wish_does_not_undo_a_longer_one() -> None:
    it = endpoint()
    it.failed(fault(Kind.RATE, 20.0), 0.0, 1.0)
    it.failed(fault(Kind.RATE, 1.0), 0.0, 1.0)
    assert not it.free(20.0)


def test_it_takes_no_more_calls_than_its_limit() -> None:
    it = endpoint()
    it.limit.value = 2.5
    for free in (True, True, False):
        assert it.free(0.0) is free
        if free:
            it.enter(0.0)
    it.leave()
    assert it.free(0.0)


def test_one_that_refuses_the_key_is_left_alone_for_a_while() -> None:
    it = endpoint()
    it.shut(5.0)
    assert it.shut_s(5.0) == SHUT_S
    assert it.free(5.0 + SHUT_S)


def test_the_slowest_is_known_after_enough_replies() -> None:
    it = endpoint()
    for number in range(MIN_SAMPLES - 1):
        it.answered(Reply(usage=Usage(output=10)), 0.0, number + 1.0, 1)
    assert it.slowest_s() is None
    it.answered(Reply(), 0.0, 100.0, 1)
    assert it.slowest_s() == 100.0


def test_long_replies_are_not_taken_for_a_slow_server() -> None:
    it = endpoint()
    for number in range(400):
        tokens = 20 if number < 200 else 4000
        it.answered(Reply(usage=Usage(output=tokens)), float(number), number + 0.1 + tokens * 0.02, 50)
    assert it.limit.value == math.inf


def test_its_health_says_what_is_wrong() -> None:
    it = endpoint()
    it.in_flight = 4
    assert it.health(0.0).limit is None
    for _ in range(FAULTS_IN_ROW):
        it.failed(Fault(Kind.CONNECT, "connection refused"), 0.0, 1.0)
    it.limit.value = 2.0
    health = it.health(1.5)
    assert (health.url, health.name, health.in_flight, health.limit) == ("http://a:8000/v1", "moon", 4, 2.0)
    assert (health.breaker, health.shut_s) == ("open", 1.5)
    assert health.last_fault == "no connection: connection refused"
    assert health.latency_s is None
    assert 0 < health.fault_rate < 1


def test_a_probe_that_is_refused_does_not_stay_under_way_for_ever() -> None:
    it = endpoint()
    it.in_flight = 3
    for number in range(FAULTS_IN_ROW):
        it.failed(fault(Kind.SERVER), float(number), number + 0.5)
    it.enter(10.0)
    it.failed(fault(Kind.SLOW), 1.0, 11.0)  # an old call: the limit is cut while the probe is on its way
    it.leave()
    it.failed(fault(Kind.OVERLOAD), 10.0, 12.0)
    it.in_flight = 0
    assert it.breaker.state is State.OPEN
    assert it.free(12.0 + it.shut_s(12.0))
