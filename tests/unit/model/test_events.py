"""Server-sent events, however the bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model.wire.events import MAX_EVENT_BYTES, Events
from firm.model.wire.fault import Fault, Kind

STREAM = (
    b': a comment\n\ndata: one\n\nevent: named\r\ndata: {"a": 1}\r\n\r\n'
    b"data:two\ndata: lines\n\nid: 7\nretry: 10\ndata: \xe8\x8a\xb1\n\ndata: [DONE]\n\n"
)
EVENTS = [
    ("", b"one"),
    ("named", b'{"a": 1}'),
    ("", b"two\nlines"),
    ("", "花".encode()),
    ("", b"[DONE]"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    events = Events()
    places = [0, *sorted(cuts), len(STREAM)]
    found = [event for start, end in itertools.pairwise(places) for event in events.feed(STREAM[start:end])]
    assert found == EVENTS
    assert list(events.end()) == []


def test_a_last_event_without_its_empty_line_is_taken_at_the_end() -> None:
    events = Events()
    assert list(events.feed(b"data: [DONE]")) == []
    assert list(events.end()) == [("", b"[DONE]")]


def test_an_event_without_end_is_refused_before_it_fills_the_memory() -> None:
    events = Events()
    with pytest.raises(Fault) as caught:
        for _ in range(20):
            list(events.feed(b"x" * (MAX_EVENT_BYTES // 10)))
    assert caught.value.kind is Kind.SIZE
