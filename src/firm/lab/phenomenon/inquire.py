"""The course of an inquiry into one value: what is asked next, and what is concluded.

One rule: a pure function of the notebook. It is handed the notebook with the answers to what it wanted last, and
gives it back with new wishes or with a finding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.lab.artifact import Floats
from firm.lab.phenomenon import design, judge
from firm.lab.phenomenon.expression import Expr, numbers, parse, show, variables
from firm.lab.phenomenon.finding import (
    Constant,
    Evidence,
    Experiment,
    Finding,
    Notebook,
    Point,
    Rival,
    Sheet,
    too_few,
)
from firm.lab.phenomenon.fit import Data, Fit, Noise, fit, noise_of
from firm.lab.phenomenon.judge import Trial
from firm.lab.phenomenon.normal import normal, opened
from firm.lab.phenomenon.seek import MOST_FITS, into, outof, scaled, seek, snapped
from firm.lab.phenomenon.tape import evaluate

INSIDE = 16
OUTSIDE = 18
"""Experiments in one round that sets rivals apart, and in one outside the range."""
ROUNDS = 6
LATER_FITS = 1600
"""Fits in a round that only has to look again."""
FOLLOWED = 5
"""Rivals that are followed."""
FEWEST = 20
"""Results without which no law is looked for."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the notebook's measurements amount to."""

    sheet: Sheet
    data: Data
    noise: Noise
    kinds: tuple[str, ...]

    def part(self, keep: NDArray[np.bool_]) -> Data:
        """Some of the rows."""
        d = self.data
        return Data(d.names, np.ascontiguousarray(d.columns[:, keep]), d.values[keep], d.weights[keep])


def advance(book: Notebook) -> Notebook:
    """The next wishes, or the finding."""
    if book.stage == "survey":
        wanted = tuple(design.survey(book.sheet, book.allowed, book.seed))
        return msgspec.structs.replace(book, stage="repeat", wanted=wanted)
    if book.stage == "repeat":
        return _repeat(book)
    known = know(book)
    if known is None:
        return msgspec.structs.replace(book, stage="end", wanted=(), finding=too_few(book))
    if book.stage == "inside" and book.allowed - len(book.done) > OUTSIDE:
        return _inside(book, known)
    return _outside(book, known)


def know(book: Notebook) -> Known | None:
    """Measurements with their noise; None where there are too few."""
    rows = [e for e in book.done if e.results]
    inputs = np.array([e.inputs for e in rows])
    values = np.array([e.results[0] for e in rows])
    groups: dict[tuple[float, ...], list[float]] = {}
    for e in rows:
        groups.setdefault(e.inputs, []).append(e.results[0])
    again = [np.array(group) for group in groups.values() if len(group) > 1]
    if len(rows) < FEWEST or not again:
        return None
    names = tuple(q.name for q in book.sheet.inputs)
    rest = None
    if book.laws:
        said = evaluate(normal(parse(book.laws[0], frozenset(names))), names, inputs)
        rest = (values - said, said) if np.isfinite(said).all() else None
    noise = noise_of(again, float(np.ptp(values)) or float(np.max(np.abs(values))) or 1.0, rest)
    data = Data(names, np.ascontiguousarray(inputs.T), values, 1 / np.maximum(noise.of(values), 1e-300))
    return Known(book.sheet, data, noise, tuple(e.kind for e in rows))


def _repeat(book: Notebook) -> Notebook:
    room = book.allowed - len(book.done)
    wanted = design.again(book.done, room)
    for index in range(len(book.sheet.inputs)):
        line = _scan(book, index)
        if len(line) < 3:
            continue
        turns = np.diff(line) / (np.ptp(line) or 1.0)
        steep = turns[np.abs(turns) > 0.1]
        swings = len(steep) > 1 and (np.diff(np.sign(steep)) != 0).any()
        if swings and np.ptp(line) > 0.2 * np.max(np.abs(line)):
            wanted += design.closer(book.sheet, index)
    return msgspec.structs.replace(book, stage="inside", wanted=tuple(wanted[:room]))


