"""Items of the Berkeley Function Calling Leaderboard: read, asked, and judged by their own ground truth.

One rule: a call is right or wrong as the leaderboard's checker of the syntax tree has it. The function must be the
right one; every argument must be one of the accepted values; what may be left out has `""` among its accepted values;
an argument that the truth does not know is wrong. Words are compared without case, spaces and punctuation.

Source: Patil et al., "The Berkeley Function Calling Leaderboard", ICML 2025; tests/data/README.md has the licence.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firm.model.message import Message, ToolCall
from firm.model.request import Tool

DATA = Path(__file__).parents[1] / "tests" / "data" / "bfcl_tools_150.jsonl"
TYPES = {"dict": "object", "float": "number", "tuple": "array"}
"""Names of Python's types that stand in the schemas, as JSON Schema has them."""
PUNCTUATION = re.compile(r"[ ,./\-_*^]")


@dataclass(frozen=True, slots=True)
class Item:
    """A user's request, the functions that are offered, and the call that is right."""

    id: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    name: str
    """The right function."""
    truth: Mapping[str, list[Any]]
    """Its arguments, each with the values that are accepted."""


def read(path: Path = DATA) -> list[Item]:
    """All items, in the file's order."""
    return [_item(json.loads(line)) for line in path.read_text().splitlines()]


def _item(line: dict[str, Any]) -> Item:
    ((name, truth),) = line["target"][0].items()
    tools = [Tool(one["name"], one["description"], schema(one["parameters"])) for one in line["tools"]]
    messages = [Message(one["role"], one["content"]) for one in line["messages"]]
    return Item(line["id"], tuple(messages), tuple(tools), name, truth)


def schema(node: Any) -> Any:
    """JSON Schema from the file's own words."""
    if isinstance(node, list):
        return [schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: schema(value) for key, value in node.items()}
    if isinstance(found.get("type"), str):
        found["type"] = TYPES.get(found["type"], found["type"])
    return found


def judge(item: Item, calls: tuple[ToolCall, ...]) -> str:
    """'right', or what is wrong: 'no call', 'several calls', 'wrong function', 'wrong arguments'."""
    if len(calls) != 1:
        return "several calls" if calls else "no call"
    if calls[0].name != item.name:
        return "wrong function"
    try:
        given = json.loads(calls[0].arguments or "{}")
    except ValueError:
        return "wrong arguments"
    return "right" if isinstance(given, dict) and _fits(given, item.truth) else "wrong arguments"


def _fits(given: Mapping[str, Any], truth: Mapping[str, Any]) -> bool:
    """Whether every argument is accepted and none is missing."""
    if not given.keys() <= truth.keys():
        return False
    return all(
        _accepted(given[name], options) if name in given else "" in _options(options)
        for name, options in truth.items()
    )


def _options(options: Any) -> list[Any]:
    return options if isinstance(options, list) else [options]


def _accepted(value: Any, options: Any) -> bool:
    return any(_same(value, option) for option in _options(options))


def _same(value: Any, option: Any) -> bool:
    if isinstance(option, bool) or option is None:
        return value is option
    if isinstance(option, str):
        return isinstance(value, str) and _plain(value) == _plain(option)
    if isinstance(option, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool) and value == option
    if isinstance(option, dict):
        return isinstance(value, dict) and _fits(value, option)
    return isinstance(value, list) and len(value) == len(option) and all(map(_same, value, option))


def _plain(text: str) -> str:
    return PUNCTUATION.sub("", text).lower().replace("'", '"')


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson (1927); (0, 1) where nothing was counted."""
    if not count:
        return 0.0, 1.0
    z = 1.959964
    share = right / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    return (middle - half) / whole, (middle + half) / whole
