"""Plays every role of the newsroom by script, for the sources that come with it.

One rule: it knows nothing but those; of any other source its quotations and figures are refused, as they should be.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from firm.model.request import Request

SAID = Path(__file__).with_name("rehearsal.toml")
FILES = {"lead": "winglets", "second": "laminar-sections"}


def answer(request: Request) -> str | dict[str, Any] | None:
    """What whoever is asked would say."""
    asked = next(message.text for message in request.messages if message.role == "user")
    found = re.match(r"(Task|Review of) ([\w-]+) \(round (\d+)\)", asked)
    if found is None:
        return None
    said = tomllib.loads(SAID.read_text("utf-8"))["zh" if "Answer in Chinese." in asked else "en"]
    marks = _marks(asked)
    what, task, first = found[1], found[2], found[3] == "1"
    if what == "Review of":
        return _opinion(task, asked, said, marks)
    if task == "topics":
        return _topics(said, marks)
    if task == "edit":
        return {key: said[key] for key in ("title", "opening", "closing", "note")} | {
            "order": ["lead", "second"]
        }
    return _article(task.removeprefix("write-"), said, marks, first=first)


def _marks(asked: str) -> dict[str, str]:
    """The number of each article's source, as it was handed out."""
    found = dict.fromkeys(FILES, "0")
    for article, name in FILES.items():
        if hit := re.search(rf'"id":"S(\d+)","title":"[^"]*","file":"sources/{name}(?:-zh)?\.md"', asked):
            found[article] = hit[1]
    return found


def _topics(said: dict[str, Any], marks: dict[str, str]) -> dict[str, Any]:
    articles = [
        {key: one[key] for key in ("id", "headline", "angle")} | {"sources": [f"S{marks[one['id']]}"]}
        for one in said["articles"]
    ]
    return {"subject": said["subject"], "articles": articles}


def _article(name: str, said: dict[str, Any], marks: dict[str, str], *, first: bool) -> str | None:
    """The first time with a figure from memory, and with a hedge that was dropped."""
    text = next((str(one["text"]) for one in said["articles"] if one["id"] == name), None)
    if text is None:
        return None
    return text.format(
        figure=said["wrong" if first else "right"], sentence=said["over" if first else "fair"], **marks
    )


def _opinion(task: str, asked: str, said: dict[str, Any], marks: dict[str, str]) -> dict[str, Any]:
    if task == "write-second" and said["over"] in asked:
        reason = str(said["objection"]).format(**marks)
        return {"accept": False, "reasons": [reason], "evidence": [said["compared"]]}
    return {"accept": True, "reasons": [], "evidence": [said["compared"]]}
