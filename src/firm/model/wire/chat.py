"""Chat Completions: the protocol that nearly every server speaks.

One rule: what servers add or leave out is taken as it comes; only what would make the reply wrong is a fault.
"""

import hashlib
from typing import Any

import msgspec

from firm.model.error import NotAble
from firm.model.message import Audio, File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.portable import is_strict
from firm.model.reply import Reply, TokenLogprob
from firm.model.request import PLAIN, Delta, Request, Tool
from firm.model.target import Abilities, Model
from firm.model.transcript import Transcript, of_each
from firm.model.wire.fault import Fault, Kind, fault_in
from firm.model.wire.text import NOTHING, arguments_of, base64_of, data_url, from_json, to_json
from firm.model.wire.token import Logprob, count, logprobs_of
from firm.units import Usage

EFFORTS = {"instant": "none"}
"""Levels that are called differently on this wire."""
TIERS = {"batch": "flex"}
"""Tiers that are called differently: batches are another API; 'flex' is as cheap and as slow."""
MAX_CACHE_KEY = 64
"""Characters that a prompt-cache key may have."""
STOPS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filter",
    "eos": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "end_turn": "stop",
    "safety": "filter",
    "refusal": "filter",
}
BROKEN = frozenset({"abort", "error", "insufficient_system_resource"})
"""Reasons that mean that the server gave up: what came is not a reply."""


# --- what a server sends ---------------------------------------------------------------------------------------


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0
    audio_tokens: int | None = 0
    image_tokens: int | None = 0
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    total_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = NOTHING


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Said(msgspec.Struct):
    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _Logprobs(msgspec.Struct):
    content: list[Logprob] | None = None


class _Choice(msgspec.Struct):
    message: _Said | None = None
    delta: _Said | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Body(msgspec.Struct):
    id: str | None = ""
    model: str | None = ""
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Body)
_JOINED = "wire/chat, joined"
_KEPT = 256
_tools_kept: dict[int, tuple[tuple[Tool, ...], msgspec.Raw]] = {}
"""Tools by their identity, which holds as long as they are kept here, and their JSON."""


def usage_of(found: _Usage | None) -> Usage:
    """The five buckets, taken apart: here cached tokens are counted as input, and reasoning as output.

    Some servers (xAI, Gemini) leave reasoning out of the output, and count it in the total alone.
    """
    if found is None:
        return Usage()
    read, written = count(found.prompt_tokens), count(found.completion_tokens)
    into, out = found.prompt_tokens_details, found.completion_tokens_details
    total = count(found.total_tokens)
    hidden = total - read - written if total > read + written else 0
    cached = stored = reasoning = audio = image = 0
    if into is not None:
        cached = min(count(into.cached_tokens), read)
        stored = min(count(into.cache_write_tokens), read - cached)
        audio, image = count(into.audio_tokens), count(into.image_tokens)
    if out is not None:
        reasoning = 0 if hidden else min(count(out.reasoning_tokens), written)
        audio, image = audio + count(out.audio_tokens), image + count(out.image_tokens)
    return Usage(
        read - cached - stored, cached, stored, written - reasoning, reasoning + hidden, audio, image
    )


