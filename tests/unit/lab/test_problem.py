"""A question that cannot be meant is refused where it is stated, with what to give instead."""

import math
from typing import Any

import pytest

from firm.errors import UsageError
from firm.lab.artifact import Prompt, Text, Vector
from firm.lab.problem import Allowance, Axis, Baseline, Known, Objective, Problem, Smooth, Stage


def score(artifact: Any) -> float:
    return 0.0


ONLY = Stage("only", score)


def stated(**more: Any) -> Problem:
    given: dict[str, Any] = {"artifact": Vector(0.0, 1.0, (2,)), "stages": (ONLY,), **more}
    return Problem(
        name="toy", question="How low?", objective=Objective("f"), allowance=Allowance(evaluations=1), **given
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"evaluations": 0}, "evaluations=0 buys nothing"),
        ({"cpu_s": -1.0}, "cpu_s=-1.0 buys nothing"),
        ({"usd": math.nan}, "usd=nan buys nothing"),
        ({"wall_s": math.inf}, "wall_s=inf buys nothing"),
        ({"tokens": "many"}, "buys nothing"),
        ({}, "never ends"),
    ],
)
def test_a_budget_that_buys_nothing_or_never_ends_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Allowance(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"score": 3}, "is no function"),
        ({"trust": "certain"}, "trust='certain'; give one of exact, second solver"),
        ({"keep": 0.0}, "keep=0.0"),
        ({"keep": 1.1}, "keep=1.1"),
        ({"keep": math.nan}, "keep=nan"),
        ({"repeats": 0}, "repeats=0"),
        ({"wall_s": 0}, "wall_s above 0"),
        ({"memory_bytes": 1_000}, "64 MiB"),
    ],
)
def test_a_stage_that_cannot_be_meant_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"stage 'only'.*{said}"):
        Stage(**{"name": "only", "score": score, **given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stages": ()}, "has no stages"),
        ({"stages": (ONLY, ONLY)}, "two stages have one name"),
        ({"artifact": Text("x"), "smooth": Smooth(lambda x: 0.0)}, "smooth= is for a Vector"),
        ({"artifact": Prompt("{input}")}, "needs samples="),
    ],
)
def test_a_problem_that_cannot_be_meant_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        stated(**given)


@pytest.mark.parametrize("given", [(1.0, 0.0), (0.0, math.inf), (math.nan, 1.0), (0.0, 1.0, 0)])
def test_an_axis_the_wrong_way_round_is_refused(given: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match="axis 'wide'"):
        Axis("wide", *given)


@pytest.mark.parametrize("given", [{}, {"artifact": [1.0], "value": 2.0}])
def test_a_baseline_is_an_artifact_or_a_value(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="baseline 'old'"):
        Baseline("old", **given)


def test_behind_the_stages_stand_what_verifies_and_the_hold_out() -> None:
    last, held = Stage("sure", score), Stage("unseen", score)
    plain, full = stated(), stated(verify=last, holdout=held, known=Known(1.0, "a book", "2026-11-23"))
    assert [full.stage(number).name for number in range(3)] == ["only", "sure", "unseen"]
    assert plain.stage(1) is ONLY is plain.final and full.final is last
