"""Basin hopping: from a good candidate, shake, refine, and stay where it is better, sometimes where it is worse.

One rule: it walks alone. Reach and temperature follow from what the scorer told, so that neither has a unit; a walk
that has found nothing better for long is used up, and the next one begins anew, or at an elite of another basin.

Source: D. Wales and J. Doye, "Global optimization by basin-hopping", J. Phys. Chem. A 101 (1997).
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Kind
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import SAME, WORST, Worth, basins, clearly, worth, worth_of

PATIENCE = 60
"""Hops without a better candidate after which a walk ends."""
BOLDEST, SHYEST = 1.0, 0.01
FRESH = 0.4
"""Share of the walks that begin at a new start: the elites may all lie in one valley."""
FURTHER = 1.2
"""Reach so many times as far after a hop that ended where it began."""
COOLER, WARMER = 0.8, 1.06
"""After a worse candidate was accepted, or refused: about one in five is."""


class Walk(msgspec.Struct):
    """What is kept."""

    here: bytes = b""
    """Packed; empty: it begins."""
    worth: Worth = WORST
    id: int = -1
    best: Worth = WORST
    since: int = 0
    reach: float = 0.3
    tried: float = 0.3
    """Reach of the last hop."""
    temperature: float = 0.0
    """In the unit of the objective; 0: not known yet."""


class Hopping:
    """The arm."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        self.problem = problem
        self.rng = rng
        self.kept = saved.load(state, Walk) if state else self._begin(elites)

    def _begin(self, elites: Sequence[Elite]) -> Walk:
        if not elites or self.rng.random() < FRESH:
            return Walk()
        sign = self.problem.objective.sign
        ends = basins(elites, self.problem.artifact, sign)
        elite = ends[int(len(ends) * self.rng.random() ** 2)]
        found = worth_of(elite, sign)
        return Walk(elite.artifact, found, elite.id, found)

    def ask(self, count: int) -> list[Proposal]:
        """One hop."""
        kept = self.kept
        if kept.since > PATIENCE:
            return []
        if not kept.here:
            begun = moves.start(self.problem, self.rng)
            return [Proposal(moves.improve(self.problem, self.rng, begun))]
        kept.tried = float(np.clip(kept.reach * math.exp(0.5 * self.rng.standard_normal()), SHYEST, BOLDEST))
        shaken = moves.perturb(self.problem, self.rng, unpacked(self.problem.artifact, kept.here), kept.tried)
        return [Proposal(moves.improve(self.problem, self.rng, shaken), (kept.id,))]

    def tell(self, outcomes: list[Outcome]) -> None:
        """Go there, or stay."""
        kept = self.kept
        for outcome in outcomes:
            found = worth(outcome)
            kept.since = 0 if clearly(found, kept.best) else kept.since + 1
            kept.best = max(kept.best, found)
            if self._stayed(outcome.proposal.artifact):
                kept.reach = min(BOLDEST, kept.reach * FURTHER)
            elif math.isfinite(outcome.missed) and (not kept.here or self._accepts(found)):
                kept.here = self.problem.artifact.pack(outcome.proposal.artifact)
                kept.worth, kept.id = found, outcome.id

    def _stayed(self, artifact: object) -> bool:
        """Whether a hop ended where it began; the scorer does not see such a twin again."""
        return isinstance(artifact, np.ndarray) and self.problem.artifact.pack(artifact) == self.kept.here

    def _accepts(self, found: Worth) -> bool:
        """Metropolis among what the same stage saw; what is not valid never takes the place of what is."""
        kept = self.kept
        if found > kept.worth:
            kept.reach = kept.tried
            return True
        worse = kept.worth[2] - found[2] if found[:2] == kept.worth[:2] else math.inf
        if not math.isfinite(worse):
            kept.reach = max(SHYEST, kept.reach * 0.95)
            return False
        if worse <= SAME * abs(kept.worth[2]):
            kept.reach = min(BOLDEST, kept.reach * FURTHER)
            return True
        kept.reach = max(SHYEST, kept.reach * 0.97)
        kept.temperature = kept.temperature or 0.5 * worse
        accepted = bool(self.rng.random() < math.exp(-worse / kept.temperature))
        kept.temperature *= COOLER if accepted else WARMER
        return accepted

    def save(self) -> bytes:
        """Empty where the walk is over."""
        return b"" if self.kept.since > PATIENCE else saved.save(self.kept)


def unpacked(kind: Kind, packed: bytes) -> object:
    """As an operator is given it: a flat array of a vector, else the JSON form."""
    return getattr(kind, "flat", kind.unpack)(packed)
