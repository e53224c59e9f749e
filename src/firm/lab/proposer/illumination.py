"""CMA-ME: filling the archive's cells, by strategies that are told what was new instead of what was best.

One rule: a candidate counts by what it did to the archive: a new cell before a better one in its cell, both before
nothing. An island is one emitter, from an elite to where it brings nothing more; one in three draws its candidates
around lines between elites instead (iso+line), which needs no learning.

Source: M. Fontaine et al., "Covariance matrix adaptation for the rapid illumination of behavior space",
arXiv:1912.02400; V. Vassiliades and J.-B. Mouret, "Discovering the elite hypervolume by leveraging interspecies
correlation", arXiv:1804.03906.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.archive import NOWHERE, place_in
from firm.lab.artifact import Floats, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.bounds import Cube
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import Worth, worth, worth_of
from firm.lab.proposer.strategy import Spread, Strategy, population_for

SIGMA = 0.2
"""First standard deviation, as a share of the range."""
NARROW = 1e-3
"""Used up: no standard deviation is above it; to polish is for other arms."""
DRY = 12
"""Used up: so many generations without a new cell."""
ISO, LINE = 0.01, 0.2
"""Standard deviations around and along a line between two elites."""
LINES, AWAY = 0.3, 0.4
"""Shares of the islands that draw on lines, and that go one way across the axes as far as it leads."""
ROUNDS = 30
"""Generations of an island that draws on lines."""
IN_POOL = 16
MOST_CELLS = 2_000
"""So many cells are known to an island; beyond that the newest make way."""

Gain = tuple[int, float, float]
"""(2 new cell, 1 better, 0 nothing; depth less what is missed; fitness, by how much it is better, or how far away)."""


class Emitter(msgspec.Struct):
    """What is kept."""

    spread: Spread | None
    """None: it draws on lines."""
    population: int
    cells: dict[int, Worth] = {}
    """Best worth of each cell that this island knows of."""
    pool: list[tuple[int, np.ndarray]] = []
    """(id, point) of what it has brought into cells of late."""
    asked: list[np.ndarray] = []
    told: list[tuple[Gain, np.ndarray]] = []
    parent: int = -1
    round: int = 0
    way: list[float] = []
    """A direction across the axes; empty: it goes where the most is gained."""
    dry: int = 0
    """Generations since there was a new cell."""
    over: bool = False


class Illumination:
    """The arm."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        assert isinstance(problem.artifact, Vector)
        self.rng = rng
        self.problem = problem
        self.cube = Cube(problem.artifact)
        self.place = place_in(problem.axes)
        self.widths = np.array([axis.high - axis.low for axis in problem.axes])
        self.near = [(one.id, self.cube.into(np.frombuffer(one.artifact, "<f8"))) for one in elites]
        self.kept = saved.load(state, Emitter) if state else self._begin()
        self.strategy = Strategy(self.kept.spread) if self.kept.spread is not None else None
        for elite in elites:
            found, place = worth_of(elite, problem.objective.sign), self.place(elite.descriptors)
            if found > self.kept.cells.get(place, (-np.inf, 0.0, 0.0)):
                self._know(place, found)

    def _begin(self) -> Emitter:
        population = 2 * population_for(self.cube.size)
        if len(self.near) > 1 and self.rng.random() < LINES:
            return Emitter(None, population)
        if self.near:
            id, mean = self.near[int(self.rng.integers(len(self.near)))]
        else:
            id, mean = -1, self.cube.into(moves.start(self.problem, self.rng))
        emitter = Emitter(Spread.at(mean, SIGMA), population, parent=id)
        if self.rng.random() < AWAY / (1 - LINES):
            emitter.way = self.rng.standard_normal(len(self.widths)).tolist()
        return emitter

    def _know(self, place: int, found: Worth) -> None:
        cells = self.kept.cells
        if place not in cells and len(cells) >= MOST_CELLS:
            del cells[next(reversed(cells))]
        cells[place] = found

    def ask(self, count: int) -> list[Proposal]:
        """The rest of a generation, or as much of it as is wanted."""
        kept = self.kept
        if kept.over:
            return []
        count = min(count, kept.population - len(kept.told))
        if self.strategy is None:
            drawn = [self._on_line() for _ in range(count)]
            kept.asked = [point for point, _ in drawn]
            return [Proposal(self.cube.out(point), parents) for point, parents in drawn]
        kept.asked = list(self.strategy.sample(self.rng, count))
        parents = (kept.parent,) if kept.parent >= 0 else ()
        return [Proposal(self.cube.out(point), parents) for point in kept.asked]

    def _on_line(self) -> tuple[Floats, tuple[int, ...]]:
        pool = [*self.near, *self.kept.pool]
        size = self.cube.size
        if not pool:
            return self.cube.into(moves.start(self.problem, self.rng)), ()
        (id, one), (other_id, other) = (pool[int(place)] for place in self.rng.integers(len(pool), size=2))
        point = one + ISO * self.rng.standard_normal(size) + LINE * self.rng.standard_normal() * (other - one)
        return point, (id,) if id == other_id else (id, other_id)

    def tell(self, outcomes: list[Outcome]) -> None:
        """Take them into the cells; with the last of a generation, learn."""
        kept = self.kept
        for outcome, point in zip(outcomes, kept.asked, strict=True):
            kept.told.append((self._gain(outcome, point), point))
        kept.asked = []
        if len(kept.told) >= kept.population:
            self._learn()

    def _gain(self, outcome: Outcome, point: Floats) -> Gain:
        found, place = worth(outcome), self.place(outcome.descriptors)
        before = self.kept.cells.get(place)
        depth = found[0] + found[1]
        if found[0] < 0 or place == NOWHERE:
            return (0, depth, found[2])
        better = before is None or found > before
        if better:
            self._know(place, found)
            self.kept.pool = [*self.kept.pool[-IN_POOL + 1 :], (outcome.id, point)]
        if self.kept.way:
            far = float(np.array(outcome.descriptors) / self.widths @ np.array(self.kept.way))
        else:
            far = found[2] if before is None else found[2] - before[2]
        return (2 if before is None else int(better), depth, far)

    def _learn(self) -> None:
        kept = self.kept
        ranked = sorted(kept.told, key=lambda pair: pair[0], reverse=True)
        good = sum(gain[0] > 0 for gain, _ in ranked)
        kept.told, kept.round = [], kept.round + 1
        kept.dry = 0 if ranked[0][0][0] == 2 else kept.dry + 1
        nothing = good == 0 and bool(kept.cells)
        if self.strategy is None:
            kept.over = nothing or kept.round >= ROUNDS
            return
        if not nothing:
            points = np.stack([point for _, point in ranked])
            self.strategy.learn(points, good=min(good, len(points) // 2) or None)
        kept.over = nothing or kept.dry >= DRY or self.strategy.deviations[1] < NARROW

    def save(self) -> bytes:
        """Empty where it is used up."""
        return b"" if self.kept.over else saved.save(self.kept)
