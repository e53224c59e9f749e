"""Anthropic Messages as its server speaks it.

One rule: what is sent is what the official client's types accept.
"""

import json
from typing import Any

from firm.testing.mock.content import Call, Say, arguments_of, encode, pieces
from firm.units import Usage

STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal"}
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


class MessagesWire:
    """See the module."""

    path = "/messages"
    needs = ("max_tokens", "messages", "model")

    def read(self, body: dict[str, Any], size_bytes: int) -> Call:
        """What the request asks for."""
        choice = body.get("tool_choice") or {}
        forced = {"any": "", "tool": choice.get("name", "")}.get(choice.get("type", ""))
        form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
        return Call(
            model=body["model"],
            stream=bool(body.get("stream")),
            body=body,
            tools={
                tool["name"]: tool.get("input_schema") for tool in body.get("tools") or () if "name" in tool
            },
            forced=forced,
            schema=form.get("schema"),
            size_bytes=size_bytes,
        )

    def whole(self, call: Call, say: Say) -> dict[str, Any]:
        """The reply in one piece."""
        return _frame(call, say) | {
            "content": [block for block, _ in _blocks(say)],
            "stop_reason": STOPS[say.stop],
        }

    def events(self, call: Call, say: Say) -> list[bytes]:
        """The reply as a stream."""
        begun = _frame(call, say)
        begun["usage"] = begun["usage"] | {"output_tokens": 1}
        found: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
        for index, (block, deltas) in enumerate(_blocks(say)):
            found.append({"type": "content_block_start", "index": index, "content_block": _empty(block)})
            if index == 0:
                found.append({"type": "ping"})
            found += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            found.append({"type": "content_block_stop", "index": index})
        ends = {"stop_reason": STOPS[say.stop], "stop_sequence": None}
        found.append({"type": "message_delta", "delta": ends, "usage": _usage(say.usage)})
        found.append({"type": "message_stop"})
        return [_event(event) for event in found]

    def error(self, status: int, message: str, code: str) -> dict[str, Any]:
        """Body of an error."""
        kind = code or KINDS.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}

    def broken(self, message: str) -> bytes:
        """An error in the middle of a stream."""
        return _event(self.error(529, message, ""))


def _usage(used: Usage) -> dict[str, Any]:
    """Tokens as this protocol counts them: cached ones are no input, thinking is output."""
    return {
        "input_tokens": used.input,
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cache_read,
        "output_tokens": used.written,
        "output_tokens_details": {"thinking_tokens": used.reasoning},
    }


def _frame(call: Call, say: Say) -> dict[str, Any]:
    return {
        "id": f"msg_{say.id:08x}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(say.usage) | {"service_tier": "standard"},
    }


def _blocks(say: Say) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each block of the content, with the pieces in which it is streamed."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if say.reasoning:
        signature = f"sealed-{say.id:08x}"
        deltas = [
            {"type": "thinking_delta", "thinking": piece} for piece in pieces(say.reasoning, say.chunks)
        ]
        deltas.append({"type": "signature_delta", "signature": signature})
        found.append(({"type": "thinking", "thinking": say.reasoning, "signature": signature}, deltas))
    if say.text or not say.calls:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(say.text, say.chunks)]
        found.append(({"type": "text", "text": say.text}, deltas))
    for number, tool in enumerate(say.calls):
        text = arguments_of(tool)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(text, say.chunks)]
        block = {"type": "tool_use", "id": f"toolu_{say.id:x}_{number}", "name": tool.name}
        found.append((block | {"input": _object(text)}, deltas))
    return found


def _object(text: str) -> Any:
    """Arguments as an object; junk is sent as a string, which no type accepts, as it should be."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """A block as it is when it begins."""
    blanks = {"text": "", "thinking": "", "signature": "", "input": {}}
    return block | {name: blank for name, blank in blanks.items() if name in block}


def _event(data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), encode(data))
