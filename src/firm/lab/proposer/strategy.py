"""The core of CMA-ES: a normal distribution that learns where the better samples lie. numpy alone.

One rule: it knows neither scores nor bounds; it samples points and is told them again, the best first.

Source: N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772 (with negative weights); the diagonal
form: R. Ros and N. Hansen, "A simple modification in CMA-ES achieving linear time and space complexity", PPSN 2008.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from firm.lab.artifact import Floats

FULL = 160
"""With more numbers than that the covariance is a diagonal: a full one would be 0.2 MB in every record."""
WIDEST = 1.0
"""No standard deviation grows beyond the width of the cube."""


def population_for(size: int) -> int:
    """Samples a generation for so many numbers."""
    return 4 + int(3 * math.log(size))


class Spread(msgspec.Struct):
    """The distribution, as it is kept."""

    mean: np.ndarray
    sigma: float
    covariance: np.ndarray
    """Square, or a diagonal."""
    path: np.ndarray
    """The evolution path of the covariance, p_c."""
    pace: np.ndarray
    """The evolution path of the step size, p_sigma."""
    generation: int = 0

    @classmethod
    def at(cls, mean: Floats, sigma: float) -> "Spread":
        """A round one."""
        size = len(mean)
        covariance = np.eye(size) if size <= FULL else np.ones(size)
        return cls(mean.copy(), sigma, covariance, np.zeros(size), np.zeros(size))


@dataclass(frozen=True)
class Rates:
    """How fast is learned, for a number of samples and of those that count as good."""

    weights: Floats
    """Of all samples; negative for the bad half."""
    mass: float
    """Effective number of the good."""
    rank_one: float
    rank_many: float
    path: float
    pace: float
    damping: float
    length: float
    """Expected length of a standard normal vector."""


@lru_cache(maxsize=256)
def rates(size: int, count: int, good: int) -> Rates:
    """The tutorial's defaults."""
    raw = np.log(good + 0.5) - np.log(np.arange(1, count + 1))
    best, rest = raw[:good], np.minimum(raw[good:], 0.0)
    mass = float(best.sum() ** 2 / (best**2).sum())
    diagonal = (size + 2) / 3 if size > FULL else 1.0
    rank_one = min(0.5, diagonal * 2 / ((size + 1.3) ** 2 + mass))
    many = diagonal * 2 * (0.25 + mass + 1 / mass - 2) / ((size + 2) ** 2 + mass)
    rank_many = min(1 - rank_one, many, 0.9)
    weights = np.concatenate((best / best.sum(), rest))
    if count > good and rest.sum() < 0:
        bad_mass = float(rest.sum() ** 2 / (rest**2).sum())
        most = min(
            1 + rank_one / rank_many,
            1 + 2 * bad_mass / (bad_mass + 2),
            max(0.0, (1 - rank_one - rank_many) / (size * rank_many)),
        )
        weights[good:] = rest * (most / -rest.sum())
    pace = (mass + 2) / (size + mass + 5)
    return Rates(
        weights,
        mass,
        rank_one,
        rank_many,
        path=(4 + mass / size) / (size + 4 + 2 * mass / size),
        pace=pace,
        damping=1 + 2 * max(0.0, math.sqrt((mass - 1) / (size + 1)) - 1) + pace,
        length=math.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2)),
    )


