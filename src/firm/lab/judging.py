"""One batch of proposals on its way through the stages.

One rule: whatever a candidate is or does, it becomes a row with a status; nothing it does ends the batch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from firm.lab.artifact import Program, Prompt, digest
from firm.lab.author.answer import INPUT
from firm.lab.candidate import Candidate, Elite, Judged, Status, id_of
from firm.lab.order import Order, Tally
from firm.lab.problem import Problem
from firm.lab.proposer.protocol import NOTHING, Outcome, Proposal
from firm.lab.wall.desk import Desk
from firm.lab.wall.verdict import Verdict

WHY_CHARS = 200
DRAWN = 32
"""So many values and pairs of a stage are reported for a burst."""
LOST = float("inf")
AMOUNT = re.compile(r" by -?[\d.]\S*$")
"""By how much something is missed differs from row to row; reasons are counted without it."""


@dataclass(slots=True)
class Entrant:
    """A proposal while it is judged."""

    proposal: Proposal
    packed: bytes
    hash: bytes
    status: Status = Status.VALID
    why: str = ""
    spared: int = -1
    """The stage that would have stopped it, had chance not let it go on."""
    shown: Any = None
    """What the scorer is given."""
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def out(self) -> bool:
        """Whether it goes no further."""
        return self.status is not Status.VALID

    def row(self) -> Candidate:
        """As it is kept."""
        judged = tuple(Judged(said.value, said.slack, said.cpu_us) for said in self.verdicts)
        parents = self.proposal.parents
        return Candidate(
            self.hash, self.packed, parents, self.status, judged, self.why[:WHY_CHARS], self.spared >= 0
        )


class Judge:
    """Scores batches for one burst, and counts."""

    def __init__(self, problem: Problem, desk: Desk, order: Order, rng: np.random.Generator) -> None:
        self.problem = problem
        self.desk = desk
        self.order = order
        self.rng = rng
        self.sign = problem.objective.sign
        self.seen: dict[bytes, int] = {}
        self.rows: list[Candidate] = []
        self.elites: list[Elite] = []
        self.nearest: tuple[str, float] = ("", -LOST)
        self._scored = [0] * len(problem.stages)
        self._cpu_us = [0] * len(problem.stages)
        self._values: list[list[float]] = [[] for _ in problem.stages]
        self._pairs: list[list[tuple[float, float]]] = [[] for _ in problem.stages]
        self._audits: list[list[tuple[float, float]]] = [[] for _ in problem.stages]

    def judge(self, proposals: Sequence[Proposal]) -> list[Outcome]:
        """Score them; their rows are kept in order, their outcomes given back in order."""
        first = len(self.rows)
        entrants = [self._enter(proposal, first + place) for place, proposal in enumerate(proposals)]
        alive = [entrant for entrant in entrants if not entrant.out]
        for number in range(len(self.problem.stages)):
            if number:
                alive = self._gated(number - 1, alive)
            self._score(number, alive)
            alive = [entrant for entrant in alive if not entrant.out]
        outcomes = []
        for place, entrant in enumerate(entrants):
            self.rows.append(entrant.row())
            id = id_of(self.order.number, first + place)
            outcomes.append(self._outcome(entrant, id))
            if entrant.status is Status.VALID:
                self.elites.append(self._elite(entrant, id))
        return outcomes

    def _enter(self, proposal: Proposal, place: int) -> Entrant:
        """Its form is looked at before anything is paid for it."""
        kind = self.problem.artifact
        try:
            packed = kind.pack(proposal.artifact)
        except (ValueError, TypeError, OverflowError) as error:
            return Entrant(proposal, b"", bytes(16), Status.UNREADABLE, str(error))
        if isinstance(kind, Prompt) and INPUT not in kind.unpack(packed):
            return Entrant(proposal, b"", bytes(16), Status.UNREADABLE, f"the prompt has no {INPUT!r}")
        hash = digest(kind, packed)
        if hash in self.seen:
            return Entrant(proposal, b"", hash, Status.TWIN, f"as number {self.seen[hash]} of this block")
        self.seen[hash] = place
        entrant = Entrant(proposal, packed, hash)
        entrant.shown = kind.unpack(packed)
        return entrant

    def _score(self, number: int, entrants: list[Entrant]) -> None:
        if isinstance(self.problem.artifact, Program):
            for entrant in entrants:
                self._note(number, entrant, self._run(number, entrant.proposal.artifact))
            return
        shown = [self._shown(number, entrant) for entrant in entrants]
        seeds = [self._seed() for _ in entrants]
        for entrant, verdict in zip(
            entrants, self.desk.score(number, shown, seeds) if shown else [], strict=True
        ):
            self._note(number, entrant, verdict)

    def _run(self, number: int, program: str) -> Verdict:
        """The verdict on what a program makes; its box is paid for by it."""
        spent, seed = self.desk.cpu_s, self._seed()
        made, failed = self.desk.execute(number, program)
        box_us = round((self.desk.cpu_s - spent) * 1e6)
        if failed is not None:
            return failed
        said = self.desk.score(number, [made], [seed])[0]
        return replace(said, cpu_us=said.cpu_us + box_us)

    def _shown(self, number: int, entrant: Entrant) -> Any:
        """What a stage is given: the artifact, or a model's answers to it."""
        if not self.order.answers:
            return entrant.shown
        place = next(place for place, (packed, _) in enumerate(self.order.given) if packed == entrant.packed)
        return msgspec.json.decode(self.order.answers[place][number])

    def _seed(self) -> int:
        return int(self.rng.integers(1 << 62))

    def _note(self, number: int, entrant: Entrant, verdict: Verdict) -> None:
        """What a stage said of one of them."""
        entrant.verdicts.append(verdict)
        self._scored[number] += 1
        self._cpu_us[number] += verdict.cpu_us
        entrant.status, entrant.why = verdict.status, verdict.why
        if verdict.status is Status.INVALID and verdict.slack > self.nearest[1]:
            self.nearest = (verdict.nearest, verdict.slack)
        if verdict.value is None:
            return
        self._values[number].append(verdict.value)
        before = entrant.verdicts[-2].value if number else None
        if before is not None:
            pairs = self._audits if entrant.spared == number - 1 else self._pairs
            pairs[number - 1].append((before, verdict.value))

    def _gated(self, number: int, alive: list[Entrant]) -> list[Entrant]:
        """Those that go on from a stage: the best of a large batch, of a small one those above the gate."""
        stage = self.problem.stages[number]
        keep = self.order.keeps[number] if number < len(self.order.keeps) else stage.keep
        if keep >= 1 or not alive:
            return alive
        fitness = [self.sign * (entrant.verdicts[-1].value or 0.0) for entrant in alive]
        places = round(keep * len(alive))
        if places >= 1:
            ranked = sorted(range(len(alive)), key=lambda place: -fitness[place])
            passing = set(ranked[:places])
        else:
            line = self.order.gates[number] if number < len(self.order.gates) else None
            passing = {place for place, worth in enumerate(fitness) if line is None or worth >= line}
        going: list[Entrant] = []
        for place, entrant in enumerate(alive):
            if place in passing:
                going.append(entrant)
            elif self.rng.random() < self.order.audit:
                entrant.spared = number
                going.append(entrant)
            else:
                entrant.status, entrant.why = Status.STOPPED, f"stopped after {stage.name}"
        return going

    def _outcome(self, entrant: Entrant, id: int) -> Outcome:
        said = entrant.verdicts[-1] if entrant.verdicts else None
        if said is None or said.value is None:
            missed = said.missed if said is not None else LOST
            return Outcome(entrant.proposal, id, NOTHING, missed or LOST, max(0, len(entrant.verdicts) - 1))
        fitness = self.sign * said.value
        return Outcome(
            entrant.proposal, id, fitness, said.missed, len(entrant.verdicts) - 1, said.descriptors
        )

    def _elite(self, entrant: Entrant, id: int) -> Elite:
        last = entrant.verdicts[-1]
        descriptors = next((said.descriptors for said in reversed(entrant.verdicts) if said.descriptors), ())
        others = {name: value for said in entrant.verdicts for name, value in said.others.items()}
        return Elite(
            id,
            entrant.packed,
            float(last.value or 0.0),
            len(entrant.verdicts) - 1,
            True,
            descriptors,
            others,
            tuple(said.value for said in entrant.verdicts),
            entrant.proposal.parents,
            self.order.arm,
        )

    def tallies(self) -> tuple[Tally, ...]:
        """What the stages saw."""
        return tuple(
            Tally(scored, cpu_us / 1e6, _drawn(values), _drawn(pairs), _drawn(audits), len(audits))
            for scored, cpu_us, values, pairs, audits in zip(
                self._scored, self._cpu_us, self._values, self._pairs, self._audits, strict=True
            )
        )

    def whys(self) -> dict[str, int]:
        """Why candidates were not valid, the most frequent first; at most 8."""
        found: dict[str, int] = {}
        for row in self.rows:
            if row.why and row.status not in (Status.STOPPED, Status.TWIN):
                why = AMOUNT.sub("", row.why)
                found[why] = found.get(why, 0) + 1
        return dict(sorted(found.items(), key=lambda item: -item[1])[:8])

    def statuses(self) -> tuple[int, ...]:
        """How many of each status."""
        counts = [0] * len(Status)
        for row in self.rows:
            counts[row.status] += 1
        return tuple(counts)


def _drawn(values: list[Any]) -> tuple[Any, ...]:
    """At most `DRAWN` of them, evenly spread."""
    if len(values) <= DRAWN:
        return tuple(values)
    return tuple(values[round(place * (len(values) - 1) / (DRAWN - 1))] for place in range(DRAWN))


def best_of(
    elites: Sequence[Elite], problem: Problem, *, most: int, all_cells: int = 64
) -> tuple[Elite, ...]:
    """The best `most` of a burst, and the best of each cell of the archive that it met."""
    sign = problem.objective.sign
    ranked = sorted(elites, key=lambda elite: (-elite.depth, -sign * elite.value, elite.id))
    chosen = {elite.id: elite for elite in ranked[:most]}
    cells: set[tuple[int, ...]] = set()
    if problem.axes:
        for elite in ranked:
            cell = tuple(
                int((value - axis.low) / (axis.high - axis.low) * axis.cells)
                for value, axis in zip(elite.descriptors, problem.axes, strict=False)
            )
            if cell not in cells and len(chosen) < all_cells:
                cells.add(cell)
                chosen[elite.id] = elite
    return tuple(chosen.values())
