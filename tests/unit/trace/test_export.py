"""Spans as OpenTelemetry gets them."""

import sys
from typing import Any

import pytest

from firm.errors import UsageError
from firm.trace import Moment, Span, attribute
from firm.trace.export import export
from firm.trace.span import CHAT, EXECUTE_TOOL, INVOKE_AGENT, INVOKE_WORKFLOW, RETRY

T0_US = 1_700_000_000_000_000


def exported(*spans: Span, under: Span | None = None) -> list[Any]:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    assert export(spans, provider, under=under) == len(spans) + (under is not None)
    provider.shutdown()
    return list(exporter.get_finished_spans())


def test_a_span_keeps_its_name_times_attributes_and_moments() -> None:
    moment = Moment(RETRY, T0_US + 200_000, {attribute.HTTP_STATUS: 429, attribute.REASON: "slow\ud800"})
    attributes: dict[str, Any] = {
        attribute.REQUEST_MODEL: "m",
        attribute.FINISH_REASONS: ["stop"],
        attribute.COST_USD: 0.25,
        attribute.RESPONSE_ID: None,
    }
    [span] = exported(Span(CHAT, T0_US, 830_000, attributes, "", (moment,)))
    assert (span.name, span.kind.name, span.status.status_code.name) == ("chat m", "CLIENT", "UNSET")
    assert span.instrumentation_scope.name == "firm"
    assert (span.start_time, span.end_time) == (T0_US * 1000, (T0_US + 830_000) * 1000)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "firm.cost.usd": 0.25,
    }
    [event] = span.events
    assert (event.name, event.timestamp) == ("firm.retry", (T0_US + 200_000) * 1000)
    assert dict(event.attributes) == {"http.response.status_code": 429, "firm.reason": "slow?"}


def test_an_error_is_the_status_and_an_attribute() -> None:
    [span] = exported(Span(EXECUTE_TOOL, T0_US, 1, {attribute.TOOL_NAME: "look"}, "TimeoutError"))
    assert (span.kind.name, span.status.status_code.name) == ("INTERNAL", "ERROR")
    assert span.status.description == span.attributes["error.type"] == "TimeoutError"


def test_children_hang_under_their_parents_in_whatever_order_they_come() -> None:
    run = Span(INVOKE_WORKFLOW, T0_US, 9, {attribute.WORKFLOW_NAME: "w"})
    agent = Span(INVOKE_AGENT, T0_US, 5, {attribute.AGENT_NAME: "a"}, id=7)
    inner = Span(CHAT, T0_US, 2, {attribute.REQUEST_MODEL: "m"}, id=8, parent=7)
    tool = Span(EXECUTE_TOOL, T0_US, 2, {attribute.TOOL_NAME: "t"}, parent=8)
    stranger = Span(CHAT, T0_US, 2, {attribute.REQUEST_MODEL: "s"}, parent=99)
    spans = {span.name: span for span in exported(tool, inner, stranger, agent, under=run)}
    assert len({span.context.trace_id for span in spans.values()}) == 1
    parents = {
        name: span.parent and next(n for n, s in spans.items() if s.context.span_id == span.parent.span_id)
        for name, span in spans.items()
    }
    assert parents == {
        "invoke_workflow w": None,
        "invoke_agent a": "invoke_workflow w",
        "chat m": "invoke_agent a",
        "execute_tool t": "chat m",
        "chat s": "invoke_workflow w",
    }


def test_a_circle_of_parents_is_exported_all_the_same() -> None:
    one = Span(CHAT, T0_US, 1, {attribute.REQUEST_MODEL: "1"}, id=1, parent=2)
    two = Span(CHAT, T0_US, 1, {attribute.REQUEST_MODEL: "2"}, id=2, parent=1)
    itself = Span(CHAT, T0_US, 1, {attribute.REQUEST_MODEL: "3"}, id=3, parent=3)
    names = sorted(span.name for span in exported(one, two, itself))
    assert names == ["chat 1", "chat 2", "chat 3"]


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    provider: Any = None
    with pytest.raises(UsageError, match=r"firm\[otel\]"):
        export([], provider)
