"""The course of an inquiry into something that changes in time.

One rule: as `inquire`, a pure function of the notebook.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.lab.artifact import Floats
from firm.lab.phenomenon import course, design
from firm.lab.phenomenon.course import Courses, Law, covariance
from firm.lab.phenomenon.expression import Expr, named, show
from firm.lab.phenomenon.finding import (
    Constant,
    Evidence,
    Experiment,
    Finding,
    Notebook,
    Point,
    Rival,
    too_few,
)
from firm.lab.phenomenon.fit import Noise, noise_of
from firm.lab.phenomenon.judge import AIMED, DOUBT, KNOWN, STRONG, Trial, chance_above, noise_words
from firm.lab.phenomenon.seek_course import MOST_FITS, seek_courses

FILLING = 14
AGAIN = 6
LEVELS = 4
OUTSIDE = 10
ROUNDS = 4
LATER_FITS = 16
"""Laws that are fitted in a round that only has to look again."""
FEWEST = 10
"""Courses without which no law is looked for."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the notebook's measurements amount to."""

    courses: Courses
    noise: Noise
    rows: tuple[Experiment, ...]
    fresh: NDArray[np.bool_]
    """Which of them were made last, outside the range, after the law had said what they would be."""

    def part(self, keep: NDArray[np.bool_]) -> Courses:
        """Some of the courses."""
        c = self.courses
        return replace(
            c, begin=c.begin[keep], given=c.given[keep], values=c.values[keep], weights=c.weights[keep]
        )


def advance(book: Notebook) -> Notebook:
    """The next wishes, or the finding."""
    if book.stage == "survey":
        return msgspec.structs.replace(book, stage="outside", wanted=tuple(_survey(book)))
    read = know(book)
    if read is None:
        return msgspec.structs.replace(book, stage="end", wanted=(), finding=too_few(book))
    before = [Law(*msgspec.json.decode(text, type=_Kept)) for text in book.laws]
    test = _tested(before[0], read) if before and read.fresh.any() else Trial(0, 0.0, 0.0, 1.0)
    again = bool(before) and test.chance >= DOUBT
    laws = seek_courses(read.courses, seeds=before, most=LATER_FITS if again else MOST_FITS)
    if not (before and before[0].terms == laws[0].terms):
        test = Trial(0, 0.0, 0.0, 1.0)
    text = _text(book, laws[0], read.courses)
    room = book.allowed - len(book.done)
    finding = _conclude(book, laws, read, test)
    settled = finding.verdict == "found" and not _loose(finding.constants, AIMED)
    if room < 1 or (book.rounds and (settled or book.rounds >= ROUNDS)):
        return msgspec.structs.replace(book, stage="end", wanted=(), finding=finding)
    kept = (msgspec.json.encode((laws[0].terms, laws[0].numbers)).decode(),)
    said = (*book.history, f"after {len(book.done)} experiments: {text}")
    wanted = _outside(book, laws[0], read.courses, min(OUTSIDE, room))
    return msgspec.structs.replace(book, wanted=wanted, laws=kept, history=said, rounds=book.rounds + 1)


_Kept = tuple[tuple[tuple[tuple[tuple[int, ...], str], ...], ...], tuple[float, ...]]


def _outside(book: Notebook, law: Law, courses: Courses, count: int) -> tuple[Experiment, ...]:
    """Experiments outside the range, each with what the law says of it."""
    wide = design.spread(book.sheet, count, book.seed + 2 + book.rounds, wide=True)
    told = _predict(book, law, courses, wide)
    return tuple(
        Experiment(f"wide{book.rounds + 1}", tuple(row), (), tuple(said))
        for row, said in zip(wide.tolist(), told.tolist(), strict=True)
    )


def _survey(book: Notebook) -> list[Experiment]:
    """The middle again and again, then evenly spread, then one quantity at a time; as many as there may be."""
    sheet = book.sheet
    middle = [float(design.place(given, 0.5)) for given in sheet.inputs]
    wanted = [Experiment("repeat", tuple(middle)) for _ in range(AGAIN)]
    wanted += [Experiment("space", tuple(row)) for row in design.spread(sheet, FILLING, book.seed).tolist()]
    for index, given in enumerate(sheet.inputs):
        for share in () if given.start else np.linspace(0, 1, LEVELS):
            row = list(middle)
            row[index] = float(design.place(given, float(share)))
            wanted.append(Experiment("scan", tuple(row)))
    return wanted[: book.allowed]


