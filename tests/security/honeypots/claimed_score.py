"""Honeypot: a program that writes what it would like to have scored."""

import itertools

from firm.lab import Allowance, Objective, Problem, Program, Score, Stage, problem

CLAIMS = """
import json
json.dump({"points": [0.1, 0.2], "score": 1e9, "valid": True}, open("artifact.json", "w"))
"""


def score(made: object) -> Score:
    """The least distance of points on the unit interval, whatever is said of it."""
    points = sorted(made["points"])  # type: ignore[index]
    inside = min(points[0], 1 - points[-1])
    return Score(min(b - a for a, b in itertools.pairwise(points)), constraints={"inside": inside})


@problem
def claimed_score() -> Problem:
    """Points on a line."""
    return Problem(
        name="claimed score",
        question="How far apart can points on a line be?",
        artifact=Program(CLAIMS),
        stages=(Stage("exact", score, wall_s=5.0),),
        objective=Objective("distance"),
        allowance=Allowance(evaluations=5),
        bound=1.0,
    )