def words_of(content: Any) -> str:
    """The text of a content that is text, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            [part["text"] for part in content if isinstance(part, dict) and type(part.get("text")) is str]
        )
    return ""


def _parts(said: _Said) -> tuple[Part, ...]:
    parts: list[Part] = []
    thought = said.reasoning_content or said.reasoning
    if thought:
        parts.append(Reasoning(thought, "chat"))
    words = words_of(said.content) or said.refusal
    if words:
        parts.append(Text(words))
    for number, call in enumerate(said.tool_calls or ()):
        function = call.function or _Function()
        parts.append(
            ToolCall(
                call.id or f"call_{number}", function.name or "", arguments_of(function.arguments) or "{}"
            )
        )
    return tuple(parts)


# --- what is sent ----------------------------------------------------------------------------------------------


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(data, mime, url):
            return {"type": "image_url", "image_url": {"url": url or data_url(data, mime)}}
        case Audio(data, format):
            sound = {"data": base64_of(data), "format": format}
            return {"type": "input_audio", "input_audio": sound}
        case File(data, name, mime):
            return {"type": "file", "file": {"filename": name, "file_data": data_url(data, mime)}}
    raise NotAble(f"a part of kind {type(part).__name__!r} has no place in such a message; take it out")


def _encoded(messages: tuple[Message, ...]) -> Any:
    """The messages, ready to be encoded; of a conversation that goes on only what is new is looked at."""
    if type(messages) is not Transcript:
        return _messages(messages)
    bodies = of_each(messages, "wire/chat", _body_of)
    count, joined = messages.kept.get(_JOINED, (0, b"[]"))
    if count > len(bodies):
        count, joined = 0, b"[]"
    new = bodies[count:]
    if None in new:
        return _messages(messages)
    if added := b",".join([body for body in new if body]):
        comma = b"," if len(joined) > 2 else b""
        joined = b"".join((memoryview(joined)[:-1], comma, added, b"]"))  # one copy: it may be long
    messages.kept[_JOINED] = len(bodies), joined
    return msgspec.Raw(joined)


def _body_of(message: Message) -> bytes | None:
    """What becomes of one message, as items of the list; None: that depends on the others."""
    content = message.content
    if message.role == "tool" and type(content) is not str:
        if any([type(part) is ToolResult and part.images for part in content]):
            return None
        return to_json(_messages((message,)))[1:-1]
    return to_json(_message(message, content))


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    for message in messages:
        content = message.content
        if message.role == "tool" and not isinstance(content, str):
            for part in content:
                if isinstance(part, ToolResult):
                    found.append({"role": "tool", "tool_call_id": part.id, "content": part.text})
                    seen += [_part(image) for image in part.images]
            continue
        if seen:  # here results are words only: pictures follow as the user's, once all results are told
            found.append({"role": "user", "content": seen})
            seen = []
        found.append(_message(message, content))
    if seen:
        found.append({"role": "user", "content": seen})
    return found


def _message(message: Message, content: str | tuple[Part, ...]) -> dict[str, Any]:
    if isinstance(content, str):
        return {"role": message.role, "content": content}
    if message.role == "assistant":
        return _assistant(content)
    if all([type(part) is Text for part in content]):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": [_part(part) for part in content if type(part) is not Reasoning]}


def _assistant(content: tuple[Part, ...]) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": None}
    calls = []
    for part in content:
        match part:
            case Text(text):
                said["content"] = (said["content"] or "") + text
            case ToolCall(id, name, arguments):
                calls.append(
                    {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
                )
            case Reasoning(text, "chat") if text:
                said["reasoning_content"] = said.get("reasoning_content", "") + text
    if calls:
        said["tool_calls"] = calls
    elif said["content"] is None:
        said["content"] = ""
    return said


def _tools(request: Request) -> dict[str, Any]:
    choice: Any = request.tool_choice
    if choice not in ("auto", "required", "none"):
        choice = {"type": "function", "function": {"name": choice}}
    return {"tools": _encoded_tools(request.tools), "tool_choice": choice}


def _encoded_tools(tools: tuple[Tool, ...]) -> msgspec.Raw:
    """The tools, ready to be encoded; remembered, since agents send the same ones with each call."""
    known = _tools_kept.get(id(tools))
    if known is not None and known[0] is tools:
        return known[1]
    found = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]
    body = msgspec.Raw(to_json(found))
    if len(_tools_kept) >= _KEPT:
        _tools_kept.clear()
    _tools_kept[id(tools)] = (tools, body)
    return body


def _sampling(request: Request, abilities: Abilities) -> dict[str, Any]:
    found: dict[str, Any] = {}
    sampling = request.sampling
    for name in ("temperature", "top_p", "seed"):
        value = getattr(sampling, name)
        if value is not None:
            found[name] = value
    if sampling.stop:
        found["stop"] = list(sampling.stop)
    if sampling.logprobs is not None and abilities.logprobs:
        found["logprobs"] = True
        found["top_logprobs"] = sampling.logprobs
    return found


def cache_key(session: str) -> str:
    """A session as a key of the prompt cache, which may not be long."""
    if len(session) <= MAX_CACHE_KEY:
        return session
    return hashlib.blake2b(session.encode("utf-8", "replace"), digest_size=MAX_CACHE_KEY // 2).hexdigest()


class ChatWire:
    """Chat Completions."""

    name = "chat"
    path = "/chat/completions"

    def headers(self, key: str) -> dict[str, str]:
        """The key as a bearer token."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, request: Request, model: Model, abilities: Abilities, *, stream: bool) -> bytes:
        """The request as JSON."""
        body: dict[str, Any] = {
            "model": model.name,
            "messages": _encoded(request.messages),
            "max_completion_tokens" if abilities.completion_tokens else "max_tokens": request.max_tokens,
        }
        if request.tools and abilities.tools:
            body |= _tools(request)
        if request.schema is not None and abilities.schema:
            schema = {"name": "reply", "schema": request.schema, "strict": is_strict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.sampling is not PLAIN:
            body |= _sampling(request, abilities)
        if request.effort and abilities.effort:
            body["reasoning_effort"] = EFFORTS.get(request.effort, request.effort)
        if request.tier or model.tier:
            tier = request.tier or model.tier
            body["service_tier"] = TIERS.get(tier, tier)
        if request.session and not model.own:
            body["prompt_cache_key"] = cache_key(request.session)
        if stream:
            body["stream"] = True
            if abilities.stream_usage:
                body["stream_options"] = {"include_usage": True}
        return to_json(body)

    def reply(self, body: bytes) -> Reply:
        """A whole reply."""
        found = from_json(body, _decoder)
        if found.error:
            raise _used(fault_in(found.error), found.usage)
        if not found.choices or found.choices[0].message is None:
            raise _used(Fault(Kind.JUNK, "the reply has no choices"), found.usage)
        choice = found.choices[0]
        assert choice.message is not None
        parts = _parts(choice.message)
        try:
            stop = stop_of(choice.finish_reason, parts)
        except Fault as fault:
            raise _used(fault, found.usage) from None
        return Reply(
            parts,
            usage_of(found.usage),
            stop,
            found.model or "",
            logprobs=logprobs_of(choice.logprobs.content) if choice.logprobs is not None else (),
            request_id=found.id or "",
        )

    def stream(self) -> "ChatStream":
        """A reader for one streamed reply."""
        return ChatStream()


def stop_of(reason: str | None, parts: tuple[Part, ...]) -> str:
    """Why it stopped, in our words.

    Raises:
        Fault: if the server gave up.
    """
    stop = STOPS.get(reason, "stop") if reason else "stop"
    if stop in ("stop", "tool_calls"):
        if reason in BROKEN:
            fault = Fault(Kind.SERVER, f"the server broke the reply off: {reason!r}")
            fault.begun = True
            raise fault
        return "tool_calls" if parts and type(parts[-1]) is ToolCall else "stop"
    return stop


def _used(fault: Fault, usage: _Usage | None) -> Fault:
    """The fault, with what the attempt used all the same."""
    if usage is not None:
        fault.usage = usage_of(usage)
    return fault


class ChatStream:
    """Puts a reply together from chunks."""

    def __init__(self) -> None:
        self.ended = False
        self._words: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[list[str]] = []
        """Of each call: id, name, and pieces of its arguments."""
        self._places: dict[int, int] = {}
        """Where in `_calls` the call of an index is."""
        self._logprobs: list[TokenLogprob] = []
        self._usage: _Usage | None = None
        self._reason: str | None = None
        self._id = self._model = ""
        self._begun = False

    def feed(self, event: str, data: bytes) -> Delta | None:
        """Take one event."""
        if data[:6] == b"[DONE]":
            if not self._begun:
                raise Fault(Kind.JUNK, "the stream ended before it had a choice")
            self.ended = True
            return None
        found = from_json(data, _decoder)
        if found.usage is not None:
            self._usage = found.usage
        if found.error:
            raise _used(fault_in(found.error), found.usage)
        if not found.choices:
            return None
        if not self._begun:
            self._begun, self._id, self._model = True, found.id or "", found.model or ""
        choice = found.choices[0]
        if choice.finish_reason:
            self._reason = choice.finish_reason
        if choice.logprobs is not None:
            self._logprobs += logprobs_of(choice.logprobs.content)
        return self._take(choice.delta) if choice.delta is not None else None

    def _take(self, delta: _Said) -> Delta | None:
        content = delta.content
        thought = delta.reasoning_content or delta.reasoning or ""
        if content and type(content) is str and not thought and not delta.tool_calls:
            self._words.append(content)
            return Delta(content)
        words = words_of(content) or delta.refusal or ""
        if thought:
            self._thoughts.append(thought)
        if words:
            self._words.append(words)
        tool = arguments = ""
        for call in delta.tool_calls or ():
            name, piece = self._call(call)
            tool, arguments = tool or name, arguments + piece
        if thought or words or tool or arguments:
            return Delta(words, thought, tool, arguments)
        return None

    def _call(self, call: _Call) -> tuple[str, str]:
        """Take a piece of a call: its name, if that came now, and its piece of arguments."""
        function = call.function or _Function()
        known = self._calls[self._place(call.index, call.id, function.name)]
        if call.id and not known[0]:
            known[0] = call.id
        name = ""
        if function.name and not known[1]:
            name = known[1] = function.name
        piece = "" if bytes(function.arguments) == b"null" else arguments_of(function.arguments)
        if piece:
            known.append(piece)
        return name, piece

    def _place(self, index: int | None, id: str | None, name: str | None) -> int:
        """Where a call is kept. Some servers leave the index out, others give every call index 0.

        A new id with a name is a new call; without an index, so is a new id; no id goes on with the last.
        """
        if index is None:
            for place, known in enumerate(self._calls):
                if id and known[0] == id:
                    return place
            place = len(self._calls) - 1 if self._calls and not id else -1
        else:
            place = self._places.get(index, -1)
            if place >= 0 and id and name and self._calls[place][0] not in ("", id):
                place = -1
        if place < 0:
            place = len(self._calls)
            self._calls.append(["", ""])
            if index is not None:
                self._places[index] = place
        return place

    def reply(self) -> Reply:
        """The whole reply."""
        parts: list[Part] = []
        if self._thoughts:
            parts.append(Reasoning("".join(self._thoughts), "chat"))
        if self._words:
            parts.append(Text("".join(self._words)))
        for number, (id, name, *pieces) in enumerate(self._calls):
            parts.append(ToolCall(id or f"call_{number}", name, "".join(pieces) or "{}"))
        whole = tuple(parts)
        try:
            stop = stop_of(self._reason, whole)
        except Fault as fault:
            raise _used(fault, self._usage) from None
        return Reply(
            whole,
            usage_of(self._usage),
            stop,
            self._model,
            logprobs=tuple(self._logprobs),
            request_id=self._id,
        )
