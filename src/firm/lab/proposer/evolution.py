"""Differential evolution, steady: each candidate is compared with the one it would replace as soon as it is known.

One rule: step and crossover are not set but learned from what succeeded. An island whose population has collapsed, or
has not moved for long, is used up; the next one draws its size anew.

Source: R. Tanabe and A. Fukunaga, "Success-history based parameter adaptation for differential evolution", CEC 2013
(current-to-pbest/1/bin with an archive of the beaten); here without its generations.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.bounds import Cube
from firm.lab.proposer.protocol import Outcome, Proposal
from firm.lab.proposer.ranking import WORST, Worth, worth

SLOTS = 6
"""Of the memory of what succeeded."""
TOP = 0.11
"""Share of the population that counts as best."""
COLLAPSED = 1e-11
"""Used up: no number varies by more than that share of its range."""
PATIENCE = 150
"""Used up: so many candidates for each member without one that was better than what it would replace."""

MOST_NUMBERS = 20_000
"""In a population: it is kept in every record."""


class Member(msgspec.Struct):
    """One of the population."""

    place: np.ndarray
    """In the cube."""
    worth: Worth = WORST
    id: int = -1


class Trial(msgspec.Struct):
    """A candidate that was asked for."""

    target: int
    place: np.ndarray
    step: float = 0.0
    cross: float = 0.0
    """Zero for both: one of the first."""


class Flock(msgspec.Struct):
    """What is kept."""

    wanted: int
    """Size of the population."""
    members: list[Member] = []
    beaten: list[np.ndarray] = []
    steps: list[float] = msgspec.field(default_factory=lambda: [0.5] * SLOTS)
    crosses: list[float] = msgspec.field(default_factory=lambda: [0.5] * SLOTS)
    slot: int = 0
    won: list[tuple[float, float]] = []
    """(step, cross) of what succeeded in this round."""
    turn: int = 0
    """Whose turn it is."""
    still: int = 0
    """Candidates since the last success."""
    trials: list[Trial] = []
    over: bool = False


class Evolution:
    """The arm."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        assert isinstance(problem.artifact, Vector)
        self.problem = problem
        self.rng = rng
        self.cube = Cube(problem.artifact)
        self.elites = elites
        self.kept = saved.load(state, Flock) if state else Flock(_size(self.cube.size, rng, elites))

    def ask(self, count: int) -> list[Proposal]:
        """At most one for each of the population."""
        kept = self.kept
        if kept.over:
            return []
        missing = kept.wanted - len(kept.members)
        if missing:
            kept.trials = [self._first(len(kept.members) + more) for more in range(min(count, missing))]
            return [Proposal(self.cube.out(trial.place)) for trial in kept.trials]
        ranked = sorted(range(kept.wanted), key=lambda one: kept.members[one].worth, reverse=True)
        top = ranked[: max(2, round(TOP * kept.wanted))]
        turns = [(kept.turn + more) % kept.wanted for more in range(min(count, kept.wanted))]
        kept.trials = [self._trial(target, top) for target in turns]
        kept.turn = (kept.turn + len(kept.trials)) % kept.wanted
        return [Proposal(self.cube.out(trial.place), self._parents(trial)) for trial in kept.trials]

    def _first(self, target: int) -> Trial:
        """One of the first population; sometimes it begins with a good candidate."""
        if target == 0 and self.elites and self.rng.random() < 0.5:
            elite = self.elites[int(self.rng.integers(len(self.elites)))]
            return Trial(0, self.cube.into(np.frombuffer(elite.artifact, "<f8")))
        return Trial(target, self.cube.into(moves.start(self.problem, self.rng)))

    def _trial(self, target: int, top: list[int]) -> Trial:
        kept, rng = self.kept, self.rng
        slot = int(rng.integers(SLOTS))
        cross = float(np.clip(kept.crosses[slot] + 0.1 * rng.standard_normal(), 0.0, 1.0))
        step = 0.0
        while step <= 0:
            step = min(1.0, kept.steps[slot] + 0.1 * float(rng.standard_cauchy()))
        place = kept.members[target].place
        best = kept.members[top[int(rng.integers(len(top)))]].place
        other = kept.members[self._another(target)].place
        far = int(rng.integers(kept.wanted + len(kept.beaten)))
        third = kept.members[far].place if far < kept.wanted else kept.beaten[far - kept.wanted]
        mutant = place + step * (best - place) + step * (other - third)
        taken = rng.random(self.cube.size) < cross
        taken[rng.integers(self.cube.size)] = True
        mutant = np.where(mutant < 0, place / 2, np.where(mutant > 1, (1 + place) / 2, mutant))
        return Trial(target, np.where(taken, mutant, place), step, cross)

    def _another(self, target: int) -> int:
        found = int(self.rng.integers(self.kept.wanted - 1))
        return found + (found >= target)

    def _parents(self, trial: Trial) -> tuple[int, ...]:
        id = self.kept.members[trial.target].id
        return (id,) if id >= 0 else ()

    def tell(self, outcomes: list[Outcome]) -> None:
        """What is as good as its target takes its place."""
        kept = self.kept
        for outcome, trial in zip(outcomes, kept.trials, strict=True):
            if trial.step == 0:
                kept.members.append(Member(trial.place, worth(outcome), outcome.id))
            else:
                self._compare(trial, worth(outcome), outcome.id)
                if trial.target == kept.wanted - 1:
                    self._remember()
        kept.trials = []

    def _compare(self, trial: Trial, found: Worth, id: int) -> None:
        kept = self.kept
        target = kept.members[trial.target]
        kept.still += 1
        if found > target.worth:
            kept.still = 0
            kept.won.append((trial.step, trial.cross))
            if len(kept.beaten) < kept.wanted:
                kept.beaten.append(target.place)
            else:
                kept.beaten[int(self.rng.integers(kept.wanted))] = target.place
        if found >= target.worth:
            kept.members[trial.target] = Member(trial.place, found, id)

    def _remember(self) -> None:
        """After a round: what succeeded, larger steps counting more, goes into the memory."""
        kept = self.kept
        if kept.won:
            steps, crosses = np.array(kept.won).T
            kept.steps[kept.slot] = float((steps**2).sum() / steps.sum())
            kept.crosses[kept.slot] = float(crosses.mean())
            kept.slot = (kept.slot + 1) % SLOTS
            kept.won = []
        places = np.stack([member.place for member in kept.members])
        kept.over = float(np.ptp(places, axis=0).max()) < COLLAPSED or kept.still > PATIENCE * kept.wanted

    def save(self) -> bytes:
        """Empty where it is used up."""
        return b"" if self.kept.over else saved.save(self.kept)


def _size(numbers: int, rng: np.random.Generator, elites: Sequence[Elite]) -> int:
    """Of a population: 4 for each number within 16 to 80; later islands are doubled as often as chance has it."""
    doubled = min(4, int(rng.geometric(0.5)) - 1) if elites else 0
    return max(16, min(MOST_NUMBERS // numbers, min(80, 4 * numbers) << doubled))
