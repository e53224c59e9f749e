"""Workflow files: `workflows/NAME.toml`, read as plans.

One rule: only the form is judged here, strictly; whether a plan can be carried out says `firm.org.plan.faults`.
"""

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.org.plan import MAX_ROUNDS, PANEL, Goal, Plan, Task
from firm.org.roster.lines import Place, line_of
from firm.org.roster.mistake import meant, mistake, read_text
from firm.org.roster.staff import unit_folder
from firm.policy.action import RISKS

WORKFLOWS = "workflows"
MAIN = "main"
DECIDED = "One of the options was chosen."
"""What done means for a close call, where nothing is said."""


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A plan with where it was written."""

    plan: Plan
    path: Path
    says: str
    """What it is for."""
    given: tuple[str, ...]
    """Names of artifacts that come with the mission: of an order, or of a unit's task."""
    words: str

    def line(self, place: str) -> int:
        """Line of a task or a goal by its id; 1 where there is none."""
        tasks, goals = [one.id for one in self.plan.tasks], [one.id for one in self.plan.goals]
        for key, ids in (("tasks", tasks), ("goals", goals)):
            if place in ids:
                return line_of(self.words, (key, ids.index(place)))
        return 1


def read_workflow(folder: Path, name: str = MAIN, unit: str = "") -> Plan:
    """A plan from its file, made by 'template'; `{mission}` is left in its words.

    Args:
        folder: Of the firm.
        name: Of the file below `workflows/`, without `.toml`.
        unit: Whose workflow; '': the firm's.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    return read_workflow_file(folder, name, unit).plan


def read_workflow_file(folder: Path, name: str = MAIN, unit: str = "") -> WorkflowFile:
    """A plan with the lines of its file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    place = unit_folder(folder, unit) / WORKFLOWS
    path = place / f"{name}.toml"
    if not path.resolve().is_relative_to(place.resolve()):
        raise UsageError(
            f"{name!r} is no workflow; give the name of a file below {WORKFLOWS}/, without .toml"
        )
    return parse_workflow(read_text(path), path)


def workflow_names(folder: Path, unit: str = "") -> list[str]:
    """What `read_workflow` can read, by name."""
    return sorted(path.stem for path in (unit_folder(folder, unit) / WORKFLOWS).glob("*.toml"))


def parse_workflow(words: str, path: Path) -> WorkflowFile:
    """A plan from the words of a file.

    Raises:
        UsageError: with file, line and what to write instead.
    """
    try:
        found = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    try:
        plan = _plan(found)
    except _Wrong as wrong:
        raise mistake(path, line_of(words, wrong.place), str(wrong)) from None
    return WorkflowFile(plan, path, found.get("says", ""), tuple(found.get("given", ())), words)


# --- keys ---------------------------------------------------------------------------------------------------------


class _Wrong(Exception):
    """Something is wrong at a place of the file."""

    def __init__(self, place: Place, says: str) -> None:
        super().__init__(says)
        self.place = place


@dataclass(frozen=True, slots=True)
class _Kind:
    fits: Callable[[Any], bool]
    wanted: str


def _number(least: float, of: str) -> _Kind:
    def fits(value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value) and least <= value < 1e9

    return _Kind(fits, f"a number of {of}, at least {least:g}")


def _one_of(*words: str) -> _Kind:
    return _Kind(lambda value: value in words, "one of " + ", ".join(f'"{word}"' for word in words))


