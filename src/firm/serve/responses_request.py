"""A request of Responses as ours: without state, so the whole conversation stands in it.

One rule: what would change the answer and is not done here is refused; what is only a hint is passed over.
"""

from typing import Annotated, Any, Literal

import msgspec

from firm.model.message import Image, Part, Text, ToolResult
from firm.model.request import MAX_TOKENS, Request, Sampling, Tool
from firm.model.wire.text import NOTHING
from firm.serve.body import (
    EFFORTS,
    MAX_MESSAGES,
    MAX_PARTS,
    MAX_TOOLS,
    Alternatives,
    Share,
    Talk,
    Temperature,
    Tokens,
    audio_of,
    call_of,
    decode,
    file_of,
    image_of,
    session_of,
    tool_of,
    unseal,
    unsupported,
    wrong,
)
from firm.serve.chat_request import Sound
from firm.serve.dialect import Asked
from firm.serve.openai import TIERS, Level, Tier, named_of, schema_of, word_of

Role = Literal["user", "assistant", "system", "developer"]


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    input_audio: Sound | None = None
    file_data: str | None = None
    filename: str | None = None


_Parts = Annotated[list[_Part], msgspec.Meta(max_length=MAX_PARTS)]


class _Item(msgspec.Struct):
    type: str = "message"
    role: Role | None = None
    content: str | _Parts | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | _Parts | None = None
    encrypted_content: str | None = None


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = NOTHING


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = NOTHING


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Reasoning(msgspec.Struct):
    effort: Level | None = None


class _Body(msgspec.Struct):
    model: str
    input: str | Annotated[list[_Item], msgspec.Meta(max_length=MAX_MESSAGES)]
    instructions: str | None = None
    max_output_tokens: Tokens | None = None
    tools: Annotated[list[_Tool], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    include: list[str] | None = None
    top_logprobs: Alternatives | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    service_tier: Tier | None = None
    prompt_cache_key: str | None = None
    stream: bool | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    background: bool | None = None
    truncation: str | None = None


_decoder = msgspec.json.Decoder(_Body)
_STATE = "no replies are kept here; send the whole conversation in input, with store: false"


def read_responses(raw: bytes, caller: str) -> Asked:
    """The body of `POST /v1/responses`.

    Raises:
        Refusal: it cannot be right, or asks for what is not done here.
    """
    body = decode(raw, _decoder)
    _refuse(body)
    tools, choice = _tools(body)
    form = body.text.format if body.text is not None else None
    request = Request(
        _talk(body).messages("input"),
        body.model,
        body.max_output_tokens or MAX_TOKENS,
        schema_of(form.type, form.schema, "text.format") if form is not None else None,
        tools,
        choice,
        Sampling(body.temperature, body.top_p, logprobs=_logprobs(body)),
        EFFORTS.get((body.reasoning.effort if body.reasoning is not None else None) or "", ""),
        TIERS[body.service_tier],
        session_of(caller, body.prompt_cache_key),
        urgent=True,
    )
    return Asked(request, bool(body.stream), body.parallel_tool_calls is False, echo=_echo(body, request))


def _refuse(body: _Body) -> None:
    for name in ("previous_response_id", "conversation", "store", "background"):
        if getattr(body, name):
            raise unsupported(name, _STATE)
    if body.prompt is not None:
        raise unsupported("prompt", "no prompts are kept here; send instructions and input")
    if body.truncation not in (None, "disabled"):
        raise unsupported("truncation", "nothing is left out here; send what fits, or leave this out")


def _logprobs(body: _Body) -> int | None:
    asks = "message.output_text.logprobs" in (body.include or ())
    return (body.top_logprobs or 0) if asks or body.top_logprobs else None


def _tools(body: _Body) -> tuple[tuple[Tool, ...], str]:
    tools = []
    for number, tool in enumerate(body.tools or ()):
        if tool.type != "function" or tool.name is None:
            raise unsupported(
                f"tools.{number}", f"{tool.type!r:.80}: only tools of type 'function' are known here"
            )
        tools.append(tool_of(tool.name, tool.description, tool.parameters, f"tools.{number}"))
    choice = body.tool_choice
    if not isinstance(choice, _Choice):
        return tuple(tools), word_of(choice, tuple(tools))
    return tuple(tools), named_of(choice.type, choice.name, tuple(tools))


def _echo(body: _Body, request: Request) -> dict[str, Any]:
    choice: Any = request.tool_choice
    if choice not in ("auto", "required", "none"):
        choice = {"type": "function", "name": choice}
    tools = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": False,
        }
        for tool in request.tools
    ]
    return {
        "instructions": body.instructions,
        "tools": tools,
        "tool_choice": choice,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "max_output_tokens": body.max_output_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
    }


# --- the conversation ------------------------------------------------------------------------------------------


def _talk(body: _Body) -> Talk:
    talk = Talk()
    if body.instructions:
        talk.say("system", [Text(body.instructions)])
    if isinstance(body.input, str):
        talk.say("user", [Text(body.input)])
        return talk
    for number, item in enumerate(body.input):
        _say(talk, item, f"input.{number}")
    return talk


def _say(talk: Talk, item: _Item, param: str) -> None:
    match item:
        case _Item(type="message", role=str(role), content=content) if content is not None:
            parts = _parts(content, f"{param}.content")
            if role == "assistant":
                for part in parts:
                    talk.add(part)
            elif parts:
                talk.say("user" if role == "user" else "system", parts)
        case _Item(type="function_call", call_id=str(id), name=str(name)):
            talk.add(call_of(id, name, item.arguments or ""))
        case _Item(type="function_call_output", call_id=str(id), output=output) if output is not None:
            talk.add(_result(id, _parts(output, f"{param}.output"), param))
        case _Item(type="reasoning"):
            for thought in unseal(item.encrypted_content):
                talk.add(thought)
        case _Item(type="item_reference"):
            raise unsupported(param, _STATE)
        case _:
            raise wrong(
                param,
                f"an item of type {item.type!r:.80} is not known or not whole; known: message, function_call, "
                "function_call_output, reasoning",
            )


def _result(id: str, parts: list[Part], param: str) -> ToolResult:
    images = tuple(part for part in parts if isinstance(part, Image))
    words = [part.text for part in parts if isinstance(part, Text)]
    if len(images) + len(words) < len(parts):
        raise unsupported(f"{param}.output", "results of tools are text and pictures here")
    return ToolResult(id, "".join(words), images=images)


def _parts(content: str | list[_Part], param: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"{param}.{number}") for number, part in enumerate(content)]


def _part(part: _Part, param: str) -> Part:
    match part:
        case _Part(type="input_text" | "output_text" | "text" | "summary_text", text=str(text)):
            return Text(text)
        case _Part(type="refusal", refusal=str(text)):
            return Text(text)
        case _Part(type="input_image", image_url=str(url)):
            return image_of(url, f"{param}.image_url")
        case _Part(type="input_audio", input_audio=Sound(data, format)):
            return audio_of(data, format, f"{param}.input_audio")
        case _Part(type="input_file", file_data=str(data)):
            return file_of(data, part.filename, f"{param}.file_data")
        case _Part(type="input_file" | "input_image"):
            raise unsupported(param, "no files are kept or fetched here; give file_data or image_url")
    raise wrong(f"{param}.type", f"{part.type!r:.80} is not known or not whole")
