"""The archive's cells are filled, by strategies and by lines."""

import random

import numpy as np
import pytest
from tests.unit.lab.toys import AXES, box, chance, problem, sphere, told

from firm.lab.archive import Archive
from firm.lab.candidate import Elite
from firm.lab.proposer import open_proposer
from firm.lab.proposer.illumination import Illumination


def filled(arm: str, *, size: int, evaluations: int, seed: int) -> tuple[float, float]:
    """(coverage, quality) of an archive whose axes are means of many numbers: their ends are hard to reach."""
    about = problem(box(size), axes=AXES)
    archive = Archive(AXES, sign=-1.0, kind=about.artifact)
    rng, made = chance(seed), 0
    proposer = open_proposer(arm, about, rng, state=b"", elites=())
    while made < evaluations:
        proposals = proposer.ask(32)
        if not proposals:
            proposer = open_proposer(arm, about, rng, state=b"", elites=archive.draw(random.Random(made), 6))
            continue
        outcomes = [
            _behaving(outcome, tuple(np.mean(outcome.proposal.artifact.reshape(2, -1), axis=1)))
            for outcome in told(proposals, sphere, made)
        ]
        made += len(outcomes)
        for outcome in outcomes:
            packed = about.artifact.pack(outcome.proposal.artifact)
            archive.add(Elite(outcome.id, packed, -outcome.fitness, 0, True, outcome.descriptors))
        proposer.tell(outcomes)
    most = size * 36.0
    return archive.coverage, sum(1 - elite.value / most for elite in archive.elites()) / 36


def _behaving(outcome, where):
    return type(outcome)(outcome.proposal, outcome.id, outcome.fitness, 0.0, 0, where)


@pytest.mark.parametrize("seed", range(2))
def test_the_map_is_better_filled_than_by_chance_and_wider_than_by_the_best_alone(seed):
    coverage, quality = filled("illumination", size=12, evaluations=3000, seed=seed)
    assert quality > 1.1 * filled("chance", size=12, evaluations=3000, seed=seed)[1]
    assert coverage > 1.3 * filled("cma", size=12, evaluations=3000, seed=seed)[0]


def test_an_emitter_that_brings_nothing_new_is_used_up():
    proposer = open_proposer("illumination", problem(box(), axes=AXES), chance(1), state=b"", elites=())
    asked = 0
    while proposals := proposer.ask(16):
        asked += len(proposals)
        outcomes = told(proposals, lambda x: (1.0, 0.0))
        proposer.tell([_behaving(outcome, (0.0, 0.0)) for outcome in outcomes])
        assert asked < 200
    assert proposer.save() == b""


def test_some_islands_draw_on_lines_between_elites_and_name_both():
    about = problem(box(), axes=AXES)
    elites = [
        Elite(place, about.artifact.pack(np.full(3, float(place))), 1.0, 0, True, (float(place), 0.0))
        for place in range(1, 5)
    ]
    parents = set()
    for seed in range(10):
        proposer = open_proposer("illumination", about, chance(seed), state=b"", elites=elites)
        assert isinstance(proposer, Illumination)
        if proposer.strategy is None:
            parents |= {proposal.parents for proposal in proposer.ask(16)}
    assert {len(one) for one in parents} == {1, 2}
    assert {id for one in parents for id in one} == {1, 2, 3, 4}
