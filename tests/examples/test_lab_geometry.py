"""The lab's geometric problems: traps do not pass, known figures score exactly, small instances reach their optimum."""

import importlib
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firm.errors import UsageError
from firm.lab.problem import Invalid, Problem, Score

LAB = Path(__file__).parents[2] / "examples" / "lab"


def state(file: str, name: str, **settings: int) -> Problem:
    """The problem of one of the files."""
    if str(LAB) not in sys.path:
        sys.path.insert(0, str(LAB))
    made = getattr(importlib.import_module(file), name)(**settings)
    assert isinstance(made, Problem)
    return made


FAMILIES: dict[str, Callable[..., Problem]] = {
    "circles": lambda n: state("circles26", "circles", n=n),
    "maxmin": lambda n: state("maxmin16", "maxmin", n=n),
    "heilbronn": lambda n: state("heilbronn11", "heilbronn", n=n),
    "overlap": lambda n: state("erdos_overlap", "overlap", n=n),
    "cluster": lambda n: state("lennard_jones13", "cluster", n=n),
}


def judged(problem: Problem, artifact: Any) -> Score:
    score = problem.stages[-1].score(artifact)
    assert isinstance(score, Score)
    return score


def valid(problem: Problem, artifact: Any) -> bool:
    return all(gap >= 0 for gap in judged(problem, artifact).constraints.values())


def found(problem: Problem, *, starts: int, hops: int = 0, seed: int = 1) -> float:
    """The best value of some improved starts, each followed by hops that are kept where they are better."""
    assert problem.operators and problem.operators.improve and problem.operators.perturb
    rng, kind, sign = np.random.default_rng(seed), problem.artifact, problem.objective.sign
    best = -math.inf
    for _ in range(starts):
        here, height = None, -math.inf
        for _ in range(1 + hops):
            begun = (
                problem.operators.propose(rng) if here is None else problem.operators.perturb(rng, here, 0.3)
            )
            flat = problem.operators.improve(rng, begun)
            artifact = kind.unpack(kind.pack(flat))
            assert valid(problem, artifact)
            value = sign * judged(problem, artifact).value
            if value >= height:
                here, height = flat, value
        best = max(best, height)
    return sign * best


@pytest.mark.parametrize("family", FAMILIES)
def test_baselines_are_valid_and_below_what_is_known(family: str) -> None:
    for n in (5, 13, 26):
        problem = FAMILIES[family](n)
        sign = problem.objective.sign
        for baseline in problem.baselines:
            assert valid(problem, baseline.artifact)
            value = judged(problem, baseline.artifact).value
            assert problem.bound is not None and sign * value <= sign * problem.bound
            if problem.known:
                assert sign * value < sign * problem.known.value + 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_wrong_counts_and_numbers_that_are_not_finite_are_refused(family: str) -> None:
    problem = FAMILIES[family](7)
    good = problem.baselines[0].artifact
    width = len(good[0]) if isinstance(good[0], list) else 0
    not_finite = [[*good[:-1], [bad] * width if width else bad] for bad in (math.nan, math.inf)]
    for artifact in (good[:-1], [*good, good[0]], [], *not_finite):
        with pytest.raises(Invalid):
            judged(problem, artifact)


@pytest.mark.parametrize("family", FAMILIES)
def test_improve_gives_the_same_for_the_same_chance_and_is_never_worse(family: str) -> None:
    problem = FAMILIES[family](9)
    operators, kind, sign = problem.operators, problem.artifact, problem.objective.sign
    assert operators and operators.improve and operators.perturb
    start = operators.propose(np.random.default_rng(4))
    one, other = (operators.improve(np.random.default_rng(5), start.copy()) for _ in range(2))
    assert np.array_equal(one, other)
    value = judged(problem, kind.unpack(kind.pack(one))).value
    again = operators.improve(np.random.default_rng(6), one)
    assert sign * judged(problem, kind.unpack(kind.pack(again))).value >= sign * value - 1e-6
    moved = operators.perturb(np.random.default_rng(7), one, 0.3)
    assert moved.shape == one.shape and not np.array_equal(moved, one)


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_are_closed_svg_in_the_page_s_own_colour(family: str) -> None:
    problem = FAMILIES[family](8)
    assert problem.picture
    drawn = problem.picture(problem.baselines[0].artifact)
    assert drawn.startswith("<svg") and drawn.endswith("</svg>")
    assert "currentColor" in drawn and "nan" not in drawn


