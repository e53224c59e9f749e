"""11 points in a triangle: how large can the smallest of all the triangles be that they make?

One rule: areas are exact rationals of the floats, as stored or as printed (the lesser), as a share of the big triangle,
which has the corners (0, 0), (1, 0), (0, 1). Any other triangle is an affine picture of this one, and shares of area
are the same in all, so that nothing depends on this choice but that the claim can be proven.
"""

import math
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np

from climbing import Floats, Pace, Places, Rows, climb, pairs, tighten
from drawing import SIDE, circle, path, svg
from firm.errors import UsageError
from firm.lab.artifact import Vector
from firm.lab.exact import in_triangle, least_triangle, printed, signed
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

KNOWN = {11: Known(0.036529889880030156, "AlphaEvolve, arXiv:2506.13131, B.9", "2026-11-23")}
NEAR = 1e-9
CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
GRID = 2.0**-50
"""Coordinates are multiples of this, so that x + y <= 1 means in floats what it means."""


def judge(artifact: Any, *, n: int) -> Score:
    """The smallest share of area, exact."""
    if len(artifact) != n or any(len(row) != 2 for row in artifact):
        raise Invalid(f"{len(artifact)} points where {n} of [x, y] are wanted")
    if not all(math.isfinite(number) for row in artifact for number in row):
        raise Invalid("a number is not finite")
    return Score(
        signed(least_triangle(artifact)), {"inside the triangle": signed(in_triangle(artifact, CORNERS))}
    )


@cache
def triples(count: int) -> tuple[Places, Places, Places]:
    """All i < j < k."""
    i, j, k = np.array(list(combinations(range(count), 3)), np.intp).T
    return i, j, k


def areas(point: Floats) -> Floats:
    """Signed shares of area of all triples."""
    x, y = point.reshape(-1, 2).T
    i, j, k = triples(len(x))
    return np.asarray((x[j] - x[i]) * (y[k] - y[i]) - (x[k] - x[i]) * (y[j] - y[i]))


def slopes(point: Floats, chosen: Any) -> tuple[tuple[Places, Places, Places], Floats]:
    """The chosen triples, and how their areas change with x and y of their three points: (6, count)."""
    x, y = point.reshape(-1, 2).T
    i, j, k = (each[chosen] for each in triples(len(x)))
    change = [y[j] - y[k], x[k] - x[j], y[k] - y[i], x[i] - x[k], y[i] - y[j], x[j] - x[i]]
    return (i, j, k), np.array(change)


def fit(point: Floats) -> float:
    """The smallest share."""
    return float(np.abs(areas(point)).min())


