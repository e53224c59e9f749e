"""Formulas as small trees: numbers, variables, sums, products, powers and a few functions.

One rule: a formula is data. It is read by a strict grammar and never executed as code; anything the grammar does not
have is refused with its place.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from firm.errors import UsageError

FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "tanh", "asin", "atan")
"""Of one argument; `sqrt` is read and shown as a power of 1/2."""
MAX_NODES = 200
MAX_CHARS = 2000
"""A longer formula is refused."""


@dataclass(frozen=True, slots=True)
class Num:
    """A number; `free` where it is to be fitted."""

    value: float
    free: bool = True


@dataclass(frozen=True, slots=True)
class Var:
    """A quantity by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """`add` and `mul` of two and more, `pow` of a base and a Num, or one of FUNCTIONS."""

    op: str
    args: "tuple[Expr, ...]"


Expr = Num | Var | Call
Path = tuple[int, ...]

ONE = Num(1.0, free=False)


def add(*terms: Expr) -> Expr:
    """A sum, flattened."""
    return _joined("add", terms)


def mul(*factors: Expr) -> Expr:
    """A product, flattened."""
    return _joined("mul", factors)


def power(base: Expr, exponent: float, *, free: bool = False) -> Expr:
    """A base to a number."""
    return base if exponent == 1 and not free else Call("pow", (base, Num(exponent, free)))


def call(name: str, argument: Expr) -> Expr:
    """A function of one argument."""
    return Call(name, (argument,))


def _joined(op: str, parts: tuple[Expr, ...]) -> Expr:
    flat: list[Expr] = []
    for part in parts:
        flat.extend(part.args if isinstance(part, Call) and part.op == op else (part,))
    return flat[0] if len(flat) == 1 else Call(op, tuple(flat))


def nodes(expr: Expr, path: Path = ()) -> Iterator[tuple[Path, Expr]]:
    """Every part with its place, from the top; exponents are left out, being parts of their power."""
    yield path, expr
    if isinstance(expr, Call):
        for index, arg in enumerate(expr.args):
            if not (expr.op == "pow" and index == 1):
                yield from nodes(arg, (*path, index))


def put(expr: Expr, path: Path, new: Expr) -> Expr:
    """The same formula with another part at this place."""
    if not path:
        return new
    assert isinstance(expr, Call)
    args = list(expr.args)
    args[path[0]] = put(args[path[0]], path[1:], new)
    return _joined(expr.op, tuple(args)) if expr.op in ("add", "mul") else Call(expr.op, tuple(args))


def numbers(expr: Expr) -> list[float]:
    """Values of the free numbers, in order."""
    if isinstance(expr, Num):
        return [expr.value] if expr.free else []
    return [value for arg in expr.args for value in numbers(arg)] if isinstance(expr, Call) else []


def with_numbers(expr: Expr, values: Iterator[float]) -> Expr:
    """The same formula with other values of its free numbers, taken in order."""
    if isinstance(expr, Num):
        return Num(float(next(values))) if expr.free else expr
    if isinstance(expr, Call):
        return Call(expr.op, tuple(with_numbers(arg, values) for arg in expr.args))
    return expr


def variables(expr: Expr) -> set[str]:
    """Names of the quantities in it."""
    if isinstance(expr, Var):
        return {expr.name}
    return set().union(*map(variables, expr.args)) if isinstance(expr, Call) else set()


def substitute(expr: Expr, names: Mapping[str, Expr]) -> Expr:
    """The same formula with formulas in the place of variables."""
    if isinstance(expr, Var):
        return names.get(expr.name, expr)
    if isinstance(expr, Call):
        return Call(expr.op, tuple(substitute(arg, names) for arg in expr.args))
    return expr


def size(expr: Expr) -> int:
    """Number of its parts, exponents among them."""
    return 1 + sum(map(size, expr.args)) if isinstance(expr, Call) else 1


