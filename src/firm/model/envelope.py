"""Tool calls without tools: one JSON object carries the call, and a list in the instructions carries the tools.

One rule: the conversation that the caller sees is the same with and without the envelope; only what the server sees
differs. Whether a call makes sense is for `repair` to say.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from firm.model.message import Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.parse import arguments_text, every_json, find_calls, read_json, show, split_thought
from firm.model.portable import Writer
from firm.model.reply import Reply
from firm.model.request import Request
from firm.model.target import Abilities

_CALLING = """\
Reply with one JSON object and nothing else.
To use a tool: {"tool": "<name>", "arguments": {<its arguments>}}"""
_ANSWER = 'To answer without a tool: {"tool": "", "text": "<your answer>"}'
_ANSWER_JSON = (
    'To answer without a tool: {"tool": "", "answer": <JSON that matches this schema>}\nThe schema: '
)
_MUST = "You have to use a tool now: choose the one that does what the user asks for."
_MUST_ONE = "You have to use the tool %r now."
_ONLY_JSON = "Reply with JSON alone, without any words around it. It has to match this JSON Schema: "
_BEGUN = re.compile(r'\s*\{\s*"tool"\s*:\s*"([^"\\]{0,200})"')
_BEGUN_TEXT = re.compile(r'\s*\{\s*"tool"\s*:\s*""\s*,\s*"text"\s*:\s*"')
_MARKS = ("{", "<tool_call>", "[TOOL_CALLS]", "<|python_tag|>")


def is_needed(request: Request, abilities: Abilities) -> bool:
    """Whether the server cannot be given the request as it stands."""
    if request.tools and request.tool_choice != "none":
        forced = request.tool_choice != "auto"
        if not abilities.tools or (forced and not abilities.required):
            return True
    elif request.schema is not None and not abilities.schema:
        return True
    return not abilities.tools and any([_has_calls(message) for message in request.messages])


def wrap(request: Request, abilities: Abilities) -> Request:
    """The request as a server gets it that lacks tools, forced tool calls, or JSON Schema.

    Returns:
        The same request where nothing is missing.
    """
    if not is_needed(request, abilities):
        return request
    tools = request.tools if request.tool_choice != "none" else ()
    if tools:
        schema: dict[str, Any] | None = envelope_schema(request)
        told = _instruction(request)
    else:
        schema = request.schema
        told = _ONLY_JSON + show(schema) if schema is not None and not abilities.schema else ""
    messages = tuple(_merged(_plain_messages(request.messages, bool(tools))))
    return msgspec.structs.replace(
        request,
        messages=_with_instruction(messages, told) if told else messages,
        tools=(),
        tool_choice="auto",
        schema=schema if abilities.schema else None,
    )


def envelope_schema(request: Request) -> dict[str, Any]:
    """JSON Schema of one object that is a call of one of the tools, or an answer where that is allowed."""
    defs: dict[str, Any] = {}
    options = []
    choice = request.tool_choice
    for tool in request.tools:
        if choice in ("auto", "required", tool.name):
            arguments = Writer(tool.parameters, defs).root()
            options.append(_object({"tool": {"type": "string", "enum": [tool.name]}, "arguments": arguments}))
    if choice == "auto":
        answer: dict[str, Any] = {"text": {"type": "string"}}
        if request.schema is not None:
            answer = {"answer": Writer(request.schema, defs).root()}
        options.append(_object({"tool": {"type": "string", "enum": [""]}} | answer))
    found = options[0] if len(options) == 1 else {"anyOf": options}
    return found | {"$defs": defs} if defs else found


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _instruction(request: Request) -> str:
    """The tools, then what to reply: small models heed what stands last."""
    choice = request.tool_choice
    lines = ["You can use these tools:"]
    for tool in request.tools:
        if choice in ("auto", "required", tool.name):
            lines.append(f"- {tool.name}: {_one_line(tool.description)}")
            lines += _parameters(tool.parameters)
    lines.append(_CALLING)
    if choice == "auto":
        lines.append(_ANSWER if request.schema is None else _ANSWER_JSON + show(request.schema))
    else:
        lines.append(_MUST if choice == "required" else _MUST_ONE % choice)
    return "\n".join(lines)


def _parameters(schema: dict[str, Any]) -> list[str]:
    """A line for each parameter: about half the tokens of its JSON Schema; what is nested stays JSON Schema."""
    if not schema.keys() <= {
        "type",
        "properties",
        "required",
        "description",
        "title",
        "additionalProperties",
    }:
        return [f"  arguments: {show(schema)}"]
    properties, required = schema.get("properties", {}), schema.get("required", ())
    if not isinstance(properties, dict) or not isinstance(required, list | tuple):
        return [f"  arguments: {show(schema)}"]
    lines = []
    for name, node in properties.items():
        optional = "" if name in required else ", optional"
        if isinstance(node, dict) and node.keys() <= {
            "type",
            "description",
            "enum",
            "default",
            "title",
            "format",
        }:
            kind = (
                " | ".join(map(show, node["enum"]))
                if "enum" in node
                else show(node.get("type", "any")).strip('"')
            )
            lines.append(
                f"  {name} ({kind}{optional}): {_one_line(str(node.get('description', '')))}".rstrip(": ")
            )
        else:
            lines.append(f"  {name} (JSON Schema {show(node)}{optional})")
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- what was said before --------------------------------------------------------------------------------------


def _has_calls(message: Message) -> bool:
    return type(message.content) is not str and any(
        [isinstance(part, ToolCall | ToolResult) for part in message.content]
    )


def _plain_messages(messages: tuple[Message, ...], in_envelope: bool) -> Iterator[Message]:
    """The conversation without parts that only servers with tools know."""
    names: dict[str, str] = {}
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                names[part.id] = part.name
        if message.role == "assistant" and (in_envelope or _has_calls(message)):
            yield Message("assistant", tuple(_said(message)))
        elif message.role == "tool" or _has_calls(message):
            yield Message("user", tuple(_results(message, names)))
        else:
            yield message


def _said(message: Message) -> Iterator[Part]:
    """What the model said, as it would have said it in the envelope."""
    calls = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            calls.append(show({"tool": part.name, "arguments": _arguments(part)}))
        elif isinstance(part, Reasoning):
            yield part
    yield Text("\n".join(calls) if calls else show({"tool": "", "text": message.text}))


def _arguments(call: ToolCall) -> Any:
    try:
        return read_json(call.arguments or "{}")
    except ValueError:
        return call.arguments


def _results(message: Message, names: dict[str, str]) -> Iterator[Part]:
    for part in message.parts:
        if isinstance(part, ToolResult):
            name = part.name or names.get(part.id, part.id)
            yield Text(
                f"{'The tool' if part.error else 'Result of the tool'} {name}{' failed' * part.error}:\n{part.text}"
            )
            yield from part.images
        else:
            yield part


def _merged(messages: Iterator[Message]) -> Iterator[Message]:
    """Messages of the user that follow one another as one: some templates want the speakers to alternate."""
    waiting: Message | None = None
    for message in messages:
        if waiting is not None and waiting.role == message.role == "user":
            waiting = Message("user", (*_spaced(waiting.parts), *message.parts))
            continue
        if waiting is not None:
            yield waiting
        waiting = message
    if waiting is not None:
        yield waiting


def _spaced(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return (*parts, Text("\n\n")) if parts and isinstance(parts[-1], Text) else parts


def _with_instruction(messages: tuple[Message, ...], told: str) -> tuple[Message, ...]:
    if messages and messages[0].role == "system":
        first = messages[0]
        return (Message("system", f"{first.text}\n\n{told}"), *messages[1:])
    return (Message("system", told), *messages)


# --- what came back --------------------------------------------------------------------------------------------


def unwrap(request: Request, reply: Reply, *, wrapped: bool = True) -> Reply:
    """The reply as a server with tools would have given it.

    Calls that the server left in the text are taken out of it, too: with native tools only where nothing follows
    them, so that words that quote a call are not taken for one.

    Args:
        request: As it was before `wrap`.
        reply: What came back.
        wrapped: Whether `wrap` changed the request.

    Returns:
        The same reply where there is nothing to take out.
    """
    if not request.tools or request.tool_choice == "none" or reply.tool_calls:
        return reply
    text = reply.text
    if not any([mark in text for mark in _MARKS]):
        return reply
    first = sum([isinstance(part, ToolCall) for message in request.messages for part in message.parts])
    found = _opened(text, request, first) if wrapped else None
    if found is None:
        before, calls, after = find_calls(text, {tool.name for tool in request.tools}, first=first)
        if not calls or (after and not wrapped):
            return _cut(text, reply, first) if wrapped else reply
        found = (*((Text(before),) if before else ()), *calls)
    return _with_parts(reply, found, split_thought(text)[0])


def _opened(text: str, request: Request, first: int) -> tuple[Part, ...] | None:
    """What the envelope holds; None if there is none."""
    found: list[Part] = []
    names = {tool.name for tool in request.tools}
    for value in _values(text):
        name = value.get("tool")
        if name and isinstance(name, str) and (name in names or "arguments" in value):
            arguments = arguments_text(value.get("arguments"))
            found.append(ToolCall(f"call_{first + len(found)}", name, arguments))
        elif not name and "tool" in value and not found and ("text" in value or "answer" in value):
            answer = value["answer"] if "answer" in value else value["text"]
            return (Text(answer if isinstance(answer, str) and "answer" not in value else show(answer)),)
    return tuple(found) or None


def _values(text: str) -> Iterator[dict[str, Any]]:
    try:
        found = [read_json(text)]
    except ValueError:
        pieces = sorted(every_json(text), key=text.find)
        found = []
        for piece in pieces:
            try:
                found.append(read_json(piece))
            except ValueError:
                continue
    for value in found:
        yield from [
            item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)
        ]


def _cut(text: str, reply: Reply, first: int) -> Reply:
    """An envelope that was cut off, or is no JSON: an answer as far as it goes, or a call that cannot be read."""
    thought, rest = split_thought(text)
    if begun := _BEGUN_TEXT.match(rest):
        return _with_parts(reply, (Text(_as_far_as_it_goes(rest[begun.end() :])),), thought)
    if begun := _BEGUN.match(rest):
        return _with_parts(reply, (ToolCall(f"call_{first}", begun[1], rest.strip()),), thought)
    return reply


def _as_far_as_it_goes(text: str) -> str:
    """The inside of a string of JSON whose end is missing."""
    for cut in range(min(7, len(text) + 1)):  # an escape such as \\u00e4 may be cut in the middle
        try:
            return str(read_json(f'"{text[: len(text) - cut]}"'))
        except ValueError:
            continue
    return text


def _with_parts(reply: Reply, parts: tuple[Part, ...], thought: str) -> Reply:
    """The reply with other words and calls; what it thought stays."""
    kept = [part for part in reply.parts if isinstance(part, Reasoning)]
    if thought and not kept:
        kept.append(Reasoning(thought))
    stop = reply.stop
    if stop == "stop" and isinstance(parts[-1], ToolCall):
        stop = "tool_calls"
    return msgspec.structs.replace(reply, parts=(*kept, *parts), stop=stop)
