"""One start refined to the nearest local optimum of a smooth program, by scipy.

One rule: it gives back a point that keeps the constraints as floats see them, at the price of a last digit, because
the stage that scores it has no tolerance.
"""

import warnings
from typing import Any

import numpy as np

from firm.lab.artifact import Floats, Vector
from firm.lab.problem import Problem, Smooth

TIGHTENED = 3
"""So often a point that misses its constraints by rounding is solved again with a margin."""
NEAR = 1e-6
"""What misses by more than that is no rounding."""


def refine(problem: Problem, start: Floats) -> Floats:
    """The end of one descent; the start where it went nowhere.

    SLSQP where there are constraints, else L-BFGS-B; finite differences stand in for a derivative that is not given.
    """
    kind, smooth = problem.artifact, problem.smooth
    assert isinstance(kind, Vector) and smooth is not None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            end = _bounded(smooth, kind, start) if smooth.above is None else _constrained(smooth, kind, start)
    except (ArithmeticError, np.linalg.LinAlgError):
        return start
    return end if bool(np.isfinite(end).all()) else start


def inside(kind: Vector, values: Floats) -> Floats:
    """The nearest values inside the bounds."""
    return np.minimum(np.maximum(values, kind.lows), kind.highs)


def _bounded(smooth: Smooth, kind: Vector, start: Floats) -> Floats:
    from scipy.optimize import minimize

    bounds = np.column_stack((kind.lows, kind.highs))
    options = {"maxiter": 1000, "maxfun": 200 * (kind.size + 1), "ftol": 1e-15, "gtol": 1e-12}
    found = minimize(
        smooth.minimise, start, jac=smooth.gradient, method="L-BFGS-B", bounds=bounds, options=options
    )
    return inside(kind, found.x)


def _constrained(smooth: Smooth, kind: Vector, start: Floats) -> Floats:
    above = smooth.above
    assert above is not None
    end = _slsqp(smooth, kind, start, margin=0.0)
    margin = 0.0
    for _ in range(TIGHTENED):
        missed = -float(np.min(above(end)))
        if not 0 < missed < NEAR:
            break
        margin = max(10 * margin, 4 * missed, 1e-13)
        end = _slsqp(smooth, kind, end, margin=margin)
    return end


def _slsqp(smooth: Smooth, kind: Vector, start: Floats, *, margin: float) -> Floats:
    from scipy.optimize import minimize

    above = smooth.above
    assert above is not None
    constraint: dict[str, Any] = {"type": "ineq", "fun": lambda x: above(x) - margin}
    if smooth.jacobian is not None:
        constraint["jac"] = smooth.jacobian
    found = minimize(
        smooth.minimise,
        inside(kind, start),
        jac=smooth.gradient,
        method="SLSQP",
        bounds=np.column_stack((kind.lows, kind.highs)),
        constraints=[constraint],
        options={"maxiter": min(500, max(50, 20_000 // kind.size)), "ftol": 1e-14},
    )
    return inside(kind, found.x)
