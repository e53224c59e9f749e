"""Online bin packing: a function says how much it likes each open bin for the item that comes next.

The family of FunSearch (Romera-Paredes et al., Nature 625 (2024) 468): items come one by one and are put at once into
the bin with the highest priority among those with room. The score is the excess of bins over a lower bound that holds
for any packing, in per cent; the scorer recomputes it from the assignment, bin by bin. Two statements:

    firm lab examples/lab/binpacking.py:program      the function is a program, which a model writes; without a model
                                                     its numbers alone are changed
    firm lab examples/lab/binpacking.py:weights      its form is fixed, and its numbers are searched for; no model

Settings: `kind=weibull` (Weibull, shape 3, scale 45, capacity 100) or `kind=uniform` (20 to 100 in bins of 150, as
in the OR-Library), `items`, `count` (instances) and `draw` (seed of the instances; the hold-out uses others).
"""

import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firm.errors import UsageError
from firm.lab.artifact import Program, Vector
from firm.lab.problem import (
    Allowance,
    Baseline,
    Invalid,
    Objective,
    Operators,
    Problem,
    Score,
    Stage,
    problem,
)

Whole = NDArray[np.int64]
FEW = 2
"""Instances of the cheap stage."""
HELD_OUT = 1_000_003
"""Added to the seed of the instances for the hold-out."""
BEST_FIT = '''\
import numpy as np


def priority(item, bins):
    """bins: room left in each open bin where the item fits; the highest value gets it."""
    return -(bins - item)
'''
FIRST_FIT = '''\
import numpy as np


def priority(item, bins):
    """The first bin that has room."""
    return -np.arange(len(bins), dtype=float)
'''
FORM = '''\
import numpy as np

CAPACITY = {capacity}
WEIGHTS = {weights}


def priority(item, bins):
    """A weighted sum of what is known of the item and of what is left after it."""
    size, left = item / CAPACITY, (bins - item) / CAPACITY
    smallest = max(1, CAPACITY // 10) / CAPACITY
    features = (
        left,
        left**2,
        left**3,
        left * size,
        left * size**2,
        1.0 * (left == 0),
        1.0 * ((left > 0) & (left < smallest)),
        1.0 * (bins == CAPACITY),
    )
    return sum(weight * feature for weight, feature in zip(WEIGHTS, features)) - 1e-9 * left
'''
WEIGHTS = re.compile(r"^WEIGHTS = (\[[^\]\n]*\])$", re.MULTILINE)
HARNESS = '''\
"""Packs each instance by priority() of program.py; writes the bin of each item."""
import json

import numpy as np

from program import priority

with open("input.json", encoding="utf-8") as file:
    told = json.load(file)
capacity, found = told["capacity"], []
for items in told["instances"]:
    room = np.full(len(items), capacity, dtype=float)
    bins = []
    for item in items:
        fits = np.nonzero(room >= item)[0]
        liked = np.asarray(priority(float(item), room[fits].copy()), dtype=float)
        if liked.shape != fits.shape:
            raise ValueError(f"priority returned shape {liked.shape} for {fits.shape[0]} bins")
        chosen = int(fits[int(np.argmax(liked))])
        room[chosen] -= item
        bins.append(chosen)
    found.append(bins)
with open("artifact.json", "w", encoding="utf-8") as file:
    json.dump(found, file)
'''
NAMES = (
    "room",
    "room squared",
    "room cubed",
    "room by item",
    "item squared by room",
    "exact fit",
    "nearly full",
    "fresh",
)
"""What each weight of the fixed form multiplies; see `liking`."""
ABOUT = (
    "priority(item, bins) gets the item's size (a float) and a float array with the room left in each open bin where "
    "it fits, bins that are still empty among them (their room is the capacity), in the order of their opening. It "
    "returns an array of the same length; the item goes to the bin with the highest value, the first of equals."
)


