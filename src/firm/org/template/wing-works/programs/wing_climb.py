"""Climbing on the networks: how a flat plate becomes a wing in a third of a second, before XFOIL is asked at all.

One rule: of several networks the worst is believed, for each number at each angle and Reynolds number; a search on one
network alone finds that network's mistakes. Here lie the operators that the lab drives (`propose`, `improve`,
`perturb`) and the score of the surrogate stage, which is the same quantity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wing_flight import Rules
from wing_network import Guess, guess
from wing_shape import ANGLE, HIGHEST, LOWEST, NOSE, STATIONS, Floats, flat_plate, side, surfaces

MODELS = ("large", "xlarge", "xxlarge")
"""Measured: with the first two alone a climb ends at 153 to 163 by XFOIL, with three at 174 to 178, with a fourth,
larger one no higher, at three times the cost."""
BESIDE_DEG = (-0.5, 0.0, 0.5)
REYNOLDS = (0.7, 1.0, 1.4)
"""It is looked at half a degree to both sides, and at these multiples of the Reynolds number."""
LEAST_LIFT = 0.02
SLIMMEST = 0.006
"""Least thickness between 5 % and 95 % of the chord, so that it can be built."""
SURE = 0.93
"""The networks' own confidence; where it is less, a climb turns away."""

