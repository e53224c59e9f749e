"""What a person types as target, arguments and answers."""

from typing import Any

import msgspec
import pytest

from firm import workflow
from firm.cli.target import read_answer, read_args
from firm.errors import UsageError


class Order(msgspec.Struct):
    name: str
    count: int = 1


@workflow
async def takes(
    text: str, number: int = 0, maybe: str | None = None, order: Order | None = None, *more: float
) -> None: ...


@workflow
async def loose(value) -> Any:  # type: ignore[no-untyped-def]
    ...


def read(*words: str) -> list[object]:
    return read_args(takes.definition, list(words))  # type: ignore[attr-defined]


def test_words_become_the_declared_types() -> None:
    assert read("hello", "3", "null", '{"name": "Ada"}', "1.5", "2") == [
        "hello",
        3,
        None,
        Order("Ada"),
        1.5,
        2.0,
    ]


@pytest.mark.parametrize(
    ("word", "text"),
    [("42", "42"), ('"42"', "42"), ("true", "true"), ("a b", "a b"), ("[1", "[1"), ("null", "null")],
)
def test_where_text_is_taken_a_plain_word_is_text(word: str, text: str) -> None:
    assert read(word) == [text]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a", "many"), """'number': 'many' is not JSON.*'"many"'"""),
        (("a", "1.5"), "'number'.*int"),
        (("a", "1", "b", '{"nam": 1}'), "'order'"),
        ((), "missing a required argument: 'text'"),
        (("a", "1", "b", "null", "x"), "not JSON"),
    ],
)
def test_what_does_not_fit_says_how_to_type_it(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(*words)


def test_without_a_declared_type_only_json_will_do() -> None:
    assert read_args(loose.definition, ['{"a": [1]}']) == [{"a": [1]}]  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="not JSON"):
        read_args(loose.definition, ["abc"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "word", "answer"),
    [
        (["yes", "no"], "yes", "yes"),
        (["1", "2"], "1", "1"),
        ([1, 2], "1", 1),
        (None, "3", 3),
        (None, "anything", "anything"),
        (["done"], '{"done": "x"}', {"done": "x"}),
    ],
)
def test_an_answer_is_an_option_or_json_or_text(options: list[Any] | None, word: str, answer: object) -> None:
    assert read_answer(options, word) == answer