def shape(expr: Expr) -> str:
    """What two formulas share that differ in their free numbers alone."""
    if isinstance(expr, Num):
        return "#" if expr.free else f"{expr.value:.6g}"
    if isinstance(expr, Var):
        return expr.name
    parts = [shape(arg) for arg in expr.args]
    return f"{expr.op}({','.join(sorted(parts) if expr.op in ('add', 'mul') else parts)})"


def show(expr: Expr, digits: int = 4) -> str:
    """As a person would write it, in a form that `parse` and Python read alike."""
    return _show(expr, lambda value: f"{value:.{digits}g}", 0)


def named(expr: Expr) -> tuple[str, tuple[float, ...]]:
    """The formula with c1, c2, … for its free numbers, and their values."""
    values = numbers(expr)
    names = iter([f"c{index + 1}" for index in range(len(values))])

    def rename(part: Expr) -> Expr:
        if isinstance(part, Num):
            return Var(next(names)) if part.free else part
        return Call(part.op, tuple(rename(arg) for arg in part.args)) if isinstance(part, Call) else part

    return show(rename(expr), 12), tuple(values)


def _show(expr: Expr, number: Callable[[float], str], level: int) -> str:
    """`level`: 0 in a sum, 1 in a product, 2 under a fraction, 3 under a power."""
    if isinstance(expr, Var):
        return expr.name
    if isinstance(expr, Num):
        return f"({number(expr.value)})" if expr.value < 0 and level else number(expr.value)
    if expr.op == "add":
        terms = [_show(arg, number, 0) for arg in expr.args]
        text = terms[0] + "".join(f" - {term[1:]}" if term[0] == "-" else f" + {term}" for term in terms[1:])
        return f"({text})" if level else text
    if expr.op == "mul" or (expr.op == "pow" and _exponent(expr) < 0):
        text = _product(expr, number)
        return f"({text})" if level > 1 or (level and text[0] == "-") else text
    if expr.op == "pow":
        base, exponent = expr.args
        if exponent == Num(0.5, free=False):
            return f"sqrt({_show(base, number, 0)})"
        text = f"{_show(base, number, 3)}**{_show_exponent(exponent, number)}"
        return f"({text})" if level > 2 else text
    return f"{expr.op}({_show(expr.args[0], number, 0)})"


def _show_exponent(exponent: Expr, number: Callable[[float], str]) -> str:
    assert isinstance(exponent, Num | Var)
    if isinstance(exponent, Var):
        return exponent.name
    if not exponent.free:
        for bottom in (1, 2, 3, 4, 5):
            top = round(exponent.value * bottom)
            if abs(exponent.value * bottom - top) < 1e-9:
                return f"({top}/{bottom})" if bottom > 1 else f"{top}" if top >= 0 else f"({top})"
    return f"({number(exponent.value)})" if exponent.value < 0 else number(exponent.value)


def _exponent(expr: Call) -> float:
    exponent = expr.args[1]
    return exponent.value if isinstance(exponent, Num) else 1.0


def _product(expr: Call, number: Callable[[float], str]) -> str:
    above, below = [], []
    sign = ""
    for arg in expr.args if expr.op == "mul" else (expr,):
        if isinstance(arg, Num) and arg.value == -1:
            sign = "" if sign else "-"
        elif isinstance(arg, Call) and arg.op == "pow" and _exponent(arg) < 0:
            last = arg.args[1]
            assert isinstance(last, Num)
            below.append(power(arg.args[0], -last.value, free=last.free))
        else:
            above.append(arg)
    alone = len(above) == 1 and not below and not sign
    tops = [
        _show(arg, number, 1 if index or not (alone or isinstance(arg, Num)) else 0)
        for index, arg in enumerate(above)
    ]
    text = sign + ("*".join(tops) or "1")
    if below:
        bottom = "*".join(_show(arg, number, 2) for arg in below)
        text += f"/({bottom})" if len(below) > 1 else f"/{bottom}"
    return text


_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/^()]))"
)


