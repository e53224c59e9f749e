"""A request of Anthropic Messages as ours.

One rule: what would change the answer and is not done here is refused; what is only a hint is passed over.
"""

from typing import Annotated, Literal

import msgspec

from firm.model.message import Image, Part, Text, ToolCall, ToolResult
from firm.model.request import Request, Sampling, Tool
from firm.model.wire.text import NOTHING
from firm.serve.body import (
    MAX_MESSAGES,
    MAX_PARTS,
    MAX_TOOLS,
    Share,
    Talk,
    Tokens,
    absent,
    check_tools,
    decode,
    file_of,
    image_bytes,
    image_of,
    session_of,
    tool_of,
    tree,
    unseal,
    unsupported,
    wrong,
)
from firm.serve.dialect import Asked

Heat = Annotated[float, msgspec.Meta(ge=0, le=1)]
MAX_STOPS = 64
LOW_TOKENS, MEDIUM_TOKENS = 4_096, 16_384
"""A budget for thinking below the first is a low effort, below the second a medium one, else a high one."""


class _Source(msgspec.Struct):
    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    source: _Source | None = None
    title: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NOTHING
    tool_use_id: str | None = None
    content: msgspec.Raw = NOTHING
    is_error: bool | None = None


_Blocks = Annotated[list[_Block], msgspec.Meta(max_length=MAX_PARTS)]


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | _Blocks


class _Tool(msgspec.Struct):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = NOTHING


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = NOTHING


class _Output(msgspec.Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Body(msgspec.Struct):
    model: str
    messages: Annotated[list[_Message], msgspec.Meta(max_length=MAX_MESSAGES)]
    max_tokens: Tokens
    system: str | _Blocks | None = None
    tools: Annotated[list[_Tool], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: _Choice | None = None
    output_config: _Output | None = None
    thinking: _Thinking | None = None
    temperature: Heat | None = None
    top_p: Share | None = None
    top_k: int | None = None
    stop_sequences: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_STOPS)] | None = None
    metadata: _Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    stream: bool | None = None
    container: str | None = None
    mcp_servers: list[msgspec.Raw] | None = None


_decoder = msgspec.json.Decoder(_Body)
_content = msgspec.json.Decoder(str | _Blocks)
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def read_messages(raw: bytes, caller: str) -> Asked:
    """The body of `POST /v1/messages`.

    Raises:
        Refusal: it cannot be right, or asks for what is not done here.
    """
    body = decode(raw, _decoder)
    for name in ("container", "mcp_servers", "top_k"):
        if getattr(body, name):
            raise unsupported(name, "not every model has it, so it is not passed on; leave it out")
    tools, choice = _tools(body)
    talk = Talk()
    if body.system:
        talk.say("system", _parts(body.system, "system"))
    for number, message in enumerate(body.messages):
        _say(talk, message, f"messages.{number}.content")
    request = Request(
        talk.messages("messages"),
        body.model,
        body.max_tokens,
        _schema(body.output_config),
        tools,
        choice,
        Sampling(body.temperature, body.top_p, stop=_stops(body)),
        _effort(body),
        "default" if body.service_tier == "standard_only" else "",
        session_of(caller, body.metadata.user_id if body.metadata is not None else None),
        urgent=True,
    )
    single = body.tool_choice is not None and bool(body.tool_choice.disable_parallel_tool_use)
    return Asked(request, bool(body.stream), single)


def _stops(body: _Body) -> tuple[str, ...]:
    stops = body.stop_sequences or ()
    if len(stops) > 4 or not all(word.strip() for word in stops):
        raise wrong("stop_sequences", "give at most 4, none of them blank")
    return stops


def _schema(output: _Output | None) -> dict[str, object] | None:
    form = output.format if output is not None else None
    if form is None:
        return None
    if form.type != "json_schema" or absent(form.schema):
        raise wrong("output_config.format", f"{form.type!r:.80}: give type json_schema, and a schema")
    return tree(form.schema, "output_config.format.schema")


