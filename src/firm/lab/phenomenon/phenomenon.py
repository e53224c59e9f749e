"""A black box that answers experiments at a price: what is asked, what can be set, what is read.

One rule: all of it is the founder's word. The function that measures stands for an instrument; it runs in a process
of its own (see `instrument`), and whoever searches for the law sees its answers alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firm.errors import UsageError
from firm.lab.phenomenon.expression import FUNCTIONS, parse

Measure = Callable[[dict[str, float], np.random.Generator], Any]
"""`measure(inputs, rng)`: one number; with `times` a list of rows, one for each time, of one number an output."""
MOST_INPUTS = 12
FEWEST_EXPERIMENTS = 40
MOST_EXPERIMENTS = 100_000


@dataclass(frozen=True)
class Input:
    """What an experiment can set.

    Args:
        name: A word, as it stands in the law.
        low: Where the lab may experiment, from …
        high: … to.
        unit: "m/s"; "rad" and "deg" say that it is an angle.
        wide: The range in which the law must predict; None: the same. It holds `low` and `high`.
        log: Whether it is drawn evenly in its logarithm.
        start: Of a phenomenon in time: whether it is where the output of the same place begins.
    """

    name: str
    low: float
    high: float
    unit: str = ""
    wide: tuple[float, float] | None = None
    log: bool = False
    start: bool = False

    def __post_init__(self) -> None:
        where = f"input {self.name!r}"
        if not self.name.isidentifier() or self.name in (*FUNCTIONS, "sqrt", "pi"):
            raise UsageError(f"{where}: give a word that is no function")
        if not (math.isfinite(self.low) and self.low < self.high < math.inf):
            raise UsageError(f"{where}: low={self.low!r}, high={self.high!r}; give finite low < high")
        if not (
            self.reach[0] <= self.low and self.high <= self.reach[1] and all(map(math.isfinite, self.reach))
        ):
            raise UsageError(
                f"{where}: wide={self.wide!r} must be finite and hold {self.low!r} and {self.high!r}"
            )
        if self.log and self.reach[0] <= 0:
            raise UsageError(f"{where}: log=True needs a range above 0")

    @property
    def reach(self) -> tuple[float, float]:
        """The wide range."""
        return self.wide or (self.low, self.high)


@dataclass(frozen=True)
class Output:
    """What an experiment reads."""

    name: str
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Phenomenon:
    """The whole question.

    Args:
        name: A word.
        question: One sentence.
        inputs: What can be set; some may not matter.
        outputs: One; with `times` as many as there are inputs with `start`.
        measure: See Measure. It stands at the top of its file.
        price: Of one experiment, in USD; 0: free.
        experiments: How many may be made, 40 and more.
        times: Of a phenomenon in time: when it is read, from 0 upwards; empty: it has no course.
        rivals: Formulas that people believe in; they are looked at as candidates.

    Raises:
        UsageError: what cannot be meant.
    """

    name: str
    question: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    measure: Measure
    price: float = 0.0
    experiments: int = 200
    times: tuple[float, ...] = ()
    rivals: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    """Filled in by the lab: what `--set` gave."""

    def __post_init__(self) -> None:
        where = f"phenomenon {self.name!r}"
        names = [given.name for given in self.inputs]
        starts = [given for given in self.inputs if given.start]
        if not 1 <= len(names) <= MOST_INPUTS or len(set(names)) < len(names):
            raise UsageError(
                f"{where}: inputs {names!r}; give 1 to {MOST_INPUTS}, each with a name of its own"
            )
        if not callable(self.measure):
            raise UsageError(f"{where}: measure={self.measure!r} is no function")
        if not FEWEST_EXPERIMENTS <= self.experiments <= MOST_EXPERIMENTS or not 0 <= self.price < math.inf:
            raise UsageError(
                f"{where}: experiments={self.experiments!r}, price={self.price!r}; give {FEWEST_EXPERIMENTS} and more, "
                "and a price of 0 or above"
            )
        if bool(self.times) != bool(starts) or len(self.outputs) != (len(starts) or 1):
            raise UsageError(
                f"{where}: {len(self.outputs)} outputs, {len(starts)} inputs with start=True, {len(self.times)} times; "
                "a phenomenon in time has one such input for each output, any other has one output and none of these"
            )
        if any(b <= a for a, b in zip((0.0, *self.times), self.times, strict=False)):
            raise UsageError(f"{where}: times={self.times!r} must rise from above 0")
        for rival in () if self.times else self.rivals:
            parse(rival, set(names))
