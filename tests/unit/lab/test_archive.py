"""What is kept is the best of each kind."""

import math
import random
import time

import msgspec
import numpy as np
import pytest

from firm.lab.archive import KEPT, NOWHERE, REGIONS, Archive, place_in, places_in
from firm.lab.artifact import Text, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Axis

BOX = Vector(0.0, 1.0, shape=(3,))
TWO = (Axis("length", 0.0, 1.0, 10), Axis("weight", -5.0, 5.0, 4))
FIVE = tuple(Axis(f"axis {place}", 0.0, 2.0) for place in range(5))


def elite(
    id: int, value: float, *where: float, at: float | None = None, depth: int = 0, valid: bool = True
) -> Elite:
    """One that is at `where` in the archive, and at `at` among the artifacts."""
    point = np.random.Generator(np.random.Philox(key=id)).random(3) if at is None else np.full(3, at)
    return Elite(id, BOX.pack(point), value, depth, valid, where)


def ids(archive: Archive) -> list[int]:
    """The best first."""
    return [one.id for one in archive.elites()]


def test_each_cell_keeps_its_best():
    archive = Archive(TWO, sign=1.0, kind=BOX)
    assert archive.add(elite(1, 5.0, 0.05, 0.0))
    assert archive.add(elite(2, 3.0, 0.95, 0.0))
    assert not archive.add(elite(3, 4.0, 0.06, 0.1))
    assert not archive.add(elite(4, 5.0, 0.06, 0.1))
    assert archive.add(elite(5, 6.0, 0.06, 0.1))
    assert ids(archive) == [5, 2]
    assert archive.coverage == 2 / 40


def test_less_is_better_where_the_sign_says_so():
    archive = Archive((), sign=-1.0, kind=BOX)
    for id, value in ((1, 5.0), (2, -3.0), (3, 4.0)):
        assert archive.add(elite(id, value))
    assert ids(archive) == [2, 3, 1]
    assert archive.best() == elite(2, -3.0)


def test_what_is_valid_and_what_a_deeper_stage_scored_comes_first():
    archive = Archive(TWO, sign=1.0, kind=BOX)
    assert archive.add(elite(1, 9.0, 0.5, 0.5, valid=False))
    assert archive.add(elite(2, 1.0, 0.5, 0.5))
    assert archive.add(elite(3, 0.5, 0.5, 0.5, depth=1))
    assert not archive.add(elite(4, 8.0, 0.5, 0.5))
    assert ids(archive) == [3]


def test_what_lies_outside_the_axes_counts_to_the_nearest_cell_and_what_lies_nowhere_is_not_lost():
    place = place_in(TWO)
    assert place((-9.0, -9.0)) == place((0.0, -5.0)) == 0
    assert place((9.0, 9.0)) == place((0.999, 4.99)) == 39
    assert place((math.inf, 0.0)) == place((1.0, 0.0))
    assert place((math.nan, 0.0)) == place(()) == place((0.5,)) == NOWHERE
    archive = Archive(TWO, sign=1.0, kind=BOX)
    assert archive.add(elite(1, 5.0))
    assert archive.best() == elite(1, 5.0)
    assert archive.coverage == 0


def test_with_more_than_three_axes_places_are_regions_of_about_the_same_size():
    place = place_in(FIVE)
    assert places_in(FIVE) == REGIONS
    drawn = np.random.Generator(np.random.Philox(key=1)).random((20_000, 5)) * 2
    counts = np.bincount([place(tuple(where)) for where in drawn.tolist()], minlength=REGIONS)
    assert len(counts) == REGIONS
    assert counts.min() > 0
    assert counts.max() < 5 * counts.mean()
    assert place((0.1, 0.2, math.nan, 0.3, 0.4)) == NOWHERE
    assert place((9.0,) * 5) == place((2.0,) * 5)


def test_without_axes_only_those_stay_that_differ():
    archive = Archive((), sign=1.0, kind=BOX)
    assert archive.add(elite(1, 1.0, at=0.5))
    assert not archive.add(elite(2, 0.9, at=0.50001))
    assert archive.add(elite(3, 1.1, at=0.50002))
    assert archive.add(elite(4, 0.2, at=0.6))
    assert ids(archive) == [3, 4]


