"""The phenomena behind their wall, three more that the search was not tuned on, and laws that it must not claim."""

import asyncio
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firm.errors import UsageError
from firm.kernel.code import load_file
from firm.lab.order import Source
from firm.lab.phenomenon import Finding, Input, Inquiry, Output, Phenomenon, discover, follow, inquire
from firm.lab.phenomenon.expression import numbers, parse
from firm.lab.phenomenon.finding import Notebook
from firm.lab.phenomenon.fit import Data, fit
from firm.lab.phenomenon.instrument import Call, ask, describe, measured, sheet_of
from firm.lab.phenomenon.normal import normal

FILE = Path(__file__).parents[2] / "examples/lab/phenomena.py"
lab = load_file(FILE)
STATIC = ("drag", "pendulum", "reaction", "charges", "enzyme")

SPRING = """
import os
from dataclasses import replace

from firm.lab.phenomenon import Input, Output, Phenomenon
from firm.lab.problem import problem

def measure(x, rng):
    if x["force"] > 4.9:
        raise ValueError("too heavy")
    assert "FIRM_TEST_SECRET" not in os.environ
    print("noise on standard output")
    return 0.3 * x["force"] ** 2 * (1 + 0.01 * rng.standard_normal())

spring = Phenomenon(
    name="spring", question="How much work is in it?",
    inputs=(Input("force", 1.0, 4.0, "N", wide=(0.5, 4.8)), Input("colour", 0.0, 1.0)),
    outputs=(Output("work", "J"),), measure=measure, experiments=90, price=0.5,
)

@problem
def stretched(name: str = "spring", price: float = 0.25) -> Phenomenon:
    return replace(spring, name=name, price=price)

dead = Phenomenon(
    name="dead", question="Does it answer?", inputs=(Input("force", 5.0, 6.0),), outputs=(Output("work"),),
    measure=measure,
)
"""


@pytest.fixture
def spring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A phenomenon in a file of its own."""
    path = tmp_path / "spring.py"
    path.write_text(SPRING, "utf-8")
    monkeypatch.setenv("FIRM_TEST_SECRET", "x")
    return Source(str(path), "spring")


def test_a_law_is_found_through_the_wall(spring: Source) -> None:
    found = asyncio.run(discover(Inquiry(spring, seed=1)))
    assert found.verdict == "found", found.reason
    assert found.form == "work = c1*force**2"
    assert found.constants[0].low <= 0.3 <= found.constants[0].high
    assert found.idle == ("colour",)
    assert found.cost["experiments"] <= 90
    assert found.cost["usd"] == found.cost["experiments"] / 2
    assert found.cost["cpu_s"] > 0


def test_an_instrument_that_always_fails_ends_the_inquiry(spring: Source) -> None:
    with pytest.raises(UsageError, match="too heavy"):
        asyncio.run(discover(Inquiry(Source(spring.path, "dead"))))


def test_a_form_that_cannot_be_read_costs_no_experiment(spring: Source) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        asyncio.run(discover(Inquiry(spring, forms=("__import__('os')",))))


def test_a_function_may_state_a_phenomenon_with_settings(spring: Source) -> None:
    sheet = describe(Source(spring.path, "stretched", {"price": 2}))
    assert (sheet.name, sheet.price) == ("spring", 2.0)


def test_fewer_experiments_than_none_are_refused(spring: Source) -> None:
    with pytest.raises(UsageError, match="experiments=-5"):
        asyncio.run(discover(Inquiry(spring, experiments=-5)))


def test_a_budget_that_buys_no_law_ends_unsure(spring: Source) -> None:
    found = asyncio.run(discover(Inquiry(spring, experiments=3)))
    assert (found.verdict, found.law) == ("unsure", "")
    assert (found.cost["experiments"], found.cost["usd"]) == (3, 1.5)


@pytest.mark.parametrize("allowed", [3, 12])
@pytest.mark.parametrize("name", (*STATIC, "hares_and_lynxes"))
def test_with_hardly_any_experiments_the_lab_says_unsure(name: str, allowed: int) -> None:
    found = inquire_into(getattr(lab, name), 0, min(allowed, 9 if name == "hares_and_lynxes" else allowed))
    assert found.verdict == "unsure"
    assert "too few" in found.reason


def test_every_phenomenon_describes_itself_and_answers() -> None:
    for name in (*STATIC, "hares_and_lynxes"):
        source = Source(str(FILE), name)
        sheet = describe(source) if name == "drag" else sheet_of(getattr(lab, name))
        assert sheet.experiments <= 200
        middle = tuple((q.low + q.high) / 2 for q in sheet.inputs)
        answer = ask(Call(source, 1, 1, (middle,))) if name == "drag" else measured(
            getattr(lab, name), (middle,), seed=1, batch=1
        )  # fmt: skip
        assert len(answer.results[0]) == max(1, len(sheet.times)) * len(sheet.outputs)


def inquire_into(phenomenon: Phenomenon, seed: int, allowed: int = 200) -> Finding:
    """The whole inquiry in this process."""
    allowed = min(allowed, phenomenon.experiments)
    book, batch = Notebook(sheet_of(phenomenon), seed, allowed), 0
    step = follow.advance if phenomenon.times else inquire.advance
    while (book := step(book)).finding is None:
        batch += 1
        rows = tuple(each.inputs for each in book.wanted)
        results = measured(phenomenon, rows, seed=seed, batch=batch).results
        made = (msgspec.structs.replace(e, results=r) for e, r in zip(book.wanted, results, strict=True))
        book = msgspec.structs.replace(book, done=(*book.done, *made), wanted=())
    assert book.finding.cost["experiments"] <= allowed
    return book.finding


def deviation(phenomenon: Phenomenon, truth: object, found: Finding) -> float:
    """By how much the law's numbers are off, relative; infinite where its form cannot say the truth exactly."""
    assert callable(truth)
    names = tuple(each.name for each in phenomenon.inputs)
    law = parse(found.law.split(" = ", 1)[1], set(names))
    rng = np.random.default_rng(1)
    rows = np.array([rng.uniform(*each.reach, 300) for each in phenomenon.inputs])
    values = np.array([truth(dict(zip(names, row, strict=True))) for row in rows.T])
    weights = 1 / np.maximum(np.abs(values), 1e-3 * np.max(np.abs(values)))
    exact = fit(normal(law), Data(names, rows, values, weights), steps=80)
    if exact is None or math.sqrt(exact.chi2 / 300) > 1e-6:
        return math.inf
    return float(np.max(np.abs(np.array(numbers(normal(law))) / np.array(numbers(exact.expr)) - 1)))


