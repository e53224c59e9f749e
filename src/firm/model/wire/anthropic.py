"""Anthropic Messages.

One rule: blocks of thinking go back as they came, signature and all. The protocol has no place for `seed` and
`logprobs`: they are left out, and a reply's `logprobs` are then empty. Temperatures above 1 and sound are refused.

Effort is `output_config.effort`; from 'low' on the model is also told that it may think, unless the request forces
a tool or sets how tokens are drawn, which the provider does not take together. Of the tiers only 'priority' has a
like ('auto'); the others are 'standard_only'. Where calls share a prefix (`session`), the ends of tools and system
prompt and of the last message are marked for the prompt cache.
"""

import re
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from firm.model.error import NotAble
from firm.model.message import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.portable import unbounded
from firm.model.reply import Reply
from firm.model.request import PLAIN, Delta, Request
from firm.model.target import Abilities, Model
from firm.model.wire.fault import Fault, Kind, fault_in
from firm.model.wire.text import NOTHING, arguments_of, base64_of, from_json, object_of, to_json
from firm.model.wire.token import count
from firm.units import Usage

VERSION = "2023-06-01"
EFFORTS = {"instant": "low"}
"""Levels that are called differently on this wire."""
CHOICES = {"auto": {"type": "auto"}, "required": {"type": "any"}, "none": {"type": "none"}}
CACHE = {"type": "ephemeral"}
CACHED = frozenset({"text", "image", "document", "tool_use", "tool_result"})
"""Kinds of blocks that can carry a mark for the prompt cache."""
STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "filter",
}


# --- what a server sends ---------------------------------------------------------------------------------------


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _Details | None = None


