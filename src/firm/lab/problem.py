"""A question for the lab: what is looked for, how it is scored, what it may cost, what is known.

One rule: everything here is the founder's word and is trusted; a candidate never is. A problem is stated in a file
of its own, which the scorer's process loads again, so that the functions in it stand at the top of that file.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
import numpy as np

from firm.errors import UsageError
from firm.lab.artifact import Floats, Kind, Prompt, Vector

if TYPE_CHECKING:
    from firm.lab.phenomenon import Phenomenon

Trust = Literal["exact", "second solver", "surrogate", "judged"]
"""How far a score is to be believed: proven by (exact or interval) arithmetic; by a solver that the search was not
tuned on; by a model of the truth; by the opinion of a model or a person."""


class Invalid(Exception):
    """Raised by a scorer: this is no solution.

    Args:
        why: What is broken, for a person and for a model that tries again.
        near: How near it came: 0 is just met, -2 is missed by 2 in the constraint's own unit.
    """

    def __init__(self, why: str, *, near: float = -math.inf) -> None:
        super().__init__(why)
        self.near = near


class Score(msgspec.Struct, frozen=True):
    """What a stage makes of an artifact; a plain float stands for `Score(float)`."""

    value: float
    """Of the objective, in its own unit and direction."""
    constraints: dict[str, float] = {}
    """By how much each is met: 0 and more is met, negative is missed by so much. NaN is missed."""
    others: dict[str, float] = {}
    """Further objectives, by name."""
    descriptors: tuple[float, ...] = ()
    """Where it lies in the archive, one number for each of the problem's axes; of the last stage that gives any."""
    said: dict[str, Any] = {}
    """Anything else worth knowing: shown in the report and to a model that tries again. Plain JSON."""


Scorer = Callable[..., Any]
"""`scorer(artifact)`; `scorer(artifact, seed)` where the stage is noisy; `scorer(artifacts)` -> list where it is a
batch (an exception object in the list stands for one that failed)."""


@dataclass(frozen=True)
class Stage:
    """One way to score, from cheap to trusted.

    Args:
        name: Short: "geometry", "surrogate", "exact".
        score: The trusted function; it runs in a process of its own without network, keys or anything of the caller's
            environment.
        trust: How far its word goes.
        keep: Share of the candidates that go on to the next stage, 0 < keep <= 1; of the last stage without meaning.
        batch: Whether `score` takes a list and returns a list.
        repeats: How often a noisy score is drawn for one candidate; above 1 `score` takes a seed too.
        wall_s: Seconds for one artifact (or one batch); then the scorer's process is killed.
        memory_bytes: Most memory of the scorer's process and of the candidate's box.
        input: Of a Program: what its harness reads; plain JSON.
        samples: Of a Prompt: (input, expected) pairs; the scorer gets `[[input, expected, answer], …]`.

    Raises:
        UsageError: a share, count or limit that cannot be meant.
    """

    name: str
    score: Scorer
    trust: Trust = "exact"
    keep: float = 0.2
    batch: bool = False
    repeats: int = 1
    wall_s: float = 30.0
    memory_bytes: int = 2 << 30
    input: Any = None
    samples: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        where = f"stage {self.name!r}"
        if not callable(self.score):
            raise UsageError(f"{where}: score={self.score!r} is no function")
        if self.trust not in Trust.__args__:  # type: ignore[attr-defined]
            raise UsageError(f"{where}: trust={self.trust!r}; give one of {', '.join(Trust.__args__)}")  # type: ignore[attr-defined]
        if not 0 < self.keep <= 1:
            raise UsageError(
                f"{where}: keep={self.keep!r}; give the share that goes on, above 0 and at most 1"
            )
        if not 1 <= self.repeats <= 1000:
            raise UsageError(f"{where}: repeats={self.repeats!r}; give 1 to 1000")
        if not (self.wall_s > 0 and self.memory_bytes >= 1 << 26):
            raise UsageError(f"{where}: give wall_s above 0 and memory_bytes of 64 MiB or more")


@dataclass(frozen=True)
class Objective:
    """What is wanted, and which way."""

    name: str
    direction: Literal["max", "min"] = "max"
    unit: str = ""

    @property
    def sign(self) -> float:
        """+1 where more is better, -1 where less is."""
        return 1.0 if self.direction == "max" else -1.0


@dataclass(frozen=True)
class Axis:
    """One behaviour descriptor: the archive keeps the best of each cell."""

    name: str
    low: float
    high: float
    cells: int = 20

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and self.low < self.high < math.inf and 1 <= self.cells <= 1000):
            raise UsageError(f"axis {self.name!r}: give finite low < high and 1 to 1000 cells")


@dataclass(frozen=True)
class Known:
    """The best that the world is known to have."""

    value: float
    source: str
    date: str
    """When that was looked up: 2026-11-23."""


