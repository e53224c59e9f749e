"""What a search may do next: how often it succeeds, and what the next little gain would cost.

One rule: nothing is told that the data do not carry. A success rate comes with its interval; a cost comes from fits
of the progress curve to many resampled histories, and where those disagree beyond use, that is what is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firm.lab.report.story import Mark, Story

SHARE = 0.001
"""The gain that is forecast, as a share of the best value."""
LEAST_MARKS = 6
"""Improvements that a forecast needs."""
MOST_MARKS = 200
"""Of more improvements than this, so many are looked at."""
AHEAD = 2_000
"""Improvements that one history is carried on for."""
FAR = 100.0
"""No forecast is given beyond this many times what was spent."""
SHAPES = (-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the curve: gains against cost by a Box-Cox power; 0 is its logarithm, above 0 it levels off, -1 is a line."""
RESAMPLED = 200
LEVEL = 0.8
"""Of the interval of a cost."""

Array = NDArray[np.float64]


def wilson(reached: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share that was seen `reached` times in `of` (at least 1).

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    share = reached / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low, high = (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)
    return (0.0 if reached == 0 else max(0.0, low), 1.0 if reached == of else min(1.0, high))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next gain would cost."""

    wanted: float
    """The value that would be the gain."""
    cost_s: float | None = None
    """Further processor seconds; None: it cannot be told, or is beyond `FAR`."""
    low_s: float | None = None
    high_s: float | None = None
    """The interval; None: no end of it can be told."""
    why: str = ""
    """Where it cannot be told: the reason, as a phrase with `{count}` in it perhaps."""
    count: int = 0


def forecast(story: Story) -> Forecast | None:
    """The cost of the next 0.1 %; None where nothing was found."""
    if story.champion is None:
        return None
    sign = 1.0 if story.asked.objective.direction == "max" else -1.0
    best = sign * story.champion.value
    gain = SHARE * abs(best)
    wanted = sign * (best + gain)
    costs, values = _improvements(story.progress, sign)
    spent = max([story.spent.cpu_s, *costs[-1:]])
    if best == 0:
        return Forecast(wanted, why="the best value is 0, which has no share")
    if story.bound is not None and sign * story.bound - best < gain:
        return Forecast(wanted, why="the proven bound leaves less than that")
    if len(costs) < LEAST_MARKS:
        return Forecast(
            wanted, why="only {count} improvements are known, too few for a curve", count=len(costs)
        )
    if not 0 < costs[0] < spent / 2:
        return Forecast(wanted, why="the search was too short for a curve")
    return _told(wanted, _ratios(costs, values, spent, gain, seed=story.ran.seed), spent)


def _told(wanted: float, ratios: Array, spent: float) -> Forecast:
    ends = np.quantile(np.minimum(ratios, 1e9), [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], method="nearest")
    low, middle, high = (float(end) for end in ends)
    if low > FAR:
        return Forecast(wanted, why="more than 100 times what was spent, if at all", low_s=FAR * spent)
    if middle > FAR:
        return Forecast(wanted, why="the curve has flattened; it may never come", low_s=low * spent)
    return Forecast(wanted, middle * spent, low * spent, high * spent if high <= FAR else None)


def _improvements(marks: Sequence[Mark], sign: float) -> tuple[list[float], list[float]]:
    costs: list[float] = []
    values: list[float] = []
    for mark in marks:
        if not values or sign * mark.value > values[-1]:
            costs.append(mark.cpu_s)
            values.append(sign * mark.value)
    return costs, values


def _ratios(costs: list[float], values: list[float], spent: float, gain: float, *, seed: int) -> Array:
    """Further cost of the gain over what was spent, once for each resampled history."""
    begin = max(0, min(len(costs) - LEAST_MARKS, int(np.searchsorted(costs, spent / 30.0))))
    keep = np.unique(np.linspace(begin, len(costs) - 1, MOST_MARKS).astype(int))
    ends = np.log(np.maximum([*(costs[place] for place in keep), spent], 1e-9))
    highs = [*(values[place] for place in keep), values[-1]]
    waits, gains = np.maximum(np.diff(ends), 0.0), np.diff(highs)
    rng = np.random.Generator(np.random.Philox(key=seed & (2**64 - 1)))
    picks = np.sort(rng.integers(0, len(waits), (RESAMPLED, len(waits))), axis=1)
    total = float(waits.sum()) or 1.0
    return np.array([_once(rng, waits[pick], gains[pick], total, gain) for pick in picks])


def _once(rng: np.random.Generator, waits: Array, gains: Array, total: float, gain: float) -> float:
    """Go on from one history by chance: waits are drawn in log cost, gains shrink (or grow) as its curve bends."""
    length = float(waits.sum())
    if length <= 0 or gains.sum() <= 0:
        return math.inf
    places = np.concatenate([[0.0], np.cumsum(waits)]) * (total / length) - total
    shape = _shape(places, np.concatenate([[0.0], np.cumsum(gains)]), total)
    straight = gains * np.exp(shape * places[1:])
    ahead = np.cumsum(rng.exponential(total / np.count_nonzero(gains), AHEAD))
    risen = np.cumsum(rng.choice(straight, AHEAD) * np.exp(-shape * np.minimum(ahead, 50.0)))
    place = int(np.searchsorted(risen, gain))
    return math.inf if place == AHEAD else math.expm1(min(float(ahead[place]), 50.0))


def _shape(places: Array, heights: Array, total: float) -> float:
    """The power by which a history bends: the one whose curve lies nearest to it."""
    log_cost = np.linspace(-total, 0.0, 48)
    seen = heights[np.searchsorted(places, log_cost + 1e-12, side="right") - 1]
    errors = []
    for shape in SHAPES:
        across = log_cost if shape == 0 else (1.0 - np.exp(-shape * log_cost)) / shape
        lean = across - across.mean()
        slope = float((lean * seen).sum() / (lean * lean).sum())
        errors.append(float(((seen - seen.mean() - slope * lean) ** 2).sum()))
    return SHAPES[int(np.argmin(errors))]
