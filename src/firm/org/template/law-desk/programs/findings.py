"""Checks of what the readers and the counsel have written.

One rule: a quotation counts only if it stands word for word in the clause that it is said to come from.
"""

from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.check.quotation import comparable, is_long, stands_in
from firm.org.words import Say

VERDICTS = ("ok", "problem", "missing", "unclear")
BEFORE = "read-"
"""Begins the id of a reader's task; the rest is the group."""
CHINESE = {
    "point {id!r} is not answered": "要点{id!r}没有回答",
    "{id!r} is no point of the group {group!r}": "{id!r}不是分组{group!r}的要点",
    "point {id!r} is answered twice": "要点{id!r}重复回答",
    "{id}: verdict {verdict!r}; give one of {known}": "{id}：结论{verdict!r}；应为{known}之一",
    "{id}: it is {verdict}, and no change is proposed": "{id}：结论为{verdict}，却没有修改建议",
    "{count} findings on {all} points of the group {group!r}": "分组{group!r}的{all}个要点有{count}条结论",
    "{count} quotations looked up in their clauses": "在条款中核对了{count}处引文",
    "there is no clause {id!r}; there are {all}": "没有条款{id!r}；有{all}",
    "the quotation {quote!r} is too short to decide anything": "引文{quote!r}太短，不足以下结论",
    "the quotation stands in clause {where}, not in {id}": "引文在第{where}条，不在第{id}条",
    "clause {id} does not say {quote!r}; it says {text!r}": "第{id}条没有写{quote!r}；原文是{text!r}",
    "it is called missing, and clause {id} has {word!r}; judge it": "说是缺失，但第{id}条有{word!r}；请评价",
    "clause {id} does not say {quote!r}": "第{id}条没有写{quote!r}",
    "{count} contradictions looked up in their clauses": "在条款中核对了{count}处矛盾",
    "it does not name {name} ({why})": "没有提到{name}（{why}）",
    "{count} problems looked for in the memo": "在备忘录中查找了{count}个问题",
}


def are_answered(given: Assignment, made: Artifact) -> Verdict:
    """Whether each point of the task's group is answered once, by a verdict that there is."""
    say, group = Say(given.language, CHINESE), given.task.id.removeprefix(BEFORE)
    wanted = [one["id"] for one in given.input("checklist").data["points"] if one["group"] == group]
    said = [one["point"] for one in made.data["findings"]]
    reasons = [say("point {id!r} is not answered", id=name) for name in wanted if name not in said]
    others = [name for name in dict.fromkeys(said) if name not in wanted]
    reasons += [say("{id!r} is no point of the group {group!r}", id=name, group=group) for name in others]
    twice = [name for name in dict.fromkeys(said) if said.count(name) > 1]
    reasons += [say("point {id!r} is answered twice", id=name) for name in twice]
    for one in made.data["findings"]:
        verdict = one["verdict"]
        if verdict not in VERDICTS:
            phrase = "{id}: verdict {verdict!r}; give one of {known}"
            reasons.append(say(phrase, id=one["point"], verdict=verdict, known=", ".join(VERDICTS)))
        elif verdict != "ok" and not str(one.get("change", "")).strip():
            phrase = "{id}: it is {verdict}, and no change is proposed"
            reasons.append(say(phrase, id=one["point"], verdict=verdict))
    phrase = "{count} findings on {all} points of the group {group!r}"
    return _verdict("are_answered", reasons, say(phrase, count=len(said), all=len(wanted), group=group))


