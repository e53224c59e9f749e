"""JSON and tool calls in text: every form that models write, and junk without end."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.model.parse import MAX_CHARS, MAX_DEPTH, find_calls, find_json, read_json, split_thought

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), values, min_size=1, max_size=3)
NAMES = ("get_weather", "send.mail")


def calls_of(text: str, names: Any = NAMES) -> list[tuple[str, Any]]:
    return [(call.name, json.loads(call.arguments)) for call in find_calls(text, names)[1]]


FORMS = {
    "bare": '{"name": "get_weather", "arguments": %s}',
    "parameters": '{"name": "get_weather", "parameters": %s}',
    "fence": 'I call it.\n```json\n{"name": "get_weather", "arguments": %s}\n```',
    "list": '[{"name": "get_weather", "arguments": %s}]',
    "openai": '{"tool_calls": [{"type": "function", "function": {"name": "get_weather", "arguments": %s}}]}',
    "hermes": '<tool_call>\n{"name": "get_weather", "arguments": %s}\n</tool_call>',
    "hermes without an end": '<tool_call>{"name": "get_weather", "arguments": %s}',
    "hermes in a fence": '<tool_call>\n```json\n{"name": "get_weather", "arguments": %s}\n```\n</tool_call>',
    "llama": '<|python_tag|>{"name": "get_weather", "parameters": %s}',
    "mistral": '[TOOL_CALLS] [{"name": "get_weather", "arguments": %s}]',
    "mistral with a name": "[TOOL_CALLS]get_weather[ARGS]%s",
    "thought before": '<think>{"name": "send.mail", "arguments": {}}</think>{"name": "get_weather", "arguments": %s}',
    "thought opened in the prompt": 'so I call it</think>\n{"name": "get_weather", "arguments": %s}',
}


@pytest.mark.parametrize("form", FORMS)
def test_a_call_is_found_in_every_form(form: str) -> None:
    @settings(max_examples=30)
    @given(objects)
    def found(arguments: dict[str, Any]) -> None:
        assert calls_of(FORMS[form] % json.dumps(arguments)) == [("get_weather", arguments)]

    found()


@pytest.mark.parametrize("form", [form for form in FORMS if "thought" not in form])
def test_marks_inside_of_arguments_do_not_end_a_call(form: str) -> None:
    arguments = {"a": '</tool_call> <tool_call> } ] [TOOL_CALLS] </think> ``` " \\'}
    assert calls_of(FORMS[form] % json.dumps(arguments)) == [("get_weather", arguments)]


def test_several_calls_keep_their_order_and_get_ids_in_that_order() -> None:
    one = '<tool_call>{"name": "a", "arguments": {"x": 1}}</tool_call>'
    two = '<tool_call>{"name": "b", "arguments": {}}</tool_call>'
    before, calls, after = find_calls(f"First\n{one}\n{two} then", (), first=3)
    assert [(call.id, call.name) for call in calls] == [("call_3", "a"), ("call_4", "b")]
    assert (before, after) == ("First", "then")


def test_several_llama_and_mistral_calls_are_found() -> None:
    two = '<|python_tag|>{"name": "a", "parameters": {}}; {"name": "b", "parameters": {"x": 1}}'
    assert calls_of(two) == [("a", {}), ("b", {"x": 1})]
    assert calls_of('[TOOL_CALLS]a[ARGS]{"x": 1}[TOOL_CALLS]b{"y": 2}') == [("a", {"x": 1}), ("b", {"y": 2})]


def test_json_without_a_mark_counts_only_if_it_names_a_tool() -> None:
    assert calls_of('{"name": "Ada", "arguments": {"born": 1815}}') == []
    assert calls_of('{"name": "get_weather"}') == []


def test_a_marked_call_that_cannot_be_read_keeps_its_name_and_its_words() -> None:
    broken = '{"name": "get_weather", "arguments": {"city": '
    [call] = find_calls(f"<tool_call>{broken}</tool_call>", NAMES)[1]
    assert (call.name, call.arguments) == ("get_weather", broken.strip())
    [call] = find_calls("<tool_call>get_weather(city='Rome')</tool_call>", NAMES)[1]
    assert (call.name, call.arguments) == ("", "get_weather(city='Rome')")


def test_arguments_that_are_text_of_json_stay_as_they_are() -> None:
    [call] = find_calls('{"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}', NAMES)[1]
    assert call.arguments == '{"city": "Rome"}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('say {"a": 1} or', '{"a": 1}'),
        ("```json\n[1, 2]\n```", "[1, 2]"),
        ('use { to open {"a": "}"} now', '{"a": "}"}'),
        ('[1] and {"long": "er"}', '{"long": "er"}'),
        ("nothing {here} [at all", None),
        ('he said "[" and [3]', "[3]"),
        ("", None),
        ('{"a": NaN}', '{"a": NaN}'),
    ],
)
def test_json_is_found_among_words(text: str, found: str | None) -> None:
    assert find_json(text) == found


@given(values)
def test_strict_json_is_read_as_it_was_written(value: Any) -> None:
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "1e400", "", "{", "'a'", "[1,]", "[" * 200 + "]" * 200]
)
def test_what_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        read_json(text)


def test_depth_up_to_the_limit_is_read() -> None:
    assert read_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


@given(st.lists(st.sampled_from([*'[]{}":, \\a1', "<think>", "</think>", "<tool_call>", "</tool_call>", "```json",
                                 "[TOOL_CALLS]", "<|python_tag|>", '"name"', '"arguments"', "get_weather", "\ud800",
                                 "[ARGS]"]), max_size=60).map("".join))  # fmt: skip
def test_any_junk_is_read_without_an_error(text: str) -> None:
    before, calls, after = find_calls(text, NAMES)
    assert all(isinstance(part, str) for part in (before, after, *[call.arguments for call in calls]))
    found = find_json(text)
    assert found is None or found in text
    assert "".join(split_thought(text)).strip() in text or "<think>" in text or "</think>" in text


HOSTILE = ("[1,", "[", '{"a":', '["', "[1,[2,", "<tool_call>", "<tool_call>{", "[TOOL_CALLS]x{", '"', "<think>", "`",
           "{x:", '{"name":"get_weather","arguments":{}}', '\\"', "[[]", "9", " ")  # fmt: skip


@pytest.mark.parametrize("junk", HOSTILE)
def test_time_grows_with_the_length_alone(junk: str) -> None:
    text = junk * (300_000 // len(junk))
    start = time.process_time()
    find_json(text)
    find_calls(text, NAMES)
    assert time.process_time() - start < 3  # quadratic: minutes


def test_text_beyond_the_limit_is_left_alone() -> None:
    text = '{"name": "get_weather", "arguments": {}}' + " " * MAX_CHARS * 10
    assert find_calls(text, NAMES) == (text, (), "")
    assert find_json(text) is None
