"""Values as bytes: decode(encode(x)) == x for everything that may be stored, and a clear no for the rest."""

import dataclasses
import enum
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.kernel.value import BUILTIN, Signature, codec_for, encode_input, show_input

text = st.text(st.characters(codec=None, exclude_categories=()))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | text
    | st.binary()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
)
keys = text | st.integers() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
    ),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@given(values)
def test_builtin_values_come_back_as_they_were_types_and_order_included(value: Any) -> None:
    assert same(BUILTIN.decode(BUILTIN.encode(value)), value)


@given(text)
def test_text_of_any_kind_comes_back_through_a_declared_type_too(value: str) -> None:
    codec = codec_for(list[str], "here")
    assert codec.decode(codec.encode([value])) == [value]


def test_what_json_cannot_carry_is_carried() -> None:
    for value in ("\ud800 lone", "nul\x00", math.inf, -math.inf, 2**200, -(2**90), b"\xff\x00"):
        assert BUILTIN.decode(BUILTIN.encode(value)) == value
    assert math.isnan(BUILTIN.decode(BUILTIN.encode(math.nan)))


class Colour(enum.Enum):
    RED = "red"


class Offer(msgspec.Struct):
    name: str
    price_usd: float
    tags: tuple[str, ...] = ()


@dataclasses.dataclass
class Point:
    x: int
    when: datetime


class Guest(pydantic.BaseModel):
    name: str
    born: date


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (Offer, Offer("a", 1.5, ("x",))),
        (Offer, Offer("\ud800", 1.5)),
        (list[Offer], [Offer("a", 2.0)]),
        (Point, Point(3, datetime(2026, 1, 2, tzinfo=UTC))),
        (Colour, Colour.RED),
        (dict[str, Colour], {"a": Colour.RED}),
        (Guest, Guest(name="Ada", born=date(1815, 12, 10))),
        (list[Guest], [Guest(name="Ada", born=date(1815, 12, 10))]),
        (tuple[int, str], (1, "a")),
        (set[int], {1, 2}),
        (Offer | None, None),
        (int, 2**70),
        (datetime, datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))),
        (time, time(3, 4)),
        (None, None),
    ],
)
def test_declared_types_come_back_as_themselves(declared: Any, value: Any) -> None:
    codec = codec_for(declared, "here")
    got = codec.decode(codec.encode(value))
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "value", [object(), Offer("a", 1.0), Colour.RED, [Offer("a", 1.0)], {"k": {1: object()}}, 1j]
)
def test_foreign_values_without_a_declared_type_are_refused_with_the_way_out(value: Any) -> None:
    with pytest.raises(UsageError, match="cannot be stored without a declared type; annotate it"):
        BUILTIN.encode(value)


def test_value_of_another_type_than_declared_is_refused_before_it_is_written() -> None:
    with pytest.raises(
        UsageError, match=r"result of step 'price': got 'cheap' \(str\) where int is declared"
    ):
        codec_for(int, "result of step 'price'").encode("cheap")


@pytest.mark.parametrize(
    ("declared", "value"), [(dict, [1]), (list[Any], {"a": 1}), (dict[str, Any], "text")]
)
def test_bare_list_and_dict_are_checked_on_the_outside(declared: Any, value: Any) -> None:
    with pytest.raises(UsageError, match="is declared"):
        codec_for(declared, "here").encode(value)


def test_type_that_cannot_be_stored_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="cannot be stored"):
        codec_for(Offer | Guest | Point, "here")


def test_numbers_of_numpy_become_plain_numbers_where_declared() -> None:
    import numpy

    codec = codec_for(list[float], "here")
    got = codec.decode(codec.encode([numpy.float64(0.5)]))
    assert got == [0.5]
    assert type(got[0]) is float


def test_decoding_bytes_of_another_shape_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="put the declaration back"):
        codec_for(Offer, "here").decode(BUILTIN.encode("text"))


def test_deep_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(600):
        value = [value]
    with pytest.raises(UsageError, match="nested deeper"):
        BUILTIN.encode(value)


# --- arguments -----------------------------------------------------------------------------------------------


def sample(a: int, b: str = "x", *rest: int, c: bool = False, **more: float) -> None: ...


def test_arguments_come_back_in_their_places() -> None:
    signature = Signature(sample, "sample")
    body = signature.encode_args((1, "b", 2, 3), {"c": True, "d": 0.5})
    assert signature.decode_args(body) == ((1, "b", 2, 3), {"c": True, "d": 0.5})


@pytest.mark.parametrize(
    ("args", "says"),
    [((), "missing a required argument: 'a'"), (("one",), "argument 'a' of sample: got 'one'")],
)
def test_wrong_arguments_are_refused_with_the_signature(args: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Signature(sample, "sample").encode_args(args, {})


def test_arguments_from_json_become_their_declared_types() -> None:
    def order(offer: Offer, when: datetime) -> None: ...

    got = Signature(order, "order").convert_args([{"name": "a", "price_usd": 1}, "2026-01-02T00:00:00Z"])
    assert got == [Offer("a", 1.0), datetime(2026, 1, 2, tzinfo=UTC)]


@given(st.lists(values, max_size=3))
def test_input_of_a_call_is_the_same_for_the_same_arguments_and_never_fails(args: list[Any]) -> None:
    body = encode_input(tuple(args), {})
    assert body == encode_input(tuple(args), {})
    assert len(body) <= 128
    assert show_input(body).startswith("(")


def test_input_counts_what_cannot_be_stored_by_its_type() -> None:
    assert encode_input((object(),), {}) == encode_input((object(),), {})
    assert show_input(encode_input((object(), 3), {"k": "v"})) == "('<object>', 3, k='v')"


def test_arguments_that_are_left_out_are_left_to_the_function() -> None:
    def order(what: str, count: int = 1, note: str = "") -> None: ...

    signature = Signature(order, "order")
    assert signature.decode_args(signature.encode_args(("a",), {})) == (("a",), {})
    assert signature.decode_args(signature.encode_args(("a", 2), {})) == (("a", 2), {})
    assert signature.decode_args(signature.encode_args(("a",), {"note": "n"})) == (("a",), {"note": "n"})
    with pytest.raises(UsageError, match="missing a required argument: 'what'"):
        signature.encode_args((), {})
