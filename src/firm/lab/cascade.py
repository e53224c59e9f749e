"""How cheap stages choose what the dear ones see, and what their word turned out to be worth.

One rule: a few of those that a stage would stop go on by chance. They alone show what the stage is worth; those that
it let pass are the ones it flatters.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.order import Tally

KEPT = 400
"""So many of the latest values and pairs of a stage are looked at."""
ENOUGH = 20
"""With fewer values no gate is set, and with fewer pairs nothing is said about a stage."""
AUDIT, MOST_AUDIT = 0.05, 0.3
"""Share of the stopped that go on by chance: at first, and at most."""
FEW = 5
"""With fewer audits the inflation is that of the chosen alone."""
POOR, WORTHLESS = 0.5, 0.2
"""A rank correlation below it raises that share."""
FLATTERED = 0.05
"""So does an inflation above it, as a share of what the next stage says."""


class Watch:
    """What is known of one stage but the last."""

    def __init__(self, keep: float, sign: float) -> None:
        self.keep = keep
        self.sign = sign
        self.scored = 0
        self.cpu_s = 0.0
        self.values: deque[float] = deque(maxlen=KEPT)
        self.pairs: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.audits: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.audited = 0
        self._known: dict[str, float | None] = {}
        """What follows from these, worked out at most once for a state of them."""

    def tell(self, tally: Tally) -> None:
        """What a burst saw."""
        self._known.clear()
        self.scored += tally.scored
        self.cpu_s += tally.cpu_s
        self.values.extend(tally.values)
        self.pairs.extend(tally.pairs)
        self.audits.extend(tally.audits)
        self.audited += tally.audited

    def gate(self) -> float | None:
        """The fitness (higher is better) from which a lone candidate goes on; None: all do."""
        if len(self.values) < ENOUGH or self.keep >= 1:
            return None
        return self._once("gate", self._gate)

    def correlation(self) -> float | None:
        """Spearman's, of this stage's word and the next one's; None: too few pairs."""
        if len(self.pairs) + len(self.audits) < ENOUGH:
            return None
        return self._once("correlation", lambda: spearman([*self.pairs, *self.audits]))

    def inflation(self) -> float | None:
        """By how much it flatters those it let pass, over what it does to a random few; in the objective's unit.

        Above 0 is too good. None: too few pairs. It means something where both stages speak of the objective.
        """
        return None if len(self.pairs) < ENOUGH else self._once("inflation", self._inflation)

    def flatters(self) -> bool:
        """Whether the inflation is more than `FLATTERED` of what the next stage says."""
        inflation = self.inflation()
        if inflation is None:
            return False
        return inflation > FLATTERED * (self._once("size", self._size) or 0.0)

    def _once(self, name: str, work_out: Callable[[], float | None]) -> float | None:
        if name not in self._known:
            self._known[name] = work_out()
        return self._known[name]

    def _gate(self) -> float:
        ranked = np.sort(self.sign * np.array(self.values))
        return float(ranked[min(len(ranked) - 1, int(len(ranked) * (1 - self.keep)))])

    def _inflation(self) -> float:
        chosen = _above(self.sign, self.pairs)
        return chosen - (_above(self.sign, self.audits) if len(self.audits) >= FEW else 0.0)

    def _size(self) -> float:
        return float(np.median(np.abs(np.array(self.pairs)[:, 1])))

    def share(self) -> float:
        """The share that goes on: twice as many where this stage ranks poorly, four times where it is worthless."""
        correlation = self.correlation()
        if correlation is None or correlation >= POOR:
            return self.keep
        return min(1.0, self.keep * (2 if correlation >= WORTHLESS else 4))

    def audit(self) -> float:
        """Share of the stopped that go on by chance: more where the stage's word is worth little."""
        correlation = self.correlation()
        poor = correlation is not None and correlation < POOR
        return min(MOST_AUDIT, AUDIT * (1 + 2 * poor + 2 * self.flatters()))

    def save(self) -> list[Any]:
        """As builtins."""
        lists = [list(self.values), list(self.pairs), list(self.audits)]
        return [self.keep, self.sign, self.scored, self.cpu_s, self.audited, *lists]

    @classmethod
    def load(cls, saved: Sequence[Any]) -> "Watch":
        """From `save`."""
        keep, sign, scored, cpu_s, audited, values, pairs, audits = saved
        watch = cls(keep, sign)
        watch.scored, watch.cpu_s, watch.audited = scored, cpu_s, audited
        watch.values.extend(values)
        watch.pairs.extend(tuple(pair) for pair in pairs)
        watch.audits.extend(tuple(pair) for pair in audits)
        return watch


def _above(sign: float, pairs: Collection[tuple[float, float]]) -> float:
    """By how much the first of a pair is better than the second, in the middle."""
    both = sign * np.array(pairs)
    return float(np.median(both[:, 0] - both[:, 1]))


def spearman(pairs: Sequence[tuple[float, float]] | Floats) -> float | None:
    """Rank correlation, -1..1; None where one side does not vary."""
    left, right = (_ranks(side) - (len(pairs) - 1) / 2 for side in np.array(pairs, float).T)
    spread = float(left @ left) * float(right @ right)
    return float(left @ right) / spread**0.5 if spread > 0 else None


def _ranks(values: Floats) -> Floats:
    """0 for the least; equal values share the mean of their ranks."""
    ranked = np.sort(values)
    means: Floats = (np.searchsorted(ranked, values) + np.searchsorted(ranked, values, "right") - 1) / 2
    return means
