"""The search for laws of one value: seeds, then the best grow by one change at a time.

One rule: it is the same for the same data, and it knows only the measurements and what the quantities are called.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from firm.lab.phenomenon.expression import (
    Call,
    Expr,
    Num,
    Var,
    mul,
    nodes,
    put,
    shape,
    substitute,
)
from firm.lab.phenomenon.fit import Data, Fit, fit
from firm.lab.phenomenon.grow import grouped, neighbours, promotions, smaller
from firm.lab.phenomenon.normal import normal
from firm.lab.phenomenon.sparse import power_laws, sums

BEAM = 5
LEVELS = 6
MOST_FITS = 7000
KEPT = 60
NICE = sorted({sign * top / bottom for bottom in (1, 2, 3, 4, 5) for top in range(1, 16) for sign in (1, -1)
               if top / bottom <= 6 and (bottom < 4 or top / bottom < 2)})  # fmt: skip
"""Exponents that a law may have without more ado."""


@dataclass
class Pool:
    """The laws met so far, the best first."""

    data: Data
    fits: dict[str, Fit] = field(default_factory=dict)
    tried: int = 0
    seen: set[str] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)

    def offer(self, exprs: Iterable[Expr], *, steps: int = 8) -> None:
        """Fit and keep; the same shape from another start may do better."""
        for expr in exprs:
            if self.tried >= MOST_FITS:
                return
            key = shape(expr) + "".join(
                f" {part.value:.1g}" for _, part in nodes(expr) if isinstance(part, Num)
            )
            if key in self.seen:
                continue
            self.seen.add(key)
            self.tried += 1
            found = fit(expr, self.data, steps=steps)
            if found is not None:
                self.keep(found)

    def keep(self, found: Fit) -> None:
        """In its normal form, if it is the best of its shape."""
        try:
            tidy = normal(found.expr)
        except (ArithmeticError, ValueError):
            return
        count = sum(_frees(tidy))
        found = replace(found, expr=tidy, count=count)
        key = shape(tidy)
        if key not in self.fits or self.fits[key].chi2 > found.chi2:
            self.fits[key] = found
        if len(self.fits) > 4 * KEPT:
            self.fits = {shape(f.expr): f for f in self.best(KEPT)}

    def best(self, count: int) -> list[Fit]:
        """The best of them."""
        return sorted(self.fits.values(), key=lambda found: (found.score, shape(found.expr)))[:count]

    def polish(self, count: int) -> None:
        """Fit the best to the end, give them plain exponents where the data allow it, drop what is not needed."""
        for found in self.best(count):
            full = fit(found.expr, self.data, steps=40)
            if full is not None:
                self.keep(full)
        for found in self.best(count):
            for simpler in snapped(found, self.data):
                self.keep(simpler)
        for found in self.best(max(2, count // 3)):
            self.offer(smaller(found.expr), steps=12)


def _frees(expr: Expr) -> Iterator[int]:
    if isinstance(expr, Num):
        yield int(expr.free)
    elif isinstance(expr, Call):
        for arg in expr.args:
            yield from _frees(arg)


def free_powers(expr: Expr) -> list[tuple[int, ...]]:
    """Places of powers whose exponent is free."""
    return [
        path
        for path, part in nodes(expr)
        if isinstance(part, Call) and part.op == "pow" and isinstance(part.args[1], Num) and part.args[1].free
    ]


def snapped(found: Fit, data: Data) -> list[Fit]:
    """The law with plain exponents: one after the other, as long as it does not fit clearly worse."""
    result = []
    places = free_powers(found.expr)
    while places:
        options = []
        for path in places:
            part = _at(found.expr, path)
            exponent = part.args[1]
            assert isinstance(exponent, Num)
            near = sorted([*NICE, 0.0], key=lambda nice: abs(nice - exponent.value))[:3]
            for nice in near:
                if abs(nice - exponent.value) < 0.3:
                    new = (
                        Num(1.0, free=False)
                        if nice == 0
                        else Call("pow", (part.args[0], Num(nice, free=False)))
                    )
                    options.append(put(found.expr, path, new))
        fits = [trial for option in options if (trial := fit(option, data, steps=15)) is not None]
        if not fits:
            break
        best = min(fits, key=lambda trial: trial.score)
        if best.score > found.score + 4:
            break
        found = replace(best, expr=normal(best.expr))
        result.append(found)
        places = free_powers(found.expr)
    return result


def _at(expr: Expr, path: tuple[int, ...]) -> Call:
    for index in path:
        assert isinstance(expr, Call)
        expr = expr.args[index]
    assert isinstance(expr, Call)
    return expr


def seek(
    data: Data,
    active: Sequence[str],
    *,
    seeds: Sequence[Expr] = (),
    waves: dict[str, tuple[float, ...]] | None = None,
    most: int = MOST_FITS,
) -> list[Fit]:
    """Laws for these measurements, the best first.

    Args:
        data: Measurements, values and quantities of the order of 1.
        active: The quantities that are known to matter.
        seeds: Formulas to begin with, from elsewhere.
        waves: Quantities that may oscillate, with angular frequencies to try.
        most: Fits at most.
    """
    waves = waves or {}
    names = tuple(active)
    pool = _seeded(data, names, seeds, waves, most)
    for level in range(LEVELS):
        width = 3 if pool.best(1)[0].scatter < 1.5 else BEAM + 3 * (level == 0)
        ungrown = [found for found in pool.best(4 * BEAM) if shape(found.expr) not in pool.grown]
        parents = ungrown[:width]
        before = pool.best(1)[0].score
        if not parents or pool.tried >= MOST_FITS:
            break
        for parent in parents:
            pool.grown.add(shape(parent.expr))
            pool.offer(neighbours(parent.expr, names, waves))
            if parent is parents[0] and level < 3 and parent.scatter > 1.5:
                pool.offer(grouped(parent.expr, names[:4], waves))
            if level > 0 and len(names) > 1:
                pool.offer(promotions(parent.expr, names[:3]))
        pool.polish(12)
        best = pool.best(1)[0]
        if best.scatter < 1.5 and best.score > before - 1:
            break
    return pool.best(KEPT)


def _seeded(
    data: Data, names: tuple[str, ...], seeds: Sequence[Expr], waves: dict[str, tuple[float, ...]], most: int
) -> Pool:
    """A pool with what is given, power laws, sums of them, and where these fail their neighbours in groups."""
    pool = Pool(data, tried=MOST_FITS - most)
    pool.offer(seeds, steps=30)
    if names:
        pool.offer(power_laws(data, names), steps=20)
        pool.offer(sums(data, names), steps=12)
    pool.offer([Num(float(np.mean(data.values)))])
    pool.polish(10)
    if names and pool.best(1)[0].scatter > 1.5:
        for law in power_laws(data, names)[:1]:
            pool.offer(neighbours(law, names, waves))
            pool.offer(grouped(law, names[:4], waves))
        pool.polish(10)
    return pool


def scaled(data: Data) -> tuple[Data, dict[str, float], float]:
    """The same measurements with every quantity of the order of 1, and what each was divided by."""
    sizes = {}
    for name, column in zip(data.names, data.columns, strict=True):
        sizes[name] = float(np.median(np.abs(column))) or float(np.max(np.abs(column))) or 1.0
    unit = float(np.median(np.abs(data.values))) or float(np.max(np.abs(data.values))) or 1.0
    columns = np.array([column / sizes[name] for name, column in zip(data.names, data.columns, strict=True)])
    return Data(data.names, columns, data.values / unit, data.weights * unit), sizes, unit


def into(expr: Expr, sizes: dict[str, float], unit: float) -> Expr:
    """A formula of scaled quantities, as one of the quantities themselves; in normal form."""
    vars_ = {name: mul(Num(1 / by), Var(name)) for name, by in sizes.items()}
    return normal(mul(Num(unit), substitute(expr, vars_)))


def outof(expr: Expr, sizes: dict[str, float], unit: float) -> Expr:
    """The other way."""
    vars_ = {name: mul(Num(by), Var(name)) for name, by in sizes.items()}
    return normal(mul(Num(1 / unit), substitute(expr, vars_)))
