"""The chief plans: what a model makes of a mission, what a template says, and what is done when neither will do.

One rule: a plan is used only if `firm.org.plan.faults` finds nothing wrong with it; a model is told what is wrong and
tries again, three times in all.
"""

from pathlib import Path

import msgspec

from firm.errors import BudgetExceeded, FirmError, InternalError, JournalError, ReplayDiverged, UsageError
from firm.kernel.definition import step
from firm.org.artifact import Artifact
from firm.org.house import folder, house
from firm.org.member import input_words, language_words, member
from firm.org.mission import Mission, TaskEnd
from firm.org.plan import Fault, Plan, faults
from firm.org.program import find_check, is_program
from firm.org.staff import Staff
from firm.org.words import words
from firm.org.work import WORDS
from firm.policy.within import within

TRIES = 3
"""Plans that a chief may hand in."""
OURS = (InternalError, JournalError, ReplayDiverged)
MAX_SHOWN = 30
"""Faults that are told at once."""

HOW = """\
Answer with a plan: goals and tasks.
- A goal says what shall be true at the end, what you bet on (`bet`), what would prove it wrong (`wrong_if`) and until
  when it should be known (`by_days`).
- A task is done by one role, makes one artifact (`makes`, a name of letters, digits and dashes) and needs artifacts of
  other tasks by their names (`needs`). What does not need each other is done at the same time: divide the work so.
- `done` says what done means, and who checks it: `checks` are made by programs, `reviewer` is a role other than the
  one that does the task. At least one of both.
- `usd` is what the task may take at most; together no more than the mission has.
- `deliver` is true for what goes to whoever gave the mission.
- Leave out `options`, `default` and `answer_s`, except for a close call that only the founder can decide: then the role
  is "panel", the kind "decision", with at least two options.
- If the mission cannot be met with these roles, leave goals and tasks empty and say in `cannot` why, and what could be
  done instead.
Checks by programs: not empty · words 50 400 · mentions WORD · json has a, b · files *.py · cites INPUT ·
no placeholder."""


class Planner(msgspec.Struct, frozen=True):
    """Who plans a mission, and why."""

    by: str
    """'model' or 'template'."""
    why: str = ""
    """Where it is the template: why; '' where that was wanted."""


@step
async def who_plans(wanted: str, model: str, language: str = "en") -> Planner:
    """Whether the chief's model plans, or the template's workflow is used.

    Args:
        wanted: 'auto', 'free' or 'template'.
        model: The chief's.
        language: Of what is said about it.
    """
    say = words(language, WORDS)
    if wanted != "auto":
        return Planner("template" if wanted == "template" else "model")
    from firm.model.target import Model

    try:
        entry = await house().models.look(model)
    except FirmError as error:
        return Planner("template", say("there is no model to plan with ({why})", why=error))
    if any(isinstance(one, Model) for one in entry.models):
        return Planner("model")
    return Planner("template", say("{model} is a small model or a script, which does not plan", model=model))


@step
async def template_plan(name: str, unit: str) -> Plan:
    """The plan of a workflow file."""
    from firm.org.roster import read_workflow

    return read_workflow(folder(), name, unit)


async def plan_by_model(mission: Mission, staff: Staff, language: str) -> tuple[Plan | None, list[Fault]]:
    """A plan of the chief's model without faults, else None and what was wrong with the last one."""
    wrong: list[Fault] = []
    for _ in range(TRIES):
        asked = plan_words(mission, staff, wrong) + "\n\n" + language_words(language)
        plan, wrong = await _asked(asked, mission, staff, [one.name for one in mission.given])
        if plan is not None:
            return plan, []
    return None, wrong


async def revise(
    mission: Mission, staff: Staff, plan: Plan, ends: list[TaskEnd], news: str, there: list[str]
) -> tuple[Plan | None, list[Fault]]:
    """What the chief's model makes of the rest of a mission after something has changed.

    Args:
        mission: What is wanted.
        staff: Who is there.
        plan: As it was.
        ends: How its tasks stand.
        news: What has changed: a task that cannot be done as planned, or a new fact.
        there: Names of artifacts that were made, or are being made.
    """
    wrong: list[Fault] = []
    for _ in range(TRIES):
        asked = "\n\n".join(
            [
                "Plan this mission anew from where it stands.",
                _mission_words(mission),
                _staff_words(staff),
                "The plan so far:\n" + msgspec.json.encode(plan).decode(),
                "How its tasks stand:\n"
                + "\n".join(
                    f"- {one.id}: {one.status}" + (f" ({one.why})" if one.why else "") for one in ends
                ),
                f"What has changed: {news}",
                "Keep what was begun: its artifacts are there to be needed. Give tasks only for the rest.",
                HOW,
                _wrong_words(wrong),
            ]
        )
        given = [*(one.name for one in mission.given), *there]
        found, wrong = await _asked(asked, mission, staff, given)
        lost = {one.id for one in ends if one.status == "refused"}
        if found is not None and (again := [one.id for one in found.tasks if one.id in lost]):
            told = "could not be done; give what takes its place an id of its own"
            found, wrong = None, [Fault(id, told) for id in again]
        if found is not None:
            return found, []
    return None, wrong


