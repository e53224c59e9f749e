"""An artifact is checked before any scorer sees it, without slack."""

import math
from typing import Any

import pytest

from firm.lab.artifact import MAX_CHARS, Program, Prompt, Text, Vector
from firm.lab.problem import Stage
from firm.lab.wall.shape import Unfit, checker, packed

STAGE = Stage("s", len, samples=(("q", "a"),))  # type: ignore[arg-type]
DISCS = Vector([0.0, 0.0, 0.1], [1.0, 1.0, 0.5], (2, 3), ("x", "y", "r", "u", "v", "s"))
GOOD = [[0.0, 1.0, 0.1], [0.5, 0.5, 0.5]]


def test_numbers_of_the_right_shape_inside_the_bounds_pass_as_floats() -> None:
    assert checker(DISCS)([[0, 1, 0.1], [0.5, 0.5, 0.5]], STAGE) == GOOD


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (0, math.nan, "x is nan"),
        (1, math.inf, "y is inf"),
        (2, 0.1 - 1e-17, "r is 0.09999999999999999"),
        (5, 0.5000000000000001, "s is 0.5000000000000001, outside its bounds 0.1 to 0.5"),
        (3, True, "not numbers"),
        (3, "0.5", "not numbers"),
        (3, None, "not numbers"),
        (3, [0.5], "not numbers"),
    ],
)
def test_a_number_that_is_not_one_or_lies_outside_is_named(place: int, value: Any, why: str) -> None:
    bad: list[list[Any]] = [list(row) for row in GOOD]
    bad[place // 3][place % 3] = value
    with pytest.raises(Unfit, match=why):
        checker(DISCS)(bad, STAGE)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        GOOD[:1],
        [*GOOD, GOOD[0]],
        [0.5] * 6,
        [[0.5, 0.5], [0.5, 0.5, 0.5]],
        {"score": 1e9},
        "0.5",
        0.5,
        None,
    ],
)
def test_another_shape_is_refused(bad: Any) -> None:
    with pytest.raises(Unfit):
        checker(DISCS)(bad, STAGE)


def test_a_text_is_a_text_and_not_too_long() -> None:
    assert checker(Text())("hello", STAGE) == "hello"
    for bad in (["hello"], b"hello", None, "x" * (MAX_CHARS + 1)):
        with pytest.raises(Unfit):
            checker(Text())(bad, STAGE)


def test_answers_belong_to_the_samples() -> None:
    check = checker(Prompt("{input}"))
    assert check([["q", "a", "b"]], STAGE) == [["q", "a", "b"]]
    for bad in ([], [["q", "b", "b"]], [["q", "a"]], [["q", "a", 1]], "answer"):
        with pytest.raises(Unfit):
            check(bad, STAGE)


def test_what_a_program_made_is_any_json_of_finite_numbers() -> None:
    check = checker(Program("x = 1"))
    made = {"a": [1, 2.5, None, True, {"b": "c"}]}
    assert check(made, STAGE) == made
    for bad in ([math.nan], {"a": {"b": math.inf}}, {1: 2}, {"a": {3}}):
        with pytest.raises(Unfit):
            check(bad, STAGE)


@pytest.mark.parametrize("bad", [2**70, "\ud800", "x" * (17 << 20)], ids=["number", "text", "size"])
def test_what_cannot_be_told_is_unfit(bad: Any) -> None:
    with pytest.raises(Unfit):
        packed(bad)


def test_what_is_nested_without_end_is_unfit() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unfit):
        packed(deep)
