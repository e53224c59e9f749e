"""Wing sections as 18 numbers: the CST shape of Kulfan with a leading-edge term, and the angle it flies at.

All lengths are fractions of the chord. The shape is `y = sqrt(x) (1 - x) B(x)`, B a Bernstein polynomial of degree 7
for each side, plus one term for the nose and a blunt tail of fixed thickness: the same form that NeuralFoil was
trained on, so nothing is fitted or lost on the way.

Source: Kulfan, "Universal Parametric Geometry Representation Method", J. of Aircraft 45 (2008).
"""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Points = Sequence[tuple[float, float]]
"""An outline: from the tail along the upper side to the nose and back along the lower side."""

WEIGHTS = 8
"""Numbers per side; NeuralFoil wants exactly these."""
TAIL = 0.002
"""Thickness of the trailing edge: 2 mm on a chord of one metre, so that it can be built."""
NOSE, ANGLE = 2 * WEIGHTS, 2 * WEIGHTS + 1
"""Places of the leading-edge weight and of the angle of attack, in degrees, among the 18 numbers."""
NAMES = (
    *(f"upper {i}" for i in range(WEIGHTS)),
    *(f"lower {i}" for i in range(WEIGHTS)),
    "nose",
    "angle_deg",
)

LOWEST: Floats = np.array([-0.10] * WEIGHTS + [-0.50] * WEIGHTS + [-0.6, -4.0])
HIGHEST: Floats = np.array([0.70] * WEIGHTS + [0.40] * WEIGHTS + [0.6, 12.0])
"""Bounds: upper side, lower side, nose, angle in degrees."""

STATIONS: Floats = (1 - np.cos(np.linspace(0, np.pi, 101))) / 2
"""Where along the chord thickness is looked at: dense at nose and tail."""


def side(stations: Floats) -> Floats:
    """What each of the 8 weights adds to the height of its side: a row for each station, a column for each weight."""
    order = np.arange(WEIGHTS)
    binomials = np.array([comb(WEIGHTS - 1, int(i)) for i in order])
    x = stations[:, None]
    return np.asarray(np.sqrt(x) * (1 - x) * binomials * x**order * (1 - x) ** (WEIGHTS - 1 - order))


def nose(stations: Floats) -> Floats:
    """What the leading-edge weight adds to the height of both sides."""
    return np.asarray(stations * (1 - stations) ** (WEIGHTS + 0.5))


def surfaces(numbers: Floats, stations: Floats = STATIONS) -> tuple[Floats, Floats]:
    """Heights of the upper and the lower side of n sections (rows of 18 numbers) at m stations: two arrays, n by m."""
    basis, tail = side(stations), stations * TAIL / 2
    shared = numbers[:, NOSE, None] * nose(stations)
    upper = numbers[:, :WEIGHTS] @ basis.T + shared + tail
    lower = numbers[:, WEIGHTS:NOSE] @ basis.T + shared - tail
    return upper, lower


def thickness(numbers: Floats) -> tuple[Floats, Floats]:
    """Of n sections the largest thickness, and the least from 5 % to 95 % of the chord (below 0 the sides cross)."""
    upper, lower = surfaces(numbers)
    inside = (STATIONS >= 0.05) & (STATIONS <= 0.95)
    thick = upper - lower
    return np.asarray(thick.max(axis=1)), np.asarray(thick[:, inside].min(axis=1))


def flat_plate(thick: float = 0.02) -> list[float]:
    """A symmetric plate with rounded ends at no incidence: it makes no lift at all. `thick`: 0.005 to 0.2."""
    weight = thick
    for _ in range(20):  # the blunt tail adds a little, so the thickness is not quite in proportion
        plate = [weight] * WEIGHTS + [-weight] * WEIGHTS + [0.0, 0.0]
        weight = round(weight * thick / float(thickness(np.array([plate]))[0][0]), 9)
    return plate


def outline(section: Sequence[float] | Floats, points: int = 121) -> list[tuple[float, float]]:
    """The closed outline of one section, with so many points on each side."""
    stations = (1 - np.cos(np.linspace(0, np.pi, points))) / 2
    upper, lower = surfaces(np.asarray(section, float)[None, :], stations)
    there = zip(stations[::-1], upper[0][::-1], strict=True)
    back = zip(stations[1:], lower[0][1:], strict=True)
    return [(float(x), float(y)) for x, y in (*there, *back)]
