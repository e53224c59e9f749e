"""Small problems and a loop that asks and tells, for the tests of proposers."""

from collections.abc import Callable, Sequence

import numpy as np

from firm.lab.artifact import Kind, Program, Text, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Allowance, Axis, Objective, Operators, Problem, Smooth, Stage
from firm.lab.proposer import open_proposer
from firm.lab.proposer.protocol import NOTHING, Outcome, Proposal, Proposer

Judge = Callable[[object], tuple[float, float]]
"""(value to be minimised, how much is missed)."""


def problem(kind: Kind, **more) -> Problem:
    """Minimise something."""
    given = {"stages": (Stage("only", lambda artifact: 0.0),), **more}
    return Problem(
        name="toy",
        question="How low?",
        artifact=kind,
        objective=Objective("f", "min"),
        allowance=Allowance(evaluations=1),
        **given,
    )


def chance(seed: int) -> np.random.Generator:
    """All the chance of an island."""
    return np.random.Generator(np.random.Philox(key=seed))


def sphere(x: np.ndarray) -> tuple[float, float]:
    """Least at 1, 1, …"""
    return float(((x - 1) ** 2).sum()), 0.0


def rosenbrock(x: np.ndarray) -> tuple[float, float]:
    """A bent valley; least at 1, 1, …"""
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()), 0.0


def rastrigin(x: np.ndarray) -> tuple[float, float]:
    """Many holes; least at 0, 0, …"""
    return float(10 * len(x) + (x**2 - 10 * np.cos(2 * np.pi * x)).sum()), 0.0


def told(proposals: Sequence[Proposal], judge: Judge, first: int = 0) -> list[Outcome]:
    """What became of them."""
    outcomes = []
    for place, proposal in enumerate(proposals):
        value, missed = judge(proposal.artifact)
        where = proposal.artifact
        behaviour = tuple(float(x) for x in where[:2]) if isinstance(where, np.ndarray) else ()
        fitness = -value if np.isfinite(value) else NOTHING
        outcomes.append(Outcome(proposal, first + place, fitness, missed, 0, behaviour))
    return outcomes


def searched(
    arm: str, about: Problem, judge: Judge, *, evaluations: int, seed: int, batch: int = 64
) -> float:
    """The best valid value; used-up islands begin anew with the best as their elite."""
    rng, made, best, elites = chance(seed), 0, np.inf, []
    proposer = open_proposer(arm, about, rng, state=b"", elites=())
    while made < evaluations:
        proposals = proposer.ask(min(batch, evaluations - made))
        if not proposals:
            proposer = open_proposer(arm, about, rng, state=b"", elites=elites)
            continue
        assert len(proposals) <= min(batch, evaluations - made)
        outcomes = told(proposals, judge, made)
        made += len(outcomes)
        for outcome in outcomes:
            if outcome.missed == 0 and -outcome.fitness < best:
                best = -outcome.fitness
                packed = about.artifact.pack(outcome.proposal.artifact)
                elites = [Elite(outcome.id, packed, best, 0, True, outcome.descriptors)]
        proposer.tell(outcomes)
    return best


def box(size: int = 3) -> Vector:
    """Numbers from -5 to 5."""
    return Vector(-5.0, 5.0, shape=(size,))


def reopened(arm: str, about: Problem, proposer: Proposer, rng: np.random.Generator, elites) -> Proposer:
    """Set down and taken up again."""
    return open_proposer(arm, about, rng, state=proposer.save(), elites=elites)


AXES = (Axis("first", -5.0, 5.0, 6), Axis("second", -5.0, 5.0, 6))
SMOOTH = Smooth(lambda x: float(((x - 1) ** 2).sum()), above=lambda x: np.array([4.0 - x @ x]))
NUMBERS = Operators(
    lambda rng: rng.uniform(-5, 5, 3),
    lambda rng, x: x - 0.25 * (x - 1),
    lambda rng, x, reach: x + reach * rng.standard_normal(3),
)
WORDS = Operators(
    lambda rng: "".join(rng.choice(list("abc"), 5)),
    None,
    lambda rng, text, reach: text[:-1] + str(rng.choice(list("abc"))),
)
CASES: dict[str, tuple[str, Problem]] = {
    "chance": ("chance", problem(box())),
    "chance on a text": ("chance", problem(Text("one 1\ntwo 2.5\nthree 3"))),
    "chance on a program": ("chance", problem(Program("def f(x):\n    return 3 * x\n"))),
    "cma": ("cma", problem(box())),
    "cma of 170 numbers": ("cma", problem(box(170))),
    "cma behind a cheap stage": (
        "cma",
        problem(box(), stages=(Stage("cheap", len, keep=0.25), Stage("dear", len))),
    ),
    "evolution": ("evolution", problem(box())),
    "descent": ("descent", problem(box(), smooth=SMOOTH)),
    "hopping": ("hopping", problem(box(), smooth=SMOOTH)),
    "hopping by operators": ("hopping", problem(box(), operators=NUMBERS)),
    "operators": ("operators", problem(box(), operators=NUMBERS)),
    "operators on a text": ("operators", problem(Text("aaaaa"), operators=WORDS)),
    "illumination": ("illumination", problem(box(), axes=AXES)),
}
"""Each arm on what it is for."""
