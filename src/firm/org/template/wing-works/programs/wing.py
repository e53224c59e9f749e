"""A wing section: the highest lift over drag, from a flat plate that makes no lift, and no thinner than can be built.

18 numbers (8 + 8 CST weights, the leading-edge weight, the angle of attack). A cascade: geometry, exact; NeuralFoil's
networks at three angles and three Reynolds numbers, of which the worst word counts; XFOIL at three angles, of which
the least counts. A champion is verified by four sweeps of XFOIL (two panelings, from below and from above), and its
figure is the least of them. The hold-out flies it in other air, with the angle trimmed anew.

    firm lab programs/wing.py                               # in a firm's folder; in the repository examples/lab/wing.py
    firm lab programs/wing.py --set reynolds=2e6 --set thickness=0.15

Needs `pip install neuralfoil`. XFOIL is Debian's package `xfoil`; without it the search ends with NeuralFoil, and the
claim is "surrogate". The baseline is the best of the 2,174 sections that AeroSandbox ships (`wing_catalogue.py`).
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import wing_climb
import wing_xfoil
from firm.lab.artifact import Vector
from firm.lab.problem import (
    Allowance,
    Baseline,
    Invalid,
    Known,
    Objective,
    Operators,
    Problem,
    Score,
    Stage,
    problem,
)
from wing_catalogue import held
from wing_climb import SLIMMEST, opinion
from wing_flight import HOLDOUT, Rules, best_angle, verified
from wing_picture import picture
from wing_shape import ANGLE, HIGHEST, LOWEST, NAMES, Floats, outline, thickness
from wing_xfoil import Air, Mesh, fly

EVALUATOR_FILES = ("wing_catalogue.json",)

SEARCHED = Mesh(160, 25)
"""Of the search: 0.06 s of processor time a section. With 140 panels or fewer every third does not converge."""
BESIDE_DEG = (-0.5, 0.0, 0.5)
"""The search believes the least of three angles, so that it ends on no edge that a gust blows it over."""
WORTH_FLYING = 0.85
"""XFOIL is asked from this share of the catalogue's best on, as the networks see it."""
LENIENT = 0.015
"""The networks may miss the moment's limit by so much: XFOIL decides."""
ASSUMED = 165.0
"""Lift over drag to beat, at a million, where the catalogue was not searched under the rules that are asked."""


def geometry(sections: Sequence[Sequence[float]], rules: Rules) -> list[Score]:
    """Thick enough, and nowhere too slim; it says nothing of the glide."""
    largest, slimmest = thickness(np.array(sections, float))
    return [
        Score(0.0, {"thickness": float(thick) - rules.thickness, "slimmest place": float(slim) - SLIMMEST})
        for thick, slim in zip(largest, slimmest, strict=True)
    ]


def networks(sections: Sequence[Sequence[float]], rules: Rules, least: float) -> list[Score]:
    """Lift over drag by NeuralFoil: the mean over angles and Reynolds numbers, of the worst word of three networks."""
    said = opinion(np.array(sections, float), rules)
    return [
        Score(
            float(glide),
            {
                "moment by the networks": float(moment) - rules.moment + LENIENT,
                "worth flying": (glide / least - 1) / 10,
            },
            said={"confidence": round(float(sure), 3)},
        )
        for glide, moment, sure in zip(said.glide, said.moment, said.confidence, strict=True)
    ]


def surrogate(sections: Sequence[Sequence[float]], rules: Rules) -> list[Score]:
    """The last word where there is no XFOIL: the same networks, with the limit as it is."""
    said = opinion(np.array(sections, float), rules)
    return [
        Score(float(glide), {"moment": float(moment) - rules.moment})
        for glide, moment in zip(said.glide, said.moment, strict=True)
    ]


def xfoil(section: Sequence[float], rules: Rules) -> Score:
    """Lift over drag by XFOIL: the least of three angles."""
    angles = [section[ANGLE] + step for step in BESIDE_DEG]
    found = fly(outline(section), angles, Air(rules.reynolds), SEARCHED)
    flown = [one for one in found if one is not None]
    if len(flown) < len(angles):
        raise Invalid("XFOIL did not converge", near=-0.5)
    return Score(
        min(one.glide for one in flown),
        {"moment": min(one.moment for one in flown) - rules.moment, **enough_lift(flown[1].lift, rules)},
        said={"lift": flown[1].lift, "glide": round(flown[1].glide, 2)},
    )


def four_sweeps(section: Sequence[float], rules: Rules) -> Score:
    """Lift over drag at its angle: the least of four sweeps of XFOIL, which have to agree."""
    found = verified(outline(section), section[ANGLE], Air(rules.reynolds))
    if found.trouble:
        raise Invalid(found.trouble)
    [thick], [slim] = (one.tolist() for one in thickness(np.array([section], float)))
    limits = {
        "moment": found.moment - rules.moment,
        "thickness": thick - rules.thickness,
        **enough_lift(found.lift, rules),
    }
    said = {"sweeps": [round(glide, 2) for glide in found.glides], "thickness": thick, "slimmest place": slim}
    if best := held(rules):
        said |= beside(found.glide, catalogue_glide(best["best"]["as asked"], rules))
    return Score(found.glide, limits, said=said)


