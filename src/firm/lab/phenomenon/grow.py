"""One change of a formula: the neighbours that a search looks at.

One rule: a change is local and its new numbers begin where the formula is close to what it was, or at a few places
of a common form; the fit does the rest.
"""

import itertools
from collections.abc import Iterator, Sequence

from firm.lab.phenomenon.expression import (
    Call,
    Expr,
    Num,
    Path,
    Var,
    add,
    call,
    mul,
    nodes,
    power,
    put,
    size,
    variables,
)
from firm.lab.phenomenon.forms import forms, oscillations

LARGEST = 34
"""Parts of a formula beyond which it does not grow."""
POWERS = (1.0, -1.0, 0.5, -0.5, 2.0)


def neighbours(expr: Expr, names: Sequence[str], waves: dict[str, tuple[float, ...]]) -> Iterator[Expr]:
    """Formulas one change away; `waves` says which quantities may oscillate, and how fast."""
    yield from smaller(expr)
    if size(expr) > LARGEST:
        return
    for path, part in nodes(expr):
        if isinstance(part, Num) and not part.free:
            continue
        for name in names:
            yield from (put(expr, path, new) for new in _changed(part, name))
        yield from (put(expr, path, new) for new in _alone(part, path))
    for name in names:
        for form in forms(name, waves.get(name, ())):
            yield mul(expr, form)
            yield from (put(expr, path, form) for path in _factors(expr, name))
        yield from (add(expr, mul(Num(0.1), form)) for form in forms(name, waves.get(name, ())))
    for one, two in itertools.permutations(names, 2):
        yield add(expr, mul(Num(0.1), Var(one), Var(two)))
        yield add(expr, mul(Num(0.1), Var(one), power(Var(two), -1.0)))


def _changed(part: Expr, name: str) -> Iterator[Expr]:
    """A part, and one quantity more."""
    var = Var(name)
    for exponent in POWERS:
        yield mul(part, power(var, exponent))
    yield mul(part, Call("pow", (var, Num(0.1))))
    for exponent in (1.0, -1.0, 2.0):
        yield add(part, mul(Num(0.1), power(var, exponent)))
    if isinstance(part, Num):
        for amount in (-0.3, 0.3):
            yield mul(part, add(Num(1.0, free=False), mul(Num(amount), var)))
    else:
        yield mul(part, call("exp", mul(Num(-0.2), var)))


def _alone(part: Expr, path: Path) -> Iterator[Expr]:
    """A part, changed by itself."""
    if not isinstance(part, Num):
        yield add(part, Num(0.1))
        yield add(part, Num(-0.1))
        if path:
            yield Call("pow", (part, Num(0.9)))
            yield power(part, 2.0)
        else:
            yield power(part, 0.5)


def smaller(expr: Expr) -> Iterator[Expr]:
    """Formulas with one part left out."""
    for path, part in nodes(expr):
        if not isinstance(part, Call):
            continue
        if part.op in ("add", "mul"):
            for index in range(len(part.args)):
                rest = part.args[:index] + part.args[index + 1 :]
                yield put(expr, path, (add if part.op == "add" else mul)(*rest))
        else:
            yield put(expr, path, part.args[0])


def promotions(expr: Expr, names: Sequence[str]) -> Iterator[Expr]:
    """Formulas in which one inner number becomes a product of powers of several quantities."""
    for path, part in nodes(expr):
        if not (isinstance(part, Num) and part.free and len(path) > 1):
            continue
        for exponents in itertools.product((0.0, 1.0, -1.0, 0.5, -0.5), repeat=len(names)):
            if sum(exponent != 0 for exponent in exponents) > 1:
                factors = [power(Var(n), e) for n, e in zip(names, exponents, strict=True) if e]
                yield put(expr, path, mul(part, *factors))


def grouped(expr: Expr, names: Sequence[str], waves: dict[str, tuple[float, ...]]) -> Iterator[Expr]:
    """Formulas with a form in a group: one quantity times powers of others, as numbers without a unit are made."""
    for name in names:
        others = [other for other in names if other != name]
        for exponents in itertools.product((0.0, 1.0, -1.0, 0.5, -0.5), repeat=min(2, len(others))):
            busy = [(o, e) for o, e in zip(others, exponents, strict=False) if e]
            if not busy:
                continue
            by = mul(*(power(Var(other), exponent) for other, exponent in busy))
            simple = len(busy) == 1 and abs(busy[0][1]) == 1
            some = (
                forms(name, waves.get(name, ()), by)
                if simple
                else oscillations(name, waves.get(name, ()), by)
            )
            for form in some:
                yield mul(expr, form)
                yield from (put(expr, path, form) for path in _factors(expr, name))


def _factors(expr: Expr, name: str) -> Iterator[Path]:
    """Places of factors at the top (of the formula or of a term of it) that are of this quantity alone."""
    terms: list[tuple[Path, Expr]] = [((), expr)]
    if isinstance(expr, Call) and expr.op == "add":
        terms = [((index,), arg) for index, arg in enumerate(expr.args)]
    for path, term in terms:
        parts = list(enumerate(term.args)) if isinstance(term, Call) and term.op == "mul" else []
        for index, factor in parts:
            if variables(factor) == {name}:
                yield (*path, index)
            elif isinstance(factor, Call) and factor.op == "add":
                for place, inner in enumerate(factor.args):
                    if variables(inner) == {name}:
                        yield (*path, index, place)