def test_counts_that_make_no_problem_are_refused() -> None:
    for family, n in (("circles", 0), ("maxmin", 2), ("heilbronn", 3), ("overlap", 1), ("cluster", 1)):
        with pytest.raises(UsageError, match=f"n={n}"):
            FAMILIES[family](n)


def test_circles_that_touch_are_valid_and_overlap_by_one_unit_in_the_last_place_is_not() -> None:
    problem = FAMILIES["circles"](2)
    touching = [[0.25, 0.5, 0.25], [0.75, 0.5, 0.25]]
    assert judged(problem, touching).value == 0.5
    assert valid(problem, touching)
    for place, number in (
        (2, math.nextafter(0.25, 1)),
        (0, math.nextafter(0.25, 1)),
        (0, math.nextafter(0.25, 0)),
    ):
        bad = [list(touching[0]), touching[1]]
        bad[0][place] = number
        assert not valid(problem, bad)
    assert not valid(problem, [[0.25, 0.5, 0.25], [0.75 - 1e-15, 0.5, 0.25]])


def test_a_circle_outside_the_square_or_with_a_negative_radius_is_not_valid() -> None:
    problem = FAMILIES["circles"](1)
    assert valid(problem, [[0.5, 0.5, 0.5]])
    assert not valid(problem, [[0.5, 0.5, math.nextafter(0.5, 1)]])
    assert not valid(problem, [[0.5, math.nextafter(0.5, 1), 0.5]])
    assert judged(problem, [[0.5, 0.5, -0.25]]).constraints["no negative radius"] == -0.25


def test_the_smallest_gap_keeps_its_sign() -> None:
    problem = FAMILIES["circles"](1)
    tiny = math.ulp(0.0)
    assert judged(problem, [[0.0, 0.5, tiny]]).constraints["inside the square"] == -tiny


def test_known_figures_score_exactly() -> None:
    square = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    assert judged(FAMILIES["maxmin"](4), square).value == 2.0
    corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.25, 0.25]]
    assert judged(FAMILIES["heilbronn"](4), corners) == Score(0.25, {"inside the triangle": 0.0})
    assert judged(FAMILIES["overlap"](2), [0.5, 0.5]).value == 0.5
    three = FAMILIES["overlap"](3)
    assert judged(three, three.baselines[1].artifact).value == pytest.approx(0.4, abs=1e-12)
    assert judged(FAMILIES["cluster"](2), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).value == 0.0


