"""A reply in the words of Chat Completions.

One rule: what is sent is what the official client's types accept.
"""

from typing import Any

from firm.model.message import ToolCall
from firm.model.reply import Reply
from firm.model.request import Delta
from firm.model.wire.text import to_json
from firm.serve.chat_request import read_chat
from firm.serve.dialect import QUIET, Asked, Dialect, event
from firm.serve.openai import chat_usage, error_body, logprobs_of
from firm.serve.refusal import Refusal

STOPS = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "filter": "content_filter"}
DONE = event(b"[DONE]")


def whole(asked: Asked, reply: Reply) -> dict[str, Any]:
    """The reply in one piece."""
    calls = reply.tool_calls
    message: dict[str, Any] = {
        "role": "assistant",
        "content": reply.text if reply.text or not calls else None,
        "refusal": None,
    }
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": _logprobs(asked, reply),
        "finish_reason": STOPS.get(reply.stop, "stop"),
    }
    return _frame(asked, "chat.completion", [choice]) | {"usage": chat_usage(reply.usage)}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _logprobs(asked: Asked, reply: Reply) -> dict[str, Any] | None:
    if asked.request.sampling.logprobs is None:
        return None
    return {"content": logprobs_of(reply.logprobs), "refusal": None}


def _frame(asked: Asked, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{asked.id}",
        "object": kind,
        "created": asked.at,
        "model": asked.request.model,
        "choices": choices,
    }


class ChatStream:
    """A reply as chunks."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._tail: dict[str, Any] = {"usage": None} if asked.usage else {}

    def _chunk(self, delta: dict[str, Any], **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} | more
        return event(to_json(_frame(self._asked, "chat.completion.chunk", [choice]) | self._tail))

    def begin(self) -> bytes:
        """The role."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def piece(self, delta: Delta) -> bytes:
        """Words or reasoning."""
        said = {}
        if delta.reasoning:
            said["reasoning_content"] = delta.reasoning
        if delta.text:
            said["content"] = delta.text
        return self._chunk(said) if said else b""

    def end(self, reply: Reply) -> bytes:
        """The tool calls, why it stopped, what it used."""
        events = []
        for index, call in enumerate(reply.tool_calls):
            events.append(self._chunk({"tool_calls": [{"index": index} | _call(call)]}))
        reason = STOPS.get(reply.stop, "stop")
        events.append(self._chunk({}, finish_reason=reason, logprobs=_logprobs(self._asked, reply)))
        if self._asked.usage:
            last = _frame(self._asked, "chat.completion.chunk", []) | {"usage": chat_usage(reply.usage)}
            events.append(event(to_json(last)))
        return b"".join([*events, DONE])

    def quiet(self) -> bytes:
        """A comment."""
        return QUIET

    def broken(self, refusal: Refusal) -> bytes:
        """The error, and no end."""
        return event(to_json(error_body(refusal)))


CHAT = Dialect(read_chat, whole, ChatStream)
