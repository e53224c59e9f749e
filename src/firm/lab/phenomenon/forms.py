"""How one quantity may enter a law: the common forms of nature, each with the numbers to start a fit from.

One rule: nothing here is about any one phenomenon; a form is here because it is met in many.
"""

from collections.abc import Iterator
from functools import cache

from firm.lab.phenomenon.expression import Expr, Num, Var, add, call, mul, parse, substitute

_STARTS = (
    ("v/(v+k)", (0.3, 1.0, 4.0)),
    ("v**2/(v**2+k)", (0.3, 2.0)),
    ("1/(v+k)", (0.3, 1.5)),
    ("1/(v**2+k)", (0.3, 2.0)),
    ("1+k*v", (-0.3, 0.5)),
    ("1+k*v**2", (-0.2, 0.5)),
    ("v-k", (0.2, -0.5)),
    ("1/(1+k*v)", (-0.3,)),
    ("1/(v-k)", (0.1,)),
    ("1/(1+k*v**2)", (-0.2,)),
    ("(1+k*v)**(1/2)", (-0.3, 1.0)),
    ("(1+k*v**2)**(1/2)", (-0.2, 1.0)),
    ("(1+k*v**2)**(-1/2)", (-0.2, 1.0)),
    ("(1+k*v)**2", (-0.3, 0.5)),
    ("(1+k*v)**(-2)", (-0.3, 1.0)),
    ("exp(k*v)", (-2.0, -0.5, 0.5, 2.0)),
    ("exp(k*v**2)", (-1.0, 0.3)),
    ("exp(k/v)", (-10.0, -3.0, -1.0, 1.0, 3.0)),
    ("1+k*exp(q*v)", ((0.5, -1.0), (-0.8, -1.0), (0.2, 1.0))),
    ("1/(1+k*exp(q*v))", ((1.0, -2.0), (0.2, 2.0))),
    ("1/(exp(k*v)-u)", (0.5, 2.0)),
    ("1/(exp(k/v)-u)", (0.5, 2.0)),
    ("log(1+k*v)", (0.5, 5.0)),
    ("log(v)+k", (1.0, -1.0)),
    ("u-exp(-k*v)", (0.5, 2.0)),
    ("tanh(k*v)", (0.5, 1.5)),
    ("(v-k)**2+q", ((1.0, 0.3),)),
    ("1/((v-k)**2+q)", ((1.0, 0.1),)),
)
ANGLES = ("sin(k*v)", "cos(k*v)", "tan(k*v)", "1+q*cos(k*v)", "1+q*sin(k*v)", "sin(k*v)**2", "cos(k*v)**2",
          "exp(-q*v)*cos(k*v)", "exp(-q*v)*sin(k*v)")  # fmt: skip
"""Of a quantity that is an angle or goes up and down; the first number is where the search begins."""


def _fixed(text: str) -> str:
    """With `u` for the ones that are not to be fitted."""
    return ("u" + text[1:] if text.startswith("1/") else text).replace("1+", "u+")


@cache
def _templates() -> tuple[tuple[Expr, tuple[float, ...]], ...]:
    read = [(parse(_fixed(text), frozenset("vkqu")), starts) for text, starts in _STARTS]
    return tuple(
        (form, start if isinstance(start, tuple) else (start,)) for form, starts in read for start in starts
    )


@cache
def _angles() -> tuple[Expr, ...]:
    return tuple(parse(_fixed(text), frozenset("vkqu")) for text in ANGLES)


def forms(name: str, waves: tuple[float, ...] = (), by: Expr | None = None) -> Iterator[Expr]:
    """Every form in this quantity; quantities are taken to be of the order of 1.

    Args:
        name: Of the quantity.
        waves: Angular frequencies worth trying, in units of the quantity; empty: it does not oscillate.
        by: What the quantity is multiplied by; None: nothing.
    """
    one = Num(1.0, free=False)
    inner = Var(name) if by is None else mul(Var(name), by)
    for form, start in _templates():
        numbers = {"k": Num(start[0]), "q": Num(start[1] if len(start) > 1 else 1.0)}
        yield substitute(form, {"v": inner, "u": one, **numbers})
    yield from oscillations(name, waves, by)


def oscillations(name: str, waves: tuple[float, ...], by: Expr | None = None) -> Iterator[Expr]:
    """The forms that go up and down, at each of these frequencies."""
    inner = Var(name) if by is None else mul(Var(name), by)
    for wave in waves:
        for form in _angles():
            yield substitute(form, {"v": inner, "u": Num(1.0, free=False), "k": Num(wave), "q": Num(0.3)})
        yield call("sin", add(mul(Num(wave), inner), Num(0.7)))
