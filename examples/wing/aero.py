"""How a section flies, by NeuralFoil, and what that is worth under the rules of the task.

One rule: NeuralFoil is a surrogate. It was trained on XFOIL runs and is not a wind tunnel; a search finds the
places where it is wrong. Its own `analysis_confidence` is kept in view, but it stays high in such places too.

Source: Sharpe and Hansman, "NeuralFoil: An Airfoil Aerodynamics Analysis Tool Using Physics-Informed Machine
Learning", arXiv:2503.16323.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from matrix import Floats, np
from section import TAIL, WEIGHTS, Section, genes, largest_thickness, section_of, slimmest_place

REYNOLDS = 1e6
NEIGHBOUR_DEG = 1.0
"""The three angles lie this far apart."""
SEARCH_MODELS = ("large", "xlarge")
JUDGE_MODEL = "xxxlarge"
ALL_MODELS = ("large", "xlarge", "xxlarge", "xxxlarge")
"""The search believes the worse word of two networks; a third, larger one picks the winner and makes the numbers.

Measured: a search on one network alone finds 185 where the other three say 150 to 155, and on the largest alone
266 where they say 130. With the worse of two, all four say 170 to 177.
"""

MIN_THICKNESS = 0.12
MIN_MOMENT = -0.10
MIN_SLIMMEST = 0.006
MIN_CONFIDENCE = 0.90
MOMENT_MARGIN, CONFIDENCE_MARGIN, LIFT_MARGIN = 0.004, 0.04, 0.01
"""The search stays this far inside the limits, so that the judge's slightly different numbers keep them too."""

GLIDE = "best glide"
CRUISE = "fast cruise"
GENTLE = "gentle stall"
AIMS = (GLIDE, CRUISE, GENTLE)
"""What the founder may choose between: at any lift; at a lift coefficient of 0.5; still gaining lift far above."""
CRUISE_LIFT = 0.5
CRUISE_SLACK = 0.02
GENTLE_DEG = 6.0
GENTLE_GAIN = 0.40
"""Gentle: `GENTLE_DEG` above the middle angle there is at least this much more lift than in the middle."""


class Point(msgspec.Struct, frozen=True):
    """A section at one angle."""

    angle_deg: float
    lift: float
    drag: float
    moment: float
    """About the quarter chord; negative pitches the nose down."""
    confidence: float
    """What the network thinks of its own answer, 0..1."""

    @property
    def glide(self) -> float:
        """Lift over drag."""
        return self.lift / self.drag


class Check(msgspec.Struct, frozen=True):
    """One constraint and what a section makes of it."""

    name: str
    wanted: str
    """Sign and number."""
    value: float
    met: bool
    share: bool = False
    """Whether it is a share of the chord."""
    asked: bool = True
    """False: a wish, not a constraint."""


class Candidate(msgspec.Struct, frozen=True):
    """A section with what it is worth under one aim."""

    section: Section
    score: float
    """Mean lift over drag at three angles, less penalties for what is not met."""
    glide: float
    """Mean lift over drag at three angles."""
    feasible: bool
    """Whether every constraint is met, without any slack."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What n sections are worth, as arrays of n."""

    score: Floats
    glide: Floats
    shortfalls: Floats
    """n rows, a column for each constraint: how far it is missed in units of its own; 0 is met."""
    doubt: Floats
    """How far the network's confidence is below the wish; it costs score, but is no constraint."""

    @property
    def feasible(self) -> Any:
        """n booleans: all constraints met."""
        return (self.shortfalls <= 0).all(axis=1)


@cache
def _network() -> Any:
    """NeuralFoil, loaded at the first use: it takes two seconds."""
    import neuralfoil

    return neuralfoil.get_aero_from_kulfan_parameters


def coefficients(numbers: Floats, angles_deg: Floats, model: str, trip: float = 1.0) -> dict[str, Floats]:
    """Lift, drag, moment and confidence of n sections at m angles each, in one call of the network.

    Args:
        numbers: n rows of 18 genes.
        angles_deg: n rows of m angles of attack.
        model: Size of the network, one of NeuralFoil's names.
        trip: Where along the chord the flow is turbulent at the latest, on both sides; 1 leaves it free.

    Returns:
        Arrays of n rows and m columns under CL, CD, CM and analysis_confidence.
    """
    rows, columns = angles_deg.shape
    shapes = np.repeat(numbers, columns, axis=0)
    raw = _network()(
        {
            "upper_weights": shapes[:, :WEIGHTS].T,
            "lower_weights": shapes[:, WEIGHTS : 2 * WEIGHTS].T,
            "leading_edge_weight": shapes[:, 2 * WEIGHTS],
            "TE_thickness": np.full(len(shapes), TAIL),
        },
        alpha=angles_deg.reshape(-1),
        Re=REYNOLDS,
        xtr_upper=trip,
        xtr_lower=trip,
        model_size=model,
    )
    return {
        name: np.asarray(raw[name]).reshape(rows, columns)
        for name in ("CL", "CD", "CM", "analysis_confidence")
    }


def worst_of(numbers: Floats, angles_deg: Floats, models: tuple[str, ...]) -> dict[str, Floats]:
    """As `coefficients`, but for each number the worst that any of the networks says."""
    said = [coefficients(numbers, angles_deg, model) for model in models]
    return {
        name: np.max([one[name] for one in said], axis=0)
        if name == "CD"
        else np.min([one[name] for one in said], axis=0)
        for name in said[0]
    }


