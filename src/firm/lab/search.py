"""The search: a durable run in which workers ask the engine, carry out bursts, and tell.

One rule: it holds nothing that is not a recorded result or follows from one. There is no barrier: a worker that is
free asks at once, and results come in any order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.kernel.api import ask, continue_as, now
from firm.kernel.context import current_run
from firm.kernel.definition import workflow
from firm.lab import lesson
from firm.lab.burst import burst, problem_at
from firm.lab.candidate import Elite
from firm.lab.commission import answered, commission, is_written
from firm.lab.crowning import MOST_TRIALS, Court, ask_founder, hold_out, try_leaders, try_next
from firm.lab.engine import Engine, Plan
from firm.lab.looking import look, score_baselines
from firm.lab.order import Order, Report, Source
from firm.lab.problem import Allowance
from firm.lab.report.story import Story
from firm.lab.survey import Survey
from firm.lab.telling import Told, story_of

MOST_STEPS = 10_000
"""After so many bursts and calls of models the run goes on as its next generation, so that its history stays short."""
STRETCHES = (0.3, 0.6, 0.85)
"""Shares of the budget at which what leads is tried, so that the search does not follow what does not hold."""
DEAR_TRIAL = 0.05
"""A trial at the end of a stretch may cost this share of the budget; else it waits for the end."""
RESERVED = 3
"""Trials whose cost is kept back for the end."""
MOST_RESERVED = 0.25
GO_ON, GIVE_UP = "go on", "give up"


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted."""

    source: Source
    seed: int = 0
    allowance: Allowance | None = None
    """None: the problem's own."""
    workers: int = 1
    arms: tuple[str, ...] = ()
    """These alone, from nothing; empty: all that fit the problem, begun with its baselines."""
    models: tuple[str, ...] = ()
    """Models of the firm that write candidates too: names, or `name:effort`."""
    until: float | None = None
    """End when so much is reached."""
    answer_s: float = 10.0
    """Seconds that the founder has for a question about what is too good."""
    start: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    """Packed artifacts to begin with: those of an earlier search."""
    going: "Going | None" = None
    """Filled in by the run itself when it goes on as its next generation."""


class Going(msgspec.Struct, frozen=True):
    """What a generation hands to the next."""

    survey: Survey
    engine: bytes
    court: Court
    told: Told
    stretch: int


class Best(msgspec.Struct, frozen=True):
    """What is claimed."""

    artifact: Any
    score: float
    trust: str


class Finding(msgspec.Struct, frozen=True):
    """What came of a search."""

    best: Best | None
    """None: nothing held."""
    cost: dict[str, float]
    story: Story
    elites: tuple[Elite, ...] = ()
    """The best that were kept, to go on from."""


Carry = Callable[[Order], Awaitable[Report]]


@workflow
async def search(brief: Brief) -> Finding:
    """Look, search, try what leads, and say what holds."""
    run = current_run().id
    if brief.going is not None:
        survey, court, told = brief.going.survey, brief.going.court, brief.going.told
        engine = Engine.load(plan_of(brief, survey, run), survey, brief.going.engine)
        stretch = brief.going.stretch
    else:
        survey = await look(brief.source, brief.seed, run, brief.models)
        engine, court, told = Engine(plan_of(brief, survey, run), survey), Court(), Told()
        told.lineages.append((survey.evaluator, 0))
        engine.given.extend((*(() if brief.arms else survey.start), *brief.start))
        refuse_nothing(engine)
        told.baselines = await score_baselines(brief.source, survey.evaluator, brief.seed)
        told.recalled = await lesson.recall(survey.name)
        stretch = 0
    engine.recalled = told.recalled
    while True:
        bench = Bench(engine, court, stretch)
        await work(engine, burst, between=bench.look, most=MOST_STEPS)
        stretch = bench.stretch
        if engine.trouble:
            await wait_for_mending(engine)
        elif engine.changed:
            engine = await new_lineage(engine, brief, told)
            court = Court(failed=court.failed, trial_s=court.trial_s)  # what the old one ruled counts no more
            stretch = 0
        elif engine.steps >= MOST_STEPS and not engine.ended_by():
            going = Going(engine.survey, engine.save(), court, told, stretch)
            continue_as(msgspec.structs.replace(brief, going=going))
        else:
            break
    return await conclude(engine, court, told, brief)


async def wait_for_mending(engine: Engine) -> None:
    """The problem cannot be read any more: wait for the founder, so that nothing that was paid is lost.

    Raises:
        UsageError: the founder gives it up.
    """
    question = (
        f"{engine.survey.name}: {engine.trouble}. Mend the problem's file. Shall the search go on then?"
    )
    if await ask(question, options=[GO_ON, GIVE_UP]) == GIVE_UP:
        raise UsageError(f"{engine.trouble}; the search was given up")
    engine.trouble = engine.changed = ""


def plan_of(brief: Brief, survey: Survey, run: str) -> Plan:
    """The plan that a brief makes of a problem."""
    allowance = brief.allowance or survey.allowance
    written = survey.written if brief.models else ()
    return Plan(brief.source, run, brief.seed, allowance, brief.workers, brief.until, brief.arms, written)


def refuse_nothing(engine: Engine) -> None:
    """UsageError where the budget does not pay for a single candidate beside the first look."""
    limit, each_s = engine.plan.allowance.cpu_s, engine.survey.each_s
    if not engine.bounded():
        raise UsageError(
            "tokens, usd and gpu_s bound a search only where a model works for it; give evaluations=, cpu_s= or "
            "wall_s= too, or name a model"
        )
    if engine.ended_by() or (limit is not None and engine.record.spent.cpu_s + each_s > limit):
        spent = engine.record.spent
        raise UsageError(
            f"the budget buys nothing: the first look took {spent.cpu_s:.2f} CPU-s and {spent.evaluations} candidates, "
            f"one candidate costs about {each_s:.3g} CPU-s; give at least {RESERVED * (spent.cpu_s + each_s):.1f}"
        )


