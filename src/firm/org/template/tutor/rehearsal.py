"""Plays every role of the tutor by script, for one subject: compound interest.

One rule: of any other subject it says nothing, so that nobody is taught what he did not ask for.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from firm.model.request import Request

WORDS = Path(__file__).with_name("rehearsal.toml")
KNOWN = ("compound interest", "复利")
SENT_BACK = {
    "en": "The section on o2 does not check its rule on an example; show one that can be worked out.",
    "zh": "o2的小节没有用例子验证规则；请给出一个可以计算的例子。",
}
SEEN = {"en": "worked through every example", "zh": "逐个验算了例子"}


def answer(request: Request) -> str | dict[str, Any] | None:
    """What whoever is asked would say."""
    asked = next(message.text for message in request.messages if message.role == "user")
    if not any(word in asked.casefold() for word in KNOWN):
        return None
    language = "zh" if "Answer in Chinese." in asked else "en"
    found = re.match(r"(Task|Review of) ([\w-]+) \(round (\d+)\)", asked)
    if found is None:
        return None
    if found[1] == "Review of":
        return _opinion(found[2], int(found[3]), language)
    return _work(found[2], int(found[3]), tomllib.loads(WORDS.read_text("utf-8"))[language])


def _work(task: str, count: int, words: dict[str, Any]) -> str | dict[str, Any] | None:
    if task == "outline":
        outline: dict[str, Any] = words["outline"]
        return outline
    if task == "quiz":
        questions = words["quiz"]
        if count == 1:  # what a hasty examiner would do: simple interest in the key
            questions[0]["answer"] = 1100
        return {"questions": questions}
    if task == "second-quiz":
        return {"questions": words["second"]}
    if task == "lesson":
        text: str = words["lesson"]
        return (
            text if count > 1 else re.sub(r"(?:Check it: |验算：)[^。\n]*?(?:214\.36\.|214\.36。)", "", text)
        )
    again: str = words["again"]
    return again if task == "again" else None


def _opinion(task: str, count: int, language: str) -> dict[str, Any]:
    if task == "lesson" and count == 1:
        return {"accept": False, "reasons": [SENT_BACK[language]], "evidence": [SEEN[language]]}
    return {"accept": True, "reasons": [], "evidence": [SEEN[language]]}


def person(question: str) -> str | None:
    """What the learner answers: one thing wrong at first, all right in the end; None: it is no question for him."""
    if "Task answers (round 1)" in question or "任务 answers（第 1 轮）" in question:
        return "1: 1102.50\n2: b"
    if "Task answers" in question or "任务 answers" in question:
        return "1: 1102.50\n2: b\n3: 20"
    return "1: 9\n2: c" if "Task second-answers" in question or "任务 second-answers" in question else None
