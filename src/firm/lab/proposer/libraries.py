"""The strategies of the libraries cma and ribs as arms, for those who want to compare.

One rule: they are used only where a problem names them, because importing them takes seconds of processor time, as
much as a small search. What is kept is not the library's object but what it was told; it is told all of it again when
an island goes on, so that a state is plain numbers, and an island ends after `LONGEST` generations.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from firm.lab.artifact import Floats, Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.bounds import Cube
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import Worth, worth

LONGEST = 500
"""Generations of an island."""
SIGMA = 0.3
"""First standard deviation, as a share of the range."""
NARROW = 1e-13


class Told(msgspec.Struct):
    """What is kept."""

    seed: int
    mean: np.ndarray
    parent: int = -1
    past: list[list[tuple[Worth, tuple[float, ...]]]] = []
    """Of each generation what became of its candidates, and where they lie on the axes."""
    now: list[tuple[Worth, tuple[float, ...]]] = []
    """Of this one."""
    over: bool = False


class Replayed:
    """What both arms have in common."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        assert isinstance(problem.artifact, Vector)
        self.problem = problem
        self.cube = Cube(problem.artifact)
        self.kept = saved.load(state, Told) if state else self._begin(rng, elites)
        self.library = self._open()
        self.points = self._sample()
        for told in self.kept.past:
            self._teach(told)
            self.points = self._sample()

    def _begin(self, rng: np.random.Generator, elites: Sequence[Elite]) -> Told:
        seed = int(rng.integers(1 << 31))
        if elites and rng.random() < 0.5:
            elite = elites[int(rng.integers(len(elites)))]
            return Told(seed, self.cube.into(np.frombuffer(elite.artifact, "<f8")), elite.id)
        return Told(seed, self.cube.into(moves.start(self.problem, rng)))

    def ask(self, count: int) -> list[Proposal]:
        """The rest of a generation, or as much of it as is wanted."""
        kept = self.kept
        if kept.over:
            return []
        parents = (kept.parent,) if kept.parent >= 0 else ()
        rest = self.points[len(kept.now) : len(kept.now) + count]
        return [Proposal(self.cube.out(point), parents) for point in rest]

    def tell(self, outcomes: list[Outcome]) -> None:
        """Take them down; with the last of a generation, learn."""
        kept = self.kept
        kept.now.extend((worth(outcome), outcome.descriptors) for outcome in outcomes)
        if len(kept.now) < len(self.points):
            return
        self._teach(kept.now)
        kept.past.append(kept.now)
        kept.now = []
        kept.over = len(kept.past) >= LONGEST or self._converged()
        if not kept.over:
            self.points = self._sample()

    def save(self) -> bytes:
        """Empty where it is used up."""
        return b"" if self.kept.over else saved.save(self.kept)

    def _open(self) -> Any:
        raise NotImplementedError

    def _sample(self) -> Floats:
        """A generation, as places in the cube."""
        raise NotImplementedError

    def _teach(self, told: list[tuple[Worth, tuple[float, ...]]]) -> None:
        """A generation, to the library."""
        raise NotImplementedError

    def _converged(self) -> bool:
        raise NotImplementedError


def ranks(told: list[tuple[Worth, tuple[float, ...]]]) -> list[float]:
    """0 for the best; equals share the least of their ranks."""
    ordered = sorted((found for found, _ in told), reverse=True)
    return [float(ordered.index(found)) for found, _ in told]


class Pycma(Replayed):
    """CMA-ES of the library cma, inside the bounds."""

    def _open(self) -> Any:
        import cma

        rng = np.random.Generator(np.random.Philox(key=self.kept.seed))
        options = {
            "bounds": [[0.0] * self.cube.size, [1.0] * self.cube.size],
            "randn": lambda *shape: rng.standard_normal(shape),
            "seed": math.nan,
            "verbose": -9,
        }
        return cma.CMAEvolutionStrategy(self.kept.mean, SIGMA, options)

    def _sample(self) -> Floats:
        return np.array(self.library.ask())

    def _teach(self, told: list[tuple[Worth, tuple[float, ...]]]) -> None:
        self.library.tell(list(self.points), ranks(told))

    def _converged(self) -> bool:
        return bool(self.library.sigma * self.library.D.max() < NARROW)


class Ribs(Replayed):
    """CMA-ME's improvement emitter of the library ribs, over a grid archive of the problem's axes."""

    def _open(self) -> Any:
        from ribs.archives import GridArchive
        from ribs.emitters import EvolutionStrategyEmitter

        axes = self.problem.axes
        self.grid = GridArchive(
            solution_dim=self.cube.size,
            dims=[axis.cells for axis in axes],
            ranges=[(axis.low, axis.high) for axis in axes],
            seed=self.kept.seed,
        )
        return EvolutionStrategyEmitter(self.grid, x0=self.kept.mean, sigma0=SIGMA, seed=self.kept.seed)

    def _sample(self) -> Floats:
        return np.array(self.library.ask())

    def _teach(self, told: list[tuple[Worth, tuple[float, ...]]]) -> None:
        """What is not valid, or lies nowhere, is put where a better one stands: it is never added."""
        fine = [found[0] == 0 and self._somewhere(where) for found, where in told]
        known = [(found[2], where) for (found, where), good in zip(told, fine, strict=True) if good]
        if not known:
            best = self.grid.best_elite
            known = [(0.0, tuple(axis.low for axis in self.problem.axes))]
            known = known if best is None else [(float(best["objective"]), tuple(best["measures"]))]
        worst = min(value for value, _ in known)
        other = (worst - 1.0 - abs(worst), max(known)[1])
        rows = [(found[2], where) if good else other for (found, where), good in zip(told, fine, strict=True)]
        fitness, places = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
        self.library.tell(self.points, fitness, places, self.grid.add(self.points, fitness, places))

    def _somewhere(self, where: tuple[float, ...]) -> bool:
        return len(where) == len(self.problem.axes) and all(map(math.isfinite, where))

    def _converged(self) -> bool:
        return False
