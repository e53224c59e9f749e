"""Whether a law holds: against the noise, against its rivals, and outside the range it came from.

One rule: doubt wins. Only a law that no test can fault, that has no rival left and whose numbers are known is "found".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.expression import Expr, numbers, show, variables
from firm.lab.phenomenon.fit import Data, Fit, Noise, covariance, fit
from firm.lab.phenomenon.normal import opened
from firm.lab.phenomenon.seek import free_powers
from firm.lab.phenomenon.tape import Tape, evaluate

STRONG = 6.0
"""By how much a rival's criterion must be worse for it to be ruled out (Kass and Raftery: strong evidence)."""
SAME = 3e-4
"""Root mean square of the relative difference below which two laws are one law in two guises;
ten times as much for one with more numbers, which comes as near as one likes."""
KNOWN = 0.018
AIMED = 0.012
"""Half-width of a number's interval, relative to the number: the largest with which a law counts as found, and the one
that further experiments aim at."""
DOUBT = 0.002
"""Chance below which a deviation is not put down to noise."""


def chance_above(ratio: float, top: int, bottom: int) -> float:
    """Probability that an F variable with these degrees of freedom is above `ratio`."""
    from scipy.special import betainc

    if not math.isfinite(ratio):
        return 0.0
    return float(betainc(bottom / 2, top / 2, bottom / (bottom + top * max(ratio, 0.0))))


def generalises(rival: Expr, law: Expr, data: Data) -> bool:
    """Whether the rival can be made to say all that the law says: then it is the law with more to it, or the same."""
    truth = evaluate(law, data.names, data.columns.T)
    size = float(np.sqrt(np.mean(truth**2)))
    if not np.isfinite(truth).all() or not size:
        return False
    weights = 1 / np.maximum(np.abs(truth), 1e-3 * size)
    found = fit(rival, Data(data.names, data.columns, truth, weights), steps=40)
    near = SAME if len(numbers(rival)) <= len(numbers(law)) else 10 * SAME
    return found is not None and math.sqrt(found.chi2 / data.rows) < near


def rivals(fits: Sequence[Fit], data: Data, count: int) -> list[Fit]:
    """The leader, and what is neither the leader in disguise nor the leader with more to it; the best first."""
    chosen: list[Fit] = []
    limit = fits[0].score + 60
    for found in fits[:30]:
        if len(chosen) > count or found.score > limit:
            break
        if not any(generalises(found.expr, other.expr, data) for other in chosen):
            chosen.append(found)
    return chosen


def structure(law: Expr, data: Data, names: Sequence[str]) -> float:
    """Probability that the residuals are without any pattern in these quantities: none, linear, bent or in pairs."""
    rest = (data.values - evaluate(law, data.names, data.columns.T)) * data.weights
    columns = []
    for name in names:
        column = data.columns[data.names.index(name)]
        columns.append((column - column.mean()) / (column.std() or 1.0))
    basis = [np.ones(data.rows), *columns, *(c * c for c in columns)]
    basis += [a * b for i, a in enumerate(columns) for b in columns[:i]]
    table = np.array(basis).T
    answer = np.linalg.lstsq(table, rest, rcond=None)[0]
    left = float(np.sum((rest - table @ answer) ** 2))
    top, bottom = table.shape[1] - 1, data.rows - table.shape[1]
    if bottom < 5:
        return 1.0
    total = float(np.sum((rest - rest.mean()) ** 2))
    return chance_above(((total - left) / top) / (left / bottom), top, bottom)


@dataclass(frozen=True, slots=True)
class Trial:
    """How predictions outside the range came out."""

    count: int
    error: float
    """Root mean square, relative."""
    scatter: float
    """Mean square, in units of what was expected of noise and of the law's own uncertainty."""
    chance: float