def _scan(book: Notebook, index: int) -> Floats:
    """What was read while this quantity alone was changed."""
    count = design.scanned(book.sheet, book.allowed)
    scans = [e for e in book.done if e.kind == "scan"][index * count : (index + 1) * count]
    return np.array([e.results[0] for e in scans if e.results])


def active_of(known: Known, laws: Sequence[Expr]) -> list[str]:
    """Quantities whose scan is more than noise, or whose mark is left in what a law does not explain."""
    scans = np.array([kind in ("scan", "repeat") for kind in known.kinds])
    middle = np.array([float(design.place(q, 0.5)) for q in known.sheet.inputs])
    found = []
    for index, given in enumerate(known.sheet.inputs):
        others = np.delete(middle, index) == np.delete(known.data.columns, index, axis=0).T
        line = known.part(scans & others.all(axis=1))
        weights = line.weights**2
        mean = float(weights @ line.values / weights.sum())
        scatter = float(weights @ (line.values - mean) ** 2) / max(1, line.rows - 1)
        marked = False
        if laws:
            rest = (
                known.data.values - evaluate(laws[0], known.data.names, known.data.columns.T)
            ) * known.data.weights
            column = known.data.columns[index]
            marked = bool(abs(np.corrcoef(column, rest)[0, 1]) * math.sqrt(known.data.rows) > 4.0)
        if marked or judge.chance_above(scatter, line.rows - 1, known.noise.freedom) < 0.003:
            found.append(given.name)
    used = {name for law in laws[:1] for name in variables(law)}
    return [q.name for q in known.sheet.inputs if q.name in found or q.name in used]


def waves_of(known: Known, active: Sequence[str], sizes: dict[str, float]) -> dict[str, tuple[float, ...]]:
    """Quantities that may go round: angles by their unit, others by a fine scan; in units of the scaled quantity."""
    found: dict[str, tuple[float, ...]] = {}
    middle = np.array([float(design.place(q, 0.5)) for q in known.sheet.inputs])
    for index, given in enumerate(known.sheet.inputs):
        if given.name not in active:
            continue
        if given.unit in ("rad", "deg"):
            turn = sizes[given.name] * (math.pi / 180 if given.unit == "deg" else 1.0)
            found[given.name] = (turn, 2 * turn)
            continue
        others = np.delete(middle, index) == np.delete(known.data.columns, index, axis=0).T
        line = known.part(others.all(axis=1))
        if line.rows > 2 * design.SCAN + 8:
            found[given.name] = tuple(_peaks(line.columns[index] / sizes[given.name], line.values))
    return found


def _peaks(places: Floats, values: Floats) -> list[float]:
    """The angular frequencies that explain most of a line."""
    span = float(np.ptp(places))
    grid = np.linspace(math.pi / span, 16 * math.pi / span, 160)
    left = []
    for omega in grid:
        table = np.array([np.ones_like(places), places, np.cos(omega * places), np.sin(omega * places)]).T
        answer = np.linalg.lstsq(table, values, rcond=None)[0]
        left.append(float(np.sum((values - table @ answer) ** 2)))
    curve = np.array(left)
    dips = [i for i in range(len(grid)) if curve[i] == curve[max(0, i - 3) : i + 4].min()]
    return [float(grid[i]) for i in sorted(dips, key=lambda i: curve[i])[:3]]


