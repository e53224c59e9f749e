"""A champion on trial: scored anew from nothing, by a process that has never seen it, and then by what verifies.

One rule: what the search believed counts for nothing here; a claim has the value that was found last.
"""

import math
import time
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.kernel.definition import Retry, step
from firm.lab.artifact import Program
from firm.lab.burst import LONGEST_S, problem_at
from firm.lab.candidate import Elite, Status
from firm.lab.load import evaluator_hash
from firm.lab.order import Source
from firm.lab.problem import Problem
from firm.lab.wall.desk import Desk, open_desk
from firm.lab.wall.sensitivity import insensitive
from firm.lab.wall.verdict import Verdict

SAME = 1e-9
"""Two scores of one artifact may differ by this share of the larger; a noisy one by its interval."""


class Trial(msgspec.Struct, frozen=True):
    """Whose trial it is."""

    source: Source
    evaluator: str
    elite: Elite
    seed: int
    holdout: bool = False
    """Only the hold-out is scored."""
    answers: tuple[bytes, ...] = ()
    """Of a prompt: what a model answered to the samples of each stage that is asked for here, as JSON."""


class Ruling(msgspec.Struct, frozen=True):
    """What came of it."""

    id: int
    value: float | None = None
    """Of what verifies; None: it did not hold."""
    values: tuple[float | None, ...] = ()
    """Of each stage, scored anew."""
    why: str = ""
    """Why it did not hold, or what is odd about it."""
    odd: bool = False
    """It scores differently from one time to the next: a case for quarantine."""
    interval: tuple[float, float] | None = None
    """95 %, of a noisy score."""
    holdout: float | None = None
    others: dict[str, float] = {}
    said: dict[str, Any] = {}
    picture: str = ""
    dead: tuple[str, ...] = ()
    """Numbers of a vector that nothing depends on."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    evaluator: str = ""


@step(cpu=True, retry=Retry(attempts=3), timeout_s=LONGEST_S)
def try_champion(trial: Trial) -> Ruling:
    """Score one artifact anew, in a new process."""
    began, wall = time.process_time(), time.monotonic()
    try:
        found = evaluator_hash(trial.source)
    except UsageError as error:
        return Ruling(trial.elite.id, why=str(error), evaluator="?")
    if found != trial.evaluator:
        return Ruling(trial.elite.id, why="the evaluator has changed", evaluator=found)
    problem = problem_at(trial.source)
    with open_desk(trial.source, problem) as desk:
        ruling = _rule(trial, problem, desk)
        cpu_s = time.process_time() - began + desk.cpu_s
    return msgspec.structs.replace(ruling, cpu_s=cpu_s, wall_s=time.monotonic() - wall, evaluator=found)


def _rule(trial: Trial, problem: Problem, desk: Desk) -> Ruling:
    count = len(problem.stages)
    shown = problem.artifact.unpack(trial.elite.artifact)
    answered = [msgspec.json.decode(answer) for answer in trial.answers]
    if trial.holdout:
        said = score_one(problem, desk, count + 1, answered[0] if answered else shown, trial.seed)
        value = said.value if said.status is Status.VALID else None
        return Ruling(trial.elite.id, holdout=value, why=said.why, said=said.said)
    verdicts: list[Verdict] = []
    for number in range(count + (problem.verify is not None)):
        said = score_one(problem, desk, number, answered[number] if answered else shown, trial.seed)
        verdicts.append(said)
        if said.status is not Status.VALID:
            why = f"{problem.stage(number).name}: {said.why or said.status.name.lower()}"
            return Ruling(trial.elite.id, values=_values(verdicts, count), why=why)
    odd = _oddness(trial.elite, verdicts, count)
    last = verdicts[-1]
    flat = isinstance(shown, list)
    return Ruling(
        trial.elite.id,
        last.value,
        _values(verdicts, count),
        odd,
        bool(odd),
        _interval(last),
        None,
        last.others,
        last.said,
        _picture(problem, shown),
        tuple(insensitive(desk, problem, shown)) if flat else (),
    )


def score_one(problem: Problem, desk: Desk, number: int, shown: Any, seed: int) -> Verdict:
    """One stage on one artifact, a program by what it makes."""
    if isinstance(problem.artifact, Program):
        shown, failed = desk.execute(number, shown)
        if failed is not None:
            return failed
    return desk.score(number, [shown], [seed])[0]


def _values(verdicts: list[Verdict], count: int) -> tuple[float | None, ...]:
    return tuple(said.value for said in verdicts[:count])


def _interval(said: Verdict) -> tuple[float, float] | None:
    interval = said.said.get("interval")
    return (float(interval[0]), float(interval[1])) if interval else None


def _oddness(elite: Elite, verdicts: list[Verdict], count: int) -> str:
    """How a stage's word now differs from its word during the search; '': it does not."""
    for number, (then, now) in enumerate(zip(elite.values, verdicts[:count], strict=False)):
        if then is None or now.value is None:
            continue
        interval = _interval(now)
        room = SAME * max(abs(then), abs(now.value))
        if interval is not None:
            room = max(room, 2 * (interval[1] - interval[0]))
        if not math.isclose(then, now.value, rel_tol=0.0, abs_tol=room):
            return f"stage {number + 1} said {then!r} during the search and says {now.value!r} now"
    return ""


def _picture(problem: Problem, shown: Any) -> str:
    if problem.picture is None:
        return ""
    try:
        return str(problem.picture(shown))
    except Exception as error:  # the founder's own drawing; the report says that there is none
        return f"<!-- {type(error).__name__} -->"
