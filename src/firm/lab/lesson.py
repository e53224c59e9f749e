"""What was learnt in a search, with its evidence, for the next search of the same problem.

One rule: a lesson is counted from scored candidates and says "goes with", never "causes"; what a model made of a
search is an opinion, marked as such, and is no evidence for anything. The rows lie in a book of their own and outlive
their run.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, cast

import msgspec
import numpy as np

from firm.kernel.context import current_firm, current_step
from firm.kernel.definition import step
from firm.kernel.failure import readable
from firm.kernel.journal import Row, own_key
from firm.lab.artifact import Floats, Vector
from firm.lab.candidate import BOOK, Block, Status, block_key, id_of
from firm.lab.cascade import spearman
from firm.lab.problem import Objective
from firm.lab.record import Arm
from firm.lab.survey import Form

LESSONS = "lab.lessons"
"""The book; key: `<hash of the problem's name>/<run>/<number>`."""
MOST_BLOCKS = 200
"""Blocks that are looked at, drawn evenly over the search."""
MOST_SAMPLES = 5_000
MOST_LESSONS = 12
MOST_READ = 200
MOST_CHARS = 400
FEWEST = 30
"""Valid candidates without which nothing is said."""
FEWEST_OF_ISLAND = 10
STRONG = 0.25
"""Least rank correlation that is told."""
SURE = 4.0
"""Least |rho| * sqrt(n - 1): a chance of 1 in 16,000 if candidates were independent, which they are not quite."""
NOTHING = 0.05
FEWEST_FOR_NOTHING = 400
ELITE = 20
"""So many of the best are looked at for bounds that they press against."""
AT_BOUND = 0.01
"""Share of the range that counts as at the bound."""
PRESSED = 0.8

Fact = Literal["larger", "smaller", "no effect", "at bound", "arm", "opinion"]


class Origin(msgspec.Struct, frozen=True):
    """Which search it was."""

    problem: str
    run: str
    evaluator: str
    date: str


class Lesson(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was seen."""

    text: str
    fact: Fact
    origin: Origin
    figures: dict[str, float] = {}
    """What it rests on: rho, n, islands, of_islands, share."""
    evidence: tuple[int, ...] = ()
    """Ids of candidates, the best first."""
    model: str = ""
    """Of an opinion: who wrote it."""

    @property
    def counted(self) -> bool:
        """Whether it comes from scored candidates, not from a model."""
        return self.fact != "opinion"


class Sample(msgspec.Struct, frozen=True):
    """A valid candidate, as far as lessons need it."""

    id: int
    island: int
    artifact: bytes
    value: float


class Rows(Protocol):
    """What can read rows of a book: an open firm."""

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """Rows by key, in order."""
        ...


# --- what is seen ------------------------------------------------------------------------------------------------


def lessons(
    samples: Sequence[Sample], form: Form, objective: Objective, *, origin: Origin, arms: Sequence[Arm] = ()
) -> tuple[Lesson, ...]:
    """The plain facts of a search, the strongest first, at most `MOST_LESSONS`.

    Args:
        samples: Valid candidates with the value of the last stage.
        form: Of the artifact; only numbers that have names are looked at: what nobody named says nothing.
        objective: What the value is of.
        origin: Which search it was.
        arms: What the proposers came to.
    """
    found = _of_arms(arms, origin)
    kind = form.to_kind()
    if isinstance(kind, Vector) and kind.names and len(samples) >= FEWEST:
        best = sorted(samples, key=lambda one: -objective.sign * one.value)
        numbers = np.array([kind.flat(one.artifact) for one in best])
        found += _correlated(best, numbers, kind, objective, origin)
        found += _pressed(best, numbers, kind, origin)
    return tuple(found[:MOST_LESSONS])


