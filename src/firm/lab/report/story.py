"""All that a report of a search is made from: plain data, filled in by the search, drawn by `page`.

One rule: what stands here was measured or stated by somebody else; nothing in `report` scores, searches or corrects it.
It is bounded: however many candidates there were, a story holds at most `MAX_ROWS` rows of a kind (`page` draws no
more), and every number in it is finite. What is not known is None.
"""

from typing import Any, Literal

import msgspec

MAX_ROWS = 2_000
"""Rows of one kind (marks of progress, archive cells, ancestors …) that are shown; further ones are counted."""

Trust = Literal["exact", "second solver", "surrogate", "judged"]
Standing = Literal["verified", "provisional"]


class Goal(msgspec.Struct, frozen=True):
    """What was wanted, and which way."""

    name: str
    direction: Literal["max", "min"] = "max"
    unit: str = ""


class Axis(msgspec.Struct, frozen=True):
    """One behaviour descriptor."""

    name: str
    low: float
    high: float
    cells: int


class Asked(msgspec.Struct, frozen=True):
    """The problem."""

    name: str
    question: str
    kind: Literal["vector", "program", "prompt", "text", "phenomenon"]
    objective: Goal
    file: str
    """As the founder would type it: "circles26.py", "shop.py:ft10"."""
    settings: dict[str, Any] = {}
    """What `--set` gave, not the defaults."""
    allowance: dict[str, float] = {}
    """Names as in `Allowance` ("cpu_s", "evaluations" …); what has no limit is not there."""
    others: tuple[Goal, ...] = ()
    axes: tuple[Axis, ...] = ()
    names: tuple[str, ...] = ()
    """Of a vector's numbers, in the order of the flat list; empty: they have none."""


class Lineage(msgspec.Struct, frozen=True):
    """From this block on, candidates were scored by this evaluator."""

    evaluator: str
    from_block: int
    since: str = ""
    """ISO 8601, where it is known."""


class Ran(msgspec.Struct, frozen=True):
    """The run that searched."""

    id: str
    seed: int
    evaluator: str
    """Hash of everything that scored, as it was at the end."""
    workers: int = 1
    lineages: tuple[Lineage, ...] = ()
    """More than one: the evaluator was changed while the search was parked."""
    blocks: int = 0


class Spent(msgspec.Struct, frozen=True):
    """What it took."""

    evaluations: int = 0
    """Candidates that were made, twins among them."""
    valid: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    gpu_s: float = 0.0
    tokens: int = 0
    usd: float = 0.0


class Interval(msgspec.Struct, frozen=True):
    """Of a noisy value."""

    low: float
    high: float
    draws: int
    level: float = 0.95


class Measured(msgspec.Struct, frozen=True):
    """What one stage said of one artifact."""

    stage: str
    trust: Trust
    value: float | None
    interval: Interval | None = None


class Champion(msgspec.Struct, frozen=True):
    """The best that was found."""

    id: int
    artifact: Any
    """In its JSON form."""
    value: float
    """Of the objective, by the stage that the claim rests on."""
    trust: Trust
    """Of that stage."""
    standing: Standing
    """"verified": scored again by a fresh scorer and by what verifies. Else "provisional"."""
    stages: tuple[Measured, ...] = ()
    """In order, from cheap to trusted."""
    verified: Measured | None = None
    """What the stage said that scores champions alone."""
    holdout: Measured | None = None
    """Scored once, at the end, under conditions that the search had not seen."""
    interval: Interval | None = None
    others: dict[str, float] = {}
    constraints: dict[str, float] = {}
    """By how much each is met, by the stage that the claim rests on."""
    descriptors: tuple[float, ...] = ()
    said: dict[str, Any] = {}
    """What the scorer wished to say beside its score."""
    picture: str = ""
    """One SVG."""
    dead: tuple[str, ...] = ()
    """Numbers of the vector that the score does not depend on."""
    arm: str = ""
    standing_why: str = ""
    """Why it is provisional, in words."""


