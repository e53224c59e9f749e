"""A vector's bounds as a unit cube, in which the numeric arms work.

One rule: what leaves the cube is folded back like light in a mirror, so that the landscape has no walls and a
strategy that samples normally needs no penalty.
"""

import numpy as np

from firm.lab.artifact import Floats, Vector


class Cube:
    """Flat arrays inside bounds, and their places in [0, 1]^n."""

    def __init__(self, kind: Vector) -> None:
        self.lows = kind.lows
        self.highs = kind.highs
        self.range = self.highs - self.lows
        self.size = kind.size

    def out(self, places: Floats) -> Floats:
        """Values for places anywhere: folded into the cube, then scaled; never outside the bounds."""
        folded = np.abs(np.mod(places + 1.0, 2.0) - 1.0)
        return np.clip(self.lows + folded * self.range, self.lows, self.highs)

    def into(self, values: Floats) -> Floats:
        """Places of values."""
        return np.clip((values - self.lows) / self.range, 0.0, 1.0)
