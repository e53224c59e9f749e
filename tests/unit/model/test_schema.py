"""Shapes: what a caller wants, and that only that comes out, whatever the server sent."""

import dataclasses
import enum
import json
import math
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Optional, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.model.portable import is_strict, portable, unbounded
from firm.model.schema import MAX_CHARS, Mismatch, Shape, shape_of


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Offer(msgspec.Struct):
    name: str
    price_usd: float
    tags: tuple[str, ...] = ()
    other: Optional["Offer"] = None


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Place(TypedDict):
    city: str


class Wish(pydantic.BaseModel):
    people: int = pydantic.Field(ge=1)
    price: float = 0.0


class Order(msgspec.Struct):
    wish: Wish
    count: Annotated[int, msgspec.Meta(ge=0, le=10)] = 1


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
offers = st.recursive(
    st.builds(Offer, texts, numbers, st.lists(texts, max_size=3).map(tuple)),
    lambda inner: st.builds(Offer, texts, numbers, st.just(()), inner),
    max_leaves=3,
)
CASES: tuple[tuple[Any, st.SearchStrategy[Any]], ...] = (
    (Offer, offers),
    (list[int], st.lists(st.integers(-(2**53), 2**53))),
    (dict[str, float], st.dictionaries(texts, numbers)),
    (dict[int, str], st.dictionaries(st.integers(-9, 9), texts)),
    (Point, st.builds(Point, st.integers(-5, 5), st.integers(-5, 5))),
    (Place, st.builds(lambda city: {"city": city}, texts)),
    (Colour, st.sampled_from(Colour)),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (str | None, st.none() | texts),
    (Offer | None, st.none() | offers),
    (datetime, st.datetimes(timezones=st.just(UTC))),
    (bytes, st.binary(max_size=20)),
    (bool, st.booleans()),
)


def as_model_writes(shape: Shape, value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return f'{{"value": {text}}}' if shape.wrapped else text


@pytest.mark.parametrize(("kind", "values"), CASES, ids=[str(kind) for kind, _ in CASES])
def test_a_value_comes_back_through_the_json_of_its_shape(kind: Any, values: st.SearchStrategy[Any]) -> None:
    shape = shape_of(kind)

    @settings(max_examples=30)
    @given(values)
    def comes_back(value: Any) -> None:
        assert shape.decode(as_model_writes(shape, value)) == value

    comes_back()


@pytest.mark.parametrize("kind", [kind for kind, _ in CASES], ids=str)
def test_the_root_is_an_object_for_every_type(kind: Any) -> None:
    assert shape_of(kind).json_schema["type"] == "object"


def test_objects_are_closed_and_complete_for_strict_servers() -> None:
    shape = shape_of(Offer)
    assert shape.json_schema["required"] == ["name", "price_usd", "tags", "other"]
    assert shape.json_schema["additionalProperties"] is False
    assert shape.strict
    assert not shape_of(dict[str, float]).strict


def test_a_shape_of_a_type_is_made_once() -> None:
    assert shape_of(Offer) is shape_of(Offer)
    assert shape_of({"type": "object"}) is shape_of({"type": "object"})


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Noma", "price_usd": 300}',
        'Here it is:\n```json\n{"name": "Noma", "price_usd": 300}\n```\nEnjoy!',
        '<think>maybe {"name": "x"}</think>{"name": "Noma", "price_usd": 300}',
        'The set [1] is short. {"name": "Noma", "price_usd": 300} Note {this}.',
    ],
)
def test_words_around_the_json_do_no_harm(text: str) -> None:
    assert shape_of(Offer).decode(text) == Offer("Noma", 300.0)