def _effort(body: _Body) -> str:
    if body.output_config is not None and body.output_config.effort:
        return body.output_config.effort
    thinking = body.thinking
    if thinking is None or thinking.type not in ("enabled", "disabled"):
        return ""
    tokens = thinking.budget_tokens
    if thinking.type == "disabled":
        return "instant"
    if tokens is None:
        return ""
    return "low" if tokens < LOW_TOKENS else "medium" if tokens < MEDIUM_TOKENS else "high"


def _tools(body: _Body) -> tuple[tuple[Tool, ...], str]:
    tools = []
    for number, tool in enumerate(body.tools or ()):
        if tool.type not in (None, "custom"):
            raise unsupported(f"tools.{number}", f"{tool.type!r:.80}: only tools of your own are known here")
        tools.append(tool_of(tool.name, tool.description, tool.input_schema, f"tools.{number}"))
    choice = body.tool_choice
    if choice is None:
        return tuple(tools), "auto"
    if choice.type == "tool" and choice.name is None:
        raise wrong("tool_choice.name", "it is missing; say which tool")
    word = _CHOICES.get(choice.type) or choice.name or ""
    check_tools(tuple(tools), word, named=choice.type == "tool")
    return tuple(tools), word


# --- the conversation ------------------------------------------------------------------------------------------


def _say(talk: Talk, message: _Message, param: str) -> None:
    content = message.content
    blocks = [_Block("text", content)] if isinstance(content, str) else content
    if message.role == "system":
        talk.say("system", _parts(blocks, param))
        return
    rest: list[Part] = []
    for number, block in enumerate(blocks):
        here = f"{param}.{number}"
        if block.type == "tool_result":
            talk.add(_result(block, here))
        elif message.role == "assistant":
            _assistant(talk, block, here)
        else:
            rest.append(_part(block, here))
    if rest:
        talk.say("user", rest)


def _assistant(talk: Talk, block: _Block, param: str) -> None:
    match block:
        case _Block(type="thinking", signature=sealed) | _Block(type="redacted_thinking", data=sealed):
            for thought in unseal(sealed):
                talk.add(thought)
        case _Block(type="tool_use", id=str(id), name=str(name), input=raw):
            arguments = "{}" if absent(raw) else bytes(raw).decode("utf-8", "replace")
            talk.add(ToolCall(id, name, arguments))
        case _:
            talk.add(_part(block, param))


def _result(block: _Block, param: str) -> ToolResult:
    if not block.tool_use_id:
        raise wrong(f"{param}.tool_use_id", "it is missing; say which call this answers")
    parts = (
        [] if absent(block.content) else _parts(decode(bytes(block.content), _content), f"{param}.content")
    )
    images = tuple(part for part in parts if not isinstance(part, Text))
    words = "".join([part.text for part in parts if isinstance(part, Text)])
    return ToolResult(block.tool_use_id, words, error=bool(block.is_error), images=_pictures(images, param))


def _pictures(parts: tuple[Part, ...], param: str) -> tuple[Image, ...]:
    found = tuple(part for part in parts if isinstance(part, Image))
    if len(found) < len(parts):
        raise unsupported(f"{param}.content", "results of tools are text and pictures here")
    return found


def _parts(content: str | list[_Block], param: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    return [_part(block, f"{param}.{number}") for number, block in enumerate(content)]


def _part(block: _Block, param: str) -> Part:
    match block:
        case _Block(type="text", text=str(text)):
            return Text(text)
        case _Block(type="image", source=_Source(type="base64", media_type=str(mime), data=str(data))):
            return image_bytes(data, mime, f"{param}.source")
        case _Block(type="image", source=_Source(type="url", url=str(url))):
            return image_of(url, f"{param}.source.url")
        case _Block(type="document", source=_Source(type="base64", data=str(data)), title=title):
            return file_of(data, title, f"{param}.source")
        case _Block(type="document", source=_Source(type="text", data=str(text))):
            return Text(text)
        case _Block(type="image" | "document"):
            raise unsupported(f"{param}.source", "no files are kept or fetched here; give base64 or text")
    raise wrong(
        f"{param}.type",
        f"{block.type!r:.80} is not known or not whole; known: text, image, document, tool_use, tool_result, thinking",
    )
