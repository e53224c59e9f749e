"""The alarm: emergencies go to the clinician at once, as a question of their own.

One rule: there is no default and no deadline; it stays in the inbox until somebody has said what was done.
"""

import re
from typing import Any

from firm.kernel.api import ask
from firm.kernel.definition import workflow
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.words import Say

LATE = "late-alarm"
"""Id of the task that puts what the nurse has found; the other puts what the table has found."""
CHINESE = {
    "EMERGENCY: {count} cannot wait. Call now, before anything else:": "紧急：{count}封来信不能等。请先打电话：",
    "Then write what was done for each, as `{id}: called`.": "然后逐一写明处理情况，如 `{id}：已通话`。",
    "flags: {flags}": "警示：{flags}",
    "the nurse: {why}": "护士：{why}",
    "a person may be in danger": "可能有人处于危险之中",
    "No emergency.": "没有紧急来信。",
    "nothing is said of {id}; write what was done for it": "没有说明{id}的处理情况；请补充",
    "{count} emergencies looked for in the answer": "在答复中查找了{count}封紧急来信",
    "Not answered yet: {missing}": "尚未答复：{missing}",
}


@workflow
async def call_back(given: Assignment) -> Made:
    """Ask the clinician what was done for each emergency; nothing is asked where there is none."""
    say = Say(given.language, CHINESE)
    found = emergencies(given)
    if not found:
        return Made(text=say("No emergency."))
    question = question_of(given, found, say)
    answer = await ask(question, waiting=say("a person may be in danger"))
    return Made(text=f"{given.before}\n{answer}".strip(), how="person")


def emergencies(given: Assignment) -> list[dict[str, Any]]:
    """What this task has to put to the clinician."""
    late = given.task.id == LATE
    rows = given.input("urgency" if late else "sorted").data["sorted"]
    return [
        one for one in rows if one["urgency"] == "emergency" and one["by"] == ("nurse" if late else "table")
    ]


def question_of(given: Assignment, found: list[dict[str, Any]], say: Say) -> str:
    """What the clinician reads."""
    words = {one["id"]: one for one in given.input("questions").data["questions"]}
    parts = [say("EMERGENCY: {count} cannot wait. Call now, before anything else:", count=len(found))]
    for one in found:
        flags = say("flags: {flags}", flags=", ".join(one["flags"]) or "-")
        why = f"; {say('the nurse: {why}', why=one['why'])}" if one.get("why") else ""
        parts.append(f"{one['id']} ({words[one['id']]['ref']}; {flags}{why})\n> {words[one['id']]['text']}")
    phrase = "Then write what was done for each, as `{id}: called`."
    parts.append(say(phrase, id=found[0]["id"]))
    if given.reasons:
        parts.append(say("Not answered yet: {missing}", missing="; ".join(given.reasons)))
    return "\n\n".join(parts)


def each_is_answered(given: Assignment, made: Artifact) -> Verdict:
    """Whether something was said of each emergency."""
    say, found = Say(given.language, CHINESE), emergencies(given)
    phrase = "nothing is said of {id}; write what was done for it"
    reasons = [say(phrase, id=one["id"]) for one in found if not is_said(one["id"], made.text)]
    seen = say("{count} emergencies looked for in the answer", count=len(found))
    return Verdict(accept=not reasons, by="each_is_answered", reasons=tuple(reasons), evidence=(seen,))


def is_said(name: str, text: str) -> bool:
    """Whether words stand behind this number."""
    return re.search(rf"(?<![0-9A-Za-z]){name}(?![0-9])\W*[^\W\d_]{{2,}}", text) is not None