def test_a_value_that_should_be_wrapped_is_taken_bare_too() -> None:
    assert shape_of(list[int]).decode("[1, 2]") == [1, 2]
    assert shape_of(Offer | None).decode('{"name": "a", "price_usd": 1}') == Offer("a", 1.0)


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (
            Offer,
            '{"name": "a", "price_usd": "x"}',
            "at $.price_usd: Expected `float`, got `str`; there stands '\"x\"'",
        ),
        (Offer, '{"name": "a"}', "missing required field `price_usd`"),
        (list[int], '{"value": [1, "z"]}', "at $[1]"),
        (Colour, '{"value": "blue"}', "Invalid enum value 'blue'"),
        (Order, '{"wish": {"people": 1}, "count": 11}', "there stands '11'"),
        (Order, '{"wish": {"people": 0}}', "greater than or equal to 1"),
        (Wish, '{"people": "many"}', "at $.people"),
        (Offer, "I cannot do that.", "there is no JSON in the reply"),
        (Offer, "", "there is no JSON in the reply"),
        (Offer, '{"name": "a", "price_usd": 1', "there is no JSON"),
    ],
)
def test_a_mismatch_says_where_what_was_expected_and_what_stands_there(
    kind: Any, text: str, told: str
) -> None:
    with pytest.raises(Mismatch) as caught:
        shape_of(kind).decode(text)
    assert told in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"inf"', '"nan"'])
@pytest.mark.parametrize(
    "kind", [Offer, Wish, {"type": "object", "properties": {"price_usd": {"type": "number"}}}]
)
def test_a_number_that_is_none_is_refused(kind: Any, number: str) -> None:
    fields = f'"people": 1, "price": {number}' if kind is Wish else f'"name": "a", "price_usd": {number}'
    with pytest.raises(Mismatch):
        shape_of(kind).decode(f"{{{fields}}}")


def test_lone_surrogates_are_cleaned_and_pairs_joined() -> None:
    shape = shape_of(str)
    assert shape.decode('{"value": "a\\ud800b"}') == "a\ufffdb"
    assert shape.decode('{"value": "\\ud83d\\ude00"}') == "😀"
    assert shape.decode('{"value": "\ud83d\ude00 \ud800"}') == "😀 \ufffd"
    assert shape.decode('{"value": "nul\\u0000"}') == "nul\x00"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 5_000, "9" * 10_000, '{"value": ' + "9" * 5_000 + "}"]
)
def test_hostile_json_is_a_mismatch(text: str) -> None:
    for kind in (Offer, list[int], {"type": "array"}):
        with pytest.raises(Mismatch):
            shape_of(kind).decode(text)


def test_a_reply_beyond_the_limit_is_not_read() -> None:
    with pytest.raises(Mismatch, match="characters"):
        shape_of(str).decode('"' + "a" * MAX_CHARS + '"')


# --- JSON Schema as a dict -------------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "count": {"type": "integer", "minimum": 3}},
    "required": ["colour"],
}


def test_a_json_schema_gives_builtins() -> None:
    assert shape_of(SCHEMA).decode('{"colour": "red", "count": 3}') == {"colour": "red", "count": 3}
    assert shape_of({"type": "array", "items": {"type": "integer"}}).decode('{"value": [1]}') == [1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"colour": "green"}', "at $.colour: 'green' is not one of ['red', 'blue']"),
        ('{"colour": "red", "count": 2}', "at $.count: 2 is less than the minimum of 3"),
        ("{}", "'colour' is a required property"),
        ("[]", "is not of type 'object'"),
    ],
)
def test_what_does_not_match_a_json_schema_is_told(text: str, told: str) -> None:
    with pytest.raises(Mismatch) as caught:
        shape_of(SCHEMA).decode(text)
    assert told in str(caught.value)


