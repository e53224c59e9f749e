"""Laws of change: what drives several outputs in time; their integration, and the fit of their numbers.

One rule: numbers are fitted to the courses as they were measured, never to differences of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.expression import Expr, Num, Var, add, call, mul, power

Term = tuple[tuple[int, ...], str]
"""Exponents of the states and then of the other inputs; and the state whose sine it holds, or nothing."""
STEPS = 5
"""Steps of integration in the longest time between two readings."""
CHOSEN = 4.0
"""What a term costs beyond its number, in units of the criterion: it was chosen among a dozen and more, of which one
fits the noise by chance (the extended criterion of Chen and Chen, Biometrika 95, 2008)."""


@dataclass(frozen=True, slots=True)
class Courses:
    """Measured courses."""

    names: tuple[str, ...]
    """Of the states, then of the other inputs that matter."""
    states: int
    begin: Floats
    """(courses, states)."""
    given: Floats
    """(courses, other inputs)."""
    times: Floats
    values: Floats
    """(courses, times, states)."""
    weights: Floats
    """One over the noise of each."""


@dataclass(frozen=True, slots=True)
class Law:
    """For each state its terms, in order, and a number for each."""

    terms: tuple[tuple[Term, ...], ...]
    numbers: tuple[float, ...]
    chi2: float = np.inf
    rows: int = 1

    @property
    def count(self) -> int:
        """Free numbers."""
        return len(self.numbers)

    @property
    def scatter(self) -> float:
        """Chi-square for each degree of freedom."""
        return self.chi2 / max(1, self.rows - self.count)

    @property
    def score(self) -> float:
        """Bayes' information criterion; lower is better; terms of higher order cost a little more."""
        order = sum(sum(map(abs, term[0])) + bool(term[1]) for side in self.terms for term in side)
        each = np.log(self.rows) + CHOSEN
        return float(self.rows * np.log(max(self.chi2, 1e-12) / self.rows) + self.count * each + order)


def term_value(term: Term, parts: Sequence[Floats], names: Sequence[str]) -> Floats:
    """Of one term at these states and inputs."""
    total = np.ones_like(parts[0])
    for exponent, part in zip(term[0], parts, strict=True):
        for _ in range(exponent):
            total = total * part
    return total * np.sin(parts[list(names).index(term[1])]) if term[1] else total


def integrate(law: Law, courses: Courses, numbers: Floats) -> Floats:
    """Courses under several sets of numbers at once: (sets, courses, times, states); NaN where they run away."""
    sets, count = len(numbers), len(courses.begin)
    state = np.broadcast_to(courses.begin.T[:, None], (courses.states, sets, count)).copy()
    given = [np.broadcast_to(column, (sets, count)) for column in courses.given.T]
    weights = numbers.T[:, :, None]

    def rate(now: Floats) -> Floats:
        parts = [*now, *given]
        rates, place = [], 0
        for side in law.terms:
            total = np.zeros((sets, count))
            for term in side:
                total = total + weights[place] * term_value(term, parts, courses.names)
                place += 1
            rates.append(total)
        return np.array(rates)

    longest = float(np.max(np.diff(courses.times, prepend=0.0)))
    rows, before = [], 0.0
    with np.errstate(all="ignore"):
        for time in courses.times:
            steps = max(1, int(np.ceil(STEPS * (time - before) / longest)))
            h = (time - before) / steps
            for _ in range(steps):
                k1 = rate(state)
                k2 = rate(state + h / 2 * k1)
                k3 = rate(state + h / 2 * k2)
                state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + rate(state + h * k3))
            before = float(time)
            rows.append(state)
    return np.array(rows).transpose(2, 3, 0, 1)


def slopes(law: Law, courses: Courses, numbers: Floats) -> tuple[Floats, Floats]:
    """Courses, and their change with each number, flat: (rows,), (numbers, rows)."""
    nudge = 1e-5 * np.maximum(np.abs(numbers), 1e-3)
    all_of = integrate(law, courses, np.vstack([numbers, numbers + np.diag(nudge)]))
    flat = all_of.reshape(len(all_of), -1)
    with np.errstate(all="ignore"):
        return flat[0], (flat[1:] - flat[0]) / nudge[:, None]


def fit_law(law: Law, courses: Courses, *, steps: int = 8) -> Law:
    """Numbers by Levenberg and Marquardt on the courses themselves."""
    numbers, damping = np.array(law.numbers), 1e-3
    goal, weights = courses.values.reshape(-1), courses.weights.reshape(-1)
    rows, chi2 = len(goal), np.inf
    for _ in range(steps):
        said, lean = slopes(law, courses, numbers)
        with np.errstate(all="ignore"):
            rest, lean = (goal - said) * weights, lean * weights
            chi2 = float(rest @ rest)
        if not (np.isfinite(chi2) and np.isfinite(lean).all()):
            return Law(law.terms, tuple(numbers), np.inf, rows)
        hessian, pull = lean @ lean.T, lean @ rest
        for _ in range(5):
            shift = np.linalg.lstsq(hessian + np.diag(damping * np.diag(hessian)), pull, rcond=None)[0]
            with np.errstate(all="ignore"):
                left = (goal - integrate(law, courses, (numbers + shift)[None])[0].reshape(-1)) * weights
                better = float(left @ left) < chi2
            if better:
                break
            damping *= 10
        else:
            break
        gain = chi2 - float(left @ left)
        numbers, chi2, damping = numbers + shift, float(left @ left), max(damping / 10, 1e-8)
        if gain < 1e-3:
            break
    return Law(law.terms, tuple(float(n) for n in numbers), chi2, rows)


def covariance(law: Law, courses: Courses) -> Floats | None:
    """Of the numbers, from the noise alone; None where they cannot be told apart."""
    _, lean = slopes(law, courses, np.array(law.numbers))
    with np.errstate(all="ignore"):
        weighted = lean * courses.weights.reshape(-1)
        hessian = weighted @ weighted.T
    scale = np.sqrt(np.diag(hessian))
    if not np.isfinite(hessian).all() or (scale <= 0).any():
        return None
    unit = hessian / np.outer(scale, scale)
    if np.linalg.eigvalsh(unit)[0] < 1e-11:
        return None
    return np.asarray(np.linalg.inv(unit) / np.outer(scale, scale))


def written(law: Law, names: Sequence[str]) -> list[Expr]:
    """The rate of each state as a formula."""
    numbers, sides = iter(law.numbers), []
    for side in law.terms:
        parts: list[Expr] = []
        for exponents, sine in side:
            factors: list[Expr] = [
                power(Var(n), float(e)) for n, e in zip(names, exponents, strict=True) if e
            ]
            factors += [call("sin", Var(sine))] if sine else []
            parts.append(mul(Num(next(numbers)), *factors))
        sides.append(add(*parts))
    return sides
