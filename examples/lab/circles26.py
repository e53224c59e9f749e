"""26 circles in a unit square: which ones have the largest sum of radii?

One rule: a claim is checked in exact rationals of the floats, as stored and as printed; no tolerance, so that nothing
overlaps by a hair. The search climbs by linear programs: with the direction between two centres held, "they do not
overlap" is linear, and what it allows is allowed in truth too, since a projected distance is never longer than the
distance.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from climbing import Floats, Pace, Rows, climb, pairs, tighten
from drawing import SIDE, circle, frame, svg
from firm.errors import UsageError
from firm.lab.artifact import Vector
from firm.lab.exact import discs_apart, discs_inside, least, signed, whole
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

KNOWN = {
    26: Known(
        2.6359830849,
        "numeric solvers, level with the data published for AlphaEvolve, arXiv:2506.13131 (B.12 says 2.63586)",
        "2026-11-23",
    ),
    32: Known(2.937944, "AlphaEvolve, arXiv:2506.13131, B.12", "2026-11-23"),
}
NEAR = 1e-8
"""A gap below this belongs to the corner that the climb has found."""


def judge(artifact: Any, *, n: int) -> Score:
    """The sum of the radii; the gaps are exact: in the walls' case lengths, between circles lengths squared."""
    if len(artifact) != n or any(len(row) != 3 for row in artifact):
        raise Invalid(f"{len(artifact)} circles where {n} of [x, y, r] are wanted")
    flat = [float(number) for row in artifact for number in row]
    if not all(map(math.isfinite, flat)):
        raise Invalid("a number is not finite")
    numbers, power = whole(flat[2::3])
    slacks = {
        "inside the square": signed(discs_inside(artifact, 0.0, 1.0)),
        "no overlap": signed(discs_apart(artifact)),
        "no negative radius": signed(least(artifact, 2)),
    }
    return Score(sum(numbers) / (1 << power), slacks)


# Variables of the linear programs: all x, then all y, then all r.


def columns(flat: Floats) -> Floats:
    """[x, y, r, x, y, r, …] as [x, x, …, y, y, …, r, r, …]."""
    return flat.reshape(-1, 3).T.reshape(-1).copy()


def rows(point: Floats) -> Floats:
    """The way back."""
    return point.reshape(3, -1).T.reshape(-1).copy()


def fit(point: Floats) -> float:
    """Sum of radii, less what overlaps."""
    x, y, r = point.reshape(3, -1)
    i, j = pairs(len(x))
    over = np.maximum(0, r[i] + r[j] - np.hypot(x[i] - x[j], y[i] - y[j]))
    return float(r.sum() - 3 * over.sum())


def room(point: Floats, reach: float) -> Floats:
    """For each pair how near it has to be to touch at all, whatever the radii: none outgrows walls and neighbours."""
    x, y, _ = point.reshape(3, -1)
    i, j = pairs(len(x))
    largest = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) + reach
    apart = np.hypot(x[i] - x[j], y[i] - y[j]) + 3 * reach
    np.minimum.at(largest, i, apart)
    np.minimum.at(largest, j, apart)
    return np.asarray(largest[i] + largest[j] + 3 * reach)


def model(point: Floats, reach: float) -> tuple[Floats, float] | None:
    """The best centres within reach and their radii, with all directions between centres held."""
    x, y, r = point.reshape(3, -1)
    n = len(x)
    i, j = pairs(n)
    dx, dy = x[i] - x[j], y[i] - y[j]
    apart = np.hypot(dx, dy)
    near = apart < room(point, reach) if not r.any() else apart - r[i] - r[j] < 4 * reach + 0.02
    i, j, apart = i[near], j[near], np.maximum(apart[near], 1e-12)
    ux, uy = dx[near] / apart, dy[near] / apart
    program = Rows(3 * n)
    program.add(
        [(i, -ux), (j, ux), (n + i, -uy), (n + j, uy), (2 * n + i, 1), (2 * n + j, 1)], np.zeros(len(i))
    )
    own = np.arange(n)
    for centre in (own, n + own):
        program.add([(centre, -1), (2 * n + own, 1)], np.zeros(n))
        program.add([(centre, 1), (2 * n + own, 1)], np.ones(n))
    centres = point[: 2 * n]
    low = np.concatenate([np.maximum(centres - reach, 0), np.zeros(n)])
    high = np.concatenate([np.minimum(centres + reach, 1), np.full(n, 0.5)])
    best = program.solve(np.repeat([0.0, 0.0, 1.0], n), low, high)
    return None if best is None else (best, float(best[2 * n :].sum()))