def test_texts_differ_where_their_words_do():
    archive = Archive((), sign=1.0, kind=Text())
    assert archive.add(Elite(1, b"Think  step by step.", 0.5, 0))
    assert not archive.add(Elite(2, b"think step\nby step.", 0.5, 0))
    assert archive.add(Elite(3, b"think step\nby step.", 0.6, 0))
    assert archive.add(Elite(4, b"Guess.", 0.1, 0))
    assert ids(archive) == [3, 4]


def test_without_axes_the_best_stay_and_no_more_than_fit():
    archive = Archive((), sign=1.0, kind=BOX)
    values = list(range(200))
    random.Random(1).shuffle(values)
    for id, value in enumerate(values):
        archive.add(elite(id, float(value)))
    assert [one.value for one in archive.elites()] == [float(value) for value in range(199, 199 - KEPT, -1)]
    assert archive.coverage == 1.0
    assert not archive.add(elite(999, 10.0))


def test_no_value_is_no_elite():
    for axes in ((), TWO):
        archive = Archive(axes, sign=1.0, kind=BOX)
        assert not archive.add(elite(1, math.nan, 0.5, 0.5))
        assert archive.best() is None
        assert archive.elites() == []
        assert archive.draw(random.Random(1), 3) == ()


@pytest.mark.parametrize("axes", [(), TWO])
def test_what_did_not_hold_is_forgotten(axes):
    archive = Archive(axes, sign=1.0, kind=BOX)
    for id in range(80):
        archive.add(elite(id, float(id), id / 80, 0.0))
    best = archive.best()
    assert best is not None
    count = len(archive.elites())
    archive.drop(best.id)
    archive.drop(12345)
    assert best.id not in ids(archive)
    assert len(ids(archive)) == count - 1
    assert archive.add(best)
    assert archive.best() == best


def test_draws_are_different_elites_and_lean_to_the_better_ones():
    archive = Archive((), sign=1.0, kind=BOX)
    for id in range(40):
        archive.add(elite(id, float(id)))
    chance = random.Random(3)
    drawn = [archive.draw(chance, 5) for _ in range(400)]
    assert all(len({one.id for one in few}) == 5 for few in drawn)
    firsts = [few[0].value for few in drawn]
    assert sum(value >= 30 for value in firsts) > 1.5 * sum(value < 10 for value in firsts) > 0
    assert len(archive.draw(chance, 100)) == 40
    assert archive.draw(random.Random(7), 5) == archive.draw(random.Random(7), 5)


@pytest.mark.parametrize("axes", [(), TWO, FIVE])
def test_a_saved_archive_goes_on_as_if_it_had_not_been(axes):
    archive, restored = Archive(axes, sign=-1.0, kind=BOX), Archive(axes, sign=-1.0, kind=BOX)
    chance = random.Random(1)
    rows = [elite(id, chance.random(), *(chance.random() for _ in axes)) for id in range(300)]
    for row in rows[:200]:
        archive.add(row)
    restored.add(elite(5000, -1.0))
    restored.load(msgspec.msgpack.decode(msgspec.msgpack.encode(archive.save())))
    assert restored.elites() == archive.elites()
    assert [archive.add(row) for row in rows[200:]] == [restored.add(row) for row in rows[200:]]
    assert restored.elites() == archive.elites()
    assert restored.draw(random.Random(2), 6) == archive.draw(random.Random(2), 6)


@pytest.mark.parametrize("axes", [(), TWO, FIVE])
def test_a_candidate_that_improves_nothing_costs_next_to_nothing(axes):
    archive = Archive(axes, sign=1.0, kind=BOX)
    chance = random.Random(1)
    for id in range(2000):
        archive.add(elite(id, chance.random(), *(2 * chance.random() for _ in axes)))
    place = {archive.add(one): one for one in (elite(7, -1.0, *(0.5 for _ in axes)),)}
    assert list(place) == [False]
    began = time.process_time()
    for _ in range(2000):
        archive.add(place[False])
    assert (time.process_time() - began) / 2000 < 50e-6
