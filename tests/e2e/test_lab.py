"""`firm lab` in real processes: found, not found, stopped and gone on with."""

import json
import signal

from firm.lab.report import broken

from tests.e2e.conftest import Place  # isort: skip

BOWL = """
import math

from firm.lab.artifact import Vector
from firm.lab.problem import Allowance, Objective, Problem, Score, Stage, problem


def depth(point):
    return sum((value - 0.25) ** 2 for value in point)


def never(point):
    return Score(depth(point), constraints={"height": -1.0 - depth(point)})


@problem
def bowl(n: int = 2, hopeless: bool = False) -> Problem:
    return Problem(
        name="bowl",
        question="Where is its bottom?",
        artifact=Vector(0, 1, (n,)),
        stages=(Stage("depth", never if hopeless else depth),),
        objective=Objective("depth", "min"),
        allowance=Allowance(evaluations=150),
        arms=("chance",),
    )
"""


def test_a_search_ends_with_a_claim_and_a_report_that_holds(place: Place) -> None:
    (place.folder / "bowl.py").write_text(BOWL)
    words = ("lab", "bowl.py", "--seed", "3", "--workers", "1", "--json", "--report", "out")
    said = json.loads(place.firm(*words, timeout_s=120))
    assert said["best"]["trust"] == "exact" and said["best"]["standing"] == "verified"
    assert said["best"]["score"] == sum((value - 0.25) ** 2 for value in said["best"]["artifact"])
    assert said["cost"]["evaluations"] == 150
    written = json.loads((place.folder / "out" / "report.json").read_text())
    assert broken(written) == []
    assert written["story"]["champion"]["value"] == said["best"]["score"]
    assert (
        "firm lab bowl.py --seed 3 --evaluations 150 --workers 1"
        in (place.folder / "out" / "report.html").read_text()
    )


def test_that_nothing_was_found_is_said_and_is_no_failure(place: Place) -> None:
    (place.folder / "bowl.py").write_text(BOWL)
    words = ("lab", "bowl.py", "--set", "hopeless=yes", "--workers", "1", "--json")
    said = json.loads(place.firm(*words, timeout_s=120))
    assert said["best"] is None
    assert said["claim"].startswith("No valid candidate was found; the nearest missed “height” by 1.")


def test_ctrl_c_parks_and_the_same_command_goes_on(place: Place) -> None:
    (place.folder / "bowl.py").write_text(BOWL)
    words = ("lab", "bowl.py", "--evaluations", "12000", "--workers", "1", "--json")
    first = place.begin(*words)
    assert first.stderr is not None
    while "to score a candidate of pure chance costs" not in (line := first.stderr.readline()):
        assert line, "it ended before it began to search"
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    assert "1 run parked" in err and "so does the same command" in err
    said = json.loads(place.firm(*words, timeout_s=120))
    assert said["cost"]["evaluations"] == 12_000
    assert [run["id"] for run in json.loads(place.firm("ps", "--all", "--json"))] == [said["run"]]


def test_wrong_use_is_told_before_anything_is_started(place: Place) -> None:
    (place.folder / "bowl.py").write_text(BOWL)
    said = place.firm("lab", "bowl.py", "--set", "m=3", code=2)
    assert "has no setting 'm'" in said
    assert not (place.folder / ".firm").exists()
