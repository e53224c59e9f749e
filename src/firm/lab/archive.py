"""What is kept of a search to go on from: the best of each kind, not only the best.

One rule: a newcomer stays only where it beats what stood in its place. With axes a place is a cell of a grid, with
more than three of them the region of the nearest of some hundred fixed points (a centroidal Voronoi tessellation);
without axes the `KEPT` best stay that differ from one another.

Source: J.-B. Mouret and J. Clune, "Illuminating search spaces by mapping elites", arXiv:1504.04909; V. Vassiliades
et al., "Using centroidal Voronoi tessellations to scale up MAP-Elites", arXiv:1610.05729.
"""

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from firm.lab.artifact import Floats, Kind, Vector
from firm.lab.candidate import Elite
from firm.lab.novelty import normal_form
from firm.lab.problem import Axis

KEPT = 64
"""Without axes so many are kept."""
REGIONS = 512
"""With more than three axes."""
SAMPLES, ROUNDS = 8_192, 10
"""By which their centres are found."""
NOWHERE = -1
"""The place of what has no descriptors."""
NEAR = 1e-4
"""Vectors differ where their root mean square difference, each number's as a share of its range, is above it."""

Rank = tuple[bool, int, float]


class Archive:
    """The elites.

    Args:
        problem_axes: Behaviour descriptors; empty: none.
        sign: +1 where more is better, -1 where less is.
        kind: What an artifact is.
    """

    def __init__(self, problem_axes: Sequence[Axis], *, sign: float, kind: Kind) -> None:
        self.axes = tuple(problem_axes)
        self.sign = sign
        self._place = place_in(self.axes)
        self._crowd = None if self.axes else Crowd(kind)
        self._cells: dict[int, Elite] = {}
        self._sorted: list[Elite] | None = None
        self._floor: Rank | None = None
        """Without axes and full: the rank of the last, which a newcomer has to beat."""

    def rank(self, elite: Elite) -> Rank:
        """Higher is better: valid, then scored by the deeper stage, then the value."""
        return (elite.valid, elite.depth, self.sign * elite.value)

    def add(self, elite: Elite) -> bool:
        """Whether it stays."""
        if elite.value != elite.value:
            return False
        if self._crowd is not None:
            return self._join(elite, self._crowd)
        place = self._place(elite.descriptors)
        before = self._cells.get(place)
        if before is not None and self.rank(elite) <= self.rank(before):
            return False
        self._cells[place] = elite
        self._sorted = None
        return True

    def _join(self, elite: Elite, crowd: "Crowd") -> bool:
        """Without axes: where it is better than all that it resembles, and than the last."""
        rank = self.rank(elite)
        if self._floor is not None and rank <= self._floor:
            return False
        alike = crowd.like(elite.artifact)
        if any(rank <= self.rank(self._cells[place]) for place in alike):
            return False
        for place in alike:
            del self._cells[place]
            crowd.leave(place)
        if len(self._cells) >= KEPT:
            last = min(self._cells, key=lambda place: self.rank(self._cells[place]))
            del self._cells[last]
            crowd.leave(last)
        self._cells[crowd.enter(elite.artifact)] = elite
        self._settle()
        return True

    def _settle(self) -> None:
        """After a change."""
        self._sorted = None
        full = self._crowd is not None and len(self._cells) >= KEPT
        self._floor = min(map(self.rank, self._cells.values())) if full else None

    def elites(self) -> list[Elite]:
        """All of them, the best first; of equals the older one."""
        if self._sorted is None:
            self._sorted = sorted(
                self._cells.values(), key=lambda one: (self.rank(one), -one.id), reverse=True
            )
        return list(self._sorted)

    def best(self) -> Elite | None:
        """The best."""
        if self._sorted is None:
            self.elites()
        return self._sorted[0] if self._sorted else None

    def draw(self, chance: random.Random, count: int) -> tuple[Elite, ...]:
        """At most so many different ones: half of the draws from all alike, half leaning to the better ones."""
        left = self.elites()
        drawn: list[Elite] = []
        while left and len(drawn) < count:
            share = chance.random()
            if chance.random() < 0.5:
                share **= 3
            drawn.append(left.pop(int(share * len(left))))
        return tuple(drawn)

    def drop(self, id: int) -> None:
        """It did not hold: forget it. What it drove out does not come back."""
        for place, elite in list(self._cells.items()):
            if elite.id == id:
                del self._cells[place]
                if self._crowd is not None:
                    self._crowd.leave(place)
        self._settle()

    @property
    def coverage(self) -> float:
        """Share of the places that are filled, 0 to 1."""
        return len(self._cells.keys() - {NOWHERE}) / (places_in(self.axes) if self.axes else KEPT)

    def save(self) -> list[Any]:
        """As builtins."""
        return msgspec.to_builtins(list(self._cells.values()), builtin_types=(bytes,))  # type: ignore[no-any-return]

    def load(self, saved: Sequence[Any]) -> None:
        """Take up what `save` gave, in place of what there is."""
        self._cells = {}
        if self._crowd is not None:
            self._crowd.clear()
        for elite in msgspec.convert(saved, list[Elite]):
            place = (
                self._place(elite.descriptors) if self._crowd is None else self._crowd.enter(elite.artifact)
            )
            self._cells[place] = elite
        self._settle()


