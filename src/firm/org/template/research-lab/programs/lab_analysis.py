"""The analysis: fresh measurements, and what they leave of the law and of each hypothesis.

One rule: nothing is judged by readings from which its numbers were fitted; and doubt wins.
"""

import ast
import csv
import math
import operator
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import numpy as np
from lab_experiment import readings_of
from lab_figure import drawing
from lab_hypotheses import formula_of
from lab_instruments import chosen, source_of

from firm.lab.phenomenon import instrument, judge
from firm.lab.phenomenon.design import spread
from firm.lab.phenomenon.expression import FUNCTIONS, numbers, show
from firm.lab.phenomenon.fit import Data, Fit, fit, noise_of
from firm.lab.phenomenon.tape import evaluate
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

SPREAD, PLACES, REPEATS = 24, 6, 4
"""Fresh experiments: in the whole range in which the law must hold, and some places several times, for the noise."""
OTHER_SEED = 1_000_003
"""Added to the seed of the experiment."""
FIGURE, FRESH = "figure.svg", "fresh.csv"
FOUND, UNSURE = "found", "unsure"
CONFIRMED, NOT_NEEDED, REFUTED = "holds", "holds, with more numbers than it needs", "refuted"
NEAR = 1e-3
"""Relative difference with which the check works out the law's values again: its numbers are shown with 6 digits."""


def analyse(given: Assignment) -> Made:
    """Measure, test, draw; the program that holds the role."""
    told, experiment = chosen(given), given.input("experiment")
    names = tuple(one["name"] for one in told["inputs"])
    rows = [row for row in readings_of(experiment) if row["result"] is not None]
    seed = experiment.data["seed"] + OTHER_SEED
    fresh = measured_afresh(told["file"], seed)
    known, unseen, noise = prepared(names, rows, fresh)
    finding = experiment.data["finding"]
    law = finding["law"].partition(" = ")[2]
    tests = [tested("law", law, known, unseen, noise)] if law else []
    hypotheses = given.input("hypotheses").data["hypotheses"]
    tests += [tested(one["id"], one["formula"], known, unseen, noise) for one in hypotheses]
    label, why = label_of(finding, tests[0] if law else None)
    data = {
        "label": label,
        "why": why,
        "law": tests[0]["formula"] if law else "",
        "error": tests[0]["error"] if law else None,
        "noise": judge.noise_words(noise, unseen.values, told["output"]["unit"]),
        "domain": ranges(names, unseen),
        "idle": list(finding["idle"]),
        "hypotheses": [
            said_of(one, test, tests[0] if law else None)
            for one, test in zip(hypotheses, tests[-len(hypotheses) :], strict=True)
        ],
        "fresh": [
            {"inputs": row["inputs"], "measured": row["result"], "law": value}
            for row, value in zip(
                fresh, values_of(tests[0]["formula"] if law else "", names, fresh), strict=True
            )
        ],
        "seed": seed,
    }
    place = folder() / given.folder
    (place / FIGURE).write_text(drawing(data, told, values_of(data["law"], names, rows), rows), "utf-8")
    write_fresh(place / FRESH, names, told["output"]["name"], data["fresh"])
    return Made(data=data, files=(FIGURE, FRESH))


def measured_afresh(file: str, seed: int) -> list[dict[str, Any]]:
    """Readings that nobody has seen; those that failed are left out."""
    source = source_of(folder(), file)
    sheet = instrument.describe(source)
    places = [tuple(map(float, row)) for row in spread(sheet, SPREAD + PLACES, seed, wide=True)]
    wanted = (*places[:SPREAD], *(place for place in places[SPREAD:] for _ in range(REPEATS)))
    answer = instrument.ask(instrument.Call(source, seed, 1, wanted))
    return [
        {"inputs": inputs, "result": result[0]}
        for inputs, result in zip(wanted, answer.results, strict=True)
        if result
    ]


def prepared(
    names: tuple[str, ...], rows: list[dict[str, Any]], fresh: list[dict[str, Any]]
) -> tuple[Data, Data, Any]:
    """Both series as data, and the noise from all that was measured more than once."""
    groups: dict[tuple[float, ...], list[float]] = {}
    for row in [*rows, *fresh]:
        groups.setdefault(tuple(row["inputs"]), []).append(row["result"])
    values = np.array([row["result"] for row in [*rows, *fresh]])
    span = float(np.ptp(values)) or float(np.max(np.abs(values))) or 1.0
    noise = noise_of([np.array(group) for group in groups.values() if len(group) > 1], span)
    return _data(names, rows, noise), _data(names, fresh, noise), noise


def _data(names: tuple[str, ...], rows: list[dict[str, Any]], noise: Any) -> Data:
    columns = np.ascontiguousarray(np.array([row["inputs"] for row in rows]).T)
    values = np.array([row["result"] for row in rows])
    return Data(names, columns, values, 1 / np.maximum(noise.of(values), 1e-300))


def tested(name: str, text: str, known: Data, unseen: Data, noise: Any) -> dict[str, Any]:
    """A formula whose numbers are fitted to the experiment, on the fresh readings."""
    found: Fit | None = fit(formula_of(text, list(known.names)), known, steps=60)
    if found is None:
        return {"id": name, "formula": text, "error": None, "chance": 0.0, "score": math.inf, "numbers": 0}
    trial = judge.trial(found.expr, known, unseen, noise)
    error = trial.error if math.isfinite(trial.error) else None
    return {
        "id": name,
        "formula": show(found.expr, 6),
        "error": error,
        "chance": trial.chance,
        "score": found.score,
        "numbers": len(numbers(found.expr)),
    }


