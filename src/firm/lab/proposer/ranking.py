"""Which of two outcomes is better.

One rule: valid before invalid, seen by a deeper stage before stopped by a cheap one, then fitness (Deb's rules with a
cascade). A worth is a plain tuple, higher is better, so that it can be sorted and kept.
"""

from collections.abc import Iterable, Sequence

from firm.lab.artifact import Kind, Vector
from firm.lab.candidate import Elite
from firm.lab.proposer.protocol import NOTHING, Outcome

Worth = tuple[float, float, float]
"""(-missed, depth, fitness); the depth counts among the valid alone."""

WORST: Worth = (NOTHING, 0.0, NOTHING)
SAME = 1e-9
"""Fitnesses that differ by less than this share of themselves are of one basin, reached twice."""


def worth(outcome: Outcome) -> Worth:
    """Of what was told."""
    if outcome.missed > 0:
        return (-outcome.missed, 0.0, outcome.fitness)
    return (0.0, float(outcome.depth), outcome.fitness)


def worth_of(elite: Elite, sign: float) -> Worth:
    """Of what came with the order."""
    return (0.0 if elite.valid else NOTHING, float(elite.depth), sign * elite.value)


def alike(one: Worth, other: Worth) -> bool:
    """Whether they differ by rounding alone."""
    return one == other or (one[:2] == other[:2] and abs(one[2] - other[2]) <= SAME * abs(one[2]))


def clearly(better: Worth, than: Worth) -> bool:
    """Better, by more than rounding."""
    return better > than and not alike(better, than)


def basins(elites: Sequence[Elite], kind: Kind, sign: float, *, taken: Iterable[Worth] = ()) -> list[Elite]:
    """The first elite of each basin that is not taken, in their order.

    Mirrored, turned or renumbered, one vector is kept many times over; their values tell that they are one. Texts
    with one value are not one, for theirs are often whole numbers: they are all given back.
    """
    if not isinstance(kind, Vector):
        return list(elites)
    seen, found = list(taken), []
    for elite in elites:
        own = worth_of(elite, sign)
        if not any(alike(own, other) for other in seen):
            seen.append(own)
            found.append(elite)
    return found
