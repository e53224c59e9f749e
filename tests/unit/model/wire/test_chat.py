"""Chat Completions: corners that the golden bodies do not show."""

import json
from typing import Any

import pytest

from firm.model.error import NotAble
from firm.model.message import Image, Message, Reasoning, Text, ToolCall, ToolResult
from firm.model.request import Delta, Request, Tool
from firm.model.target import Abilities, Model
from firm.model.transcript import Transcript
from firm.model.wire.chat import ChatWire, cache_key
from firm.model.wire.fault import Fault, Kind

OWN = Model("http://127.0.0.1:8000/v1", "m")
HOSTED = Model("https://models.example/v1", "m")
wire = ChatWire()


def sent(*messages: Message) -> Any:
    return json.loads(wire.body(Request(messages), OWN, Abilities(), stream=False))["messages"]


def chunk(**delta: Any) -> bytes:
    return json.dumps({"choices": [{"delta": delta}]}).encode()


def test_words_and_thoughts_in_one_chunk_are_both_kept() -> None:
    stream = wire.stream()
    assert stream.feed("", chunk(content="6", reasoning_content="Hm.")) == Delta("6", "Hm.")
    stream.feed("", b"[DONE]")
    assert stream.reply().parts == (Reasoning("Hm.", "chat"), Text("6"))


def test_pictures_of_results_follow_after_the_last_result() -> None:
    results = (ToolResult("a", "one", images=(Image(url="https://x.example/1.png"),)), ToolResult("b", "two"))
    roles = [message["role"] for message in sent(*[Message("tool", (result,)) for result in results])]
    assert roles == ["tool", "tool", "user"]
    assert sent(Message("tool", results), Message("user", "?"))[2:] == [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/1.png"}}]},
        {"role": "user", "content": "?"},
    ]


def test_call_without_words_has_no_content_and_nothing_at_all_is_empty() -> None:
    assert sent(Message("assistant", (ToolCall("a", "f"),)))[0]["content"] is None
    assert sent(Message("assistant", ())) == [{"role": "assistant", "content": ""}]


def test_part_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(NotAble, match="ToolCall"):
        sent(Message("user", (ToolCall("a", "f"),)))


@pytest.mark.parametrize("reason", ["abort", "error", "insufficient_system_resource"])
def test_reply_that_the_server_broke_off_is_a_fault(reason: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": "half"}, "finish_reason": reason}]}).encode()
    with pytest.raises(Fault, match=reason) as caught:
        wire.reply(body)
    assert caught.value.kind is Kind.SERVER


def test_calls_that_were_announced_but_did_not_come_are_none() -> None:
    body = b'{"choices":[{"message":{"content":"<tool_call>"},"finish_reason":"tool_calls"}]}'
    assert wire.reply(body).stop == "stop"


def test_empty_error_is_no_error() -> None:
    assert wire.reply(b'{"error":{},"choices":[{"message":{"content":"a"}}]}').text == "a"


def test_session_is_a_cache_key_of_at_most_64_characters_for_hosted_models_only() -> None:
    request = Request((), session="run-1")
    assert json.loads(wire.body(request, HOSTED, Abilities(), stream=False))["prompt_cache_key"] == "run-1"
    assert b"run-1" not in wire.body(request, OWN, Abilities(), stream=False)
    long = cache_key("run/" * 100)
    assert len(long) == 64 and long == cache_key("run/" * 100) != cache_key("run/" * 101)


def test_buckets_do_not_overlap_whatever_the_server_counts() -> None:
    body = (
        b'{"choices":[{"message":{}}],"usage":{"prompt_tokens":10,"completion_tokens":5,'
        b'"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":9},'
        b'"completion_tokens_details":{"reasoning_tokens":50}}}'
    )
    usage = wire.reply(body).usage
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning) == (
        0,
        8,
        2,
        0,
        5,
    )
    assert usage.total == 15


def test_the_same_tools_are_written_once_and_others_anew() -> None:
    tools = (Tool("look", "Look."), Tool("buy", "Buy \ud800."))
    first, again, other = (
        json.loads(
            ChatWire().body(Request((Message("user", "hi"),), tools=given), OWN, Abilities(), stream=False)
        )
        for given in (tools, tools, (Tool("buy", "Buy."),))
    )
    assert first == again
    assert [tool["function"]["name"] for tool in first["tools"]] == ["look", "buy"]
    assert first["tools"][1]["function"]["description"] == "Buy \ufffd."
    assert [tool["function"]["description"] for tool in other["tools"]] == ["Buy."]


def test_a_conversation_that_grows_or_is_looked_at_again_is_written_whole() -> None:
    def sent(messages: Transcript) -> list[Any]:
        body = ChatWire().body(Request(messages), OWN, Abilities(), stream=False)
        found: list[Any] = json.loads(body)["messages"]
        return found

    first = Transcript((Message("user", "a"),))
    second = first.plus(Message("assistant", "b"), Message("tool", (ToolResult("1", "c", "look"),)))
    third = second.plus(Message("user", "d"))
    other = first.plus(Message("user", "e"))
    pictures = third.plus(Message("tool", (ToolResult("2", "f", "look", images=(Image(b"x"),)),)))
    for _ in range(2):
        assert [one["content"] for one in sent(third)] == ["a", "b", "c", "d"]
        assert [one["content"] for one in sent(first)] == ["a"]
        assert [one["content"] for one in sent(second)] == ["a", "b", "c"]
        assert [one["content"] for one in sent(other)] == ["a", "e"]
        assert [one["role"] for one in sent(pictures)] == [
            "user",
            "assistant",
            "tool",
            "user",
            "tool",
            "user",
        ]
        assert sent(pictures) == sent(Transcript(tuple(pictures)))
