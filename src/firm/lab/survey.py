"""What the lab found out about a problem before it searched: what scores it, what that costs, what is there to beat.

One rule: a survey is a recorded result. The search goes by it and not by the problem's file, so that a replay decides
alike even where the file has been changed since.
"""

import msgspec

from firm.lab.artifact import Kind, Program, Prompt, Text, Vector
from firm.lab.problem import Allowance, Axis, Objective, Problem


class StageFacts(msgspec.Struct, frozen=True):
    """One stage."""

    name: str
    trust: str
    keep: float
    cpu_s: float | None = None
    """Processor seconds for one candidate, as a few took; None: none came so far."""


class BaselineFacts(msgspec.Struct, frozen=True):
    """One baseline, scored by the same scorer as the champion where it has an artifact."""

    name: str
    value: float | None
    source: str
    holdout: float | None = None
    why: str = ""
    """Why it has no value."""


class Form(msgspec.Struct, frozen=True):
    """What an artifact is, as data."""

    kind: str
    """Vector, Program, Prompt or Text."""
    lows: list[float] = []
    highs: list[float] = []
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    start: str = ""
    model: str = "default"

    @classmethod
    def of(cls, kind: Kind) -> "Form":
        """From the problem's word."""
        if isinstance(kind, Vector):
            return cls("Vector", kind.lows.tolist(), kind.highs.tolist(), kind.shape, kind.names)
        model = kind.model if isinstance(kind, Prompt) else "default"
        return cls(type(kind).__name__, start=kind.start, model=model)

    def to_kind(self) -> Kind:
        """As the problem said it, as far as the engine must know."""
        match self.kind:
            case "Vector":
                return Vector(self.lows, self.highs, self.shape, self.names)
            case "Program":
                return Program(self.start)
            case "Prompt":
                return Prompt(self.start, self.model)
        return Text(self.start)


class Survey(msgspec.Struct, frozen=True):
    """The facts."""

    name: str
    question: str
    form: Form
    objective: Objective
    others: tuple[Objective, ...]
    axes: tuple[Axis, ...]
    stages: tuple[StageFacts, ...]
    """Those of the search."""
    final: StageFacts
    """What verifies champions."""
    holdout: str
    """Name of the hold-out; '': there is none."""
    evaluator: str
    parts: dict[str, str]
    """Hashes of the files that score."""
    arms: tuple[str, ...]
    allowance: Allowance
    burst_s: float
    burst: int
    bound: float | None
    known: tuple[float, str, str] | None
    """Value, source, date."""
    too_good: float
    baselines: tuple[BaselineFacts, ...]
    file: str
    """Name of the problem's file, without its folder."""
    written: tuple[str, ...] = ()
    """Arms that a model drives, where models were named."""
    start: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    """Packed artifacts to begin with: the first text, and the baselines' artifacts."""
    tried: int = 0
    """So many candidates were scored to find this out."""
    valid: int = 0
    cpu_s: float = 0.0
    """Spent on it."""

    @property
    def each_s(self) -> float:
        """Processor seconds for one candidate on the way to the last stage, with what the gates stop."""
        share, total = 1.0, 0.0
        for stage in self.stages:
            total += share * (stage.cpu_s or 0.0)
            share *= stage.keep
        return total


def known_of(problem: Problem) -> tuple[float, str, str] | None:
    """What the world has, as data."""
    known = problem.known
    return None if known is None else (known.value, known.source, known.date)
