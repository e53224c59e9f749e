"""Spans: their bytes, their names, and what is done with what cannot be stored."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.trace import OPERATIONS, Moment, Span, attribute, decode, encode
from firm.trace.span import CHAT, EXECUTE_TOOL, MAX_BYTES, MAX_MOMENTS, PLAN, RETRIEVAL, RETRY

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.one_of(
    TEXT,
    st.booleans(),
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(TEXT, max_size=4),
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=5)
TIMES = st.integers(0, 2**53)
MOMENTS = st.builds(Moment, TEXT, TIMES, ATTRIBUTES)
SPANS = st.builds(
    Span,
    st.sampled_from(sorted(OPERATIONS)),
    TIMES,
    TIMES,
    ATTRIBUTES,
    error=TEXT,
    moments=st.lists(MOMENTS, max_size=3).map(tuple),
    id=st.integers(0, 2**63 - 1),
    parent=st.integers(0, 2**63 - 1),
)
ANY_TEXT = st.text(st.characters(), max_size=400)
ODD = st.one_of(VALUES, ANY_TEXT, st.integers(), st.floats(), st.lists(ANY_TEXT, max_size=20), st.binary())


@given(st.lists(SPANS, max_size=4))
def test_spans_come_back_as_they_were(spans: list[Span]) -> None:
    assert decode(encode(spans)) == spans


@given(
    st.builds(Span, ANY_TEXT, st.integers(), st.integers(), st.dictionaries(ANY_TEXT, ODD), error=ANY_TEXT)
)
def test_every_span_can_be_encoded_and_read_back(span: Span) -> None:
    [back] = decode(encode([span]))
    assert len(back.attributes) >= min(1, len(span.attributes))
    assert back.operation[:200] == span.operation.encode("utf-8", "replace").decode()[:200]
    assert encode([back]) == encode(decode(encode([back])))


HOSTILE: list[Any] = [
    10**5000,
    "\ud800",
    "a\x00b\ud9ff",
    2**80,
    -(2**70),
    ["\udfff"] * 20,
    {"no": "scalar"},
    object,
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_cannot_be_stored_becomes_text(value: Any) -> None:
    moment = Moment(RETRY, 5, {attribute.REASON: value})
    span = Span(CHAT, 1, 2, {attribute.REQUEST_MODEL: value, "fine": 3}, "Bad\ud800", (moment,))
    [back] = decode(encode([span]))
    assert (back.operation, back.start_us, back.duration_us, back.attributes["fine"]) == (CHAT, 1, 2, 3)
    assert isinstance(back.attributes[attribute.REQUEST_MODEL], str | list)
    assert isinstance(back.moments[0].attributes[attribute.REASON], str)
    assert back.error == "Bad?"


def test_a_span_that_is_too_large_is_cut_and_says_so() -> None:
    moments = tuple(Moment(RETRY, number, {attribute.REASON: "x" * 100_000}) for number in range(50))
    span = Span(CHAT, 1, 2, {attribute.REQUEST_MODEL: "m", attribute.REASON: "長" * 100_000}, "", moments)
    body = encode([span])
    assert len(body) <= MAX_BYTES
    [back] = decode(body)
    assert back.attributes["firm.moments_left_out"] == 50 - MAX_MOMENTS
    assert str(back.attributes[attribute.REASON]).endswith("長…")
    assert back.attributes[attribute.REQUEST_MODEL] == "m"


def test_numbers_that_are_none_are_kept() -> None:
    [back] = decode(encode([Span(CHAT, 1, 2, {"a": math.nan, "b": math.inf, "\ud800": 1.5})]))
    assert math.isnan(back.attributes["a"])
    assert (back.attributes["b"], back.attributes["?"]) == (math.inf, 1.5)


def test_spans_of_a_newer_version_with_more_fields_are_read() -> None:
    assert decode(msgspec.msgpack.encode([["chat", 1, 2, {}, "", [], 0, 0, "new"]])) == [Span(CHAT, 1, 2, {})]
    with pytest.raises(msgspec.ValidationError):
        decode(msgspec.msgpack.encode([["chat", "soon", 2, {}]]))


@pytest.mark.parametrize(
    ("operation", "key", "name"),
    [
        (CHAT, attribute.REQUEST_MODEL, "chat x"),
        (EXECUTE_TOOL, attribute.TOOL_NAME, "execute_tool x"),
        (PLAN, attribute.AGENT_NAME, "plan x"),
        (RETRIEVAL, attribute.DATA_SOURCE, "retrieval x"),
    ],
)
def test_a_span_is_named_by_its_operation_and_what_it_was_done_with(
    operation: str, key: str, name: str
) -> None:
    assert Span(operation, 0, 0, {key: "x"}).name == name
    assert Span(operation, 0, 0, {}).name == operation


def test_fields_and_attributes_are_shown_as_one_and_what_is_not_known_is_not() -> None:
    span = Span(CHAT, 0, 0, {attribute.RESPONSE_ID: None, attribute.COST_USD: 0.0}, "429")
    assert span.all_attributes == {
        "gen_ai.operation.name": "chat",
        "firm.cost.usd": 0.0,
        "error.type": "429",
    }