def test_points_that_coincide_and_points_outside_are_refused() -> None:
    with pytest.raises(Invalid, match="coincide"):
        judged(FAMILIES["maxmin"](3), [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    with pytest.raises(Invalid, match="coincide"):
        judged(FAMILIES["cluster"](2), [[0.0, 0.0, 0.0]] * 2)
    corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert not valid(FAMILIES["heilbronn"](4), [*corners, [0.5, math.nextafter(0.5, 1)]])
    assert not valid(FAMILIES["heilbronn"](4), [*corners, [-5e-324, 0.5]])


@pytest.mark.parametrize("family", ["circles", "heilbronn"])
def test_what_is_improved_is_valid_as_its_print_reads_too(family: str) -> None:
    problem = FAMILIES[family](8)
    assert problem.operators and problem.operators.improve
    rng = np.random.default_rng(5)
    for _ in range(5):
        flat = problem.operators.improve(rng, problem.operators.propose(rng))
        rows = [[Fraction(repr(number)) for number in row] for row in problem.artifact.unpack(flat.tobytes())]
        if family == "heilbronn":
            assert all(x >= 0 and y >= 0 and x + y <= 1 for x, y in rows)
            continue
        assert all(r <= min(x, y, 1 - x, 1 - y) for x, y, r in rows)
        pairs = [(one, other) for at, one in enumerate(rows) for other in rows[:at]]
        assert all((x - u) ** 2 + (y - v) ** 2 >= (r + s) ** 2 for (x, y, r), (u, v, s) in pairs)


def test_both_doors_of_the_solver_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    state("maxmin16", "maxmin")
    climbing = importlib.import_module("climbing")
    program = climbing.Rows(3)
    program.add([(np.array([0, 1]), 1.0), (2, np.array([1.0, -1.0]))], np.array([1.0, 0.25]))
    program.add_full(np.array([[1.0, -1.0, 0.0]]), np.zeros(1), equal=True)
    asked = np.array([1.0, 1.0, 0.5]), np.zeros(3), np.ones(3)
    direct = program.solve(*asked)
    assert climbing._direct() is not None
    monkeypatch.setattr(climbing, "_direct", lambda: None)
    assert direct == pytest.approx([0.625, 0.625, 0.375])
    assert program.solve(*asked) == pytest.approx(direct)


def test_a_program_without_a_solution_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    state("maxmin16", "maxmin")
    climbing = importlib.import_module("climbing")
    program = climbing.Rows(1)
    program.add([(0, 1.0)], np.array([-1.0]))
    assert program.solve(np.ones(1), np.zeros(1), np.ones(1)) is None
    monkeypatch.setattr(climbing, "_direct", lambda: None)
    assert program.solve(np.ones(1), np.zeros(1), np.ones(1)) is None


def test_a_step_function_whose_integral_is_off_by_a_hair_is_not_valid() -> None:
    problem = FAMILIES["overlap"](4)
    assert valid(problem, [0.25, 0.75, 0.75, 0.25])
    assert not valid(problem, [0.25, 0.75, 0.75, math.nextafter(0.25, 0)])
    assert not valid(problem, [-0.25, 1.25, 0.75, 0.25])


def test_overlap_agrees_with_the_plain_sum_in_fractions() -> None:
    h = FAMILIES["overlap"](7).baselines[1].artifact
    exact = [Fraction(value) for value in h]
    most = max(
        sum(exact[x] * (1 - exact[x + k]) for x in range(7) if 0 <= x + k < 7) * Fraction(2, 7)
        for k in range(-6, 7)
    )
    assert judged(FAMILIES["overlap"](7), h).value == float(most)


@pytest.mark.parametrize(
    ("family", "n", "starts", "hops", "target"),
    [
        ("circles", 5, 8, 3, 1.103553),
        ("maxmin", 5, 4, 0, (3 + math.sqrt(5)) / 2),
        ("maxmin", 12, 3, 6, 5 + 2 * math.sqrt(3)),
        ("heilbronn", 6, 6, 0, 0.125),
        ("overlap", 3, 3, 0, 0.4),
        ("cluster", 5, 2, 0, -9.103852),
        ("cluster", 13, 2, 10, -44.326801),
    ],
)
def test_small_instances_reach_their_optimum(
    family: str, n: int, starts: int, hops: int, target: float
) -> None:
    problem = FAMILIES[family](n)
    best = found(problem, starts=starts, hops=hops)
    sign = problem.objective.sign
    assert sign * best >= sign * target - 1e-5
    assert problem.bound is not None and sign * best <= sign * problem.bound


def test_points_in_space_are_the_same_question() -> None:
    problem = state("maxmin16", "maxmin", n=4, d=3)
    assert found(problem, starts=2) == pytest.approx(1.0, abs=1e-9)
