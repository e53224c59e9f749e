"""Responses: corners that the golden bodies do not show."""

import json
from typing import Any

import pytest

from firm.model.message import Message, Reasoning, Text
from firm.model.request import Delta, Request
from firm.model.target import Abilities, Model
from firm.model.wire.fault import Fault, Kind
from firm.model.wire.responses import ResponsesWire

OWN = Model("http://127.0.0.1:8000/v1", "m")
wire = ResponsesWire()


def sent(*messages: Message) -> Any:
    return json.loads(wire.body(Request(messages), OWN, Abilities(), stream=False))


def event(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_only_the_first_system_messages_are_instructions() -> None:
    body = sent(Message("system", "a"), Message("system", "b"), Message("user", "?"), Message("system", "c"))
    assert body["instructions"] == "a\n\nb"
    assert [item["role"] for item in body["input"]] == ["user", "system"]
    assert "instructions" not in sent(Message("user", "?"))


def test_reasoning_that_the_server_could_not_read_again_is_left_out() -> None:
    thoughts = ('{"type":"reasoning","id":"rs_1","summary":[]}', "junk", "[]", "")
    parts = [Reasoning("Hm.", "responses", data) for data in thoughts]
    assert sent(Message("assistant", (*parts, Text("6"))))["input"] == [{"role": "assistant", "content": "6"}]


def test_nothing_is_stored() -> None:
    assert sent()["store"] is False


@pytest.mark.parametrize("status", ["cancelled", "in_progress", "queued"])
def test_response_that_is_not_finished_is_a_fault(status: str) -> None:
    with pytest.raises(Fault, match=status):
        wire.reply(event(status=status, output=[]))


def test_failure_without_a_reason_is_a_fault_all_the_same() -> None:
    with pytest.raises(Fault, match="no reason was given"):
        wire.reply(event(status="failed", output=[]))


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow down"}},
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow down"},
        {
            "type": "response.failed",
            "response": {"error": {"code": "rate_limit_exceeded", "message": "slow down"}},
        },
    ],
)
def test_error_events_of_all_shapes_are_faults(fields: dict[str, Any]) -> None:
    with pytest.raises(Fault, match="slow down") as caught:
        wire.stream().feed("", event(**fields))
    assert caught.value.kind is Kind.RATE


def test_name_of_an_event_counts_where_its_data_has_no_type() -> None:
    assert wire.stream().feed("response.output_text.delta", event(delta="a")) == Delta("a")


def test_items_stand_in_for_a_last_event_without_output() -> None:
    stream = wire.stream()
    for index in (1, 0):
        item = {"type": "message", "content": [{"type": "output_text", "text": f"{index};"}]}
        stream.feed("", event(type="response.output_item.done", output_index=index, item=item))
    stream.feed("", event(type="response.completed", response={"output": []}))
    assert stream.ended
    assert stream.reply().text == "0;1;"


def test_words_stand_in_where_no_item_came() -> None:
    stream = wire.stream()
    for piece in ("Do", "ne"):
        stream.feed("", event(type="response.output_text.delta", delta=piece))
    stream.feed("", event(type="response.completed", response={"status": "completed"}))
    assert stream.reply().text == "Done"


def test_text_reasoning_is_told_while_it_comes() -> None:
    told = wire.stream().feed("", event(type="response.reasoning_text.delta", delta="Hm."))
    assert told == Delta(reasoning="Hm.")