class Bench:
    """Who tries what leads while the others search on: the worker whose burst ended a stretch.

    Args:
        engine: Of the search.
        court: What was tried so far.
        stretch: How many stretches have ended.
    """

    def __init__(self, engine: Engine, court: Court, stretch: int) -> None:
        self.engine = engine
        self.court = court
        self.stretch = stretch

    async def look(self) -> None:
        """Try what leads if a stretch has ended, where a trial is cheap enough; keep back what the last ones cost."""
        engine, court = self.engine, self.court
        if self.stretch >= len(STRETCHES) or engine.share_used() < STRETCHES[self.stretch]:
            return
        self.stretch += 1
        limit = engine.plan.allowance.cpu_s
        dear = court.trial_s is not None and limit is not None and court.trial_s > DEAR_TRIAL * limit
        await try_leaders(engine, court, most=1 if dear else 3)
        if limit is not None and court.trial_s is not None:
            engine.reserve_s = min(MOST_RESERVED * limit, RESERVED * court.trial_s)


async def nothing() -> None:
    """Between bursts, where nothing is to be tried."""


async def work(
    engine: Engine, carry: Carry, *, between: Callable[[], Awaitable[None]] = nothing, most: int = MOST_STEPS
) -> None:
    """Have all workers carry out bursts until the budget is used, or nothing more may be begun.

    Args:
        engine: Who knows what to do.
        carry: Does it; `burst`, or a stand-in in tests.
        between: What a worker does after each of its bursts; the others do not wait for it.
        most: Steps of this engine, in all.
    """

    async def worker() -> None:
        while engine.steps < most:
            order = engine.ask()
            if order is None:
                return
            order = await filled(engine, order)
            engine.tell(order, await carry(order))
            await between()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(engine.plan.workers):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def filled(engine: Engine, order: Order) -> Order:
    """The order with what a model has to write or to answer first."""
    if not is_written(order.arm) and engine.survey.form.kind != "Prompt":
        return order
    problem = problem_at(order.source)
    began = now()
    if not is_written(order.arm):
        order, written = await answered(order, problem)
        engine.pay(order.arm, written, waited_s=(now() - began).total_seconds())
        return order
    whys, told = list(engine.record.whys)[-2:], lesson.lines(engine.recalled, engine.survey.evaluator)
    order, written = await commission(order, problem, whys=whys, lessons=told)
    engine.pay(order.arm, written, waited_s=(now() - began).total_seconds())
    if engine.survey.form.kind != "Vector":
        order = msgspec.structs.replace(order, given=engine.new_of(order.given))
    return order


async def new_lineage(engine: Engine, brief: Brief, told: Told) -> Engine:
    """The evaluator was changed: what was kept is scored anew by the new one, and the report says so."""
    seed, number = brief.seed + engine.number, engine.number
    survey = await look(brief.source, seed, engine.plan.run, brief.models, number)
    fresh = Engine(plan_of(brief, survey, engine.plan.run), survey, first=number + 1)
    looked, fresh.record.spent = fresh.record.spent, engine.record.spent
    fresh.record.spent.cpu_s += looked.cpu_s
    fresh.record.spent.evaluations += looked.evaluations
    fresh.record.spent.valid += looked.valid
    fresh.recalled = engine.recalled
    fresh.given.extend((elite.artifact, (elite.id,)) for elite in engine.archive.elites()[:64])
    fresh.given.extend(engine.given)
    told.lineages.append((survey.evaluator, engine.number))
    told.baselines = await score_baselines(brief.source, survey.evaluator, brief.seed)
    return fresh


async def conclude(engine: Engine, court: Court, told: Told, brief: Brief) -> Finding:
    """Try what leads at the end, ask about what is too good, hold out, and tell."""
    ended_by = engine.ended_by() or "used up"
    engine.reserve_s = 0.0
    await try_leaders(engine, court, most=MOST_TRIALS)
    while engine.trouble:
        await wait_for_mending(engine)
        await try_leaders(engine, court, most=MOST_TRIALS)
    await try_next(engine, court, most=RESERVED)
    await ask_founder(engine, court, answer_s=brief.answer_s)
    best = court.best(engine.sign)
    told.holdout = await hold_out(engine, best) if best is not None else None
    told.ended_by, told.made_at = ended_by, now().isoformat()
    survey = engine.survey
    origin = lesson.Origin(survey.name, engine.plan.run, survey.evaluator, told.made_at[:10])
    learnt = await lesson.learn(
        origin, survey.form, survey.objective, engine.number - 1, tuple(engine.record.arms)
    )
    told.recalled = [*learnt, *told.recalled]
    story = await story_of(engine, court, told)
    claim = None
    if story.champion is not None and story.champion.standing == "verified":
        claim = Best(story.champion.artifact, story.champion.value, story.champion.trust)
    spent = engine.record.spent
    cost = {
        "evaluations": spent.evaluations,
        "cpu_s": round(spent.cpu_s, 3),
        "wall_s": round(spent.wall_s, 3),
        "gpu_s": spent.gpu_s,
        "tokens": spent.tokens,
        "usd": spent.usd,
    }
    return Finding(claim, cost, story, tuple(engine.archive.elites()[:64]))