class _Block(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NOTHING


class _Body(msgspec.Struct):
    id: str | None = ""
    model: str | None = ""
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None
    error: Any = None


class _Piece(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    index: int | None = None
    message: _Body | None = None
    content_block: msgspec.Raw = NOTHING
    delta: _Piece | None = None
    usage: _Usage | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Body)
_block_decoder = msgspec.json.Decoder(_Block)
_event_decoder = msgspec.json.Decoder(_Event)
_any_decoder = msgspec.json.Decoder()


def usage_of(found: _Usage | None) -> Usage:
    """The five buckets: here cached tokens stand beside the input, and reasoning is counted as output."""
    if found is None:
        return Usage()
    written = count(found.output_tokens)
    details = found.output_tokens_details
    thinking = 0 if details is None else min(count(details.thinking_tokens), written)
    return Usage(
        count(found.input_tokens),
        count(found.cache_read_input_tokens),
        count(found.cache_creation_input_tokens),
        written - thinking,
        thinking,
    )


def _read(block: _Block, body: bytes, number: int) -> Part | None:
    """A block as a part; `body` is all of it as JSON."""
    if block.type == "text":
        return Text(block.text) if block.text else None
    if block.type == "tool_use":
        return ToolCall(block.id or f"call_{number}", block.name or "", arguments_of(block.input) or "{}")
    if block.type in ("thinking", "redacted_thinking"):
        return Reasoning(block.thinking or "", "anthropic", body.decode("utf-8", "replace"))
    return None


def stop_of(reason: str | None, parts: tuple[Part, ...]) -> str:
    """Why it stopped, in our words."""
    stop = STOPS.get(reason, "stop") if reason else "stop"
    if stop in ("stop", "tool_calls"):
        return "tool_calls" if any([type(part) is ToolCall for part in parts]) else "stop"
    return stop


# --- what is sent ----------------------------------------------------------------------------------------------


def _block(part: Part) -> dict[str, Any] | None:
    """A part as a block; None if there is nothing to send."""
    match part:
        case Text(text):
            return {"type": "text", "text": text} if text else None  # empty blocks are refused
        case Image():
            return _image(part)
        case File(data, name, mime):
            return _document(data, name, mime)
        case ToolCall(id, name, arguments):
            return {"type": "tool_use", "id": _id(id), "name": name, "input": _object(arguments)}
        case ToolResult():
            return _result(part)
        case Reasoning(_, wire, data):
            return object_of(data) if wire == "anthropic" else None
    raise NotAble(
        f"a part of kind {type(part).__name__!r} has no place in the Anthropic protocol; "
        "take it out, or use a model with another wire"
    )


def _image(image: Image) -> dict[str, Any]:
    if image.url and not image.url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    mime, data = image.mime, ""
    if image.url:
        head, _, data = image.url.removeprefix("data:").partition(",")
        mime = head.removesuffix(";base64")
    source = {"type": "base64", "media_type": mime, "data": data or base64_of(image.data)}
    return {"type": "image", "source": source}


def _document(data: bytes, name: str, mime: str) -> dict[str, Any]:
    if mime == "application/pdf":
        source = {"type": "base64", "media_type": mime, "data": base64_of(data)}
    elif mime.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8", "replace")}
    else:
        raise NotAble(
            f"{name!r} is {mime!r}; the Anthropic protocol takes PDF and text, give it as one of these"
        )
    return {"type": "document", "source": source, "title": name}


def _result(part: ToolResult) -> dict[str, Any]:
    content: Any = part.text
    if part.images:
        content = [{"type": "text", "text": part.text}] if part.text else []
        content += [_image(image) for image in part.images]
    found = {"type": "tool_result", "tool_use_id": _id(part.id), "content": content}
    if part.error:
        found["is_error"] = True
    return found


def _id(id: str) -> str:
    """Ids of other servers may have characters that are not taken here."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", id) or "call"


def _object(arguments: str) -> dict[str, Any]:
    """Arguments must be an object here, also those that the model got wrong."""
    found = object_of(arguments or "{}")
    return {"invalid": arguments} if found is None else found


def _turns(messages: tuple[Message, ...]) -> tuple[list[dict[str, Any]], list[str]]:
    """The turns, users' and models' in alternation, and apart from them the system prompt, wherever it stood."""
    turns: list[dict[str, Any]] = []
    system: list[str] = []
    last = ""
    for message in messages:
        if message.role == "system":
            if message.text:
                system.append(message.text)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        content: Any = message.content
        if not isinstance(content, str):
            content = [block for block in map(_block, content) if block is not None]
        if not content:
            continue
        if role == last:
            turns[-1]["content"] = _listed(turns[-1]["content"]) + _listed(content)
        else:
            turns.append({"role": role, "content": content})
            last = role
    return turns, system


def _listed(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _mark(body: dict[str, Any]) -> None:
    """Mark what later calls will share: tools and system prompt, and the conversation so far."""
    if "system" in body:
        body["system"] = [*_listed(body["system"])]
        body["system"][-1]["cache_control"] = CACHE
    elif "tools" in body:
        body["tools"][-1]["cache_control"] = CACHE
    if body["messages"]:
        turn = body["messages"][-1]
        turn["content"] = _listed(turn["content"])
        if turn["content"][-1].get("type") in CACHED:
            turn["content"][-1]["cache_control"] = CACHE


def _tools(request: Request) -> dict[str, Any]:
    choice: Any = CHOICES.get(request.tool_choice) or {"type": "tool", "name": request.tool_choice}
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
        for tool in request.tools
    ]
    return {"tools": tools, "tool_choice": choice}


def _sampling(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    sampling = request.sampling
    if sampling.temperature is not None:
        if sampling.temperature > 1:
            raise NotAble(
                f"temperature {sampling.temperature!r}: the Anthropic protocol takes 0 to 1; lower it"
            )
        found["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        found["top_p"] = sampling.top_p
    if sampling.stop:
        found["stop_sequences"] = list(sampling.stop)
    return found


def _output(request: Request, body: dict[str, Any], abilities: Abilities) -> None:
    """How much to think, and in which form to answer."""
    config: dict[str, Any] = {}
    if request.effort and abilities.effort:
        config["effort"] = EFFORTS.get(request.effort, request.effort)
        forced = body.get("tool_choice", CHOICES["auto"])["type"] in ("any", "tool")
        if request.effort != "instant" and not forced and not body.keys() & {"temperature", "top_p"}:
            body["thinking"] = {"type": "adaptive"}
    if request.schema is not None and abilities.schema:
        config["format"] = {"type": "json_schema", "schema": unbounded(request.schema)}
    if config:
        body["output_config"] = config


class AnthropicWire:
    """Anthropic Messages."""

    name = "anthropic"
    path = "/messages"

    def headers(self, key: str) -> dict[str, str]:
        """The version of the protocol, and the key."""
        version = {"anthropic-version": VERSION}
        return {"x-api-key": key, **version} if key else version

    def body(self, request: Request, model: Model, abilities: Abilities, *, stream: bool) -> bytes:
        """The request as JSON.

        Raises:
            NotAble: for sound, for files that are neither PDF nor text, and for temperatures above 1.
        """
        turns, system = _turns(request.messages)
        body: dict[str, Any] = {"model": model.name, "max_tokens": request.max_tokens, "messages": turns}
        if system:
            body["system"] = "\n\n".join(system)
        if request.tools and abilities.tools:
            body |= _tools(request)
        if request.sampling is not PLAIN:
            body |= _sampling(request)
        if request.effort or request.schema is not None:
            _output(request, body, abilities)
        if request.tier or model.tier:
            priority = (request.tier or model.tier) == "priority"
            body["service_tier"] = "auto" if priority else "standard_only"
        if request.session and not model.own:
            _mark(body)
        if stream:
            body["stream"] = True
        return to_json(body)

    def reply(self, body: bytes) -> Reply:
        """A whole reply."""
        found = from_json(body, _decoder)
        if found.error:
            raise fault_in(found.error)
        if found.content is None:
            fault = Fault(Kind.JUNK, "the reply has no content")
            fault.usage = usage_of(found.usage) if found.usage is not None else None
            raise fault
        parts: list[Part] = []
        for number, raw in enumerate(found.content):
            block = bytes(raw)
            part = _read(from_json(block, _block_decoder), block, number)
            if part is not None:
                parts.append(part)
        whole = tuple(parts)
        return Reply(
            whole,
            usage_of(found.usage),
            stop_of(found.stop_reason, whole),
            found.model or "",
            request_id=found.id or "",
        )

    def stream(self) -> "AnthropicStream":
        """A reader for one streamed reply."""
        return AnthropicStream()


class _Open:
    """A block that is on its way: how it began, and what was added."""

    __slots__ = ("pieces", "raw", "signature", "start")

    def __init__(self, start: _Block, raw: bytes) -> None:
        self.start, self.raw = start, raw
        self.pieces: list[str] = []
        self.signature = ""

    def part(self, number: int) -> Part | None:
        block, raw, added = self.start, self.raw, "".join(self.pieces)
        if block.type == "text":
            block = replace(block, text=(block.text or "") + added)
        elif block.type == "tool_use" and added:
            block = replace(block, input=msgspec.Raw(to_json(added)))
        elif block.type == "thinking":
            block = replace(block, thinking=(block.thinking or "") + added)
            signature = (block.signature or "") + self.signature
            whole = from_json(raw, _any_decoder) | {"thinking": block.thinking, "signature": signature}
            raw = to_json(whole)
        return _read(block, raw, number)


class AnthropicStream:
    """Puts a reply together from events."""

    def __init__(self) -> None:
        self.ended = False
        self._blocks: dict[int, _Open] = {}
        self._usage: dict[str, Any] = {}
        self._reason: str | None = None
        self._id = self._model = ""
        self._begun = False

    def feed(self, event: str, data: bytes) -> Delta | None:
        """Take one event."""
        found = from_json(data, _event_decoder)
        kind = found.type or event
        if kind == "content_block_delta":
            return self._piece(found.index, found.delta or _Piece())
        if kind == "content_block_start":
            return self._start(found)
        if kind == "message_start":
            self._begin(found.message or _Body())
        elif kind == "message_delta":
            self._count(found.usage)
            if found.delta is not None and found.delta.stop_reason:
                self._reason = found.delta.stop_reason
        elif kind == "message_stop":
            if not self._begun:
                raise Fault(Kind.JUNK, "the stream ended before its message began")
            self.ended = True
        elif kind == "error" or found.error:
            raise fault_in(found.error or "an error without a message")
        return None

    def _begin(self, message: _Body) -> None:
        self._begun = True
        self._id, self._model = message.id or "", message.model or ""
        self._count(message.usage)

    def _count(self, usage: _Usage | None) -> None:
        """Take counts; they are sums so far, so that the last one counts."""
        if usage is not None:
            self._usage |= {name: value for name, value in asdict(usage).items() if value is not None}

    def _start(self, found: _Event) -> Delta | None:
        raw = bytes(found.content_block)
        block = from_json(raw, _block_decoder)
        index = len(self._blocks) if found.index is None else found.index
        self._blocks[index] = _Open(block, raw)
        if block.type == "tool_use" and block.name:
            return Delta(tool=block.name)
        if block.text or block.thinking:
            return Delta(block.text or "", block.thinking or "")
        return None

    def _piece(self, index: int | None, piece: _Piece) -> Delta | None:
        if index is None:
            index = max(self._blocks, default=0)
        block = self._blocks.get(index)
        if block is None:
            raise Fault(Kind.JUNK, f"a piece came of block {index}, which had not begun")
        if piece.text:
            block.pieces.append(piece.text)
            return Delta(piece.text)
        if piece.partial_json:
            block.pieces.append(piece.partial_json)
            return Delta("", "", "", piece.partial_json)
        if piece.signature:
            block.signature += piece.signature
        if piece.thinking:
            block.pieces.append(piece.thinking)
            return Delta("", piece.thinking)
        return None

    def reply(self) -> Reply:
        """The whole reply."""
        found = [self._blocks[index].part(index) for index in sorted(self._blocks)]
        parts = tuple([part for part in found if part is not None])
        return Reply(
            parts,
            usage_of(_Usage(**self._usage)),
            stop_of(self._reason, parts),
            self._model,
            request_id=self._id,
        )