def label_of(finding: dict[str, Any], law: dict[str, Any] | None) -> tuple[str, str]:
    """Found only where the search was sure and the law holds on the fresh readings."""
    if law is None or finding["verdict"] != FOUND:
        return UNSURE, f"the search was unsure: {finding['reason']}"
    if law["chance"] < judge.DOUBT:
        return UNSURE, f"on fresh readings the law fails: chance {law['chance']:.2g} that noise alone did it"
    return FOUND, "the search was sure, and fresh readings fall where the law says"


def said_of(hypothesis: dict[str, Any], test: dict[str, Any], law: dict[str, Any] | None) -> dict[str, Any]:
    """A hypothesis with what became of it."""
    verdict = REFUTED
    if test["chance"] >= judge.DOUBT:
        spare = law is not None and test["numbers"] > law["numbers"] and test["score"] > law["score"]
        verdict = NOT_NEEDED if spare else CONFIRMED
    kept = {key: hypothesis[key] for key in ("id", "says", "formula")}
    return kept | {
        "fitted": test["formula"],
        "error": test["error"],
        "chance": test["chance"],
        "verdict": verdict,
    }


def values_of(formula: str, names: tuple[str, ...], rows: list[dict[str, Any]]) -> list[float | None]:
    """What a formula says of each row; None where there is no formula."""
    if not formula or not rows:
        return [None] * len(rows)
    said = evaluate(formula_of(formula, list(names)), names, np.array([row["inputs"] for row in rows]))
    return [float(value) if math.isfinite(value) else None for value in said]


def ranges(names: tuple[str, ...], data: Data) -> dict[str, list[float]]:
    """From where to where each quantity was set in the fresh experiments."""
    return {
        name: [float(column.min()), float(column.max())]
        for name, column in zip(names, data.columns, strict=True)
    }


def write_fresh(path: Any, names: tuple[str, ...], output: str, fresh: list[dict[str, Any]]) -> None:
    """The fresh readings as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, output, "law"])
        for row in fresh:
            writer.writerow(
                [
                    *map(repr, row["inputs"]),
                    repr(row["measured"]),
                    "" if row["law"] is None else repr(row["law"]),
                ]
            )


# --- the check, by arithmetic of its own ---------------------------------------------------------------------------


def adds_up(given: Assignment, made: Artifact) -> Verdict:
    """Whether the law, worked out again, gives these values and this error; and whether label and figure agree."""
    names = [one["name"] for one in chosen(given)["inputs"]]
    reasons = faults_of(made.data, names, given.input("experiment").data["finding"]["verdict"])
    path = next((folder() / one.path for one in made.files if one.path.endswith(FIGURE)), None)
    drawn = ElementTree.fromstring(path.read_text("utf-8")) if path is not None else None
    dots = 0 if drawn is None else sum(one.get("class") == "fresh" for one in drawn.iter())
    if dots != len(made.data["fresh"]):
        reasons.append(f"the figure shows {dots} of {len(made.data['fresh'])} fresh readings")
    law = made.data["law"] or "no law"
    seen = f"{len(made.data['fresh'])} values of {law} worked out again; {dots} points in the figure"
    return Verdict(accept=not reasons, by="adds_up", reasons=tuple(reasons), evidence=(seen,))


def faults_of(data: dict[str, Any], names: list[str], verdict: str) -> list[str]:
    """What does not agree in an analysis."""
    if not data["law"]:
        return [] if data["label"] == UNSURE else ["the label is found, and there is no law"]
    reasons, squares = [], []
    largest = max(abs(row["measured"]) for row in data["fresh"])
    for row in data["fresh"]:
        value = worked_out(data["law"], dict(zip(names, row["inputs"], strict=True)))
        if row["law"] is None or abs(value - row["law"]) > NEAR * abs(value):
            reasons.append(f"at {row['inputs']} the law gives {value:.6g}, and {row['law']} is written")
        squares.append(((row["measured"] - value) / max(abs(row["measured"]), 1e-3 * largest)) ** 2)
    error = math.sqrt(sum(squares) / len(squares))
    if abs(error - data["error"]) > 0.02 * error + 1e-6:
        reasons.append(f"the error is {error:.6g}, and {data['error']:.6g} is written")
    if data["label"] == FOUND and verdict != FOUND:
        reasons.append(f"the label is found, and the search said {verdict}")
    return reasons


_SIGNS: dict[type, Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


def worked_out(formula: str, values: dict[str, float]) -> float:
    """The value of a formula, by the arithmetic of Python.

    Raises:
        ValueError: it has something that no formula has.
    """

    def value(node: ast.AST) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.Name) and node.id in values:
            return values[node.id]
        if isinstance(node, ast.BinOp):
            return _SIGNS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return _SIGNS[type(node.op)](value(node.operand))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in (*FUNCTIONS, "sqrt")
        ):
            return float(getattr(math, node.func.id)(value(node.args[0])))
        raise ValueError(f"{formula!r} has {ast.dump(node)[:80]}, which no formula has")

    return value(ast.parse(formula, mode="eval").body)
