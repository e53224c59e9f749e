"""What fits a condition, and what only looks as if it did."""

from typing import Any

import pytest

from firm.errors import UsageError
from firm.policy.match import Where, host_of, literal_of, shown, text_test


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("ann@example.com", "ann@example.com", True),
        ("ann@example.com", "Ann@example.com", False),
        ("ann@example.com", "ann@example.com ", False),
        ("ann@example.com", "ann@ex\u0430mple.com", False),  # a Cyrillic letter
        ("caf\u00e9", "cafe\u0301", False),  # the same to the eye, other code points
        ("*@example.com", "bob@example.com", True),
        ("*@example.com", "bob@example.com.evil.org", False),
        ("a?c", "abc", True),
        ("[ab]c", "bc", True),
        ("[*]", "*", True),
        ("[*]", "x", False),
        ("*", "two\nlines", True),
    ],
)
def test_text_fits_by_code_points(pattern: str, text: str, fits: bool) -> None:
    assert bool(text_test(pattern)(text)) is fits


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("ann", "ann"),
        ("", ""),
        ("a*", None),
        ("a[b]", None),
        ("http://[[]::1]/", "http://[::1]/"),
        ("[?]", "?"),
    ],
)
def test_what_stands_for_one_text_is_known(pattern: str, literal: str | None) -> None:
    assert literal_of(pattern) == literal
    if literal is not None:
        assert text_test(pattern)(literal)


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("EXAMPLE.com", "example.com"),
        ("example.com.", "example.com"),
        ("m\u00fcller.example", "xn--mller-kva.example"),
        ("\uff45xample\u3002com", "example.com"),
        ("", ""),
    ],
)
def test_hosts_are_compared_as_the_network_does(host: str, same: str) -> None:
    assert host_of(host) == same


def test_a_host_of_look_alikes_is_another_host() -> None:
    assert host_of("\u0430pple.com") != "apple.com"


def test_what_cannot_be_a_host_fits_only_itself() -> None:
    assert host_of("\u00fc" * 80 + ".example") == "\u00fc" * 80 + ".example"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ann@example.com", "ann@example.com"),
        ("p\u0430ypal.com", "p\u0430ypal.com (written p\\u0430ypal.com)"),
        ("M\u00fcller", "M\u00fcller (written M\\xfcller)"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb", "a\\nb"),
        ("e\u0301", "e\\u0301"),
    ],
)
def test_a_destination_is_shown_with_what_the_eye_misses(text: str, seen: str) -> None:
    assert shown(text) == seen


PERMITS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"to": "ann"}, {"to": "ann"}, True),
    ({"to": "ann"}, {}, False),
    ({"to": "ann"}, {"to": None}, False),
    ({"to": "ann"}, {"to": ["ann", "ann"]}, True),
    ({"to": "ann"}, {"to": ["ann", "eve"]}, False),
    ({"to": "ann"}, {"to": []}, False),
    ({"to": "ann"}, {"to": [["ann"], [None]]}, False),
    ({"to": ["ann", "b*"]}, {"to": "bob"}, True),
    ({"sum": {"min": 1, "max": 10}}, {"sum": 10}, True),
    ({"sum": {"min": 1, "max": 10}}, {"sum": 10.5}, False),
    ({"sum": {"max": 10}}, {"sum": "5"}, False),
    ({"sum": {"max": 10}}, {"sum": True}, False),
    ({"sum": {"max": 10}}, {"sum": float("nan")}, False),
    ({"sum": {"max": 10}}, {"sum": float("-inf")}, False),
    ({"sum": 1}, {"sum": True}, False),
    ({"sum": 1}, {"sum": 1.0}, True),
    ({"yes": True}, {"yes": 1}, False),
    ({"yes": True}, {"yes": True}, True),
    ({"person.name": "ann"}, {"person": {"name": "ann"}}, True),
    ({"person": {"name": "ann"}}, {"person": {"name": "eve"}}, False),
    ({"person.name": "ann"}, {"person": "ann"}, False),
    ({"people.name": "ann"}, {"people": [{"name": "ann"}, {"name": "ann"}]}, True),
    ({"people.name": "ann"}, {"people": [{"name": "ann"}, {"nick": "eve"}]}, False),
    ({"a.b": "x"}, {"a.b": "x", "a": {"b": "evil"}}, False),
    ({"a.b": "x"}, {"a.b": "x"}, True),
    ({"cc": []}, {}, True),
    ({"cc": []}, {"cc": [None, ""]}, True),
    ({"cc": []}, {"cc": ["eve"]}, False),
    ({"cc": []}, {"cc": 0}, False),
]


@pytest.mark.parametrize(("where", "args", "fits"), PERMITS)
def test_what_permits_fits_narrowly(where: dict[str, Any], args: dict[str, Any], fits: bool) -> None:
    assert Where(where).fits(args) is fits


RESTRICTS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"to": "eve"}, {"to": ["ann", "eve"]}, True),
    ({"to": "eve"}, {"to": ["ann"]}, False),
    ({"to": "eve"}, {}, False),
    ({"sum": {"min": 10}}, {"sum": "1000"}, True),
    ({"sum": {"min": 10}}, {"sum": float("nan")}, True),
    ({"sum": {"min": 10}}, {"sum": 9}, False),
    ({"sum": {"min": 10}}, {"sum": None}, False),
    ({"a.b": "x"}, {"a.b": "y", "a": {"b": "x"}}, True),
]


@pytest.mark.parametrize(("where", "args", "fits"), RESTRICTS)
def test_what_restricts_fits_widely(where: dict[str, Any], args: dict[str, Any], fits: bool) -> None:
    assert Where(where, restricts=True).fits(args) is fits


@pytest.mark.parametrize(
    "where",
    [
        {"x": {}},
        {"x": None},
        {"x": float("nan")},
        {"x": {"min": 3, "max": 2}},
        {"x": {"min": "3"}},
        {"x": {"min": True}},
        {"x": [["a"]]},
        {"x": [{"min": 1}]},
        {"": 1},
        {1: 1},
        {"a" + ".a" * 40: 1},
    ],
)
def test_a_condition_that_cannot_be_is_refused(where: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="where: "):
        Where(where)
