"""Golden bodies of the three protocols: what is sent, and what is read from replies and streams that are kept here."""

import json

import pytest
from tests.wire.said import (
    REQUESTS,
    WIRES,
    body,
    conversation,
    everything,
    feed,
    golden,
    names,
    read,
    watch,
)

from firm.model.error import NotAble
from firm.model.message import Audio, File, Message, Reasoning, Text, ToolCall
from firm.model.reply import Reply, TokenLogprob
from firm.model.request import Request, Sampling
from firm.model.target import Abilities, Model
from firm.model.wire import wire_of
from firm.model.wire.fault import Fault, Kind
from firm.units import Usage

BROKEN = {
    ("chat", "reply-error.json"): Kind.RATE,
    ("chat", "stream-error.sse"): Kind.OVERLOAD,
    ("responses", "reply-failed.json"): Kind.SERVER,
    ("responses", "stream-failed.sse"): Kind.RATE,
    ("responses", "stream-error.sse"): Kind.SERVER,
    ("anthropic", "reply-error.json"): Kind.OVERLOAD,
    ("anthropic", "stream-error.sse"): Kind.OVERLOAD,
}
CALLS = {"call_a": ("weather", {"city": "Köln", "days": 2}), "call_b": ("now", {})}
TOKENS = (
    TokenLogprob("Yes", -0.105, (("Yes", -0.105), ("No", -2.302))),
    TokenLogprob(".", 0.0, ((".", 0.0), ("!", -9999.0))),
)


def called(reply: Reply) -> list[tuple[str, object]]:
    return [(call.name, call.decode()) for call in reply.tool_calls]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("wire", WIRES)
def test_request_is_written_as_in_its_golden_file(wire: str, name: str) -> None:
    assert json.loads(body(wire, name)) == json.loads(golden(wire, f"request-{name}.json"))


@pytest.mark.parametrize("wire", WIRES)
def test_streamed_request_differs_only_in_asking_for_a_stream(wire: str) -> None:
    streamed = json.loads(body(wire, "text", stream=True))
    assert streamed == json.loads(golden(wire, "request-stream.json"))
    added = {"stream": True, "stream_options": {"include_usage": True}}
    assert {key: value for key, value in streamed.items() if key not in added} == json.loads(
        body(wire, "text")
    )


@pytest.mark.parametrize("wire", WIRES)
def test_every_golden_file_is_of_a_known_kind(wire: str) -> None:
    requests = {f"request-{name}.json" for name in [*REQUESTS, "stream"]}
    assert set(names(wire, "request-", ".json")) == requests
    assert len(names(wire, "reply-", ".json")) >= 6
    assert len(names(wire, "stream-", ".sse")) >= 4


@pytest.mark.parametrize("wire", WIRES)
def test_words_and_all_buckets_of_a_reply_are_read(wire: str) -> None:
    reply = read(wire, "reply-text.json")
    assert reply.text == "Grüße aus Köln: 2 × 3 = 6 ✓"
    assert reply.stop == "stop"
    assert reply.usage == Usage(76, 1024, 100, 20, 320, 0, 85 if wire == "chat" else 0)
    assert reply.usage.total == 1540
    assert reply.model and reply.request_id


@pytest.mark.parametrize("wire", WIRES)
def test_words_and_usage_of_a_stream_are_read(wire: str) -> None:
    reply, deltas = watch(wire, "stream-text.sse")
    assert reply.text == "Grüße aus Köln: ✓" == "".join([delta.text for delta in deltas])
    assert reply.usage.total == 1540
    assert (reply.usage.cache_read, reply.usage.output, reply.usage.reasoning) == (1024, 20, 320)
    assert reply.model and reply.request_id and reply.stop == "stop"


@pytest.mark.parametrize("wire", WIRES)
def test_stream_of_tool_calls_gives_the_same_as_the_whole_reply(wire: str) -> None:
    whole = read(wire, "reply-tools.json")
    reply, deltas = watch(wire, "stream-tools.sse")
    assert called(whole) == called(reply) == list(CALLS.values())
    assert [call.id for call in whole.tool_calls] == [call.id for call in reply.tool_calls]
    assert (whole.text, whole.reasoning, whole.usage) == (reply.text, reply.reasoning, reply.usage)
    assert whole.stop == reply.stop == "tool_calls"
    assert [type(part) for part in whole.parts] == [type(part) for part in reply.parts]
    assert [delta.tool for delta in deltas if delta.tool] == ["weather", "now"]
    pieces = "".join([delta.arguments for delta in deltas])
    assert pieces.startswith('{"city": "Köln", "days": 2}')