def parse(text: str, names: set[str] | frozenset[str]) -> Expr:
    """Read a formula: numbers, `names`, + - * / ** ^ ( ), sqrt and FUNCTIONS, pi; other words become free numbers.

    Whole numbers and halves in an exponent are fixed; every other number, and every word that is no quantity (a
    constant: `c`, `K`), is to be fitted.

    Raises:
        UsageError: what is not in the grammar, with its place.
    """
    if len(text) > MAX_CHARS:
        raise UsageError(f"the formula has {len(text)} characters; at most {MAX_CHARS}")
    return _Reader(text, frozenset(names)).all()


class _Reader:
    def __init__(self, text: str, names: frozenset[str]) -> None:
        self.text, self.names, self.at = text, names, 0
        self.words: dict[str, float] = {}
        self.tokens: list[tuple[str, str, int]] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if not found:
                raise self.wrong(place)
            kind = "number" if found[1] else "word" if found[2] else "sign"
            self.tokens.append((kind, (found[1] or found[2] or found[3]).replace("^", "**"), found.start(0)))
            place = found.end()
        if len(self.tokens) > MAX_NODES:
            raise UsageError(f"the formula has {len(self.tokens)} parts; at most {MAX_NODES}")

    def wrong(self, place: int) -> UsageError:
        return UsageError(
            f"the formula {self.text!r} cannot be read at {self.text[place : place + 12]!r}; it may hold numbers, "
            f"{', '.join(sorted(self.names))}, + - * / ** ( ), sqrt, {', '.join(FUNCTIONS)}"
        )

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *signs: str) -> str:
        word = self.peek()
        if word and word in signs and self.tokens[self.at][0] == "sign":
            self.at += 1
            return word
        return ""

    def stop(self) -> UsageError:
        return self.wrong(self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text))

    def all(self) -> Expr:
        found = self.sum()
        if self.at < len(self.tokens):
            raise self.stop()
        return found

    def sum(self) -> Expr:
        terms = [self.product()]
        while sign := self.take("+", "-"):
            term = self.product()
            terms.append(term if sign == "+" else mul(Num(-1.0, free=False), term))
        return add(*terms)

    def product(self) -> Expr:
        factors = [self.signed()]
        while sign := self.take("*", "/"):
            factor = self.signed()
            factors.append(factor if sign == "*" else Call("pow", (factor, Num(-1.0, free=False))))
        return mul(*factors)

    def signed(self) -> Expr:
        if self.take("-"):
            return mul(Num(-1.0, free=False), self.signed())
        self.take("+")
        return self.raised()

    def raised(self) -> Expr:
        base = self.atom()
        if not self.take("**"):
            return base
        exponent = self.signed()
        value = constant_value(exponent)
        if value is not None and not variables(exponent):
            free = bool(numbers(exponent)) and abs(value * 60 - round(value * 60)) > 1e-9
            return Call("pow", (base, Num(value, free)))
        return call("exp", mul(exponent, call("log", base)))

    def atom(self) -> Expr:
        if self.take("("):
            inside = self.sum()
            if not self.take(")"):
                raise self.stop()
            return inside
        if self.at >= len(self.tokens) or self.tokens[self.at][0] == "sign":
            raise self.stop()
        kind, word, _ = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return Num(float(word))
        if word == "sqrt" or word in FUNCTIONS:
            if self.peek() != "(":
                raise self.stop()
            inside = self.atom()
            return power(inside, 0.5) if word == "sqrt" else call(word, inside)
        if word in self.names:
            return Var(word)
        if self.peek() == "(":
            raise self.wrong(self.tokens[self.at - 1][2])
        self.words.setdefault(word, 1.0 + 0.137 * (len(self.words) + 1))
        return Num(math.pi if word == "pi" else self.words[word])


def constant_value(expr: Expr) -> float | None:
    """Value of a formula of plain numbers; None where it has quantities or functions."""
    if isinstance(expr, Num):
        return expr.value
    if isinstance(expr, Call) and expr.op in ("add", "mul", "pow"):
        values = [constant_value(arg) for arg in expr.args]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        total = known[0]
        for value in known[1:]:
            if expr.op == "pow" and ((total == 0 and value < 0) or (total < 0 and value != round(value))):
                return None
            total = total + value if expr.op == "add" else total * value if expr.op == "mul" else total**value
        return total
    return None
