"""Workflow files, written.

One rule: what is written reads back as the same plan.
"""

import json
import re
from typing import Any

import msgspec

from firm.org.plan import Done, Plan, Task

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def workflow_text(plan: Plan, says: str = "", given: tuple[str, ...] = ()) -> str:
    """A plan as its file says it; who made it, and why, is not written.

    Args:
        plan: What is to be written.
        says: What it is for.
        given: Names of artifacts that come with the mission.
    """
    rows = [f"says = {_value(says)}"] if says else []
    rows += [f"given = {_value(list(given))}"] if given else []
    parts = ["\n".join(rows)] if rows else []
    parts += [_section("goals", msgspec.to_builtins(goal)) for goal in plan.goals]
    parts += [_section("tasks", _task(task)) for task in plan.tasks]
    return "\n\n".join(parts) + "\n"


def _task(task: Task) -> dict[str, Any]:
    found = {key: value for key, value in msgspec.to_builtins(task).items() if key != "done"}
    if found.get("schema") is not None and _has_none(found["schema"]):
        found["schema"] = json.dumps(found["schema"], ensure_ascii=False)
    done: dict[str, Any] = msgspec.to_builtins(task.done)
    return found | {"done": {"says": task.done.says} | done} if task.done != Done(says="") else found


def _section(name: str, table: dict[str, Any]) -> str:
    rows = [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]
    return "\n".join([f"[[{name}]]", *rows])


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, dict):
        rows = (f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return "{" + ", ".join(rows) + "}"
    return repr(value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _has_none(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_none(one) for one in value.values())
    if isinstance(value, list):
        return any(_has_none(one) for one in value)
    return value is None