@pytest.mark.parametrize("wire", ["responses", "anthropic"])
def test_reasoning_is_kept_and_sent_back_as_it_came(wire: str) -> None:
    whole, (reply, deltas) = read(wire, "reply-tools.json"), watch(wire, "stream-tools.sse")
    came = json.loads(golden(wire, "reply-tools.json"))["output" if wire == "responses" else "content"]
    assert "".join([delta.reasoning for delta in deltas]) in (
        reply.reasoning,
        reply.reasoning.replace("\n\n", ""),
    )
    for answer in (whole, reply):
        messages = (Message("user", "Köln?"), answer.message)
        sent = json.loads(
            wire_of(wire).body(Request(messages), Model("http://own/v1", "m"), Abilities(), stream=False)
        )
        if wire == "anthropic":
            assert sent["messages"][1] == {"role": "assistant", "content": came}
        else:
            assert sent["input"][1] == came[0]
            assert sent["input"][2] == {"role": "assistant", "content": "I will look.", "phase": "commentary"}
            assert [item["call_id"] for item in sent["input"][3:]] == ["call_a", "call_b"]


@pytest.mark.parametrize("wire", WIRES)
def test_reasoning_of_one_wire_is_not_sent_over_another(wire: str) -> None:
    thoughts = tuple([Reasoning("secret thought", other, '{"type":"x"}') for other in WIRES if other != wire])
    request = Request(
        (Message("user", "Hi"), Message("assistant", (*thoughts, Text("Hello"))), Message("user", "?"))
    )
    sent = wire_of(wire).body(request, Model("http://own/v1", "m"), Abilities(), stream=False)
    assert b"secret" not in sent and b'"x"' not in sent
    assert b"Hello" in sent


def test_reasoning_of_own_servers_is_read_and_goes_back() -> None:
    whole = read("chat", "reply-reasoning.json")
    reply, deltas = watch("chat", "stream-reasoning.sse")
    assert whole.parts == reply.parts == (Reasoning("2 and 3 make 6.", "chat"), Text("6"))
    assert "".join([delta.reasoning for delta in deltas]) == "2 and 3 make 6."
    sent = wire_of("chat").body(
        Request((reply.message,)), Model("http://own/v1", "m"), Abilities(), stream=False
    )
    assert json.loads(sent)["messages"] == [
        {"role": "assistant", "content": "6", "reasoning_content": "2 and 3 make 6."}
    ]


@pytest.mark.parametrize(
    ("wire", "name", "stop"),
    [
        ("chat", "reply-length.json", "length"),
        ("chat", "reply-filter.json", "filter"),
        ("responses", "reply-length.json", "length"),
        ("responses", "reply-filter.json", "filter"),
        ("responses", "reply-refusal.json", "stop"),
        ("anthropic", "reply-length.json", "length"),
        ("anthropic", "reply-window.json", "length"),
        ("anthropic", "reply-stop.json", "stop"),
        ("anthropic", "reply-refusal.json", "filter"),
    ],
)
def test_why_a_reply_stopped_is_told_in_one_language(wire: str, name: str, stop: str) -> None:
    assert read(wire, name).stop == stop


def test_incomplete_stream_of_responses_ended_by_its_length() -> None:
    reply, _ = watch("responses", "stream-length.sse")
    assert (reply.stop, reply.text) == ("length", "It goes on and")


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_logprobs_are_read(wire: str) -> None:
    assert read(wire, "reply-logprobs.json").logprobs == TOKENS


def test_logprobs_of_a_stream_are_those_of_the_whole_reply() -> None:
    assert watch("chat", "stream-logprobs.sse")[0].logprobs == TOKENS


def test_loose_chat_reply_is_read_as_it_was_meant() -> None:
    reply = read("chat", "reply-loose.json")
    assert reply.text == "One moment."
    assert called(reply) == [("weather", {"city": "Köln", "days": 2}), ("now", {})]
    assert len({call.id for call in reply.tool_calls}) == 2
    assert (reply.stop, reply.usage) == ("tool_calls", Usage(7))


