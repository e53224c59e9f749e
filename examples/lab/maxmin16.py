"""16 points in the plane, as alike in their distances as can be: the least (longest / shortest distance) squared.

One rule: the distances are compared in exact rationals of the floats as printed. Points in space (`d=3`) and other
counts are the same question. The search climbs by linear programs in the points and the shortest distance, while the
longest is held at 1.

Known values: E. Friedman, "Minimizing the ratio of maximum to minimum distance", erich-friedman.github.io.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from climbing import Floats, Pace, Rows, climb, pairs, tighten
from drawing import SIDE, circle, path, svg
from firm.errors import UsageError
from firm.lab.artifact import Vector
from firm.lab.exact import whole
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

TABLE = "Friedman's table, https://erich-friedman.github.io/packing/maxmin/"
EXACT = {
    3: 1.0,
    4: 2.0,
    5: (3 + math.sqrt(5)) / 2,
    6: (5 + math.sqrt(5)) / 2,
    7: 4.0,
    8: 1 / (2 - 2 * math.cos(math.pi / 7)),
    12: 5 + 2 * math.sqrt(3),
    19: 8 + 4 * math.sqrt(3),
    24: 14 + 4 * math.sqrt(3),
}
"""In the plane, where the table gives a closed form."""
NEAR = 1e-8


def judge(artifact: Any, *, n: int, d: int) -> Score:
    """The ratio of two whole numbers, rounded once."""
    if len(artifact) != n or any(len(row) != d for row in artifact):
        raise Invalid(f"{len(artifact)} points where {n} of {d} numbers are wanted")
    flat = [float(number) for row in artifact for number in row]
    if not all(map(math.isfinite, flat)):
        raise Invalid("a number is not finite")
    numbers, _ = whole(flat)
    points = [numbers[at : at + d] for at in range(0, n * d, d)]
    squares = [
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        for at, one in enumerate(points)
        for other in points[:at]
    ]
    if not min(squares):
        raise Invalid("two points coincide", near=0.0)
    return Score(max(squares) / min(squares))


def distances(points: Floats) -> Floats:
    """Of all pairs, in the order of `pairs`."""
    i, j = pairs(len(points))
    return np.asarray(np.sqrt(((points[i] - points[j]) ** 2).sum(1)))


def fit(point: Floats, *, d: int) -> float:
    """Shortest distance over the longest."""
    apart = distances(point.reshape(-1, d))
    return float(apart.min() / apart.max())


def model(point: Floats, reach: float, *, d: int) -> tuple[Floats, float] | None:
    """The largest shortest distance within reach where no distance grows over 1, with all directions held."""
    size = float(distances(point.reshape(-1, d)).max())
    points = point.reshape(-1, d) / size
    i, j = pairs(len(points))
    apart = np.maximum(distances(points), 1e-12)
    toward = (points[i] - points[j]) / apart[:, None]
    close = apart < apart.min() + 6 * reach + 1e-9
    far = apart > 1 - 4 * reach - 1e-9
    program = Rows(points.size + 1)
    for chosen, sign in ((close, -1), (far, 1)):
        terms = [(d * i[chosen] + k, sign * toward[chosen, k]) for k in range(d)]
        terms += [(d * j[chosen] + k, -sign * toward[chosen, k]) for k in range(d)]
        if sign < 0:
            terms.append((points.size, np.ones(int(chosen.sum()))))
        program.add(terms, apart[chosen] if sign < 0 else 1 - apart[chosen])
    gain = np.append(np.zeros(points.size), 1.0)
    best = program.solve(
        gain, np.append(np.full(points.size, -reach), 0), np.append(np.full(points.size, reach), 1)
    )
    return None if best is None else ((points.reshape(-1) + best[:-1]), float(best[-1]))


def gaps(point: Floats, d: int, chosen: tuple[Any, Any]) -> tuple[Floats, Floats]:
    """Gaps of the chosen shortest pairs to one length (the last variable) and of the longest to 1; Jacobian."""
    points, shortest = point[:-1].reshape(-1, d), point[-1]
    at = np.concatenate(chosen)
    i, j = (each[at] for each in pairs(len(points)))
    apart = distances(points)[at]
    toward = (points[i] - points[j]) / apart[:, None]
    own = np.arange(len(at))
    jacobian = np.zeros((len(at), len(point)))
    for k in range(d):
        jacobian[own, d * i + k] = toward[:, k]
        jacobian[own, d * j + k] = -toward[:, k]
    close = own < len(chosen[0])
    jacobian[close, -1] = -1
    return apart - np.where(close, shortest, 1.0), jacobian


def corner(point: Floats, *, d: int) -> Floats:
    """The point where all nearly shortest distances are one length, and all nearly longest another."""
    points = point / distances(point.reshape(-1, d)).max()
    apart = distances(points.reshape(-1, d))
    chosen = (np.flatnonzero(apart < apart.min() + NEAR), np.flatnonzero(apart > 1 - NEAR))
    return tighten(np.append(points, apart.min()), partial(gaps, d=d, chosen=chosen))[:-1]


def settle(point: Floats, *, d: int) -> Floats:
    """The same figure inside the unit box, its longest distance 1."""
    points = point.reshape(-1, d)
    points = points / distances(points).max()
    points = points - (points.max(0) + points.min(0)) / 2 + 0.5
    return np.asarray(np.clip(points, 0, 1)).reshape(-1)


def propose(rng: np.random.Generator, *, n: int, d: int) -> Floats:
    """Points anywhere in the box."""
    return rng.random(n * d)


def improve(rng: np.random.Generator, flat: Floats, *, d: int) -> Floats:
    """The local best near these points."""
    shaken = flat + 1e-6 * rng.standard_normal(len(flat))
    point = climb(shaken, partial(fit, d=d), partial(model, d=d), Pace(reach=0.1, steps=40, floor=1e-12))
    return settle(max(point, corner(point, d=d), key=partial(fit, d=d)), d=d)


def perturb(rng: np.random.Generator, flat: Floats, reach: float, *, d: int) -> Floats:
    """Something near: one or two points put elsewhere, or all shaken."""
    points = flat.reshape(-1, d).copy()
    if rng.random() < 0.6:
        moved = rng.permutation(len(points))[: rng.integers(1, 3)]
        points[moved] = points.min(0) + rng.random((len(moved), d)) * np.ptp(points, axis=0)
    else:
        points += rng.normal(0, rng.uniform(0.02, 0.05 + 0.1 * reach), points.shape)
    return np.asarray(np.clip(points, 0, 1)).reshape(-1)


def lattice(n: int, d: int) -> list[list[float]]:
    """The n points of a triangular lattice (in the plane; else of a cubic one) nearest to a middle."""
    steps = np.stack(np.meshgrid(*[np.arange(-9.0, 10.0)] * d, indexing="ij"), -1).reshape(-1, d)
    if d == 2:
        steps = steps @ np.array([[1.0, 0.0], [0.5, math.sqrt(3) / 2]])
    middles = [np.full(d, at) for at in (1e-3, 0.25, 0.5)]
    chosen = (steps[np.argsort(((steps - middle) ** 2).sum(1), kind="stable")[:n]] for middle in middles)
    best = max(chosen, key=lambda points: fit(points.reshape(-1), d=d))
    return settle(best.reshape(-1), d=d).reshape(-1, d).tolist()


def oler(n: int) -> float:
    """A proven lower bound in the plane.

    Points at least 1 apart in a figure of area A and girth P number at most 2A/√3 + P/2 + 1 (Oler, 1961), and of
    diameter D at most A = πD²/4 and P = πD.
    """
    a, b, c = math.pi / (2 * math.sqrt(3)), math.pi / 2, 1.0 - n
    return max(1.0, (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)) ** 2


def picture(artifact: Any) -> str:
    """The points (of the first two coordinates), the shortest distances as lines, the longest as faint ones."""
    points = np.array(artifact, float)
    i, j = pairs(len(points))
    apart = distances(points)
    spots = np.column_stack([SIDE * points[:, 0], SIDE * (1 - points[:, 1])])
    short = [
        path((spots[a], spots[b])) for a, b, at in zip(i, j, apart, strict=True) if at < apart.min() * 1.0001
    ]
    long = [
        path((spots[a], spots[b]), "lab-faint") for a, b, at in zip(i, j, apart, strict=True) if at > 0.9999
    ]
    return svg(f"{len(points)} points", [*long, *short, *(circle(x, y, 4, "lab-dot") for x, y in spots)])


def known(n: int, d: int) -> Known | None:
    """What is known of this instance."""
    if (n, d) == (16, 2):
        return Known(
            12.889229907717521, "numeric solvers; AlphaEvolve, arXiv:2506.13131, B.8: 12.889266", "2026-11-23"
        )
    if (n, d) == (14, 3):
        return Known(4.165849767, "AlphaEvolve, arXiv:2506.13131, B.8", "2026-11-23")
    return Known(EXACT[n], TABLE, "2026-11-23") if d == 2 and n in EXACT else None


@problem
def maxmin(n: int = 16, d: int = 2) -> Problem:
    """The least ratio of distances among n points, squared; n from 3 to 100, in 2 or 3 dimensions."""
    if not (3 <= n <= 100 and d in (2, 3)):
        raise UsageError(f"n={n!r}, d={d!r}: give 3 to 100 points in 2 or 3 dimensions")
    return Problem(
        name=f"max-min distance {n}" + (" in space" if d == 3 else ""),
        question=f"How small can the square of longest over shortest distance be among {n} points?",
        artifact=Vector(low=0.0, high=1.0, shape=(n, d)),
        stages=(Stage("exact", partial(judge, n=n, d=d), "exact"),),
        objective=Objective("longest over shortest, squared", "min"),
        allowance=Allowance(cpu_s=5),
        baselines=(Baseline("part of a lattice", lattice(n, d)),),
        known=known(n, d),
        bound=oler(n) * (1 - 1e-12) if d == 2 else 1.0,
        operators=Operators(partial(propose, n=n, d=d), partial(improve, d=d), partial(perturb, d=d)),
        arms=("hopping", "operators", "chance"),
        picture=picture,
    )