class Beside(msgspec.Struct, frozen=True):
    """A baseline: what one would have without this search."""

    name: str
    value: float | None
    """None: it is not valid here."""
    source: str = ""
    why: str = ""
    """Where it has no value."""
    holdout: float | None = None
    """Under the conditions of the hold-out, where they were asked for."""


class KnownBest(msgspec.Struct, frozen=True):
    """The best that the world is known to have."""

    value: float
    source: str
    date: str
    """When that was looked up."""


class EqualCost(msgspec.Struct, frozen=True):
    """Another way to search, given the same cost."""

    name: str
    value: float | None
    """None: it found nothing valid."""
    cpu_s: float
    evaluations: int = 0
    seed: int | None = None


class Mark(msgspec.Struct, frozen=True):
    """A new best value, and what had been paid by then."""

    cpu_s: float
    evaluations: int
    value: float
    arm: str = ""


class ArmRow(msgspec.Struct, frozen=True):
    """What one proposer got, and what came of it."""

    arm: str
    model: str = ""
    effort: str = ""
    bursts: int = 0
    candidates: int = 0
    valid: int = 0
    cpu_s: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    gain: float = 0.0
    """By how much it moved the best value of the search, in all, in the objective's unit; 0 and more."""
    best: float | None = None


class StageRow(msgspec.Struct, frozen=True):
    """What one stage did, and how far it can be believed."""

    name: str
    trust: Trust
    scored: int = 0
    cpu_s: float = 0.0
    goes_on: float | None = None
    """Share of its candidates that the next stage scored; None: it is the last."""
    correlation: float | None = None
    """Rank correlation with the next stage, over `pairs` candidates; None: too few, or the last stage."""
    pairs: int = 0
    inflation: float | None = None
    """By how much it flatters what the gate chose, in the objective's unit, over what it does to a random few: above
    0 is too good. None: it cannot be told."""
    inflation_pairs: int = 0
    audits: int = 0
    """Candidates that the gate stopped and chance let go on."""


class Cell(msgspec.Struct, frozen=True):
    """The best of one cell of the archive."""

    place: tuple[int, ...]
    """Index along each axis, from the low end."""
    value: float
    id: int


class Archive(msgspec.Struct, frozen=True):
    """What the search kept, by behaviour."""

    cells: tuple[Cell, ...] = ()
    filled: int = 0
    total: int = 0


class Ancestor(msgspec.Struct, frozen=True):
    """A step on the way to the winner, the oldest first, the winner last."""

    id: int
    arm: str
    value: float | None
    artifact: Any
    """In its JSON form; None: too large to carry, or not kept."""
    changed: str = ""
    """What changed, in words, where somebody said so."""
    model: str = ""


class Rejected(msgspec.Struct, frozen=True):
    """Candidates that came to nothing, by their status and why."""

    status: str
    """As in `Status`, in small letters: "invalid", "failed", "killed" …"""
    why: str
    count: int


class Quarantined(msgspec.Struct, frozen=True):
    """What looked better than it can be."""

    id: int
    value: float
    why: str
    answer: str = ""
    """What the founder decided; empty: nobody has yet."""
    artifact: Any = None


class NearMiss(msgspec.Struct, frozen=True):
    """Where nothing was valid: how near one came."""

    constraint: str
    """Empty: no candidate could be scored at all."""
    missed: float | None
    """By how much, in the constraint's own unit; None: it was never scored."""
    id: int | None = None
    artifact: Any = None


class SeedRow(msgspec.Struct, frozen=True):
    """One of several searches that differ in their seed alone."""

    seed: int
    value: float | None
    cpu_s: float
    reached: bool
    """Whether it got as far as `Story.target` says."""
    evaluations: int = 0
    run: str = ""


class FrontRow(msgspec.Struct, frozen=True):
    """A candidate that none beats in all objectives at once."""

    id: int
    value: float
    others: dict[str, float]


class Lesson(msgspec.Struct, frozen=True):
    """What was learnt, as a note with its evidence."""

    text: str
    evidence: str = ""
    trust: str = ""
    """Who says so: "numbers", "a model" …"""


class Checked(msgspec.Struct, frozen=True):
    """A person compared the claim with the literature."""

    who: str
    when: str
    what: str = ""
    """What they found."""