_TEXT = _Kind(lambda value: type(value) is str, "text in quotes")
_SOME = _Kind(lambda value: type(value) is str and bool(value.strip()), "text in quotes, not empty")
_TEXTS = _Kind(
    lambda value: type(value) is list and all(type(one) is str for one in value),
    'a list of text, such as ["brief"]',
)
_TRUTH = _Kind(lambda value: type(value) is bool, "true or false, without quotes")
_ROUNDS = _Kind(
    lambda value: type(value) is int and 0 <= value <= MAX_ROUNDS, f"a whole number, 0 to {MAX_ROUNDS}"
)
_TABLE = _Kind(lambda value: type(value) is dict, 'a table, such as {says = "…", checks = ["not empty"]}')
_TABLES = _Kind(
    lambda value: type(value) is list and all(type(one) is dict for one in value),
    "sections such as [[tasks]]",
)
_SCHEMA = _Kind(
    lambda value: type(value) is dict or (type(value) is str and _is_object(value)),
    "a JSON Schema, as a table or as JSON text",
)
_Keys = Mapping[str, _Kind]
_TOP: _Keys = {"says": _TEXT, "given": _TEXTS, "goals": _TABLES, "tasks": _TABLES}
_GOAL: _Keys = {"id": _SOME, "says": _SOME, "bet": _TEXT, "wrong_if": _TEXT, "by_days": _number(0, "days")}
_TASK: _Keys = {
    "id": _SOME,
    "says": _SOME,
    "role": _SOME,
    "makes": _SOME,
    "goal": _TEXT,
    "needs": _TEXTS,
    "kind": _one_of("text", "json", "files", "decision"),
    "schema": _SCHEMA,
    "risk": _one_of(*RISKS),
    "usd": _number(0, "US dollars"),
    "done": _TABLE,
    "rounds": _ROUNDS,
    "deliver": _TRUTH,
    "options": _TEXTS,
    "default": _TEXT,
    "answer_s": _number(0, "seconds"),
}
_DONE: _Keys = {"says": _TEXT, "checks": _TEXTS, "reviewer": _TEXT}


def _check(table: Mapping[str, Any], place: Place, keys: _Keys, shown: str) -> None:
    for key, value in table.items():
        if key not in keys:
            elsewhere = [f"done.{key}"] if keys is _TASK and key in _DONE else []
            hint = f"did you mean {elsewhere[0]!r}?" if elsewhere else meant(key, keys)
            raise _Wrong((*place, key), f"unknown key {key!r} in {shown}; {hint}")
        if not keys[key].fits(value):
            raise _Wrong((*place, key), f"{shown} {key} is {value!r:.100}; give {keys[key].wanted}")


def _needs(table: Mapping[str, Any], place: Place, keys: tuple[str, ...], shown: str) -> None:
    if missing := next((key for key in keys if key not in table), None):
        raise _Wrong(place, f"{shown} has no {missing}; add {missing} = …")


# --- from tables to a plan ------------------------------------------------------------------------------------------


def _plan(found: dict[str, Any]) -> Plan:
    _check(found, (), _TOP, "a workflow")
    goals = []
    for count, table in enumerate(found.get("goals", ())):
        place, shown = ("goals", count), f"[[goals]] {count + 1}"
        _check(table, place, _GOAL, shown)
        _needs(table, place, ("id", "says"), shown)
        goals.append(msgspec.convert(table, Goal))
    tasks = [_task(("tasks", count), table) for count, table in enumerate(found.get("tasks", ()))]
    return Plan(goals=tuple(goals), tasks=tuple(tasks))


def _task(place: Place, table: dict[str, Any]) -> Task:
    shown = f"[[tasks]] {table['id']!r}" if "id" in table else f"[[tasks]] {int(place[-1]) + 1}"
    _check(table, place, _TASK, shown)
    decision = table.get("kind") == "decision" or table.get("role") == PANEL
    _needs(table, place, ("id", "says") if decision else ("id", "says", "role", "makes", "done"), shown)
    done = table.get("done", {"says": DECIDED})
    _check(done, (*place, "done"), _DONE, f"{shown} done")
    _needs(done, (*place, "done"), ("says",), f"{shown} done")
    made = {"makes": table["id"]} | table | {"done": done}
    if decision:
        made = {"role": PANEL} | made | {"kind": "decision"}
    if type(made.get("schema")) is str:
        made["schema"] = json.loads(made["schema"])
    return msgspec.convert(made, Task)


def _is_object(text: str) -> bool:
    try:
        return type(json.loads(text)) is dict
    except ValueError:
        return False
