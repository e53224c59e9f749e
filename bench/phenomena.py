"""Are the laws behind the shipped phenomena found, and is no wrong one called found?

Every inquiry may make 200 experiments (its phenomenon's own limit where that is lower). A law is right where its
expression can say the truth exactly and each of its numbers, in the writing in which it is reported, is within 2 per
cent of what it would then be.

    python bench/phenomena.py                   seeds 0 and 1
    python bench/phenomena.py 10                seeds 0 to 9
    python bench/phenomena.py 10 drag enzyme    of these alone
"""

import math
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from bench import machine, tell

from firm.kernel.code import load_file
from firm.lab.phenomenon import Finding, Phenomenon, follow, inquire
from firm.lab.phenomenon.expression import numbers, parse
from firm.lab.phenomenon.finding import Notebook
from firm.lab.phenomenon.fit import Data, fit
from firm.lab.phenomenon.instrument import measured, sheet_of
from firm.lab.phenomenon.normal import normal, opened

NEAR = 0.02
EXPERIMENTS = 200
SEEDS = 2
LAWS = ("drag", "pendulum", "reaction", "charges", "enzyme", "hares_and_lynxes")
RATES = {
    "d(hares)/dt = c1*hares + c2*hares*lynxes; d(lynxes)/dt = c3*lynxes + c4*hares*lynxes": (
        0.9,
        -0.45,
        -0.6,
        0.2,
    )
}


def inquire_into(phenomenon: Phenomenon, seed: int, allowed: int = EXPERIMENTS) -> Finding:
    """The whole inquiry in this process."""
    book = Notebook(sheet_of(phenomenon), seed, min(allowed, phenomenon.experiments))
    step, batch = follow.advance if phenomenon.times else inquire.advance, 0
    while (book := step(book)).finding is None:
        batch += 1
        results = measured(phenomenon, tuple(e.inputs for e in book.wanted), seed=seed, batch=batch).results
        made = (msgspec.structs.replace(e, results=r) for e, r in zip(book.wanted, results, strict=True))
        book = msgspec.structs.replace(book, done=(*book.done, *made), wanted=())
    return book.finding


def deviation(phenomenon: Phenomenon, truth: Any, found: Finding) -> float:
    """By how much the law's numbers are off, relative; infinite where its form cannot say the truth exactly."""
    names = tuple(each.name for each in phenomenon.inputs)
    law = normal(parse(found.law.split(" = ", 1)[1], set(names)))
    rng = np.random.default_rng(1)
    rows = np.array([rng.uniform(*each.reach, 300) for each in phenomenon.inputs])
    values = np.array([truth(dict(zip(names, row, strict=True))) for row in rows.T])
    weights = 1 / np.maximum(np.abs(values), 1e-3 * np.max(np.abs(values)))
    exact = fit(law, Data(names, rows, values, weights), steps=80)
    if exact is None or math.sqrt(exact.chi2 / 300) > 1e-6:
        return math.inf
    said, true = numbers(opened(law)), numbers(opened(exact.expr))
    return float(np.max(np.abs(np.array(said) / np.array(true) - 1)))


def off(lab: Any, name: str, found: Finding) -> float:
    """The same, of a course by the numbers of its rates."""
    if name != "hares_and_lynxes":
        return deviation(getattr(lab, name), getattr(lab, f"{name}_truth"), found)
    true = RATES.get(found.form)
    if true is None:
        return math.inf
    return max(abs(c.value / t - 1) for c, t in zip(found.constants, true, strict=True))


def main() -> None:
    lab = load_file(Path(__file__).parents[1] / "examples/lab/phenomena.py")
    names = sys.argv[2:] or LAWS
    outcomes: Counter[str] = Counter()
    reached = []
    for seed in range(int(sys.argv[1]) if sys.argv[1:] else SEEDS):
        here = [told(lab, name, seed) for name in names]
        outcomes.update(here)
        reached.append(here.count("right, found"))
    tell("laws right and found, least of the seeds", min(reached), f"of {len(names)}", goal="at least 5 of 6")
    tell("wrong laws called found", outcomes["wrong, found"], f"of {outcomes.total()}", goal="0")
    tell("right laws called unsure", outcomes["right, unsure"], f"of {outcomes.total()}", **machine())


def told(lab: Any, name: str, seed: int) -> str:
    """Inquire, tell what came of it, and say it in two words."""
    begun = time.process_time()
    found = inquire_into(getattr(lab, name), seed)
    cpu_s = time.process_time() - begun
    share = off(lab, name, found)
    outcome = f"{'right' if share <= NEAR else 'wrong'}, {found.verdict}"
    tell(
        f"{name}, seed {seed}: worst number off by",
        100 * min(share, 9.99),
        "%",
        outcome=outcome,
        law=found.law,
        reason=found.reason,
        experiments=int(found.cost["experiments"]),
        cpu_s=round(cpu_s, 1),
    )
    return outcome


if __name__ == "__main__":
    main()
