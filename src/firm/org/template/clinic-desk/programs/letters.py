"""The letters: what the clinician signs, and the facts that they may use.

One rule: a draft stands in its letter word for word; an emergency has the practice's fixed words.
"""

import re
from pathlib import Path
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

FACTS = {"en": "practice/facts.md", "zh": "practice/facts-zh.md"}
"""The last section is what an emergency is told."""
CHINESE = {
    "asked": "来信",
    "answer": "答复",
    "emergency": "紧急",
    "same-day": "当天",
    "routine": "普通",
    "{id} does not stand in it, or not word for word": "缺少{id}，或与草稿不一致",
    "it has {count} letters; {all} are wanted": "有{count}封信，应有{all}封",
    "{count} letters compared with the drafts": "{count}封信与草稿逐字比较",
    "it is not what {path} says": "与{path}不一致",
    "compared with {path}": "与{path}比较",
}
_LETTER = re.compile(r"^## (q\d+) ", re.MULTILINE)


def facts_path(language: str) -> Path:
    """Where the facts of a language lie."""
    path = folder() / FACTS[language]
    return path if path.is_file() else folder() / FACTS["en"]


def facts(given: Assignment) -> Made:
    """What every answer may use."""
    return Made(text=facts_path(given.language).read_text("utf-8"))


def facts_are_the_file(given: Assignment, made: Artifact) -> Verdict:
    """Whether nothing was changed on the way."""
    path, say = facts_path(given.language), Say(given.language, CHINESE)
    same = made.text == path.read_text("utf-8")
    reasons = () if same else (say("it is not what {path} says", path=path.name),)
    seen = say("compared with {path}", path=path.name)
    return Verdict(accept=same, by="facts_are_the_file", reasons=reasons, evidence=(seen,))


def fixed_words(text: str) -> str:
    """What an emergency is told: the last section of the facts."""
    return text.rpartition("\n# ")[2].partition("\n")[2].strip()


def letters(given: Assignment) -> Made:
    """All letters, the most urgent first, for the clinician."""
    fixed = fixed_words(facts_path(given.language).read_text("utf-8"))
    return Made(text=letters_of(given, fixed))


def answers_of(given: Assignment, fixed: str) -> dict[str, str]:
    """Number of each question -> what it would be answered, in the order of urgency."""
    drafts = {one["id"]: str(one["text"]).strip() for one in given.input("drafts").data["drafts"]}
    rows = given.input("urgency").data["sorted"]
    return {one["id"]: fixed if one["urgency"] == "emergency" else drafts[one["id"]] for one in rows}


def letters_of(given: Assignment, fixed: str) -> str:
    """The letters as text."""
    say, parts = Say(given.language, CHINESE), []
    questions: dict[str, Any] = {one["id"]: one for one in given.input("questions").data["questions"]}
    urgency = {one["id"]: one["urgency"] for one in given.input("urgency").data["sorted"]}
    for name, answer in answers_of(given, fixed).items():
        asked = "\n".join(f"> {line}" for line in questions[name]["text"].splitlines())
        head = f"## {name} ({questions[name]['ref']}, {say(urgency[name])})"
        parts.append(f"{head}\n\n{say('asked')}:\n{asked}\n\n{say('answer')}:\n{answer}\n")
    return "\n".join(parts)


def are_the_drafts(given: Assignment, made: Artifact) -> Verdict:
    """Whether each question has its letter, with its draft word for word."""
    return judge(given, made.text, fixed_words(facts_path(given.language).read_text("utf-8")))


def judge(given: Assignment, text: str, fixed: str) -> Verdict:
    """As `are_the_drafts`, with these fixed words for emergencies."""
    say, wanted = Say(given.language, CHINESE), answers_of(given, fixed)
    found = bodies(text)
    phrase = "{id} does not stand in it, or not word for word"
    reasons = [
        say(phrase, id=name)
        for name, answer in wanted.items()
        if not found.get(name, "").endswith(f"{say('answer')}:\n{answer}")
    ]
    if len(found) != len(wanted):
        reasons.append(say("it has {count} letters; {all} are wanted", count=len(found), all=len(wanted)))
    seen = say("{count} letters compared with the drafts", count=len(wanted))
    return Verdict(accept=not reasons, by="are_the_drafts", reasons=tuple(reasons), evidence=(seen,))


def bodies(text: str) -> dict[str, str]:
    """Number of each letter -> all that it says."""
    heads = list(_LETTER.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head[1]: text[head.start() : end].strip() for head, end in zip(heads, ends, strict=True)}
