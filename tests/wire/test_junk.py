"""Whatever a server sends, a wire gives a reply that can be kept and sent on, or a fault; never another error."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.wire.said import WIRES, feed, golden, names

from firm.model.reply import Reply
from firm.model.request import Request
from firm.model.target import Abilities, Model
from firm.model.wire import wire_of
from firm.model.wire.embeddings import embeddings_of
from firm.model.wire.fault import Fault, Kind

OWN = Model("http://own/v1", "m")
BIG = "x" * 10_000_000

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**63, -(2**70), 10**400, 1e308, -0.5, 12.0, float("nan"), float("-inf")]),
    st.text(max_size=3),
    st.sampled_from(["\ud800", "a\udfffb", "\x00", "error", "[DONE]", "tool_use", "message", "reasoning"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to everything in a JSON value."""
    inner: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    found = [path]
    for key, item in inner:
        found += places(item, (*path, key))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any, *, drop: bool) -> Any:
    """The value with something else at one place, or nothing there."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if drop and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], new, drop=drop)
    return copy


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> bytes:
    """A JSON document in which some places hold something else, as bytes, perhaps damaged."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(document)))
        document = changed(document, path, draw(values), drop=draw(st.booleans()))
    data = json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)):
        return data
    cut = draw(st.integers(0, len(data)))
    return data[:cut] + draw(st.binary(max_size=3)) + data[cut + draw(st.integers(0, 3)) :]


@st.composite
def spoiled_stream(draw: st.DrawFn, data: bytes) -> list[tuple[str, bytes]]:
    """Events of a golden stream, some of them spoiled, doubled, left out or in another order."""
    lines = [line[6:] for line in data.splitlines() if line.startswith(b"data: ")]
    events = []
    for line in lines:
        fate = draw(st.integers(0, 11))
        if fate == 0:
            continue
        if fate == 1 and line != b"[DONE]":
            events.append(("", draw(spoiled(json.loads(line)))))
        else:
            events += [("", line)] * (2 if fate == 2 else 1)
    if draw(st.integers(0, 4)) == 0:
        events = list(draw(st.permutations(events)))
    return events


def check(reply: Reply) -> None:
    """A reply can be kept in a journal, counted, shown, and sent on over every wire."""
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(reply), type=Reply) == reply
    assert min(msgspec.structs.astuple(reply.usage)) >= 0
    assert all(token.logprob <= 0 for token in reply.logprobs)
    assert reply.stop in ("stop", "length", "tool_calls", "filter")
    assert (reply.stop == "tool_calls") <= bool(reply.tool_calls)
    for wire in WIRES:
        body = wire_of(wire).body(Request((reply.message,)), OWN, Abilities(), stream=False)
        assert isinstance(json.loads(body), dict)


def read(wire: str, data: bytes) -> None:
    try:
        reply = wire_of(wire).reply(data)
    except Fault as fault:
        assert len(str(fault)) < 700
        return
    check(reply)


def watch(wire: str, events: list[tuple[str, bytes]]) -> None:
    stream = wire_of(wire).stream()
    try:
        for event, data in events:
            stream.feed(event, data)
            if stream.ended:
                check(stream.reply())
    except Fault as fault:
        assert len(str(fault)) < 700


@pytest.mark.parametrize("wire", WIRES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_spoiled_reply_is_read_or_a_fault(wire: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names(wire, "reply-", ".json")))
    read(wire, data.draw(spoiled(json.loads(golden(wire, name)))))


@pytest.mark.parametrize("wire", WIRES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_spoiled_stream_is_read_or_a_fault(wire: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names(wire, "stream-", ".sse")))
    watch(wire, data.draw(spoiled_stream(golden(wire, name))))


@pytest.mark.parametrize("wire", WIRES)
@given(data=st.binary(max_size=50))
@example(b"")
@example(b"null")
@example(b"{}")
@example(b"\x00")
@example(b"\xef\xbb\xbf{}")
@example(b"<html>502 Bad Gateway</html>")
@example(b"[" * 100_000)
@example(b'{"error":' + b"[" * 990 + b"]" * 990 + b"}")
@example(b'{"choices":' + b'{"a":' * 100_000)
@settings(max_examples=40, deadline=None)
def test_junk_is_a_fault(wire: str, data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        wire_of(wire).reply(data)
    assert caught.value.kind in (Kind.JUNK, Kind.SERVER)
    watch(wire, [("", data)])
    read(wire, data)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_spoiled_embeddings_are_read_or_a_fault(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names("chat", "embeddings", ".json")))
    try:
        found = embeddings_of(data.draw(spoiled(json.loads(golden("chat", name)))), 2)
    except Fault:
        return
    assert len(found.vectors) == 2 and len(found.vectors[0]) == len(found.vectors[1]) > 0
    assert found.usage.total >= 0


def whole(wire: str, words: str) -> bytes:
    """A reply of one text in each protocol."""
    document = {
        "chat": {"choices": [{"message": {"content": words}}]},
        "responses": {"output": [{"type": "message", "content": [{"type": "output_text", "text": words}]}]},
        "anthropic": {"content": [{"type": "text", "text": words}]},
    }[wire]
    return json.dumps(document).encode()


@pytest.mark.parametrize("wire", WIRES)
def test_ten_megabytes_are_read(wire: str) -> None:
    assert wire_of(wire).reply(whole(wire, BIG)).text == BIG


@pytest.mark.parametrize("wire", WIRES)
def test_ten_megabytes_of_error_are_cut(wire: str) -> None:
    with pytest.raises(Fault) as caught:
        wire_of(wire).reply(json.dumps({"error": {"message": BIG, "type": BIG, "code": BIG}}).encode())
    assert len(caught.value.told) <= 500


@pytest.mark.parametrize("wire", WIRES)
def test_nul_passes_and_lone_surrogates_become_replacement_characters(wire: str) -> None:
    reply = wire_of(wire).reply(whole(wire, "a\x00b \ud800 \U0001f600"))
    assert reply.text == "a\x00b \ufffd \U0001f600"
    check(reply)


@pytest.mark.parametrize("wire", WIRES)
def test_bytes_that_are_no_utf8_become_replacement_characters(wire: str) -> None:
    reply = wire_of(wire).reply(whole(wire, "abc").replace(b"abc", b"a\xffc"))
    assert reply.text == "a\ufffdc"


@pytest.mark.parametrize("wire", WIRES)
def test_stream_that_ends_before_it_began_is_no_empty_reply(wire: str) -> None:
    end = {
        "chat": b"data: [DONE]\n\n",
        "responses": b'data: {"type":"response.completed"}\n\n',
        "anthropic": b'data: {"type":"message_stop"}\n\n',
    }[wire]
    with pytest.raises(Fault) as caught:
        feed(wire, end)
    assert caught.value.kind is Kind.JUNK
