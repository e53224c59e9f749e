"""A search as a story: everything its report is made from.

One rule: nothing is computed here that was not counted or measured by somebody else; what is not known stays out.
"""

import os
import platform
from importlib.metadata import version
from typing import Any, Literal, Protocol, cast

import msgspec

from firm.kernel.context import current_firm
from firm.kernel.definition import step
from firm.kernel.journal import Row, own_key
from firm.lab.artifact import Kind
from firm.lab.candidate import BOOK, IN_BLOCK, Block, Elite, Status, block_key
from firm.lab.checking import Ruling
from firm.lab.crowning import Court, too_good
from firm.lab.engine import Engine
from firm.lab.lesson import Lesson
from firm.lab.problem import Axis
from firm.lab.report import story as told_as
from firm.lab.report.story import Story
from firm.lab.survey import BaselineFacts, Form, Survey

OLDEST = 40
"""So many ancestors of the winner are told."""
MOST_LESSONS = 24
MOST_CHARS = 20_000
"""An ancestor's artifact that is larger as JSON is left out."""


class Told(msgspec.Struct):
    """What the story needs beside the engine."""

    lineages: list[tuple[str, int]] = []
    """Evaluator, and the first block it scored."""
    baselines: list[BaselineFacts] = []
    holdout: Ruling | None = None
    recalled: list[Lesson] = []
    """What was learnt, by this search once it has ended and by those before it."""
    ended_by: str = ""
    made_at: str = ""


class Rows(Protocol):
    """What can read rows of a book: an open firm."""

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """Rows by key, in order."""
        ...


