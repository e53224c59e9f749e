"""Lessons out of an outcome: one sentence for each task that was sent back, replaced or given up.

One rule: a lesson quotes a reason that stands in the journal; nothing is made up, and no model is asked.
"""

import re
from collections.abc import Iterable

import msgspec

from firm.org.mission import Outcome, TaskEnd
from firm.org.plan import Task
from firm.org.role import Role
from firm.org.staff import Staff
from firm.org.words import Say, words

MOST = 5
"""Lessons of one mission; those that cost the most tries."""
REASON_CHARS = 240
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Lesson(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a role may learn."""

    role: str
    says: str
    """One sentence on one line."""
    task: str
    untrusted: bool = False
    """It quotes words that may come from strangers."""


def draw(outcome: Outcome, staff: Staff) -> tuple[Lesson, ...]:
    """The lessons of a mission, the dearest first; for roles that can read, without those they have already.

    Args:
        outcome: How it ended.
        staff: Whose roles they are for.
    """
    say = words(outcome.language, "firm.org.lesson.chinese")
    planned = {task.id: task for task in outcome.plan.tasks} if outcome.plan is not None else {}
    ends = sorted(outcome.tasks, key=lambda end: -end.rounds)
    found: dict[tuple[str, str], Lesson] = {}
    for end in ends:
        task = planned.get(end.id)
        lesson = _of(end, task, outcome, say) if task is not None else None
        role = staff.find(lesson.role) if lesson is not None else None
        if lesson is None or role is None or not _can_read(role):
            continue
        if lesson.says not in role.lessons:
            found.setdefault((lesson.role, lesson.says), lesson)
    return tuple(found.values())[:MOST]


def _can_read(role: Role) -> bool:
    return role.held_by in ("agent", "person") and not role.unit


def _of(end: TaskEnd, task: Task, outcome: Outcome, say: Say) -> Lesson | None:
    reason = _last([reason for verdict in end.verdicts if not verdict.accept for reason in verdict.reasons])
    told = {"makes": task.makes, "reason": reason or _last(end.troubles) or _line(end.why)}
    if not told["reason"]:
        return None
    if end.status == "refused":
        said = say("“{makes}” was given up after {rounds} tries: {reason}", rounds=end.rounds, **told)
    elif end.status == "accepted" and end.role and end.role != task.role:
        said = say("“{makes}” was finished by {other} in your place: {reason}", other=end.role, **told)
    elif end.status == "accepted" and reason:
        said = say("Look at this before you hand over “{makes}”; it was sent back for it: {reason}", **told)
    else:
        return None
    untrusted = bool(outcome.order) or (end.artifact is not None and end.artifact.untrusted)
    return Lesson(task.role, said, end.id, untrusted)


def _last(reasons: Iterable[str]) -> str:
    found = [line for reason in reasons if (line := _line(reason))]
    return found[-1] if found else ""


def _line(text: str) -> str:
    line = " ".join(_CONTROLS.sub(" ", text).split())
    return line if len(line) <= REASON_CHARS else line[: REASON_CHARS - 1].rstrip() + "…"
