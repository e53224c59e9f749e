"""Who may be called the best: trials of what leads, quarantine of what is too good, and the hold-out, once.

One rule: nothing is claimed that has not been scored again by a process that had never seen it. What is too good to be
true waits for the founder and is not claimed meanwhile.
"""

import msgspec

from firm.kernel.api import ask
from firm.lab.author import total
from firm.lab.burst import problem_at
from firm.lab.candidate import Elite
from firm.lab.checking import Ruling, Trial, try_champion
from firm.lab.commission import answer
from firm.lab.engine import Engine

MOST_TRIALS = 8
"""So many of the leading candidates are tried at the end; then the claim stays provisional."""
MOST_UNSTEADY = 3
FOR_HOLDOUT = 3.0
"""So many times what a trial costs must be left before another one: for itself, and for the hold-out."""
HAIR = 1e-9
"""By this share a proven bound may be passed: that of rounding."""
BELIEVE, KEEP = "believe it", "keep it in quarantine"


class Doubt(msgspec.Struct):
    """A candidate in quarantine."""

    elite: Elite
    why: str
    value: float
    answer: str = ""


class Court(msgspec.Struct):
    """What was tried so far."""

    rulings: list[tuple[Elite, Ruling]] = []
    """That held."""
    tried: list[int] = []
    failed: list[tuple[int, str]] = []
    doubts: list[Doubt] = []
    unsteady: int = 0
    """How many scored differently on their trial, or beat a proven bound; after `MOST_UNSTEADY` no more are tried: it
    is the scorer that is wrong."""
    trial_s: float | None = None
    """Processor seconds that the last trial took."""

    def best(self, sign: float) -> tuple[Elite, Ruling] | None:
        """The best that held."""
        return max(self.rulings, key=lambda one: sign * (one[1].value or 0.0), default=None)


def beats_bound(engine: Engine, value: float) -> bool:
    """Whether it is better than anything can be."""
    bound = engine.survey.bound
    return bound is not None and engine.sign * (value - bound) > HAIR * max(1.0, abs(bound))


def too_good(engine: Engine, value: float) -> str:
    """Why a value cannot be believed at once; '': it can."""
    survey, sign = engine.survey, engine.sign
    if beats_bound(engine, value):
        return f"{value!r} beats the proven bound {survey.bound!r}: the evaluator must be wrong"
    if survey.known is not None:
        known, source, _ = survey.known
        room = survey.too_good * max(abs(known), 1e-12)
        if sign * (value - known) > room:
            return f"{value!r} beats the best known {known!r} ({source}) by more than {survey.too_good:.0%}"
    return ""


async def hold_trial(engine: Engine, court: Court, elite: Elite) -> bool:
    """Try one candidate; whether it holds. What does not is dropped from the archive."""
    court.tried.append(elite.id)
    ruling = await _try(engine, elite, 1)
    court.trial_s = ruling.cpu_s
    if ruling.evaluator != engine.survey.evaluator:
        engine.changed, engine.trouble = ruling.evaluator, ruling.why if ruling.evaluator == "?" else ""
        court.tried.remove(elite.id)
        return False
    if ruling.value is None:
        court.failed.append((elite.id, ruling.why))
        engine.record.whys[ruling.why[:200]] = engine.record.whys.get(ruling.why[:200], 0) + 1
        engine.drop(elite.id)
        return False
    why = ruling.why if ruling.odd else too_good(engine, ruling.value)
    if why:
        court.unsteady += ruling.odd or beats_bound(engine, ruling.value)
        court.doubts.append(Doubt(elite, why, ruling.value))
        engine.drop(elite.id)
        return False
    court.rulings.append((elite, ruling))
    return True


async def try_leaders(engine: Engine, court: Court, *, most: int) -> None:
    """Try what leads until one holds that no untried one could beat."""
    for _ in range(most):
        leader = engine.archive.best()
        if leader is None or engine.changed or leader.id in court.tried or court.unsteady >= MOST_UNSTEADY:
            return
        await hold_trial(engine, court, leader)


async def try_next(engine: Engine, court: Court, *, most: int) -> None:
    """Where champions are verified by another stage than the last of the search, which may rank them otherwise: try
    those behind the leader too, as long as the budget pays for it and for the hold-out.
    """
    survey, limit = engine.survey, engine.plan.allowance.cpu_s
    if survey.final.name == survey.stages[-1].name or not court.rulings or limit is None:
        return
    for elite in engine.archive.elites():
        dear = engine.record.spent.cpu_s + FOR_HOLDOUT * (court.trial_s or 0.0) > limit
        if most < 1 or dear or engine.changed or court.unsteady >= MOST_UNSTEADY:
            return
        if elite.id not in court.tried:
            most -= 1
            await hold_trial(engine, court, elite)


async def ask_founder(engine: Engine, court: Court, *, answer_s: float) -> None:
    """What of the quarantine may be believed; who says nothing leaves it there."""
    open_doubts = [doubt for doubt in court.doubts if not doubt.answer]
    if not open_doubts:
        return
    sign = engine.sign
    doubt = max(open_doubts, key=lambda one: sign * one.value)
    answer = await ask(
        f"{engine.survey.name}: candidate {doubt.elite.id} is too good to be believed: {doubt.why}. What now?",
        options=[KEEP, BELIEVE],
        default=KEEP,
        deadline=answer_s,
    )
    doubt.answer = str(answer)
    if answer == BELIEVE:
        ruling = await _try(engine, doubt.elite, 2)
        if ruling.value is not None and not ruling.odd:
            court.rulings.append((doubt.elite, ruling))


async def hold_out(engine: Engine, best: tuple[Elite, Ruling]) -> Ruling | None:
    """The one score under conditions that the search has not seen; None where the problem has none."""
    if not engine.survey.holdout:
        return None
    return await _try(engine, best[0], 3, holdout=True)


async def _try(engine: Engine, elite: Elite, turn: int, *, holdout: bool = False) -> Ruling:
    """One trial with chance of its own; a prompt is answered anew for it."""
    plan = engine.plan
    answers: tuple[bytes, ...] = ()
    if engine.survey.form.kind == "Prompt":
        problem = problem_at(plan.source)
        count = len(problem.stages)
        numbers = (count + 1,) if holdout else range(count + (problem.verify is not None))
        text = problem.artifact.unpack(elite.artifact)
        found = [await answer(problem, problem.stage(number), text) for number in numbers]
        answers = tuple(said for said, _ in found)
        engine.pay(elite.arm, total([cost for _, cost in found]), waited_s=0.0)
    trial = Trial(plan.source, engine.survey.evaluator, elite, (plan.seed + turn) << 20, holdout, answers)
    ruling: Ruling = await try_champion(trial)
    engine.record.spent.cpu_s += ruling.cpu_s
    engine.record.spent.wall_s += ruling.wall_s
    return ruling
