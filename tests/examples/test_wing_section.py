"""The geometry of the wing example, against shapes that are known."""

import pytest

from matrix import np
from section import (
    STATIONS,
    TAIL,
    WEIGHTS,
    Section,
    flat_plate,
    genes,
    largest_thickness,
    outline,
    section_of,
    surfaces,
)
from section import slimmest_place as slimmest


def naca(camber: float, where: float, thickness: float) -> Section:
    """A NACA four-digit section, fitted with CST weights by least squares."""
    x = STATIONS[1:-1]
    half = 5 * thickness * (0.2969 * x**0.5 - 0.126 * x - 0.3516 * x**2 + 0.2843 * x**3 - 0.1036 * x**4)
    line = np.zeros_like(x)
    if camber:
        front = camber / where**2 * (2 * where * x - x**2)
        back = camber / (1 - where) ** 2 * (1 - 2 * where + 2 * where * x - x**2)
        line = np.where(x < where, front, back)
    empty = genes(Section((0.0,) * WEIGHTS, (0.0,) * WEIGHTS, 0.0, 0.0))
    units = np.array(
        [surfaces((empty + one)[None, :], x)[0][0] - x * TAIL / 2 for one in np.eye(18)[:WEIGHTS]]
    )
    sides = (line + half - x * TAIL / 2, line - half + x * TAIL / 2)
    fitted = [np.linalg.lstsq(units.T, side, rcond=None)[0] for side in sides]
    return section_of(np.array([*fitted[0], *fitted[1], 0.0, 4.0]))


def test_flat_plate_is_symmetric_thin_and_at_no_incidence() -> None:
    plate = flat_plate()
    upper, lower = surfaces(genes(plate)[None, :])
    assert np.allclose(upper, -lower)
    assert largest_thickness(genes(plate)[None, :])[0] == pytest.approx(0.02, abs=1e-6)
    assert plate.angle_deg == 0


def test_naca_sections_are_fitted_to_a_thousandth_of_the_chord() -> None:
    numbers = genes(naca(0.04, 0.4, 0.12))[None, :]
    assert largest_thickness(numbers)[0] == pytest.approx(0.12, abs=1e-3)
    upper, lower = surfaces(numbers)
    assert float((upper + lower).max() / 2) == pytest.approx(0.04, abs=1e-3)


def test_crossing_sides_have_a_negative_slimmest_place() -> None:
    crossed = Section((-0.1,) * WEIGHTS, (0.1,) * WEIGHTS, 0.0, 0.0)
    assert slimmest(genes(crossed)[None, :])[0] < 0 < slimmest(genes(flat_plate())[None, :])[0]


def test_genes_and_sections_are_one_another() -> None:
    section = naca(0.02, 0.4, 0.15)
    assert section_of(genes(section)) == section


def test_outline_goes_from_tail_to_nose_and_back() -> None:
    points = outline(flat_plate())
    assert points[0] == (1.0, pytest.approx(TAIL / 2)) and points[-1] == (1.0, pytest.approx(-TAIL / 2))
    assert min(points) == (0.0, 0.0)
