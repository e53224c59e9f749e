"""The last fault of a call as the error that its caller sees.

One rule: the message names model, endpoint and remedy, and never a key.
"""

import re
from collections.abc import Sequence

from firm.model.endpoint import Endpoint
from firm.model.error import (
    BadReply,
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    NotAble,
    RateLimited,
    ReplyFiltered,
    UnknownModel,
)
from firm.model.redact import without
from firm.model.wire.fault import Fault, Kind

_TERMINAL: dict[Kind, type[ModelError]] = {
    Kind.KEY: KeyRefused,
    Kind.MODEL: UnknownModel,
    Kind.REQUEST: BadRequest,
    Kind.FUNDS: ModelError,
    Kind.FILTER: ReplyFiltered,
    Kind.JUNK: BadReply,
    Kind.SIZE: BadReply,
}
_DO: dict[Kind, str] = {
    Kind.MODEL: "it does not know {model!r}; {look}put name right in {section}",
    Kind.REQUEST: "change the request, or see whether {section} says what this server speaks",
    Kind.FUNDS: "the account behind the key {key} is empty; top it up, or name fallbacks in {others}",
    Kind.FILTER: "say it in other words, or ask another model",
    Kind.JUNK: "see whether the address speaks the protocol that {section} names (wire)",
    Kind.SIZE: "ask for fewer tokens (max_tokens), or ask another model",
    Kind.RATE: "try later, or name more endpoints or fallbacks in {others}",
    Kind.OVERLOAD: "try later, or name more endpoints or fallbacks in {others}",
    Kind.SERVER: "see the server's log, or name fallbacks in {others}",
    Kind.CONNECT: "see whether the server runs, or put url right in {section}",
    Kind.LOST: "see the server's log, or name fallbacks in {others}",
    Kind.SLOW: "ask for fewer tokens, wait longer, or name fallbacks in {others}",
}

_BLIND = re.compile(
    r"(image|picture|vision|multimodal).*(not |un|only )(supported|taken|available|able)"
    r"|not (a )?(multimodal|support\w* (image|vision|multimodal))|at most 0 image",
    re.IGNORECASE | re.DOTALL,
)
"""How servers say that their model has no eyes; there is no code for it."""
_SEE = "take the picture out, or ask a model that sees (with eyes = false in {section} it is not even sent)"


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
    if _is_blind(fault):
        return NotAble(message)
    if kind in _TERMINAL:
        return _TERMINAL[kind](message)
    error = RateLimited if kind is Kind.RATE else ModelUnavailable
    return error(message, retry_after_s=fault.retry_after_s)


def _message(fault: Fault, name: str, endpoint: Endpoint) -> str:
    model = endpoint.model
    is_bare = name.startswith(f"{model.name}@{endpoint.address}")  # given as itself, see `label_of`
    section, others = ("Model(…)", "firm.toml") if is_bare else (f"[models.{name}]",) * 2
    look = "" if is_bare else f"see `firm models list {name}` for what it has and "
    key = _shown(model.key)
    what = (
        f"model {name!r} answered {fault.status} at {endpoint.address}"
        if fault.status
        else f"model {name!r} at {endpoint.address}"
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
    do = _SEE if _is_blind(fault) else _DO[fault.kind]
    do = do.format(model=model.name, section=section, others=others, look=look, key=key)
    return f"{what}: {fault.kind}{told}; {do}"


def _is_blind(fault: Fault) -> bool:
    """Whether a picture was refused."""
    return fault.kind is Kind.REQUEST and _BLIND.search(fault.told) is not None


def _shown(key: str | None) -> str:
    """A key's name; of a key that was given as itself nothing is shown."""
    return key if key is not None and key.startswith(("env:", "secret:")) else "that was given"


def hide_key(fault: Fault, endpoint: Endpoint) -> None:
    """Take the endpoint's key out of what its server said, before that goes anywhere."""
    fault.told = _hide(fault.told, endpoint)
    fault.args = (fault.kind, fault.told)


def _hide(text: str, endpoint: Endpoint) -> str:
    """A server may repeat the key that it refuses."""
    given = endpoint.model.key or ""
    return without(text, (endpoint.key, "" if given.startswith(("env:", "secret:")) else given))
