"""Anthropic Messages: corners that the golden bodies do not show."""

import json
from typing import Any

import pytest

from firm.model.message import File, Image, Message, Reasoning, Text, ToolCall, ToolResult
from firm.model.request import Request, Sampling, Tool
from firm.model.target import Abilities, Model
from firm.model.wire.anthropic import AnthropicWire
from firm.model.wire.fault import Fault, Kind
from firm.units import Usage

OWN = Model("http://127.0.0.1:8000/v1", "m")
HOSTED = Model("https://models.example/v1", "m")
MARK = {"type": "ephemeral"}
wire = AnthropicWire()


def body(request: Request, model: Model = OWN, **abilities: bool) -> Any:
    return json.loads(wire.body(request, model, Abilities(**abilities), stream=False))


def sent(*messages: Message) -> Any:
    return body(Request(messages))["messages"]


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def test_turns_alternate_and_results_come_before_words() -> None:
    turns = sent(
        Message("user", "a"),
        Message("user", (Text("b"),)),
        Message("assistant", (ToolCall("x", "f"),)),
        Message("tool", (ToolResult("x", "1"),)),
        Message("user", "c"),
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "text"]
    assert [block["text"] for block in turns[0]["content"]] == ["a", "b"]


def test_empty_words_and_empty_messages_are_not_sent() -> None:
    foreign = Reasoning("Hm.", "chat")
    assert sent(
        Message("user", (Text(""), Text("a"))), Message("assistant", (foreign,)), Message("assistant", "")
    ) == [{"role": "user", "content": [{"type": "text", "text": "a"}]}]


def test_system_messages_are_gathered_wherever_they_stand() -> None:
    request = Request(
        (Message("system", "a"), Message("user", "?"), Message("system", "b"), Message("system", ""))
    )
    assert body(request)["system"] == "a\n\nb"
    assert [turn["role"] for turn in body(request)["messages"]] == ["user"]


def test_pictures_go_as_bytes_or_as_addresses() -> None:
    images = (
        Image(b"\x89PNG"),
        Image(url="https://x.example/1.png"),
        Image(url="data:image/gif;base64,R0lG"),
    )
    assert [block["source"] for block in sent(Message("user", images))[0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": "iVBORw=="},
        {"type": "url", "url": "https://x.example/1.png"},
        {"type": "base64", "media_type": "image/gif", "data": "R0lG"},
    ]


def test_text_files_go_as_text() -> None:
    [block] = sent(Message("user", (File(b"a,b", "t.csv", "text/csv"),)))[0]["content"]
    assert block == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "a,b"},
        "title": "t.csv",
    }


def test_calls_that_share_a_prefix_are_marked_for_the_cache_of_a_hosted_model_only() -> None:
    tools = (Tool("f"), Tool("g"))
    request = Request((Message("user", "?"),), tools=tools, session="run-1")
    marked = body(request, HOSTED)
    assert [tool.get("cache_control") for tool in marked["tools"]] == [None, MARK]
    assert marked["messages"][-1]["content"][-1]["cache_control"] == MARK
    marked = body(Request((Message("system", "s"), *request.messages), tools=tools, session="run-1"), HOSTED)
    assert marked["system"] == [{"type": "text", "text": "s", "cache_control": MARK}]
    assert "cache_control" not in json.dumps(marked["tools"])
    assert "cache_control" not in json.dumps(body(request, OWN))
    assert "cache_control" not in json.dumps(body(Request(request.messages, tools=tools), HOSTED))


def test_thinking_is_not_marked_for_the_cache() -> None:
    thought = Reasoning("Hm.", "anthropic", '{"type":"thinking","thinking":"Hm.","signature":"s"}')
    request = Request((Message("user", "?"), Message("assistant", (Text("a"), thought))), session="run-1")
    assert "cache_control" not in json.dumps(body(request, HOSTED))


@pytest.mark.parametrize(
    ("request_", "thinking"),
    [
        (Request((), effort="low"), {"type": "adaptive"}),
        (Request((), effort="instant"), None),
        (Request((), effort="high", tools=(Tool("f"),), tool_choice="required"), None),
        (Request((), effort="high", tools=(Tool("f"),), tool_choice="f"), None),
        (Request((), effort="high", tools=(Tool("f"),)), {"type": "adaptive"}),
        (Request((), effort="high", sampling=Sampling(temperature=0.5)), None),
        (Request((), effort="high", sampling=Sampling(stop=("x",))), {"type": "adaptive"}),
    ],
)
def test_model_may_think_unless_the_provider_does_not_take_it_together(
    request_: Request, thinking: dict[str, str] | None
) -> None:
    found = body(request_, effort=True)
    assert found.get("thinking") == thinking
    assert found["output_config"]["effort"] == ("low" if request_.effort == "instant" else request_.effort)
    assert "output_config" not in body(request_) and "thinking" not in body(request_)


def test_counts_of_a_stream_are_sums_so_far_and_missing_ones_keep_their_last() -> None:
    stream = wire.stream()
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}
    stream.feed("", event("message_start", message={"usage": usage}))
    stream.feed("", event("message_delta", delta={}, usage={"input_tokens": None, "output_tokens": 7}))
    stream.feed("", event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}))
    stream.feed("", event("message_stop"))
    assert stream.reply().usage == Usage(10, 5, 0, 9)


def test_reply_of_a_stream_can_be_taken_twice() -> None:
    stream = wire.stream()
    stream.feed("", event("message_start", message={}))
    stream.feed("", event("content_block_start", index=0, content_block={"type": "text", "text": "a"}))
    stream.feed("", event("content_block_delta", index=0, delta={"type": "text_delta", "text": "b"}))
    stream.feed("", event("message_stop"))
    assert stream.reply() == stream.reply()
    assert stream.reply().text == "ab"


def test_piece_of_a_block_that_never_began_is_a_fault() -> None:
    stream = wire.stream()
    with pytest.raises(Fault, match="block 3") as caught:
        stream.feed("", event("content_block_delta", index=3, delta={"type": "text_delta", "text": "b"}))
    assert caught.value.kind is Kind.JUNK


def test_pings_and_unknown_events_say_nothing() -> None:
    stream = wire.stream()
    assert stream.feed("ping", b'{"type":"ping"}') is None
    assert stream.feed("future", b'{"type":"future_event","index":0}') is None
    assert stream.feed("ping", b"{}") is None
    assert not stream.ended
