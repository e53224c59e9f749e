"""Multi-start descent: each proposal is the end of one local search of a smooth program.

One rule: it needs `problem.smooth`, and refines at most one start an ask, because that is where its time goes.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.refine import refine

FRESH = 0.75
"""Share of the starts that are new; the others are shaken elites."""


class Starts(msgspec.Struct):
    """What is kept."""

    count: int = 0


class Multistart:
    """The arm."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        assert isinstance(problem.artifact, Vector)
        self.problem = problem
        self.kind = problem.artifact
        self.rng = rng
        self.elites = elites
        self.kept = saved.load(state, Starts) if state else Starts()

    def ask(self, count: int) -> list[Proposal]:
        """One."""
        self.kept.count += 1
        if not self.elites or self.rng.random() < FRESH:
            return [Proposal(refine(self.problem, moves.start(self.problem, self.rng)))]
        elite = self.elites[int(self.rng.integers(len(self.elites)))]
        reach = 10 ** (-2 * self.rng.random())
        shaken = moves.perturb(self.problem, self.rng, self.kind.flat(elite.artifact), reach)
        return [Proposal(refine(self.problem, shaken), (elite.id,))]

    def tell(self, outcomes: list[Outcome]) -> None:
        """Each start is for itself."""

    def save(self) -> bytes:
        """How many there were."""
        return saved.save(self.kept)
