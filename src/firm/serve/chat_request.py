"""A request of Chat Completions as ours.

One rule: what would change the answer and is not done here is refused; what is only a hint is passed over.
"""

from typing import Annotated, Any, Literal

import msgspec

from firm.model.message import Part, Reasoning, Text, ToolResult
from firm.model.request import MAX_TOKENS, Request, Sampling, Tool
from firm.model.wire.text import NOTHING
from firm.serve.body import (
    EFFORTS,
    MAX_MESSAGES,
    MAX_PARTS,
    MAX_TOOLS,
    Alternatives,
    Seed,
    Share,
    Stops,
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
    unsupported,
    wrong,
)
from firm.serve.dialect import Asked
from firm.serve.openai import TIERS, Level, Tier, named_of, schema_of, word_of


class _Url(msgspec.Struct):
    url: str


class Sound(msgspec.Struct):
    """Sound in a message of OpenAI's protocols."""

    data: str
    format: Literal["wav", "mp3"]


class _File(msgspec.Struct):
    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _Url | None = None
    input_audio: Sound | None = None
    file: _File | None = None


class _Function(msgspec.Struct):
    name: str
    arguments: str = "{}"


class _Call(msgspec.Struct):
    id: str
    function: _Function | None = None
    type: str = "function"


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[_Part], msgspec.Meta(max_length=MAX_PARTS)] | None = None
    tool_calls: Annotated[list[_Call], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    function_call: Any = None


class _Described(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = NOTHING


class _Tool(msgspec.Struct):
    type: str
    function: _Described | None = None


class _Named(msgspec.Struct):
    name: str


class _Choice(msgspec.Struct):
    type: str
    function: _Named | None = None


class _Schema(msgspec.Struct):
    schema: msgspec.Raw = NOTHING


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = False


class _Body(msgspec.Struct):
    model: str
    messages: Annotated[list[_Message], msgspec.Meta(max_length=MAX_MESSAGES)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    tools: Annotated[list[_Tool], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Seed | None = None
    stop: str | Stops | None = None
    logprobs: bool | None = None
    top_logprobs: Alternatives | None = None
    reasoning_effort: Level | None = None
    service_tier: Tier | None = None
    prompt_cache_key: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    store: bool | None = None
    modalities: list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    functions: Any = None
    function_call: Any = None
    web_search_options: Any = None


_decoder = msgspec.json.Decoder(_Body)


def read_chat(raw: bytes, caller: str) -> Asked:
    """The body of `POST /v1/chat/completions`.

    Raises:
        Refusal: it cannot be right, or asks for what is not done here.
    """
    body = decode(raw, _decoder)
    _refuse(body)
    tools, choice = _tools(body)
    talk = Talk()
    for number, message in enumerate(body.messages):
        _say(talk, message, f"messages.{number}")
    form = body.response_format
    schema = None
    if form is not None:
        given = form.json_schema.schema if form.json_schema is not None else NOTHING
        schema = schema_of(form.type, given, "response_format")
    request = Request(
        talk.messages("messages"),
        body.model,
        body.max_completion_tokens or body.max_tokens or MAX_TOKENS,
        schema,
        tools,
        choice,
        _sampling(body),
        EFFORTS.get(body.reasoning_effort or "", ""),
        TIERS[body.service_tier],
        session_of(caller, body.prompt_cache_key),
        urgent=True,
    )
    usage = body.stream_options is not None and bool(body.stream_options.include_usage)
    return Asked(request, bool(body.stream), body.parallel_tool_calls is False, usage)


def _refuse(body: _Body) -> None:
    if body.n not in (None, 1):
        raise unsupported(
            "n", f"it is {body.n}; here one request gives one reply: leave it out, ask {body.n} times"
        )
    if body.store:
        raise unsupported("store", "no replies are kept here; leave it out")
    for name in ("functions", "function_call"):
        if getattr(body, name):
            raise unsupported(name, "this is the old way; give tools and tool_choice")
    for name in ("frequency_penalty", "presence_penalty", "logit_bias", "web_search_options"):
        if getattr(body, name):
            raise unsupported(name, "not every model has it, so it is not passed on; leave it out")
    if body.modalities is not None and body.modalities != ["text"]:
        raise unsupported(
            "modalities", f"{body.modalities!r:.80}: replies are text; give ['text'] or leave it out"
        )
    if body.top_logprobs and not body.logprobs:
        raise wrong("top_logprobs", "it needs logprobs: true")


def _sampling(body: _Body) -> Sampling:
    stop = (body.stop,) if isinstance(body.stop, str) else body.stop or ()
    logprobs = (body.top_logprobs or 0) if body.logprobs else None
    if any(not word for word in stop):
        raise wrong("stop", "a stop word is empty; leave it out")
    return Sampling(body.temperature, body.top_p, body.seed, stop, logprobs)


def _tools(body: _Body) -> tuple[tuple[Tool, ...], str]:
    tools = []
    for number, tool in enumerate(body.tools or ()):
        param = f"tools.{number}.function"
        if tool.type != "function" or tool.function is None:
            raise unsupported(
                f"tools.{number}", f"{tool.type!r:.80}: only tools of type 'function' are known here"
            )
        function = tool.function
        tools.append(tool_of(function.name, function.description, function.parameters, param))
    choice = body.tool_choice
    if not isinstance(choice, _Choice):
        return tuple(tools), word_of(choice, tuple(tools))
    name = choice.function.name if choice.function is not None else None
    return tuple(tools), named_of(choice.type, name, tuple(tools))


def _say(talk: Talk, message: _Message, param: str) -> None:
    if message.function_call is not None:
        raise unsupported(f"{param}.function_call", "this is the old way; give tool_calls")
    parts = _parts(message, f"{param}.content")
    if message.role == "tool":
        if not message.tool_call_id:
            raise wrong(f"{param}.tool_call_id", "it is missing; say which call this answers")
        words = "".join([part.text for part in parts if isinstance(part, Text)])
        talk.add(ToolResult(message.tool_call_id, words))
    elif message.role == "assistant":
        _assistant(talk, message, parts, param)
    elif not parts:
        raise wrong(f"{param}.content", "it is missing; say something")
    else:
        talk.say("user" if message.role == "user" else "system", parts)


def _assistant(talk: Talk, message: _Message, parts: list[Part], param: str) -> None:
    if message.reasoning_content:
        talk.add(Reasoning(message.reasoning_content, "chat"))
    for part in parts or ([Text(message.refusal)] if message.refusal else []):
        talk.add(part)
    for number, call in enumerate(message.tool_calls or ()):
        if call.function is None:
            raise unsupported(
                f"{param}.tool_calls.{number}", f"{call.type!r:.80}: only functions are known here"
            )
        talk.add(call_of(call.id, call.function.name, call.function.arguments))
    if not parts and not message.tool_calls and not message.refusal:
        talk.add(Text(""))


def _parts(message: _Message, param: str) -> list[Part]:
    content = message.content
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"{param}.{number}") for number, part in enumerate(content)]


def _part(part: _Part, param: str) -> Part:
    match part:
        case _Part(type="text", text=str(text)) | _Part(type="refusal", refusal=str(text)):
            return Text(text)
        case _Part(type="image_url", image_url=_Url(url)):
            return image_of(url, f"{param}.image_url")
        case _Part(type="input_audio", input_audio=Sound(data, format)):
            return audio_of(data, format, f"{param}.input_audio")
        case _Part(type="file", file=_File(file_data=str(data), filename=name)):
            return file_of(data, name, f"{param}.file")
        case _Part(type="file"):
            raise unsupported(f"{param}.file", "no files are kept here; give file_data, not file_id")
    raise wrong(
        f"{param}.type",
        f"{part.type!r:.80} is not known or not whole; known: text, image_url, input_audio, file",
    )
