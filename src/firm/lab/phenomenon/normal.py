"""The normal form of a formula: one number in front of each product, none to spare.

One rule: it stays the same function. Two formulas that differ in how they are written have one shape afterwards, and
no two numbers do the same work, so that each can be fitted and have an interval.
"""

import math

from firm.lab.phenomenon.expression import Call, Expr, Num, Var, add, call, mul, shape

_Factors = dict[str, tuple[Expr, float, bool]]
"""By shape: base, exponent, whether the exponent is free."""


def normal(expr: Expr) -> Expr:
    """The same function; raises ArithmeticError where its numbers overflow."""
    number, factors = _split(expr)
    return _product(number, factors)


def _product(number: float, factors: _Factors) -> Expr:
    if not math.isfinite(number):
        raise OverflowError("a number of the formula is not finite")
    rest = [_raised(*factors[key]) for key in sorted(factors)]
    if not rest:
        return Num(number)
    return mul(*rest) if number == 1 else mul(Num(number), *rest)


def _raised(base: Expr, exponent: float, free: bool) -> Expr:
    return base if exponent == 1 and not free else Call("pow", (base, Num(exponent, free)))


def _split(expr: Expr) -> tuple[float, _Factors]:
    if isinstance(expr, Num):
        return expr.value, {}
    if isinstance(expr, Var):
        return 1.0, {expr.name: (expr, 1.0, False)}
    if expr.op == "mul":
        number = 1.0
        factors: _Factors = {}
        for arg in expr.args:
            inner, more = _split(arg)
            number *= inner
            for entry in more.values():
                _times(factors, *entry)
        return number, factors
    if expr.op == "pow":
        return _split_power(expr)
    if expr.op == "add":
        return _split_sum(expr)
    inside = normal(expr.args[0])
    if expr.op == "exp":
        shift, rest = _shifted(inside)
        if rest is None:
            return math.exp(shift), {}
        found = call("exp", rest)
        return math.exp(shift), {shape(found): (found, 1.0, False)}
    found = call(expr.op, inside)
    return 1.0, {shape(found): (found, 1.0, False)}


def _shifted(inside: Expr) -> tuple[float, Expr | None]:
    """The plain number in a sum, and the rest of it."""
    if isinstance(inside, Num):
        return inside.value, None
    inside = opened(inside)
    if not (isinstance(inside, Call) and inside.op == "add"):
        return 0.0, inside
    plain = [arg.value for arg in inside.args if isinstance(arg, Num)]
    rest = [arg for arg in inside.args if not isinstance(arg, Num)]
    return (sum(plain), normal(add(*rest))) if plain and rest else (0.0, normal(inside))


def _times(factors: _Factors, base: Expr, exponent: float, free: bool) -> None:
    key = shape(base)
    if key in factors and factors[key][0] == base:
        old = factors.pop(key)
        exponent, free = exponent + old[1], free or old[2]
    while key in factors:
        key += "'"
    if exponent or free:
        factors[key] = (base, exponent, free)


def _split_power(expr: Call) -> tuple[float, _Factors]:
    last = expr.args[1]
    assert isinstance(last, Num)
    number, factors = _split(expr.args[0])
    if number <= 0 and last.value != round(last.value):
        whole = _product(number, factors)
        return 1.0, {shape(whole): (whole, last.value, last.free)}
    raised: _Factors = {}
    for base, exponent, free in factors.values():
        _times(raised, base, exponent * last.value, free or last.free)
    if number == 0 and last.value < 0:
        raise ZeroDivisionError("a formula divides by zero")
    return float(number**last.value), raised


