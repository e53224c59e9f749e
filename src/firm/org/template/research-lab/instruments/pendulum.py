"""A pendulum on the bench, played by arithmetic: put your own instruments into this folder.

An instrument says what can be set, in which range, and what is read. The laboratory sees its readings alone, never what
stands in `measure`; it may experiment in the narrow range, and what it finds has to hold in the wide one.
"""

import math

import numpy as np

from firm.lab.phenomenon import Input, Output, Phenomenon

GRAVITY = 9.81
"""m/s^2."""
SCATTER = 0.015
"""Standard deviation of a reading, relative: a stop watch in a hand."""


def period(inputs: dict[str, float]) -> float:
    """The exact period of a point mass on a thread, in s: by the arithmetic-geometric mean.

    Source: Gauss's formula for the complete elliptic integral of the first kind.
    """
    first, second = 1.0, math.cos(inputs["angle"] / 2)
    while abs(first - second) > 1e-12:
        first, second = (first + second) / 2, math.sqrt(first * second)
    return 2 * math.pi * math.sqrt(inputs["length"] / GRAVITY) / first


def measure_period(inputs: dict[str, float], rng: np.random.Generator) -> float:
    """What the stop watch shows."""
    return period(inputs) * (1 + SCATTER * rng.standard_normal())


pendulum = Phenomenon(
    name="pendulum",
    question="What does the period of a pendulum depend on, and how?",
    inputs=(
        Input("length", 0.2, 1.0, "m", wide=(0.1, 3.0)),
        Input("mass", 0.05, 0.5, "kg", wide=(0.02, 2.0)),
        Input("angle", 0.05, 0.25, "rad", wide=(0.02, 0.35)),
    ),
    outputs=(Output("period", "s"),),
    measure=measure_period,
    experiments=60,
)
