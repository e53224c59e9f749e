"""Erdős' minimum overlap: a step function on [0, 2] that overlaps little with what is left of it, however shifted.

One rule: for h with values in [0, 1], constant on n equal steps, and integral 1, the claim is the largest over all
shifts k of ∫ h(x) (1 - h(x + k)) dx, where both factors are 0 outside [0, 2]. Between two shifts by whole steps the
integral is linear in k, so that the largest is at one of the 2n - 1 whole shifts; they are summed in exact rationals,
and the largest is a proven upper bound on Erdős' constant (Swinnerton-Dyer's theorem, in Haugland, J. Number Theory 58,
1996). The integral has to be 1 exactly.
"""

import math
from fractions import Fraction
from functools import cache, partial
from typing import Any

import numpy as np

from climbing import Floats, Pace, Rows, climb
from drawing import SIDE, frame, path, svg
from firm.errors import UsageError
from firm.lab.artifact import Vector
from firm.lab.exact import signed, whole
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

KNOWN = Known(
    0.380876,
    "600 steps, arXiv:2601.16175; AlphaEvolve, arXiv:2506.13131: 0.380924; Haugland 2016, 51 steps: 0.380927",
    "2026-11-23",
)
PROVEN = 0.379005
"""No function does better; White, "Erdős' minimum overlap problem", 2023."""
BITS = 50
"""Values are multiples of 2**-50, so that their sum can be met exactly."""
SAME = 1e-9


def judge(artifact: Any, *, n: int) -> Score:
    """The largest overlap, rounded once."""
    if len(artifact) != n:
        raise Invalid(f"{len(artifact)} steps where {n} are wanted")
    flat = [float(number) for number in artifact]
    if not all(map(math.isfinite, flat)):
        raise Invalid("a number is not finite")
    here, power = whole([*flat, 0.5])
    here.pop()
    one = 1 << power
    rest = [one - value for value in here]
    most = max(
        sum(
            map(
                int.__mul__, here[max(0, -shift) : n - max(0, shift)], rest[max(0, shift) : n + min(0, shift)]
            )
        )
        for shift in range(1 - n, n)
    )
    off = 2 * sum(here) - n * one
    slacks = {
        "integral of 1": signed(Fraction(-abs(off), n * one)),
        "values from 0 to 1": signed(Fraction(min(*here, *rest), one)),
    }
    return Score(2 * most / (n << (2 * power)), slacks)


@cache
def shifts(n: int) -> tuple[Any, Any]:
    """Places, in a function with n zeros on either side, of x + k and of x - k; rows are shifts."""
    shift, own = np.arange(1 - n, n)[:, None], np.arange(n)[None, :]
    return n + own + shift, n + own - shift


def overlaps(h: Floats) -> tuple[Floats, Floats]:
    """The integral at each whole shift, and how it changes with each step."""
    n = len(h)
    ahead, back = shifts(n)
    none = np.zeros(n)
    left = np.concatenate([none, 1 - h, none])[ahead]
    return left @ h * (2 / n), (left - np.concatenate([none, h, none])[back]) * (2 / n)


def fit(h: Floats) -> float:
    """Less overlap is better."""
    return -float(overlaps(h)[0].max())


def model(h: Floats, reach: float, *, mirrored: bool) -> tuple[Floats, float] | None:
    """The least of the largest overlaps within reach, overlaps taken as linear; a mirrored h stays so."""
    n = len(h)
    value, change = overlaps(h)
    most = value.max()
    chosen = value > most - 2 * reach
    own = np.arange(n)
    half = (n + 1) // 2 if mirrored else n
    unfold = np.zeros((n, half))
    unfold[own, np.minimum(own, n - 1 - own) if mirrored else own] = 1
    if mirrored:
        chosen &= np.arange(2 * n - 1) >= n - 1
    matrix = np.column_stack([change[chosen] @ unfold, -np.ones(int(chosen.sum()))])
    first = h[:half]
    program = Rows(half + 1)
    program.add_full(matrix, most - value[chosen])
    whole_sum = np.append(unfold.sum(0), 0.0)[None, :]
    program.add_full(whole_sum, np.array([n / 2 - float(h.sum())]), equal=True)
    best = program.solve(
        np.append(np.zeros(half), -1.0),
        np.append(np.maximum(-reach, -first), -1),
        np.append(np.minimum(reach, 1 - first), 1),
    )
    return None if best is None else (np.clip(h + unfold @ best[:-1], 0, 1), float(-most - best[-1]))


