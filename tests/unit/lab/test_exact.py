"""Exact is exact: a hair too much is too much, in both readings of a float."""

import math
from fractions import Fraction

import pytest

from firm.lab.exact import (
    discs_apart,
    discs_inside,
    distances,
    in_triangle,
    least,
    least_triangle,
    printed,
    signed,
    stored,
    whole,
)


def test_a_float_has_two_readings() -> None:
    assert printed(0.1) == Fraction(1, 10) != stored(0.1)


def test_floats_are_integers_over_one_power_of_two() -> None:
    numbers = [0.1, -3.0, 5e-324, 1e300]
    integers, power = whole(numbers)
    assert [Fraction(one, 2**power) for one in integers] == list(map(stored, numbers))
    assert whole([]) == ([], 0)
    with pytest.raises((ValueError, OverflowError)):
        whole([float("nan")])


@pytest.mark.parametrize("tiny", [Fraction(-1, 10**400), Fraction(-1, 3), Fraction(-(10**400))])
def test_a_sign_is_never_lost(tiny: Fraction) -> None:
    assert signed(tiny) < 0 < signed(-tiny)
    assert math.isfinite(signed(tiny))
    assert signed(0) == 0.0


def test_discs_that_touch_are_apart_and_by_a_hair_more_are_not() -> None:
    assert discs_apart([[0.25, 0.5, 0.25], [0.75, 0.5, 0.25]]) == 0
    assert discs_apart([[0.25, 0.5, 0.25], [0.75, 0.5, math.nextafter(0.25, 1)]]) < 0
    assert discs_apart([[0.5, 0.5, 0.5]]) == 0


def test_the_worse_reading_counts() -> None:
    touching = [[0.1, 0.5, 0.1], [0.3, 0.5, 0.1]]
    distance, radii = stored(0.3) - stored(0.1), 2 * stored(0.1)
    assert distance < radii, "as stored they overlap, as printed they touch"
    assert discs_apart(touching) == distance**2 - radii**2 < 0


def test_discs_stay_in_their_square() -> None:
    assert discs_inside([[0.25, 0.5, 0.25], [0.5, 0.75, 0.125]], 0.0, 1.0) == 0
    assert discs_inside([[0.25, 0.5, 0.25], [0.5, 0.875, math.nextafter(0.125, 1)]], 0.0, 1.0) < 0
    assert least([[0.0, 0.0, 0.5], [0.0, 0.0, -0.25]], 2) == Fraction(-1, 4)


@pytest.mark.parametrize("corners", [[[0, 0], [1, 0], [0, 1]], [[0, 1], [1, 0], [0, 0]]])
def test_points_lie_in_a_triangle_in_either_order(corners: list[list[float]]) -> None:
    assert in_triangle([[0.25, 0.25]], corners) == Fraction(1, 4)
    assert in_triangle([[0.5, 0.5], [0.0, 0.0]], corners) == 0
    assert in_triangle([[0.5, math.nextafter(0.5, 1)]], corners) < 0


def test_the_smallest_triangle_and_the_extreme_distances() -> None:
    points = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.25, 0.25]]
    assert least_triangle(points) == Fraction(1, 4)
    assert least_triangle([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]) == 0
    assert distances([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.0, 0.0]]) == (Fraction(1, 4), 3)