def _correlated(
    best: list[Sample], numbers: Floats, kind: Vector, objective: Objective, origin: Origin
) -> list[Lesson]:
    """Which numbers go with better values, and which with nothing."""
    good = objective.sign * np.array([one.value for one in best])
    islands = np.array([one.island for one in best])
    told: list[tuple[float, Lesson]] = []
    idle: list[str] = []
    for place in range(kind.size):
        rho = rank_correlation(numbers[:, place], good)
        alike, of = _in_islands(numbers[:, place], good, islands, rho)
        sure = abs(rho) * math.sqrt(len(best) - 1) >= SURE
        if abs(rho) >= STRONG and sure and (of == 0 or alike * 3 >= of * 2):
            told.append((abs(rho), _goes_with(kind.name(place), rho, (alike, of), best, objective, origin)))
        elif abs(rho) < NOTHING and len(best) >= FEWEST_FOR_NOTHING:
            idle.append(kind.name(place))
    found = [lesson for _, lesson in sorted(told, key=lambda pair: -pair[0])]
    if idle:
        text = f"no rank correlation with {objective.name} was seen for {', '.join(idle[:8])}"
        text += f" and {len(idle) - 8} more" if len(idle) > 8 else ""
        found.append(Lesson(f"{text} (n = {len(best)})", "no effect", origin, {"n": len(best)}))
    return found


def _goes_with(
    name: str, rho: float, islands: tuple[int, int], best: list[Sample], objective: Objective, origin: Origin
) -> Lesson:
    better = "higher" if objective.sign > 0 else "lower"
    fact: Fact = "larger" if rho > 0 else "smaller"
    text = f"{fact} {name} goes with {better} {objective.name}: rho = {abs(rho):.2f}, n = {len(best)}"
    text += f", in {islands[0]} of {islands[1]} islands" if islands[1] else ""
    figures = {"rho": round(rho, 4), "n": len(best), "islands": islands[0], "of_islands": islands[1]}
    return Lesson(text, fact, origin, figures, tuple(one.id for one in best[:3]))


def _in_islands(numbers: Floats, good: Floats, islands: Any, rho: float) -> tuple[int, int]:
    """In how many islands it has the same sign, of how many with enough candidates."""
    signs = []
    for island in sorted(set(islands.tolist())):
        here = islands == island
        if int(here.sum()) >= FEWEST_OF_ISLAND:
            signs.append(rank_correlation(numbers[here], good[here]) * rho > 0)
    return sum(signs), len(signs)


def _pressed(best: list[Sample], numbers: Floats, kind: Vector, origin: Origin) -> list[Lesson]:
    """Bounds at which most of the best lie: there the bound decides, and not the problem."""
    found, top = [], numbers[:ELITE]
    width = kind.highs - kind.lows
    for side, bounds in (("upper", kind.highs), ("lower", kind.lows)):
        shares = (np.abs(top - bounds) <= AT_BOUND * width).mean(axis=0)
        for place in np.nonzero(shares >= PRESSED)[0].tolist():
            count = round(float(shares[place]) * len(top))
            text = (
                f"{count} of the {len(top)} best press {kind.name(place)} against its {side} bound "
                f"{float(bounds[place])!r}"
            )
            figures = {"share": round(float(shares[place]), 4), "n": len(top)}
            found.append(Lesson(text, "at bound", origin, figures, tuple(one.id for one in best[:3])))
    return found


def _of_arms(arms: Sequence[Arm], origin: Origin) -> list[Lesson]:
    """The arm that gave most for its cost, where there was a choice."""
    gain, cost = sum(arm.gain for arm in arms), sum(arm.cpu_s for arm in arms)
    paid = [arm for arm in arms if arm.gain > 0 and arm.cpu_s > 0]
    if len(arms) < 2 or not paid or not cost:
        return []
    best = max(paid, key=lambda arm: (arm.gain / arm.cpu_s, arm.arm))
    name = f"{best.arm} ({best.model})" if best.model else best.arm
    shares = {"gain": round(best.gain / gain, 4), "cpu": round(best.cpu_s / cost, 4)}
    text = f"arm {name} gave {shares['gain']:.0%} of the gain for {shares['cpu']:.0%} of the CPU-seconds"
    return [Lesson(text, "arm", origin, shares)]


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's rho; 0 where one of them does not vary."""
    return spearman(np.column_stack([one, other])) or 0.0