def level(h: Floats) -> Floats:
    """The same function, raised or lowered until its integral is nearly 1."""
    for _ in range(50):
        h = np.clip(h + (len(h) / 2 - h.sum()) / len(h), 0, 1)
    return h


def settle(h: Floats) -> Floats:
    """The same function with an integral of exactly 1."""
    one = 1 << BITS
    steps = [round(value * one) for value in np.clip(level(h), 0, 1).tolist()]
    off = len(steps) * one // 2 - sum(steps)
    for place in np.argsort(np.abs(h - 0.5)).tolist():
        moved = min(max(steps[place] + off, 0), one)
        off -= moved - steps[place]
        steps[place] = moved
    return np.array([step / one for step in steps])


def propose(rng: np.random.Generator, *, n: int) -> Floats:
    """A hill with noise, in three of four cases the same from both sides."""
    x = (np.arange(n) + 0.5) / n * 2 - 1
    h = 0.5 + 0.3 * np.cos(math.pi * x) + rng.normal(0, rng.uniform(0.05, 0.25), n)
    return level((h + h[::-1]) / 2 if rng.random() < 0.75 else h)


def improve(rng: np.random.Generator, flat: Floats) -> Floats:
    """The local best near this function, valid; a function that is the same from both sides stays so."""
    h = level(flat)
    mirrored = bool(np.abs(h - h[::-1]).max() < SAME)
    steps = min(150, 20_000 // len(h) if mirrored else 8_000 // len(h))
    return settle(climb(h, fit, partial(model, mirrored=mirrored), Pace(reach=0.1, steps=steps, floor=1e-9)))


def perturb(rng: np.random.Generator, flat: Floats, reach: float) -> Floats:
    """Something near: noise everywhere or in one stretch; in one of eight cases not the same from both sides."""
    n = len(flat)
    noise = rng.normal(0, rng.uniform(0.05, 0.2 + 0.2 * reach), n)
    if rng.random() < 0.3:
        start, length = rng.integers(n), rng.integers(1, n // 3 + 2)
        noise[(np.arange(n) - start) % n >= length] = 0
    h = flat + noise
    if np.abs(flat - flat[::-1]).max() < SAME and rng.random() < 0.875:
        h = (h + h[::-1]) / 2
    return level(h)


def picture(artifact: Any) -> str:
    """The function (dark) over [0, 2], and below it the overlap over all shifts from -2 to 2."""
    h = np.array(artifact, float)
    n = len(h)
    height = SIDE / 2
    edges = np.repeat(np.arange(n + 1) * SIDE / n, 2)[1:-1]
    steps = path(np.column_stack([edges, height * (1 - np.repeat(h, 2))]))
    value = np.concatenate([[0], overlaps(h)[0], [0]])
    spots = np.column_stack([np.arange(2 * n + 1) * SIDE / (2 * n), SIDE - height * value / 0.5])
    return svg(f"step function of {n} steps and its overlap", [frame(), steps, path(spots, "lab-faint")])


@problem
def overlap(n: int = 51) -> Problem:
    """The least overlap of a step function with n steps; n from 2 to 600."""
    if not 2 <= n <= 600:
        raise UsageError(f"n={n!r} steps; give 2 to 600")
    three = np.where(
        np.abs((np.arange(n) + 0.5) / n - 0.5) < 1 / 6, 0.5 + math.sqrt(1 / 10), 0.5 - math.sqrt(1 / 40)
    )
    return Problem(
        name=f"Erdős overlap, {n} steps",
        question=f"How little can a step function of {n} steps overlap with its shifted complement?",
        artifact=Vector(low=0.0, high=1.0, shape=(n,)),
        stages=(Stage("exact", partial(judge, n=n), "exact"),),
        objective=Objective("largest overlap", "min"),
        allowance=Allowance(cpu_s=120),
        baselines=(
            Baseline("one half everywhere", settle(np.full(n, 0.5)).tolist()),
            Baseline("three steps, the least of 1992 (2/5 where 3 divides n)", settle(three).tolist()),
        ),
        known=KNOWN,
        bound=PROVEN,
        operators=Operators(partial(propose, n=n), improve, perturb),
        arms=("hopping", "operators", "chance"),
        picture=picture,
    )
