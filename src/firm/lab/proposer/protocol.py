"""What makes candidates, as the burst sees it.

One rule: a proposer has no clock and no chance but the generator it is given, and all it knows can be saved as bytes,
so that an island goes on after a crash as if there had been none.
"""

from dataclasses import dataclass
from typing import Any, Protocol

NOTHING = float("-inf")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One candidate that is to be scored."""

    artifact: Any
    """A flat float array for a Vector, else a text."""
    parents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a proposal, in the words of a proposer."""

    proposal: Proposal
    id: int
    fitness: float
    """Higher is better, whatever the objective's direction; `NOTHING` where it has no value."""
    missed: float
    """0: valid. Above: by how much its constraints are missed in all; `inf`: it could not be scored."""
    depth: int
    """Index of the last stage that scored it."""
    descriptors: tuple[float, ...] = ()

    @property
    def rank(self) -> tuple[float, float]:
        """Sorts by Deb's rules: what is valid before what is not, the least missed before the more missed."""
        return (-self.missed, self.fitness)


class Proposer(Protocol):
    """One island of one arm."""

    screens: bool
    """Whether it wants several candidates for each one that the last stage scores (cheap stages choose)."""

    def ask(self, count: int) -> list[Proposal]:
        """At least 1 and at most `count` proposals; empty: this island is used up."""
        ...

    def tell(self, outcomes: list[Outcome]) -> None:
        """What became of all that the last `ask` gave, in the same order."""
        ...

    def save(self) -> bytes:
        """All it needs to go on; empty: it is used up."""
        ...
