"""Chat Completions as its servers speak it.

One rule: what is sent is what the official client's types accept.
"""

import time
from typing import Any

from firm.testing.mock.content import Call, Say, arguments_of, encode, logprobs, pieces
from firm.units import Usage

STOPS = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "filter": "content_filter"}
DONE = b"data: [DONE]\n\n"


class ChatWire:
    """See the module."""

    path = "/chat/completions"
    needs = ("messages", "model")

    def read(self, body: dict[str, Any], size_bytes: int) -> Call:
        """What the request asks for."""
        tools = {
            tool["function"]["name"]: tool["function"].get("parameters")
            for tool in body.get("tools") or ()
            if "function" in tool
        }
        choice, forced = body.get("tool_choice"), None
        if choice == "required":
            forced = ""
        elif isinstance(choice, dict):
            forced = choice.get("function", {}).get("name", "")
        form = body.get("response_format") or {}
        return Call(
            model=body["model"],
            stream=bool(body.get("stream")),
            body=body,
            tools=tools,
            forced=forced,
            schema=form.get("json_schema", {}).get("schema"),
            logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") else None,
            size_bytes=size_bytes,
        )

    def whole(self, call: Call, say: Say) -> dict[str, Any]:
        """The reply in one piece."""
        message: dict[str, Any] = {"role": "assistant", "content": say.text or None, "refusal": None}
        if say.reasoning:
            message["reasoning_content"] = say.reasoning
        if say.calls:
            message["tool_calls"] = [_call(say, number) for number in range(len(say.calls))]
        choice = {"message": message, "logprobs": _logprobs(call, say.text), "finish_reason": STOPS[say.stop]}
        choices = [{"index": index} | choice for index in range(call.body.get("n") or 1)]
        return _frame(call, say, "chat.completion", choices) | {"usage": usage(say.usage)}

    def events(self, call: Call, say: Say) -> list[bytes]:
        """The reply as a stream."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"reasoning_content": piece} for piece in pieces(say.reasoning, say.chunks)]
        deltas += [{"content": piece} for piece in pieces(say.text, say.chunks)]
        for index, tool in enumerate(say.calls):
            start = _call(say, index)
            start["function"] = start["function"] | {"arguments": ""}
            deltas.append({"tool_calls": [{"index": index} | start]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in pieces(arguments_of(tool), say.chunks)
            ]
        parts: list[dict[str, Any]] = [
            {"index": 0, "delta": delta, "finish_reason": None}
            | {"logprobs": _logprobs(call, delta["content"]) if delta.get("content") else None}
            for delta in deltas
        ]
        parts.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": STOPS[say.stop]})
        events = [_event(_frame(call, say, "chat.completion.chunk", [part])) for part in parts]
        if (call.body.get("stream_options") or {}).get("include_usage"):
            last = _frame(call, say, "chat.completion.chunk", []) | {"usage": usage(say.usage)}
            events.append(_event(last))
        return [*events, DONE]

    def error(self, status: int, message: str, code: str) -> dict[str, Any]:
        """Body of an error."""
        kind = KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}

    def broken(self, message: str) -> bytes:
        """An error in the middle of a stream."""
        return _event(self.error(500, message, ""))


KINDS = {401: "invalid_request_error", 429: "requests", 403: "permission_error"}


def usage(used: Usage) -> dict[str, Any]:
    """Tokens as this protocol counts them: cached ones are prompt, reasoning is completion."""
    return {
        "prompt_tokens": used.read,
        "completion_tokens": used.written,
        "total_tokens": used.total,
        "prompt_tokens_details": {"cached_tokens": used.cache_read, "cache_write_tokens": used.cache_write},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning},
    }


def _frame(call: Call, say: Say, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{say.id:08x}",
        "object": kind,
        "created": int(time.time()),
        "model": call.model,
        "choices": choices,
        "system_fingerprint": "fp_mock",
    }


def _call(say: Say, number: int) -> dict[str, Any]:
    tool = say.calls[number]
    return {
        "id": f"call_{say.id:x}_{number}",
        "type": "function",
        "function": {"name": tool.name, "arguments": arguments_of(tool)},
    }


def _logprobs(call: Call, text: str) -> dict[str, Any] | None:
    return None if call.logprobs is None else {"content": logprobs(call, text), "refusal": None}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + encode(data) + b"\n\n"
