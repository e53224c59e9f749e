"""Grading: what the learner has answered, against the key.

One rule: what cannot be read goes back to the learner; what is wrong does not.
"""

import re
import unicodedata
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.words import Say

LETTERS = "abcdef"
NUMBER = (" (a number)", "（填数字）")
"""Behind a question that a number answers, on paper."""
UNKNOWN = ("?", "i don't know", "i do not know", "don't know", "不知道", "不会", "")
_LINE = re.compile(r"^\s*(?:q|question|第)?\s*([\w-]+?)\s*题?\s*[:.)、]\s*(.*?)\s*$", re.IGNORECASE)
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:[.,]\d+)?")
CHINESE = {
    "there is no line for question {id}; write `{id}: …`, or `{id}: ?`": "第{id}题没有作答；不会就写 `{id}: ?`",
    "question {id}: {said!r} is the letter of no option": "第{id}题：{said!r}不是选项的字母",
    "question {id}: {said!r} is not one number; write the number alone": "第{id}题：{said!r}不是一个数字；请只写数字",
    "{count} lines read as answers": "读到{count}行回答",
    "question {id} is not graded as it was answered": "第{id}题的评分与回答不符",
    "the sum of right answers is not {count}": "答对题数不是{count}",
    "the weak objectives are {weak}": "薄弱目标应为{weak}",
    "{count} results counted again: {right} right": "重新统计了{count}题：答对{right}题",
    "none": "无",
}


def can_be_read(given: Assignment, made: Artifact) -> Verdict:
    """Whether each question of the paper has an answer that can be read."""
    say = Say(given.language, CHINESE)
    paper = next(one for one in given.inputs if one.name.endswith("paper"))
    questions = questions_of(paper.text)
    found = answers_of(made.text, list(questions))
    reasons = []
    for name, wanted in questions.items():
        why = _unreadable(found.get(name), wanted)
        if why:
            reasons.append(say(why, id=name, said=found.get(name, "")))
    return _verdict("can_be_read", reasons, say("{count} lines read as answers", count=len(found)))


def _unreadable(said: str | None, wanted: list[str] | str) -> str:
    if said is None:
        return "there is no line for question {id}; write `{id}: …`, or `{id}: ?`"
    if is_unknown(said):
        return ""
    if wanted == "number" and number_of(said) is None:
        return "question {id}: {said!r} is not one number; write the number alone"
    if isinstance(wanted, list) and letter_of(said, wanted) is None:
        return "question {id}: {said!r} is the letter of no option"
    return ""


def questions_of(paper: str) -> dict[str, list[str] | str]:
    """Number of each question of a paper -> its options, or 'number' or 'words'."""
    found: dict[str, list[str] | str] = {}
    for line in paper.splitlines():
        option = re.match(r" {3}[a-f]\) (.*)", line)
        head = re.match(r"([\w-]+)\. ", line)
        if option is not None and found:
            name, before = list(found.items())[-1]
            found[name] = [*(before if isinstance(before, list) else []), option[1]]
        elif head is not None:
            found[head[1]] = "number" if line.endswith(NUMBER) else "words"
    return found


def answers_of(text: str, ids: list[str]) -> dict[str, str]:
    """Number of each question -> what the learner said; the last line counts where there are two."""
    found = {}
    for line in unicodedata.normalize("NFKC", text).replace(";", "\n").splitlines():
        hit = _LINE.match(line)
        if hit is not None and hit[1] in ids:
            found[hit[1]] = hit[2]
    return found


def is_unknown(said: str) -> bool:
    """Whether the learner says that he does not know."""
    return said.strip().casefold() in UNKNOWN


def letter_of(said: str, options: list[str]) -> str | None:
    """The letter that is meant, by itself or by the words of its option; None: of none."""
    letters = LETTERS[: len(options)]
    plain = said.strip().casefold()
    if plain.strip("().") in list(letters):
        return plain.strip("().")
    if len(plain) > 1 and plain[0] in letters and plain[1] in ").: ":
        return plain[0]
    same = [
        letter for letter, option in zip(letters, options, strict=True) if _plain(option) == _plain(plain)
    ]
    return same[0] if same else None


def number_of(said: str) -> float | None:
    """The number of an answer: behind the last `=`, else the only one there is; None: none, or several."""
    found = _NUMBER.findall(said.rpartition("=")[2])
    if len(found) != 1:
        return None
    digits = found[0].replace("−", "-")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", digits):
        return float(digits.replace(",", ""))
    return float(digits.replace(",", "."))


def is_right(question: dict[str, Any], said: str) -> bool:
    """Whether an answer is right by the key."""
    if is_unknown(said):
        return False
    if question["kind"] == "choice":
        return letter_of(said, [str(one) for one in question["options"]]) == str(question["answer"])
    if question["kind"] == "words":
        return _plain(said) in {_plain(str(word)) for word in question["accept"]}
    value = number_of(said)
    tolerance = max(float(question.get("tolerance", 0)), 1e-9 * abs(question["answer"]))
    return value is not None and bool(abs(value - float(question["answer"])) <= tolerance)


def _plain(text: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFKC", text).casefold() if mark.isalnum())


def grade(given: Assignment) -> Made:
    """Grade the answers by the key."""
    quiz, _, answers = given.inputs
    return Made(data=graded(quiz.data["questions"], answers.text))


def graded(questions: list[dict[str, Any]], text: str) -> dict[str, Any]:
    """Each question with its answer and whether it is right; and what follows of it."""
    said = answers_of(text, [str(one["id"]) for one in questions])
    results = [
        {
            "id": str(one["id"]),
            "objective": one["objective"],
            "asks": one["asks"],
            "said": said.get(str(one["id"]), "?") or "?",
            "right": is_right(one, said.get(str(one["id"]), "?")),
            "solution": one["solution"],
        }
        for one in questions
    ]
    weak = list(dict.fromkeys(one["objective"] for one in results if not one["right"]))
    return {
        "results": results,
        "right": sum(one["right"] for one in results),
        "of": len(results),
        "weak": weak,
    }


def is_counted(given: Assignment, made: Artifact) -> Verdict:
    """Whether each question is graded once as it was answered, and the sums are right."""
    say = Say(given.language, CHINESE)
    quiz, _, answers = given.inputs
    results, reasons = made.data["results"], []
    for one in quiz.data["questions"]:
        name = str(one["id"])
        mine = [result for result in results if result["id"] == name]
        said = answers_of(answers.text, [name]).get(name, "?") or "?"
        if [(result["said"], result["right"]) for result in mine] != [(said, is_right(one, said))]:
            reasons.append(say("question {id} is not graded as it was answered", id=name))
    right = sum(result["right"] for result in results)
    if made.data["right"] != right or made.data["of"] != len(quiz.data["questions"]):
        reasons.append(say("the sum of right answers is not {count}", count=right))
    weak = {result["objective"] for result in results if not result["right"]}
    if set(made.data["weak"]) != weak:
        reasons.append(say("the weak objectives are {weak}", weak=", ".join(sorted(weak)) or say("none")))
    seen = say("{count} results counted again: {right} right", count=len(results), right=right)
    return _verdict("is_counted", reasons, seen)


def _verdict(by: str, reasons: list[str], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