@dataclass(frozen=True)
class Baseline:
    """What one has without a search: an artifact that is scored beside the champion, or a value with its source."""

    name: str
    artifact: Any = None
    value: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if (self.artifact is None) == (self.value is None):
            raise UsageError(f"baseline {self.name!r}: give an artifact, or a value with its source")


@dataclass(frozen=True)
class Allowance:
    """What the search may take; whichever ends first. None: no limit of its own."""

    evaluations: int | None = None
    """Candidates."""
    cpu_s: float | None = None
    """Seconds of processor time of proposers and scorers."""
    gpu_s: float | None = None
    tokens: int | None = None
    usd: float | None = None
    wall_s: float | None = None
    """Seconds while somebody works on it; what a search waits or is parked does not count."""

    def __post_init__(self) -> None:
        given = {
            name: value for name in self.__dataclass_fields__ if (value := getattr(self, name)) is not None
        }
        if not given:
            raise UsageError(
                "a search without any limit never ends: give evaluations=, cpu_s=, wall_s=, tokens= or usd="
            )
        for name, value in given.items():
            if not (isinstance(value, int | float) and 0 < value < math.inf):
                raise UsageError(f"{name}={value!r} buys nothing; give a number above 0")


@dataclass(frozen=True)
class Operators:
    """How to make candidates by hand: what the numeric engine drives, and what a model may write instead.

    Artifacts are flat float arrays where the problem is a Vector, else their JSON form. `rng` is a
    `numpy.random.Generator`; nothing else may be left to chance.
    """

    propose: Callable[[np.random.Generator], Any]
    """A new start."""
    improve: Callable[[np.random.Generator, Any], Any] | None = None
    """As good as a local search makes it; takes at most seconds."""
    perturb: Callable[[np.random.Generator, Any, float], Any] | None = None
    """Something near; the float is the reach, 1 (bold) to 0.01 (polish)."""


@dataclass(frozen=True)
class Smooth:
    """The problem as a solver of smooth programs sees it: minimise, subject to `above(x) >= 0`; flat arrays."""

    minimise: Callable[[Floats], float]
    gradient: Callable[[Floats], Floats] | None = None
    above: Callable[[Floats], Floats] | None = None
    jacobian: Callable[[Floats], Floats] | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The whole question.

    Raises:
        UsageError: what cannot be meant; it says what, and what to give.
    """

    name: str
    question: str
    """One sentence that ends with a question mark or a full stop."""
    artifact: Kind
    stages: tuple[Stage, ...]
    objective: Objective
    allowance: Allowance
    others: tuple[Objective, ...] = ()
    """Further objectives; the report shows what is not beaten in all of them."""
    axes: tuple[Axis, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    known: Known | None = None
    bound: float | None = None
    """A proven bound on the objective; what beats it is a fault of the evaluator."""
    verify: Stage | None = None
    """Scores champions only; None: the last stage does."""
    holdout: Stage | None = None
    """Scores the one champion at the end, once, under conditions that the search has not seen."""
    operators: Operators | None = None
    smooth: Smooth | None = None
    arms: tuple[str, ...] = ()
    """Proposers by name; empty: all that fit the artifact."""
    too_good: float = 0.05
    """A champion that beats what is known by more than this share is quarantined."""
    burst_s: float = 1.0
    """About how long a worker works between two records where time is limited; what a crash can cost."""
    burst: int = 64
    """How many candidates it makes between two records where only their number is limited; 1 where each is dear."""
    picture: Callable[[Any], str] | None = None
    """Draws an artifact as one inline SVG for the report."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Filled in by the lab: what `--set` gave."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise UsageError(f"problem {self.name!r} has no stages; give at least one Stage that scores")
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise UsageError(f"problem {self.name!r}: two stages have one name: {names!r}")
        if not isinstance(self.artifact, Vector) and (self.smooth is not None):
            raise UsageError(f"problem {self.name!r}: smooth= is for a Vector")
        if not (0 < self.burst_s < math.inf and 1 <= self.burst <= 4096):
            raise UsageError(
                f"problem {self.name!r}: give burst_s above 0 and a burst of 1 to 4096 candidates"
            )
        if isinstance(self.artifact, Prompt) and not all(stage.samples for stage in self.stages):
            raise UsageError(f"problem {self.name!r}: each stage of a Prompt needs samples=")

    @property
    def final(self) -> Stage:
        """The stage whose word a claim rests on."""
        return self.verify or self.stages[-1]

    def stage(self, number: int) -> Stage:
        """Stages in order, then what verifies (index len(stages)), then the hold-out (len(stages) + 1)."""
        extra = (self.verify or self.stages[-1], self.holdout or self.stages[-1])
        return (*self.stages, *extra)[number]


_Made = TypeVar("_Made", bound="Callable[..., Problem | Phenomenon]")
MARK = "__firm_problem__"


def problem(function: _Made) -> _Made:
    """Mark a function as one that states a problem, or a phenomenon; `--set` gives its keyword parameters."""
    setattr(function, MARK, True)
    return function
