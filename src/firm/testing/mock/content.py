"""What a mock model says: a value for a schema, a text in pieces, a vector for a text, JSON with anything in it.

One rule: the same request gives the same reply.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from firm.testing.mock.options import DEFAULT_TEXT, MockCall, MockOptions, MockReply
from firm.units import Usage

BYTES_PER_TOKEN = 4
MAX_DEPTH = 20


@dataclass(slots=True)
class Call:
    """What a request asks for, whatever its wire."""

    model: str
    stream: bool
    body: dict[str, Any]
    tools: dict[str, Any] = field(default_factory=dict)
    """Names of the tools, with the schemas of their arguments."""
    forced: str | None = None
    """The tool that must be called; '': any; None: none must."""
    schema: Any = None
    """JSON Schema that the reply should match."""
    logprobs: int | None = None
    """So many alternatives a token; None: no log-probabilities."""
    size_bytes: int = 0
    """Length of the request's body."""


@dataclass(slots=True)
class Say:
    """A reply in full: nothing is left to be decided."""

    id: int
    text: str
    reasoning: str
    calls: tuple[MockCall, ...]
    stop: str
    usage: Usage
    chunks: int


def say(number: int, call: Call, reply: MockReply, options: MockOptions) -> Say:
    """Fill in what `reply` leaves open.

    Args:
        number: of the request; ids are made of it.
    """
    calls = reply.tool_calls if options.honours_tools else ()
    text = "" if calls and reply.text == DEFAULT_TEXT else reply.text
    if not calls and call.tools and call.forced is not None and options.honours_required:
        name = call.forced or next(iter(call.tools))
        calls, text = (MockCall(name, sample(call.tools.get(name))),), ""
    elif not calls and call.tools and tool_results(call.body) < options.tool_turns:
        calls, text = (numbered_call(call),), ""
    elif not calls and call.schema is not None and options.honours_schema:
        text = encode(sample(call.schema)).decode()
    usage = reply.usage or Usage(
        input=_tokens(call.size_bytes), output=_tokens(len(text)), reasoning=_tokens(len(reply.reasoning))
    )
    stop = reply.stop or ("tool_calls" if calls else "stop")
    return Say(number, text, reply.reasoning, tuple(calls), stop, usage, options.chunks)


def tool_results(body: Mapping[str, Any]) -> int:
    """How many results of tools a conversation holds, on any wire."""
    found = 0
    for message in body.get("messages") or body.get("input") or ():
        if not isinstance(message, Mapping):
            continue
        content = message.get("content")
        if message.get("role") == "tool" or message.get("type") == "function_call_output":
            found += 1
        elif isinstance(content, list):
            found += sum(part.get("type") == "tool_result" for part in content if isinstance(part, Mapping))
    return found


def numbered_call(call: Call) -> MockCall:
    """A call of the next tool in turn; its whole numbers say how many results there were before."""
    number = tool_results(call.body)
    name = list(call.tools)[number % len(call.tools)]
    given = sample(call.tools[name]) or {}
    return MockCall(name, {key: number if type(value) is int else value for key, value in given.items()})


def _tokens(size_bytes: int) -> int:
    return -(-size_bytes // BYTES_PER_TOKEN)


def encode(value: Any) -> bytes:
    """JSON; lone surrogates are escaped, as some servers do."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def arguments_of(call: MockCall) -> str:
    """The arguments of a tool call as text."""
    return call.arguments if isinstance(call.arguments, str) else encode(call.arguments).decode()


def pieces(text: str, count: int) -> list[str]:
    """`text` in at most `count` pieces of about the same length, none of them empty."""
    count = max(min(count, len(text)), 1)
    edges = [len(text) * number // count for number in range(count + 1)]
    return [text[start:end] for start, end in pairwise(edges) if end > start]


def words(text: str) -> list[str]:
    """`text` cut before each space, as tokens are."""
    found = text.split(" ")
    return [word for word in [found[0], *(" " + word for word in found[1:])] if word]


def logprobs(call: Call, text: str) -> list[dict[str, Any]]:
    """Each word with a log-probability; none where none were asked for."""
    return [] if call.logprobs is None else [_logprob(word, call.logprobs) for word in words(text)]


def _logprob(word: str, alternatives: int) -> dict[str, Any]:
    def entry(token: str, logprob: float) -> dict[str, Any]:
        data = list(token.encode("utf-8", "replace"))
        return {"token": token, "logprob": logprob, "bytes": data}

    top = [entry(word if rank == 0 else f"{word}{rank}", -0.1 - rank) for rank in range(alternatives)]
    return entry(word, -0.1) | {"top_logprobs": top}


def sample(schema: Any, *, root: Any = None, depth: int = 0) -> Any:
    """The simplest value that matches a JSON Schema; all properties are filled in."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return sample(_at(root, schema["$ref"]), root=root, depth=depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return sample(schema[key][0], root=root, depth=depth + 1)
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else None)
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        inner = schema.get("properties", {})
        return {name: sample(inner[name], root=root, depth=depth + 1) for name in inner}
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})] * schema.get("minItems", 1)
        return [sample(item, root=root, depth=depth + 1) for item in items]
    return _scalar(kind, schema)


def _scalar(kind: Any, schema: Mapping[str, Any]) -> Any:
    if kind == "string":
        return "a" * max(schema.get("minLength", 1), 1)
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    return False if kind == "boolean" else None


def _at(root: Any, reference: str) -> Any:
    """What a local reference such as '#/$defs/Point' points at."""
    for name in reference.removeprefix("#").split("/")[1:]:
        root = root.get(name) if isinstance(root, Mapping) else None
    return root


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector that only depends on the text."""
    random = Random(text)
    values = [random.gauss() for _ in range(dimensions)]
    norm = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / norm for value in values]
