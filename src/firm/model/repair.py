"""What is wrong with a reply, and how the model is told.

One rule: a reply is right only if what is asked for can be read from it; nothing is guessed or filled in. Asking
again, and giving up, is for the caller.
"""

import re

import msgspec

from firm.errors import UsageError
from firm.model.error import BadReply, ReplyFiltered
from firm.model.message import Message, Part, Text, ToolCall, ToolResult
from firm.model.parse import read_json, show
from firm.model.reply import Reply
from firm.model.request import Request, Tool
from firm.model.schema import Mismatch, Shape, shape_of

MAX_QUOTED_CHARS = 8_000
"""How much of a wrong reply, or of a schema, the model is shown again."""
MAX_NAMES = 50
_ODD = re.compile(r"[^A-Za-z0-9_-]")


def problem(request: Request, reply: Reply, shape: Shape | None) -> str | None:
    """What is wrong with a reply, in words for the model; None if it is right.

    Where a shape was asked for and the reply holds it, `reply.value` is set.

    Raises:
        BadReply: if asking again cannot help: the reply was cut off at `max_tokens`.
        ReplyFiltered: if the provider withheld it.
    """
    if reply.stop == "filter":
        raise ReplyFiltered(
            f"{_who(request, reply)} withheld the reply (it said: {reply.text[:200]!r}); word the question differently"
        )
    calls = reply.tool_calls
    wrong = _wrong_calls(request, calls) if calls else _missing_call(request)
    if wrong is None and not calls and shape is not None:
        try:
            reply.value = shape.decode(reply.text)
        except Mismatch as error:
            wrong = f"it does not match the schema: {error}" if reply.text.strip() else "it is empty"
    if wrong is not None and reply.stop == "length":
        raise BadReply(
            f"{_who(request, reply)} was cut off in the middle after {reply.usage.written:,} tokens "
            f"(max_tokens={request.max_tokens!r}), so {wrong}; raise max_tokens"
        )
    return wrong


def _who(request: Request, reply: Reply) -> str:
    name = f" ({reply.model})" if reply.model and reply.model != request.model else ""
    return f"model {request.model!r}{name} at {reply.endpoint or 'an unnamed endpoint'}"


def _missing_call(request: Request) -> str | None:
    choice = request.tool_choice
    if not request.tools or choice in ("auto", "none"):
        return None
    return "it calls no tool, and it has to call " + (
        "one" if choice == "required" else f"the tool {choice!r}"
    )


def _wrong_calls(request: Request, calls: tuple[ToolCall, ...]) -> str | None:
    found = [wrong for call in calls if (wrong := _wrong_call(request, call))]
    choice = request.tool_choice
    if (
        not found
        and choice not in ("auto", "required", "none")
        and all([call.name != choice for call in calls])
    ):
        found = [f"it calls the tool {calls[0].name!r}, and it has to call {choice!r}"]
    return "; ".join(found) or None


def _wrong_call(request: Request, call: ToolCall) -> str | None:
    if request.tool_choice == "none" or not request.tools:
        return f"it calls the tool {call.name[:100]!r}, and no tool may be called now; answer in words"
    tool = next((tool for tool in request.tools if tool.name == call.name), None)
    if tool is None:
        names = ", ".join([tool.name for tool in request.tools[:MAX_NAMES]])
        return f"there is no tool {call.name[:100]!r}; there are: {names}"
    try:
        arguments = read_json(call.arguments or "{}")
    except ValueError as error:
        return f"the arguments of the tool {call.name!r} cannot be read: {error}"
    if not isinstance(arguments, dict):
        return f"the arguments of the tool {call.name!r} are {show(arguments)[:100]}; they have to be a JSON object"
    try:
        shape_of_tool(tool).convert(arguments)
    except Mismatch as error:
        return f"the arguments of the tool {call.name!r} do not fit: {error}"
    return None


def shape_of_tool(tool: Tool) -> Shape:
    """What the arguments of a tool have to be.

    Raises:
        UsageError: if its parameters are no JSON Schema that can be checked.
    """
    try:
        return shape_of(tool.parameters)
    except UsageError as error:
        raise UsageError(f"tool {tool.name!r}: its parameters cannot be used: {error}") from None


def again(request: Request, reply: Reply, wrong: str) -> Request:
    """The request of the one round of repair: what the model said, and what is wrong with it.

    Args:
        request: What was asked.
        reply: What came.
        wrong: What `problem` found.
    """
    told = f"This cannot be used: {wrong}. Do it again, and do it right."
    if reply.tool_calls:
        messages = _calls_and_refusals(request, reply, told)
    else:
        if request.schema is not None and len(schema := show(request.schema)) <= MAX_QUOTED_CHARS:
            told += f" Reply with JSON alone that matches this JSON Schema: {schema}"
        said = Message("assistant", tuple([_shortened(part) for part in reply.parts]))
        asked = Message("user", told)
        messages = (said, asked) if reply.text.strip() else (asked,)
    return msgspec.structs.replace(request, messages=(*request.messages, *messages))


def _calls_and_refusals(request: Request, reply: Reply, told: str) -> tuple[Message, ...]:
    """The calls, and a result for each: providers refuse calls without one."""
    parts: list[Part] = []
    results: list[Part] = []
    faults = {call: _wrong_call(request, call) for call in reply.tool_calls}
    for part in reply.parts:
        if isinstance(part, ToolCall):
            fault, part = faults[part], _sendable(part, len(results))
            text = f"This cannot be used: {fault}. Do it again, and do it right." if fault else told
            if not fault and any(faults.values()):
                text = "Not done, since another call beside it was wrong. Do it again."
            results.append(ToolResult(part.id, text, part.name, error=True))
        parts.append(part)
    return Message("assistant", tuple(parts)), Message("tool", tuple(results))


def _shortened(part: Part) -> Part:
    if isinstance(part, Text) and len(part.text) > MAX_QUOTED_CHARS:
        half = MAX_QUOTED_CHARS // 2
        return Text(f"{part.text[:half]}\n…\n{part.text[-half:]}")
    return part


def _sendable(call: ToolCall, number: int) -> ToolCall:
    """The call as every provider takes it back: with an id, a plain name, and arguments that are an object."""
    try:
        fine = isinstance(read_json(call.arguments or "{}"), dict)
    except ValueError:
        fine = False
    name = _ODD.sub("_", call.name)[:64] or "unknown"
    return ToolCall(call.id or f"call_{number}", name, call.arguments if fine else "{}")
