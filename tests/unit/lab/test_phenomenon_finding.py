"""A phenomenon is checked when it is stated, and its instrument answers alike when asked alike."""

import msgspec
import numpy as np
import pytest

from firm.errors import UsageError
from firm.lab.phenomenon import Finding, Input, Output, Phenomenon
from firm.lab.phenomenon.finding import Experiment, Notebook, too_few
from firm.lab.phenomenon.instrument import measured, sheet_of


def stated(**changes: object) -> Phenomenon:
    """A small phenomenon."""
    given: dict[str, object] = {
        "name": "spring",
        "question": "How far does it stretch?",
        "inputs": (Input("force", 1.0, 5.0, "N", wide=(0.5, 20.0)),),
        "outputs": (Output("length", "m"),),
        "measure": lambda x, rng: 0.2 * x["force"] + 0.01 * rng.standard_normal(),
    }
    return Phenomenon(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": ()},
        {"inputs": (Input("a", 0, 1), Input("a", 0, 1))},
        {"measure": 3},
        {"experiments": 5},
        {"times": (1.0, 2.0)},
        {"times": (2.0, 1.0), "inputs": (Input("a", 0, 1, start=True),)},
        {"inputs": (Input("a", 0, 1, start=True),)},
        {"rivals": ("force +",)},
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        stated(**changes)


@pytest.mark.parametrize(
    ("low", "high", "wide", "log"),
    [
        (2.0, 1.0, None, False),
        (0.0, 1.0, (0.5, 2.0), False),
        (0.0, 1.0, None, True),
        (0.0, float("nan"), None, False),
    ],
)
def test_a_range_the_wrong_way_round_is_refused(
    low: float, high: float, wide: tuple[float, float] | None, log: bool
) -> None:
    with pytest.raises(UsageError, match="'a'"):
        Input("a", low, high, wide=wide, log=log)


def test_a_word_of_the_grammar_is_no_name_of_an_input() -> None:
    with pytest.raises(UsageError, match="exp"):
        Input("exp", 0.0, 1.0)


def test_the_sheet_holds_no_instrument() -> None:
    sheet = sheet_of(stated())
    assert "measure" not in sheet.__struct_fields__
    assert sheet.inputs[0].wide_high == 20.0


def test_measuring_again_with_the_same_seed_gives_the_same() -> None:
    rows = ((1.0,), (2.0,))
    one, again, other = (measured(stated(), rows, seed=s, batch=1).results for s in (7, 7, 8))
    assert one == again != other


def test_an_experiment_that_fails_has_no_result_and_a_reason() -> None:
    def broken(x: dict[str, float], rng: np.random.Generator) -> float:
        if x["force"] > 1.5:
            raise ValueError("the spring broke")
        return float("nan")

    answer = measured(stated(measure=broken), ((1.0,), (2.0,)), seed=0, batch=0)
    assert answer.results == ((), ())
    assert "finite" in answer.whys[0] and "the spring broke" in answer.whys[1]


def test_a_finding_about_too_little_says_how_little_and_survives_json() -> None:
    done = tuple(Experiment("space", (float(force),), (1.0,) if force < 3 else ()) for force in range(1, 5))
    book = Notebook(sheet_of(stated(price=0.5)), 0, 4, done=done)
    found = too_few(book)
    assert (found.verdict, found.law, found.constants) == ("unsure", "", ())
    assert found.reason.startswith("2 results of 4 experiments")
    assert found.cost == {"experiments": 4.0, "usd": 2.0}
    assert msgspec.json.decode(msgspec.json.encode(found), type=Finding) == found