class Input(msgspec.Struct, frozen=True):
    """A dial of a black box."""

    name: str
    low: float | None = None
    """Of the range in which the law is claimed."""
    high: float | None = None
    unit: str = ""
    matters: bool | None = None
    """False: the law does without it, and it was tried whether it matters. None: it was not found out."""
    seen_low: float | None = None
    """Of the range that experiments really covered."""
    seen_high: float | None = None


class Rival(msgspec.Struct, frozen=True):
    """Another law that was considered."""

    law: str
    error: float | None = None
    """On experiments that it had not been fitted to; in the noise's own size (1: as small as the noise)."""
    behind: float | None = None
    """By how much its criterion is worse than the law's; above 6 is strong evidence against it."""
    out: bool = True
    """Whether it was ruled out."""
    why: str = ""


class Trial(msgspec.Struct, frozen=True):
    """An attempt to prove the law wrong: what it predicted, and what the box then said."""

    inputs: dict[str, float]
    predicted: float
    seen: float
    outside: bool
    """Whether this lay outside the range that the law was fitted on."""
    held: bool
    low: float | None = None
    high: float | None = None
    """Of the prediction, with noise and parameters taken together."""


class Law(msgspec.Struct, frozen=True):
    """What is understood of a black box."""

    quantity: str
    """What the box answers with."""
    verdict: Literal["found", "unsure"]
    why: str
    """Why it is found, or why one cannot be sure: one sentence."""
    expression: str = ""
    """The law with its numbers; empty: there is no candidate even."""
    constants: dict[str, Interval] = {}
    domain: str = ""
    """Where it is claimed to hold, in words."""
    error: float | None = None
    """On experiments that it had not been fitted to, in the noise's own size."""
    noise: float | None = None
    """Of the box, one standard deviation, in the quantity's unit; measured by repeats."""
    noise_said: str = ""
    """The same in words, where one number does not say it."""
    experiments: int = 0
    price: float = 0.0
    """What all of them cost, in the box's own unit."""
    price_unit: str = ""
    inputs: tuple[Input, ...] = ()
    rivals: tuple[Rival, ...] = ()
    trials: tuple[Trial, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    """(what the law says, what the box said), of the experiments it was fitted on."""
    points_outside: tuple[tuple[float, float], ...] = ()
    """The same of those outside that range, predicted before they were made."""


class Hashes(msgspec.Struct, frozen=True):
    """What the report rests on; hexadecimal. `report` fills in the hashes of the story itself."""

    evaluator: str = ""
    blocks_root: str = ""
    """Over the hashes of all blocks, in order."""
    problem_file: str = ""
    journal: str = ""
    more: dict[str, str] = {}


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A search, told from its beginning to its end."""

    asked: Asked
    ran: Ran
    spent: Spent
    ended_by: str
    """"evaluations", "cpu_s" …: the limit that was reached; "used up": nothing was left to try; "stopped"."""
    made_at: str
    """ISO 8601 with its zone."""
    champion: Champion | None = None
    """None: no valid candidate was found."""
    nearest: NearMiss | None = None
    baselines: tuple[Beside, ...] = ()
    known: KnownBest | None = None
    bound: float | None = None
    equal_cost: tuple[EqualCost, ...] = ()
    progress: tuple[Mark, ...] = ()
    """In the order of cost."""
    arms: tuple[ArmRow, ...] = ()
    stages: tuple[StageRow, ...] = ()
    archive: Archive | None = None
    """None: nothing was kept."""
    front: tuple[FrontRow, ...] = ()
    """Where there are several objectives."""
    lineage: tuple[Ancestor, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    seeds: tuple[SeedRow, ...] = ()
    target: float | None = None
    """What `SeedRow.reached` goes by."""
    lessons: tuple[Lesson, ...] = ()
    law: Law | None = None
    """Of a phenomenon."""
    hashes: Hashes = Hashes()
    checked: Checked | None = None
    """None: not checked against the literature."""
    version: str = ""
    """Of firm."""
    machine: str = ""
    """What it ran on, as far as that matters to the figures: "one core of …"."""