def know(book: Notebook) -> Read | None:
    """The measured courses and their noise; None where there are too few."""
    sheet = book.sheet
    size = len(sheet.times) * len(sheet.outputs)
    rows = [e for e in book.done if len(e.results) == size]
    again = [e for e in rows if e.kind == "repeat"]
    if len(rows) < FEWEST or len(again) < 3:
        return None
    together = np.array([e.results for e in again])
    noise = noise_of(list(together.T), float(np.ptp(together)) or 1.0)
    active = [i for i, q in enumerate(sheet.inputs) if not q.start and _matters(book, i, noise, together)]
    values = np.array([e.results for e in rows]).reshape(len(rows), len(sheet.times), len(sheet.outputs))
    inputs = np.array([e.inputs for e in rows])
    starts = [i for i, q in enumerate(sheet.inputs) if q.start]
    names = (*(name for name, _ in sheet.outputs), *(sheet.inputs[i].name for i in active))
    weights = 1 / np.maximum(noise.of(values), 1e-300)
    times = np.array(sheet.times)
    courses = Courses(names, len(starts), inputs[:, starts], inputs[:, active], times, values, weights)
    fresh = np.array([bool(book.rounds) and e.kind == f"wide{book.rounds}" for e in rows])
    return Read(courses, noise, tuple(rows), fresh)


def _matters(book: Notebook, index: int, noise: Noise, together: Floats) -> bool:
    middle = [float(design.place(q, 0.5)) for q in book.sheet.inputs]
    mean = together.mean(axis=0)
    ratios = []
    for e in book.done:
        others = [i for i in range(len(middle)) if i != index]
        if e.kind == "scan" and e.results and all(e.inputs[i] == middle[i] for i in others):
            spread = noise.of(mean) ** 2 * (1 + 1 / len(together))
            ratios.append(float(np.mean((np.array(e.results) - mean) ** 2 / spread)))
    return (
        chance_above(float(np.mean(ratios)), len(ratios) * len(mean), noise.freedom) < DOUBT
        if ratios
        else False
    )


def _predict(book: Notebook, law: Law, courses: Courses, rows: Floats) -> Floats:
    asked = _at(book, courses, rows)
    told = course.integrate(law, asked, np.array([law.numbers]))[0].reshape(len(rows), -1)
    return np.asarray(np.nan_to_num(told), float)


def _at(book: Notebook, courses: Courses, rows: Floats) -> Courses:
    places = {q.name: i for i, q in enumerate(book.sheet.inputs)}
    starts = [i for i, q in enumerate(book.sheet.inputs) if q.start]
    given = rows[:, [places[name] for name in courses.names[courses.states :]]]
    begin = rows[:, starts]
    return Courses(
        courses.names, courses.states, begin, given, courses.times, courses.values, courses.weights
    )


def _text(book: Notebook, law: Law, courses: Courses) -> str:
    sides = course.written(law, courses.names)
    return "; ".join(
        f"d({name})/dt = {show(side)}" for (name, _), side in zip(book.sheet.outputs, sides, strict=True)
    )


def _conclude(book: Notebook, laws: Sequence[Law], read: Read, test: Trial) -> Finding:
    """The finding, in words and numbers."""
    leader, courses = laws[0], read.courses
    rivals = _rivals(book, laws, read)
    standing = tuple(r for r in rivals if r.behind < STRONG)
    sides = course.written(leader, courses.names)
    constants = tuple(Constant(f"c{i + 1}", *b) for i, b in enumerate(_intervals(leader, courses)))
    why = _doubts(leader, read.noise, constants, test=test, standing=standing)
    inputs = np.array([e.inputs for e in read.rows])
    used = {q.name for q in book.sheet.inputs if q.start} | set(courses.names[courses.states :])
    return Finding(
        name=book.sheet.name,
        question=book.sheet.question,
        verdict="unsure" if why else "found",
        reason="; ".join(why) or "it held where it had been predicted, and no rival is left",
        law=_text(book, leader, courses),
        form=_forms(book, sides),
        constants=constants,
        domain={
            q.name: (float(inputs[:, i].min()), float(inputs[:, i].max()))
            for i, q in enumerate(book.sheet.inputs)
            if q.name in used
        },
        idle=tuple(q.name for q in book.sheet.inputs if q.name not in used),
        evidence=Evidence(
            len(read.rows),
            leader.scatter,
            noise_words(read.noise, courses.values, book.sheet.outputs[0][1]),
            test.count,
            test.error,
            test.scatter,
        ),
        ruled_out=tuple(r for r in rivals if r.behind >= STRONG)[:5],
        standing=standing,
        cost={"experiments": float(len(book.done)), "usd": book.sheet.price * len(book.done)},
        points=_points(leader, read),
        history=book.history,
    )


