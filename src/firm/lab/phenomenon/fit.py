"""Fitting a formula's numbers to measurements (Levenberg-Marquardt), and how well it then does.

One rule: every residual is divided by the noise of its measurement, which comes from repeats and never from the fit.

Source: Marquardt, "An Algorithm for Least-Squares Estimation of Nonlinear Parameters", SIAM 11 (1963).
"""

from dataclasses import dataclass

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.expression import Call, Expr, Num, Var, size, with_numbers
from firm.lab.phenomenon.tape import Tape

PART = 1.1
"""What each part of a formula costs, in units of the criterion: thousands of formulas are tried, and some of them fit
the noise by chance."""


@dataclass(frozen=True, slots=True)
class Data:
    """Measurements."""

    names: tuple[str, ...]
    columns: Floats
    """(names, rows)."""
    values: Floats
    weights: Floats
    """One over the noise of each."""

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.values)


def odd(expr: Expr) -> float:
    """What the exponents of a formula cost.

    Of a quantity: nothing for small ones and halves, 1 for thirds, else 5. Of a sum: nothing for what nature raises
    sums to all the time (-2, -1, -1/2, 1/2, 2), 3 for other small ones and halves, else 8.
    """
    if not isinstance(expr, Call):
        return 0.0
    last = expr.args[-1]
    cost = 0.0
    if expr.op == "pow" and isinstance(last, Num) and not last.free:
        plain = last.value * 2 == round(last.value * 2) and abs(last.value) <= 4
        if isinstance(expr.args[0], Var):
            third = abs(last.value * 3 - round(last.value * 3)) < 1e-9 and abs(last.value) < 2
            cost = 0.0 if plain else 1.0 if third else 5.0
        else:
            cost = 8.0 if not plain else 0.0 if abs(last.value) in (0.5, 1.0, 2.0) else 3.0
    return cost + sum(map(odd, expr.args))


@dataclass(frozen=True, slots=True)
class Fit:
    """A formula with its numbers fitted."""

    expr: Expr
    chi2: float
    """Sum of squared residuals in units of the noise."""
    count: int
    """Free numbers."""
    rows: int

    @property
    def score(self) -> float:
        """Bayes' information criterion with unknown scale, and what each part costs; lower is better."""
        scatter = max(self.chi2, 1e-12) / self.rows
        return float(
            self.rows * np.log(scatter)
            + self.count * np.log(self.rows)
            + PART * size(self.expr)
            + odd(self.expr)
        )

    @property
    def scatter(self) -> float:
        """Chi-square for each degree of freedom; about 1 where the law is right."""
        return self.chi2 / max(1, self.rows - self.count)


def fit(expr: Expr, data: Data, *, steps: int = 12) -> Fit | None:
    """The best numbers near those that the formula has; None where it has no value on the data."""
    tape = Tape(expr, data.names)
    theta, chi2 = descend(tape, data, steps, leads(expr))
    if not np.isfinite(chi2):
        return None
    return Fit(with_numbers(expr, iter(theta)), chi2, tape.count, data.rows)


def leads(expr: Expr) -> bool:
    """Whether the first free number stands before the whole formula."""
    return isinstance(expr, Call) and expr.op == "mul" and isinstance(expr.args[0], Num) and expr.args[0].free


class _Aim:
    """What is to be met: the values, or their logarithms where each is known well in proportion.

    Logarithms make straight lines of powers and exponentials, so that a fit arrives from afar; for noise of a few
    per cent both give the same numbers.
    """

    def __init__(self, tape: Tape, data: Data, lead: bool) -> None:
        self.tape, self.data = tape, data
        low, high = float(data.values.min()), float(data.values.max())
        self.sign = 1.0 if low > 0 else -1.0 if high < 0 else 0.0
        if self.sign and float(np.min(data.weights * np.abs(data.values))) < 10:
            self.sign = 0.0
        self.lead = lead and bool(self.sign)
        self.weights = data.weights * np.abs(data.values) if self.sign else data.weights
        self.goal = np.log(self.sign * data.values) if self.sign else data.values

    def rest(self, theta: Floats) -> Floats:
        """Weighted residuals; NaN where the formula has no value, or the wrong sign."""
        model = self.tape.values(theta, self.data.columns)
        return (self.goal - (np.log(self.sign * model) if self.sign else model)) * self.weights

    def lean(self, theta: Floats) -> Floats:
        """Weighted slopes, (numbers, rows)."""
        model, jacobian = self.tape.slopes(theta, self.data.columns)
        if self.sign:
            jacobian = jacobian / model
        if self.lead:
            jacobian[0] = 1.0
        return np.asarray(jacobian * self.weights)

    def moved(self, theta: Floats, by: Floats) -> Floats:
        """The numbers after a step; the one before the whole formula moves in proportion."""
        trial = theta + by
        if self.lead:
            trial[0] = theta[0] * np.exp(np.clip(by[0], -50, 50))
        return trial

    def measured(self, theta: Floats) -> Floats:
        """With the number before the whole formula at its best."""
        model = self.tape.values(theta, self.data.columns)
        if self.sign:
            theta = theta * 1.0
            if theta[0] * self.sign < 0 or float(np.sum(model)) * self.sign < 0:
                theta[0], model = -theta[0], -model
            share = self.weights**2
            ratio = float(np.exp(share @ (self.goal - np.log(self.sign * model)) / share.sum()))
        else:
            lean = model * self.weights
            ratio = float(lean @ (self.goal * self.weights)) / max(float(lean @ lean), 1e-300)
            theta = theta * 1.0
        if np.isfinite(ratio) and ratio:
            theta[0] *= ratio
        return theta


