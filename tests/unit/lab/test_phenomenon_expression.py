"""Formulas are read by a strict grammar, keep their meaning in normal form, and know their slopes."""

import numpy as np
import pytest

from firm.errors import UsageError
from firm.lab.phenomenon.expression import named, numbers, parse, shape, show
from firm.lab.phenomenon.normal import normal, opened
from firm.lab.phenomenon.tape import Tape, evaluate

NAMES = ("x", "y", "z")
FORMULAS = [
    "2*pi*sqrt(x/y)*(1+z**2/16)",
    "3*x/(2+4*x)",
    "5*exp(-3/(8.3*y) + 1)*x",
    "2+3*x*x-y",
    "-x**2*(1+y)/(x*y)",
    "1/(1/x-1/(4*y))",
    "x**1.37*7",
    "-3*(x+y)/z",
    "4/(1+2*x)**2",
    "sin(2*x+1)*cos(y)+tan(z/3)*log(x+y)",
    "tanh(x)*atan(y) + asin(z/4)",
    "2**x + (x*y)**(-1/2)",
]
ROWS = np.random.default_rng(0).uniform(1, 2, (6, 3))


@pytest.mark.parametrize("text", FORMULAS)
def test_the_normal_form_is_the_same_function_and_is_read_back_alike(text: str) -> None:
    expr = parse(text, set(NAMES))
    tidy = normal(expr)
    told = evaluate(expr, NAMES, ROWS)
    assert np.isfinite(told).all()
    for other in (
        tidy,
        opened(tidy),
        parse(show(tidy, 17), set(NAMES)),
        normal(parse(show(tidy, 17), set(NAMES))),
    ):
        np.testing.assert_allclose(evaluate(other, NAMES, ROWS), told, rtol=1e-9)


@pytest.mark.parametrize("text", FORMULAS)
def test_slopes_are_what_small_differences_give(text: str) -> None:
    tape = Tape(parse(text, set(NAMES)), NAMES)
    theta, columns = tape.theta, np.ascontiguousarray(ROWS.T)
    _, slopes = tape.slopes(theta, columns)
    assert slopes.shape == (tape.count, len(ROWS))
    assert tape.count > 0
    for index in range(tape.count):
        nudge = np.zeros(tape.count)
        nudge[index] = 1e-6 * max(1.0, abs(theta[index]))
        about = (tape.values(theta + nudge, columns) - tape.values(theta - nudge, columns)) / (
            2 * nudge[index]
        )
        np.testing.assert_allclose(slopes[index], about, rtol=1e-4, atol=1e-6)


def test_two_ways_of_writing_one_law_have_one_shape() -> None:
    one, other = (normal(parse(text, {"x", "y"})) for text in ("3*x/(2+4*x)*y", "y*1.5/(1/x+2)"))
    assert len(numbers(one)) == len(numbers(other)) == 2
    assert shape(normal(parse("y*x*(2*x+3)", {"x", "y"}))) == shape(
        normal(parse("7*x*y + 2*x**2*y", {"x", "y"}))
    )


def test_numbers_of_a_law_are_named_in_order() -> None:
    assert named(parse("2*x + 3*y**2", {"x", "y"})) == ("c1*x + c2*y**2", (2.0, 3.0))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "x.y",
        "x; y",
        "(x",
        "x)",
        "x +",
        "",
        "open(x)",
        "x[0]",
        "lambda: x",
        "f(x)",
        "exp x",
        "1" * 3000,
    ],
)
def test_what_the_grammar_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text, {"x", "y"})


def test_words_that_are_no_quantity_are_numbers_to_be_fitted() -> None:
    law = parse("vmax*x/(km+x)", {"x"})
    assert len(numbers(law)) == 2
