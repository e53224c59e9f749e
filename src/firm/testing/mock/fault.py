"""The words in which providers refuse, and replies that are broken on purpose.

One rule: the words are those that real servers use, so that who reads them learns nothing wrong.
"""

from collections.abc import Callable

from firm.testing.mock.chat import ChatWire
from firm.testing.mock.content import encode
from firm.testing.mock.messages import MessagesWire
from firm.testing.mock.options import ContextStyle, MockFault
from firm.testing.mock.plan import Plan
from firm.testing.mock.responses import ResponsesWire

Wire = ChatWire | ResponsesWire | MessagesWire

HTML = b"<!doctype html><html><body><h1>Please log in</h1></body></html>"

_OPENAI = {
    401: (
        "Incorrect API key provided: sk-m**k. You can find your API key in your account.",
        "invalid_api_key",
    ),
    404: ("The model `{model}` does not exist or you do not have access to it.", "model_not_found"),
    429: ("Rate limit reached for {model} on requests per min (RPM).", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", ""),
    503: ("The engine is currently overloaded, please try again later.", ""),
}
_ANTHROPIC = {
    401: ("invalid x-api-key", ""),
    404: ("model: {model}", ""),
    429: ("This request would exceed your organization's rate limit.", ""),
    500: ("Internal server error", ""),
    503: ("Overloaded", ""),
    529: ("Overloaded", ""),
}


def refusal(wire: Wire, fault: MockFault, *, model: str) -> Plan:
    """An error status with the body that the wire's provider would send."""
    known = _ANTHROPIC if isinstance(wire, MessagesWire) else _OPENAI
    message, code = known.get(fault.status, (f"This is status {fault.status}.", ""))
    body = wire.error(fault.status, fault.message or message.format(model=model), fault.code or code)
    headers = {}
    if fault.retry_after_s is not None:
        headers["retry-after"] = f"{fault.retry_after_s:g}"
    return Plan(fault.status, [encode(body)], headers=headers)


def too_long(wire: Wire, fault: MockFault) -> Plan:
    """Status 400 in the words of one kind of server."""
    style = fault.style or ("anthropic" if isinstance(wire, MessagesWire) else "openai")
    return Plan(400, [encode(_TOO_LONG[style](fault.asked, fault.limit))])


def _openai(asked: int, limit: int) -> object:
    words = (
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in "
        f"{asked} tokens. Please reduce the length of the messages."
    )
    error = {"message": words, "type": "invalid_request_error", "param": "messages"}
    return {"error": error | {"code": "context_length_exceeded"}}


def _anthropic(asked: int, limit: int) -> object:
    return MessagesWire().error(400, f"prompt is too long: {asked} tokens > {limit} maximum", "")


def _vllm(asked: int, limit: int) -> object:
    words = (
        f"This model's maximum context length is {limit} tokens. However, you requested {asked} tokens "
        f"({asked - 16} in the messages, 16 in the completion). "
        "Please reduce the length of the messages or completion."
    )
    return {"error": {"message": words, "type": "BadRequestError", "param": None, "code": 400}}


def _llama(asked: int, limit: int) -> object:
    words = f"request ({asked} tokens) exceeds the available context size ({limit} tokens), try increasing it"
    error = {"code": 400, "message": words, "type": "exceed_context_size_error"}
    return {"error": error | {"n_prompt_tokens": asked, "n_ctx": limit}}


_TOO_LONG: dict[ContextStyle, Callable[[int, int], object]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "vllm": _vllm,
    "llama.cpp": _llama,
}
