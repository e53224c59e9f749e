"""The parts of a report that tell of tasks: who did them, what was refused, what was decided, what became of goals.

One rule: a refusal is told as fully as a success.
"""

from collections.abc import Mapping
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.deliver.block import Badge, Block, Cell, Lines, Mood, Part, Points, Table, Words
from firm.org.deliver.figures import one_line
from firm.org.mission import Outcome, TaskEnd, TaskStatus
from firm.org.plan import PANEL, Goal, Plan, Task
from firm.org.words import Say

MAX_ROWS = 200
"""Tasks that a report tells of one by one; those that went wrong first."""
SAID_CHARS = 160
EVIDENCE_CHARS = 300
MOODS: dict[TaskStatus, Mood] = {
    "accepted": "good",
    "refused": "bad",
    "skipped": "soft",
    "waiting": "soft",
    "working": "plain",
    "checking": "plain",
}

BY = {"founder": "the founder", "default": "the default, for nobody answered", "rule": "a rule"}
"""Who decides a close call."""


def tasks(outcome: Outcome, say: Say) -> Part:
    """All tasks: who did them and how, how often, and what was looked at."""
    title = say("Who did what, and who checked it")
    planned = by_id(outcome.plan)
    if not outcome.tasks:
        return Part("tasks", title, (Words(say("Nothing was begun."), "note"),))
    told = outcome.tasks
    if len(told) > MAX_ROWS:
        told = tuple(sorted(told, key=lambda end: end.status == "accepted")[:MAX_ROWS])
    rows = [_row(end, planned.get(end.id), say) for end in told]
    titles = (say("task"), say("who, and how"), say("rounds"), say("state"), say("checked"))
    blocks: list[Block] = [Table(titles, tuple(rows), figures=(2,))]
    if len(told) < len(outcome.tasks):
        rest = f"{len(outcome.tasks) - len(told):,}"
        blocks.append(
            Words(say("{count} more tasks, all accepted, are not told one by one.", count=rest), "note")
        )
    return Part("tasks", title, tuple(blocks))


def by_id(plan: Plan | None) -> dict[str, Task]:
    """The tasks of a plan."""
    return {task.id: task for task in plan.tasks} if plan is not None else {}


def _row(end: TaskEnd, task: Task | None, say: Say) -> tuple[Cell, ...]:
    says = one_line(task.says.replace("{mission}", "…"), SAID_CHARS) if task is not None else ""
    name = Lines(end.id, (says,) if says else ())
    return (
        name,
        _who(end, task, say),
        f"{end.rounds}",
        Badge(say(end.status), MOODS[end.status]),
        _checked(end, task, say),
    )


def _who(end: TaskEnd, task: Task | None, say: Say) -> Cell:
    role = say("close call") if task is not None and task.role == PANEL else end.role
    made = end.artifact
    if made is None:
        return role or "–"
    how = say(maker(made))
    return Lines(role or "–", (f"{how} · {made.model}" if made.model else how,))


def maker(made: Artifact) -> str:
    """How it was made in truth: a close call that nobody answered was decided by its default."""
    data = made.data if isinstance(made.data, Mapping) else {}
    return "default" if made.how == "person" and data.get("by") in ("default", "rule") else made.how


def _checked(end: TaskEnd, task: Task | None, say: Say) -> Cell:
    last = end.verdicts[-1] if end.verdicts else None
    if last is None:
        return Lines(end.why or "–")
    same = [verdict for verdict in end.verdicts if verdict.digest == last.digest and verdict.accept] or [last]
    reviewer = task.done.reviewer if task is not None else ""
    heads = [_checker(verdict, reviewer, say) for verdict in same]
    seen = [one_line(line, EVIDENCE_CHARS) for verdict in same for line in verdict.evidence]
    return Lines(say(", ").join(dict.fromkeys(heads)), tuple(dict.fromkeys(seen)))


def _checker(verdict: Verdict, reviewer: str, say: Say) -> str:
    """Who accepted it, in short; what programs saw is told line by line below."""
    if verdict.accept and verdict.how == "program" and verdict.by != reviewer:
        return say("checks by programs: {count}", count=len(verdict.evidence))
    return by(verdict, say)


def by(verdict: Verdict, say: Say) -> str:
    """Who gave a verdict."""
    return say("{who} ({how})", who=one_line(verdict.by, 100), how=say(verdict.how))


