"""Counts and log-probabilities stay within their bounds."""

import math

import pytest

from firm.model.reply import TokenLogprob
from firm.model.wire.token import LEAST, MAX_COUNT, Logprob, Top, count, logprobs_of


@pytest.mark.parametrize(("found", "counted"), [(None, 0), (0, 0), (-5, 0), (7, 7), (10**30, MAX_COUNT)])
def test_count_is_at_least_zero_and_believable(found: int | None, counted: int) -> None:
    assert count(found) == counted


def test_logprobs_are_finite_and_at_most_zero() -> None:
    tops = [Top("b", -math.inf), Top(None, -1.0), Top("c", None)]
    assert logprobs_of([Logprob("a", 0.3, tops), Logprob("d", -1e308), Logprob("e", None)]) == (
        TokenLogprob("a", 0.0, (("b", LEAST), ("", -1.0))),
        TokenLogprob("d", LEAST),
    )


def test_no_logprobs_are_none() -> None:
    assert logprobs_of(None) == logprobs_of([]) == ()