def laws_of(book: Notebook, known: Known, *, most: int) -> tuple[list[Fit], list[str]]:
    """Search, with what earlier rounds and people proposed as seeds; fits are of the quantities as they are."""
    names = frozenset(known.data.names)
    before = [normal(parse(text, names)) for text in book.laws]
    active = active_of(known, before)
    data, sizes, unit = scaled(known.data)
    given = [parse(text, names) for text in (*book.sheet.rivals, *book.forms)]
    seeds = [outof(law, sizes, unit) for law in before]
    tried = [f for form in given if (f := fit(form, known.data, steps=60)) is not None]
    seeds += [outof(f.expr, sizes, unit) for f in tried]
    fits = seek(data, active, seeds=seeds, waves=waves_of(known, active, sizes), most=most)
    found = []
    for one in fits[:40]:
        try:
            raw = fit(into(one.expr, sizes, unit), known.data, steps=20)
        except (ArithmeticError, ValueError):
            continue
        if raw is not None:
            found.append(raw)
            found += snapped(raw, known.data)
    return sorted(found, key=lambda f: (f.score, show(f.expr))), active


def _with_laws(book: Notebook, chosen: Sequence[Fit], **changes: object) -> Notebook:
    laws = tuple(show(f.expr, 17) for f in chosen)
    return msgspec.structs.replace(book, laws=laws, **changes)


def _wide_rows(known: Known, count: int, seed: int) -> Data:
    rows = design.spread(known.sheet, count, seed, wide=True)
    return Data(known.data.names, np.ascontiguousarray(rows.T), np.zeros(count), np.ones(count))


def _inside(book: Notebook, known: Known) -> Notebook:
    fits, _ = laws_of(book, known, most=MOST_FITS)
    chosen = judge.rivals(fits, _wide_rows(known, 100, book.seed), FOLLOWED)
    said = f"after {len(book.done)} experiments: {show(chosen[0].expr)}, {len(chosen) - 1} rivals followed"
    room = book.allowed - len(book.done)
    wanted = design.telling(
        book.sheet, [f.expr for f in chosen], known.noise, known.data,
        count=max(0, min(INSIDE, room - OUTSIDE)), seed=book.seed + 1, wide=False,
    )  # fmt: skip
    return _with_laws(book, chosen, stage="outside", wanted=tuple(wanted), history=(*book.history, said))


def _outside(book: Notebook, known: Known) -> Notebook:
    """Judge the last round outside the range, then ask for another or conclude."""
    before = [normal(parse(text, frozenset(known.data.names))) for text in book.laws[:1]]
    test, history = _tested(book, known, before)
    again = bool(book.rounds) and test.chance >= judge.DOUBT
    fits, active = laws_of(book, known, most=LATER_FITS if again else MOST_FITS)
    chosen = judge.rivals(fits, _wide_rows(known, 100, book.seed), FOLLOWED)
    leader = chosen[0]
    if not before or not judge.generalises(before[0], leader.expr, _wide_rows(known, 100, book.seed)):
        test = Trial(0, 0.0, 0.0, 1.0)
    standing = [f for f in chosen[1:] if f.score - leader.score < judge.STRONG]
    watched = _watched(known, active)
    why = judge.doubts(leader, standing, known.data, noise=known.noise, test=test, watched=watched)
    room = book.allowed - len(book.done)
    settled = not (why or judge.loose(leader, known.data, judge.AIMED))
    if room < 1 or (book.rounds and (settled or book.rounds >= ROUNDS or room < 8)):
        finding = conclude(book, known, chosen, why=why, test=test)
        finding = msgspec.structs.replace(finding, history=history)
        return _with_laws(book, chosen, stage="end", wanted=(), history=history, finding=finding)
    wanted = _asked(book, known, chosen, min(OUTSIDE, room))
    return _with_laws(book, chosen, stage="outside", wanted=wanted, rounds=book.rounds + 1, history=history)


def _tested(book: Notebook, known: Known, before: Sequence[Expr]) -> tuple[Trial, tuple[str, ...]]:
    """How the last predictions came out, and the history with that."""
    fresh = np.array([kind == f"wide{book.rounds}" for kind in known.kinds]) & bool(book.rounds)
    if not (before and fresh.any()):
        return Trial(0, 0.0, 0.0, 1.0), book.history
    test = judge.trial(before[0], known.part(~fresh), known.part(fresh), known.noise)
    word = "held" if test.chance >= judge.DOUBT else "failed"
    said = f"predicted {test.count} outside the range: {show(before[0])} {word}, error {test.error:.2%}"
    return test, (*book.history, said)


