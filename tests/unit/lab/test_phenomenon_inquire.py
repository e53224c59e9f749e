"""An inquiry keeps to its allowance, however small, and ends in good order."""

import msgspec
import numpy as np
import pytest

from firm.lab.phenomenon import Finding, Input, Output, Phenomenon, design, inquire
from firm.lab.phenomenon.expression import parse
from firm.lab.phenomenon.finding import Experiment, Notebook
from firm.lab.phenomenon.fit import Data, Noise
from firm.lab.phenomenon.instrument import measured, sheet_of


def stretched(x: dict[str, float], rng: np.random.Generator) -> float:
    """A spring with a scale that is off."""
    return (0.2 * x["force"] + 0.7) * (1 + 0.01 * rng.standard_normal())


SPRING = Phenomenon(
    name="spring",
    question="How long is it?",
    inputs=(Input("force", 1.0, 5.0, "N", wide=(0.5, 20.0)), Input("colour", 0.0, 1.0)),
    outputs=(Output("length", "m"),),
    measure=stretched,
)


@pytest.fixture(autouse=True)
def few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A straight line needs no long search."""
    monkeypatch.setattr(inquire, "MOST_FITS", 250)
    monkeypatch.setattr(inquire, "LATER_FITS", 250)


def inquired(allowed: int) -> tuple[Finding, list[int]]:
    """The finding, and how many experiments were asked for at a time."""
    book, asked = Notebook(sheet_of(SPRING), 1, allowed), list[int]()
    while (book := inquire.advance(book)).finding is None:
        asked.append(len(book.wanted))
        results = measured(SPRING, tuple(e.inputs for e in book.wanted), seed=1, batch=len(asked)).results
        made = tuple(msgspec.structs.replace(e, results=r) for e, r in zip(book.wanted, results, strict=True))
        book = msgspec.structs.replace(book, done=(*book.done, *made), wanted=())
    return book.finding, asked


@pytest.mark.parametrize("allowed", [1, 2, 3, 7, 19])
def test_with_too_few_experiments_it_is_unsure_and_has_no_law(allowed: int) -> None:
    found, asked = inquired(allowed)
    assert (found.verdict, found.law) == ("unsure", "")
    assert f"{allowed} experiments are too few" in found.reason
    assert sum(asked) == allowed == found.cost["experiments"]


@pytest.mark.parametrize("allowed", [22, 26, 40])
def test_with_few_experiments_it_uses_them_all_and_no_more(allowed: int) -> None:
    found, asked = inquired(allowed)
    assert found.law.startswith("length = ")
    assert sum(asked) == found.cost["experiments"] <= allowed
    assert all(asked[:1])
    if found.verdict == "unsure":
        assert sum(asked) == allowed


def test_what_was_not_tested_outside_the_range_is_not_found() -> None:
    found, _ = inquired(22)
    assert found.verdict == "unsure"
    assert "not tested" in found.reason


def test_with_enough_experiments_the_law_and_its_numbers_are_found() -> None:
    found, asked = inquired(200)
    assert found.verdict == "found", found.reason
    assert sum(asked) < 200, "it goes on although all is known"
    assert found.form == "length = c1 + c2*force"
    for constant, true in zip(found.constants, (0.7, 0.2), strict=True):
        assert constant.value == pytest.approx(true, rel=0.02)
        assert constant.high - constant.value <= 0.018 * constant.value
    assert found.idle == ("colour",)


def test_further_experiments_go_where_the_least_known_number_shows() -> None:
    sheet, names = sheet_of(SPRING), ("force", "colour")
    rows = np.random.default_rng(0).uniform((1, 0), (5, 1), (30, 2))
    law = parse("0.7 + 0.0002*force**2", set(names))
    values = 0.7 + 0.0002 * rows[:, 0] ** 2
    data = Data(names, np.ascontiguousarray(rows.T), values, 1 / (0.01 * values))
    wanted = design.telling(sheet, [law], Noise(0.0, 0.01, 20), data, count=8, seed=0, wide=True)
    far = [e for e in wanted if e.inputs[0] > 15]
    assert len(wanted) == 8 and len(far) >= 5


def test_no_room_asks_for_nothing() -> None:
    rows = np.array([[1.0, 2.0, 3.0], [0.0, 0.5, 1.0]])
    data = Data(("force", "colour"), rows, np.ones(3), np.ones(3))
    law = [parse("2*force", {"force", "colour"})]
    sheet, noise = sheet_of(SPRING), Noise(0.0, 0.01, 20)
    assert design.telling(sheet, law, noise, data, count=0, seed=0, wide=True) == []
    assert design.again([Experiment("space", (1.0, 0.5))], 10) == []
