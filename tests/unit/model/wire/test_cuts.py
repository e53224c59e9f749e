"""A stream gives the same reply as the whole body, wherever it is cut."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firm.model.message import Reasoning
from firm.model.reply import Reply
from firm.model.wire import wire_of
from firm.model.wire.events import Events

words = st.text(max_size=12)
calls = st.lists(
    st.tuples(
        st.text("abc", min_size=1, max_size=4), st.dictionaries(words, words | st.integers(), max_size=2)
    ),
    max_size=3,
)


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """A text in pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def fed(wire: str, events: list[dict[str, Any]], size: int, *, done: bool = False) -> tuple[Reply, str]:
    """The reply of events that come in pieces of so many bytes, and the words that were told on the way."""
    data = b"".join([b"data: " + json.dumps(event).encode() + b"\n\n" for event in events])
    data += b"data: [DONE]\n\n" * done
    stream, source, told = wire_of(wire).stream(), Events(), ""
    for start in range(0, len(data), size):
        for event, piece in source.feed(data[start : start + size]):
            delta = stream.feed(event, piece)
            told += delta.text if delta is not None else ""
    assert stream.ended
    return stream.reply(), told


def same(streamed: Reply, whole: Reply) -> None:
    """Reasoning is compared as what it says: its JSON may be spaced differently."""
    assert [_read(part) for part in streamed.parts] == [_read(part) for part in whole.parts]
    assert (streamed.usage, streamed.stop, streamed.model) == (whole.usage, whole.stop, whole.model)


def _read(part: Any) -> Any:
    if isinstance(part, Reasoning) and part.data:
        return part.text, part.wire, json.loads(part.data)
    return part


@given(st.data(), words, words, calls, st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_chat(data: st.DataObject, thought: str, text: str, made: list[Any], size: int) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    said = [
        {"index": n, "id": f"c{n}", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for n, (name, arguments) in enumerate(made)
    ]
    message = {"reasoning_content": thought, "content": text, "tool_calls": said}
    whole = {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    deltas = [{"reasoning_content": piece} for piece in data.draw(cut(thought))]
    deltas += [{"content": piece} for piece in data.draw(cut(text))]
    for call in said:
        first, *rest = data.draw(cut(call["function"]["arguments"]))
        deltas.append({"tool_calls": [{**call, "function": {**call["function"], "arguments": first}}]})
        deltas += [
            {"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]} for piece in rest
        ]
    events = [{"model": "m", "choices": [{"delta": delta}]} for delta in deltas]
    events += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
    reply, told = fed("chat", events, size, done=True)
    same(reply, wire_of("chat").reply(json.dumps(whole).encode()))
    assert told == text == reply.text


@given(st.data(), words, words, calls, st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_anthropic(data: st.DataObject, thought: str, text: str, made: list[Any], size: int) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": thought, "signature": "s=="},
        {"type": "text", "text": text},
    ]
    blocks += [
        {"type": "tool_use", "id": f"c{n}", "name": name, "input": arguments}
        for n, (name, arguments) in enumerate(made)
    ]
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"model": "m", "usage": usage}}]
    for n, block in enumerate(blocks):
        start, kind, key, added = block, "input_json_delta", "partial_json", json.dumps(block.get("input"))
        if n == 0:
            start, kind, key, added = (
                {**block, "thinking": "", "signature": ""},
                "thinking_delta",
                "thinking",
                thought,
            )
        elif n == 1:
            start, kind, key, added = {**block, "text": ""}, "text_delta", "text", text
        events.append({"type": "content_block_start", "index": n, "content_block": start})
        pieces = data.draw(cut(added))
        events += [
            {"type": "content_block_delta", "index": n, "delta": {"type": kind, key: piece}}
            for piece in pieces
        ]
        if n == 0:
            delta = {"type": "signature_delta", "signature": "s=="}
            events.append({"type": "content_block_delta", "index": n, "delta": delta})
        events.append({"type": "content_block_stop", "index": n})
    events += [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ]
    whole = {"model": "m", "content": blocks, "stop_reason": "end_turn", "usage": usage}
    reply, told = fed("anthropic", events, size)
    same(reply, wire_of("anthropic").reply(json.dumps(whole).encode()))
    assert told == text == reply.text