def samples_of(blocks: Iterable[Block]) -> list[Sample]:
    """The valid candidates of some blocks."""
    return [
        Sample(id_of(block.number, place), block.island, row.artifact, row.stages[-1].value)
        for block in blocks
        for place, row in enumerate(block.candidates)
        if row.status == Status.VALID and row.artifact and row.stages and row.stages[-1].value is not None
    ]


def opinion(text: str, model: str, origin: Origin) -> Lesson:
    """What a model made of a search: kept beside, and marked."""
    return Lesson(readable(" ".join(text.split()), MOST_CHARS), "opinion", origin, model=model or "default")


def lines(found: Sequence[Lesson], evaluator: str = "") -> list[str]:
    """As a model or a person reads them, what was counted first; opinions are marked, twins left out.

    Args:
        found: From `recall`.
        evaluator: Hash of the one in use; where another one scored, the line says so.
    """
    told: dict[str, None] = {}
    for lesson in sorted(found, key=lambda one: not one.counted):
        line = (
            lesson.text
            if lesson.counted
            else f"[opinion of the model {lesson.model}, not evidence] {lesson.text}"
        )
        other = evaluator and lesson.origin.evaluator != evaluator
        told[f"{line} (by another evaluator, {lesson.origin.date})" if other else line] = None
    return list(told)


# --- where they are kept -----------------------------------------------------------------------------------------


@step
async def learn(
    origin: Origin, form: Form, objective: Objective, last_block: int, arms: tuple[Arm, ...]
) -> list[Lesson]:
    """Look through a search's blocks, and keep what is seen in the book of lessons, in the same transaction.

    Args:
        origin: Which search it was; its run is where the blocks lie.
        form: Of the artifact.
        objective: What the value is of.
        last_block: Number of the last block.
        arms: What the proposers came to.
    """
    firm = _rows_here()
    samples: list[Sample] = []
    if firm is not None and form.kind == "Vector" and last_block > 0:
        samples = samples_of([block async for block in _blocks(firm, origin.run, last_block)])
    stride = max(1, -(-len(samples) // MOST_SAMPLES))
    found = list(lessons(samples[::stride], form, objective, origin=origin, arms=arms))
    for number, lesson in enumerate(found):
        current_step().also(row_of(lesson, number))
    return found


@step
async def recall(problem: str) -> list[Lesson]:
    """What earlier searches of a problem have seen, the newest first; nothing where no firm keeps rows."""
    firm = _rows_here()
    return [] if firm is None else await read(firm, problem)


async def read(rows: Rows, problem: str) -> list[Lesson]:
    """The lessons of a problem, by its name, the newest first; rows that cannot be read are left out."""
    found = []
    for row in await rows.rows(LESSONS, prefix=_prefix(problem), limit=MOST_READ):
        try:
            lesson = _lesson.decode(row.value)
        except msgspec.MsgspecError:  # of another version
            continue
        if lesson.origin.problem == problem:
            found.append(lesson)
    return sorted(found, key=lambda one: one.origin.date, reverse=True)


def row_of(lesson: Lesson, number: int) -> Row:
    """A lesson as a row; the same run and number: the same row."""
    key = f"{_prefix(lesson.origin.problem)}{lesson.origin.run}/{number:04d}"
    return Row(LESSONS, key, msgspec.msgpack.encode(lesson))


def _prefix(problem: str) -> str:
    return hashlib.sha256(problem.encode()).hexdigest()[:16] + "/"


def _rows_here() -> Rows | None:
    firm = current_firm()
    return cast("Rows", firm) if hasattr(firm, "rows") else None


async def _blocks(rows: Rows, run: str, last_block: int) -> Any:
    """At most `MOST_BLOCKS`, evenly over the search."""
    stride = max(1, -(-last_block // MOST_BLOCKS))
    for number in range(last_block, 0, -stride):
        for row in await rows.rows(BOOK, prefix=own_key(run, block_key(number)), limit=1):
            yield Block.decode(row.value)


_lesson = msgspec.msgpack.Decoder(Lesson)
