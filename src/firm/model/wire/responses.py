"""Responses: the newer protocol of OpenAI, used without state: nothing is stored there, everything is sent again.

One rule: an item of reasoning goes back as it came, and only if the server can read it again (its content is there,
open or encrypted). The protocol has no place for `stop` (refused: it would change the reply) and for `seed` (left
out: it only helps to draw the same reply again).
"""

from typing import Any

import msgspec

from firm.model.error import NotAble
from firm.model.message import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.portable import is_strict
from firm.model.reply import Reply, TokenLogprob
from firm.model.request import PLAIN, Delta, Request
from firm.model.target import Abilities, Model
from firm.model.transcript import of_each
from firm.model.wire.chat import EFFORTS, TIERS, cache_key
from firm.model.wire.fault import Fault, Kind, fault_in
from firm.model.wire.text import NOTHING, arguments_of, data_url, from_json, object_of, to_json
from firm.model.wire.token import Logprob, count, logprobs_of
from firm.units import Usage

STOPS = {"max_output_tokens": "length", "content_filter": "filter"}
"""Why a reply is incomplete, in our words; for any other reason 'length'."""
_DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "arguments",
}
"""Events that carry a piece, and of what."""


# --- what a server sends ---------------------------------------------------------------------------------------


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    total_tokens: int | None = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Content(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    logprobs: list[Logprob] | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    content: list[_Content] | str | None = None
    summary: list[_Content] | None = None
    phase: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: msgspec.Raw = NOTHING


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    id: str | None = ""
    model: str | None = ""
    status: str | None = None
    error: Any = None
    incomplete_details: _Incomplete | None = None
    output: list[msgspec.Raw] | None = None
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    delta: Any = None
    output_index: int | None = None
    item: msgspec.Raw = NOTHING
    response: _Response | None = None
    error: Any = None
    code: Any = None
    message: Any = None


_decoder = msgspec.json.Decoder(_Response)
_item_decoder = msgspec.json.Decoder(_Item)
_event_decoder = msgspec.json.Decoder(_Event)


def usage_of(found: _Usage | None) -> Usage:
    """The five buckets, taken apart: here cached tokens are counted as input, and reasoning as output."""
    if found is None:
        return Usage()
    read, written = count(found.input_tokens), count(found.output_tokens)
    into, out = found.input_tokens_details or _Details(), found.output_tokens_details or _Details()
    cached = min(count(into.cached_tokens), read)
    stored = min(count(into.cache_write_tokens), read - cached)
    total = count(found.total_tokens)
    hidden = total - read - written if total > read + written else 0  # see `chat.usage_of`
    reasoning = hidden or min(count(out.reasoning_tokens), written)
    return Usage(read - cached - stored, cached, stored, written + hidden - reasoning, reasoning)


def _parts(output: list[msgspec.Raw]) -> tuple[tuple[Part, ...], tuple[TokenLogprob, ...]]:
    parts: list[Part] = []
    logprobs: tuple[TokenLogprob, ...] = ()
    for raw in output:
        body = bytes(raw)
        item = from_json(body, _item_decoder)
        if item.type == "message":
            words, found = _said(item.content)
            logprobs += found
            if item.phase:
                parts.append(Reasoning("", "responses", to_json(_phase(item.phase)).decode()))
            if words:
                parts.append(Text(words))
        elif item.type == "function_call":
            id = item.call_id or item.id or f"call_{len(parts)}"
            parts.append(ToolCall(id, item.name or "", arguments_of(item.arguments) or "{}"))
        elif item.type == "reasoning":
            parts.append(Reasoning(_thought(item), "responses", body.decode("utf-8", "replace")))
    return tuple(parts), logprobs


def _phase(phase: str) -> dict[str, str]:
    """What a message is for (a comment on the way, the answer); some models want to see that again."""
    return {"type": "message", "phase": phase}


def _said(content: list[_Content] | str | None) -> tuple[str, tuple[TokenLogprob, ...]]:
    if isinstance(content, str):
        return content, ()
    if content is not None and len(content) == 1 and not content[0].logprobs:
        return content[0].text or content[0].refusal or "", ()
    words = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    for piece in content or ():
        words += piece.text or piece.refusal or ""
        logprobs += logprobs_of(piece.logprobs)
    return words, logprobs


def _thought(item: _Item) -> str:
    shown = item.summary or (item.content if isinstance(item.content, list) else ())
    return "\n\n".join([piece.text for piece in shown if piece.text])


def _reply(found: _Response, output: list[msgspec.Raw]) -> Reply:
    parts, logprobs = _parts(output)
    stop = "tool_calls" if any([type(part) is ToolCall for part in parts]) else "stop"
    if found.status == "incomplete":
        reason = found.incomplete_details.reason if found.incomplete_details is not None else None
        stop = STOPS.get(reason or "", "length")
    return Reply(
        parts, usage_of(found.usage), stop, found.model or "", request_id=found.id or "", logprobs=logprobs
    )


def _check(found: _Response) -> None:
    if found.error or found.status == "failed":
        raise _used(fault_in(found.error or "the response failed, and no reason was given"), found)
    if found.status not in (None, "completed", "incomplete"):
        fault = Fault(Kind.SERVER, f"the response is not finished: its status is {found.status!r}")
        fault.begun = True
        raise _used(fault, found)


def _used(fault: Fault, found: _Response) -> Fault:
    """The fault, with what the attempt used all the same."""
    if found.usage is not None:
        fault.usage = usage_of(found.usage)
    return fault


# --- what is sent ----------------------------------------------------------------------------------------------


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "input_text", "text": text}
        case Image(data, mime, url):
            return {"type": "input_image", "detail": "auto", "image_url": url or data_url(data, mime)}
        case File(data, name, mime):
            return {"type": "input_file", "filename": name, "file_data": data_url(data, mime)}
    raise NotAble(
        f"a part of kind {type(part).__name__!r} has no place in such a message of the Responses protocol; "
        "take it out, or use a model with another wire"
    )


