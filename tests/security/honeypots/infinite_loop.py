"""Honeypot: a scorer that never comes back from the best corner, and leaves a process behind; a program alike."""

import subprocess

from firm.lab import Allowance, Objective, Problem, Program, Stage, Vector, problem


def score(x: list[float]) -> float:
    """The sum, but for a corner in which it runs for ever."""
    if min(x) > 0.8:
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        while True:
            pass
    return sum(x)


@problem
def infinite_loop() -> Problem:
    """Two numbers."""
    return Problem(
        name="infinite loop",
        question="How large can two numbers be?",
        artifact=Vector(0.0, 1.0, (2,)),
        stages=(Stage("exact", score, wall_s=0.3),),
        objective=Objective("sum"),
        allowance=Allowance(evaluations=100),
        bound=2.0,
    )


@problem
def endless_program() -> Problem:
    """A program that does not end."""
    return Problem(
        name="endless program",
        question="When does it end?",
        artifact=Program("while True: pass"),
        stages=(Stage("exact", float, wall_s=0.5),),
        objective=Objective("value"),
        allowance=Allowance(evaluations=3),
    )