def trial(law: Expr, known: Data, fresh: Data, noise: Noise) -> Trial:
    """Test a law, whose numbers come from `known`, on measurements that it has not seen."""
    if not fresh.rows:
        return Trial(0, 0.0, 0.0, 1.0)
    said = evaluate(law, fresh.names, fresh.columns.T)
    if not np.isfinite(said).all():
        return Trial(fresh.rows, math.inf, math.inf, 0.0)
    tape = Tape(law, fresh.names)
    spread = noise.of(said) ** 2
    shift = covariance(law, known)
    if shift is not None and tape.count:
        _, slopes = tape.slopes(tape.theta, fresh.columns)
        spread = spread + np.einsum("kn,kj,jn->n", slopes, shift, slopes)
    rest = fresh.values - said
    scatter = float(np.mean(rest**2 / np.maximum(spread, 1e-300)))
    size = np.maximum(np.abs(fresh.values), 1e-3 * np.max(np.abs(fresh.values)))
    error = float(np.sqrt(np.mean((rest / size) ** 2)))
    return Trial(fresh.rows, error, scatter, chance_above(scatter, fresh.rows, noise.freedom))


def intervals(law: Expr, data: Data) -> list[tuple[float, float, float]] | None:
    """(value, low, high) of each free number at 95 %; None where they cannot be told apart."""
    spread = covariance(law, data)
    if spread is None:
        return None
    rest = (data.values - evaluate(law, data.names, data.columns.T)) * data.weights
    widen = max(1.0, float(rest @ rest) / max(1, data.rows - len(spread)))
    half = 1.96 * np.sqrt(np.diag(spread) * widen)
    return [(v, v - float(h), v + float(h)) for v, h in zip(numbers(law), half, strict=True)]


def doubts(
    leader: Fit, standing: Sequence[Fit], data: Data, *, noise: Noise, test: Trial, watched: Sequence[str]
) -> list[str]:
    """Every reason not to call the law found; empty: there is none."""
    found = []
    chance = chance_above(leader.scatter, data.rows - leader.count, noise.freedom)
    if chance < DOUBT:
        found.append(
            f"its residuals are {math.sqrt(leader.scatter):.2g} times the noise of repeats, which chance gives in "
            f"{chance:.2g} of cases"
        )
    pattern = structure(leader.expr, data, watched)
    if pattern < DOUBT:
        found.append(f"its residuals follow a pattern (chance of that: {pattern:.2g})")
    if not test.count:
        found.append("it was not tested on fresh experiments outside the range")
    elif test.chance < DOUBT:
        found.append(
            f"its predictions outside the range failed: {test.scatter:.3g} times the expected square"
        )
    if standing:
        found.append(f"{len(standing)} other law(s) fit about as well, the next is {show(standing[0].expr)}")
    if free_powers(leader.expr):
        found.append("it has an exponent that is no plain fraction")
    found += loose(leader, data, KNOWN)
    return found


def loose(leader: Fit, data: Data, share: float) -> list[str]:
    """Numbers that are not known to this share of themselves."""
    bounds = intervals(opened(leader.expr), data)
    if bounds is None:
        return ["its numbers cannot be told apart by these experiments"]
    wide = [(v, h - v) for v, _, h in bounds if not h - v <= share * abs(v)]
    if not variables(leader.expr):
        return ["nothing that was set changes the result"]
    return [
        f"the number {v:.4g} is known only to ± {100 * half / abs(v or 1e-300):.0f} %" for v, half in wide[:1]
    ]


def idle_inputs(law: Expr, names: Sequence[str]) -> tuple[str, ...]:
    """Quantities that the law does not need."""
    used = variables(law)
    return tuple(name for name in names if name not in used)


def noise_words(noise: Noise, values: Floats, unit: str) -> str:
    """How repeats scatter, for a person."""
    parts = []
    if noise.relative:
        parts.append(f"{100 * noise.relative:.2g} % of the value")
    if noise.absolute > 1e-3 * float(np.median(noise.of(values))):
        parts.append(f"{noise.absolute:.2g} {unit}".strip())
    return " and ".join(parts) or "no scatter was seen"
