"""Six phenomena, each a black box: the lab sees what can be set and what is read, never what stands in `measure`.

    firm lab examples/lab/phenomena.py:drag

Every instrument scatters by 1.5 per cent, and two or three of the knobs have no effect at all. The lab may experiment
in a narrow range, and its law has to hold in a wide one.
"""

import math

import numpy as np

from firm.lab.phenomenon import Input, Output, Phenomenon

SCATTER = 0.015
"""Standard deviation of a reading, relative."""
Inputs = dict[str, float]


def read(value: float, rng: np.random.Generator) -> float:
    """What the instrument shows."""
    return value * (1 + SCATTER * rng.standard_normal())


def drag_truth(x: Inputs) -> float:
    """Resistance of a car: air and tyres."""
    return 0.5 * 0.31 * x["rho"] * x["A"] * x["v"] ** 2 + 0.012 * 9.81 * x["m"]


def measure_drag(x: Inputs, rng: np.random.Generator) -> float:
    """A load cell."""
    return read(drag_truth(x), rng)


drag = Phenomenon(
    name="drag",
    question="What force does it take to keep a car at its speed?",
    inputs=(
        Input("v", 3.0, 30.0, "m/s", wide=(1.0, 60.0)),
        Input("rho", 0.9, 1.4, "kg/m^3", wide=(0.5, 2.0)),
        Input("A", 1.2, 3.0, "m^2", wide=(0.6, 5.0)),
        Input("m", 600.0, 2500.0, "kg", wide=(300.0, 5000.0)),
        Input("humidity", 0.1, 0.9),
        Input("sunshine", 100.0, 900.0, "W/m^2"),
    ),
    outputs=(Output("F", "N"),),
    measure=measure_drag,
)


def pendulum_truth(x: Inputs) -> float:
    """Period, with the first correction for the swing."""
    return 2 * math.pi * math.sqrt(x["L"] / x["g"]) * (1 + x["swing"] ** 2 / 16)


def measure_pendulum(x: Inputs, rng: np.random.Generator) -> float:
    """A stop watch."""
    return read(pendulum_truth(x), rng)


pendulum = Phenomenon(
    name="pendulum",
    question="How long does a swing of a pendulum take?",
    inputs=(
        Input("L", 0.2, 2.0, "m", wide=(0.1, 5.0)),
        Input("g", 3.0, 15.0, "m/s^2", wide=(1.6, 25.0)),
        Input("swing", 0.1, 1.5, "rad", wide=(0.05, 3.0)),
        Input("mass", 0.1, 3.0, "kg"),
        Input("pressure", 80.0, 110.0, "kPa"),
    ),
    outputs=(Output("T", "s"),),
    measure=measure_pendulum,
)


def reaction_truth(x: Inputs) -> float:
    """Second order in one substance, with a barrier of 45 kJ/mol."""
    return 3.0e6 * math.exp(-45_000 / (8.314 * x["T"])) * x["c"] ** 2


def measure_reaction(x: Inputs, rng: np.random.Generator) -> float:
    """A photometer."""
    return read(reaction_truth(x), rng)


reaction = Phenomenon(
    name="reaction",
    question="How fast does the substance react?",
    inputs=(
        Input("T", 300.0, 400.0, "K", wide=(270.0, 520.0)),
        Input("c", 0.1, 2.0, "mol/l", wide=(0.05, 5.0)),
        Input("pressure", 90.0, 300.0, "kPa"),
        Input("stirring", 1.0, 20.0, "1/s"),
        Input("light", 0.0, 500.0, "lx"),
    ),
    outputs=(Output("rate", "mol/(l s)"),),
    measure=measure_reaction,
)


def charges_truth(x: Inputs) -> float:
    """Coulomb's force (in N, charges in microcoulomb), with the gauge's zero 3 mm off."""
    return 8.99e-3 * x["q"] * x["Q"] / (x["r"] + 0.003) ** 2


def measure_charges(x: Inputs, rng: np.random.Generator) -> float:
    """A torsion balance."""
    return read(charges_truth(x), rng)


charges = Phenomenon(
    name="charges",
    question="With what force do two charged spheres repel each other?",
    inputs=(
        Input("q", 0.1, 1.0, "uC", wide=(0.05, 3.0)),
        Input("Q", 0.1, 1.0, "uC", wide=(0.05, 3.0)),
        Input("r", 0.01, 0.1, "m", wide=(0.006, 0.3), log=True),
        Input("weight", 0.01, 0.2, "kg"),
        Input("temperature", 280.0, 310.0, "K"),
    ),
    outputs=(Output("F", "N"),),
    measure=measure_charges,
)


def enzyme_truth(x: Inputs) -> float:
    """Michaelis and Menten, with a competitive inhibitor."""
    return 4.2 * x["E"] * x["S"] / (3.0 * (1 + x["I"] / 0.8) + x["S"])


def measure_enzyme(x: Inputs, rng: np.random.Generator) -> float:
    """A photometer."""
    return read(enzyme_truth(x), rng)


enzyme = Phenomenon(
    name="enzyme",
    question="How fast does the enzyme turn its substrate over?",
    inputs=(
        Input("S", 0.3, 15.0, "mmol/l", wide=(0.1, 60.0), log=True),
        Input("I", 0.05, 4.0, "mmol/l", wide=(0.01, 12.0), log=True),
        Input("E", 0.2, 2.0, "umol/l", wide=(0.1, 5.0)),
        Input("salt", 1.0, 50.0, "mmol/l"),
        Input("stirring", 1.0, 20.0, "1/s"),
    ),
    outputs=(Output("rate", "mmol/(l s)"),),
    measure=measure_enzyme,
)

TIMES = tuple(0.5 * (k + 1) for k in range(20))


def hares_and_lynxes_rate(state: np.ndarray) -> np.ndarray:
    """Lotka and Volterra."""
    hares, lynxes = state
    return np.array([0.9 * hares - 0.45 * hares * lynxes, 0.2 * hares * lynxes - 0.6 * lynxes])


def course(rate: "object", start: np.ndarray, times: tuple[float, ...], step_s: float = 0.01) -> np.ndarray:
    """A course in time by Runge and Kutta's classic rule, (times, states)."""
    assert callable(rate)
    state, now, rows = start.astype(float), 0.0, []
    for time in times:
        count = max(1, round((time - now) / step_s))
        h = (time - now) / count
        for _ in range(count):
            k1 = rate(state)
            k2 = rate(state + h / 2 * k1)
            k3 = rate(state + h / 2 * k2)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + rate(state + h * k3))
        now = time
        rows.append(state)
    return np.array(rows)


def measure_hares_and_lynxes(x: Inputs, rng: np.random.Generator) -> list[list[float]]:
    """A count at each time."""
    path = course(hares_and_lynxes_rate, np.array([x["hares0"], x["lynxes0"]]), TIMES, 0.05)
    return (path * (1 + SCATTER * rng.standard_normal(path.shape))).tolist()  # type: ignore[no-any-return]


hares_and_lynxes = Phenomenon(
    name="hares_and_lynxes",
    question="How do the numbers of hares and lynxes change?",
    inputs=(
        Input("hares0", 1.0, 6.0, "1/ha", wide=(0.5, 9.0), start=True),
        Input("lynxes0", 0.5, 4.0, "1/ha", wide=(0.3, 6.0), start=True),
        Input("rain", 300.0, 900.0, "mm"),
        Input("moon", 0.0, 1.0),
    ),
    outputs=(Output("hares", "1/ha"), Output("lynxes", "1/ha")),
    measure=measure_hares_and_lynxes,
    times=TIMES,
    experiments=60,
)