def are_quoted(given: Assignment, made: Artifact) -> Verdict:
    """Whether each finding quotes its clause word for word, and what is called missing is missing."""
    clauses = {one["id"]: one["text"] for one in given.input("contract").data["clauses"]}
    points = {one["id"]: one for one in given.input("checklist").data["points"]}
    say, reasons = Say(given.language, CHINESE), []
    for one in made.data["findings"]:
        if one["verdict"] == "missing":
            why = _not_missing(points.get(one["point"], {}), clauses, say)
        else:
            why = _not_quoted(one, clauses, say)
        reasons += [f"{one['point']}: {why}"] if why else []
    quoted = sum(one["verdict"] != "missing" for one in made.data["findings"])
    return _verdict("are_quoted", reasons, say("{count} quotations looked up in their clauses", count=quoted))


def _not_quoted(one: dict[str, Any], clauses: dict[str, str], say: Say) -> str:
    number, quote = str(one.get("clause", "")), str(one.get("quote", ""))
    if number not in clauses:
        return say("there is no clause {id!r}; there are {all}", id=number, all=", ".join(clauses))
    if not is_long(quote):
        phrase = "the quotation {quote!r} is too short to decide anything"
        return say(phrase, quote=quote)
    if stands_in(quote, comparable(clauses[number])):
        return ""
    where = next((name for name, text in clauses.items() if stands_in(quote, comparable(text))), None)
    if where is not None:
        return say("the quotation stands in clause {where}, not in {id}", where=where, id=number)
    phrase = "clause {id} does not say {quote!r}; it says {text!r}"
    return say(phrase, id=number, quote=quote, text=clauses[number][:300])


def _not_missing(point: dict[str, Any], clauses: dict[str, str], say: Say) -> str:
    for word in point.get("words", ()):
        for number, text in clauses.items():
            if comparable(word) in comparable(text):
                phrase = "it is called missing, and clause {id} has {word!r}; judge it"
                return say(phrase, id=number, word=word)
    return ""


def contradictions_are_quoted(given: Assignment, made: Artifact) -> Verdict:
    """Whether each contradiction quotes the clause that it names."""
    say = Say(given.language, CHINESE)
    clauses = {one["id"]: one["text"] for one in given.input("contract").data["clauses"]}
    found = made.data.get("contradictions", [])
    reasons = [
        say("clause {id} does not say {quote!r}", id=one["clause"], quote=one["quote"])
        for one in found
        if one["quote"] not in clauses.get(one["clause"], "")
    ]
    seen = say("{count} contradictions looked up in their clauses", count=len(found))
    return _verdict("contradictions_are_quoted", reasons, seen)


def memo_names_every_problem(given: Assignment, made: Artifact) -> Verdict:
    """Whether the memo names the clause of every problem, and the point where a clause is missing."""
    say, wanted = Say(given.language, CHINESE), []
    for one in findings_of(given):
        if one["verdict"] in ("problem", "missing"):
            name = one["clause"] if one["verdict"] == "problem" else one["point"]
            wanted.append((str(name), f"{one['point']}: {one['why']}"))
    contradictions = given.input("contradictions").data.get("contradictions", [])
    wanted += [(one["clause"], f"{one['quote']}: {one['why']}") for one in contradictions]
    phrase = "it does not name {name} ({why})"
    reasons = [say(phrase, name=name, why=why) for name, why in wanted if not _names(made.text, name)]
    seen = say("{count} problems looked for in the memo", count=len(wanted))
    return _verdict("memo_names_every_problem", reasons, seen)


def _names(text: str, name: str) -> bool:
    place = text.find(name)
    while place >= 0:
        before, after = text[max(0, place - 1) : place], text[place + len(name) : place + len(name) + 2]
        if not (before.isdecimal() or before == ".") and not after[:1].isdecimal() and not _goes_on(after):
            return True
        place = text.find(name, place + 1)
    return False


def _goes_on(after: str) -> bool:
    return len(after) == 2 and after[0] == "." and after[1].isdecimal()


def findings_of(given: Assignment) -> list[dict[str, Any]]:
    """All findings that were handed in, group by group."""
    return [
        one for made in given.inputs if made.name.startswith("findings-") for one in made.data["findings"]
    ]


def _verdict(by: str, reasons: list[str], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
