"""What crosses between the parts of an inquiry: the sheet, the notebook, and the finding at the end.

One rule: all of it is plain data; a notebook holds all that is needed to go on.
"""

import msgspec

from firm.lab.order import Source


class Quantity(msgspec.Struct, frozen=True):
    """An input, as the lab sees it."""

    name: str
    unit: str
    low: float
    high: float
    wide_low: float
    wide_high: float
    log: bool = False
    start: bool = False


class Sheet(msgspec.Struct, frozen=True):
    """A phenomenon without its instrument: all that the search is told."""

    name: str
    question: str
    inputs: tuple[Quantity, ...]
    outputs: tuple[tuple[str, str], ...]
    """Name and unit."""
    experiments: int
    price: float = 0.0
    times: tuple[float, ...] = ()
    rivals: tuple[str, ...] = ()


class Inquiry(msgspec.Struct, frozen=True):
    """What `discover` is asked."""

    source: Source
    seed: int = 0
    experiments: int = 0
    """At most so many; 0: what the phenomenon allows."""
    forms: tuple[str, ...] = ()
    """Formulas to try as well, from a model or a person: candidates, no more."""


class Experiment(msgspec.Struct, frozen=True, array_like=True):
    """One row of the notebook."""

    kind: str
    """space, scan, repeat, rival or wide."""
    inputs: tuple[float, ...]
    results: tuple[float, ...] = ()
    """One number; of a course all outputs at the first time, then at the second, … Empty: it gave no result."""
    predicted: tuple[float, ...] = ()
    """What the leading law said before it was made."""


class Notebook(msgspec.Struct, frozen=True):
    """How far an inquiry is."""

    sheet: Sheet
    seed: int
    allowed: int
    stage: str = "survey"
    done: tuple[Experiment, ...] = ()
    wanted: tuple[Experiment, ...] = ()
    laws: tuple[str, ...] = ()
    """The best so far."""
    forms: tuple[str, ...] = ()
    rounds: int = 0
    history: tuple[str, ...] = ()
    """What happened, in sentences."""
    cpu_s: float = 0.0
    """Processor time of all thinking so far."""
    finding: "Finding | None" = None


class Constant(msgspec.Struct, frozen=True):
    """A number of the law with its interval of 95 %."""

    name: str
    value: float
    low: float
    high: float


class Rival(msgspec.Struct, frozen=True):
    """Another law that was looked at."""

    law: str
    why: str
    """Why it is ruled out, or why it is not."""
    behind: float
    """By how much its criterion is worse; above 6 is strong evidence against it."""


class Point(msgspec.Struct, frozen=True, array_like=True):
    """For the pictures: one measurement beside the law."""

    measured: float
    law: float
    noise: float
    wide: bool


class Evidence(msgspec.Struct, frozen=True):
    """What the law stands on."""

    experiments: int
    scatter: float
    """Mean squared residual in units of the noise; 1 is all that noise explains; -1: there is no law."""
    noise: str
    """How repeats scatter, in words."""
    wide_count: int
    """Experiments outside the range, each predicted before it was made."""
    wide_error: float
    """Root mean square of their relative error; 0 where there are none."""
    wide_scatter: float
    """The same in units of what was expected; 1 is as predicted."""


class Finding(msgspec.Struct, frozen=True):
    """The end of an inquiry."""

    name: str
    question: str
    verdict: str
    """found or unsure."""
    reason: str
    law: str
    """With the numbers in it, as `output = formula`; of a course one rate for each output; empty: there is none."""
    form: str
    """The same with c1, c2, … for the numbers."""
    constants: tuple[Constant, ...]
    domain: dict[str, tuple[float, float]]
    """Of each quantity: where the law was tested."""
    idle: tuple[str, ...]
    """Inputs that had no effect that could be seen."""
    evidence: Evidence
    ruled_out: tuple[Rival, ...]
    standing: tuple[Rival, ...]
    """Rivals that the evidence does not rule out."""
    cost: dict[str, float]
    """experiments, usd, and cpu_s: processor time of the search for the law, without the instrument's."""
    points: tuple[Point, ...] = ()
    history: tuple[str, ...] = ()


def too_few(book: Notebook) -> Finding:
    """What is to be said where the results do not suffice to look for a law."""
    gave = sum(bool(e.results) for e in book.done)
    return Finding(
        name=book.sheet.name,
        question=book.sheet.question,
        verdict="unsure",
        reason=f"{gave} results of {len(book.done)} experiments are too few to look for a law",
        law="",
        form="",
        constants=(),
        domain={},
        idle=(),
        evidence=Evidence(gave, -1.0, "not known", 0, 0.0, 0.0),
        ruled_out=(),
        standing=(),
        cost={"experiments": float(len(book.done)), "usd": book.sheet.price * len(book.done)},
        history=book.history,
    )
