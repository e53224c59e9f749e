"""Plays every role that a model holds by script, for the pendulum that comes with this laboratory.

One rule: it reads what was measured out of what it is handed, and knows only the question of the pendulum.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from firm.model.request import Request

SAID = Path(__file__).with_name("rehearsal.toml")
VERDICTS = {
    "holds": "成立。",
    "holds, with more numbers than it needs": "成立，但参数多余。",
    "refuted": "被否定。",
}
RANGES = {"l": "length", "m": "mass", "a": "angle"}
"""What the report calls them in its text."""


def answer(request: Request) -> str | dict[str, Any] | None:
    """What whoever is asked would say."""
    asked = next(message.text for message in request.messages if message.role == "user")
    found = re.match(r"(Task|Review of) ([\w-]+) \(round (\d+)\)", asked)
    if found is None:
        return None
    said = tomllib.loads(SAID.read_text("utf-8"))["zh" if "Answer in Chinese." in asked else "en"]
    what, task, first = found[1], found[2], found[3] == "1"
    if what == "Review of":
        return _opinion(task, asked, said)
    if task == "hypothesise":
        return _hypotheses(said, first=first)
    if task == "criticise":
        label = _handed(asked, "analysis")["label"]
        return {"label": label, "why": said["why"], "objections": said["objections"]}
    return _report(asked, said, first=first) if task == "report" else None


def _handed(asked: str, name: str) -> dict[str, Any]:
    """The data of an input."""
    lines = asked.partition(f"Input '{name}':\n")[2].splitlines()
    found: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    return found


def _hypotheses(said: dict[str, Any], *, first: bool) -> dict[str, Any]:
    found = [one | {"wrong_if": said["wrong_if"]} for one in said["hypotheses"]]
    if first:  # the same form twice, with other numbers
        found[2]["formula"] = "2.5*sqrt(length)"
    return {"instrument": "pendulum", "hypotheses": found}


def _report(asked: str, said: dict[str, Any], *, first: bool) -> str:
    analysis, experiment = _handed(asked, "analysis"), _handed(asked, "experiment")
    label = _handed(asked, "critique")["label"]
    answer = said["sure" if label == "found" else "not_sure"]
    verdicts = [
        (one, VERDICTS[one["verdict"]] if _is_chinese(said) else f"{one['verdict'].capitalize()}.")
        for one in analysis["hypotheses"]
    ]
    ends = {
        f"{letter}{end}": analysis["domain"][name][end] for letter, name in RANGES.items() for end in (0, 1)
    }
    return str(said["report"]).format(
        label=said["labels"][label],
        answer=answer.format(law=_short(analysis["law"]), why=analysis["why"]),
        bold=said["bold"] if first else "",
        experiments=int(experiment["cost"]["experiments"]),
        fresh=len(analysis["fresh"]),
        error=100 * (analysis["error"] or 0.0),
        noise=analysis["noise"],
        hypotheses="\n".join(f"- {one['says']} {verdict}" for one, verdict in verdicts),
        objections="\n".join(f"- {one['says']} {one['settled_by']}" for one in said["objections"]),
        **ends,
    )


def _is_chinese(said: dict[str, Any]) -> bool:
    return said["labels"]["found"] != "found"


def _short(law: str) -> str:
    """A law with numbers of four digits."""
    return re.sub(r"\d+\.\d+", lambda hit: f"{float(hit.group()):.4g}", law)


def _opinion(task: str, asked: str, said: dict[str, Any]) -> dict[str, Any]:
    if task == "report" and said["bold"].strip() in asked.rpartition("Handed in was:")[2]:
        angle = _handed(asked, "analysis")["domain"]["angle"][1]
        return {
            "accept": False,
            "reasons": [said["too_far"].format(angle=angle)],
            "evidence": [said["looked"]],
        }
    return {"accept": True, "reasons": [], "evidence": [said["looked"]]}