class Crowd:
    """Which artifacts resemble one another, where no axis says so."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._forms: dict[bytes, int] = {}
        """Of texts: normal form to place."""
        size = kind.size if isinstance(kind, Vector) else 1
        self._low: Floats = kind.lows if isinstance(kind, Vector) else np.zeros(1)
        self._scale: Floats = 1 / (kind.highs - kind.lows) if isinstance(kind, Vector) else np.ones(1)
        self._points = np.zeros((KEPT, size))
        """Of vectors: one a place, in the unit cube."""
        self._squares = np.full(KEPT, np.inf)
        """Their squared lengths; infinite where a place is free."""
        self._taken: set[int] = set()
        self._limit = size * NEAR**2

    def like(self, artifact: bytes) -> list[int]:
        """Places of those that are about the same."""
        if not isinstance(self.kind, Vector):
            place = self._forms.get(normal_form(self.kind, artifact))
            return [] if place is None else [place]
        point = (np.frombuffer(artifact, "<f8") - self._low) * self._scale
        near = self._squares - 2 * (self._points @ point) <= self._limit - point @ point
        return np.flatnonzero(near).tolist() if near.any() else []

    def enter(self, artifact: bytes) -> int:
        """Give it the first free place."""
        place = next(place for place in range(KEPT) if place not in self._taken)
        self._taken.add(place)
        if isinstance(self.kind, Vector):
            point = (np.frombuffer(artifact, "<f8") - self._low) * self._scale
            self._points[place], self._squares[place] = point, point @ point
        else:
            self._forms[normal_form(self.kind, artifact)] = place
        return place

    def leave(self, place: int) -> None:
        """Its place is free."""
        self._taken.discard(place)
        self._points[place], self._squares[place] = 0.0, np.inf
        self._forms = {form: taken for form, taken in self._forms.items() if taken != place}

    def clear(self) -> None:
        """All places are free."""
        for place in list(self._taken):
            self.leave(place)


def places_in(axes: Sequence[Axis]) -> int:
    """How many places axes have: the product of their cells, or `REGIONS` with more than three of them."""
    return REGIONS if len(axes) > 3 else math.prod(axis.cells for axis in axes)


def place_in(axes: Sequence[Axis]) -> Callable[[Sequence[float]], int]:
    """What gives descriptors their place: 0 to `places_in(axes)` - 1; outside the axes the nearest; else `NOWHERE`."""
    return _region_in(tuple(axes)) if len(axes) > 3 else _cell_in(tuple(axes))


def _cell_in(axes: tuple[Axis, ...]) -> Callable[[Sequence[float]], int]:
    scales = [(axis.low, axis.cells / (axis.high - axis.low), axis.cells - 1) for axis in axes]

    def place(descriptors: Sequence[float]) -> int:
        if len(descriptors) != len(scales):
            return NOWHERE
        found = 0
        for value, (low, scale, last) in zip(descriptors, scales, strict=True):
            cell = (value - low) * scale
            if cell != cell:
                return NOWHERE
            found = found * (last + 1) + (0 if cell < 0 else last if cell > last else int(cell))
        return found

    return place


def _region_in(axes: tuple[Axis, ...]) -> Callable[[Sequence[float]], int]:
    lows = np.array([axis.low for axis in axes])
    widths = np.array([axis.high - axis.low for axis in axes])
    centres = _centres(len(axes))
    half = (centres**2).sum(axis=1) / 2

    def place(descriptors: Sequence[float]) -> int:
        if len(descriptors) != len(axes) or not all(map(math.isfinite, descriptors)):
            return NOWHERE
        where = np.minimum(np.maximum((np.array(descriptors) - lows) / widths, 0.0), 1.0)
        return int((half - centres @ where).argmin())

    return place


@lru_cache(maxsize=8)
def _centres(axes: int) -> Floats:
    """Of the regions, in the unit cube: the same everywhere and always."""
    rng = np.random.Generator(np.random.Philox(key=axes))
    samples = rng.random((SAMPLES, axes))
    centres = samples[:REGIONS].copy()
    for _ in range(ROUNDS):
        nearest = ((centres**2).sum(axis=1) / 2 - samples @ centres.T).argmin(axis=1)
        counts = np.bincount(nearest, minlength=REGIONS)
        sums = np.stack([np.bincount(nearest, samples[:, axis], REGIONS) for axis in range(axes)], axis=1)
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled, None]
    return centres
