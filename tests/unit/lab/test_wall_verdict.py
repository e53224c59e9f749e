"""Valid is what was shown to be valid."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from firm.lab.candidate import Status
from firm.lab.problem import Invalid, Score
from firm.lab.wall.verdict import Verdict, agree, half_width, judged, pooled, t_95


@pytest.mark.parametrize(
    "given", [1.5, np.float64(1.5), np.array(1.5), Fraction(3, 2), Decimal("1.5"), np.float32(1.5)]
)
def test_a_number_of_any_make_is_a_float(given: Any) -> None:
    verdict = judged(given)
    assert (verdict.status, verdict.value, type(verdict.value)) == (Status.VALID, 1.5, float)


@pytest.mark.parametrize(
    "given",
    [True, np.bool_(True), 1 + 0j, np.complex128(1), "1.5", None, [1.5], np.array([1.5]), math.nan, math.inf, -math.inf,
     10**400, {"score": 1.0}, Score(math.nan), Score(1.0, others={"mass": math.nan}), Score(1.0, {"a": True}),
     Score(1.0, {"a": "1"}), Score(1.0, descriptors=(math.nan,)), Score(1.0, descriptors=(0.1, 0.2))],
)  # fmt: skip
def test_what_is_no_finite_number_has_failed_and_says_why(given: Any) -> None:
    verdict = judged(given, axes=1)
    assert (verdict.status, verdict.value, verdict.missed) == (Status.FAILED, None, math.inf)
    assert verdict.why


@pytest.mark.parametrize("margin", [math.nan, -math.inf, np.float64("nan")])
def test_a_constraint_without_a_number_is_missed_beyond_measure(margin: Any) -> None:
    verdict = judged(Score(1.0, {"fine": 1.0, "hole": margin}))
    assert (verdict.status, verdict.nearest, verdict.missed) == (Status.INVALID, "hole", math.inf)


@pytest.mark.parametrize(
    ("margin", "status"), [(0.0, Status.VALID), (-0.0, Status.VALID), (-5e-324, Status.INVALID)]
)
def test_a_constraint_is_met_at_zero_and_not_a_hair_below(margin: float, status: Status) -> None:
    assert judged(Score(1.0, {"edge": margin})).status is status


@pytest.mark.parametrize(("near", "missed"), [(-2.0, 2.0), (-math.inf, math.inf), (math.nan, math.inf)])
def test_what_a_scorer_calls_invalid_is_missed_by_what_it_says(near: float, missed: float) -> None:
    verdict = judged(Invalid("they cross", near=near))
    assert (verdict.status, verdict.missed, verdict.slack) == (Status.INVALID, missed, -missed)


def test_invalid_is_never_valid_even_where_it_claims_to_be_met() -> None:
    verdict = judged(Invalid("broken", near=3.0))
    assert verdict.status is Status.INVALID
    assert verdict.missed > 0


def test_memory_that_was_not_to_be_had_is_a_limit() -> None:
    assert judged(MemoryError()).status is Status.KILLED


def test_what_else_was_said_is_plain_json_or_told_as_text() -> None:
    said = judged(Score(1.0, said={"a": np.float64(2), "b": np.arange(2), "c": {3}, "d": object})).said
    assert (said["a"], said["b"], said["c"]) == (2.0, [0, 1], [3])
    assert "object" in said["d"]
    assert "unsaid" in judged(Score(1.0, said={"long": "x" * 100_000})).said


def draw(value: float | None, **more: Any) -> Verdict:
    return Verdict(Status.VALID, value, missed=0.0, cpu_us=2, **more)


def test_draws_are_pooled_to_their_mean_and_the_worst_decides() -> None:
    pool = pooled([draw(1.0, others={"m": 1.0}), draw(3.0, others={"m": 2.0})])
    assert (pool.value, pool.status, pool.others, pool.cpu_us) == (2.0, Status.VALID, {"m": 1.5}, 4)
    broken = pooled([draw(1.0), judged(Score(3.0, {"a": -1.0})), draw(1.0)])
    assert (broken.status, broken.missed) == (Status.INVALID, 1.0)
    failed = pooled([draw(1.0), judged(math.nan)])
    assert (failed.status, failed.value) == (Status.FAILED, None)


def test_the_interval_is_students() -> None:
    assert half_width([1.0]) == 0.0
    for freedom, expected in (
        (1, 12.7062),
        (10, 2.2281),
        (11, 2.2010),
        (20, 2.0860),
        (30, 2.0423),
        (120, 1.9799),
    ):
        assert math.isclose(t_95(freedom), expected, abs_tol=3e-4), freedom


def test_two_verdicts_agree_to_the_last_bit_or_not_at_all() -> None:
    assert agree(judged(0.1 + 0.2), judged(0.1 + 0.2))
    assert not agree(judged(0.1 + 0.2), judged(0.3))
