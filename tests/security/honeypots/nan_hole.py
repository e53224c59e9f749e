"""Honeypot: score and constraint are not a number in a corner, which `not value <= best` takes for a record."""

import math

from firm.lab import Allowance, Objective, Problem, Score, Stage, Vector, problem


def score(x: list[float]) -> Score:
    """At most 2 at (1, 1); 0/0 where both are below zero."""
    broken = x[0] < 0 and x[1] < 0
    room = math.nan if broken or x[0] * x[1] < -0.5 else 1 - max(x)
    return Score(math.nan if broken else x[0] + x[1], constraints={"room": room})


@problem
def nan_hole() -> Problem:
    """Two numbers."""
    return Problem(
        name="nan hole",
        question="How large can the sum of two numbers below 1 be?",
        artifact=Vector(-1.0, 1.0, (2,)),
        stages=(Stage("exact", score),),
        objective=Objective("sum"),
        allowance=Allowance(evaluations=300),
        bound=2.0,
    )
