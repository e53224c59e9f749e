"""Pure chance: what every other arm has to beat.

One rule: it learns nothing. A vector is drawn inside its bounds, or as the problem's own `propose` draws; a text is
the given start with a few random changes.
"""

import re
from collections.abc import Sequence

import msgspec
import numpy as np

from firm.lab.artifact import Vector
from firm.lab.candidate import Elite
from firm.lab.problem import Problem
from firm.lab.proposer import moves, saved
from firm.lab.proposer.protocol import Outcome, Proposal

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


class Drawn(msgspec.Struct):
    """What is kept."""

    count: int = 0
    """Proposals so far."""


class Chance:
    """The arm."""

    screens = False

    def __init__(
        self, problem: Problem, rng: np.random.Generator, state: bytes, elites: Sequence[Elite]
    ) -> None:
        self.problem = problem
        self.rng = rng
        self.kept = saved.load(state, Drawn) if state else Drawn()

    def ask(self, count: int) -> list[Proposal]:
        """As many as are wanted."""
        return [self._one() for _ in range(count)]

    def _one(self) -> Proposal:
        self.kept.count += 1
        kind = self.problem.artifact
        if self.problem.operators is not None or isinstance(kind, Vector):
            return Proposal(moves.start(self.problem, self.rng))
        return Proposal(kind.start if self.kept.count == 1 else changed(kind.start, self.rng))

    def tell(self, outcomes: list[Outcome]) -> None:
        """It does not listen."""

    def save(self) -> bytes:
        """How many there were."""
        return saved.save(self.kept)


def changed(text: str, rng: np.random.Generator) -> str:
    """A text with one to three random changes: a number scaled, two lines swapped, a line left out or doubled."""
    for _ in range(1 + int(rng.integers(3))):
        numbers = list(_NUMBER.finditer(text))
        if numbers and rng.random() < 0.6:
            found = numbers[int(rng.integers(len(numbers)))]
            text = text[: found.start()] + _scaled(found.group(), rng) + text[found.end() :]
            continue
        lines = text.split("\n")
        one, other = (int(place) for place in rng.integers(len(lines), size=2))
        match int(rng.integers(3)):
            case 0:
                lines[one], lines[other] = lines[other], lines[one]
            case 1 if len(lines) > 1:
                del lines[one]
            case _:
                lines.insert(other, lines[one])
        text = "\n".join(lines)
    return text


def _scaled(number: str, rng: np.random.Generator) -> str:
    factor = float(np.exp(rng.standard_normal()))
    if "." in number:
        return f"{float(number) * factor:.6g}"
    return str(max(0, round(int(number) * factor) + int(rng.integers(-1, 2))))
