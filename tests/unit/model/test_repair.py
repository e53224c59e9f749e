"""What is wrong with a reply, and the one round in which the model may put it right."""

from typing import Any

import pytest

from firm.errors import UsageError
from firm.model.error import BadReply, ReplyFiltered
from firm.model.message import Message, Reasoning, Text, ToolCall, ToolResult
from firm.model.repair import MAX_QUOTED_CHARS, again, problem
from firm.model.reply import Reply
from firm.model.request import Request, Tool
from firm.model.schema import shape_of

WEATHER = Tool(
    "get_weather", "", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)
SHAPE = shape_of(list[int])


def asked(**fields: Any) -> Request:
    return Request((Message("user", "go"),), **fields)


def calling(*calls: ToolCall, **fields: Any) -> Reply:
    return Reply(calls, stop="tool_calls", **fields)


def with_tools(**fields: Any) -> Request:
    return asked(tools=(WEATHER,), **fields)


def test_a_right_reply_has_no_problem_and_gets_its_value() -> None:
    reply = Reply((Text('{"value": [1]}'),))
    assert problem(asked(schema=SHAPE.json_schema), reply, SHAPE) is None
    assert reply.value == [1]


def test_plain_words_are_never_wrong() -> None:
    assert problem(asked(), Reply((Text("half a sente"),), stop="length"), None) is None
    assert problem(with_tools(), Reply((Text("words"),)), None) is None


def test_a_right_call_has_no_problem() -> None:
    call = ToolCall("1", "get_weather", '{"city": "Rome"}')
    assert problem(with_tools(tool_choice="get_weather"), calling(call), SHAPE) is None


@pytest.mark.parametrize(
    ("request_", "reply", "told"),
    [
        (asked(), Reply((Text("[1, true]"),)), "does not match the schema: at $[1]"),
        (asked(), Reply(), "it is empty"),
        (with_tools(tool_choice="required"), Reply((Text("no"),)), "calls no tool, and it has to call one"),
        (with_tools(tool_choice="get_weather"), Reply((Text("no"),)), "has to call the tool 'get_weather'"),
        (with_tools(), calling(ToolCall("1", "fly")), "there is no tool 'fly'; there are: get_weather"),
        (with_tools(), calling(ToolCall("1", "get_weather", "{city")), "cannot be read"),
        (with_tools(), calling(ToolCall("1", "get_weather", "[1]")), "have to be a JSON object"),
        (with_tools(), calling(ToolCall("1", "get_weather", '{"city": 5}')), "do not fit: at $.city"),
        (with_tools(), calling(ToolCall("1", "get_weather", "")), "'city' is a required property"),
        (with_tools(tool_choice="none"), calling(ToolCall("1", "get_weather")), "no tool may be called now"),
        (asked(), calling(ToolCall("1", "get_weather")), "no tool may be called now"),
    ],
)
def test_what_is_wrong_is_told(request_: Request, reply: Reply, told: str) -> None:
    wrong = problem(request_, reply, SHAPE)
    assert wrong is not None
    assert told in wrong


def test_a_call_of_another_tool_than_the_named_one_is_wrong() -> None:
    tools = (WEATHER, Tool("other"))
    wrong = problem(
        asked(tools=tools, tool_choice="other"), calling(ToolCall("1", "get_weather", '{"city":""}')), None
    )
    assert wrong == "it calls the tool 'get_weather', and it has to call 'other'"


def test_a_reply_cut_off_in_the_middle_is_not_repaired_but_told_with_the_remedy() -> None:
    reply = Reply((Text('{"value": [1, 2'),), stop="length", endpoint="http://gpu-1:8000/v1", model="m-7b")
    with pytest.raises(BadReply) as caught:
        problem(asked(max_tokens=16), reply, SHAPE)
    for words in ("'default' (m-7b) at http://gpu-1:8000/v1", "max_tokens=16", "raise max_tokens"):
        assert words in str(caught.value)
    with pytest.raises(BadReply, match="raise max_tokens"):
        problem(with_tools(), Reply((ToolCall("1", "get_weather", '{"ci'),), stop="length"), None)


def test_a_withheld_reply_is_its_own_error() -> None:
    reply = Reply((Text("I cannot"),), stop="filter", endpoint="http://gpu-1:8000/v1")
    with pytest.raises(ReplyFiltered, match="model 'default' at http://gpu-1:8000/v1 withheld"):
        problem(asked(), reply, None)


def test_a_tool_whose_parameters_cannot_be_checked_is_named() -> None:
    tool = Tool("odd", "", {"$ref": "https://example.org/x"})
    with pytest.raises(UsageError, match="tool 'odd'"):
        problem(asked(tools=(tool,)), calling(ToolCall("1", "odd")), None)


def test_the_second_request_shows_the_reply_and_what_is_wrong_with_it() -> None:
    request = asked(schema=SHAPE.json_schema)
    second = again(request, Reply((Reasoning("hm", "chat"), Text("one"))), "it is empty")
    assert second.messages[:1] == request.messages
    assert [message.role for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[1].parts == (Reasoning("hm", "chat"), Text("one"))
    assert "it is empty" in second.messages[2].text
    assert '"value"' in second.messages[2].text


def test_an_empty_reply_is_not_shown_again() -> None:
    assert [message.role for message in again(asked(), Reply(), "it is empty").messages] == ["user", "user"]


def test_a_huge_reply_is_shown_in_part() -> None:
    second = again(asked(), Reply((Text("x" * 10_000_000),)), "wrong")
    assert len(second.messages[1].text) < 2 * MAX_QUOTED_CHARS


def test_every_call_gets_a_result_and_can_be_sent_back() -> None:
    reply = calling(
        ToolCall("1", "get_weather", '{"city": "Rome"}'),
        ToolCall("", "fly away!", "{broken"),
    )
    wrong = problem(with_tools(), reply, None)
    assert wrong is not None
    _, said, told = again(with_tools(), reply, wrong).messages
    assert said.parts == (reply.parts[0], ToolCall("call_1", "fly_away_", "{}"))
    results = [part for part in told.parts if isinstance(part, ToolResult)]
    assert [(part.id, part.error) for part in results] == [("1", True), ("call_1", True)]
    assert "another call beside it" in results[0].text
    assert "there is no tool 'fly away!'" in results[1].text


def test_the_second_request_can_be_judged_like_the_first() -> None:
    request = with_tools(tool_choice="required")
    second = again(request, Reply((Text("no"),)), "it calls no tool")
    assert problem(second, Reply((Text("still no"),)), None) is not None
    assert problem(second, calling(ToolCall("1", "get_weather", '{"city": "Rome"}')), None) is None
