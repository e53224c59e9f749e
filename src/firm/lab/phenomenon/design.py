"""Which experiments to make: spread out, one quantity at a time, again, and where rivals disagree most.

One rule: a choice depends on the notebook and its seed alone.
"""

from collections.abc import Sequence

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.expression import Expr
from firm.lab.phenomenon.finding import Experiment, Quantity, Sheet
from firm.lab.phenomenon.fit import Data, Noise
from firm.lab.phenomenon.normal import opened
from firm.lab.phenomenon.tape import Tape, evaluate

SCAN = 7
REPEATED = 4
TIMES_AGAIN = 5
POOL = 512


def place(given: Quantity, share: Floats | float, *, wide: bool = False) -> Floats:
    """The value at a share (0 to 1) of a quantity's range."""
    low, high = (given.wide_low, given.wide_high) if wide else (given.low, given.high)
    share = np.asarray(share, float)
    if given.log:
        return np.asarray(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    return np.asarray(low + share * (high - low))


def spread(sheet: Sheet, count: int, seed: int, *, wide: bool = False) -> Floats:
    """Points that fill the region evenly, (count, inputs): a Latin hypercube, the farthest apart of 20."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    width = len(sheet.inputs)
    best, gap = np.empty((0, width)), -1.0
    for _ in range(20 if count <= 200 else 1):
        shares = np.array([(rng.permutation(count) + rng.random(count)) / count for _ in range(width)]).T
        apart = np.linalg.norm(shares[:, None] - shares[None], axis=2) + 9.0 * np.eye(count)
        if apart.min() > gap:
            best, gap = shares, float(apart.min())
    return np.array([place(q, best[:, i], wide=wide) for i, q in enumerate(sheet.inputs)]).T


def scanned(sheet: Sheet, allowed: int) -> int:
    """How many places of one quantity the survey looks at, 3 and more; fewer where few experiments may be made."""
    return max(3, min(SCAN, allowed // (3 * len(sheet.inputs))))


def survey(sheet: Sheet, allowed: int, seed: int) -> list[Experiment]:
    """The first experiments: evenly spread, and one quantity at a time from the middle; as many as there may be."""
    count = scanned(sheet, allowed)
    filling = max(16, min(40, int(allowed * 0.42) - count * len(sheet.inputs)))
    wanted = [Experiment("space", tuple(row)) for row in spread(sheet, filling, seed).tolist()]
    middle = [float(place(given, 0.5)) for given in sheet.inputs]
    for index, given in enumerate(sheet.inputs):
        for share in np.linspace(0, 1, count):
            row = list(middle)
            row[index] = float(place(given, float(share)))
            wanted.append(Experiment("scan", tuple(row)))
    return wanted[:allowed]


def again(done: Sequence[Experiment], room: int) -> list[Experiment]:
    """Repeats of experiments from the smallest to the largest result, by turns; at most half of what may be made."""
    ranked = sorted((e for e in done if e.results), key=lambda e: abs(e.results[0]))
    places = np.linspace(0, max(0, len(ranked) - 1), REPEATED).round().astype(int)
    wanted = [
        Experiment("repeat", ranked[index].inputs) for _ in range(TIMES_AGAIN) for index in places if ranked
    ]
    return wanted[: room // 2]


def closer(sheet: Sheet, index: int, count: int = 17) -> list[Experiment]:
    """A finer scan of one quantity."""
    middle = [float(place(given, 0.5)) for given in sheet.inputs]
    rows = []
    for share in (np.arange(count) + 0.5) / count:
        middle[index] = float(place(sheet.inputs[index], float(share)))
        rows.append(Experiment("scan", tuple(middle)))
    return rows


def telling(
    sheet: Sheet, laws: Sequence[Expr], noise: Noise, data: Data, *, count: int, seed: int, wide: bool
) -> list[Experiment]:
    """Experiments that set the laws apart and pin down the first one's numbers.

    Args:
        sheet: What can be set.
        laws: The leader, then its rivals.
        noise: Of a measurement.
        data: What is known; the leader's numbers rest on it.
        count: How many experiments.
        seed: Of the candidates.
        wide: Whether to go outside the range.
    """
    kind = "wide" if wide else "rival"
    if count < 1:
        return []
    names = tuple(given.name for given in sheet.inputs)
    pool = _pool(sheet, seed, wide=wide)
    lead = evaluate(laws[0], names, pool)
    pool, lead = pool[np.isfinite(lead)], lead[np.isfinite(lead)]
    if not len(pool):
        return [Experiment(kind, tuple(r)) for r in spread(sheet, count, seed, wide=wide).tolist()]
    sigma = np.maximum(noise.of(lead), 1e-300)
    gaps = [_gap(law, names, pool, lead, noise) for law in laws[1:6]]
    news, shares, near = _News(laws[0], names, pool, sigma, data), _shares(sheet, pool), np.ones(len(pool))
    chosen: list[int] = []
    for number in range(count):
        if gaps and number % 3 != 2:
            worth = np.minimum(gaps[number % len(gaps)], 30.0) + 0.01
        elif number % 2 or (not gaps and number % 4):
            worth = news.worth()
        else:
            worth = np.ones(len(pool))
        pick = int(np.argmax(worth * near))
        news.take(pick)
        near *= 1 - np.exp(-np.sum((shares - shares[pick]) ** 2, axis=1) / 0.02)
        chosen.append(pick)
    return [Experiment(kind, tuple(pool[index].tolist())) for index in chosen]


def _pool(sheet: Sheet, seed: int, *, wide: bool) -> Floats:
    """Where an experiment might be made, (rows, inputs); with `wide` outside the range, if there is an outside."""
    pool = np.vstack([spread(sheet, POOL, seed, wide=wide), _corners(sheet, seed, wide=wide)])
    if wide:
        lows, highs = (np.array([getattr(q, side) for q in sheet.inputs]) for side in ("low", "high"))
        outside = ((pool < lows) | (pool > highs)).any(axis=1)
        pool = pool[outside] if outside.any() else pool
    return pool


def _gap(law: Expr, names: tuple[str, ...], pool: Floats, lead: Floats, noise: Noise) -> Floats:
    """By how much a rival differs from the leader at each place, in units of the noise."""
    other = evaluate(law, names, pool)
    sigma = np.maximum(np.maximum(noise.of(lead), noise.of(np.nan_to_num(other))), 1e-300)
    return np.where(np.isfinite(other), np.abs(other - lead), 0.0) / sigma


def _shares(sheet: Sheet, rows: Floats) -> Floats:
    columns = []
    for given, column in zip(sheet.inputs, rows.T, strict=True):
        low, high = given.wide_low, given.wide_high
        columns.append(
            np.log(column / low) / np.log(high / low) if given.log else (column - low) / (high - low)
        )
    return np.array(columns).T


def _corners(sheet: Sheet, seed: int, *, wide: bool) -> Floats:
    rng = np.random.Generator(np.random.Philox(key=[seed, 1]))
    shares = rng.integers(0, 2, (64, len(sheet.inputs))).astype(float)
    return np.array([place(q, shares[:, i], wide=wide) for i, q in enumerate(sheet.inputs)]).T


class _News:
    """How much each place would say about the law's numbers: by how much less uncertain, in proportion, it would make
    them, given what is known and what was chosen before (A-optimality).
    """

    def __init__(self, law: Expr, names: tuple[str, ...], pool: Floats, sigma: Floats, data: Data) -> None:
        law = opened(law)
        tape = Tape(law, names)
        _, known = tape.slopes(tape.theta, data.columns)
        _, fresh = tape.slopes(tape.theta, np.ascontiguousarray(pool.T))
        sizes = np.maximum(np.abs(tape.theta), 1e-300)[:, None]
        known = np.nan_to_num(known * data.weights * sizes)
        self.fresh = np.nan_to_num(fresh / sigma * sizes)
        self.spread = np.linalg.pinv(known @ known.T) if tape.count else np.empty((0, 0))

    def worth(self) -> Floats:
        """Of each place."""
        reach = self.spread @ self.fresh
        return np.asarray(np.sum(reach**2, axis=0) / (1 + np.sum(self.fresh * reach, axis=0)) + 1e-12)

    def take(self, pick: int) -> None:
        """Count on this place."""
        reach = self.spread @ self.fresh[:, pick]
        self.spread = self.spread - np.outer(reach, reach) / (1 + float(self.fresh[:, pick] @ reach))
