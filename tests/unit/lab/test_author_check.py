"""What is seen of a program before it is run."""

import pytest

from firm.lab.author.block import Unclear
from firm.lab.author.check import check_operators, check_program


@pytest.mark.parametrize(
    "source", ["def f(x): return x", "f = lambda x: x", "from math import sqrt as f", "class f: pass"]
)
def test_a_program_that_defines_its_entry_passes(source: str) -> None:
    check_program(source, "f")
    with pytest.raises(Unclear, match="it defines no function 'g'"):
        check_program(source, "g")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(:\n", r"line 1: .*'def f\(:'"),
        ("x = '\0'", "cannot be taken"),
        ("(" * 500 + ")" * 500, "too many nested"),
        ("x = 1", "it defines no function 'f'"),
    ],
)
def test_what_does_not_parse_says_where(source: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        check_program(source, "f")


def test_odd_escapes_warn_nobody() -> None:
    check_program("f = '\\d'", "f")


def test_operators_take_what_they_are_given() -> None:
    check_operators("def propose(rng): ...\ndef improve(rng, x, steps=3): ...\ndef perturb(*a): ...")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def improve(rng, x): ...", "it defines no function 'propose'"),
        ("def propose(): ...", r"'propose' in line 1 cannot be called as propose\(rng\)"),
        ("def propose(rng): ...\ndef perturb(rng, x): ...", r"called as perturb\(rng, x, reach\)"),
        ("def propose(rng, *, size): ...", "cannot be called"),
        ("async def propose(rng): ...", "plain function"),
    ],
)
def test_operators_that_cannot_be_called_are_refused(source: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        check_operators(source)