@step
async def ancestors(run: str, id: int, form: Form) -> list[told_as.Ancestor]:
    """The way to a candidate: its first parent, and so on, the oldest first; empty where no firm keeps rows."""
    home = cast("Rows | None", current_firm())
    found: list[told_as.Ancestor] = []
    if home is None or not hasattr(home, "rows"):
        return found
    kind = form.to_kind()
    while len(found) < OLDEST:
        rows = await home.rows(BOOK, prefix=own_key(run, block_key(id // IN_BLOCK)), limit=1)
        if not rows:
            break
        block = Block.decode(rows[0].value)
        row = block.candidates[id % IN_BLOCK]
        value = row.stages[-1].value if row.stages else None
        shown = _shown(kind, row.artifact)
        found.append(told_as.Ancestor(id, block.arm, value, shown, model=block.model))
        older = [parent for parent in row.parents if parent < id]
        if not older:
            break
        id = older[0]
    return found[::-1]


def _shown(kind: Kind, packed: bytes) -> Any:
    if not packed or len(packed) > MOST_CHARS:
        return None
    return kind.unpack(packed)


async def story_of(engine: Engine, court: Court, told: Told) -> Story:
    """The whole story."""
    survey, plan, record = engine.survey, engine.plan, engine.record
    claim = court.best(engine.sign)
    leader = next((one for one in engine.archive.elites() if not too_good(engine, one.value)), None)
    champion = _champion(survey, claim, told) if claim else _provisional(survey, leader, court)
    lineage = await ancestors(plan.run, champion.id, survey.form) if champion is not None else []
    spent = record.spent
    return Story(
        asked=_asked(engine),
        ran=told_as.Ran(
            plan.run,
            plan.seed,
            survey.evaluator,
            plan.workers,
            tuple(told_as.Lineage(evaluator, block) for evaluator, block in told.lineages),
            record.blocks,
        ),
        spent=told_as.Spent(
            spent.evaluations, spent.valid, spent.cpu_s, spent.wall_s, spent.gpu_s, spent.tokens, spent.usd
        ),
        ended_by=told.ended_by,
        made_at=told.made_at,
        champion=champion,
        nearest=_nearest(engine) if champion is None else None,
        baselines=tuple(
            told_as.Beside(one.name, one.value, one.source, one.why, one.holdout) for one in told.baselines
        ),
        known=told_as.KnownBest(*survey.known) if survey.known else None,
        bound=survey.bound,
        progress=tuple(
            told_as.Mark(mark.cpu_s, mark.evaluations, mark.value, mark.arm) for mark in record.marks
        ),
        arms=tuple(
            told_as.ArmRow(
                arm.arm,
                arm.model,
                arm.effort,
                arm.bursts,
                arm.candidates,
                arm.valid,
                arm.cpu_s,
                arm.tokens,
                arm.usd,
                arm.gain,
                arm.best,
            )
            for arm in record.arms
        ),
        stages=_stages(engine),
        archive=_archive(engine),
        front=_front(engine),
        lineage=tuple(lineage),
        rejected=_rejected(engine),
        quarantined=tuple(
            told_as.Quarantined(
                doubt.elite.id,
                doubt.value,
                doubt.why,
                doubt.answer,
                survey.form.to_kind().unpack(doubt.elite.artifact),
            )
            for doubt in court.doubts
        ),
        lessons=tuple(
            told_as.Lesson(
                one.text,
                f"candidates {', '.join(map(str, one.evidence))} of {one.origin.run}" if one.evidence else "",
                "numbers" if one.counted else f"the model {one.model}",
            )
            for one in told.recalled[:MOST_LESSONS]
        ),
        hashes=told_as.Hashes(
            survey.evaluator, record.root, survey.parts.get(survey.file, ""), "", survey.parts
        ),
        version=version("firm"),
        machine=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    )


def _nearest(engine: Engine) -> told_as.NearMiss | None:
    """How near one came, where nothing was valid; None: something was, or nothing could be scored."""
    constraint, slack = engine.record.nearest
    return told_as.NearMiss(constraint, -slack) if constraint and not engine.record.spent.valid else None


def _asked(engine: Engine) -> told_as.Asked:
    survey, plan = engine.survey, engine.plan
    goal = survey.objective
    name, file = plan.source.name, os.path.relpath(plan.source.path)
    if file.startswith(os.pardir):
        file = survey.file
    return told_as.Asked(
        survey.name,
        survey.question,
        cast("Literal['vector', 'program', 'prompt', 'text', 'phenomenon']", survey.form.kind.lower()),
        told_as.Goal(goal.name, goal.direction, goal.unit),
        f"{file}:{name}" if name else file,
        plan.source.settings,
        {
            name: float(value)
            for name in plan.allowance.__dataclass_fields__
            if (value := getattr(plan.allowance, name)) is not None
        },
        tuple(told_as.Goal(one.name, one.direction, one.unit) for one in survey.others),
        tuple(told_as.Axis(axis.name, axis.low, axis.high, axis.cells) for axis in survey.axes),
        survey.form.names,
    )


def _champion(survey: Survey, claim: tuple[Elite, Ruling], told: Told) -> told_as.Champion:
    elite, ruling = claim
    trust = cast("told_as.Trust", survey.final.trust)
    stages = tuple(
        told_as.Measured(stage.name, cast("told_as.Trust", stage.trust), value)
        for stage, value in zip(survey.stages, ruling.values, strict=False)
    )
    held = told.holdout
    interval = (
        told_as.Interval(*ruling.interval, int(ruling.said.get("draws", 0))) if ruling.interval else None
    )
    return told_as.Champion(
        elite.id,
        survey.form.to_kind().unpack(elite.artifact),
        float(ruling.value or 0.0),
        trust,
        "verified",
        stages,
        told_as.Measured(survey.final.name, trust, ruling.value),
        told_as.Measured(survey.holdout, trust, held.holdout) if held is not None else None,
        interval,
        ruling.others,
        {},
        elite.descriptors,
        ruling.said | ({survey.holdout: held.said} if held is not None and held.said else {}),
        ruling.picture,
        ruling.dead,
        elite.arm,
    )


def _provisional(survey: Survey, leader: Elite | None, court: Court) -> told_as.Champion | None:
    """What leads and was not tried; None: nothing leads, or what was tried did not hold."""
    if leader is None or court.doubts or court.failed:
        return None
    trust = cast("told_as.Trust", survey.stages[min(leader.depth, len(survey.stages) - 1)].trust)
    return told_as.Champion(
        leader.id,
        survey.form.to_kind().unpack(leader.artifact),
        leader.value,
        trust,
        "provisional",
        others=leader.others,
        descriptors=leader.descriptors,
        arm=leader.arm,
        standing_why="it was not tried",
    )


def _stages(engine: Engine) -> tuple[told_as.StageRow, ...]:
    rows: list[told_as.StageRow] = []
    for place, (facts, watch) in enumerate(zip(engine.survey.stages, engine.watches, strict=True)):
        trust = cast("told_as.Trust", facts.trust)
        if place + 1 == len(engine.watches):
            rows.append(told_as.StageRow(facts.name, trust, watch.scored, watch.cpu_s))
            continue
        goes_on = engine.watches[place + 1].scored / watch.scored if watch.scored else None
        pairs = len(watch.pairs) + len(watch.audits)
        rows.append(
            told_as.StageRow(
                facts.name,
                trust,
                watch.scored,
                watch.cpu_s,
                goes_on,
                watch.correlation(),
                pairs,
                watch.inflation() if trust != "exact" else None,
                len(watch.pairs),
                watch.audited,
            )
        )
    return tuple(rows)


def _archive(engine: Engine) -> told_as.Archive | None:
    axes = engine.survey.axes
    if not axes:
        return None
    best: dict[tuple[int, ...], Elite] = {}
    for elite in engine.archive.elites():  # the best first
        best.setdefault(tuple(map(_cell, axes, elite.descriptors)), elite)
    cells = tuple(told_as.Cell(place, elite.value, elite.id) for place, elite in best.items())
    total = 1
    for axis in axes:
        total *= axis.cells
    return told_as.Archive(cells[: told_as.MAX_ROWS], len(cells), total)


def _cell(axis: Axis, value: float) -> int:
    share = (value - axis.low) / (axis.high - axis.low)
    return max(0, min(axis.cells - 1, int(share * axis.cells)))


def _front(engine: Engine) -> tuple[told_as.FrontRow, ...]:
    """What is not beaten in all objectives, among what was kept."""
    if not engine.survey.others:
        return ()
    signs = {goal.name: goal.sign for goal in engine.survey.others}
    points = [
        (
            elite,
            (
                engine.sign * elite.value,
                *(sign * elite.others.get(name, 0.0) for name, sign in signs.items()),
            ),
        )
        for elite in engine.archive.elites()
    ]
    kept = [
        elite
        for elite, own in points
        if not any(
            all(a >= b for a, b in zip(other, own, strict=True)) and other != own for _, other in points
        )
    ]
    return tuple(told_as.FrontRow(elite.id, elite.value, elite.others) for elite in kept)


def _rejected(engine: Engine) -> tuple[told_as.Rejected, ...]:
    """By status in all, then why, where that was kept."""
    record = engine.record
    quiet = (Status.VALID, Status.STOPPED)
    found = [
        told_as.Rejected(status.name.lower(), "", count)
        for status, count in zip(Status, record.statuses, strict=False)
        if count and status not in quiet
    ]
    whys = sorted(record.whys.items(), key=lambda item: -item[1])
    return (*found, *(told_as.Rejected("", why, count) for why, count in whys[:20]))
