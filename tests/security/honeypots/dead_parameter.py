"""Honeypot: a scorer that forgets one of its three numbers."""

from firm.lab import Allowance, Objective, Problem, Stage, Vector, problem


def cheap(x: list[float]) -> float:
    """Looks at the first."""
    return -((x[0] - 0.25) ** 2)


def score(x: list[float]) -> float:
    """Looks at the first and the last."""
    return -((x[0] - 0.25) ** 2) - (x[2] + 0.5) ** 2


@problem
def dead_parameter() -> Problem:
    """Three numbers, of which two count."""
    return Problem(
        name="dead parameter",
        question="Which three numbers are best?",
        artifact=Vector(-1.0, 1.0, (3,), ("reach", "colour", "depth")),
        stages=(Stage("cheap", cheap, trust="surrogate"), Stage("exact", score)),
        objective=Objective("fit"),
        allowance=Allowance(evaluations=200),
    )
