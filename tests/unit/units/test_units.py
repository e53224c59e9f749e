"""Tokens and effort: what may be given, and what is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.units import LEVELS, Effort, Usage
from firm.units.effort import effort_of

counts = st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts, counts, counts, counts)


@given(usages, usages)
def test_usages_add_up_bucket_by_bucket(one: Usage, other: Usage) -> None:
    both = one + other
    assert both == other + one == Usage.sum([one, other])
    assert both.total == one.total + other.total == both.read + both.written
    assert both.audio == one.audio + other.audio


@given(usages)
def test_usage_survives_the_journal(usage: Usage) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(usage), type=Usage) == usage


def test_the_sum_of_nothing_is_nothing() -> None:
    assert Usage.sum([]) == Usage()


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_is_an_effort(level: str) -> None:
    assert effort_of(level) == Effort(level=level)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "nothing"),
        ({"level": "much"}, "'much'"),
        ({"level": "low", "usd": 1.0}, "exactly|give one of"),
        ({"target": 1.0}, "below 1"),
        ({"target": 0}, "above 0"),
        ({"deadline_s": -1}, "above 0"),
        ({"usd": float("nan")}, "above 0"),
        ({"usd": True}, "above 0"),
    ],
)
def test_an_effort_out_of_range_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Effort(**given)  # type: ignore[arg-type]


def test_an_effort_that_is_none_of_these_is_refused() -> None:
    assert effort_of(None) is None
    with pytest.raises(UsageError, match="effort=7"):
        effort_of(7)
