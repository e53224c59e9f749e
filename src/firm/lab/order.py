"""What a worker is told (`Order`), and what it reports (`Report`).

One rule: both are data that cross the journal; a worker knows nothing that is not in its order, and what it reports
is enough for the engine to go on, while the rows themselves lie in the block.
"""

from typing import Any

import msgspec

from firm.lab.candidate import Elite


class Source(msgspec.Struct, frozen=True):
    """Where a problem is stated."""

    path: str
    """Absolute path of the Python file."""
    name: str
    """Of the function or the Problem in it."""
    settings: dict[str, Any] = {}


class Order(msgspec.Struct, frozen=True):
    """One burst of work."""

    run: str
    """Id of the search, under which the block is kept."""
    number: int
    """Of its block."""
    source: Source
    evaluator: str
    """Hash that the search goes by; a worker that finds another one says so and scores nothing."""
    arm: str
    island: int = 0
    counter: int = 0
    seed: int = 0
    size: int = 1
    """Candidates at most."""
    batch: int = 1
    """So many are asked for and scored together, at most."""
    seconds: float = 0.0
    """Processor seconds after which no further candidate is begun; 0: `size` alone decides."""
    state: bytes = b""
    """What the island's proposer saved; empty: it begins."""
    elites: tuple[Elite, ...] = ()
    """To start from; the best first."""
    gates: tuple[float | None, ...] = ()
    """For each stage but the last the fitness (higher is better) from which a candidate goes on; None: all go on."""
    audit: float = 0.05
    """Share of those the gate stops that go on all the same."""
    given: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    """Packed artifacts with their parents (a model has written them, or an older lineage knew them): they are scored,
    and no arm is asked."""
    answers: tuple[tuple[bytes, ...], ...] = ()
    """Of prompts: for each given one and each stage a model's answers, as JSON of [[input, expected, answer], …]."""
    model: str = ""
    effort: str = ""
    keeps: tuple[float, ...] = ()
    """For each stage the share that goes on; empty: as the problem has it."""


class Tally(msgspec.Struct, array_like=True, frozen=True):
    """What one stage saw in a burst."""

    scored: int = 0
    cpu_s: float = 0.0
    values: tuple[float, ...] = ()
    """Of at most 32 candidates, drawn evenly."""
    pairs: tuple[tuple[float, float], ...] = ()
    """(value here, value at the next stage) of at most 32 that went on by right, in the objective's own direction."""
    audits: tuple[tuple[float, float], ...] = ()
    """The same of those that went on by chance."""
    audited: int = 0
    """How many those were in all."""


class Report(msgspec.Struct, frozen=True):
    """What came of a burst."""

    number: int
    block: str
    """Hash of the block."""
    length: int = 0
    """Of the block, in bytes."""
    made: int = 0
    """Candidates in it."""
    statuses: tuple[int, ...] = ()
    """How many of each `Status`."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    elites: tuple[Elite, ...] = ()
    """At most 16 of the best, and for each archive cell that the burst met its best one; at most 64 in all."""
    nearest: tuple[str, float] = ("", 0.0)
    """Where nothing was valid: the constraint missed by least, and by how much."""
    tallies: tuple[Tally, ...] = ()
    """One for each stage."""
    whys: dict[str, int] = {}
    """Why candidates were not valid, shortened, with counts; at most 8."""
    state: bytes = b""
    """What the island's proposer saved; empty: it is used up and begins anew."""
    evaluator: str = ""
    """Hash that was found; where it is not the order's, nothing was scored."""
    trouble: str = ""
    """Where the burst could not be carried out: what to do."""
