"""Wing sections as 18 numbers: the CST shape of Kulfan with a leading-edge term, and the angle it flies at.

All lengths are fractions of the chord. The shape is `y = sqrt(x) (1 - x) B(x)`, B a Bernstein polynomial of
degree 7 for each side, plus one term for the nose and a blunt tail of fixed thickness: the same form that
NeuralFoil was trained on, so nothing is fitted or lost on the way.

Source: Kulfan, "Universal Parametric Geometry Representation Method", J. of Aircraft 45 (2008).
"""

from math import comb

import msgspec

from matrix import Floats, np

WEIGHTS = 8
"""Numbers per side; NeuralFoil wants exactly these."""
TAIL = 0.002
"""Thickness of the trailing edge: 2 mm on a chord of one metre, so that it can be built."""
GENES = 2 * WEIGHTS + 2

LOWEST = np.array([-0.10] * WEIGHTS + [-0.50] * WEIGHTS + [-0.6, -4.0])
HIGHEST = np.array([0.70] * WEIGHTS + [0.40] * WEIGHTS + [0.6, 12.0])
"""Bounds of the genes: upper side, lower side, nose, angle in degrees."""

STATIONS: Floats = (1 - np.cos(np.linspace(0, np.pi, 101))) / 2
"""Where along the chord thickness is looked at: dense at nose and tail."""


class Section(msgspec.Struct, frozen=True):
    """One wing section and the angle of attack in the middle of the three that it is judged at."""

    upper: tuple[float, ...]
    """8 CST weights of the upper side, nose first; larger is higher."""
    lower: tuple[float, ...]
    """8 CST weights of the lower side, nose first; negative is below the chord line."""
    nose: float
    """Weight of the leading-edge term, about -1..1."""
    angle_deg: float
    """Angle of attack in the middle."""


def flat_plate(thickness: float = 0.02) -> Section:
    """A symmetric plate with rounded ends at no incidence: it makes no lift at all.

    Args:
        thickness: Largest thickness, above `TAIL`, at most 0.2.
    """
    side = thickness
    for _ in range(20):  # the blunt tail adds a little, so the thickness is not quite in proportion
        section = Section((side,) * WEIGHTS, (-side,) * WEIGHTS, 0.0, 0.0)
        side = round(side * thickness / float(largest_thickness(genes(section)[None, :])[0]), 9)
    return section


def genes(section: Section) -> Floats:
    """The 18 numbers of a section as one array."""
    return np.array([*section.upper, *section.lower, section.nose, section.angle_deg])


def section_of(numbers: Floats) -> Section:
    """The section of 18 numbers, rounded to 6 digits so that it reads and stores well."""
    values = [round(float(number), 6) for number in numbers]
    return Section(tuple(values[:WEIGHTS]), tuple(values[WEIGHTS : 2 * WEIGHTS]), values[-2], values[-1])


def surfaces(numbers: Floats, stations: Floats = STATIONS) -> tuple[Floats, Floats]:
    """Heights of the upper and the lower side.

    Args:
        numbers: n rows of 18 genes.
        stations: m places along the chord, 0..1.

    Returns:
        Two arrays of n rows and m columns.
    """
    order = np.arange(WEIGHTS)
    binomials = np.array([comb(WEIGHTS - 1, int(i)) for i in order])
    x = stations[:, None]
    basis = np.sqrt(x) * (1 - x) * binomials * x**order * (1 - x) ** (WEIGHTS - 1 - order)
    shared = numbers[:, 2 * WEIGHTS, None] * stations * (1 - stations) ** (WEIGHTS + 0.5)
    tail = stations * TAIL / 2
    upper = numbers[:, :WEIGHTS] @ basis.T + shared + tail
    lower = numbers[:, WEIGHTS : 2 * WEIGHTS] @ basis.T + shared - tail
    return upper, lower


def largest_thickness(numbers: Floats) -> Floats:
    """Largest thickness of each of n sections."""
    upper, lower = surfaces(numbers)
    return np.asarray((upper - lower).max(axis=1))


def slimmest_place(numbers: Floats) -> Floats:
    """Least thickness of each of n sections between 5 % and 95 % of the chord; below 0 the sides cross."""
    upper, lower = surfaces(numbers)
    inside = (STATIONS >= 0.05) & (STATIONS <= 0.95)
    return np.asarray((upper - lower)[:, inside].min(axis=1))


def outline(section: Section) -> list[tuple[float, float]]:
    """The closed outline, from the tail along the upper side to the nose and back along the lower side."""
    upper, lower = surfaces(genes(section)[None, :])
    there = zip(STATIONS[::-1], upper[0][::-1], strict=True)
    back = zip(STATIONS[1:], lower[0][1:], strict=True)
    return [(float(x), float(y)) for x, y in (*there, *back)]
