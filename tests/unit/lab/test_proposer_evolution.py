"""Differential evolution, one candidate at a time."""

import numpy as np
import pytest
from tests.unit.lab.toys import box, chance, problem, rastrigin, searched, sphere, told

from firm.lab.artifact import Vector
from firm.lab.proposer import open_proposer
from firm.lab.proposer.evolution import MOST_NUMBERS
from firm.lab.proposer.saved import load


def test_many_holes_do_not_hold_it():
    assert searched("evolution", problem(box(6)), rastrigin, evaluations=12_000, seed=1) < 1e-6


def test_a_sphere_is_solved_one_candidate_at_a_time():
    assert searched("evolution", problem(box(5)), sphere, evaluations=4000, seed=1, batch=1) < 1e-6


def test_a_constraint_comes_before_the_objective():
    def judge(x):
        return float(x @ x), max(0.0, 3.0 - float(x.sum()))

    assert searched("evolution", problem(box(3)), judge, evaluations=6000, seed=2) == pytest.approx(
        3.0, abs=1e-4
    )


def test_a_population_that_has_collapsed_is_used_up():
    proposer = open_proposer("evolution", problem(box(1)), chance(1), state=b"", elites=())
    made = 0
    while proposals := proposer.ask(64):
        made += len(proposals)
        proposer.tell(told(proposals, sphere))
        assert made < 20_000
    assert proposer.save() == b""


def test_children_know_whom_they_would_replace():
    proposer = open_proposer("evolution", problem(box(4)), chance(1), state=b"", elites=())
    first = proposer.ask(16)
    assert {proposal.parents for proposal in first} == {()}
    proposer.tell(told(first, sphere, 100))
    assert [proposal.parents for proposal in proposer.ask(3)] == [(100,), (101,), (102,)]


def test_the_population_of_a_long_vector_stays_small_enough_to_be_kept():
    about = problem(Vector(0.0, 1.0, shape=(1000,)))
    proposer = open_proposer("evolution", about, chance(1), state=b"", elites=())
    for _ in range(6):
        proposals = proposer.ask(64)
        proposer.tell(told(proposals, sphere))
    assert len(proposer.save()) < 3 * 8 * MOST_NUMBERS


def test_what_succeeds_is_remembered():
    from firm.lab.proposer.evolution import Flock

    proposer = open_proposer("evolution", problem(box(4)), chance(1), state=b"", elites=())
    made = 0
    while made < 400:
        proposals = proposer.ask(16)
        proposer.tell(told(proposals, sphere, made))
        made += len(proposals)
    flock = load(proposer.save(), Flock)
    assert np.ptp(flock.steps) > 0
    assert all(0 < step <= 1 for step in flock.steps)