def enough_lift(lift: float, rules: Rules) -> dict[str, float]:
    """The limit of lift, where there is one."""
    return {"lift": lift - rules.lift} if rules.lift else {}


def catalogue_glide(best: dict[str, Any], rules: Rules) -> float:
    """What the catalogue's best glides at, flown now, in the same way as a champion."""
    return verified(best["outline"], best["angle_deg"], Air(rules.reynolds)).glide


def beside(glide: float, other: float) -> dict[str, float]:
    """A figure beside the catalogue's."""
    return {"catalogue": round(other, 2), "over the catalogue": round(glide / other - 1, 4)}


def other_air(section: Sequence[float], rules: Rules) -> Score:
    """Lift over drag in air that the search has not seen, the angle trimmed anew: the mean of the conditions."""
    said: dict[str, Any] = {}
    best = held(rules).get("best", {})
    for label, air in HOLDOUT(rules).items():
        found = best_angle(outline(section), section[ANGLE], rules, air)
        if found is None:
            raise Invalid(f"{label}: XFOIL did not converge at any angle within the moment's limit")
        said[label] = {"glide": round(found.glide, 2), "angle_deg": found.angle_deg}
        if label in best:
            other = best_angle(best[label]["outline"], best[label]["angle_deg"], rules, air)
            said[label] |= beside(found.glide, other.glide if other else math.nan)
    return Score(float(np.mean([one["glide"] for one in said.values()])), said=said)


def stages(rules: Rules, to_beat: float) -> tuple[Stage, ...]:
    """From geometry to XFOIL, or to the networks alone where there is no XFOIL.

    The networks keep out what is not worth flying, and no more: among what is, their order and XFOIL's have a rank
    correlation between -0.4 and 0.2 (measured), and a gate of one half holds the search 1 % lower.
    """
    shape: Callable[..., Any] = partial(geometry, rules=rules)
    first = Stage("geometry", shape, keep=1.0, batch=True)
    if wing_xfoil.trouble():
        last: Callable[..., Any] = partial(surrogate, rules=rules)
        return (first, Stage("NeuralFoil", last, "surrogate", batch=True))
    middle: Callable[..., Any] = partial(networks, rules=rules, least=WORTH_FLYING * to_beat)
    return (
        first,
        Stage("NeuralFoil", middle, "surrogate", keep=1.0, batch=True),
        Stage("XFOIL", partial(xfoil, rules=rules), "second solver", wall_s=30.0),
    )


def baselines(found: dict[str, Any]) -> tuple[Baseline, ...]:
    """The flat plate, and the best of the catalogue."""
    plate = Baseline("flat plate at no incidence", value=0.0, source="symmetric: no lift; too thin to build")
    if not found:
        return (plate,)
    best = found["best"]["as asked"]
    made = ", ".join(f"{name} {version}" for name, version in found["made_with"].items())
    source = f"best of {found['sections']:,} sections by four sweeps of XFOIL; made by wing_catalogue.py with {made}"
    return (Baseline(f"{best['title']}, of the catalogue", value=best["glide"], source=source), plate)


@problem
def wing(reynolds: float = 1e6, thickness: float = 0.12, moment: float = -0.10, lift: float = 0.0) -> Problem:
    """The highest lift over drag at a Reynolds number, at least so thick, pitching down no more than that."""
    rules = Rules(reynolds, thickness, moment, lift)
    found = held(rules)
    to_beat = found["best"]["as asked"]["glide"] if found else ASSUMED * rules.scale
    flown = not wing_xfoil.trouble()
    return Problem(
        name="wing",
        question=f"Which section glides best at Reynolds number {reynolds:,.0f}, at least {thickness:.0%} thick, "
        f"with a pitching moment of at least {moment:.2f}?",
        artifact=Vector(LOWEST.tolist(), HIGHEST.tolist(), names=NAMES),
        stages=stages(rules, to_beat),
        objective=Objective("lift over drag"),
        allowance=Allowance(cpu_s=120.0),
        baselines=baselines(found if flown else {}),
        known=Known(to_beat, f"{found['best']['as asked']['title']}, AeroSandbox's catalogue", "2026-11-23")
        if found and flown
        else None,
        too_good=0.25,
        verify=Stage("XFOIL, four sweeps", partial(four_sweeps, rules=rules), "second solver", wall_s=60.0)
        if flown
        else None,
        holdout=Stage("XFOIL in other air", partial(other_air, rules=rules), "second solver", wall_s=60.0)
        if flown
        else None,
        operators=operators(rules),
        arms=("operators", "cma", "chance"),
        burst_s=2.0,
        picture=picture,
    )


def operators(rules: Rules) -> Operators:
    """Climb on the networks first; from there on small changes."""

    def improve(rng: np.random.Generator, section: Floats) -> Floats:
        return wing_climb.improve(rng, section, rules)

    return Operators(wing_climb.propose, improve, wing_climb.perturb)
