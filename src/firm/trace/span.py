"""`Span`: one operation that is over, and its bytes.

One rule: `encode` takes every span. What cannot be stored (a lone surrogate, a number of 80 bits, 10 MB of error
message) becomes text that can, so that nothing that was paid for is lost over its trace.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from firm.trace import attribute

CHAT = "chat"
EMBEDDINGS = "embeddings"
EXECUTE_TOOL = "execute_tool"
INVOKE_AGENT = "invoke_agent"
CREATE_AGENT = "create_agent"
INVOKE_WORKFLOW = "invoke_workflow"
PLAN = "plan"
RETRIEVAL = "retrieval"

OPERATIONS: dict[str, str] = {
    CHAT: attribute.REQUEST_MODEL,
    EMBEDDINGS: attribute.REQUEST_MODEL,
    EXECUTE_TOOL: attribute.TOOL_NAME,
    INVOKE_AGENT: attribute.AGENT_NAME,
    CREATE_AGENT: attribute.AGENT_NAME,
    INVOKE_WORKFLOW: attribute.WORKFLOW_NAME,
    PLAN: attribute.AGENT_NAME,
    RETRIEVAL: attribute.DATA_SOURCE,
}
"""Operation -> the attribute that completes the span's name."""

RETRY = "firm.retry"
FALLBACK = "firm.fallback"
REPAIR = "firm.repair"
CACHE_HIT = "firm.cache_hit"
HEDGE = "firm.hedge"
TRUNCATION = "firm.truncation"

MAX_BYTES = 64 * 1024
"""Of the spans that are encoded together; past it texts are cut, and moments left out."""
MAX_TEXT_CHARS = 300
"""What is left of a text when it is cut."""
MAX_ATTRIBUTES = 64
MAX_MOMENTS = 20
MAX_ITEMS = 8

Value = str | int | float | bool | list[str] | None
"""What an attribute may be; None: not known, and left out where it is shown."""


class Moment(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Something that happened while the span lasted (OpenTelemetry: a span event)."""

    name: str
    """One of `RETRY`, `FALLBACK`, `REPAIR`, `CACHE_HIT`, `HEDGE`, `TRUNCATION`; later parts add theirs."""
    at_us: int
    """Microseconds since 1970."""
    attributes: dict[str, Any] = {}
    """As those of the span."""


class Span(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One operation from its start to its end."""

    operation: str
    """A key of `OPERATIONS`."""
    start_us: int
    """Microseconds since 1970."""
    duration_us: int
    attributes: dict[str, Any]
    """A `Value` for each, by the names in `firm.trace.attribute`; operation and error are fields."""
    error: str = ""
    """Class of the error it ended with (`error.type`): an exception's name or an HTTP status; '' where it went well."""
    moments: tuple[Moment, ...] = ()
    id: int = 0
    """Chosen by whoever makes spans below this one, 1..2**63 - 1; 0: nothing refers to it."""
    parent: int = 0
    """`id` of the span that it is part of; 0: of the step or the program that it was made in."""

    @property
    def name(self) -> str:
        """As OpenTelemetry names it: 'chat gpt-x'."""
        subject = self.attributes.get(OPERATIONS.get(self.operation, ""), "")
        return f"{self.operation} {subject}" if subject else self.operation

    @property
    def all_attributes(self) -> dict[str, Any]:
        """The attributes that are known, with those that are fields here."""
        found: dict[str, Any] = {attribute.OPERATION: self.operation}
        found.update((key, value) for key, value in self.attributes.items() if value is not None)
        if self.error:
            found[attribute.ERROR_TYPE] = self.error
        return found


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Span])


def encode(spans: Sequence[Span]) -> bytes:
    """Spans as bytes, at most about `MAX_BYTES` of them for one span; never fails for what is in them."""
    try:
        body = _encoder.encode(spans)
    except (UnicodeEncodeError, OverflowError, TypeError):
        body = b""
    if body and len(body) <= MAX_BYTES:
        return body
    return _encoder.encode([_cut(span) for span in spans])


def decode(body: bytes) -> list[Span]:
    """The spans that were encoded.

    Raises:
        msgspec.MsgspecError: these bytes are no spans.
    """
    return _decoder.decode(body)


# --- what cannot be stored as it is -------------------------------------------------------------------------------


def _cut(span: Span) -> Span:
    moments = span.moments[:MAX_MOMENTS]
    left_out = len(span.moments) - len(moments)
    attributes = dict(_cut_all(span.attributes, MAX_ATTRIBUTES))
    if left_out:
        attributes["firm.moments_left_out"] = left_out
    return Span(
        _text(span.operation),
        _number(span.start_us),
        _number(span.duration_us),
        attributes,
        _text(span.error),
        tuple([_cut_moment(moment) for moment in moments]),
        _number(span.id),
        _number(span.parent),
    )


def _cut_moment(moment: Moment) -> Moment:
    return Moment(
        _text(moment.name), _number(moment.at_us), dict(_cut_all(moment.attributes, MAX_ITEMS, lists=False))
    )


def _cut_all(attributes: dict[str, Any], limit: int, *, lists: bool = True) -> Iterator[tuple[str, Any]]:
    for key, value in list(attributes.items())[:limit]:
        if value is None or isinstance(value, float) or _fits(value):
            yield _text(key), value
        elif lists and isinstance(value, list | tuple):
            yield _text(key), [_text(item) for item in value[:MAX_ITEMS]]
        else:
            yield _text(key), _text(value)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else hex(value) if isinstance(value, int) else str(value)
    if len(text) > MAX_TEXT_CHARS:
        text = f"{text[: MAX_TEXT_CHARS - 1]}…"
    return text.encode("utf-8", "replace").decode()


def _fits(value: object) -> bool:
    return isinstance(value, int) and -(2**63) <= value < 2**63


def _number(value: Any) -> int:
    return min(max(int(value), -(2**63)), 2**63 - 1)
