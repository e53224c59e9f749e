"""The tools of one agent: as a model sees them, and what stands behind each name.

One rule: a name stands for one thing. Handing over to another agent, calling one, and giving the answer are tools too.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from firm.agent.output import FINAL, Output
from firm.agent.tool import tool_of
from firm.errors import UsageError
from firm.ids import slug
from firm.model.request import Tool

if TYPE_CHECKING:
    from firm.agent.agent import Agent

MAX_NAME_CHARS = 64
"""Of a tool, as providers take it."""
MAX_TOOLS = 512
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TASK = {
    "type": "object",
    "properties": {
        "task": {"type": "string", "description": "What is to be done, with all that must be known for it."}
    },
    "required": ["task"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class HandOver:
    """A tool with which an agent gives its work to another one, whose answer becomes its own; see `hand_over`."""

    agent: "Agent[Any]"


def hand_over(agent: "Agent[Any]") -> HandOver:
    """A tool for `Agent(tools=…)`: the other agent takes the work over, and its answer is the answer."""
    return HandOver(agent)


class Toolbox:
    """What an agent may call.

    Args:
        tools: Functions with `@tool`, agents, and what `hand_over` gives.
        output: What its answer has to be; a typed one of an agent with tools is given with a tool.
        agent: Its name, for errors.

    Raises:
        UsageError: two of one name, a name that no provider takes, or what is no tool.
    """

    __slots__ = ("_by_name", "size", "specs")

    def __init__(self, tools: Sequence[Any], output: Output, agent: str) -> None:
        self._by_name: dict[str, Any] = {}
        if isinstance(tools, str) or not isinstance(tools, Sequence):
            raise UsageError(f"Agent({agent!r}, tools={tools!r:.80}): give a list of tools")
        specs = []
        for one in tools:
            spec = _spec_of(one, agent)
            if isinstance(one, HandOver) and one.agent.output is not output.kind:
                raise UsageError(
                    f"Agent({agent!r}): its work cannot be handed over to {one.agent.name!r}, whose answer is "
                    f"{one.agent.output!r} and not {output.kind!r}; give both the same output="
                )
            if not _NAME.fullmatch(spec.name):
                raise UsageError(
                    f"Agent({agent!r}): tool {spec.name!r} has a name that providers do not take; give it one of 1 to "
                    f"{MAX_NAME_CHARS} letters, digits, '_' and '-'"
                )
            if spec.name in self._by_name or spec.name == FINAL:
                raise UsageError(f"Agent({agent!r}) has two tools named {spec.name!r}; rename one of them")
            self._by_name[spec.name] = one
            specs.append(spec)
        if len(specs) > MAX_TOOLS:
            raise UsageError(f"Agent({agent!r}) has {len(specs)} tools; at most {MAX_TOOLS} are taken")
        if specs and not output.is_text:
            specs.append(output.tool())
        self.specs: tuple[Tool, ...] = tuple(specs)
        """As a model sees them, the same tuple in every call."""
        self.size = sum(len(msgspec.json.encode(msgspec.to_builtins(spec))) for spec in specs)
        """Bytes of them."""

    def find(self, name: str) -> Any:
        """What stands behind a name; None: nothing does."""
        return self._by_name.get(name)

    def unknown(self, name: str) -> str:
        """What a model is told that called what is not there."""
        known = [spec.name for spec in self.specs]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}? " if near else ". "
        return f"There is no tool {name!r:.80}{hint}Your tools: {', '.join(known) or 'none'}."


def _spec_of(one: Any, agent: str) -> Tool:
    from firm.agent.agent import Agent

    if isinstance(one, Agent):
        return Tool(slug(one.name), one.description or f"Have the agent {one.name!r} do something.", _TASK)
    if isinstance(one, HandOver):
        other = one.agent
        words = f"Give all of the work to the agent {other.name!r}, whose answer will be yours."
        return Tool(
            f"hand_over_to_{slug(other.name)}"[:MAX_NAME_CHARS], f"{words} {other.description}".strip(), _TASK
        )
    if isinstance(one, list | tuple):
        raise UsageError(
            f"Agent({agent!r}, tools=[…]): a group of tools stands in the list; write `*` before its name"
        )
    try:
        return tool_of(one).spec
    except UsageError as error:
        raise UsageError(f"Agent({agent!r}, tools=[…]): {error}") from None
