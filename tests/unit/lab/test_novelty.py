"""What is new: by normal form, by meaning."""

import asyncio

import numpy as np
import pytest

from firm.lab.artifact import Program, Prompt, Text, Vector
from firm.lab.novelty import AT_ONCE, nearest, normal_form

CODE = Program("x = 1")


def test_programs_are_the_same_whatever_their_comments_names_and_spaces():
    one = b'''
"""About it."""
import math

def area(radius, scale=2):
    """Of a circle."""
    # the usual
    result = math.pi * radius ** 2
    return [result * scale for each in range(3)]
'''
    other = b"import math\ndef area(r,factor = 2):\n\tx = math.pi*r**2\n\treturn [x*factor for i in range(3)]"
    assert normal_form(CODE, one) == normal_form(CODE, other)
    assert b"def area(v0, v1=2)" in normal_form(CODE, one)


@pytest.mark.parametrize(
    "other",
    [
        b"def f(a, b):\n    return b - a",
        b"def g(a, b):\n    return a - b",
        b"def f(a, b):\n    return a - c",
        b"def f(a, b):\n    return a - b + 0",
        b"def f(a, b):\n    global a2\n    a2 = 1\n    return a - b",
    ],
)
def test_programs_that_do_something_else_differ(other):
    assert normal_form(CODE, b"def f(a, b):\n    return a - b") != normal_form(CODE, other)


def test_names_from_outside_keep_their_meaning():
    one = b"k = 1\ndef f(a):\n    def g(b):\n        nonlocal a\n        a = b + k\n        return a\n    return g"
    other = b"k = 1\ndef f(z):\n    def h(y):\n        nonlocal z\n        z = y + k\n        return z\n    return h"
    foreign = b"k = 1\ndef f(z):\n    def h(y):\n        z = y + k\n        return z\n    return h"
    assert normal_form(CODE, one) == normal_form(CODE, other) != normal_form(CODE, foreign)
    body = b"def f(rows):\n    class Row:\n        size = 3\n    try:\n        return max(rows, key=lambda r: Row.size)"
    handled = b"\n    except KeyError as error:\n        return error"
    renamed = (
        (body + handled)
        .replace(b"rows", b"lines")
        .replace(b"lambda r:", b"lambda q:")
        .replace(b"error", b"e")
    )
    assert normal_form(CODE, body + handled) == normal_form(CODE, renamed)
    assert normal_form(CODE, body + handled) != normal_form(CODE, renamed.replace(b"size = 3", b"size = 4"))


def test_a_function_of_nothing_but_words_is_still_a_function():
    assert normal_form(CODE, b'def f():\n    "words"') == b"def f():\n    pass"
    assert normal_form(CODE, b"def f(:\n   oops  # x") == b"def f(: oops # x"


def test_texts_are_the_same_whatever_their_spaces_and_capitals():
    for kind in (Text(), Prompt()):
        assert normal_form(kind, b" Think\n step  by STEP ") == normal_form(kind, b"think step by step")
        assert normal_form(kind, b"think step") != normal_form(kind, b"thinkstep")
    assert normal_form(Text(), b"STRASSE") == normal_form(Text(), "stra\u00dfe".encode())


def test_numbers_are_the_same_to_twelve_digits():
    kind = Vector(-10.0, 10.0, shape=(2,))

    def form(*numbers: float) -> bytes:
        return normal_form(kind, kind.pack(np.array(numbers)))

    assert form(1 / 3, -0.0) == form(1 / 3 + 1e-14, 0.0)
    assert form(1 / 3, 0.0) != form(1 / 3 + 1e-11, 0.0)
    assert form(1e-200, 0.0) != form(2e-200, 0.0)


async def letters(texts) -> list[list[float]]:
    """A poor man's embedding: how often each letter stands in a text."""
    assert 1 <= len(texts) <= AT_ONCE
    return [[float(text.count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


def test_the_nearest_text_is_found_with_how_near_it_is():
    place, alike = asyncio.run(
        nearest(["nose radius", "camber", "thick tail"], "radius of the nose", letters)
    )
    assert place == 0
    assert 0.7 < alike < 1
    assert asyncio.run(nearest(["ab", "ba"], "aabb", letters)) == (0, pytest.approx(1.0))
    assert asyncio.run(nearest(["xyz"], "abc", letters)) == (0, 0.0)


def test_many_texts_are_embedded_in_parts():
    texts = ["xyz"] * AT_ONCE + ["abd", "abc"]
    assert asyncio.run(nearest(texts, "abc", letters)) == (AT_ONCE + 1, pytest.approx(1.0))


def test_the_nearest_of_none_is_refused():
    with pytest.raises(ValueError, match="no texts"):
        asyncio.run(nearest([], "abc", letters))
