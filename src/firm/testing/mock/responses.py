"""Responses, without state, as its servers speak it.

One rule: what is sent is what the official client's types accept.
"""

import time
from typing import Any

from firm.testing.mock.chat import ChatWire
from firm.testing.mock.content import Call, Say, arguments_of, encode, logprobs, pieces
from firm.units import Usage

Fields = dict[str, Any]

STATUS = {"length": "incomplete", "filter": "incomplete"}
REASONS = {"length": "max_output_tokens", "filter": "content_filter"}


class ResponsesWire:
    """See the module."""

    path = "/responses"
    needs = ("input", "model")

    def read(self, body: Fields, size_bytes: int) -> Call:
        """What the request asks for."""
        choice, forced = body.get("tool_choice"), None
        if choice == "required":
            forced = ""
        elif isinstance(choice, dict):
            forced = choice.get("name", "")
        form = (body.get("text") or {}).get("format") or {}
        asks = "message.output_text.logprobs" in (body.get("include") or ())
        return Call(
            model=body["model"],
            stream=bool(body.get("stream")),
            body=body,
            tools={
                tool["name"]: tool.get("parameters") for tool in body.get("tools") or () if "name" in tool
            },
            forced=forced,
            schema=form.get("schema"),
            logprobs=(body.get("top_logprobs") or 0) if asks else None,
            size_bytes=size_bytes,
        )

    def whole(self, call: Call, say: Say) -> Fields:
        """The reply in one piece."""
        reason = REASONS.get(say.stop)
        return _frame(call, say) | {
            "status": STATUS.get(say.stop, "completed"),
            "incomplete_details": {"reason": reason} if reason else None,
            "output": [item for item, _ in _items(call, say)],
            "usage": _usage(say.usage),
        }

    def events(self, call: Call, say: Say) -> list[bytes]:
        """The reply as a stream."""
        begun = _frame(call, say) | {"status": "in_progress", "output": [], "usage": None}
        found: list[Fields] = [
            {"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")
        ]
        for index, (item, inner) in enumerate(_items(call, say)):
            where = {"output_index": index}
            found.append({"type": "response.output_item.added", "item": _empty(item)} | where)
            found += [event | where | {"item_id": item["id"]} for event in inner]
            found.append({"type": "response.output_item.done", "item": item} | where)
        whole = self.whole(call, say)
        found.append({"type": f"response.{whole['status']}", "response": whole})
        return [_event(event | {"sequence_number": number}) for number, event in enumerate(found)]

    def error(self, status: int, message: str, code: str) -> Fields:
        """Body of an error."""
        return ChatWire().error(status, message, code)

    def broken(self, message: str) -> bytes:
        """An error in the middle of a stream."""
        data = {"type": "error", "code": "server_error", "message": message, "param": None}
        return _event(data | {"sequence_number": 99})


def _usage(used: Usage) -> Fields:
    return {
        "input_tokens": used.read,
        "input_tokens_details": {"cached_tokens": used.cache_read, "cache_write_tokens": used.cache_write},
        "output_tokens": used.written,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.total,
    }


def _frame(call: Call, say: Say) -> Fields:
    return {
        "id": f"resp_{say.id:08x}",
        "object": "response",
        "created_at": int(time.time()),
        "error": None,
        "incomplete_details": None,
        "instructions": call.body.get("instructions"),
        "metadata": {},
        "model": call.model,
        "parallel_tool_calls": True,
        "store": bool(call.body.get("store", True)),
        "temperature": 1.0,
        "tool_choice": call.body.get("tool_choice", "auto"),
        "tools": call.body.get("tools") or [],
        "top_p": 1.0,
    }


def _items(call: Call, say: Say) -> list[tuple[Fields, list[Fields]]]:
    """Each item of the output, with the events between its beginning and its end."""
    found = []
    if say.reasoning:
        found.append(_reasoning(say))
    if say.text or not say.calls:
        found.append(_message(call, say))
    return found + [_call(say, number) for number in range(len(say.calls))]


def _reasoning(say: Say) -> tuple[Fields, list[Fields]]:
    kind = "response.reasoning_summary"
    part: Fields = {"type": "summary_text", "text": say.reasoning}
    item = {
        "type": "reasoning",
        "id": f"rs_{say.id:08x}",
        "summary": [part],
        "encrypted_content": f"sealed-{say.id:08x}",
    }
    at = {"summary_index": 0}
    events: list[Fields] = [{"type": f"{kind}_part.added", "part": part | {"text": ""}} | at]
    events += [
        {"type": f"{kind}_text.delta", "delta": piece} | at for piece in pieces(say.reasoning, say.chunks)
    ]
    events.append({"type": f"{kind}_text.done", "text": say.reasoning} | at)
    events.append({"type": f"{kind}_part.done", "part": part} | at)
    return item, events


def _message(call: Call, say: Say) -> tuple[Fields, list[Fields]]:
    part: Fields = {
        "type": "output_text",
        "text": say.text,
        "annotations": [],
        "logprobs": logprobs(call, say.text),
    }
    item = {
        "type": "message",
        "id": f"msg_{say.id:08x}",
        "status": STATUS.get(say.stop, "completed"),
        "role": "assistant",
        "content": [part],
    }
    at = {"content_index": 0}
    events: list[Fields] = [
        {"type": "response.content_part.added", "part": part | {"text": "", "logprobs": []}} | at
    ]
    events += [
        {"type": "response.output_text.delta", "delta": piece, "logprobs": logprobs(call, piece)} | at
        for piece in pieces(say.text, say.chunks)
    ]
    events.append({"type": "response.output_text.done", "text": say.text, "logprobs": part["logprobs"]} | at)
    events.append({"type": "response.content_part.done", "part": part} | at)
    return item, events


def _call(say: Say, number: int) -> tuple[Fields, list[Fields]]:
    tool, kind = say.calls[number], "response.function_call_arguments"
    text = arguments_of(tool)
    item = {
        "type": "function_call",
        "id": f"fc_{say.id:x}_{number}",
        "call_id": f"call_{say.id:x}_{number}",
        "name": tool.name,
        "arguments": text,
        "status": "completed",
    }
    events: list[Fields] = [{"type": f"{kind}.delta", "delta": piece} for piece in pieces(text, say.chunks)]
    return item, [*events, {"type": f"{kind}.done", "name": tool.name, "arguments": text}]


def _empty(item: Fields) -> Fields:
    """An item as it is when it begins."""
    blanks = {"content": [], "summary": [], "arguments": "", "status": "in_progress"}
    return item | {name: blank for name, blank in blanks.items() if name in item}


def _event(data: Fields) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), encode(data))
