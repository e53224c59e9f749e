"""What a search looks for: bounds that can be meant, and bytes from which the same artifact comes back."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.lab.artifact import MAX_CHARS, MAX_NUMBERS, Program, Prompt, Text, Vector, as_json, digest

FLOATS = st.floats(allow_nan=False, width=64)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.0, -1.0, "bounds of x0 are the wrong way round: 1.0 is not below -1.0"),
        (0.0, 0.0, "wrong way round"),
        ([0.0, 2.0], [1.0, 1.0], "bounds of x1 are the wrong way round"),
        (-math.inf, 1.0, "finite"),
        (0.0, math.nan, "finite"),
        ([0.0, 0.0], [1.0, 1.0, 1.0], "do not fit each other"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(low: object, high: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Vector(low, high)


@pytest.mark.parametrize(
    ("shape", "names", "said"),
    [
        ((0,), (), "holds 0 numbers"),
        ((MAX_NUMBERS + 1,), (), "give 1 to 100,000"),
        ((3,), ("a", "b"), "2 names for 3 numbers"),
    ],
)
def test_shapes_and_names_that_do_not_fit_are_refused(
    shape: tuple[int, ...], names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        Vector(0.0, 1.0, shape, names)


def test_bounds_that_do_not_fit_the_shape_are_refused() -> None:
    with pytest.raises(UsageError, match="2 bounds for 3 numbers"):
        Vector([0.0, 0.0], 1.0, (3,))


def test_a_name_says_which_bound_is_wrong() -> None:
    with pytest.raises(UsageError, match="bounds of chord"):
        Vector([0.0, 3.0], [1.0, 2.0], names=("angle", "chord"))


def test_one_bound_a_column_holds_for_each_row_and_flat_bounds_for_each_number() -> None:
    kind = Vector([0.0, -1.0], [1.0, 1.0], (2, 2))
    assert kind.lows.tolist() == [0.0, -1.0, 0.0, -1.0]
    assert Vector([0, 1, 2, 3], 9, (2, 2)).lows.tolist() == [0, 1, 2, 3]


@given(st.lists(FLOATS, min_size=6, max_size=6))
def test_a_vector_comes_back_to_the_bit(flat: list[float]) -> None:
    kind = Vector(-1.0, 1.0, (2, 3))
    packed = kind.pack(flat)
    nested = kind.unpack(packed)
    assert kind.pack(nested) == kind.pack(np.array(nested)) == packed
    assert [one for row in nested for one in row] == flat
    assert kind.flat(packed).tolist() == flat


@pytest.mark.parametrize(
    "value", [[1.0], [[1.0, 2.0]], [[1.0], [2.0], [3.0]], "text", None, {"x": 1}, [[1], [1, 2]]]
)
def test_a_vector_of_another_shape_is_not_packed(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Vector(0.0, 1.0, (3, 2)).pack(value)


def test_anybody_can_compute_the_hash_again_and_minus_zero_is_zero() -> None:
    kind = Vector(-1.0, 1.0, (2,))
    assert digest(kind, kind.pack([-0.0, 0.5])) == digest(kind, kind.pack([0.0, 0.5]))
    assert digest(Text(), b"hello") == hashlib.sha256(b"hello").digest()[:16]


@pytest.mark.parametrize("kind", [Text(), Prompt("Say: {input}"), Program("print(1)")])
def test_a_text_comes_back_whatever_stands_in_it(kind: Text) -> None:
    for text in ("", "naïve 🦉", "\ud800 alone", "a\r\nb\0"):
        assert kind.unpack(kind.pack(text)) == text


@pytest.mark.parametrize(
    ("value", "said"), [(7, "int where a text"), ("x" * (MAX_CHARS + 1), "at most 200,000")]
)
def test_what_is_no_text_or_too_long_is_not_packed(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Text().pack(value)


def test_a_program_needs_a_program_that_works() -> None:
    with pytest.raises(UsageError, match="needs start="):
        Program("  \n")


@given(FLOATS)
def test_a_float_as_json_reads_back_as_the_same_float(value: float) -> None:
    shown = as_json([value])
    assert shown == "[null]" if math.isinf(value) else float(shown[1:-1]) == value
