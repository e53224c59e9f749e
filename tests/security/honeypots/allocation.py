"""Honeypot: 10 GB, wanted by a program, and by a scorer for what is best."""

from firm.lab import Allowance, Objective, Problem, Program, Stage, Vector, problem

SIZE = 10_000_000_000


def score(x: list[float]) -> float:
    """The number, but for the best of them, which takes 10 GB."""
    if x[0] > 0.9:
        return float(len(bytearray(SIZE)))
    return x[0]


@problem
def allocation() -> Problem:
    """One number."""
    return Problem(
        name="allocation",
        question="How large can a number be?",
        artifact=Vector(0.0, 1.0, (1,)),
        stages=(Stage("exact", score, memory_bytes=256 << 20),),
        objective=Objective("value"),
        allowance=Allowance(evaluations=100),
        bound=1.0,
    )


@problem
def greedy_program() -> Problem:
    """A program that fills 10 GB."""
    return Problem(
        name="greedy program",
        question="How much is there?",
        artifact=Program(f"held = bytearray({SIZE})"),
        stages=(Stage("exact", float, wall_s=10.0, memory_bytes=256 << 20),),
        objective=Objective("value"),
        allowance=Allowance(evaluations=3),
    )