def _asked(book: Notebook, known: Known, chosen: Sequence[Fit], count: int) -> tuple[Experiment, ...]:
    """Experiments outside the range, each with what the leader says of it; rivals that are far behind count only
    in the first round.
    """
    near = [f.expr for f in chosen if not book.rounds or f.score - chosen[0].score < 2 * judge.STRONG]
    wanted = design.telling(
        book.sheet, near, known.noise, known.data, count=count, seed=book.seed + 2 + book.rounds, wide=True
    )
    told = evaluate(chosen[0].expr, known.data.names, np.array([e.inputs for e in wanted]))
    kind = f"wide{book.rounds + 1}"
    return tuple(Experiment(kind, e.inputs, (), (float(t),)) for e, t in zip(wanted, told, strict=True))


def _watched(known: Known, active: Sequence[str]) -> list[str]:
    return (
        list(active) if len(active) > 4 else [*active, *(n for n in known.data.names if n not in active)][:6]
    )


def conclude(
    book: Notebook, known: Known, chosen: Sequence[Fit], *, why: Sequence[str], test: Trial
) -> Finding:
    """The finding, in words and numbers."""
    sheet, leader = book.sheet, chosen[0]
    law = opened(leader.expr)
    leader = replace(leader, expr=law)
    bounds = judge.intervals(law, known.data) or [(v, -math.inf, math.inf) for v in numbers(law)]
    idle = judge.idle_inputs(law, known.data.names)
    out, unit = sheet.outputs[0]
    behind = [f.score - leader.score for f in chosen[1:]]
    rivals = [
        Rival(f"{out} = {show(f.expr)}", _why(f, b, known), round(b, 1))
        for f, b in zip(chosen[1:], behind, strict=True)
    ]
    said = evaluate(law, known.data.names, known.data.columns.T)
    wide = [kind.startswith("wide") for kind in known.kinds]
    sigma = known.noise.of(said)
    return Finding(
        name=sheet.name,
        question=sheet.question,
        verdict="unsure" if why else "found",
        reason="; ".join(why) or "it held where it had been predicted, and no rival is left",
        law=f"{out} = {show(law)}",
        form=f"{out} = {_form(law)}",
        constants=tuple(Constant(f"c{i + 1}", *b) for i, b in enumerate(bounds)),
        domain={
            name: (float(column.min()), float(column.max()))
            for name, column in zip(known.data.names, known.data.columns, strict=True)
            if name not in idle
        },
        idle=idle,
        evidence=Evidence(
            known.data.rows,
            leader.scatter,
            judge.noise_words(known.noise, known.data.values, unit),
            test.count,
            test.error,
            test.scatter,
        ),
        ruled_out=tuple(r for r in rivals if r.behind >= judge.STRONG),
        standing=tuple(r for r in rivals if r.behind < judge.STRONG),
        cost={"experiments": float(len(book.done)), "usd": sheet.price * len(book.done)},
        points=tuple(
            Point(float(v), float(s), float(n), w)
            for v, s, n, w in zip(known.data.values, said, sigma, wide, strict=True)
        ),
    )


def _form(law: Expr) -> str:
    from firm.lab.phenomenon.expression import named

    return named(law)[0]


def _why(found: Fit, behind: float, known: Known) -> str:
    if behind < judge.STRONG:
        return "fits about as well with about as many numbers"
    chance = judge.chance_above(found.scatter, known.data.rows - found.count, known.noise.freedom)
    if chance < judge.DOUBT:
        return f"its residuals are {math.sqrt(found.scatter):.2g} times the noise"
    return "needs more to say the same, or fits worse"
