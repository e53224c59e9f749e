"""Checks of the outline and of what the teacher writes.

One rule: an objective is taught only where a section of its own says so.
"""

import re
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.words import Say

VAGUE = ("know about", "be familiar", "be aware", "appreciate", "了解", "熟悉", "知道")
LEAST_CHARS = 40
"""Of a section; and of a line that counts as repeated."""
_HEADING = re.compile(r"#{1,6}\s+(.*)")
CHINESE = {
    "objective {count} has the id {id!r}; call it {wanted!r}": "第{count}个目标的编号是{id!r}；请写作{wanted!r}",
    "{id}: {word!r} cannot be tested; say what the learner can do": "{id}：{word!r}无法检验；请写学生能做到什么",
    "{count} objectives read": "读了{count}个目标",
    "there is no section on {id}; write a heading such as `## {id} …`": "没有{id}的小节；请写标题，如 `## {id} …`",
    "the section on {id} says next to nothing": "{id}的小节几乎没有内容",
    "{count} sections looked for: {ids}": "查找了{count}个小节：{ids}",
    "{line!r} stands in the lesson already; explain it another way": "{line!r}在课文里已经有了；请换一种讲法",
    "it does not take up the learner's answer {said!r} to question {id}": "没有提到学生对第{id}题的回答{said!r}",
    "{count} lines compared, {wrong} wrong answers looked for": "比较了{count}行，查找了{wrong}个错误回答",
}


def is_teachable(given: Assignment, made: Artifact) -> Verdict:
    """Whether each objective can be named and tested."""
    say = Say(given.language, CHINESE)
    found = made.data["objectives"]
    reasons = []
    for count, one in enumerate(found, 1):
        if one["id"] != f"o{count}":
            phrase = "objective {count} has the id {id!r}; call it {wanted!r}"
            reasons.append(say(phrase, count=count, id=one["id"], wanted=f"o{count}"))
        if word := next((word for word in VAGUE if word in str(one["says"]).casefold()), ""):
            phrase = "{id}: {word!r} cannot be tested; say what the learner can do"
            reasons.append(say(phrase, id=one["id"], word=word))
    return _verdict("is_teachable", reasons, say("{count} objectives read", count=len(found)))


def covers_objectives(given: Assignment, made: Artifact) -> Verdict:
    """Whether the lesson has a section for each objective."""
    return _covers(given, made, [one["id"] for one in given.input("outline").data["objectives"]])


def covers_weak(given: Assignment, made: Artifact) -> Verdict:
    """Whether the second lesson has a section for each objective that is weak; for all where none is."""
    weak = given.input("grades").data["weak"]
    return _covers(given, made, weak or [one["id"] for one in given.input("outline").data["objectives"]])


def _covers(given: Assignment, made: Artifact, wanted: list[str]) -> Verdict:
    say, found, reasons = Say(given.language, CHINESE), sections(made.text), []
    for name in wanted:
        body = next((text for head, text in found if re.search(rf"(?<!\w){name}(?![0-9A-Za-z])", head)), None)
        if body is None:
            reasons.append(say("there is no section on {id}; write a heading such as `## {id} …`", id=name))
        elif len(body) < LEAST_CHARS:
            reasons.append(say("the section on {id} says next to nothing", id=name))
    seen = say("{count} sections looked for: {ids}", count=len(wanted), ids=", ".join(wanted))
    return _verdict("covers", reasons, seen)


def explains_anew(given: Assignment, made: Artifact) -> Verdict:
    """Whether nothing of the lesson is repeated, and each wrong answer is taken up."""
    say = Say(given.language, CHINESE)
    old = {" ".join(line.split()) for line in given.input("lesson").text.splitlines()}
    lines = [" ".join(line.split()) for line in made.text.splitlines()]
    long = [line for line in lines if len(line) >= LEAST_CHARS and not line.startswith("#")]
    again = [line for line in long if line in old]
    phrase = "{line!r} stands in the lesson already; explain it another way"
    reasons = [say(phrase, line=line[:80]) for line in again]
    wrong = [one for one in given.input("grades").data["results"] if not one["right"] and one["said"] != "?"]
    phrase = "it does not take up the learner's answer {said!r} to question {id}"
    reasons += [say(phrase, said=one["said"], id=one["id"]) for one in wrong if one["said"] not in made.text]
    seen = "{count} lines compared, {wrong} wrong answers looked for"
    return _verdict("explains_anew", reasons, say(seen, count=len(long), wrong=len(wrong)))


def sections(text: str) -> list[tuple[str, str]]:
    """Heading and text of each section."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        head = _HEADING.match(line)
        if head is not None:
            found.append((head[1], []))
        elif found:
            found[-1][1].append(line)
    return [(head, "\n".join(lines).strip()) for head, lines in found]


def _verdict(by: str, reasons: list[Any], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
