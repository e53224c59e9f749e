"""Plays every role of the desk but the clinician's by script, for the two examples in the inbox.

One rule: it drafts for nothing else; of other questions it says nothing, and the mission says so.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from firm.model.request import Request

WORDS = Path(__file__).with_name("rehearsal.toml")
KNOWN = ("A-1042", "A-1048")
"""References of the examples."""


def answer(request: Request) -> str | dict[str, Any] | None:
    """What whoever is asked would say."""
    asked = next(message.text for message in request.messages if message.role == "user")
    found = re.match(r"(Task|Review of) ([\w-]+) \(round (\d+)\)", asked)
    if found is None or not all(name in asked for name in KNOWN):
        return None
    words = tomllib.loads(WORDS.read_text("utf-8"))["zh" if "Answer in Chinese." in asked else "en"]
    what, task = found[1], found[2]
    if what == "Review of":
        return _opinion(asked, words)
    if task == "second-look":
        return {"raised": [{"id": "q7", "to": "same-day", "why": words["why"]}]}
    return _drafts(int(found[3]), words) if task == "drafts" else None


def _drafts(count: int, words: dict[str, Any]) -> dict[str, Any]:
    texts = dict(words["drafts"])
    if count == 1:  # what a helpful model would do: a dose
        texts["q2"] = f"{words['dose']} {texts['q2']}"
    if count <= 2:  # and what a hasty one would do
        texts["q5"] = words["vague"]
    return {"drafts": [{"id": name, "text": text} for name, text in texts.items()]}


def _opinion(asked: str, words: dict[str, Any]) -> dict[str, Any]:
    handed_in = asked.partition("Handed in was:")[2]
    if words["drafts"]["q5"] not in handed_in:
        return {"accept": False, "reasons": [words["sent_back"]], "evidence": [words["seen"]]}
    return {"accept": True, "reasons": [], "evidence": [words["seen"]]}


def person(question: str) -> str | None:
    """What the clinician answers: first not clearly, then letter by letter; None: it is no question for him."""
    chinese = "任务 sign-off" in question or "紧急" in question
    if question.startswith(("EMERGENCY", "紧急")):
        return "q1：已通话，已叫救护车" if chinese else "q1: called, an ambulance is with her"
    if "Task sign-off (round 1)" in question or "任务 sign-off（第 1 轮）" in question:
        return "签发 q1 q2 q3 q4 q6 q7" if chinese else "sign q1 q2 q3 q4 q6 q7"
    if "Task sign-off" in question or "任务 sign-off" in question:
        rest = "扣下 q5：我自己打电话" if chinese else "hold q5: I will call her myself"
        return f"{'签发' if chinese else 'sign'} q1 q2 q3 q4 q6 q7; {rest}"
    return None
