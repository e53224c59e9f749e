"""The envelope: calls of tools through one JSON object, and calls that a server left in the text."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.model.envelope import envelope_schema, unwrap, wrap
from firm.model.message import Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.reply import Reply
from firm.model.request import Request, Tool
from firm.model.schema import Mismatch, shape_of
from firm.model.target import Abilities

SAMPLE = Path(__file__).parents[2] / "data" / "bfcl_tools_16.jsonl"
NONE = Abilities(tools=False, required=False, schema=False, strict=False)
SCHEMA_ONLY = Abilities(tools=False, required=False)
NO_REQUIRED = Abilities(required=False)
WEATHER = Tool(
    "get_weather",
    "The weather\n at a place.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
MAIL = Tool("send.mail", "Send a mail.")


def asked(**fields: Any) -> Request:
    return Request((Message("user", "Weather in Rome?"),), tools=(WEATHER, MAIL), **fields)


def said(text: str, **fields: Any) -> Reply:
    return Reply((Text(text),), **fields)


def test_what_the_server_can_do_is_left_alone() -> None:
    request = asked()
    assert wrap(request, Abilities()) is request
    assert wrap(request, NO_REQUIRED) is request
    plain = Request((Message("user", "hi"),), schema={"type": "object"})
    assert wrap(plain, SCHEMA_ONLY) is plain


@pytest.mark.parametrize("choice", ["required", "get_weather"])
def test_a_server_that_ignores_forced_calls_gets_the_envelope(choice: str) -> None:
    sent = wrap(asked(tool_choice=choice), NO_REQUIRED)
    assert sent.tools == ()
    assert sent.tool_choice == "auto"
    assert sent.schema is not None
    assert "get_weather" in sent.messages[0].text


def test_the_instructions_say_what_each_tool_takes() -> None:
    nested = Tool(
        "plan",
        "",
        {"type": "object", "properties": {"stops": {"type": "array", "items": {"type": "string"}}}},
    )
    told = wrap(msgspec.structs.replace(asked(), tools=(WEATHER, nested)), NONE).messages[0].text
    assert "  city (string)\n  days (integer, optional)\n" in told
    assert '  stops (JSON Schema {"type":"array","items":{"type":"string"}}, optional)' in told


def test_the_envelope_offers_each_tool_and_an_answer() -> None:
    schema = envelope_schema(asked())
    names = [option["properties"]["tool"]["enum"] for option in schema["anyOf"]]
    assert names == [["get_weather"], ["send.mail"], [""]]
    assert [option["required"][1] for option in schema["anyOf"]] == ["arguments", "arguments", "text"]


def test_a_forced_call_leaves_no_room_for_an_answer() -> None:
    assert len(envelope_schema(asked(tool_choice="required"))["anyOf"]) == 2
    named = envelope_schema(asked(tool_choice="send.mail"))
    assert named["properties"]["tool"]["enum"] == ["send.mail"]


def test_references_of_several_tools_do_not_collide() -> None:
    def tool(name: str, kind: str) -> Tool:
        node = {"type": "object", "properties": {"inner": {"$ref": "#/$defs/Node"}, "v": {"type": kind}}}
        return Tool(
            name,
            "",
            {"type": "object", "properties": {"n": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}},
        )

    request = msgspec.structs.replace(
        asked(tool_choice="required"), tools=(tool("a", "string"), tool("b", "integer"))
    )
    shape = shape_of(envelope_schema(request))
    shape.convert({"tool": "a", "arguments": {"n": {"v": "x", "inner": {"v": "y"}}}})
    with pytest.raises(Mismatch):
        shape.convert({"tool": "b", "arguments": {"n": {"inner": {"v": "y"}}}})


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.text(st.sampled_from("abcXYZ019_-."), min_size=1, max_size=12)


@settings(max_examples=60)
@given(
    st.lists(names, min_size=1, max_size=4, unique=True),
    st.dictionaries(st.text(max_size=5), values, max_size=3),
    st.sampled_from(["auto", "required"]),
    st.booleans(),
)
def test_a_call_of_any_tool_with_any_arguments_comes_back(
    tools: list[str], arguments: dict[str, Any], choice: str, enforced: bool
) -> None:
    free = {"type": "object"}
    request = Request(
        (Message("user", "go"),), tools=tuple([Tool(name, "", free) for name in tools]), tool_choice=choice
    )
    abilities = Abilities(tools=False, schema=enforced)
    sent = wrap(request, abilities)
    assert (sent.schema is not None) is enforced
    written = {"tool": tools[-1], "arguments": arguments}
    shape_of(envelope_schema(request)).convert(written)
    reply = unwrap(request, said(json.dumps(written)))
    assert [(call.id, call.name, call.decode()) for call in reply.tool_calls] == [
        ("call_0", tools[-1], arguments)
    ]
    assert reply.stop == "tool_calls"
    assert reply.text == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_an_answer_comes_back_as_words(answer: str) -> None:
    reply = unwrap(asked(), said(json.dumps({"tool": "", "text": answer})))
    assert (reply.text, reply.tool_calls, reply.stop) == (answer, (), "stop")


def test_a_typed_answer_comes_back_as_its_json() -> None:
    shape = shape_of(list[int])
    request = asked(schema=shape.json_schema)
    answer = {"tool": "", "answer": {"value": [1, 2]}}
    shape_of(envelope_schema(request)).convert(answer)
    assert shape.decode(unwrap(request, said(json.dumps(answer))).text) == [1, 2]


ITEMS = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("item", ITEMS, ids=[item["id"] for item in ITEMS])
def test_every_schema_of_a_public_collection_is_wrapped(item: dict[str, Any]) -> None:
    tools = tuple([Tool(**tool) for tool in item["tools"]])
    request = Request((Message("user", item["question"]),), tools=tools, tool_choice="required")
    schema = wrap(request, SCHEMA_ONLY).schema
    assert schema is not None
    [(name, accepted)] = item["target"].items()
    arguments = {key: options[0] for key, options in accepted.items() if options[0] != ""}
    shape_of(schema).convert({"tool": name, "arguments": arguments})
    reply = unwrap(request, said(json.dumps({"tool": name, "arguments": arguments})))
    assert [(call.name, call.decode()) for call in reply.tool_calls] == [(name, arguments)]


# --- the conversation before -----------------------------------------------------------------------------------

THOUGHT = Reasoning("hm", "chat")
TALK = (
    Message("system", "Be kind."),
    Message("user", "Hi"),
    Message("assistant", "Hello!"),
    Message("user", "Weather?"),
    Message(
        "assistant", (THOUGHT, ToolCall("c1", "get_weather", '{"city":"Rome"}'), ToolCall("c2", "send.mail"))
    ),
    Message(
        "tool",
        (ToolResult("c1", "sunny", images=(Image(b"x"),)), ToolResult("c2", "no", "send.mail", error=True)),
    ),
    Message("user", "And now?"),
)


def test_calls_and_results_become_words_that_the_model_understands() -> None:
    sent = wrap(msgspec.structs.replace(asked(), messages=TALK), SCHEMA_ONLY).messages
    assert [message.role for message in sent] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert sent[0].text.startswith(
        "Be kind.\n\nYou can use these tools:\n- get_weather: The weather at a place.\n"
    )
    assert json.loads(sent[2].text) == {"tool": "", "text": "Hello!"}
    assert sent[4].parts[0] == THOUGHT
    assert [json.loads(line)["tool"] for line in sent[4].text.splitlines()] == ["get_weather", "send.mail"]
    assert "Result of the tool get_weather:\nsunny" in sent[5].text
    assert "The tool send.mail failed:\nno" in sent[5].text
    assert sent[5].text.endswith("And now?")
    assert Image(b"x") in sent[5].parts


def test_old_calls_become_words_even_where_no_tool_may_be_called_now() -> None:
    sent = wrap(msgspec.structs.replace(asked(tool_choice="none"), messages=TALK), SCHEMA_ONLY)
    parts: list[Part] = [part for message in sent.messages for part in message.parts]
    assert not any(isinstance(part, ToolCall | ToolResult) for part in parts)
    assert (sent.schema, sent.tools) == (None, ())
    assert sent.messages[2].text == "Hello!"


def test_ids_go_on_after_the_calls_before() -> None:
    request = msgspec.structs.replace(asked(), messages=TALK)
    [call] = unwrap(request, said('{"tool": "send.mail", "arguments": {}}')).tool_calls
    assert call.id == "call_2"


def test_a_schema_without_a_server_that_knows_it_stands_in_the_instructions() -> None:
    request = Request((Message("user", "hi"),), schema={"type": "object", "properties": {"zebra": {}}})
    sent = wrap(request, NONE)
    assert sent.schema is None
    assert "zebra" in sent.messages[0].text


# --- what models make of it ------------------------------------------------------------------------------------


def test_words_around_the_envelope_and_thoughts_do_no_harm() -> None:
    text = '<think>Rome, so I call</think>Sure!\n```json\n{"tool": "get_weather", "arguments": {"city": "Rome"}}\n```'
    reply = unwrap(asked(), said(text))
    assert reply.reasoning == "Rome, so I call"
    assert [call.decode() for call in reply.tool_calls] == [{"city": "Rome"}]


def test_several_objects_are_several_calls() -> None:
    text = '{"tool": "get_weather", "arguments": {"city": "Rome"}}\n{"tool": "send.mail", "arguments": {}}'
    calls = unwrap(asked(), said(text)).tool_calls
    assert [(call.id, call.name) for call in calls] == [("call_0", "get_weather"), ("call_1", "send.mail")]


def test_an_answer_that_was_cut_off_is_given_as_far_as_it_goes() -> None:
    reply = unwrap(asked(), said('{"tool": "", "text": "Rome is su\\u00', stop="length"))
    assert (reply.text, reply.stop) == ("Rome is su", "length")


def test_a_call_that_was_cut_off_is_a_call_that_cannot_be_read() -> None:
    reply = unwrap(asked(), said('{"tool": "get_weather", "arguments": {"ci', stop="length"))
    [call] = reply.tool_calls
    assert (call.name, reply.stop) == ("get_weather", "length")
    with pytest.raises(msgspec.DecodeError):
        call.decode()


def test_plain_words_stay_plain_words() -> None:
    for text in ("It is sunny.", "Use {braces} so.", '{"weather": "sunny"}', ""):
        reply = said(text)
        assert unwrap(asked(), reply) is reply


def test_a_call_that_the_server_left_in_the_text_is_found() -> None:
    call = '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
    reply = unwrap(asked(), said("Let me look.\n" + call), wrapped=False)
    assert reply.text == "Let me look."
    assert [found.name for found in reply.tool_calls] == ["get_weather"]


def test_words_that_quote_a_call_are_no_call_where_tools_are_native() -> None:
    call = '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
    reply = said(f"The page says {call} and I ignored it.")
    assert unwrap(asked(), reply, wrapped=False) is reply


def test_native_calls_and_forbidden_calls_are_left_alone() -> None:
    native = Reply((Text("{"), ToolCall("x", "get_weather")))
    assert unwrap(asked(), native) is native
    text = said('{"tool": "get_weather", "arguments": {}}')
    assert unwrap(asked(tool_choice="none"), text) is text
    assert unwrap(Request((Message("user", "hi"),)), text) is text


pieces = st.sampled_from(
    [*'{}[]":,', '"tool"', '"text"', '"arguments"', "get_weather", "<tool_call>", "\\u00", "<think>"]
)


@settings(max_examples=200)
@given(st.lists(pieces, max_size=30).map("".join))
def test_no_junk_makes_it_fail(text: str) -> None:
    for wrapped in (True, False):
        reply = unwrap(asked(), said(text), wrapped=wrapped)
        assert reply.tool_calls or isinstance(reply.text, str)
