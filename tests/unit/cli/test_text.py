"""Text for a terminal: nothing from outside controls it, everything lines up."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.cli.text import add_row, as_json, count, line, plain, render, shown, span, table, visible


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x9b31mb", "ab"),
        ("a\rb\x08c\x00d", "abcd"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\ud800x", "x"),
        ("日本語 👩\u200d🚀 é", "日本語 👩\u200d🚀 é"),
    ],
)
def test_escapes_and_controls_are_taken_out(text: str, left: str) -> None:
    assert plain(text) == left


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\x9b31mb\x00", "a\\x9b31mb\\x00"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("\u202egnp.exe\ud800", "\\u202egnp.exe\\ud800"),
        ("日本語 👩\u200d🚀 é", "日本語 👩\u200d🚀 é"),
    ],
)
def test_controls_can_be_written_out(text: str, shown_as: str) -> None:
    assert visible(text) == shown_as
    assert "".join(visible(char) for char in text) == shown_as


@given(st.text())
def test_plain_text_has_no_controls(text: str) -> None:
    found = plain(text)
    assert all(char in "\n\t" or (ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0) for char in found)
    found.encode()


def test_a_line_is_one_line_and_short() -> None:
    assert line("a\n b\tc") == "a b c"
    assert line("x" * 300) == "x" * 199 + "…"
    assert shown({"a": [1, "b"]}) == '{"a":[1,"b"]}'


class Point(msgspec.Struct):
    x: int


@dataclass
class Pair:
    left: Any


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Point(1), '{"x":1}'),
        (Pair((1, 2)), '{"left":[1,2]}'),
        (2**70, str(2**70)),
        (float("nan"), "null"),
        ({(1, 2): "x"}, '{"(1, 2)":"x"}'),
        ({"a": {1.5: float("inf")}, (1,): 0}, '{"a":{"1.5":null},"(1,)":0}'),
        (datetime(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00Z"'),
        ("\x1b[31m\x9b\u202e", '"\\u001b[31m\\u009b\\u202e"'),
        ("\ud800", '"\\ud800"'),
        ([object], None),
    ],
)
def test_every_value_has_a_json_form(value: object, text: str | None) -> None:
    found = as_json(value)
    assert text is None or found == text
    json.loads(found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(), lambda inner: st.lists(inner)
    )
)
def test_json_is_always_valid_and_safe(value: object) -> None:
    found = as_json(value)
    json.loads(found)
    assert plain(found) == found.replace("\n", "\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (42, "42 s"),
        (65, "1 min 5 s"),
        (7200, "2 h"),
        (190_000, "2 d 4 h"),
        (-5, "-5 s"),
    ],
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_numbers_agree_with_their_nouns() -> None:
    assert (count(1, "run"), count(0, "run"), count(2, "run")) == ("1 run", "0 runs", "2 runs")
    assert (count(1, "reply", "replies"), count(2, "reply", "replies")) == ("1 reply", "2 replies")


def test_wide_characters_line_up_and_markup_is_text() -> None:
    made, out = table("NAME", "X"), io.StringIO()
    add_row(made, "日本", "1")
    add_row(made, "[bold]", "2")
    render(made, out)
    lines = out.getvalue().splitlines()
    assert lines[1].index("1") == lines[2].index("2") - 2  # two characters that are two columns wide each
    assert "[bold]" in lines[2]