def model(point: Floats, reach: float) -> tuple[Floats, float] | None:
    """The largest smallest area within reach, areas taken as linear and no triangle turned over."""
    area = areas(point)
    size = np.abs(area)
    chosen = size < size.min() + 8 * reach
    ijk, change = slopes(point, chosen)
    change = change * np.where(area[chosen] < 0, -1, 1)
    program = Rows(len(point) + 1)
    terms = [(2 * ijk[at // 2] + at % 2, -change[at]) for at in range(6)]
    program.add([*terms, (len(point), 1)], size[chosen])
    own = np.arange(0, len(point), 2)
    program.add([(own, 1), (own + 1, 1)], 1 - point[::2] - point[1::2])
    low, high = np.maximum(-reach, -point), np.full(len(point), reach)
    best = program.solve(np.append(np.zeros(len(point)), 1.0), np.append(low, 0), np.append(high, 1))
    return None if best is None else (inside(point + best[:-1]), float(best[-1]))


def inside(point: Floats) -> Floats:
    """The point moved into the triangle by what the solver may have missed."""
    spots = np.maximum(point, 0).reshape(-1, 2)
    over = spots.sum(1) > 1
    spots[over] /= spots[over].sum(1, keepdims=True)
    return spots.reshape(-1)


def gaps(point: Floats, chosen: Any, signs: Floats, walls: tuple[Any, Any]) -> tuple[Floats, Floats]:
    """Gaps of the chosen areas to one size (the last variable), and of points to the sides they lie on; Jacobian."""
    places = point[:-1]
    ijk, change = slopes(places, chosen)
    rows = np.zeros((len(signs), len(point)))
    own = np.arange(len(signs))
    for at in range(6):
        rows[own, 2 * ijk[at // 2] + at % 2] += signs * change[at]
    rows[:, -1] = -1
    axes, slants = walls
    sides = np.zeros((len(axes) + len(slants), len(point)))
    sides[np.arange(len(axes)), axes] = 1
    sides[len(axes) + np.arange(len(slants)), 2 * slants] = 1
    sides[len(axes) + np.arange(len(slants)), 2 * slants + 1] = 1
    edge = [places[axes], places[2 * slants] + places[2 * slants + 1] - 1]
    return np.concatenate([signs * areas(places)[chosen] - point[-1], *edge]), np.vstack([rows, sides])


def corner(point: Floats) -> Floats:
    """The point where all nearly smallest areas are one size."""
    area = areas(point)
    least = np.abs(area).min()
    chosen = np.flatnonzero(np.abs(area) < least + NEAR)
    walls = (np.flatnonzero(point < NEAR), np.flatnonzero(point[::2] + point[1::2] > 1 - NEAR))
    found = tighten(
        np.append(point, least), partial(gaps, chosen=chosen, signs=np.sign(area[chosen]), walls=walls)
    )
    return inside(found[:-1])


def settle(point: Floats) -> Floats:
    """The same points on a fine grid, exactly inside the triangle."""
    spots = np.round(np.clip(point, 0, 1) / GRID) * GRID
    spots[::2] = np.minimum(spots[::2], 1 - spots[1::2])
    for x in 2 * np.flatnonzero(spots[::2] + spots[1::2] == 1):
        while printed(spots[x]) + printed(spots[x + 1]) > 1:
            spots[x] -= GRID
    return spots


def anywhere(rng: np.random.Generator, count: int) -> Floats:
    """Points anywhere in the triangle: (count, 2)."""
    spots = rng.random((count, 2))
    over = spots.sum(1) > 1
    spots[over] = 1 - spots[over]
    return spots


def room(spots: Floats, tries: Floats) -> Floats:
    """For each try the smallest triangle that it makes with two of the spots."""
    i, j = pairs(len(spots))
    x, y = spots.T
    along_x, along_y = x[j] - x[i], y[j] - y[i]
    area = np.outer(tries[:, 1], along_x) - np.outer(tries[:, 0], along_y) + (x[i] * along_y - y[i] * along_x)
    return np.asarray(np.abs(area).min(1))


def shuffle(rng: np.random.Generator, spots: Floats, moves: int) -> Floats:
    """Move points of small triangles to the roomiest of some places, again and again: turns triangles over."""
    held = fit(spots.reshape(-1))
    for _ in range(moves):
        area = np.abs(areas(spots.reshape(-1)))
        place = triples(len(spots))[rng.integers(3)][int(area.argmin())]
        rest = np.delete(spots, place, axis=0)
        near = inside((spots[place] + rng.normal(0, 0.1, (32, 2))).reshape(-1)).reshape(-1, 2)
        tries = np.concatenate([anywhere(rng, 32), near])
        free = room(rest, tries)
        best = int(free.argmax())
        if free[best] > held:
            spots = spots.copy()
            spots[place] = tries[best]
            held = fit(spots.reshape(-1))
    return spots


def propose(rng: np.random.Generator, *, n: int) -> Floats:
    """Points anywhere in the triangle, shuffled."""
    return shuffle(rng, anywhere(rng, n), 20 * n).reshape(-1)


def improve(rng: np.random.Generator, flat: Floats) -> Floats:
    """The local best near these points, valid."""
    point = climb(inside(flat), fit, model, Pace(reach=0.02, steps=60, floor=1e-11))
    return max(settle(point), settle(corner(point)), key=fit)


def perturb(rng: np.random.Generator, flat: Floats, reach: float) -> Floats:
    """Something near: one to three points put where there is room, or all shaken."""
    spots = flat.reshape(-1, 2).copy()
    if rng.random() < 0.7:
        for place in rng.permutation(len(spots))[: rng.integers(1, 4)]:
            tries = anywhere(rng, 100)
            free = room(np.delete(spots, place, axis=0), tries)
            spots[place] = tries[np.argsort(-free)[rng.integers(6)]]
    else:
        spots += rng.normal(0, rng.uniform(0.01, 0.03 + 0.07 * reach), spots.shape)
    spots = inside(spots.reshape(-1)).reshape(-1, 2)
    return shuffle(rng, spots, 2 * len(spots)).reshape(-1)


def ring(n: int) -> list[list[float]]:
    """Points evenly around the ellipse that touches the triangle's sides at their middles."""
    turn = 2 * math.pi * (np.arange(n) + 0.25) / n
    # The incircle of an equilateral triangle, carried over by shares of the corners.
    shares = [(1 + np.cos(turn - 2 * math.pi * at / 3)) / 3 for at in range(2)]
    return settle(np.column_stack(shares).reshape(-1)).reshape(-1, 2).tolist()


def picture(artifact: Any) -> str:
    """The points in an equilateral picture of the triangle, with the smallest triangles shaded."""
    flat = np.array(artifact, float).reshape(-1)
    x, y = flat.reshape(-1, 2).T
    height = SIDE * math.sqrt(3) / 2
    spots = np.column_stack([SIDE * (x + y / 2), height * (1 - y)])
    size = np.abs(areas(flat))
    small = np.flatnonzero(size < size.min() * (1 + 1e-6))[:24]
    i, j, k = triples(len(x))
    border = path(((0, height), (SIDE, height), (SIDE / 2, 0)), "lab-faint", closed=True)
    shades = [path((spots[i[at]], spots[j[at]], spots[k[at]]), "lab-area", closed=True) for at in small]
    dots = [circle(spot[0], spot[1], 4, "lab-dot") for spot in spots]
    return svg(f"{len(x)} points in a triangle", [border, *shades, *dots])


@problem
def heilbronn(n: int = 11) -> Problem:
    """The largest smallest triangle among n points in a triangle; n from 4 to 40."""
    if not 4 <= n <= 40:
        raise UsageError(f"n={n!r} points; give 4 to 40")
    return Problem(
        name=f"Heilbronn triangle {n}",
        question=f"How large can the smallest triangle be that {n} points in a triangle make, as a share of it?",
        artifact=Vector(low=0.0, high=1.0, shape=(n, 2)),
        stages=(Stage("exact", partial(judge, n=n), "exact"),),
        objective=Objective("smallest share of area", "max"),
        allowance=Allowance(cpu_s=300),
        baselines=(Baseline("points around the largest ellipse", ring(n)),),
        known=KNOWN.get(n),
        bound=1 / (n - 2),  # n points cut their hull into at least n - 2 triangles
        operators=Operators(partial(propose, n=n), improve, perturb),
        arms=("hopping", "operators", "chance"),
        picture=picture,
    )
