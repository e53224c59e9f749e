"""A formula as a flat list of instructions: its values, and how they change with its free numbers.

One rule: it never raises for what numbers do; where a formula has no value the result is NaN.
"""

from typing import Any

import numpy as np

from firm.lab.artifact import Floats
from firm.lab.phenomenon.expression import Expr, Num, Var

_FORWARD = {
    "add": np.add,
    "mul": np.multiply,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "asin": np.arcsin,
    "atan": np.arctan,
}


class Tape:
    """One formula over named columns.

    Args:
        expr: The formula.
        names: What the columns of the data are called, in order; each variable of the formula is among them.
    """

    __slots__ = ("_code", "_live", "_of", "count", "start")

    def __init__(self, expr: Expr, names: tuple[str, ...]) -> None:
        self._code: list[tuple[str, int, int]] = []
        self._live: list[bool] = []
        self._of = {name: index for index, name in enumerate(names)}
        self.start: list[float] = []
        self._emit(expr)
        self.count = sum(1 for op, _, _ in self._code if op == "free")

    def _note(self, op: str, first: int, second: int, live: bool) -> int:
        self._code.append((op, first, second))
        self._live.append(live)
        return len(self._code) - 1

    def _emit(self, expr: Expr) -> int:
        if isinstance(expr, Num):
            self.start.append(expr.value)
            return self._note("free" if expr.free else "fixed", len(self.start) - 1, 0, expr.free)
        if isinstance(expr, Var):
            return self._note("var", self._of[expr.name], 0, False)
        slots = [self._emit(arg) for arg in expr.args]
        last = slots[0]
        if len(slots) == 1:
            return self._note(expr.op, last, last, self._live[last])
        for slot in slots[1:]:
            last = self._note(expr.op, last, slot, self._live[last] or self._live[slot])
        return last

    @property
    def theta(self) -> Floats:
        """Values of the free numbers as the formula has them."""
        return np.array([self.start[first] for op, first, _ in self._code if op == "free"])

    def _run(self, theta: Floats, columns: Floats) -> list[Any]:
        out: list[Any] = []
        free = 0
        for op, first, second in self._code:
            if op == "var":
                out.append(columns[first])
            elif op == "free":
                out.append(theta[free])
                free += 1
            elif op == "fixed":
                out.append(self.start[first])
            elif op == "pow":
                out.append(_power(out[first], out[second]))
            elif op in ("add", "mul"):
                out.append(_FORWARD[op](out[first], out[second]))
            else:
                out.append(_FORWARD[op](out[first]))
        return out

    def values(self, theta: Floats, columns: Floats) -> Floats:
        """One value for each row; `columns` is (number of names, rows)."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self._run(theta, columns)[-1], float), columns.shape[1:])

    def slopes(self, theta: Floats, columns: Floats) -> tuple[Floats, Floats]:
        """Values, and their derivatives by each free number as (free numbers, rows)."""
        rows = columns.shape[1]
        jacobian = np.zeros((self.count, rows))
        with np.errstate(all="ignore"):
            out = self._run(theta, columns)
            back: list[Any] = [None] * len(out)
            back[-1] = 1.0
            free = self.count
            for place in range(len(out) - 1, -1, -1):
                op, first, second = self._code[place]
                if op == "free":
                    free -= 1
                    if back[place] is not None:
                        jacobian[free] = back[place]
                elif self._live[place] and op not in ("var", "fixed") and back[place] is not None:
                    self._pull(op, first, second, back, out, place)
        return np.broadcast_to(np.asarray(out[-1], float), (rows,)), jacobian

    def _pull(self, op: str, first: int, second: int, back: list[Any], out: list[Any], place: int) -> None:
        pull, here = back[place], out[place]
        a, b = out[first], out[second]
        if op in ("add", "mul"):
            if self._live[first]:
                _sum(back, first, pull if op == "add" else pull * b)
            if self._live[second]:
                _sum(back, second, pull if op == "add" else pull * a)
        elif op == "pow":
            if self._live[first]:
                _sum(back, first, pull * b * _power(a, b - 1.0))
            if self._live[second]:
                _sum(back, second, pull * here * np.log(a))
        else:
            _sum(back, first, pull * _SLOPE[op](a, here))


def _sum(back: list[Any], place: int, amount: Any) -> None:
    back[place] = amount if back[place] is None else back[place] + amount


def _power(base: Any, exponent: Any) -> Any:
    if exponent == 1:
        return base
    if exponent == 2:
        return base * base
    if exponent == 0.5:
        return np.sqrt(base)
    return np.divide(1.0, base) if exponent == -1 else np.power(np.float64(base), exponent)


_SLOPE: dict[str, Any] = {
    "exp": lambda a, here: here,
    "log": lambda a, here: 1.0 / a,
    "sin": lambda a, here: np.cos(a),
    "cos": lambda a, here: -np.sin(a),
    "tan": lambda a, here: 1.0 + here * here,
    "tanh": lambda a, here: 1.0 - here * here,
    "asin": lambda a, here: 1.0 / np.sqrt(1.0 - a * a),
    "atan": lambda a, here: 1.0 / (1.0 + a * a),
}


def evaluate(expr: Expr, names: tuple[str, ...], rows: Floats) -> Floats:
    """Values of a formula over rows of shape (rows, names)."""
    tape = Tape(expr, names)
    return np.array(tape.values(tape.theta, np.ascontiguousarray(rows.T)))
