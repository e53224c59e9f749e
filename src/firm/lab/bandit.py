"""Which arm works next: what improves most for its cost, lately.

One rule: no unit. A gain counts by its place among the gains of the last while and not by its size, since late in a
search all gains are tiny; and what was long ago is forgotten, since the arm that begins best seldom ends best.

Source: the sum of ranks in a window is that of Á. Fialho, M. Schoenauer and M. Sebag, "Toward comparison-based
adaptive operator selection", GECCO 2010, here for each unit of cost; the choice is UCB's.
"""

import math
import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from firm.errors import UsageError

WINDOW = 12
"""So many bursts for each arm are looked at."""
SHORTEST = 60
"""But never fewer."""
DECAY = 0.97
"""Of the credit of one burst to the burst before it."""
CURIOSITY = 0.25
"""How much an arm is favoured that was tried little of late."""


class Bandit:
    """The choice.

    Args:
        arms: Names, at least one.
        floor: The least share of the picks that each arm gets, 0 to 1; where all floors together are above one half,
            they are scaled down to it.

    Raises:
        UsageError: no arms, one twice, or a floor that is no share.
    """

    def __init__(self, arms: Sequence[str], *, floor: float = 0.05) -> None:
        if not arms or len(set(arms)) < len(arms):
            raise UsageError(f"arms={tuple(arms)!r}; give at least one, each of them once")
        if not 0 <= floor <= 1:
            raise UsageError(f"floor={floor!r}; give the least share of the picks, 0 to 1")
        self.arms = tuple(arms)
        self.floor = floor
        self._least = min(floor, 0.5 / len(arms))
        self._picks = dict.fromkeys(arms, 0)
        self._told: deque[tuple[str, float, float]] = deque(maxlen=max(SHORTEST, WINDOW * len(arms)))
        """(arm, gain, cost), the latest last."""
        self._known: set[str] = set()

    def pick(self, chance: random.Random, busy: Mapping[str, int]) -> str:
        """The next arm.

        First each is tried once; then an arm below its floor; then the one whose credit and curiosity are highest.

        Args:
            chance: Breaks ties.
            busy: Orders under way, by arm: they count as tried.
        """
        arm = self._untried(busy) or self._starving() or self._best(chance, busy)
        self._picks[arm] += 1
        return arm

    def _untried(self, busy: Mapping[str, int]) -> str:
        return next((arm for arm in self.arms if arm not in self._known and not busy.get(arm)), "")

    def _starving(self) -> str:
        """The arm furthest below its floor, by a whole pick."""
        total = sum(self._picks.values()) + 1
        arm = min(self.arms, key=lambda one: self._picks[one])
        return arm if self._picks[arm] + 1 <= self._least * total else ""

    def _best(self, chance: random.Random, busy: Mapping[str, int]) -> str:
        credit = self.credit()
        tries = {arm: busy.get(arm, 0) for arm in self.arms}
        for arm, _, _ in self._told:
            tries[arm] += 1
        total = math.log(1 + sum(tries.values()))
        worth = {
            arm: credit[arm] / (1 + busy.get(arm, 0) / 2) + CURIOSITY * math.sqrt(total / max(1, tries[arm]))
            for arm in self.arms
        }
        return max(self.arms, key=lambda arm: (worth[arm], chance.random()))

    def tell(self, arm: str, *, gain: float, cost: float) -> None:
        """What a burst brought.

        Args:
            arm: Whose.
            gain: By how much it improved what is kept, 0 or more, in any unit that all arms share.
            cost: What it took, above 0, in any unit that all arms share.

        Raises:
            UsageError: an unknown arm, a negative gain, a cost that is not above 0.
        """
        if arm not in self._picks:
            raise UsageError(f"there is no arm {arm!r}; there are {', '.join(self.arms)}")
        if not (gain >= 0 and 0 < cost < math.inf):
            raise UsageError(f"gain={gain!r}, cost={cost!r}; give a gain of 0 or more and a cost above 0")
        self._known.add(arm)
        self._told.append((arm, gain, cost))

    def credit(self) -> dict[str, float]:
        """What each arm brought of late for its cost, as a share of the best arm's: 0 to 1."""
        gains = sorted({gain for _, gain, _ in self._told if gain > 0})
        rank = {gain: (place + 1) / len(gains) for place, gain in enumerate(gains)}
        earned, paid = dict.fromkeys(self.arms, 0.0), dict.fromkeys(self.arms, 0.0)
        weight = 1.0
        for arm, gain, cost in reversed(self._told):
            earned[arm] += weight * rank.get(gain, 0.0)
            paid[arm] += weight * cost
            weight *= DECAY
        rate = {arm: earned[arm] / paid[arm] if paid[arm] else 0.0 for arm in self.arms}
        most = max(rate.values())
        return {arm: rate[arm] / most if most else 0.0 for arm in self.arms}

    def save(self) -> list[Any]:
        """As builtins."""
        return [
            list(self.arms),
            self.floor,
            self._picks,
            sorted(self._known),
            [list(one) for one in self._told],
        ]

    @classmethod
    def load(cls, saved: Sequence[Any]) -> "Bandit":
        """From `save`."""
        arms, floor, picks, known, told = saved
        bandit = cls(arms, floor=floor)
        bandit._picks.update(picks)
        bandit._known.update(known)
        bandit._told.extend((arm, gain, cost) for arm, gain, cost in told)
        return bandit
