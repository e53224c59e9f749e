"""Climbing by linear programs: near a point the problem is nearly linear, and where many constraints meet it is solved.

One rule: a step counts for what the true value says of it, never for what the linear model promised; the reach grows
while the two agree and shrinks where they do not. What the rows are is left to each problem. Needs scipy, which is
imported when the first program is solved.

Source: sequential linear programming with a trust region; Fletcher and Sainz de la Maza, "Nonlinear programming and
nonsmooth optimization by successive linear programming", Mathematical Programming 43 (1989).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.integer[Any]]
Matrix = tuple[Any, Any, Floats]
"""Row by row: where each row starts, columns, values."""
Limits = tuple[Floats, Floats]
"""Of the rows: from below, from above."""
Value = Callable[[Floats], float]
Model = Callable[[Floats, float], tuple[Floats, float] | None]
"""`model(point, reach)`: where the linear model is best within reach, and the value that it promises there."""

TIGHT = 1e-10
"""How far the simplex method may miss a row; the least that the solver takes."""


class Rows:
    """Rows `least <= sum of value * x[column] <= limit` of a linear program, gathered block by block.

    Args:
        width: Number of variables.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._columns: list[Places] = []
        self._values: list[Floats] = []
        self._lengths: list[Places] = []
        self._leasts: list[Floats] = []
        self._limits: list[Floats] = []

    def add(self, terms: Sequence[tuple[Any, Any]], limits: Floats) -> None:
        """One row for each limit; each term is (columns, values), one of either for all rows or one for each.

        No column stands twice in a row.
        """
        columns = np.empty((len(limits), len(terms)), np.int32)
        values = np.empty((len(limits), len(terms)))
        for place, (column, value) in enumerate(terms):
            columns[:, place] = column
            values[:, place] = value
        self._take(columns, values, np.full(len(limits), -np.inf), limits)

    def add_full(self, matrix: Floats, limits: Floats, *, equal: bool = False) -> None:
        """One row for each row of the matrix, met with equality where that is wanted."""
        columns = np.broadcast_to(np.arange(self.width, dtype=np.int32), matrix.shape)
        self._take(columns, matrix, limits if equal else np.full(len(limits), -np.inf), limits)

    def _take(self, columns: Places, values: Floats, leasts: Floats, limits: Floats) -> None:
        self._columns.append(columns.reshape(-1))
        self._values.append(values.reshape(-1))
        self._lengths.append(np.full(len(limits), values.shape[1], np.int32))
        self._leasts.append(leasts)
        self._limits.append(limits)

    def solve(self, gain: Floats, low: Floats, high: Floats) -> Floats | None:
        """The x between `low` and `high` with the largest `gain @ x`; None: the solver found none."""
        starts = np.concatenate([[0], np.cumsum(np.concatenate(self._lengths))]).astype(np.int32)
        matrix = (starts, np.concatenate(self._columns), np.concatenate(self._values))
        limits = (np.concatenate(self._leasts), np.concatenate(self._limits))
        direct = _direct()
        if direct is None:
            return _by_linprog(gain, matrix, limits, low=low, high=high)
        return _by_highs(direct, gain, matrix, limits, low=low, high=high)


@cache
def _direct() -> tuple[Any, Any] | None:
    """The solver that scipy ships and its module, set up once; None: another scipy, which keeps it elsewhere.

    Of a program as small as these what `linprog` does around the solver takes nine tenths of the time.
    """
    try:
        from scipy.optimize._highspy import _core

        solver = _core._Highs()
        options: dict[str, Any] = {
            "output_flag": False,
            "presolve": "off",
            "parallel": "off",
            "solver": "simplex",
            "simplex_strategy": 1,
            "primal_feasibility_tolerance": TIGHT,
            "dual_feasibility_tolerance": TIGHT,
        }
        for name, value in options.items():
            solver.setOptionValue(name, value)
    except (ImportError, AttributeError, TypeError):
        return None
    return solver, _core


def _by_highs(
    direct: tuple[Any, Any], gain: Floats, matrix: Matrix, limits: Limits, *, low: Floats, high: Floats
) -> Floats | None:
    solver, core = direct
    starts, columns, values = matrix
    whole = np.zeros(len(gain), np.int32)  # no variable has to be
    shape = len(gain), len(limits[0]), len(values)
    solver.clearSolver()
    solver.passModel(
        *shape,
        int(core.MatrixFormat.kRowwise),
        1,
        0.0,
        -gain,
        low,
        high,
        *limits,
        starts,
        columns,
        values,
        whole,
    )
    solver.run()
    if solver.getModelStatus() != core.HighsModelStatus.kOptimal:
        return None
    return np.array(solver.getSolution().col_value)


def _by_linprog(gain: Floats, matrix: Matrix, limits: Limits, *, low: Floats, high: Floats) -> Floats | None:
    """The same by scipy's public door."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    starts, columns, values = matrix
    rows = csr_array((values, columns, starts), shape=(len(limits[0]), len(gain)))
    equal = limits[0] == limits[1]
    found = linprog(
        -gain,
        A_ub=rows[~equal],
        b_ub=limits[1][~equal],
        A_eq=rows[equal] if equal.any() else None,
        b_eq=limits[1][equal] if equal.any() else None,
        bounds=np.stack([low, high], axis=1),
        method="highs-ds",
        options={
            "presolve": False,
            "primal_feasibility_tolerance": TIGHT,
            "dual_feasibility_tolerance": TIGHT,
        },
    )
    return np.asarray(found.x, float) if found.status == 0 else None


@dataclass(frozen=True)
class Pace:
    """How `climb` walks."""

    reach: float = 0.1
    """First radius of the box in which the linear model is believed."""
    widest: float = 0.3
    steps: int = 60
    """Linear programs at most."""
    floor: float = 1e-12
    """A promise below this share of the value ends the climb."""


def climb(start: Floats, value: Value, model: Model, pace: Pace = Pace()) -> Floats:
    """A point with a value at least that of `start` (higher is better): a local best, or where the steps ran out."""
    point, height, reach = start, value(start), pace.reach
    for _ in range(pace.steps):
        offer = model(point, reach)
        if offer is None:
            break
        promise = offer[1] - height
        if promise <= pace.floor * max(1.0, abs(height)):
            break
        reached = value(offer[0])
        agreement = (reached - height) / promise
        if reached > height:
            point, height = offer[0], reached
        if agreement < 0.25:
            reach *= 0.5 if agreement > 0 else 0.3
        elif agreement > 0.7:
            reach = min(pace.widest, 2 * reach)
    return point


def tighten(point: Floats, gaps: Callable[[Floats], tuple[Floats, Floats]], rounds: int = 3) -> Floats:
    """Newton steps of least norm to where all gaps are 0; the point itself where that would lead away.

    A climb stops some 1e-9 from the corner where its constraints meet; this goes there to the last digits.

    Args:
        point: Near the corner.
        gaps: Gives the gaps of the constraints that meet there, and their Jacobian, one row for each.
        rounds: Newton steps.
    """
    near = point
    for _ in range(rounds):
        gap, jacobian = gaps(near)
        if not len(gap):
            return point
        near = near - np.linalg.lstsq(jacobian, gap, rcond=1e-10)[0]
    away = np.abs(near - point).max()
    return near if np.isfinite(away) and away < 1e-5 else point


def pairs(count: int) -> tuple[Places, Places]:
    """All i < j."""
    return np.triu_indices(count, 1)
