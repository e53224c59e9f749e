"""Descent and hopping: what is refined is refined well, and is valid as floats see it."""

import math

import numpy as np
import pytest
from tests.unit.lab.toys import box, chance, problem, rastrigin, searched

from firm.lab.artifact import Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Operators, Smooth
from firm.lab.proposer import open_proposer
from firm.lab.proposer.hopping import Hopping
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.refine import refine

CORNER = Smooth(
    lambda x: float(-x.sum()),
    gradient=lambda x: -np.ones(2),
    above=lambda x: np.array([1.0 - x @ x]),
    jacobian=lambda x: -2 * x[None, :],
)
"""The point of the disc that is furthest to the upper right: sqrt(2) / 2 twice."""


def exact(x: np.ndarray) -> tuple[float, float]:
    """No tolerance."""
    return float(-x.sum()), max(0.0, float(x @ x) - 1.0)


def test_the_end_of_a_descent_keeps_its_constraints_without_tolerance():
    about = problem(Vector(-2.0, 2.0, shape=(2,)), smooth=CORNER)
    for start in ([0.0, 0.0], [1.9, -1.9], [0.3, 0.9]):
        end = refine(about, np.array(start))
        assert exact(end)[1] == 0
        assert -math.sqrt(2) <= exact(end)[0] < -math.sqrt(2) + 1e-9


def test_a_constrained_toy_is_solved_by_a_few_starts():
    about = problem(Vector(-2.0, 2.0, shape=(2,)), smooth=CORNER)
    for arm in ("descent", "hopping"):
        assert searched(arm, about, exact, evaluations=3, seed=1) < -math.sqrt(2) + 1e-9


def test_without_constraints_and_derivatives_it_goes_by_differences():
    about = problem(
        box(5), smooth=Smooth(lambda x: float((100 * (x[1:] - x[:-1] ** 2) ** 2).sum() + (1 - x[0]) ** 2))
    )
    end = refine(about, np.zeros(5))
    assert np.allclose(end, 1.0, atol=1e-3)


def test_a_descent_that_breaks_gives_back_its_start():
    for above in (None, lambda x: np.array([np.nan])):
        about = problem(box(2), smooth=Smooth(lambda x: math.nan, above=above))
        assert np.isfinite(refine(about, np.array([1.0, 2.0]))).all()

    def raises(x):
        raise FloatingPointError

    assert refine(problem(box(2), smooth=Smooth(raises)), np.ones(2)).tolist() == [1.0, 1.0]


def test_hopping_leaves_the_holes_that_a_descent_ends_in():
    holes = Smooth(lambda x: rastrigin(x)[0], gradient=lambda x: 2 * x + 20 * np.pi * np.sin(2 * np.pi * x))
    about = problem(box(4), smooth=holes)
    alone = searched("descent", about, rastrigin, evaluations=60, seed=3)
    assert searched("hopping", about, rastrigin, evaluations=120, seed=3) < min(alone + 1e-9, 2.5)


def walk() -> Hopping:
    """One that stands at 2, 2, 2 with a fitness of -1."""
    about = problem(box(3), operators=Operators(lambda rng: np.ones(3), lambda rng, x: x))
    elite = Elite(7, about.artifact.pack(np.full(3, 2.0)), 1.0, 0)
    for seed in range(100):
        found = open_proposer("hopping", about, chance(seed), state=b"", elites=[elite])
        assert isinstance(found, Hopping)
        if found.kept.id == 7:
            return found
    raise AssertionError


def test_hopping_begins_at_an_elite_and_says_so():
    assert walk().ask(5)[0].parents == (7,)


def test_hopping_never_leaves_a_valid_place_for_an_invalid_one():
    hopping = walk()
    for fitness, missed in ((9.0, 0.1), (-math.inf, math.inf)):
        proposal = hopping.ask(1)[0]
        hopping.tell([Outcome(Proposal(proposal.artifact, proposal.parents), 8, fitness, missed, 0)])
        assert hopping.kept.id == 7


def test_hopping_accepts_some_of_what_is_worse_and_all_that_is_better():
    hopping = walk()
    accepted = 0
    for number in range(200):
        proposal = hopping.ask(1)[0]
        hopping.kept.since = 0
        before = hopping.kept.worth[2]
        hopping.tell([Outcome(proposal, 100 + number, before - 1.0, 0.0, 0)])
        accepted += hopping.kept.id == 100 + number
    assert 20 < accepted < 100
    hopping.tell([Outcome(hopping.ask(1)[0], 999, hopping.kept.worth[2] + 1e-9, 0.0, 0)])
    assert hopping.kept.id == 999


def test_hopping_reaches_further_after_it_came_back_to_where_it_was():
    hopping = walk()
    reach = hopping.kept.reach
    same = Proposal(np.full(3, 2.0), (7,))
    hopping.ask(1)
    hopping.tell([Outcome(same, 8, -math.inf, math.inf, 0)])
    assert hopping.kept.reach > reach
    assert hopping.kept.id == 7


def test_a_walk_that_finds_nothing_better_is_used_up():
    hopping, hops = walk(), 0
    while proposals := hopping.ask(1):
        hopping.tell([Outcome(proposals[0], 8, -5.0, 0.0, 0)])
        hops += 1
        assert hops < 100
    assert hops > 30
    assert hopping.save() == b""


@pytest.mark.parametrize("arm", ["descent", "hopping"])
def test_one_start_an_ask_is_refined(arm):
    about = problem(Vector(-2.0, 2.0, shape=(2,)), smooth=CORNER)
    assert len(open_proposer(arm, about, chance(0), state=b"", elites=()).ask(50)) == 1