async def _asked(
    words: str, mission: Mission, staff: Staff, given: list[str]
) -> tuple[Plan | None, list[Fault]]:
    try:
        with within(agent=staff.chief.name):
            said = await member(words, "", "", None, staff.chief, mission.model, "plan")
        plan = msgspec.structs.replace(msgspec.convert(said, Plan), by="model")
    except BudgetExceeded as error:
        return None, [Fault("", f"no money to plan with: {error}")]
    except OURS:
        raise
    except (FirmError, msgspec.ValidationError) as error:
        return None, [Fault("", f"{type(error).__name__}: {error}")]
    wrong = [*faults(plan, staff.held, given=given, usd=mission.usd), *unknown_checks(plan)]
    if not wrong and any(is_program(check) for task in plan.tasks for check in task.done.checks):
        wrong = await no_checks(plan)
    return (None, wrong) if wrong else (plan, [])


@step
async def no_checks(plan: Plan) -> list[Fault]:
    """Programs that a model's plan names as checks, and that are none."""
    return unknown_checks(plan, folder())


def unknown_checks(plan: Plan, home: Path | None = None) -> list[Fault]:
    """Checks of a plan that no program can make.

    Args:
        plan: As it was made.
        home: The firm's folder, if its programs are to be looked at too.
    """
    from firm.org.check import check_known

    found = []
    for task in plan.tasks:
        for check in task.done.checks:
            try:
                check_known(check, task=task)
                if home is not None and is_program(check):
                    find_check(check, home)
            except UsageError as error:
                found.append(Fault(task.id, str(error)))
    return found


def plan_words(mission: Mission, staff: Staff, wrong: list[Fault]) -> str:
    """What the chief is told."""
    parts = [
        "Plan this mission",
        _mission_words(mission),
        _staff_words(staff),
        *[input_words(one) for one in _as_given(mission)],
        HOW,
        _wrong_words(wrong),
    ]
    return "\n\n".join(part for part in parts if part)


def _as_given(mission: Mission) -> list[Artifact]:
    return list(mission.given)


def _mission_words(mission: Mission) -> str:
    return f"The mission: {mission.text.strip()}\nIt may take {mission.usd:.2f} USD in all."


def _staff_words(staff: Staff) -> str:
    lines = []
    for role in staff:
        held = f"unit {role.unit}" if role.unit else role.held_by
        purpose = " ".join(role.purpose.split())[:400]
        lines.append(f"- {role.name} ({held}, reports to {role.reports_to}): {purpose}")
    return "Roles:\n" + "\n".join(lines)


def _wrong_words(wrong: list[Fault]) -> str:
    if not wrong:
        return ""
    lines = [f"- {one.place + ': ' if one.place else ''}{one.says}" for one in wrong[:MAX_SHOWN]]
    return "The plan before was no good:\n" + "\n".join(lines)


def shown_plan(plan: Plan) -> str:
    """A plan as the founder reads it, before he approves it."""
    lines = [plan.why] if plan.why else []
    for goal in plan.goals:
        lines.append(f"goal {goal.id}: {goal.says}")
        if goal.bet:
            lines.append(f"  bet: {goal.bet}; wrong if {goal.wrong_if or 'nobody said'}")
    for task in plan.tasks:
        needs = f", after {', '.join(task.needs)}" if task.needs else ""
        checked = ", ".join([*task.done.checks, *([task.done.reviewer] if task.done.reviewer else [])])
        lines.append(f"- {task.id} ({task.role}{needs}, up to {task.usd:.2f} USD) makes {task.makes}")
        lines.append(f"  done: {' '.join(task.done.says.split())} [{checked or 'the founder'}]")
    return "\n".join(lines)
