"""Iterated local search with the problem's own operators: propose, improve, then perturb and improve again.

One rule: a few lines are carried on side by side, and most of the work goes to the best of them. A line that stands
still begins anew, each time with more patience; so does one that ends in the basin of another at once.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.hopping import unpacked
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import WORST, Worth, alike, basins, clearly, worth, worth_of

LINES = 4
PATIENCE = 12.0
"""Tries without success after which a line begins anew, at first."""
MORE = 1.25
"""So much more patience after each new beginning."""
MOST_PATIENCE = 150.0
KNOWN = 1 / 3
"""Share of the new beginnings at an elite."""
BOLDEST, SHYEST = 1.0, 0.01
AT_ONCE = 16
"""Proposals an ask, where none of them is improved."""


class Line(msgspec.Struct):
    """One of the few."""

    here: bytes = b""
    """Packed; empty: it begins."""
    worth: Worth = WORST
    id: int = -1
    still: int = 0
    reach: float = 0.3


class Lines(msgspec.Struct):
    """What is kept."""

    lines: list[Line]
    patience: float = PATIENCE
    tried: list[tuple[int, float]] = []
    """(line, reach) of each proposal of the last ask."""


class Iterated:
    """The arm."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        assert problem.operators is not None
        self.problem = problem
        self.rng = rng
        self.elites = elites
        self.walks = problem.operators.perturb is not None or isinstance(problem.artifact, Vector)
        self.kept = saved.load(state, Lines) if state else Lines([Line() for _ in range(LINES)])

    def ask(self, count: int) -> list[Proposal]:
        """One that was improved; several where there is nothing to improve with."""
        self.kept.tried = []
        most = 1 if moves.can_improve(self.problem) else min(count, AT_ONCE)
        return [self._one() for _ in range(most)]

    def _one(self) -> Proposal:
        place = self._place()
        line = self.kept.lines[place]
        if not line.here or not self.walks:
            self.kept.tried.append((place, line.reach))
            begun = moves.start(self.problem, self.rng)
            return Proposal(moves.improve(self.problem, self.rng, begun))
        reach = self._reach(line)
        self.kept.tried.append((place, reach))
        near = moves.perturb(self.problem, self.rng, unpacked(self.problem.artifact, line.here), reach)
        return Proposal(moves.improve(self.problem, self.rng, near), (line.id,))

    def _place(self) -> int:
        """A line that has not begun; else the best in half of the cases, else the better of two."""
        lines = self.kept.lines
        begun = {place for place, _ in self.kept.tried}
        for place, line in enumerate(lines):
            if not line.here and place not in begun:
                return place
        best = max(range(LINES), key=lambda place: lines[place].worth)
        one, other = (int(place) for place in self.rng.integers(LINES, size=2))
        return best if self.rng.random() < 0.5 else max(one, other, key=lambda place: lines[place].worth)

    def _reach(self, line: Line) -> float:
        """Near the one that last succeeded; one in five from anywhere."""
        if self.rng.random() < 0.2:
            return float(SHYEST * (BOLDEST / SHYEST) ** self.rng.random())
        return float(np.clip(line.reach * math.exp(0.7 * self.rng.standard_normal()), SHYEST, BOLDEST))

    def tell(self, outcomes: list[Outcome]) -> None:
        """What is as good takes the line's place."""
        for outcome, (place, reach) in zip(outcomes, self.kept.tried, strict=True):
            self._follow(self.kept.lines[place], outcome, reach)
        self.kept.tried = []

    def _follow(self, line: Line, outcome: Outcome, reach: float) -> None:
        found = worth(outcome)
        better = clearly(found, line.worth)
        line.still = 0 if better else line.still + 1
        if better:
            line.reach = reach
        if (found >= line.worth or not line.here) and math.isfinite(outcome.missed):
            line.here = self.problem.artifact.pack(outcome.proposal.artifact)
            line.worth, line.id = found, outcome.id
        if line.still > self.kept.patience:
            self.kept.patience = min(MOST_PATIENCE, self.kept.patience * MORE)
            self._begin_anew(line)
        elif better and self._twin(line):
            self._begin_anew(line)

    def _twin(self, line: Line) -> bool:
        """Whether it has come to where another line is; only of vectors does the value tell."""
        others = (one.worth for one in self.kept.lines if one is not line and one.here)
        return isinstance(self.problem.artifact, Vector) and any(alike(line.worth, one) for one in others)

    def _begin_anew(self, line: Line) -> None:
        """At an elite of a basin where no line is, in a third of the cases, else at a new start."""
        taken = {one.id for one in self.kept.lines}
        worths = [one.worth for one in self.kept.lines]
        line.here, line.worth, line.id, line.still, line.reach = b"", WORST, -1, 0, 0.3
        sign = self.problem.objective.sign
        free = basins(self.elites, self.problem.artifact, sign, taken=worths)
        free = [elite for elite in free if elite.id not in taken]
        if free and self.rng.random() < KNOWN:
            elite = free[int(self.rng.integers(len(free)))]
            line.here, line.id = elite.artifact, elite.id
            line.worth = worth_of(elite, sign)

    def save(self) -> bytes:
        """The lines."""
        return saved.save(self.kept)