def _items(message: Message) -> list[dict[str, Any]]:
    content = message.content
    if isinstance(content, str):
        return [{"role": "user" if message.role == "tool" else message.role, "content": content}]
    if message.role == "tool":
        return [_result(part) for part in content if isinstance(part, ToolResult)]
    if message.role == "assistant":
        return _assistant(content)
    if message.role == "system":
        return [{"role": "system", "content": message.text}]
    parts = [_part(part) for part in content if type(part) is not Reasoning]
    return [{"role": "user", "content": parts}] if parts else []


def _result(part: ToolResult) -> dict[str, Any]:
    output: Any = part.text
    if part.images:
        output = [_part(Text(part.text)), *[_part(image) for image in part.images]]
    return {"type": "function_call_output", "call_id": part.id, "output": output}


def _assistant(content: tuple[Part, ...]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    phase: dict[str, Any] = {}
    for part in content:
        match part:
            case Text(text) if text:
                items.append({"role": "assistant", "content": text, **phase})
                phase = {}
            case ToolCall(id, name, arguments):
                items.append({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
            case Reasoning(_, "responses", data) if data:
                item = object_of(data) or {}
                if item.get("type") == "message":
                    phase = {"phase": item.get("phase")}
                elif item.get("encrypted_content") or item.get("content"):
                    items.append(item)
    return items


def _listed(message: Message) -> list[msgspec.Raw]:
    return [msgspec.Raw(to_json(item)) for item in _items(message)]


def _input(messages: tuple[Message, ...]) -> dict[str, Any]:
    """What is said: system messages at the beginning are instructions, all others stay in their place."""
    first = 0
    while first < len(messages) and messages[first].role == "system":
        first += 1
    items: list[Any] = []
    for found in of_each(messages, "wire/responses", _listed)[first:]:
        items += found
    if not first:
        return {"input": items}
    return {"instructions": "\n\n".join([message.text for message in messages[:first]]), "input": items}


def _tools(request: Request) -> dict[str, Any]:
    choice: Any = request.tool_choice
    if choice not in ("auto", "required", "none"):
        choice = {"type": "function", "name": choice}
    tools = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": False,  # left out it would be true here, and schemas are rewritten; other wires do not
        }
        for tool in request.tools
    ]
    return {"tools": tools, "tool_choice": choice}


def _sampling(request: Request) -> dict[str, Any]:
    sampling = request.sampling
    if sampling.stop:
        raise NotAble(
            f"the Responses protocol has no place for stop words, and {list(sampling.stop)!r} are asked for; "
            "leave them out, or use a model with another wire"
        )
    found: dict[str, Any] = {}
    if sampling.temperature is not None:
        found["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        found["top_p"] = sampling.top_p
    return found


class ResponsesWire:
    """Responses, without state."""

    name = "responses"
    path = "/responses"

    def headers(self, key: str) -> dict[str, str]:
        """The key as a bearer token."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, request: Request, model: Model, abilities: Abilities, *, stream: bool) -> bytes:
        """The request as JSON.

        Raises:
            NotAble: for stop words, and for sound.
        """
        body: dict[str, Any] = {"model": model.name, "store": False, "max_output_tokens": request.max_tokens}
        body |= _input(request.messages)
        if request.tools and abilities.tools:
            body |= _tools(request)
        if request.schema is not None and abilities.schema:
            schema: dict[str, Any] = {"type": "json_schema", "name": "reply", "schema": request.schema}
            schema["strict"] = is_strict(request.schema)
            body["text"] = {"format": schema}
        include = []
        if abilities.effort:  # models that do not reason refuse to be asked for it
            include.append("reasoning.encrypted_content")
            if request.effort:
                body["reasoning"] = {"effort": EFFORTS.get(request.effort, request.effort)}
        if request.sampling is not PLAIN:
            body |= _sampling(request)
            if request.sampling.logprobs is not None and abilities.logprobs:
                include.append("message.output_text.logprobs")
                body["top_logprobs"] = request.sampling.logprobs
        if include:
            body["include"] = include
        if request.tier or model.tier:
            tier = request.tier or model.tier
            body["service_tier"] = TIERS.get(tier, tier)
        if request.session and not model.own:
            body["prompt_cache_key"] = cache_key(request.session)
        if stream:
            body["stream"] = True
        return to_json(body)

    def reply(self, body: bytes) -> Reply:
        """A whole reply."""
        found = from_json(body, _decoder)
        _check(found)
        if found.output is None:
            raise _used(Fault(Kind.JUNK, "the reply has no output"), found)
        return _reply(found, found.output)

    def stream(self) -> "ResponsesStream":
        """A reader for one streamed reply."""
        return ResponsesStream()


class ResponsesStream:
    """Tells of the pieces; the reply is what the last event says, or the finished items where that is empty."""

    def __init__(self) -> None:
        self.ended = False
        self._final: _Response | None = None
        self._items: dict[int, msgspec.Raw] = {}
        self._words: list[str] = []

    def feed(self, event: str, data: bytes) -> Delta | None:
        """Take one event."""
        if data[:6] == b"[DONE]":
            return None
        found = from_json(data, _event_decoder)
        kind = found.type or event
        if kind in _DELTAS:
            return self._delta(kind, found.delta)
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._item(kind, found)
        if kind == "error" or found.error:
            raise fault_in(found.error or {"code": found.code, "message": found.message})
        if kind in ("response.completed", "response.incomplete", "response.failed", "response.cancelled"):
            self._end(kind.removeprefix("response."), found.response)
        return None

    def _delta(self, kind: str, piece: Any) -> Delta | None:
        if not piece or type(piece) is not str:
            return None
        field = _DELTAS[kind]
        if field == "text":
            self._words.append(piece)
            return Delta(piece)
        return Delta("", piece) if field == "reasoning" else Delta("", "", "", piece)

    def _item(self, kind: str, found: _Event) -> Delta | None:
        if kind == "response.output_item.done":
            self._items[len(self._items) if found.output_index is None else found.output_index] = found.item
            return None
        item = from_json(bytes(found.item), _item_decoder)
        return Delta(tool=item.name) if item.type == "function_call" and item.name else None

    def _end(self, status: str, response: _Response | None) -> None:
        if response is None:
            raise Fault(Kind.JUNK, f"the stream ended as {status!r}, without the response")
        response.status = status
        _check(response)
        self._final, self.ended = response, True

    def reply(self) -> Reply:
        """The whole reply."""
        final = self._final or _Response()
        output = final.output or [self._items[index] for index in sorted(self._items)]
        if not output and self._words:
            said = {"type": "message", "content": "".join(self._words)}
            output = [msgspec.Raw(to_json(said))]
        return _reply(final, output)