def instances_of(kind: str, items: int, count: int, seed: int) -> tuple[int, list[list[int]]]:
    """Capacity and instances.

    Raises:
        UsageError: a kind that is not known, or numbers that make no instance.
    """
    if kind not in ("weibull", "uniform") or not (1 <= items <= 20_000 and 1 <= count <= 100):
        raise UsageError(
            f"kind={kind!r}, items={items!r}, count={count!r}: give weibull or uniform, 1 to 20,000 items and "
            "1 to 100 instances"
        )
    rng = np.random.Generator(np.random.Philox(key=seed))
    if kind == "uniform":
        return 150, rng.integers(20, 101, (count, items)).tolist()
    return 100, np.clip(np.rint(45 * rng.weibull(3.0, (count, items))), 1, 100).astype(int).tolist()


def lower_bound(items: list[int], capacity: int) -> int:
    """No packing has fewer bins: the bound L2 of Martello and Toth (1990), which is at least the sum over capacity."""
    sizes: Whole = np.sort(np.asarray(items, dtype=np.int64))
    whole = int(-(-int(sizes.sum()) // capacity))
    sums = np.concatenate(([0], np.cumsum(sizes)))
    best = whole
    for small in {0, *(int(size) for size in sizes[sizes <= capacity // 2])}:
        large = int((sizes > capacity - small).sum())
        half_from = int(np.searchsorted(sizes, capacity // 2, side="right"))
        half_to = len(sizes) - large
        middle = max(0, half_to - half_from)
        first = int(np.searchsorted(sizes, small, side="left"))
        room = middle * capacity - int(sums[half_to] - sums[half_from]) if middle else 0
        rest = int(sums[half_from] - sums[first]) - room
        best = max(best, large + middle + max(0, -(-rest // capacity)))
    return best


def excess(bins: Any, items: list[int], capacity: int) -> tuple[int, float]:
    """Bins used, and how many per cent that is over the lower bound; everything is counted anew.

    Raises:
        Invalid: an item is in no bin, or a bin holds more than it can.
    """
    if not isinstance(bins, list) or len(bins) != len(items) or not all(type(one) is int for one in bins):
        raise Invalid(f"give a list of {len(items)} whole numbers for each instance, the bin of each item")
    held: dict[int, int] = {}
    for place, size in zip(bins, items, strict=True):
        held[place] = held.get(place, 0) + size
    most = max(held.values())
    if most > capacity:
        raise Invalid(f"a bin holds {most} where {capacity} is its capacity", near=float(capacity - most))
    bound = lower_bound(items, capacity)
    return len(held), 100.0 * (len(held) - bound) / bound


def scored(packed: Any, instances: list[list[int]], capacity: int) -> Score:
    """The mean excess over all instances."""
    if not isinstance(packed, list) or len(packed) != len(instances):
        raise Invalid(f"give {len(instances)} lists, one for each instance")
    found = [excess(bins, items, capacity) for bins, items in zip(packed, instances, strict=True)]
    return Score(float(np.mean([share for _, share in found])), said={"bins": [count for count, _ in found]})


def liking(weights: NDArray[np.float64], capacity: int) -> NDArray[np.float64]:
    """Priority of each (item, room left after it): a table that the fixed form fills.

    Row: size of the item, 0..capacity; column: what is left after it is put in. Weights of 0 but -1 on room: best fit.
    """
    item = np.arange(capacity + 1, dtype=float)[:, None] / capacity
    left = np.arange(capacity + 1, dtype=float)[None, :] / capacity
    smallest = max(1, capacity // 10) / capacity
    features = (
        left,
        left**2,
        left**3,
        left * item,
        left * item**2,
        np.where(left == 0, 1.0, 0.0) + 0 * item,
        np.where((left > 0) & (left < smallest), 1.0, 0.0) + 0 * item,
        np.where(left + item >= 1.0 - 1e-12, 1.0, 0.0),
    )
    table = np.zeros((capacity + 1, capacity + 1))
    for weight, feature in zip(weights.tolist(), features, strict=True):
        table += weight * feature
    return table


def pack(table: NDArray[np.float64], items: list[int], capacity: int) -> list[int]:
    """The bin of each item. Bins with the same room are alike, so that only rooms are looked through."""
    open_bins: list[list[int]] = [[] for _ in range(capacity + 1)]
    count = [0] * (capacity + 1)
    ranked = _ranked(table, capacity)
    placed, opened = [], 0
    for item in items:
        for left in ranked[item]:
            room = left + item
            if room == capacity:
                chosen, opened = opened, opened + 1
                break
            if count[room]:
                chosen = open_bins[room].pop()
                count[room] -= 1
                break
        open_bins[left].append(chosen)
        count[left] += 1
        placed.append(chosen)
    return placed


def _ranked(table: NDArray[np.float64], capacity: int) -> list[list[int]]:
    """For each item what may be left after it, the most liked first; less left goes before more."""
    return [
        np.argsort(-table[item, : capacity - item + 1], kind="stable").tolist() if item else []
        for item in range(capacity + 1)
    ]


def best_fit(items: list[int], capacity: int) -> list[int]:
    """Into the fullest bin that has room."""
    return pack(liking(np.array([-1.0, *[0.0] * (len(NAMES) - 1)]), capacity), items, capacity)


def _sets(kind: str, items: int, count: int, seed: int) -> tuple[int, list[list[int]], list[list[int]]]:
    capacity, instances = instances_of(kind, items, count, seed)
    return capacity, instances, instances_of(kind, items, count, seed + HELD_OUT)[1]


def program_operators(capacity: int) -> Operators:
    """Programs of the fixed form, with other numbers: what there is to do without a model."""

    def written(weights: list[float]) -> str:
        return FORM.format(capacity=capacity, weights=json.dumps([round(weight, 4) for weight in weights]))

    def propose(rng: np.random.Generator) -> str:
        return written(rng.uniform(-1, 1, len(NAMES)).tolist())

    def perturb(rng: np.random.Generator, text: str, reach: float) -> str:
        found = WEIGHTS.search(text)
        if found is None:
            return propose(rng)
        weights = np.asarray(json.loads(found[1]), dtype=float)
        moved = weights + reach * rng.normal(size=weights.size) * (rng.random(weights.size) < 0.5)
        kept = [round(weight, 4) for weight in np.clip(moved, -1, 1).tolist()]
        return text[: found.start(1)] + json.dumps(kept) + text[found.end(1) :]

    return Operators(propose, perturb=perturb)


@problem
def program(*, kind: str = "weibull", items: int = 1000, count: int = 5, draw: int = 0) -> Problem:
    """The priority as a program."""
    capacity, instances, held = _sets(kind, items, count, draw)

    def stage(name: str, chosen: list[list[int]]) -> Stage:
        def score(packed: Any) -> Score:
            return scored(packed, chosen, capacity)

        return Stage(name, score, keep=0.5, input={"capacity": capacity, "instances": chosen})

    return Problem(
        name=f"online bin packing, {kind}",
        question="Which priority packs items that come one by one into the fewest bins?",
        artifact=Program(BEST_FIT, harness=HARNESS, entry="priority", about=ABOUT),
        stages=(stage("few", instances[:FEW]), stage("all", instances)),
        objective=Objective("excess over the lower bound", "min", "%"),
        allowance=Allowance(evaluations=200, cpu_s=600),
        baselines=(Baseline("best fit", artifact=BEST_FIT), Baseline("first fit", artifact=FIRST_FIT)),
        bound=0.0,
        holdout=stage("other items", held),
        operators=program_operators(capacity),
    )


@problem
def weights(*, kind: str = "weibull", items: int = 1000, count: int = 5, draw: int = 0) -> Problem:
    """The priority as a fixed form with numbers."""
    capacity, instances, held = _sets(kind, items, count, draw)

    def stage(name: str, chosen: list[list[int]]) -> Stage:
        def score(artifact: list[float]) -> Score:
            table = liking(np.asarray(artifact, dtype=float), capacity)
            return scored([pack(table, items, capacity) for items in chosen], chosen, capacity)

        return Stage(name, score, keep=0.5)

    return Problem(
        name=f"online bin packing by weights, {kind}",
        question="Which weights pack items that come one by one into the fewest bins?",
        artifact=Vector(-1.0, 1.0, (len(NAMES),), NAMES),
        stages=(stage("few", instances[:FEW]), stage("all", instances)),
        objective=Objective("excess over the lower bound", "min", "%"),
        allowance=Allowance(cpu_s=60),
        baselines=(Baseline("best fit", artifact=[-1.0, *[0.0] * (len(NAMES) - 1)]),),
        bound=0.0,
        holdout=stage("other items", held),
    )