def _rivals(book: Notebook, laws: Sequence[Law], read: Read) -> list[Rival]:
    """What was fitted too and is not the leader with more to it."""
    return [
        Rival(_text(book, law, read.courses), _why(law, laws[0], read.noise), round(law.score - laws[0].score, 1))
        for law in laws[1:40]
        if math.isfinite(law.score) and not _contains(law, laws[0])
    ]  # fmt: skip


def _intervals(law: Law, courses: Courses) -> list[tuple[float, float, float]]:
    """(value, low, high) of each number at 95 %."""
    spread = covariance(law, courses)
    if spread is None:
        return [(n, -math.inf, math.inf) for n in law.numbers]
    half = 1.96 * np.sqrt(np.diag(spread) * max(1.0, law.scatter))
    return [(n, n - float(h), n + float(h)) for n, h in zip(law.numbers, half, strict=True)]


def _forms(book: Notebook, sides: Sequence[Expr]) -> str:
    texts, used = [], 0
    for (name, _), side in zip(book.sheet.outputs, sides, strict=True):
        text, values = named(side)
        for index in range(len(values), 0, -1):
            text = text.replace(f"c{index}*", f"c{index + used}*") if used else text
        texts.append(f"d({name})/dt = {text}")
        used += len(values)
    return "; ".join(texts)


def _contains(law: Law, other: Law) -> bool:
    return all(set(a) >= set(b) for a, b in zip(law.terms, other.terms, strict=True))


def _why(law: Law, leader: Law, noise: Noise) -> str:
    if law.score - leader.score < STRONG:
        return "fits about as well with about as many numbers"
    chance = chance_above(law.scatter, law.rows - law.count, noise.freedom)
    return (
        f"its residuals are {math.sqrt(law.scatter):.2g} times the noise" if chance < DOUBT else "fits worse"
    )


def _tested(law: Law, read: Read) -> Trial:
    """How what the law said of the fresh courses, from the others alone, came out."""
    known, fresh = read.part(~read.fresh), read.part(read.fresh)
    said, lean = course.slopes(law, fresh, np.array(law.numbers))
    goal = fresh.values.reshape(-1)
    count = len(fresh.values)
    if not np.isfinite(said).all():
        return Trial(count, math.inf, math.inf, 0.0)
    spread, shift = read.noise.of(said) ** 2, covariance(law, known)
    if shift is not None:
        spread = spread + np.einsum("kn,kj,jn->n", np.nan_to_num(lean), shift, np.nan_to_num(lean))
    scatter = float(np.mean((goal - said) ** 2 / np.maximum(spread, 1e-300)))
    size = np.maximum(np.abs(goal), 1e-2 * np.max(np.abs(goal)))
    error = float(np.sqrt(np.mean(((goal - said) / size) ** 2)))
    return Trial(count, error, scatter, chance_above(scatter, goal.size, read.noise.freedom))


def _points(law: Law, read: Read) -> tuple[Point, ...]:
    """Measurements beside the law, for the pictures: about 300 of them."""
    courses = read.courses
    said = course.integrate(law, courses, np.array([law.numbers]))[0].reshape(-1)
    wide = np.repeat([e.kind.startswith("wide") for e in read.rows], courses.values[0].size)
    rows = zip(courses.values.reshape(-1), said, read.noise.of(np.nan_to_num(said)), wide, strict=True)
    every = max(1, said.size // 300)
    return tuple(
        Point(float(m), float(s), float(n), bool(w))
        for index, (m, s, n, w) in enumerate(rows)
        if index % every == 0 and math.isfinite(s)
    )


def _doubts(
    leader: Law, noise: Noise, constants: Sequence[Constant], *, test: Trial, standing: Sequence[Rival]
) -> list[str]:
    found = []
    chance = chance_above(leader.scatter, leader.rows - leader.count, noise.freedom)
    if chance < DOUBT:
        found.append(f"its residuals are {math.sqrt(leader.scatter):.2g} times the noise of repeats")
    if not test.count:
        found.append("it was not tested on fresh experiments outside the range")
    elif test.chance < DOUBT:
        found.append(
            f"its predictions outside the range failed: {test.scatter:.3g} times the expected square"
        )
    if standing:
        found.append(f"{len(standing)} other law(s) fit about as well, the next is {standing[0].law}")
    return found + [
        f"the number {c.value:.4g} is known only to ± {100 * (c.high - c.value) / abs(c.value or 1e-300):.0f} %"
        for c in _loose(constants, KNOWN)[:1]
    ]


def _loose(constants: Sequence[Constant], share: float) -> list[Constant]:
    """Those that are not known to this share of themselves."""
    return [c for c in constants if not c.high - c.value <= share * abs(c.value)]
