"""13 atoms that attract from afar and repel when close: which cluster has the least energy?

One rule: the energy 4 Σ (r⁻¹² - r⁻⁶) is summed over all pairs in whole numbers with 240 binary places, each term
rounded upward, so that the claim is an upper bound on the least energy, proven for the floats as printed.

Known values: the Cambridge Cluster Database (D. Wales, J. Doye et al.), https://www-wales.ch.cam.ac.uk/CCD.html.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from climbing import Floats, pairs
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
    Smooth,
    Stage,
    problem,
)

TABLE = {
    3: -3.0,
    4: -6.0,
    5: -9.103852,
    6: -12.712062,
    7: -16.505384,
    13: -44.326801,
    38: -173.928427,
    55: -279.248470,
}
PLACES = 240
REST = 2 ** (1 / 6)
"""Distance of two atoms at rest."""


def judge(artifact: Any, *, n: int) -> Score:
    """The energy, from above; its unit is the depth of the well between two atoms."""
    if len(artifact) != n or any(len(row) != 3 for row in artifact):
        raise Invalid(f"{len(artifact)} atoms where {n} of [x, y, z] are wanted")
    flat = [float(number) for row in artifact for number in row]
    if not all(map(math.isfinite, flat)):
        raise Invalid("a number is not finite")
    numbers, power = whole(flat)
    atoms = [numbers[at : at + 3] for at in range(0, 3 * n, 3)]
    total = 0
    for at, one in enumerate(atoms):
        for other in atoms[:at]:
            square = sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
            if not square:
                raise Invalid("two atoms coincide", near=0.0)
            cube, scale = square**3, 6 * power
            total -= -(1 << (2 * scale + PLACES)) // cube**2  # 1 / r**12, upward
            total -= (1 << (scale + PLACES)) // cube  # 1 / r**6, downward
    return Score(4 * total / (1 << PLACES))


def energy(flat: Floats) -> tuple[float, Floats]:
    """Energy and its gradient, in floats."""
    atoms = flat.reshape(-1, 3)
    apart = atoms[:, None] - atoms[None]
    square = np.maximum((apart**2).sum(-1), 0.05)
    np.fill_diagonal(square, np.inf)
    sixth = square**-3
    pull = (24 * sixth - 48 * sixth**2) / square
    return float(2 * (sixth**2 - sixth).sum()), np.asarray((pull[:, :, None] * apart).sum(1).reshape(-1))


def bonds(atoms: Floats) -> Floats:
    """The share of each atom in the energy."""
    square = np.maximum(((atoms[:, None] - atoms[None]) ** 2).sum(-1), 0.05)
    np.fill_diagonal(square, np.inf)
    return np.asarray(4 * (square**-6 - square**-3).sum(1))


def radius(n: int) -> float:
    """Of a ball that holds n atoms at rest, with room."""
    return REST * (0.6 * math.cbrt(n) + 0.3)


def box(n: int) -> float:
    """Half the side of the box."""
    return math.ceil(2 * radius(n) + 1)


def propose(rng: np.random.Generator, *, n: int) -> Floats:
    """Atoms anywhere in a ball."""
    ways = rng.standard_normal((n, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    return np.asarray(radius(n) * np.cbrt(rng.random((n, 1))) * ways).reshape(-1)


def improve(rng: np.random.Generator, flat: Floats) -> Floats:
    """The local best near these atoms, around the middle."""
    from scipy.optimize import minimize

    size = radius(len(flat) // 3)
    rough = minimize(_held, flat, args=(2 * size,), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    found = minimize(
        energy, rough.x, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9}
    )
    atoms = found.x.reshape(-1, 3)
    edge = box(len(atoms))
    return np.asarray(np.clip(atoms - atoms.mean(0), -edge, edge)).reshape(-1)


def _held(flat: Floats, size: float) -> tuple[float, Floats]:
    """Energy with a wall that keeps atoms from flying off."""
    value, slope = energy(flat)
    out = np.maximum(np.abs(flat) - size, 0) * np.sign(flat)
    return value + 5 * float((out**2).sum()), slope + 10 * out


def perturb(rng: np.random.Generator, flat: Floats, reach: float) -> Floats:
    """Something near: the loosest atoms put elsewhere on the surface, or inside, or all shaken."""
    atoms = flat.reshape(-1, 3).copy()
    if rng.random() < 0.6:
        count = int(rng.integers(1, max(2, 1 + len(atoms) // 8) + 1))
        loose = np.argsort(-bonds(atoms) + rng.normal(0, 2 * reach, len(atoms)))[:count]
        for place in loose:
            atoms[place] = _seat(rng, np.delete(atoms, place, axis=0))
    else:
        atoms += rng.normal(0, rng.uniform(0.1, 0.2 + 0.3 * reach), atoms.shape)
    edge = box(len(atoms))
    return np.clip(atoms, -edge, edge).reshape(-1)


def _seat(rng: np.random.Generator, rest: Floats) -> Floats:
    """One of the places beside the other atoms where an atom is held best."""
    ways = rng.standard_normal((200, 3))
    tries = rest[rng.integers(len(rest), size=200)] + REST * ways / np.linalg.norm(
        ways, axis=1, keepdims=True
    )
    square = np.maximum(((tries[:, None] - rest[None]) ** 2).sum(-1), 0.3)
    held = (square**-6 - square**-3).sum(1)
    return np.asarray(tries[np.argsort(held)[rng.integers(6)]])


def crystal(n: int) -> list[list[float]]:
    """The n points of a face-centred cubic lattice nearest to one of them."""
    steps = np.stack(np.meshgrid(*[np.arange(-6.0, 7.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
    steps = steps[steps.sum(1) % 2 == 0] * REST / math.sqrt(2)
    atoms = steps[np.argsort((steps**2).sum(1), kind="stable")[:n]]
    return (atoms - atoms.mean(0)).tolist()  # type: ignore[no-any-return]


def picture(artifact: Any) -> str:
    """The cluster seen from the front; lines join atoms at rest with each other."""
    atoms = np.array(artifact, float)
    atoms = atoms - atoms.mean(0)
    scale = SIDE / 2 / (np.abs(atoms).max() + REST / 2)
    spots = np.column_stack([SIDE / 2 + scale * atoms[:, 0], SIDE / 2 - scale * atoms[:, 1]])
    i, j = pairs(len(atoms))
    bound = np.linalg.norm(atoms[i] - atoms[j], axis=1) < 1.2 * REST
    lines = [path((spots[a], spots[b]), "lab-faint") for a, b in zip(i[bound], j[bound], strict=True)]
    balls = [circle(spots[at, 0], spots[at, 1], scale * REST / 4) for at in np.argsort(atoms[:, 2])]
    return svg(f"{len(atoms)} atoms", [*lines, *balls])


@problem
def cluster(n: int = 13) -> Problem:
    """The least energy of n atoms; n from 2 to 150."""
    if not 2 <= n <= 150:
        raise UsageError(f"n={n!r} atoms; give 2 to 150")
    edge = float(box(n))
    return Problem(
        name=f"Lennard-Jones {n}",
        question=f"Which cluster of {n} atoms has the least Lennard-Jones energy?",
        artifact=Vector(low=-edge, high=edge, shape=(n, 3)),
        stages=(Stage("exact", partial(judge, n=n), "exact"),),
        objective=Objective("energy", "min", "depth of the pair's well"),
        allowance=Allowance(cpu_s=30),
        baselines=(Baseline("part of a face-centred cubic crystal", crystal(n)),),
        known=Known(TABLE[n], "Cambridge Cluster Database", "2026-11-23") if n in TABLE else None,
        bound=-n * (n - 1) / 2,  # no pair lies deeper than its well
        operators=Operators(partial(propose, n=n), improve, perturb),
        smooth=Smooth(lambda flat: energy(flat)[0], lambda flat: energy(flat)[1]),
        arms=("hopping", "operators", "descent", "chance"),
        picture=picture,
    )