def gaps(point: Floats, chosen: tuple[Any, Any, Any]) -> tuple[Floats, Floats]:
    """Gaps and Jacobian of the chosen pairs (i, j) and walls (a mask of left, right, bottom, top by circle)."""
    i, j, walls = chosen
    x, y, r = point.reshape(3, -1)
    n = len(x)
    dx, dy = x[i] - x[j], y[i] - y[j]
    apart = np.hypot(dx, dy)
    own = np.arange(len(i))
    between = np.zeros((len(i), 3 * n))
    between[own, i], between[own, j] = dx / apart, -dx / apart
    between[own, n + i], between[own, n + j] = dy / apart, -dy / apart
    between[own, 2 * n + i] = between[own, 2 * n + j] = -1
    eye, none = np.eye(n), np.zeros((n, n))
    sides = np.vstack([np.hstack(row) for row in ([eye, none], [-eye, none], [none, eye], [none, -eye])])
    jacobian = np.vstack([between, np.hstack([sides, np.tile(-eye, (4, 1))])[walls]])
    edge = np.concatenate([x - r, 1 - x - r, y - r, 1 - y - r])[walls]
    return np.concatenate([apart - r[i] - r[j], edge]), jacobian


def corner(point: Floats) -> Floats:
    """The point where the constraints that nearly meet meet exactly."""
    x, y, r = point.reshape(3, -1)
    i, j = pairs(len(x))
    touch = np.abs(np.hypot(x[i] - x[j], y[i] - y[j]) - r[i] - r[j]) < NEAR
    walls = np.abs(np.concatenate([x - r, 1 - x - r, y - r, 1 - y - r])) < NEAR
    return tighten(point, partial(gaps, chosen=(i[touch], j[touch], walls)))


def settle(flat: Floats) -> Floats:
    """The same centres with radii that are valid in exact rationals: shrunk, by units in the last place if need be."""
    spots = flat.reshape(-1, 3).copy()
    spots[:, :2] = np.clip(spots[:, :2], 0, 1)
    centres = spots[:, :2]
    spots[:, 2] = np.clip(spots[:, 2], 0, np.minimum(centres, 1 - centres).min(1))
    i, j = pairs(len(spots))
    apart = np.hypot(*(centres[i] - centres[j]).T)
    spots[:, 2] *= min(1.0, float((apart / np.maximum(spots[i, 2] + spots[j, 2], 1e-300)).min(initial=1.0)))
    radii = spots[:, 2].copy()
    for bits in range(60):
        if min(judge(spots.tolist(), n=len(spots)).constraints.values()) >= 0:
            break
        spots[:, 2] = radii * (1 - 2.0 ** (bits - 53))
    return spots.reshape(-1)


def propose(rng: np.random.Generator, *, n: int) -> Floats:
    """Centres anywhere, each as large as half the way to its nearest neighbour; a linear program does better."""
    centres = rng.random((n, 2))
    ways = np.linalg.norm(centres[:, None] - centres[None], axis=2) / 2
    np.fill_diagonal(ways, np.inf)
    walls = np.minimum(centres, 1 - centres).min(axis=1)
    radii = np.minimum(ways.min(axis=1), walls) * (1 - 1e-12)
    return np.column_stack([centres, radii]).reshape(-1)