def descend(tape: Tape, data: Data, steps: int, lead: bool = False) -> tuple[Floats, float]:
    """Numbers and chi-square after at most `steps` accepted steps; infinity where there is no value."""
    with np.errstate(all="ignore"):
        aim = _Aim(tape, data, lead)
        theta = aim.measured(tape.theta) if lead else tape.theta
        rest = aim.rest(theta)
        chi2 = float(rest @ rest)
        if not np.isfinite(chi2) or not tape.count:
            return theta, chi2 if np.isfinite(chi2) else np.inf
        damping = 1e-3
        for _ in range(steps):
            lean = aim.lean(theta)
            hessian, pull = lean @ lean.T, lean @ rest
            if not np.isfinite(hessian).all():
                break
            trial, left, damping = _downhill(aim, theta, (hessian, pull), (chi2, damping))
            if trial is None:
                break
            gain = chi2 - float(left @ left)
            theta, rest, chi2, damping = trial, left, float(left @ left), max(damping / 10, 1e-9)
            if gain < 1e-4 * chi2 + 1e-9:
                break
    return theta, chi2


def _downhill(
    aim: _Aim, theta: Floats, slope: tuple[Floats, Floats], now: tuple[float, float]
) -> tuple[Floats | None, Floats, float]:
    """The next numbers with their residuals, and the damping that it took; None: there is no better place near."""
    hessian, pull = slope
    chi2, damping = now
    spread = np.diag(hessian) + 1e-30
    left = pull
    for _ in range(6):
        try:
            by = np.asarray(np.linalg.solve(hessian + np.diag(damping * spread), pull), float)
            trial = aim.moved(theta, by)
        except np.linalg.LinAlgError:
            damping *= 10
            continue
        left = aim.rest(trial)
        if float(left @ left) < chi2:
            return trial, left, damping
        damping *= 8
    return None, left, damping


def covariance(expr: Expr, data: Data) -> Floats | None:
    """Of the free numbers, from the noise alone; None where they cannot be told apart."""
    tape = Tape(expr, data.names)
    _, jacobian = tape.slopes(tape.theta, data.columns)
    lean = jacobian * data.weights
    hessian = lean @ lean.T
    scale = np.sqrt(np.diag(hessian))
    if not np.isfinite(hessian).all() or (scale <= 0).any():
        return None
    unit = hessian / np.outer(scale, scale)
    if len(unit) and np.linalg.eigvalsh(unit)[0] < 1e-11:
        return None
    return np.asarray(np.linalg.inv(unit) / np.outer(scale, scale))


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviation of a measurement: sqrt(absolute² + (relative · value)²)."""

    absolute: float
    relative: float
    freedom: int
    """Degrees of freedom of the repeats it comes from."""

    def of(self, values: Floats) -> Floats:
        """At each value."""
        return np.asarray(np.sqrt(self.absolute**2 + (self.relative * values) ** 2))


def noise_of(groups: list[Floats], span: float, rest: tuple[Floats, Floats] | None = None) -> Noise:
    """From repeats of the same experiments, by maximum likelihood over how much of it is in proportion.

    Args:
        groups: Results of each experiment that was repeated, two and more in each.
        span: Spread of all measured values; noise is never taken to be less than 1e-9 of it.
        rest: What a law leaves unexplained, and the values: they help to tell the form of the noise, never its size.
    """
    means = np.concatenate([np.full(len(group), abs(group.mean())) for group in groups])
    shrink = np.concatenate([np.full(len(group), 1 - 1 / len(group)) for group in groups])
    squares = np.concatenate([group - group.mean() for group in groups]) ** 2
    freedom = sum(len(group) - 1 for group in groups)
    typical = float(np.sqrt(np.mean(means**2))) or 1.0
    best = (np.inf, 0.0, 0.0)
    for mix in (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, np.inf):
        form = _noise_form(means, mix, typical)
        level = max(float(np.sum(squares / form) / freedom), (1e-9 * span) ** 2 / float(np.mean(form)))
        cost = float(np.sum(shrink * np.log(level * form))) + (0.0 if mix == 0 else 2.0)
        if rest is not None:
            other = _noise_form(np.abs(rest[1]), mix, typical)
            cost += float(np.sum(np.log(other)) + len(other) * np.log(np.mean(rest[0] ** 2 / other)))
        if cost < best[0] - 1e-9:
            root = float(np.sqrt(level))
            best = (cost, root if mix == np.inf else root * mix * typical, 0.0 if mix == np.inf else root)
    return Noise(best[1], best[2], freedom)


def _noise_form(sizes: Floats, mix: float, typical: float) -> Floats:
    form = np.ones_like(sizes) if mix == np.inf else (mix * typical) ** 2 + sizes**2
    return np.maximum(form, 1e-12 * typical**2)