def test_a_recursive_json_schema_is_checked_at_every_depth() -> None:
    tree = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "inner": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name"],
    }
    shape = shape_of(tree)
    good = {"name": "a", "inner": [{"name": "b"}]}
    assert shape.decode(json.dumps(good)) == good
    with pytest.raises(Mismatch):
        shape.decode('{"name": "a", "inner": [{"name": 5}]}')
    assert shape.json_schema["properties"]["inner"]["items"] == {"$ref": "#/$defs/root"}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "dict"}, "write 'object'"),
        ({"$ref": "https://example.org/schema"}, "only references into itself"),
        ({"$ref": "#"}, "leads back to itself"),
        (
            {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
            "back to itself",
        ),
        ({"$ref": "#/$defs/none"}, "which is not in it"),
        ({"$dynamicRef": "#x"}, "not supported"),
        ({"type": "string", "pattern": "(a+)+$"}, "can take for ever"),
        ({"type": "string", "pattern": "("}, "is wrong"),
        ({"name": str}, "give JSON Schema"),
        ({"properties": 5}, "no JSON Schema"),
        ("hello", "give a type"),
        (5, "give a type"),
        (object(), "cannot be of this type"),
        (lambda: 0, "cannot be of this type"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_once(schema: Any, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        shape_of(schema)
    assert told in str(caught.value)


def test_a_schema_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    with pytest.raises(UsageError, match="nested deeper"):
        shape_of(schema)


HARMLESS = [
    r"^[a-z]+(-[a-z]+)*$",
    r"^\d{3}-\d{4}$",
    r"^(foo|bar)+$",
    r"^([a-z0-9]+\.)+com$",
    r"^[\w.-]+@[\w-]+(\.[\w-]+)+$",
]
HARMFUL = [
    r"(a+)+",
    r"^(\w+\s?)*$",
    r"(a|a)*",
    r"(.*)*",
    r"(a*){20}",
    r"(-[a-z-]+)*",
    r"(a)\1",
    r"((ab?)*c?)+",
]


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_harmless_pattern_is_taken(pattern: str) -> None:
    shape = shape_of({"type": "string", "pattern": pattern})
    start = time.process_time()
    for junk in ("a" * 1500 + "!", "-" * 1500 + "!", "a-" * 700 + "!", "foo" * 500 + "!", "a." * 700 + "!"):
        with pytest.raises(Mismatch):
            shape.decode(json.dumps({"value": junk}))
    assert time.process_time() - start < 2


def test_a_text_too_long_for_a_pattern_is_a_mismatch() -> None:
    with pytest.raises(Mismatch, match="10,000 characters"):
        shape_of({"type": "string", "pattern": "^a+$"}).decode(json.dumps({"value": "a" * 10_000}))


@pytest.mark.parametrize("pattern", HARMFUL)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="for ever"):
        shape_of({"type": "string", "pattern": pattern})


# --- what the server is sent -----------------------------------------------------------------------------------


def test_a_portable_schema_has_only_what_all_servers_know() -> None:
    found = portable(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "T",
            "type": "object",
            "properties": {
                "a": {"oneOf": [{"const": 1}, {"type": "null"}], "default": 1},
                "b": {"type": "string", "pattern": "x", "minLength": 3},
                "c": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
                "d": {},
                "e": {"allOf": [{"$ref": "#/definitions/E"}, {"required": ["y"], "properties": {"y": True}}]},
            },
            "definitions": {"E": {"type": "object", "properties": {"x": {"type": "number", "minimum": 0}}}},
        }
    )
    anything = {"type": ["string", "number", "boolean", "object", "array", "null"]}
    assert found == {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "integer", "enum": [1]}, {"type": "null"}]},
            "b": {"type": "string"},
            "c": {"type": "array", "prefixItems": [{"type": "string"}]},
            "d": anything,
            "e": {
                "type": "object",
                "properties": {"x": {"type": "number", "minimum": 0}, "y": anything},
                "required": ["y"],
                "additionalProperties": False,
            },
        },
        "required": [],
        "additionalProperties": False,
    }


def test_bounds_can_be_taken_out_for_servers_that_refuse_them() -> None:
    found = portable({"type": "object", "properties": {"minimum": {"type": "integer", "minimum": 1}}})
    assert unbounded(found)["properties"] == {"minimum": {"type": "integer"}}


def test_strict_needs_closed_and_complete_objects_everywhere() -> None:
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert is_strict(closed)
    assert not is_strict({"type": "array", "items": closed})
    assert not is_strict(closed | {"properties": {"a": {"type": "object"}}, "required": ["a"]})
    assert not is_strict(closed | {"properties": {"a": {"type": "string"}}})


def test_a_float_that_is_not_finite_never_leaves_a_shape() -> None:
    found = shape_of(Wish).decode('{"people": 2, "price": 1e308}')
    assert math.isfinite(found.price)
