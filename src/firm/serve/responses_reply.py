"""A reply in the words of Responses: at most one item of reasoning, one message, then the calls of tools.

One rule: what is sent is what the official client's types accept.
"""

from typing import Any

from firm.model.message import ToolCall
from firm.model.reply import Reply
from firm.model.request import Delta
from firm.model.wire.text import to_json
from firm.serve.body import seal
from firm.serve.dialect import QUIET, Asked, Dialect, event
from firm.serve.openai import logprobs_of, responses_usage
from firm.serve.refusal import Refusal
from firm.serve.responses_request import read_responses

Fields = dict[str, Any]
REASONS = {"length": "max_output_tokens", "filter": "content_filter"}
"""Why a reply is incomplete."""
FAILURES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}


def whole(asked: Asked, reply: Reply) -> Fields:
    """The reply in one piece."""
    reason = REASONS.get(reply.stop)
    return _frame(asked) | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": _items(asked, reply),
        "usage": responses_usage(reply.usage),
    }


def _frame(asked: Asked) -> Fields:
    return {
        "id": f"resp_{asked.id}",
        "object": "response",
        "created_at": asked.at,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "metadata": {},
        "model": asked.request.model,
        "output": [],
        "store": False,
        "previous_response_id": None,
        "usage": None,
        **asked.echo,
    }


def _items(asked: Asked, reply: Reply) -> list[Fields]:
    items, sealed = [], seal(reply.parts)
    if reply.reasoning or sealed:
        items.append(_reasoning(asked, reply.reasoning, sealed))
    if reply.text or not reply.tool_calls:
        logprobs = logprobs_of(reply.logprobs) if asked.request.sampling.logprobs is not None else []
        status = "incomplete" if reply.stop in REASONS else "completed"
        items.append(_message(asked, reply.text, status, logprobs))
    return items + [_call(asked, number, call) for number, call in enumerate(reply.tool_calls)]


def _reasoning(asked: Asked, text: str, sealed: str) -> Fields:
    return {
        "type": "reasoning",
        "id": f"rs_{asked.id}",
        "summary": [{"type": "summary_text", "text": text}] if text else [],
        "encrypted_content": sealed or None,
    }


def _message(asked: Asked, text: str, status: str, logprobs: list[Fields]) -> Fields:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}
    return {
        "type": "message",
        "id": f"msg_{asked.id}",
        "status": status,
        "role": "assistant",
        "content": [part],
    }


def _call(asked: Asked, number: int, call: ToolCall) -> Fields:
    return {
        "type": "function_call",
        "id": f"fc_{asked.id}_{number}",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


class ResponsesStream:
    """A reply as events; what was begun is closed at the end, when all of it is known."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._number = self._count = 0
        self._places: dict[str, int] = {}
        """Of the reasoning and the message, once begun: the place in the output."""
        self._thought: list[str] = []

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        return event(to_json({"type": kind, "sequence_number": number, **fields}), kind)

    def begin(self) -> bytes:
        """The frame of the response."""
        frame = _frame(self._asked)
        created = self._event("response.created", response=frame)
        return created + self._event("response.in_progress", response=frame)

    def piece(self, delta: Delta) -> bytes:
        """Words or reasoning."""
        found = b""
        if delta.reasoning:
            self._thought.append(delta.reasoning)
            if "reasoning" not in self._places:
                found += self._begin(_reasoning(self._asked, "", ""))
            at = self._at(f"rs_{self._asked.id}", "reasoning") | {"summary_index": 0}
            found += self._event("response.reasoning_summary_text.delta", delta=delta.reasoning, **at)
        if delta.text:
            if "message" not in self._places:
                found += self._begin(_message(self._asked, "", "in_progress", []))
            at = self._at(f"msg_{self._asked.id}", "message") | {"content_index": 0}
            found += self._event("response.output_text.delta", delta=delta.text, logprobs=[], **at)
        return found

    def end(self, reply: Reply) -> bytes:
        """All items closed, and the whole response."""
        response = whole(self._asked, reply)
        items: list[Fields] = response["output"]
        if "reasoning" in self._places and (not items or items[0]["type"] != "reasoning"):
            items.insert(0, _reasoning(self._asked, "".join(self._thought), ""))
        events, placed = [], {}
        for item in items:
            place = self._places.get(item["type"])
            if place is None:
                place = self._count
                events.append(self._begin(_empty(item)))
            placed[place] = item
            events.append(self._close(item, place))
        response["output"] = [placed[place] for place in sorted(placed)]
        return b"".join([*events, self._event(f"response.{response['status']}", response=response)])

    def _at(self, item_id: str, kind: str) -> Fields:
        return {"item_id": item_id, "output_index": self._places[kind]}

    def _begin(self, item: Fields) -> bytes:
        place, self._count = self._count, self._count + 1
        kind = item["type"]
        if kind == "function_call":  # there may be several
            return self._event("response.output_item.added", output_index=place, item=item)
        self._places[kind] = place
        if kind == "reasoning":
            added = self._event("response.output_item.added", output_index=place, item=item)
            part: Fields = {"type": "summary_text", "text": ""}
            at = self._at(item["id"], kind) | {"summary_index": 0}
            return added + self._event("response.reasoning_summary_part.added", part=part, **at)
        added = self._event("response.output_item.added", output_index=place, item=item | {"content": []})
        at = self._at(item["id"], kind) | {"content_index": 0}
        return added + self._event("response.content_part.added", part=item["content"][0], **at)

    def _close(self, item: Fields, place: int) -> bytes:
        at: Fields = {"item_id": item["id"], "output_index": place}
        if item["type"] == "function_call":
            text = item["arguments"]
            kind = "response.function_call_arguments"
            inner = self._event(f"{kind}.delta", delta=text, **at)
            inner += self._event(f"{kind}.done", arguments=text, name=item["name"], **at)
        elif item["type"] == "reasoning":
            at["summary_index"] = 0
            part = {"type": "summary_text", "text": "".join([part["text"] for part in item["summary"]])}
            inner = self._event("response.reasoning_summary_text.done", text=part["text"], **at)
            inner += self._event("response.reasoning_summary_part.done", part=part, **at)
        else:
            at["content_index"] = 0
            part = item["content"][0]
            logprobs = part["logprobs"]
            inner = self._event("response.output_text.done", text=part["text"], logprobs=logprobs, **at)
            inner += self._event("response.content_part.done", part=part, **at)
        return inner + self._event("response.output_item.done", output_index=place, item=item)

    def quiet(self) -> bytes:
        """A comment."""
        return QUIET

    def broken(self, refusal: Refusal) -> bytes:
        """The failure, and no more."""
        error = {"code": FAILURES.get(refusal.status, "server_error"), "message": refusal.message}
        response = _frame(self._asked) | {"status": "failed", "error": error}
        return self._event("response.failed", response=response)


def _empty(item: Fields) -> Fields:
    """An item as it is when it begins."""
    if item["type"] == "message":
        part = item["content"][0] | {"text": "", "logprobs": []}
        return item | {"status": "in_progress", "content": [part]}
    if item["type"] == "reasoning":
        return item | {"summary": [], "encrypted_content": None}
    return item | {"arguments": "", "status": "in_progress"}


RESPONSES = Dialect(read_responses, whole, ResponsesStream)
