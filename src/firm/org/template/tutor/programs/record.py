"""The record: what was understood, and by which answers that is known.

One rule: understood is what was answered right when it was last asked; nothing else counts.
"""

from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.words import Say

CHINESE = {
    "# Record: {subject}": "# 学习记录：{subject}",
    "Understood: {count} of {all}. Quizzes: {first}, {second}.": "已掌握{count}/{all}。两次测验：{first}，{second}。",
    "understood": "已掌握",
    "understood at the second try": "第二次讲解后掌握",
    "not understood yet": "尚未掌握",
    "## {id}: {state}": "## {id}：{state}",
    "quiz {quiz}, right": "第{quiz}次测验，对",
    "quiz {quiz}, wrong": "第{quiz}次测验，错",
    "- {state}: {asks} – answered “{said}”": "- {state}：{asks}——回答“{said}”",
    "{id} should be: {state}": "{id}应为：{state}",
    "the answer {said!r} of quiz {quiz} is not in it": "缺少第{quiz}次测验的回答{said!r}",
    "{count} objectives and {all} answers compared": "核对了{count}个目标和{all}个回答",
}


def record(given: Assignment) -> Made:
    """Write the record."""
    return Made(text=record_of(given))


def record_of(given: Assignment) -> str:
    """The record as Markdown."""
    say = Say(given.language, CHINESE)
    outline, grades = given.input("outline").data, _grades(given)
    states = states_of(given)
    first, second = (f"{one['right']}/{one['of']}" for one in grades)
    count = sum(state != "not understood yet" for state in states.values())
    phrase = "Understood: {count} of {all}. Quizzes: {first}, {second}."
    lines = [say("# Record: {subject}", subject=outline["subject"]), ""]
    lines.append(say(phrase, count=count, all=len(states), first=first, second=second))
    for one in outline["objectives"]:
        lines += [
            "",
            say("## {id}: {state}", id=one["id"], state=say(states[one["id"]])),
            "",
            one["says"],
            "",
        ]
        for quiz, found in enumerate(grades, 1):
            lines += [
                _line(say, quiz, result) for result in found["results"] if result["objective"] == one["id"]
            ]
    return "\n".join(lines) + "\n"


def _line(say: Say, quiz: int, result: dict[str, Any]) -> str:
    state = say("quiz {quiz}, right" if result["right"] else "quiz {quiz}, wrong", quiz=quiz)
    asks = " ".join(result["asks"].split())
    return say("- {state}: {asks} – answered “{said}”", state=state, asks=asks, said=result["said"])


def _grades(given: Assignment) -> list[dict[str, Any]]:
    return [given.input("grades").data, given.input("second-grades").data]


def states_of(given: Assignment) -> dict[str, str]:
    """What is known of each objective; one that was asked nowhere is not understood."""
    first, second = (_right(one) for one in _grades(given))
    found = {}
    for one in given.input("outline").data["objectives"]:
        name = one["id"]
        if not second.get(name, first.get(name, False)):
            found[name] = "not understood yet"
        else:
            found[name] = "understood" if first.get(name) else "understood at the second try"
    return found


def _right(grades: dict[str, Any]) -> dict[str, bool]:
    """Objectives that were asked -> whether all answers were right."""
    found: dict[str, bool] = {}
    for one in grades["results"]:
        found[one["objective"]] = found.get(one["objective"], True) and one["right"]
    return found


def is_honest(given: Assignment, made: Artifact) -> Verdict:
    """Whether each objective stands in it as the answers show it, with all of them."""
    say = Say(given.language, CHINESE)
    lines, reasons, count = made.text.splitlines(), [], 0
    states = states_of(given)
    for name, state in states.items():
        if say("## {id}: {state}", id=name, state=say(state)) not in lines:
            reasons.append(say("{id} should be: {state}", id=name, state=say(state)))
    for quiz, grades in enumerate(_grades(given), 1):
        for result in grades["results"]:
            count += 1
            if _line(say, quiz, result) not in lines:
                phrase = "the answer {said!r} of quiz {quiz} is not in it"
                reasons.append(say(phrase, said=result["said"], quiz=quiz))
    seen = say("{count} objectives and {all} answers compared", count=len(states), all=count)
    return Verdict(accept=not reasons, by="is_honest", reasons=tuple(reasons), evidence=(seen,))
