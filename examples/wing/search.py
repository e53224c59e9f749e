"""One of the 300 hands: it takes a section, tries changes for a moment, and gives back the best it saw.

Each hand is a durable step. All its chance comes from the seed in its task, so that it would find the same again;
the engine never asks it to, once its result is recorded.
"""

import json
import os

import msgspec

from aero import JUDGE_MODEL, Candidate, candidates, worth
from firm import Retry, current_step, step
from matrix import Floats, np
from section import GENES, HIGHEST, LOWEST, Section, genes, section_of

TRIES = 5
CHILDREN = 20
"""A hand tries this often, this many changes at a time, all in one call of the network."""

SPREAD = np.array([0.03] * (GENES - 2) + [0.05, 0.4])
"""How far one change reaches in each gene, before it is scaled by the task's reach."""


class Task(msgspec.Struct, frozen=True):
    """What one hand is given."""

    start: Section
    partners: tuple[Section, Section]
    """Two others; the difference between them is a direction that has paid before."""
    reach: float
    """Size of the first changes; 1 is bold, 0.05 is polishing."""
    seed: int
    aim: str


@step(cpu=True, retry=Retry(attempts=3))
def search_near(task: Task) -> Candidate:
    """Search around one section for a better one; at worst the same comes back, freshly judged."""
    note_execution()
    rng = np.random.default_rng(task.seed)
    best = genes(task.start)
    best_score = float(worth(best[None, :], task.aim).score[0])
    direction = genes(task.partners[0]) - genes(task.partners[1])
    reach = task.reach
    for _ in range(TRIES):
        children = _children(rng, best, direction, reach)
        scores = worth(children, task.aim).score
        winner = int(scores.argmax())
        if scores[winner] > best_score:
            direction, reach = children[winner] - best, reach * 1.2
            best, best_score = children[winner], float(scores[winner])
        else:
            direction, reach = -direction / 2, reach / 2
    stored = genes(section_of(best))[None, :]
    return candidates(stored, worth(stored, task.aim))[0]


def _children(rng: np.random.Generator, parent: Floats, direction: Floats, reach: float) -> Floats:
    """Changes of one section: some way along a direction, and noise in a few genes or in all."""
    along = rng.uniform(0.0, 1.0, (CHILDREN, 1)) * direction
    touched = rng.random((CHILDREN, GENES)) < rng.choice([0.2, 1.0], (CHILDREN, 1))
    noise = rng.standard_normal((CHILDREN, GENES)) * touched * SPREAD * reach
    return np.asarray(np.clip(parent + along + noise, LOWEST, HIGHEST))


@step(cpu=True, retry=Retry(attempts=3))
def judge(sections: list[Section], aim: str) -> list[Candidate]:
    """Judge the finalists with the largest network, the feasible ones first, the best of them first."""
    note_execution()
    numbers = np.array([genes(section) for section in sections])
    judged = candidates(numbers, worth(numbers, aim, (JUDGE_MODEL,), caution=0.0))
    return sorted(judged, key=lambda candidate: (not candidate.feasible, -candidate.score))


def note_execution() -> None:
    """Say in the log that this step was executed, whatever becomes of its result."""
    note({"step": current_step().place})


def note(what: dict[str, object]) -> None:
    """Append one line of JSON to the file that $WING_LOG names, if it does.

    One short write in append mode lands whole, and what the system has taken survives a kill -9 of this process.
    """
    path = os.environ.get("WING_LOG")
    if path:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, json.dumps(what).encode() + b"\n")
        finally:
            os.close(handle)
