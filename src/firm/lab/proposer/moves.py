"""The moves that several arms are made of: a start, an improvement, a perturbation.

One rule: where the problem brings operators of its own they are used; else a vector is drawn inside its bounds,
refined as a smooth program, or shaken.
"""

from typing import Any

import numpy as np

from firm.errors import UsageError
from firm.lab.artifact import Floats, Vector
from firm.lab.problem import Problem
from firm.lab.proposer.bounds import Cube
from firm.lab.proposer.refine import inside, refine

SHAKEN = 0.25
"""Of a vector without operators a perturbation of reach 1 moves each number by about this share of its range."""


def flat(problem: Problem, value: Any, who: str) -> Floats:
    """What an operator gave, as a flat array inside the bounds.

    Raises:
        UsageError: it gave something else; it says which operator.
    """
    kind = problem.artifact
    assert isinstance(kind, Vector)
    try:
        found = np.array(value, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.size != kind.size:
        raise UsageError(
            f"operators.{who} of problem {problem.name!r} gave {value!r:.80}; it has to give {kind.size} numbers"
        )
    return inside(kind, found)


def shaped(problem: Problem, value: Any, who: str) -> Any:
    """What an operator gave: checked where it is a vector."""
    return flat(problem, value, who) if isinstance(problem.artifact, Vector) else value


def start(problem: Problem, rng: np.random.Generator) -> Any:
    """A new start."""
    if problem.operators is not None:
        return shaped(problem, problem.operators.propose(rng), "propose")
    kind = problem.artifact
    assert isinstance(kind, Vector)
    return kind.lows + rng.random(kind.size) * (kind.highs - kind.lows)


def can_improve(problem: Problem) -> bool:
    """Whether there is anything that makes a candidate better without scoring it."""
    own = problem.operators is not None and problem.operators.improve is not None
    return own or problem.smooth is not None


def improve(problem: Problem, rng: np.random.Generator, artifact: Any) -> Any:
    """As good as a local search makes it; itself where there is none, or where it stumbles over its numbers."""
    operators = problem.operators
    if operators is None or operators.improve is None:
        return artifact if problem.smooth is None else refine(problem, artifact)
    given = artifact.copy() if isinstance(artifact, np.ndarray) else artifact
    try:
        return shaped(problem, operators.improve(rng, given), "improve")
    except (ArithmeticError, np.linalg.LinAlgError):
        return artifact


def perturb(problem: Problem, rng: np.random.Generator, artifact: Any, reach: float) -> Any:
    """Something near. `reach` is 1 (bold) to 0.01 (polish)."""
    operators = problem.operators
    if operators is not None and operators.perturb is not None:
        given = artifact.copy() if isinstance(artifact, np.ndarray) else artifact
        return shaped(problem, operators.perturb(rng, given, reach), "perturb")
    kind = problem.artifact
    if not isinstance(kind, Vector):
        return start(problem, rng)
    cube = Cube(kind)
    few = rng.random() < 0.5
    moved = rng.random(kind.size) < (max(reach, 1.0 / kind.size) if few else 1.0)
    moved[rng.integers(kind.size)] = True
    return cube.out(cube.into(artifact) + SHAKEN * reach * moved * rng.standard_normal(kind.size))
