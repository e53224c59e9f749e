"""Numbers of a champion that no stage looks at.

One rule: it is told, and decides nothing. A parameter without effect is a mistake in the scorer more often than a
discovery, but a disc that rattles in its place is one too.
"""

import math
from typing import Any

import numpy as np

from firm.errors import UsageError
from firm.lab.artifact import Vector
from firm.lab.problem import Problem
from firm.lab.wall.desk import Desk
from firm.lab.wall.verdict import agree

REACH = 0.01
"""How far each number is moved, as a share of its range, to either side."""
MOST = 128
"""So many numbers are looked at; of more, every second one, or third."""


def insensitive(desk: Desk, problem: Problem, artifact: Any) -> list[str]:
    """Names of the numbers that can be moved by 1 % of their range either way without any stage's noticing.

    It asks the stages of the search and the one that verifies, never the hold-out; that is two artifacts for each
    number, fewer at later stages, where only those are asked after that no stage before has noticed. A noisy stage
    is drawn with one seed.

    Args:
        desk: Open for this problem.
        problem: Its artifact is a Vector.
        artifact: In JSON form.
    """
    kind = problem.artifact
    if not isinstance(kind, Vector):
        raise UsageError(
            f"problem {problem.name!r} has no numbers to move; its artifact is a {type(kind).__name__}"
        )
    suspects = list(range(0, kind.size, math.ceil(kind.size / MOST)))
    stages = range(len(problem.stages) + (problem.verify is not None))
    for stage in stages:
        if not suspects:
            break
        asked = [artifact, *(each for place in suspects for each in _moved(kind, artifact, place))]
        base, *verdicts = desk.score(stage, asked, [0] * len(asked))
        suspects = [
            place
            for n, place in enumerate(suspects)
            if agree(base, verdicts[2 * n]) and agree(base, verdicts[2 * n + 1])
        ]
    return [kind.name(place) for place in suspects]


def _moved(kind: Vector, artifact: Any, place: int) -> list[Any]:
    """The artifact with one number a little less, and a little more; twice to one side where a bound is near."""
    flat = np.asarray(artifact, float).reshape(-1)
    low, high = float(kind.lows[place]), float(kind.highs[place])
    step = REACH * (high - low)
    targets = [flat[place] - step, flat[place] + step]
    if targets[0] < low:
        targets[0] = min(flat[place] + step / 2, high)
    if targets[1] > high:
        targets[1] = max(flat[place] - step / 2, low)
    made = []
    for target in targets:
        other = flat.copy()
        other[place] = target
        made.append(other.reshape(kind.shape).tolist())
    return made