SCALE: Floats = np.array([0.03] * (ANGLE - 1) + [0.05, 0.5])
"""What a step in each of the numbers is measured by."""
CLIMB, STEP = 300, 0.5
GOOD = 150.0
"""What glides better than that by the networks, at a million, is not climbed anew, only brought back inside the
limits."""
REPAIR, HAIR = 25, 2e-5
"""Rounds of repair, and how far inside a limit of thickness it ends."""
_INSIDE = np.flatnonzero((STATIONS >= 0.05) & (STATIONS <= 0.95))
_BASIS = side(STATIONS)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the networks say of n sections, the worst of them for each number; arrays of n."""

    glide: Floats
    """Lift over drag: the geometric mean over angles and Reynolds numbers."""
    moment: Floats
    """The least."""
    confidence: Floats
    """The least."""


def opinion(sections: Floats, rules: Rules, models: Sequence[str] = MODELS) -> Opinion:
    """Ask the networks about n sections (rows of 18 numbers)."""
    said = _ask(sections, rules, models)
    lifts = np.stack([np.log(np.maximum(one.lift, LEAST_LIFT) / one.drag) for one in said])
    moments, sure = np.stack([one.moment for one in said]), np.stack([one.confidence for one in said])
    n = len(sections)
    return Opinion(
        np.exp(lifts.min(axis=0).reshape(n, -1).mean(axis=1)),
        moments.min(axis=0).reshape(n, -1).min(axis=1),
        sure.min(axis=0).reshape(n, -1).min(axis=1),
    )


def _ask(sections: Floats, rules: Rules, models: Sequence[str]) -> list[Guess]:
    """All networks on all conditions: n · 9 rows each."""
    conditions = [(step, share) for step in BESIDE_DEG for share in REYNOLDS]
    flown = np.repeat(sections, len(conditions), axis=0)
    flown[:, ANGLE] += np.tile([step for step, _ in conditions], len(sections))
    reynolds = rules.reynolds * np.tile([share for _, share in conditions], len(sections))
    return [guess(model, flown, reynolds=reynolds) for model in models]


def slope(
    section: Floats, rules: Rules, *, margin: float, models: Sequence[str] = MODELS
) -> tuple[float, Floats, float]:
    """How good one section is, which way it gets better, and its lift over drag.

    Good is the logarithm of lift over drag, less penalties for what is not kept; `margin` is how far inside the
    moment's limit it has to stay.
    """
    said = _ask(section[None, :], rules, models)
    gain = np.stack([np.log(np.maximum(one.lift, LEAST_LIFT) / one.drag) for one in said])
    moment, sure = np.stack([one.moment for one in said]), np.stack([one.confidence for one in said])
    few = np.maximum(rules.moment + margin - moment.min(axis=0), 0.0)
    doubt = np.maximum(SURE - sure.min(axis=0), 0.0)
    rows = len(few)
    good = (gain.min(axis=0) - 20 * few - 2 * doubt).sum() / rows
    uphill = np.zeros(len(section))
    for number, one in enumerate(said):
        worst = gain.argmin(axis=0) == number
        wanted = np.zeros((rows, 4))
        wanted[:, 0] = 2 * ((sure.argmin(axis=0) == number) & (doubt > 0))
        wanted[:, 1] = worst / np.maximum(one.lift, LEAST_LIFT)
        wanted[:, 2] = -(worst / one.drag)
        wanted[:, 3] = 20 * ((moment.argmin(axis=0) == number) & (few > 0))
        uphill += one.pull(wanted / rows).sum(axis=0)
    missed, thicker = _too_thin(section, rules)
    return float(good - missed), uphill + thicker, float(np.exp(gain.min(axis=0).mean()))


def _too_thin(section: Floats, rules: Rules) -> tuple[float, Floats]:
    """The penalty for what is too thin, and the way out."""
    upper, lower = surfaces(section[None, :])
    thick = (upper - lower)[0]
    missed, uphill = 0.0, np.zeros(len(section))
    for place, least in (
        (thick.argmax(), rules.thickness + 0.0005),
        (_INSIDE[thick[_INSIDE].argmin()], SLIMMEST + 0.0005),
    ):
        if thick[place] < least:
            missed += 60 * float(least - thick[place])
            uphill[:NOSE] += 60 * np.concatenate([_BASIS[place], -_BASIS[place]])
    return missed, uphill


def climb(
    section: Floats, rules: Rules, *, steps: int, step: float, margin: float, models: Sequence[str] = MODELS
) -> Floats:
    """The best section on the way uphill: Adam with a step that shrinks to nothing."""
    here, best, highest = section.copy(), section.copy(), -np.inf
    first, second = np.zeros(len(section)), np.zeros(len(section))
    for number in range(1, steps + 1):
        good, uphill, _ = slope(here, rules, margin=margin, models=models)
        if good > highest:
            best, highest = here.copy(), good
        uphill = uphill * SCALE / max(1.0, float(np.linalg.norm(uphill * SCALE)))
        first = 0.9 * first + 0.1 * uphill
        second = 0.97 * second + 0.03 * uphill**2
        stride = step * min(1.0, number / 10) * (0.02 + 0.49 * (1 + np.cos(np.pi * number / steps)))
        move = first / (1 - 0.9**number) / np.sqrt(second / (1 - 0.97**number) + 1e-12)
        here = np.clip(here + stride * SCALE * move, LOWEST, HIGHEST)
    return best


def propose(rng: np.random.Generator) -> Floats:
    """The flat plate, a little bent."""
    bent: Floats = np.array(flat_plate()) + SCALE * rng.standard_normal(len(SCALE))
    return np.clip(bent, LOWEST, HIGHEST)


def improve(rng: np.random.Generator, section: Floats, rules: Rules) -> Floats:
    """Climb; what glides well already is only brought back inside the limits, as XFOIL knows better from there on."""
    margin = 0.004 * rng.random()
    _, _, glide = slope(section, rules, margin=margin)
    if glide < GOOD * rules.scale:
        section = climb(section, rules, steps=CLIMB, step=STEP, margin=margin)
    return repair(section, rules)


def repair(section: Floats, rules: Rules) -> Floats:
    """As thick as is asked and no thicker, and nowhere too slim, by the shortest way.

    Measured: what is only made thick enough keeps a few ten-thousandths of needless thickness, and its search stalls
    1 % lower.
    """
    here = section.copy()
    for _ in range(REPAIR):
        upper, lower = surfaces(here[None, :])
        thick = (upper - lower)[0]
        highest, slimmest = int(thick.argmax()), int(_INSIDE[thick[_INSIDE].argmin()])
        if thick[slimmest] < SLIMMEST:
            _set_thickness(here, slimmest, SLIMMEST + HAIR - float(thick[slimmest]))
        elif not rules.thickness <= thick[highest] <= rules.thickness + 20 * HAIR:
            _set_thickness(here, highest, rules.thickness + HAIR - float(thick[highest]))
        else:
            break
    return np.clip(here, LOWEST, HIGHEST)


def _set_thickness(section: Floats, place: int, by: float) -> None:
    """Make a section thicker at a station, in place."""
    both = np.concatenate([_BASIS[place], -_BASIS[place]])
    section[:NOSE] += both * by / float(both @ both)


def perturb(rng: np.random.Generator, section: Floats, reach: float) -> Floats:
    """Something near: all numbers in half of the cases, else a few."""
    touched = rng.random(len(SCALE)) < rng.choice([0.25, 1.0])
    moved: Floats = section + reach * SCALE * touched * rng.standard_normal(len(SCALE))
    return np.clip(moved, LOWEST, HIGHEST)
