"""Handing spans to OpenTelemetry: needs `pip install "firm[otel]"`.

One rule: importing this module imports nothing of OpenTelemetry; `export` does, when it is called.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firm.errors import UsageError
from firm.trace.span import CHAT, CREATE_AGENT, EMBEDDINGS, RETRIEVAL, Span

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer, TracerProvider

SCOPE = "firm"
"""Name of the instrumentation scope."""
REMOTE = frozenset({CHAT, EMBEDDINGS, CREATE_AGENT, RETRIEVAL})
"""Operations that ask another process: spans of kind CLIENT; the others are INTERNAL."""


def export(spans: Sequence[Span], provider: "TracerProvider", *, under: Span | None = None) -> int:
    """Make OpenTelemetry spans with the times that these had, and return how many.

    The provider's processors and exporters do the rest; flush it before the process ends. Each call makes new spans:
    what is exported twice is there twice.

    Args:
        spans: In any order; where one is the `parent` of another they are linked, by their `id`.
        provider: Of `opentelemetry-sdk`, or any that keeps to the API.
        under: Exported first, as the parent of all that have no parent in `spans`; for example the span of the run.

    Raises:
        UsageError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context  # noqa: F401
    except ImportError:
        raise UsageError(
            'spans cannot be exported: OpenTelemetry is not here; pip install "firm[otel]"'
        ) from None
    tracer = provider.get_tracer(SCOPE)
    top = None if under is None else _make(tracer, under, None)
    made: dict[int, Context] = {}
    for span in _parents_first(spans):
        context = _make(tracer, span, made.get(span.parent, top) if span.parent else top)
        if span.id:
            made[span.id] = context
    return len(spans) + (under is not None)


def _make(tracer: "Tracer", span: Span, parent: "Context | None") -> "Context":
    """One span, begun and ended; returns the context in which its children lie."""
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

    kind = SpanKind.CLIENT if span.operation in REMOTE else SpanKind.INTERNAL
    made = tracer.start_span(
        span.name,
        context=Context() if parent is None else parent,
        kind=kind,
        attributes=_readable(span.all_attributes),
        start_time=span.start_us * 1000,
    )
    for moment in span.moments:
        made.add_event(moment.name, _readable(moment.attributes), timestamp=moment.at_us * 1000)
    if span.error:
        made.set_status(Status(StatusCode.ERROR, span.error))
    made.end(end_time=(span.start_us + span.duration_us) * 1000)
    return set_span_in_context(made, Context())


def _readable(attributes: dict[str, Any]) -> dict[str, Any]:
    """What is known, its text without lone surrogates, which exporters cannot encode."""
    return {_text(key): _value(value) for key, value in attributes.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_text(str(item)) for item in value]
    return value if isinstance(value, bool | int | float) else _text(str(value))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _parents_first(spans: Sequence[Span]) -> list[Span]:
    """Parents before their children; what goes in a circle comes last."""
    known = {span.id for span in spans if span.id}
    below: defaultdict[int, list[Span]] = defaultdict(list)
    ordered: list[Span] = []
    for span in spans:
        (below[span.parent] if span.parent in known else ordered).append(span)
    for span in ordered:  # grows while it is read
        ordered += below.pop(span.id, [])
    return ordered + [span for circle in below.values() for span in circle]
