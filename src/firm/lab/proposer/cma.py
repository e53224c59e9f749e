"""CMA-ES as an arm: one descent of the strategy, from its beginning until it has converged.

One rule: it can be set down between any two asks, in the middle of a generation too. An island that has converged is
used up; the next one begins small at a good candidate, or anywhere with a population that is doubled as often as
chance has it, so that larger ones, which take longer, are rarer (the idea of BIPOP-CMA-ES, without its memory).

Source of the restarts: N. Hansen, "Benchmarking a BI-Population CMA-ES on the BBOB-2009 function testbed".
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Floats, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.bounds import Cube
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import WORST, Worth, worth
from firm.lab.proposer.strategy import Spread, Strategy, population_for

SIGMA = 0.3
"""First standard deviation, as a share of the range."""
MOST_DOUBLED = 6
"""A population is doubled at most so often."""
NARROW = 1e-13
"""Converged: no standard deviation is above it."""
BENT = 1e7
"""Used up: the longest axis over the shortest."""
FLAT = 1e-13
"""Used up: the best of the last generations differ by less than this share of themselves."""


class Descent(msgspec.Struct):
    """What is kept."""

    spread: Spread
    population: int
    asked: list[np.ndarray] = []
    """Points of the last ask, in the cube but not folded."""
    told: list[tuple[Worth, np.ndarray]] = []
    """Of this generation."""
    parents: tuple[int, ...] = ()
    """Id of the best of the generation before, or of what it began with."""
    best: Worth = WORST
    since: int = 0
    """Generations since there was a better one."""
    recent: list[float] = []
    """Fitness of the best of the last generations."""
    leader: tuple[Worth, int] = (WORST, -1)
    """The best of this generation."""
    over: bool = False


class Cma:
    """The arm."""

    screens = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        assert isinstance(problem.artifact, Vector)
        self.rng = rng
        self.cube = Cube(problem.artifact)
        self.kept = saved.load(state, Descent) if state else _begin(problem, rng, self.cube, elites)
        self.strategy = Strategy(self.kept.spread)
        self.wanted = math.ceil(self.kept.population / passing(problem))

    def ask(self, count: int) -> list[Proposal]:
        """The rest of the generation, or as much of it as is wanted; where cheap stages choose, more than one."""
        kept = self.kept
        if kept.over:
            return []
        kept.asked = list(self.strategy.sample(self.rng, min(count, self.wanted - len(kept.told))))
        return [Proposal(self.cube.out(point), kept.parents) for point in kept.asked]

    def tell(self, outcomes: list[Outcome]) -> None:
        """Take them down; with the last of a generation, learn."""
        kept = self.kept
        for outcome, point in zip(outcomes, kept.asked, strict=True):
            found = worth(outcome)
            kept.told.append((found, point))
            if found > kept.leader[0]:
                kept.leader = (found, outcome.id)
        kept.asked = []
        if len(kept.told) >= self.wanted or deepest(kept.told) >= kept.population:
            self._learn()

    def _learn(self) -> None:
        kept = self.kept
        points = chosen(kept.told, kept.population)
        self.strategy.learn(np.stack(points))
        best, id = kept.leader
        kept.since = 0 if best > kept.best else kept.since + 1
        kept.best = max(kept.best, best)
        kept.recent.append(best[2] if best[0] == 0 else best[0])
        kept.parents = (id,) if id >= 0 else kept.parents
        kept.told, kept.leader = [], (WORST, -1)
        kept.over = self._over()

    def _over(self) -> bool:
        kept, size = self.kept, self.cube.size
        patience = 10 + 30 * size // kept.population
        del kept.recent[:-patience]
        low, high = min(kept.recent), max(kept.recent)
        flat = len(kept.recent) == patience and not high - low > FLAT * abs(high)
        short, long = self.strategy.deviations
        return flat or long < NARROW or long > BENT * short or kept.since > 100 + 10 * patience

    def save(self) -> bytes:
        """Empty where it is used up."""
        return b"" if self.kept.over else saved.save(self.kept)


def passing(problem: Problem) -> float:
    """Share of the candidates that come to the last stage."""
    return max(0.01, math.prod(stage.keep for stage in problem.stages[:-1]))


def deepest(told: list[tuple[Worth, Floats]]) -> int:
    """How many of them were scored by the deepest stage that any came to, and are valid."""
    valid = [found[1] for found, _ in told if found[0] == 0]
    return valid.count(max(valid)) if valid else 0


def chosen(told: list[tuple[Worth, Floats]], population: int) -> list[Floats]:
    """Those to learn from, the best first: not what a cheap stage has stopped, unless too few are left."""
    ranked = sorted(told, key=lambda pair: pair[0], reverse=True)
    deep = max((found[1] for found, _ in told if found[0] == 0), default=0.0)
    scored = [pair for pair in ranked if pair[0][0] < 0 or pair[0][1] == deep]
    return [point for _, point in (scored if 2 * len(scored) > population else ranked)[:population]]


RAW, REFINED = (0.0, 1.5), (0.8, 1.8)
"""Orders of magnitude below `SIGMA` at which it begins around an elite: any, and one that `improve` has made."""


def _begin(problem: Problem, rng: np.random.Generator, cube: Cube, elites: Sequence[Elite]) -> Descent:
    """Where, how wide and with how many, as chance has it.

    Where `improve` makes good candidates, it begins from them alone and narrow: a raw start is far behind.
    """
    usual = population_for(cube.size)
    refined = problem.operators is not None and problem.operators.improve is not None
    if elites and (refined or rng.random() < 0.5):
        elite = elites[int(rng.integers(len(elites)))]
        mean = cube.into(np.frombuffer(elite.artifact, "<f8"))
        least, most = REFINED if refined else RAW
        width = SIGMA * 10 ** -(least + (most - least) * rng.random())
        return Descent(Spread.at(mean, width), usual, parents=(elite.id,))
    if not elites and problem.operators is None:
        return Descent(Spread.at(np.full(cube.size, 0.5), SIGMA), usual)
    doubled = min(MOST_DOUBLED, int(rng.geometric(0.4)) - 1) if elites else 0
    return Descent(Spread.at(cube.into(moves.start(problem, rng)), SIGMA), usual << doubled)