class Strategy:
    """Samples and learns.

    Args:
        spread: Where it stands; it is changed in place.
    """

    def __init__(self, spread: Spread) -> None:
        self.spread = spread
        self._axes: tuple[Floats | None, Floats] | None = None

    def _factor(self) -> tuple[Floats | None, Floats]:
        """Axes (None: those of the cube) and standard deviations along them, of the covariance as it stands."""
        if self._axes is None:
            covariance = self.spread.covariance
            if covariance.ndim == 1:
                self._axes = (None, np.sqrt(covariance))
            else:
                values, axes = np.linalg.eigh(covariance)
                least = max(float(values[-1]), 1e-300) * 1e-20
                self._axes = (axes, np.sqrt(np.maximum(values, least)))
        return self._axes

    def sample(self, rng: np.random.Generator, count: int) -> Floats:
        """So many points, one a row."""
        axes, lengths = self._factor()
        steps = rng.standard_normal((count, len(lengths))) * lengths
        if axes is not None:
            steps = steps @ axes.T
        return self.spread.mean + self.spread.sigma * steps

    def learn(self, points: Floats, *, good: int | None = None) -> None:
        """Move towards the first `good` (None: half) of the points, which stand in order, the best first."""
        spread, size = self.spread, len(self.spread.mean)
        rate = rates(size, len(points), good or max(1, len(points) // 2))
        steps = (points - spread.mean) / spread.sigma
        white = self._whitened(steps)
        weights = rate.weights
        chosen = np.where(weights > 0, weights, 0.0)
        step = chosen @ steps
        spread.mean = spread.mean + spread.sigma * step
        spread.mean = np.where(np.abs(spread.mean) > 2.0, np.mod(spread.mean + 1.0, 2.0) - 1.0, spread.mean)
        spread.pace = (1 - rate.pace) * spread.pace + math.sqrt(rate.pace * (2 - rate.pace) * rate.mass) * (
            self._turned(chosen @ white)
        )
        spread.generation += 1
        length = float(np.linalg.norm(spread.pace)) / rate.length
        settled = math.sqrt(1 - (1 - rate.pace) ** (2 * spread.generation))
        rising = length / settled < 1.4 + 2 / (size + 1)
        spread.path = (1 - rate.path) * spread.path
        if rising:
            spread.path = spread.path + math.sqrt(rate.path * (2 - rate.path) * rate.mass) * step
        norms = np.maximum((white**2).sum(axis=1), 1e-12)
        scaled = np.where(weights < 0, weights * size / norms, weights)
        self._reshape(rate, steps, scaled, rising=rising)
        spread.sigma *= math.exp(min(1.0, rate.pace / rate.damping * (length - 1)))
        self._hold()

    def _whitened(self, steps: Floats) -> Floats:
        """In the axes of the distribution, with deviation 1."""
        axes, lengths = self._factor()
        return (steps if axes is None else steps @ axes) / lengths

    def _turned(self, step: Floats) -> Floats:
        """Turned back into the cube's axes: together with `_whitened` this is C^(-1/2)."""
        axes, _ = self._factor()
        return step if axes is None else axes @ step

    def _reshape(self, rate: Rates, steps: Floats, weights: Floats, *, rising: bool) -> None:
        """The new covariance: what is kept, the path, and the samples."""
        spread = self.spread
        lost = 0.0 if rising else rate.path * (2 - rate.path)
        kept = 1 + rate.rank_one * (lost - 1) - rate.rank_many * float(rate.weights.sum())
        if spread.covariance.ndim == 1:
            one, many = spread.path**2, weights @ steps**2
            floor = spread.covariance * 0.2
            spread.covariance = np.maximum(
                kept * spread.covariance + rate.rank_one * one + rate.rank_many * many, floor
            )
        else:
            one, many = np.outer(spread.path, spread.path), (steps.T * weights) @ steps
            new = kept * spread.covariance + rate.rank_one * one + rate.rank_many * many
            spread.covariance = np.ascontiguousarray((new + new.T) / 2)
        self._axes = None

    def _hold(self) -> None:
        """Keep the deviations inside the cube, and the scale of the covariance near 1."""
        spread = self.spread
        diagonal = spread.covariance if spread.covariance.ndim == 1 else np.diag(spread.covariance)
        scale = float(diagonal.mean())
        if not 1e-8 < scale < 1e8:
            spread.covariance = spread.covariance / scale
            spread.path = spread.path / math.sqrt(scale)
            spread.sigma *= math.sqrt(scale)
            diagonal = diagonal / scale
        spread.sigma = min(spread.sigma, WIDEST / math.sqrt(float(diagonal.max())))

    @property
    def deviations(self) -> tuple[float, float]:
        """Standard deviation along the shortest and the longest axis."""
        _, lengths = self._factor()
        return float(lengths.min() * self.spread.sigma), float(lengths.max() * self.spread.sigma)
