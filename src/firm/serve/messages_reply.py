"""A reply in the words of Anthropic Messages: at most one block of thinking, one of text, then the uses of tools.

One rule: what is sent is what the official client's types accept.
"""

from typing import Any

import msgspec

from firm.model.reply import Reply
from firm.model.request import Delta
from firm.model.wire.text import to_json
from firm.serve.body import seal
from firm.serve.dialect import Asked, Dialect, event
from firm.serve.messages_request import read_messages
from firm.serve.refusal import Refusal
from firm.units import Usage

Fields = dict[str, Any]
STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal"}
KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
EMPTY: dict[str, Fields] = {
    "tool_use": {"input": {}},
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
}
"""What of a block comes later, in pieces."""
_object = msgspec.json.Decoder(dict[str, Any])


def error_body(refusal: Refusal) -> Fields:
    """Body of an error."""
    kind = KINDS.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": refusal.message}, "request_id": None}


def usage_of(used: Usage) -> Fields:
    """Tokens as this protocol counts them: cached ones are no input, thinking is output."""
    return {
        "input_tokens": used.input,
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cache_read,
        "output_tokens": used.written,
    }


def whole(asked: Asked, reply: Reply) -> Fields:
    """The reply in one piece."""
    return _frame(asked) | {
        "content": _blocks(reply),
        "stop_reason": STOPS.get(reply.stop, "end_turn"),
        "usage": usage_of(reply.usage),
    }


def _frame(asked: Asked) -> Fields:
    return {
        "id": f"msg_{asked.id}",
        "type": "message",
        "role": "assistant",
        "model": asked.request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage_of(Usage()),
    }


def _blocks(reply: Reply) -> list[Fields]:
    blocks: list[Fields] = []
    sealed = seal(reply.parts)
    if reply.reasoning or sealed:
        blocks.append({"type": "thinking", "thinking": reply.reasoning, "signature": sealed})
    if reply.text or not reply.tool_calls:
        blocks.append({"type": "text", "text": reply.text})
    return blocks + [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments)}
        for call in reply.tool_calls
    ]


def _input(arguments: str) -> Fields:
    """Arguments as this protocol wants them: an object, whatever the model wrote."""
    try:
        return _object.decode(arguments or "{}")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {"arguments": arguments}


class MessagesStream:
    """A reply as events; what was begun is closed at the end, when all of it is known."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._count = 0
        self._places: dict[str, int] = {}
        """Of the thinking and the text, once begun: the place in the content."""

    def _event(self, kind: str, **fields: Any) -> bytes:
        return event(to_json({"type": kind, **fields}), kind)

    def _delta(self, index: int, kind: str, **fields: Any) -> bytes:
        return self._event("content_block_delta", index=index, delta={"type": kind, **fields})

    def begin(self) -> bytes:
        """The frame of the message."""
        return self._event("message_start", message=_frame(self._asked))

    def piece(self, delta: Delta) -> bytes:
        """Words or thinking."""
        found = b""
        if delta.reasoning:
            if "thinking" not in self._places:
                found += self._begin({"type": "thinking", "thinking": "", "signature": ""})
            found += self._delta(self._places["thinking"], "thinking_delta", thinking=delta.reasoning)
        if delta.text:
            if "text" not in self._places:
                found += self._begin({"type": "text", "text": ""})
            found += self._delta(self._places["text"], "text_delta", text=delta.text)
        return found

    def _begin(self, block: Fields) -> bytes:
        index, self._count = self._count, self._count + 1
        self._places[block["type"]] = index
        return self._event("content_block_start", index=index, content_block=block)

    def end(self, reply: Reply) -> bytes:
        """All blocks closed, why it stopped, what it used."""
        events, closed = list[bytes](), set[int]()
        for block in _blocks(reply):
            kind = block["type"]
            if kind == "tool_use" or kind not in self._places:
                events.append(self._begin(block | EMPTY[kind]))
            index = self._places[kind]
            if kind == "tool_use":
                text = to_json(block["input"]).decode()
                events.append(self._delta(index, "input_json_delta", partial_json=text))
            elif kind == "thinking" and block["signature"]:
                events.append(self._delta(index, "signature_delta", signature=block["signature"]))
            closed.add(index)
            events.append(self._event("content_block_stop", index=index))
        left = sorted({*self._places.values()} - closed)
        events += [self._event("content_block_stop", index=index) for index in left]
        ends = {"stop_reason": STOPS.get(reply.stop, "end_turn"), "stop_sequence": None}
        events.append(self._event("message_delta", delta=ends, usage=usage_of(reply.usage)))
        return b"".join([*events, self._event("message_stop")])

    def quiet(self) -> bytes:
        """A ping."""
        return self._event("ping")

    def broken(self, refusal: Refusal) -> bytes:
        """The error, and no end."""
        return event(to_json(error_body(refusal)), "error")


MESSAGES = Dialect(read_messages, whole, MessagesStream)
