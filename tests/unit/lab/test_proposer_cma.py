"""CMA-ES finds what it should, and learns from the right ones."""

import numpy as np
import pytest
from tests.unit.lab.toys import box, chance, problem, rosenbrock, searched, sphere, told

from firm.lab.artifact import Vector
from firm.lab.problem import Stage
from firm.lab.proposer import open_proposer
from firm.lab.proposer.bounds import Cube
from firm.lab.proposer.cma import chosen, deepest
from firm.lab.proposer.protocol import Outcome
from firm.lab.proposer.strategy import FULL, rates


@pytest.mark.parametrize("seed", range(2))
def test_a_sphere_of_ten_numbers_is_solved_in_3000_candidates(seed):
    assert searched("cma", problem(box(10)), sphere, evaluations=3000, seed=seed) < 1e-9


@pytest.mark.parametrize("seed", range(2))
def test_a_bent_valley_is_solved_in_4000_candidates(seed):
    assert searched("cma", problem(box(5)), rosenbrock, evaluations=4000, seed=seed) < 1e-9


def test_a_badly_scaled_ellipsoid_is_learned():
    scale = 10 ** (6 * np.arange(8) / 7)

    def ellipsoid(x):
        return float(scale @ x**2), 0.0

    assert searched("cma", problem(box(8)), ellipsoid, evaluations=7000, seed=1) < 1e-9


def test_an_optimum_in_a_corner_of_the_bounds_is_reached():
    assert (
        searched("cma", problem(box(6)), lambda x: (float(x.sum()), 0.0), evaluations=3000, seed=1)
        < -30 + 1e-6
    )


def test_a_constraint_is_kept_where_the_optimum_lies_on_it():
    def judge(x):
        return float(x @ x), max(0.0, 3.0 - float(x.sum()))

    assert searched("cma", problem(box(3)), judge, evaluations=4000, seed=2) == pytest.approx(3.0, abs=1e-4)


def test_with_many_numbers_the_covariance_is_a_diagonal_and_still_learns():
    size = FULL + 20
    assert searched("cma", problem(box(size)), sphere, evaluations=6000, seed=0) < 0.02 * searched(
        "chance", problem(box(size)), sphere, evaluations=6000, seed=0
    )


def test_one_number_is_enough():
    assert searched("cma", problem(box(1)), sphere, evaluations=400, seed=0) < 1e-9


def test_an_island_that_has_converged_is_used_up():
    about = problem(box(2))
    proposer = open_proposer("cma", about, chance(1), state=b"", elites=())
    made = 0
    while proposals := proposer.ask(64):
        made += len(proposals)
        proposer.tell(told(proposals, sphere))
        assert made < 5000
    assert proposer.save() == b""


def test_what_comes_in_pieces_is_learned_as_if_it_had_come_at_once():
    about = problem(box(10))
    states = []
    for batch in (1, 4, 64):
        proposer = open_proposer("cma", about, chance(3), state=b"", elites=())
        made = 0
        while made < 40:
            proposals = proposer.ask(min(batch, 40 - made))
            proposer.tell(told(proposals, sphere, made))
            made += len(proposals)
        states.append([proposal.artifact for proposal in proposer.ask(2)])
    assert np.allclose(states[0], states[1])
    assert np.allclose(states[0], states[2])


def test_where_cheap_stages_choose_it_asks_for_more_and_learns_from_the_deepest():
    stages = (Stage("cheap", len, keep=0.25), Stage("dear", len))
    few = open_proposer("cma", problem(box(10)), chance(0), state=b"", elites=())
    many = open_proposer("cma", problem(box(10), stages=stages), chance(0), state=b"", elites=())
    assert many.screens
    assert 4 * len(few.ask(100)) == len(many.ask(100))
    stopped, deep = (0.0, 0.0, 9.0), (0.0, 1.0, -3.0)
    invalid = (-0.5, 0.0, 5.0)
    points = [np.full(2, float(place)) for place in range(5)]
    ranks = [stopped, deep, invalid, deep, stopped]
    assert deepest(list(zip(ranks, points, strict=True))) == 2
    assert [point[0] for point in chosen(list(zip(ranks, points, strict=True)), 4)] == [1.0, 3.0, 2.0]
    assert [point[0] for point in chosen(list(zip(ranks, points, strict=True))[:3], 6)] == [1.0, 0.0, 2.0]


def test_a_screened_search_needs_fewer_dear_candidates():
    stages = (Stage("cheap", len, keep=0.25), Stage("dear", len))
    about = problem(box(10), stages=stages)
    proposer, made, dear, best = open_proposer("cma", about, chance(5), state=b"", elites=()), 0, 0, np.inf
    scale = 0.5 + 1.5 * chance(6).random(10)
    while best > 1e-6 and dear < 2000:
        proposals = proposer.ask(64)
        cheap = sorted(proposals, key=lambda one: float(scale @ (one.artifact - 1) ** 2))
        going = {id(one) for one in cheap[: max(1, round(0.25 * len(cheap)))]}
        outcomes = []
        for proposal in proposals:
            value = sphere(proposal.artifact)[0]
            deep = id(proposal) in going
            dear += deep
            best = min(best, value) if deep else best
            outcomes.append(Outcome(proposal, made, -value if deep else -0.5 * value, 0.0, int(deep)))
            made += 1
        proposer.tell(outcomes)
    plain = problem(box(10))
    assert dear < 900
    assert searched("cma", plain, sphere, evaluations=dear, seed=5) > best


def test_weights_are_those_of_the_tutorial():
    rate = rates(10, 10, 5)
    assert rate.weights[:5].sum() == pytest.approx(1.0)
    assert (np.diff(rate.weights) <= 0).all()
    assert rate.mass == pytest.approx(3.167, abs=1e-3)
    assert rate.rank_one == pytest.approx(2 / (11.3**2 + rate.mass))
    assert rate.weights[5:].sum() < 0


def test_the_cube_folds_what_leaves_it():
    cube = Cube(Vector(low=[0.0, 10.0], high=[1.0, 20.0]))
    assert cube.out(np.array([1.25, -0.25])).tolist() == [0.75, 12.5]
    assert cube.out(np.array([2.25, -1.25])).tolist() == [0.25, 17.5]
    assert cube.into(np.array([0.5, 30.0])).tolist() == [0.5, 1.0]