@pytest.mark.slow
@pytest.mark.parametrize("name", STATIC)
def test_the_law_is_right_or_the_lab_says_unsure(name: str) -> None:
    found = inquire_into(getattr(lab, name), 0)
    assert (
        found.verdict == "unsure"
        or deviation(getattr(lab, name), getattr(lab, f"{name}_truth"), found) <= 0.02
    )


@pytest.mark.slow
def test_hares_and_lynxes_are_understood() -> None:
    found = inquire_into(lab.hares_and_lynxes, 0)
    assert found.verdict == "found", found.reason
    said = [constant.value for constant in found.constants]
    assert (
        found.form == "d(hares)/dt = c1*hares + c2*hares*lynxes; d(lynxes)/dt = c3*lynxes + c4*hares*lynxes"
    )
    np.testing.assert_allclose(said, [0.9, -0.45, -0.6, 0.2], rtol=0.02)


def damped(x: dict[str, float]) -> float:
    """A spring that comes to rest."""
    return 2 * math.exp(-0.25 * x["t"]) * math.cos(math.sqrt(x["k"] / x["m"]) * x["t"])


def radiance(x: dict[str, float]) -> float:
    """Planck's form."""
    return 2.5 * x["nu"] ** 3 / (math.exp(1.3 * x["nu"] / x["T"]) - 1)


def throw(x: dict[str, float]) -> float:
    """How far a ball flies."""
    return x["v"] ** 2 * math.sin(2 * x["angle"]) / 9.81


def steps(x: dict[str, float]) -> float:
    """No law of the kind that is looked for: it jumps."""
    return 1.0 + (x["a"] > 1.3) + 0.5 * (x["b"] > 0.7) * x["a"]


def black_box(truth: object, *inputs: Input, floor: float = 0.0) -> Phenomenon:
    """With noise of 1.5 % and two knobs without effect."""
    assert callable(truth)

    def measure(x: dict[str, float], rng: np.random.Generator) -> float:
        return float(truth(x) * (1 + 0.015 * rng.standard_normal()) + floor * rng.standard_normal())

    idle = (Input("idle1", 0.0, 1.0), Input("idle2", 5.0, 9.0))
    return Phenomenon(
        name="box", question="?", inputs=(*inputs, *idle), outputs=(Output("y"),), measure=measure
    )