def test_loose_chat_stream_keeps_its_calls_apart() -> None:
    reply, _ = watch("chat", "stream-loose.sse")
    assert [(call.id, *said) for call, said in zip(reply.tool_calls, called(reply), strict=True)] == [
        ("x1", "weather", {"city": "Köln", "days": 2}),
        ("x2", "now", {}),
        ("x3", "end", {"ok": True}),
    ]
    assert reply.stop == "tool_calls"


def test_loose_reply_of_responses_is_read_as_it_was_meant() -> None:
    reply = read("responses", "reply-loose.json")
    assert (reply.reasoning, reply.text) == ("2 and 3 make 6.", "6")
    assert called(reply) == [("now", {"zone": "UTC"})]
    assert reply.tool_calls[0].id == "fc_9"


def test_responses_stream_whose_last_event_is_empty_is_put_together_from_its_items() -> None:
    reply, _ = watch("responses", "stream-empty-end.sse")
    assert (reply.text, reply.usage.input) == ("Done so far.", 8)


def test_loose_reply_of_anthropic_is_read_as_it_was_meant() -> None:
    reply = read("anthropic", "reply-loose.json")
    assert reply.text == "6"
    assert called(reply) == [("now", {"zone": "UTC"}), ("end", {})]
    assert (reply.stop, reply.usage) == ("tool_calls", Usage(5))


@pytest.mark.parametrize(("wire", "name"), BROKEN)
def test_error_with_status_200_or_amid_a_stream_is_a_fault_of_its_kind(wire: str, name: str) -> None:
    with pytest.raises(Fault) as caught:
        if name.endswith(".json"):
            read(wire, name)
        else:
            feed(wire, golden(wire, name))
    assert caught.value.kind is BROKEN[wire, name]
    assert caught.value.told


@pytest.mark.parametrize("wire", WIRES)
def test_half_a_stream_has_not_ended(wire: str) -> None:
    stream, deltas = feed(wire, golden(wire, "stream-half.sse"))
    assert deltas and not stream.ended


@pytest.mark.parametrize("wire", WIRES)
def test_stream_cut_at_any_event_has_not_ended(wire: str) -> None:
    events = golden(wire, "stream-tools.sse").split(b"\n\n")
    for number in range(len(events) - 2):
        assert not feed(wire, b"\n\n".join(events[:number]) + b"\n\n")[0].ended


@pytest.mark.parametrize("wire", ["responses", "anthropic"])
def test_sound_has_no_place(wire: str) -> None:
    with pytest.raises(NotAble, match="Audio"):
        wire_of(wire).body(
            Request(conversation(Audio(b"RIFF"))), Model("http://own/v1", "m"), Abilities(), stream=False
        )


def test_what_a_protocol_has_no_place_for_is_refused_not_dropped() -> None:
    own = Model("http://own/v1", "m")
    with pytest.raises(NotAble, match="END"):
        wire_of("responses").body(
            Request((), sampling=Sampling(stop=("END",))), own, Abilities(), stream=False
        )
    with pytest.raises(NotAble, match=r"1\.5"):
        wire_of("anthropic").body(
            Request((), sampling=Sampling(temperature=1.5)), own, Abilities(), stream=False
        )
    with pytest.raises(NotAble, match="sheet"):
        messages = (Message("user", (File(b"PK", "sheet.xlsx", "application/zip"),)),)
        wire_of("anthropic").body(Request(messages), own, Abilities(), stream=False)


def test_only_chat_sends_a_seed_and_only_the_openai_wires_ask_for_logprobs() -> None:
    assert everything("chat").sampling.seed == 7
    keys = {wire: json.loads(body(wire, "everything")).keys() for wire in WIRES}
    assert "seed" in keys["chat"] and "seed" not in keys["responses"] | keys["anthropic"]
    assert "top_logprobs" in keys["chat"] & keys["responses"] and "top_logprobs" not in keys["anthropic"]


def test_calls_with_wrong_arguments_and_foreign_ids_can_be_sent_to_anthropic() -> None:
    calls = (
        ToolCall("functions.now:0", "now", "{oops"),
        ToolCall("", "now", "[1]"),
        ToolCall("ok", "now", ""),
    )
    request = Request((Message("user", "?"), Message("assistant", calls)))
    sent = json.loads(
        wire_of("anthropic").body(request, Model("http://own/v1", "m"), Abilities(), stream=False)
    )
    assert [(block["id"], block["input"]) for block in sent["messages"][1]["content"]] == [
        ("functions_now_0", {"invalid": "{oops"}),
        ("call", {"invalid": "[1]"}),
        ("ok", {}),
    ]