def improve(rng: np.random.Generator, flat: Floats) -> Floats:
    """The local best near these centres, valid."""
    point = columns(flat)
    n = len(point) // 3
    point[: 2 * n] = np.clip(point[: 2 * n] + 1e-9 * rng.standard_normal(2 * n), 0, 1)
    point[2 * n :] = 0
    point = climb(point, fit, model, Pace(reach=0.1, widest=0.1, steps=40, floor=1e-11))
    plain, sharp = settle(rows(point)), settle(rows(corner(point)))
    return max(plain, sharp, key=lambda each: float(each[2::3].sum()))


def perturb(rng: np.random.Generator, flat: Floats, reach: float) -> Floats:
    """Something near: circles put into the largest holes, or a neighbourhood or everything shaken."""
    spots = flat.reshape(-1, 3).copy()
    kind = rng.random()
    if kind < 0.5:
        for place in rng.permutation(len(spots))[: rng.integers(1, 3)]:
            _into_hole(rng, spots, int(place))
    elif kind < 0.8:
        near = np.hypot(*(spots[:, :2] - rng.random(2)).T) < rng.uniform(0.15, 0.4)
        spots[near, :2] += rng.normal(0, 0.05 + 0.05 * reach, (int(near.sum()), 2))
    else:
        spots[:, :2] += rng.normal(0, rng.uniform(0.01, 0.03 + 0.04 * reach), (len(spots), 2))
    spots[:, :2] = np.clip(spots[:, :2], 0, 1)
    spots[:, 2] = 0
    return spots.reshape(-1)


def _into_hole(rng: np.random.Generator, spots: Floats, place: int) -> None:
    """Move one circle to one of the roomiest of many random places."""
    tries = rng.random((400, 2))
    rest = np.delete(spots, place, axis=0)
    room = np.minimum(tries, 1 - tries).min(1)
    if len(rest):
        away = np.hypot(tries[:, :1] - rest[:, 0], tries[:, 1:] - rest[:, 1]) - rest[:, 2]
        room = np.minimum(room, away.min(1))
    spots[place, :2] = tries[np.argsort(-room)[rng.integers(20)]]


def grid(n: int) -> list[list[float]]:
    """Equal circles in the smallest square grid that holds them."""
    side = math.isqrt(n - 1) + 1
    radius = settle(np.array([[0.5 / side, 0.5 / side, 0.5 / side]]).reshape(-1))[2]
    spots = [[(at % side + 0.5) / side, (at // side + 0.5) / side, radius] for at in range(n)]
    return settle(np.array(spots).reshape(-1)).reshape(-1, 3).tolist()


def picture(artifact: Any) -> str:
    """The circles in their square."""
    shapes = [circle(SIDE * x, SIDE * (1 - y), SIDE * r) for x, y, r in artifact]
    return svg(f"{len(artifact)} circles in a square", [frame(), *shapes])


@problem
def circles(n: int = 26) -> Problem:
    """The largest sum of radii of n circles in a unit square; n from 1 to 200."""
    if not 1 <= n <= 200:
        raise UsageError(f"n={n!r} circles; give 1 to 200")
    return Problem(
        name=f"circles {n}",
        question=f"How must {n} circles that do not overlap lie in a unit square for the largest sum of radii?",
        artifact=Vector(low=0.0, high=[1.0, 1.0, 0.5] * n, shape=(n, 3)),
        stages=(Stage("exact", partial(judge, n=n), "exact"),),
        objective=Objective("sum of radii", "max"),
        allowance=Allowance(cpu_s=300),
        baselines=(Baseline("equal circles in a square grid", grid(n)),),
        known=KNOWN.get(n),
        bound=math.sqrt(n / math.pi),  # of Cauchy and Schwarz, for the circles' area is at most 1
        operators=Operators(partial(propose, n=n), improve, perturb),
        arms=("hopping", "operators", "chance"),
        picture=picture,
    )
