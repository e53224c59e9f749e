"""What OpenAI's protocols share: error bodies, usage, log-probabilities, formats of the reply."""

from typing import Any, Literal

import msgspec

from firm.model.reply import TokenLogprob
from firm.model.request import Tool
from firm.serve.body import absent, check_tools, tree, unsupported, wrong
from firm.serve.refusal import Refusal
from firm.units import Usage

KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
TIERS = {None: "", "auto": "", "default": "default", "flex": "flex", "priority": "priority"}
Tier = Literal["auto", "default", "flex", "priority"]
Level = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
ANY_OBJECT: dict[str, Any] = {"type": "object"}


def error_body(refusal: Refusal) -> dict[str, Any]:
    """Body of an error."""
    kind = KINDS.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error")
    return {
        "error": {
            "message": refusal.message,
            "type": kind,
            "param": refusal.param or None,
            "code": refusal.code or None,
        }
    }


def schema_of(kind: str, schema: msgspec.Raw, param: str) -> dict[str, Any] | None:
    """The JSON Schema that a format of the reply stands for; None: words.

    Raises:
        Refusal: there is no such format, or its schema is missing.
    """
    if kind == "text":
        return None
    if kind == "json_object":
        return ANY_OBJECT
    if kind != "json_schema":
        raise unsupported(
            f"{param}.type", f"{kind!r:.80} is not known; give text, json_object or json_schema"
        )
    if absent(schema):
        raise wrong(f"{param}.schema", "it is missing; give a JSON Schema")
    return tree(schema, f"{param}.schema")


def word_of(choice: str | None, tools: tuple[Tool, ...]) -> str:
    """Whether tools may be called, as a word says it.

    Raises:
        Refusal: there is no such word, or the tools cannot be right.
    """
    if choice not in (None, "auto", "required", "none"):
        raise wrong("tool_choice", f"{choice!r:.80}; give 'auto', 'required', 'none' or a function")
    check_tools(tools, choice or "auto", named=False)
    return choice or "auto"


def named_of(kind: str, name: str | None, tools: tuple[Tool, ...]) -> str:
    """The one tool that has to be called, as an object of this kind names it.

    Raises:
        Refusal: it is no function, there is none of that name, or the tools cannot be right.
    """
    if kind != "function" or name is None:
        raise unsupported("tool_choice", f"{kind!r:.80} is not known; give a function")
    check_tools(tools, name, named=True)
    return name


def logprobs_of(tokens: tuple[TokenLogprob, ...]) -> list[dict[str, Any]]:
    """Log-probabilities of tokens."""
    return [
        _logprob(token.token, token.logprob)
        | {"top_logprobs": [_logprob(other, logprob) for other, logprob in token.top]}
        for token in tokens
    ]


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


def chat_usage(used: Usage) -> dict[str, Any]:
    """Tokens as Chat Completions count them: cached ones are prompt, reasoning is completion."""
    return {
        "prompt_tokens": used.read,
        "completion_tokens": used.written,
        "total_tokens": used.total,
        "prompt_tokens_details": {
            "cached_tokens": used.cache_read,
            "cache_write_tokens": used.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": used.reasoning},
    }


def responses_usage(used: Usage) -> dict[str, Any]:
    """Tokens as Responses count them."""
    return {
        "input_tokens": used.read,
        "input_tokens_details": {
            "cached_tokens": used.cache_read,
            "cache_write_tokens": used.cache_write,
        },
        "output_tokens": used.written,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.total,
    }
