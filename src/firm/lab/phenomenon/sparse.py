"""Laws that are sums of a few products of powers, or become such a sum when turned over, squared or logged.

One rule: it only proposes; each proposal is fitted again as the formula it is.

Source: orthogonal matching pursuit, Pati, Rezaiifar, Krishnaprasad (1993).
"""

import itertools
from collections.abc import Callable

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.expression import Expr, Num, Var, add, call, mul, power
from firm.lab.phenomenon.fit import Data

EXPONENTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
MOST_TERMS = 4
BRANCHES = 4
"""How many first terms are followed."""


def power_laws(data: Data, names: tuple[str, ...]) -> list[Expr]:
    """`C * product of powers`, and the same with an offset; exponents by least squares of logarithms."""
    found: list[Expr] = []
    low, high = data.values.min(), data.values.max()
    shifts = [0.0] if low > 0 else []
    shifts += [low - 0.05 * (high - low), low - 0.5 * (high - low)]
    columns = {name: data.columns[data.names.index(name)] for name in names}
    positive = [name for name in names if columns[name].min() > 0]
    for sign in (1.0, -1.0) if high < 0 else (1.0,):
        for shift in shifts if sign > 0 else [0.0]:
            left = sign * data.values - shift
            logs = np.array([np.ones(data.rows), *(np.log(columns[name]) for name in positive)])
            scale = np.minimum(data.weights * np.abs(left), np.median(data.weights * np.abs(left)))
            answer = np.linalg.lstsq((logs * scale).T, np.log(left) * scale, rcond=None)[0]
            factors = [
                power(Var(name), float(p), free=True) for name, p in zip(positive, answer[1:], strict=True)
            ]
            law = mul(Num(sign * float(np.exp(np.clip(answer[0], -300, 300)))), *factors)
            found.append(law if shift == 0 else add(law, Num(float(shift))))
    return found


def sums(data: Data, names: tuple[str, ...]) -> list[Expr]:
    """Sums of up to MOST_TERMS products of powers, of the value itself, its inverse, square, root and logarithm."""
    table, bodies = _library(data, names)
    found = []
    for values, slope, wrap in _views(data.values):
        weights = data.weights / np.maximum(np.abs(slope), 1e-12)
        if np.isfinite(values).all() and np.isfinite(weights).all():
            for chosen, numbers in _pursue(table, values, weights):
                terms = [mul(Num(float(n)), bodies[c]) for c, n in zip(chosen, numbers, strict=True)]
                found.append(wrap(add(*terms)))
    return found


def _views(values: Floats) -> list[tuple[Floats, Floats, Callable[[Expr], Expr]]]:
    views: list[tuple[Floats, Floats, Callable[[Expr], Expr]]] = [
        (values, np.ones_like(values), lambda inner: inner)
    ]
    if (values != 0).all() and (values.min() > 0 or values.max() < 0):
        views.append((1 / values, 1 / values**2, lambda inner: power(inner, -1.0)))
    if values.min() > 0:
        views.append((values**2, 2 * values, lambda inner: power(inner, 0.5)))
        views.append((np.log(values), 1 / values, lambda inner: call("exp", inner)))
        views.append((values**-2.0, 2 * values**-3.0, lambda inner: power(inner, -0.5)))
    return views


def _library(data: Data, names: tuple[str, ...]) -> tuple[Floats, list[Expr]]:
    columns, bodies = [np.ones(data.rows)], [Num(1.0, free=False)]
    options: list[list[tuple[Floats, Expr | None]]] = []
    for name in names:
        column = data.columns[data.names.index(name)]
        fits: list[tuple[Floats, Expr | None]] = [(np.ones(data.rows), None)]
        usable = EXPONENTS if column.min() > 0 else (1.0, 2.0, 3.0)
        fits += [
            (column**exponent, power(Var(name), exponent))
            for exponent in usable
            if len(names) < 4 or exponent in (-2.0, -1.0, 1.0, 2.0)
        ]
        options.append(fits)
    found: list[Expr] = list(bodies)
    for choice in itertools.product(*options):
        factors = [factor for _, factor in choice if factor is not None]
        if 0 < len(factors) <= 4:
            columns.append(np.prod([column for column, _ in choice], axis=0))
            found.append(mul(*factors))
    return np.array(columns), found


def _pursue(table: Floats, values: Floats, weights: Floats) -> list[tuple[list[int], Floats]]:
    """Chosen columns with their numbers; several beginnings, each followed greedily."""
    scaled = table * weights
    lengths = np.linalg.norm(scaled, axis=1)
    unit = scaled / np.where(lengths > 0, lengths, 1.0)[:, None]
    aim = values * weights
    first = np.argsort(-np.abs(unit @ aim))[: BRANCHES - 1]
    beginnings = [[int(index)] for index in first] + [[0]]
    found = []
    for chosen in beginnings:
        basis = np.empty((0, len(aim)))
        rest = aim
        while True:
            direction = unit[chosen[-1]] - basis.T @ (basis @ unit[chosen[-1]])
            length = np.linalg.norm(direction)
            if length < 1e-7:
                break
            basis = np.vstack([basis, direction / length])
            rest = aim - basis.T @ (basis @ aim)
            numbers = np.asarray(np.linalg.lstsq(scaled[chosen].T, aim, rcond=None)[0], float)
            found.append((list(chosen), numbers))
            if len(chosen) == MOST_TERMS:
                break
            free = unit - (unit @ basis.T) @ basis
            left = np.linalg.norm(free, axis=1)
            gain = np.where(left > 1e-4, np.abs(free @ rest) / np.maximum(left, 1e-4), 0.0)
            chosen = [*chosen, int(np.argmax(gain))]
    return found
