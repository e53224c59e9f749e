"""What was recorded of AgentDojo: its tools, what its users ask, what its attackers want, and the calls that do it.

One rule: it reads and judges nothing; `tools.toml` says what a tool may do, `ours.toml` holds the calls that
AgentDojo leaves out, and `record.py` made the rest.
"""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from firm.policy.action import Risk

DATA = Path(__file__).parents[1] / "data" / "agentdojo"
VERSIONS = ("v1", "v1.2.2")
REQUIRED = "<required>"
"""Stands for the default of an argument that has none."""


class Tool(msgspec.Struct, frozen=True):
    """How a tool of AgentDojo would be declared (one section of `tools.toml`)."""

    suites: list[str]
    risk: Risk
    untrusted: bool
    why: str
    to: list[str] = []
    kind: str = ""
    times: list[str] = []
    amount: str = ""
    words: list[str] = []


@dataclass(frozen=True)
class Call:
    """One call of a trace."""

    tool: str
    args: dict[str, Any]
    sees: tuple[str, ...] = ()
    """Places of injections that its result brings back."""


@dataclass(frozen=True)
class Task:
    """What a user asks, and the calls that do it."""

    says: str
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Attack:
    """What an attacker wants, and the calls that do it."""

    goal: str
    calls: tuple[Call, ...]
    ours: bool
    """The calls were written here from the goal; AgentDojo gives none."""


@dataclass(frozen=True, eq=False)
class Suite:
    """One world of AgentDojo."""

    tools: dict[str, Tool]
    defaults: dict[str, dict[str, Any]]
    """Tool -> its arguments with their defaults; `REQUIRED` where there is none."""
    tasks: dict[str, Task]
    attacks: dict[str, Attack]


@cache
def tools() -> dict[str, Tool]:
    """The classification."""
    return msgspec.convert(tomllib.loads((DATA / "tools.toml").read_text("utf-8")), dict[str, Tool])


@cache
def suites(version: str = "v1") -> dict[str, Suite]:
    """The recorded traces, with our calls where there were none."""
    recorded = json.loads((DATA / f"{version}.json").read_text("utf-8"))
    ours = tomllib.loads((DATA / "ours.toml").read_text("utf-8"))
    return {name: _suite(name, body, ours.get(name, {})) for name, body in recorded.items()}


def _suite(name: str, body: dict[str, Any], ours: dict[str, Any]) -> Suite:
    tasks = {
        key: Task(task["says"], tuple(Call(tool, args, tuple(sees)) for tool, args, sees in task["calls"]))
        for key, task in body["tasks"].items()
    }
    attacks = {}
    for key, attack in body["attacks"].items():
        calls = attack["calls"] or ours[key].get("calls", [])
        attacks[key] = Attack(attack["goal"], tuple(Call(*call) for call in calls), not attack["calls"])
    declared = {tool: tools()[tool] for tool in body["tools"]}
    assert all(name in tool.suites for tool in declared.values())
    return Suite(declared, body["tools"], tasks, attacks)