# --- what was refused -------------------------------------------------------------------------------------------


def refused(outcome: Outcome, say: Say) -> Part:
    """Every refusal with its reasons, and every try that failed before anything could be checked."""
    items = [item for end in outcome.tasks for item in _refusals(end, say)]
    title = say("What was refused, and why")
    if not items:
        return Part("refused", title, (Words(say("Nothing was sent back, and nothing failed."), "note"),))
    shown = [Points(tuple(items[:MAX_ROWS]))]
    more = len(items) - MAX_ROWS
    rest = [Words(say("… and {count} more", count=f"{more:,}"), "note")] if more > 0 else []
    return Part("refused", title, (*shown, *rest))


def _refusals(end: TaskEnd, say: Say) -> list[Lines]:
    found = [
        Lines(say("{task}: sent back by {who}", task=end.id, who=by(one, say)), one.reasons)
        for one in end.verdicts
        if not one.accept
    ]
    found += [Lines(say("{task}: a try failed", task=end.id), (one_line(one, 400),)) for one in end.troubles]
    if end.status in ("refused", "skipped"):
        said = "{task}: given up" if end.status == "refused" else "{task}: not begun"
        found.append(Lines(say(said, task=end.id), (end.why,) if end.why else ()))
    return found


# --- decisions --------------------------------------------------------------------------------------------------


def decisions(outcome: Outcome, say: Say) -> Part | None:
    """Close calls: what was decided, among what, by whom."""
    planned = by_id(outcome.plan)
    calls = [
        (end, planned[end.id]) for end in outcome.tasks if end.id in planned and _is_call(planned[end.id])
    ]
    if not calls:
        return None
    points = tuple([_decision(end, task, say) for end, task in calls])
    return Part("decisions", say("Decisions"), (Points(points),))


def _is_call(task: Task) -> bool:
    return task.role == PANEL or task.kind == "decision"


def _decision(end: TaskEnd, task: Task, say: Say) -> Lines:
    question = one_line(task.says.replace("{mission}", "…"), SAID_CHARS)
    if end.artifact is None or end.status != "accepted":
        return Lines(question, (say("not decided"),))
    data = end.artifact.data if isinstance(end.artifact.data, Mapping) else {}
    decided = BY.get(str(data.get("by")))
    who = say(decided) if decided else end.artifact.maker or say(end.artifact.how)
    lines = [say("decided: {choice}, by {who}", choice=one_line(end.artifact.text, 200), who=who)]
    if task.options:
        lines.append(say("could be: {options}", options=" · ".join(task.options)))
    return Lines(question, (*lines, *_opinions(data, say)))


def _opinions(data: Mapping[str, Any], say: Say) -> list[str]:
    """What experts thought, as far as the decision can be read."""
    told = []
    for one in _mappings(data.get("opinions")):
        reason = one_line(str(one.get("reason", "")), SAID_CHARS)
        told.append(
            f"{one.get('expert', '–')}: {one.get('choice', '–')}" + (f" – {reason}" if reason else "")
        )
    for one in _mappings(data.get("silent")):
        why = one_line(str(one.get("why", "")), SAID_CHARS)
        told.append(say("{expert} had no opinion: {why}", expert=one.get("expert", "–"), why=why))
    return told


def _mappings(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


# --- goals ------------------------------------------------------------------------------------------------------


def goals(outcome: Outcome, say: Say) -> Part | None:
    """Each goal with its bet, and what came of it."""
    if outcome.plan is None or not outcome.plan.goals:
        return None
    first = outcome.plan.goals[0].id
    points = tuple([_goal(goal, outcome, say, first) for goal in outcome.plan.goals])
    return Part("goals", say("Goals, and what was bet on them"), (Points(points),))


def _goal(goal: Goal, outcome: Outcome, say: Say, first: str) -> Lines:
    ends = [end for end in outcome.tasks if (end.goal or first) == goal.id]
    made = sum(end.status == "accepted" for end in ends)
    lines = [say("the bet: {bet}", bet=goal.bet)] if goal.bet else []
    if goal.wrong_if:
        lines.append(say("would be proved wrong if: {what}", what=goal.wrong_if))
    lines.append(say("what came: {made} of {all} of its tasks were accepted", made=made, all=len(ends)))
    lines += [f"{end.id}: {one_line(end.why, 300)}" for end in ends if end.why]
    return Lines(goal.says, tuple(lines))