BOXES = {
    "damped": (
        damped,
        (Input("t", 0.0, 6.0, wide=(0.0, 9.0)), Input("k", 4.0, 12.0), Input("m", 0.8, 2.0)),
        0.01,
    ),
    "radiance": (
        radiance,
        (Input("nu", 1.0, 8.0, wide=(0.5, 12.0)), Input("T", 1.0, 4.0, wide=(0.8, 6.0))),
        0.0,
    ),
    "throw": (
        throw,
        (Input("v", 3.0, 15.0, wide=(1.0, 30.0)), Input("angle", 0.2, 1.3, "rad", wide=(0.1, 1.5))),
        0.0,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BOXES))
def test_other_laws_are_found_or_doubted(name: str) -> None:
    truth, inputs, floor = BOXES[name]
    box = black_box(truth, *inputs, floor=floor)
    found = inquire_into(box, 0)
    assert found.verdict == "unsure" or deviation(box, truth, found) <= 0.02, found.law


def lens(x: dict[str, float]) -> float:
    """Where a lens makes the picture."""
    return x["f"] * x["u"] / (x["u"] - x["f"])


def adsorbed(x: dict[str, float]) -> float:
    """A gas whose molecules fall apart on the surface: a rational of a root."""
    return 7.0 * x["area"] * math.sqrt(x["p"]) / (1 + 0.6 * math.sqrt(x["p"]))


def diffusion(x: dict[str, float]) -> float:
    """Stokes and Einstein."""
    return 7.3 * x["T"] / (x["eta"] * x["radius"])


NEW_BOXES = {
    "lens": (lens, (Input("f", 0.05, 0.15, "m", wide=(0.03, 0.2)), Input("u", 0.3, 1.5, "m", wide=(0.25, 4.0)))),
    "adsorbed": (
        adsorbed,
        (Input("p", 0.2, 8.0, "bar", wide=(0.05, 40.0), log=True), Input("area", 1.0, 4.0, "m^2", wide=(0.5, 9.0))),
    ),
    "diffusion": (
        diffusion,
        (
            Input("T", 280.0, 340.0, "K", wide=(270.0, 370.0)),
            Input("eta", 0.5, 5.0, "mPa s", wide=(0.3, 20.0)),
            Input("radius", 1.0, 20.0, "nm", wide=(0.5, 60.0), log=True),
        ),
    ),
}  # fmt: skip
"""Stated once the search was finished."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", list(NEW_BOXES))
def test_laws_that_the_search_was_never_tried_on_are_found_or_doubted(name: str, seed: int) -> None:
    truth, inputs = NEW_BOXES[name]
    box = black_box(truth, *inputs)
    found = inquire_into(box, seed)
    assert found.verdict == "unsure" or deviation(box, truth, found) <= 0.02, found.law


def measure_yeast(x: dict[str, float], rng: np.random.Generator) -> list[float]:
    """Growth that the sugar feeds and the crowd ends."""
    feed, crowd = 0.3 * x["sugar"], 0.05
    most = feed / crowd
    path = [most / (1 + (most / x["yeast0"] - 1) * math.exp(-feed * t)) for t in YEAST_TIMES]
    return [value * (1 + 0.015 * rng.standard_normal()) for value in path]


YEAST_TIMES = tuple(0.4 * (k + 1) for k in range(15))
YEAST = Phenomenon(
    name="yeast",
    question="How does yeast grow?",
    inputs=(
        Input("yeast0", 0.2, 3.0, "g/l", wide=(0.1, 6.0), start=True),
        Input("sugar", 1.0, 4.0, "g/l", wide=(0.5, 6.0)),
        Input("light", 0.0, 1.0),
    ),
    outputs=(Output("yeast", "g/l"),),
    measure=measure_yeast,
    times=YEAST_TIMES,
    experiments=60,
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_growth_that_comes_to_rest_is_understood_or_doubted(seed: int) -> None:
    found = inquire_into(YEAST, seed)
    if found.verdict == "found":
        assert found.form == "d(yeast)/dt = c1*yeast*sugar + c2*yeast**2"
        np.testing.assert_allclose([c.value for c in found.constants], [0.3, -0.05], rtol=0.02)


@pytest.mark.slow
def test_what_is_no_law_is_not_found() -> None:
    found = inquire_into(black_box(steps, Input("a", 0.5, 2.0), Input("b", 0.2, 1.5)), 0)
    assert found.verdict == "unsure", found.law