def _split_sum(expr: Call) -> tuple[float, _Factors]:
    terms: dict[str, tuple[float, _Factors]] = {}
    for arg in expr.args:
        number, factors = _split(arg)
        if set(factors) and len(factors) == 1 and next(iter(factors.values()))[1:] == (1.0, False):
            base = next(iter(factors.values()))[0]
            if isinstance(base, Call) and base.op == "add":
                for part in base.args:
                    inner, more = _split(part)
                    _plus(terms, number * inner, more)
                continue
        _plus(terms, number, factors)
    terms = {key: term for key, term in terms.items() if term[0] != 0}
    if not terms:
        return 0.0, {}
    keys = sorted(terms, key=lambda key: (bool(terms[key][1]), key))
    lead = terms[keys[0]][0]
    if len(keys) == 1:
        return lead, terms[keys[0]][1]
    shared = _shared([factors for _, factors in terms.values()])
    if shared:
        rest = []
        for number, factors in (terms[key] for key in keys):
            less = dict(factors)
            for base, exponent, _ in shared:
                _times(less, base, -exponent, False)
            rest.append(_product(number / lead, less))
        inner, factors = _split(add(*rest))
        for entry in shared:
            _times(factors, *entry)
        return lead * inner, factors
    parts = [
        Num(1.0, free=False) if not factors else _product(number / lead, factors)
        for number, factors in (terms[key] for key in keys)
    ]
    total = add(*parts)
    return lead, {shape(total): (total, 1.0, False)}


def _shared(all_of: list[_Factors]) -> list[tuple[Expr, float, bool]]:
    """What stands before every term: bases with the power that all of them have."""
    found = []
    for key, (base, exponent, _) in all_of[0].items():
        others = [factors[key] for factors in all_of if key in factors and factors[key][0] == base]
        if len(others) == len(all_of) and not any(free for _, _, free in others):
            exponents = [other for _, other, _ in others]
            least = min(exponents) if exponent > 0 else max(exponents)
            if least * exponent > 0:
                found.append((base, least, False))
    return found


def _plus(terms: dict[str, tuple[float, _Factors]], number: float, factors: _Factors) -> None:
    body = _product(1.0, factors) if factors else Num(1.0, free=False)
    key = shape(body) if factors else ""
    if key in terms and (not factors or _product(1.0, terms[key][1]) == body):
        terms[key] = (terms[key][0] + number, factors)
        return
    while key in terms:
        key += "'"
    terms[key] = (number, factors)


def opened(expr: Expr) -> Expr:
    """For people: `2*(1 + 3*x)` is `2 + 6*x`, and `8/(1 + 2*x)**2` is `2/(x + 0.5)**2`."""
    if not (isinstance(expr, Call) and expr.op == "mul" and isinstance(expr.args[0], Num)):
        return expr
    front, rest = expr.args[0].value, expr.args[1:]
    if len(rest) == 1 and isinstance(rest[0], Call) and rest[0].op == "add":
        terms: list[Expr] = []
        for arg in rest[0].args:
            number, factors = _split(arg)
            terms.append(_product(number * front, factors))
        return add(*terms)
    factors_: list[Expr] = []
    for part in rest:
        by, new = _bare(part)
        front *= by
        factors_.append(new)
    return mul(Num(front), *factors_) if math.isfinite(front) else expr


def _bare(part: Expr) -> tuple[float, Expr]:
    """`1/(1 + c*x)` with the number taken away from the quantity, and what that leaves in front."""
    if (
        isinstance(part, Call)
        and part.op == "pow"
        and isinstance(part.args[1], Num)
        and part.args[1].value < 0
    ):
        base, exponent = part.args
        if (
            isinstance(base, Call)
            and base.op == "add"
            and len(base.args) == 2
            and isinstance(base.args[1], Call)
        ):
            number, factors = _split(base.args[1])
            plain = len(factors) == 1 and base.args[0] == Num(1.0, free=False)
            if plain and number > 0 and isinstance(next(iter(factors.values()))[0], Var):
                body = add(_product(1.0, factors), Num(1 / number))
                return float(number ** part.args[1].value), Call("pow", (body, exponent))
    return 1.0, part