def worth(
    numbers: Floats, aim: str, models: tuple[str, ...] = SEARCH_MODELS, *, caution: float = 1.0
) -> Worth:
    """Judge n sections under an aim, by the worst that the networks say.

    The score falls by 8 for each 0.01 that a constraint is missed by, and by 1 for missing any at all, so that a
    search which starts far outside finds its way in and then stays in; a winner has to be feasible outright.

    Args:
        numbers: n rows of 18 genes.
        aim: One of `AIMS`.
        models: Names of networks.
        caution: 1 keeps the margins inside the limits, 0 judges by the limits themselves.
    """
    steps = [-NEIGHBOUR_DEG, 0.0, NEIGHBOUR_DEG, *([GENTLE_DEG] if aim == GENTLE else [])]
    flown = worst_of(numbers, numbers[:, -1:] + np.array(steps), models)
    lift, drag = flown["CL"], flown["CD"]
    glide = (lift[:, :3] / drag[:, :3]).mean(axis=1)
    missed = [
        MIN_THICKNESS - largest_thickness(numbers),
        MIN_SLIMMEST - slimmest_place(numbers),
        MIN_MOMENT + caution * MOMENT_MARGIN - flown["CM"][:, :3].min(axis=1),
    ]
    if aim == CRUISE:
        missed.append(np.abs(lift[:, 1] - CRUISE_LIFT) - CRUISE_SLACK + caution * LIFT_MARGIN)
    if aim == GENTLE:
        missed.append(GENTLE_GAIN + caution * LIFT_MARGIN - (lift[:, 3] - lift[:, 1]))
    shortfalls = np.maximum(np.stack(missed, axis=1), 0.0)
    sure = flown["analysis_confidence"][:, :3].min(axis=1)
    doubt = np.maximum(MIN_CONFIDENCE + caution * CONFIDENCE_MARGIN - sure, 0.0)
    total = shortfalls.sum(axis=1) + doubt
    return Worth(glide - 800.0 * total - (total > 0), glide, shortfalls, doubt)


def checks(section: Section, aim: str, model: str = JUDGE_MODEL) -> list[Check]:
    """Every constraint of the task and of the aim, and one wish, with the values that the section reaches."""
    numbers = genes(section)[None, :]
    points = polar(section, three_angles(section), model)
    least = min(point.moment for point in points)
    sure = min(point.confidence for point in points)
    thick, slim = float(largest_thickness(numbers)[0]), float(slimmest_place(numbers)[0])
    found = [
        Check("largest thickness", f"≥ {MIN_THICKNESS:.0%}", thick, thick >= MIN_THICKNESS, share=True),
        Check("pitching moment", f"≥ {MIN_MOMENT:.2f}".replace("-", "−"), least, least >= MIN_MOMENT),
        Check("slimmest place", f"≥ {MIN_SLIMMEST:.1%}", slim, slim >= MIN_SLIMMEST, share=True),
    ]
    if aim == CRUISE:
        lift = points[1].lift
        wanted = f"{CRUISE_LIFT} ± {CRUISE_SLACK}"
        found.append(Check("lift in the middle", wanted, lift, abs(lift - CRUISE_LIFT) <= CRUISE_SLACK))
    if aim == GENTLE:
        above = polar(section, [section.angle_deg + GENTLE_DEG], model)[0]
        gain = above.lift - points[1].lift
        name = f"lift gained {GENTLE_DEG:.0f}° above"
        found.append(Check(name, f"≥ {GENTLE_GAIN}", gain, gain >= GENTLE_GAIN))
    wish = f"≥ {MIN_CONFIDENCE:.2f}"
    found.append(Check("NeuralFoil's own confidence", wish, sure, sure >= MIN_CONFIDENCE, asked=False))
    return found


def three_angles(section: Section) -> list[float]:
    """The neighbouring angles of attack that a section is judged at, in degrees."""
    return [section.angle_deg + step for step in (-NEIGHBOUR_DEG, 0.0, NEIGHBOUR_DEG)]


def polar(
    section: Section, angles_deg: list[float], model: str = JUDGE_MODEL, trip: float = 1.0
) -> list[Point]:
    """A section at each of the angles."""
    flown = coefficients(genes(section)[None, :], np.array([angles_deg]), model, trip)
    columns = (flown[name][0].tolist() for name in ("CL", "CD", "CM", "analysis_confidence"))
    return [Point(*values) for values in zip(angles_deg, *columns, strict=True)]


def glide_at_three(section: Section, *, trip: float = 1.0) -> float:
    """Mean lift over drag at the three angles, by the judge's network."""
    points = polar(section, three_angles(section), trip=trip)
    return sum(point.glide for point in points) / len(points)


def opinions(section: Section) -> dict[str, float]:
    """Mean lift over drag at the three angles as each network sees it; a wide spread means: do not believe it."""
    numbers = genes(section)[None, :]
    return {model: float(worth(numbers, GLIDE, (model,)).glide[0]) for model in ALL_MODELS}


def candidates(numbers: Floats, found: Worth) -> list[Candidate]:
    """n sections with what they were found to be worth."""
    rows = zip(numbers, found.score, found.glide, found.feasible, strict=True)
    return [
        Candidate(section_of(row), float(score), float(glide), bool(fine)) for row, score, glide, fine in rows
    ]
