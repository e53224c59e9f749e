"""The libraries' strategies, where they are installed; importing them takes seconds, so most of this is slow."""

import numpy as np
import pytest
from tests.unit.lab.toys import AXES, box, chance, problem, rosenbrock, searched, sphere, told

from firm.errors import UsageError
from firm.lab.proposer import arms_for, open_proposer
from firm.lab.proposer.libraries import LONGEST, ranks


def test_they_are_never_offered_unasked():
    assert not {"pycma", "ribs"} & set(arms_for(problem(box(), axes=AXES)))


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("firm.lab.proposer.find_spec", lambda name: None)
    for arm, library in (("pycma", "cma"), ("ribs", "ribs")):
        with pytest.raises(UsageError, match=f"arm {arm!r} needs the library {library!r}"):
            open_proposer(arm, problem(box(), axes=AXES), chance(0), state=b"", elites=())


def test_ranks_count_from_the_best_and_equals_share_one():
    assert ranks(
        [((0.0, 0.0, 2.0), ()), ((-1.0, 0.0, 9.0), ()), ((0.0, 0.0, 5.0), ()), ((0.0, 0.0, 2.0), ())]
    ) == [
        1.0,
        3.0,
        0.0,
        1.0,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["pycma", "ribs"])
def test_an_island_of_a_library_is_told_all_again_and_asks_the_same(arm):
    pytest.importorskip({"pycma": "cma", "ribs": "ribs"}[arm])
    about = problem(box(), axes=AXES)
    first, second = chance(1), chance(1)
    unbroken = open_proposer(arm, about, first, state=b"", elites=())
    broken = open_proposer(arm, about, second, state=b"", elites=())
    for number in range(30):
        if number % 3 == 0:
            broken = open_proposer(arm, about, second, state=broken.save(), elites=())
        one, other = unbroken.ask(1 + number % 9), broken.ask(1 + number % 9)
        assert [each.artifact.tolist() for each in one] == [each.artifact.tolist() for each in other]
        judge = (lambda x: (np.inf, np.inf)) if number < 8 else sphere
        unbroken.tell(told(one, judge))
        broken.tell(told(other, judge))
    assert unbroken.save() == broken.save() != b""


@pytest.mark.slow
def test_the_library_cma_solves_a_bent_valley():
    pytest.importorskip("cma")
    assert searched("pycma", problem(box(5)), rosenbrock, evaluations=3000, seed=0) < 1e-9


@pytest.mark.slow
def test_an_island_of_a_library_ends():
    pytest.importorskip("cma")
    proposer = open_proposer("pycma", problem(box(2)), chance(0), state=b"", elites=())
    rounds = 0
    while proposals := proposer.ask(64):
        proposer.tell(told(proposals, sphere))
        rounds += 1
    assert 10 < rounds <= LONGEST
    assert proposer.save() == b""
