"""Plays every role of the software house by script, for the library of its small mission.

One rule: it knows nothing but that library; another specification is met by nothing that it writes.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from firm.model.message import ToolCall, ToolResult
from firm.model.request import Request

SAID = Path(__file__).with_name("rehearsal.toml")
FILE = "durations.py"


def answer(request: Request) -> str | dict[str, Any] | ToolCall | None:
    """What whoever is asked would say."""
    asked = next(message.text for message in request.messages if message.role == "user")
    found = re.match(r"(Task|Review of) ([\w-]+) \(round (\d+)\)", asked)
    if found is None:
        return None
    said = tomllib.loads(SAID.read_text("utf-8"))
    said |= said["zh" if "Answer in Chinese." in asked else "en"]
    what, task, count = found[1], found[2], int(found[3])
    if what == "Review of":
        return _opinion(task, count, said)
    if task == "specify":
        return _spec(said)
    if task == "test":
        text = said["tests"].lstrip().format(refused=said["refused"].rstrip() + "\n" if count > 1 else "")
        return {"files": [{"path": "tests/test_durations.py", "text": text}]}
    return _coded(request, said, first=count == 1) if task == "code" else None


def _spec(said: dict[str, Any]) -> dict[str, Any]:
    parse = [
        {"call": "parse('1h 30m')", "gives": "5400"},
        {"call": "parse('1d')", "gives": "86400"},
        {"call": "parse('soon')", "raises": "ValueError"},
    ]
    show = [
        {"call": "show(5400)", "gives": "'1h 30m'"},
        {"call": "show(0)", "gives": "'0s'"},
        {"call": "show(-1)", "raises": "ValueError"},
    ]
    names = [
        {"signature": "parse(text: str) -> int", "says": said["parse"], "examples": parse},
        {"signature": "show(seconds: int) -> str", "says": said["show"], "examples": show},
    ]
    modules = [{"file": FILE, "names": names}]
    return {"name": "durations", "says": said["says"], "modules": modules, "leaves_out": said["leaves_out"]}


def _coded(request: Request, said: dict[str, Any], *, first: bool) -> str | ToolCall:
    """The first time a day of 1440 seconds, handed in without a look at the tests; then mended with them."""
    done = sum(isinstance(part, ToolResult) for message in request.messages for part in message.parts)
    text = said["code"].lstrip()
    wrong = text.replace(said["right"], said["missing"])
    steps: list[ToolCall] = []
    if first:
        steps.append(_call("write_file", path=FILE, text=wrong))
    else:
        line = next(one for one in text.splitlines() if said["right"] in one)
        steps.append(
            _call("edit_file", path=FILE, old=line.replace(said["right"], said["missing"]), new=line)
        )
        steps.append(_call("run_tests"))
    return steps[done] if done < len(steps) else str(said["written" if first else "mended"])


def _call(name: str, **arguments: str) -> ToolCall:
    return ToolCall(name, name, json.dumps(arguments))


def _opinion(task: str, count: int, said: dict[str, Any]) -> dict[str, Any]:
    if task == "test" and count == 1:
        return {"accept": False, "reasons": [said["objection"]], "evidence": [said["looked"]]}
    return {"accept": True, "reasons": [], "evidence": [said["looked"]]}
