"""The aerodynamics of the wing example: sane numbers for known sections, and constraints that bite."""

import pytest

import aero
from aero import AIMS, CRUISE, GENTLE, GLIDE, checks, glide_at_three, opinions, polar, worth
from matrix import np
from section import Section, flat_plate, genes

NACA_0012 = Section(
    (0.171787, 0.155183, 0.158301, 0.138223, 0.142889, 0.138836, 0.142009, 0.143112),
    (-0.171787, -0.155183, -0.158301, -0.138223, -0.142889, -0.138836, -0.142009, -0.143112),
    0.0,
    5.0,
)


def test_flat_plate_makes_no_lift_and_meets_hardly_a_constraint() -> None:
    plate = flat_plate()
    assert glide_at_three(plate) == pytest.approx(0, abs=1e-6)
    assert [check.name for check in checks(plate, GLIDE) if not check.met] == [
        "largest thickness",
        "slimmest place",
        "NeuralFoil's own confidence",
    ]


def test_naca_0012_has_the_numbers_of_the_books() -> None:
    level, five = polar(NACA_0012, [0.0, 5.0])
    assert level.lift == pytest.approx(0, abs=1e-6)
    assert 0.0045 < level.drag < 0.0065
    assert 0.50 < five.lift < 0.62
    assert 0.007 < five.drag < 0.010
    assert abs(five.moment) < 0.02
    assert five.confidence > 0.9


def test_lift_grows_by_a_tenth_per_degree() -> None:
    points = polar(NACA_0012, [-2.0, 0.0, 2.0, 4.0])
    slopes = np.diff([point.lift for point in points]) / 2
    assert np.all((slopes > 0.09) & (slopes < 0.13))


def test_a_dirty_nose_costs_drag() -> None:
    clean, dirty = (polar(NACA_0012, [3.0], trip=trip)[0] for trip in (1.0, 0.05))
    assert dirty.drag > 1.2 * clean.drag


def test_the_worst_word_is_no_better_than_any_network_alone() -> None:
    numbers = genes(NACA_0012)[None, :]
    together = worth(numbers, GLIDE, ("large", "xlarge")).glide[0]
    assert all(together <= worth(numbers, GLIDE, (one,)).glide[0] + 1e-9 for one in ("large", "xlarge"))
    assert set(opinions(NACA_0012)) == set(aero.ALL_MODELS)


@pytest.mark.parametrize("aim", AIMS)
def test_each_missed_constraint_costs_score_and_feasibility(aim: str) -> None:
    thin = flat_plate(0.05)
    found = worth(genes(thin)[None, :], aim)
    assert found.score[0] < found.glide[0] - 800 * (0.12 - 0.0501)
    assert not found.feasible[0]


def test_aims_ask_for_different_things() -> None:
    fast = Section(NACA_0012.upper, NACA_0012.lower, 0.0, 4.6)
    numbers = np.array([genes(fast), genes(NACA_0012)])
    cruise, gentle = worth(numbers, CRUISE), worth(numbers, GENTLE)
    assert cruise.shortfalls.shape[1] == gentle.shortfalls.shape[1] == 4
    assert cruise.shortfalls[0, -1] < cruise.shortfalls[1, -1]
    assert {check.name for check in checks(fast, CRUISE)} - {
        check.name for check in checks(fast, GENTLE)
    } == {"lift in the middle"}


def test_feasible_means_every_constraint_of_the_table_is_met() -> None:
    judged = worth(genes(NACA_0012)[None, :], GLIDE, (aero.JUDGE_MODEL,), caution=0.0)
    assert bool(judged.feasible[0]) == all(check.met for check in checks(NACA_0012, GLIDE) if check.asked)
