"""The last fault of a call as the error that its caller sees.

One rule: the message names model, endpoint and remedy, and never a key.
"""

from collections.abc import Sequence

from firm.model.endpoint import Endpoint
from firm.model.error import (
    BadReply,
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    RateLimited,
    ReplyFiltered,
    UnknownModel,
)
from firm.model.wire.fault import Fault, Kind

_TERMINAL: dict[Kind, type[ModelError]] = {
    Kind.KEY: KeyRefused,
    Kind.MODEL: UnknownModel,
    Kind.REQUEST: BadRequest,
    Kind.FUNDS: ModelError,
    Kind.FILTER: ReplyFiltered,
    Kind.JUNK: BadReply,
}
_DO: dict[Kind, str] = {
    Kind.MODEL: "it does not know {model!r}; see `firm models` for what it has and put name right in {section}",
    Kind.REQUEST: "change the request, or see whether {section} says what this server speaks",
    Kind.FUNDS: "the account behind the key {key} is empty; top it up, or name fallbacks in {section}",
    Kind.FILTER: "say it in other words, or ask another model",
    Kind.JUNK: "see whether the address speaks the protocol that {section} names (wire)",
    Kind.RATE: "try later, or name more endpoints or fallbacks in {section}",
    Kind.OVERLOAD: "try later, or name more endpoints or fallbacks in {section}",
    Kind.SERVER: "see the server's log, or name fallbacks in {section}",
    Kind.CONNECT: "see whether the server runs, or put url right in {section}",
    Kind.LOST: "see the server's log, or name fallbacks in {section}",
    Kind.SLOW: "ask for fewer tokens, wait longer, or name fallbacks in {section}",
}


def error_of(
    fault: Fault, name: str, endpoint: Endpoint, *, attempts: int = 1, fallbacks: Sequence[str] = ()
) -> ModelError | ModelUnavailable:
    """What to raise.

    Args:
        fault: The last one.
        name: The model's name.
        endpoint: Where it happened.
        attempts: How many there were; 0: all endpoints are left alone for now, and none was asked.
        fallbacks: What became of the models that stand in.
    """
    message = _hide(_message(fault, name, endpoint), endpoint)
    notes = []
    if fault.retry_after_s:
        notes.append(f"it is asked again in {fault.retry_after_s:.3g} s")
    if attempts > 1:
        notes.append(f"{attempts} attempts")
    notes += [_hide(f"fallback {note}", endpoint) for note in fallbacks]
    message += f" ({'; '.join(notes)})" if notes else ""
    kind = fault.kind
    if kind is Kind.CONTEXT:
        return ContextTooLong(message, fault.asked, fault.limit)
    if kind in _TERMINAL:
        return _TERMINAL[kind](message)
    error = RateLimited if kind is Kind.RATE else ModelUnavailable
    return error(message, retry_after_s=fault.retry_after_s)


def _message(fault: Fault, name: str, endpoint: Endpoint) -> str:
    model, section = endpoint.model, f"[models.{name}]"
    key = _shown(model.key)
    what = (
        f"model {name!r} answered {fault.status} at {model.url}"
        if fault.status
        else f"model {name!r} at {model.url}"
    )
    told = f": {fault.told}" if fault.told else ""
    if fault.kind is Kind.KEY:
        if model.key is None and not endpoint.key:
            return f'{what}: it wants a key{told}; add key = "env:NAME" to {section} and set NAME'
        return f'{what}: the key {key} was refused{told}; set it, or remove "key" from {section}'
    if fault.kind is Kind.CONTEXT:
        asked = f"{fault.asked} tokens were asked for" if fault.asked else "too many tokens were asked for"
        limit = f"{fault.limit} fit" if fault.limit else "fewer fit"
        return f"{what}: {asked}, {limit}; trim the messages, or ask for a smaller max_tokens{told}"
    do = _DO[fault.kind].format(model=model.name, section=section, key=key)
    return f"{what}: {fault.kind}{told}; {do}"


def _shown(key: str | None) -> str:
    """A key's name; of a key that was given as itself nothing is shown."""
    return key if key is not None and key.startswith(("env:", "secret:")) else "that was given"


def _hide(text: str, endpoint: Endpoint) -> str:
    """A server may repeat the key that it refuses."""
    for key in (endpoint.key, endpoint.model.key or ""):
        if len(key) >= 4 and not key.startswith(("env:", "secret:")):
            text = text.replace(key, "[key]")
    return text
