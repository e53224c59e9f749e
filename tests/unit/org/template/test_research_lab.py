"""The research lab: what could not fail is no hypothesis, and no label is stronger than fresh readings allow."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.unit.org.template.rehearsing import (
    TEMPLATES,
    Rehearsal,
    ends,
    given,
    plan_faults,
    program,
    refusals,
)

from firm.errors import UsageError
from firm.lab.phenomenon.finding import Experiment, Notebook, Quantity, Sheet
from firm.org.artifact import Artifact

HERE = TEMPLATES / "research-lab"
instruments = program("research-lab", "lab_instruments")
hypotheses = program("research-lab", "lab_hypotheses")
experiment = program("research-lab", "lab_experiment")
analysis = program("research-lab", "lab_analysis")
figure = program("research-lab", "lab_figure")
report = program("research-lab", "lab_report")

QUANTITY = Quantity("x", "m", 0.0, 1.0, 0.0, 2.0)
SHEET = Sheet("ramp", "How?", (QUANTITY,), (("y", "s"),), 40)
RAMP = instruments.told(SHEET, "instruments/ramp.py")
STRAIGHT = {"id": "h1", "says": "straight", "formula": "a*x", "wrong_if": "a bend"}
BENT = {"id": "h2", "says": "bent", "formula": "a*x**2", "wrong_if": "a line"}
ANALYSIS: dict[str, Any] = {
    "label": "found",
    "law": "2*x",
    "error": 0.1 / 4.0 / 2**0.5,
    "fresh": [
        {"inputs": (1.0,), "measured": 2.0, "law": 2.0},
        {"inputs": (1.95,), "measured": 4.0, "law": 3.9},
    ],
}


def test_the_plan_has_no_faults() -> None:
    assert plan_faults("research-lab", usd=3.0) == []


def test_hypotheses_that_differ_in_form_pass() -> None:
    work = given("hypothesise", instruments={"instruments": [RAMP]})
    made = Artifact(name="hypotheses", data={"instrument": "ramp", "hypotheses": [STRAIGHT, BENT]})
    assert hypotheses.can_be_tested(work, made).accept


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"formula": "3*x"}, "h2 has the form of h1"),
        ({"formula": "x +* 2"}, "h2: the formula 'x +* 2' cannot be read at '* 2'"),
        ({"formula": "__import__('os')"}, "cannot be read"),
        (
            {"formula": "a + b*x + c*x**2 + d*x**3 + e*x**4 + f*x**5 + g*x**6"},
            "7 numbers to be fitted; at most 6",
        ),
        ({"id": "h1"}, "two hypotheses have the id 'h1'"),
    ],
)
def test_hypotheses_that_no_reading_could_tell_apart_are_refused(change: dict[str, str], reason: str) -> None:
    found = hypotheses.faults_of([STRAIGHT, BENT | change], ["x"], "y")
    assert any(reason in one for one in found)


def test_a_question_that_no_instrument_answers_is_told_with_the_theorists_words() -> None:
    work = given("hypothesise", instruments={"instruments": [RAMP]})
    made = Artifact(name="hypotheses", data={"instrument": "", "why": "a telescope is missing"})
    first, second = hypotheses.can_be_tested(work, made).reasons
    assert "there are: ramp. Put another into instruments/" in first and "a telescope is missing" in second


def test_every_reading_is_written_down_and_read_again_exactly(tmp_path: Path) -> None:
    done = (Experiment("space", (0.1,), (1 / 3,)), Experiment("wide1", (1.7,), (), (0.25,)))
    path = tmp_path / "measurements.csv"
    path.write_text(experiment.table_of(Notebook(SHEET, 0, 40, done=done), (1, 2)), "utf-8")
    first, second = experiment.rows_of(path)
    assert first == {"batch": 1, "kind": "space", "inputs": (0.1,), "result": 1 / 3}
    assert second == {"batch": 2, "kind": "wide1", "inputs": (1.7,), "result": None}


def test_the_label_is_found_only_if_the_search_was_sure_and_the_law_holds_afresh() -> None:
    sure, holds = {"verdict": "found", "reason": ""}, {"chance": 0.3}
    assert analysis.label_of(sure, holds)[0] == "found"
    assert analysis.label_of(sure, {"chance": 1e-6}) == (
        "unsure",
        "on fresh readings the law fails: chance 1e-06 that noise alone did it",
    )
    assert analysis.label_of({"verdict": "unsure", "reason": "two are left"}, holds)[0] == "unsure"
    assert analysis.label_of(sure, None)[0] == "unsure"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"error": 0.03}, "the error is 0.0176777, and 0.03 is written"),
        ({"law": "3*x"}, "the law gives 3, and 2.0 is written"),
        ({"law": ""}, "the label is found, and there is no law"),
    ],
)
def test_an_analysis_that_does_not_add_up_is_refused(change: dict[str, Any], reason: str) -> None:
    assert analysis.faults_of(ANALYSIS, ["x"], "found") == []
    assert any(reason in one for one in analysis.faults_of(ANALYSIS | change, ["x"], "found"))
    assert analysis.faults_of(ANALYSIS, ["x"], "unsure") == ["the label is found, and the search said unsure"]


def test_a_formula_is_worked_out_without_being_run() -> None:
    assert analysis.worked_out("2*sqrt(x) - x**(1/2)/exp(0)", {"x": 4.0}) == 2.0
    for wrong in ("open('x')", "x.real", "y", "[1]"):
        with pytest.raises(ValueError, match="which no formula has"):
            analysis.worked_out(wrong, {"x": 1.0})


def test_the_figure_shows_each_reading_once() -> None:
    rows = [{"inputs": (0.5,), "result": 1.1}]
    for law, values in (("2*x", [1.0]), ("", [None])):
        data = ANALYSIS | {"law": law, "label": "unsure"}
        data["fresh"] = [one | {"law": one["law"] if law else None} for one in ANALYSIS["fresh"]]
        drawn = analysis.ElementTree.fromstring(figure.drawing(data, RAMP, values, rows))
        kinds = [one.get("class") for one in drawn.iter() if one.get("class")]
        assert (kinds.count("fresh"), kinds.count("fitted")) == (2, 1)


def test_a_critic_may_weaken_a_label_and_never_strengthen_it() -> None:
    for before, now, good in (
        ("found", "found", True),
        ("found", "unsure", True),
        ("unsure", "found", False),
    ):
        work = given("criticise", analysis={"label": before})
        assert report.only_weakens(work, Artifact(name="critique", data={"label": now})).accept is good
    work = given("criticise", analysis={"label": "found"})
    assert not report.only_weakens(work, Artifact(name="critique", data={"label": "likely"})).accept


def test_the_report_begins_with_the_label_of_the_critique() -> None:
    english, chinese = (
        given("report", language=language, critique={"label": "unsure"}) for language in ("en", "zh")
    )
    says = report.says_the_label
    assert says(english, Artifact(name="report", text="# Ramps\n\n**Unsure**: perhaps.")).accept
    assert says(chinese, Artifact(name="report", text="# 斜面\n\n**存疑**：也许。")).accept
    assert not says(english, Artifact(name="report", text="# Ramps\n\n**found**: yes.")).accept
    assert not says(english, Artifact(name="report", text="Ramps")).accept


def test_a_figure_of_the_report_that_nobody_measured_is_refused() -> None:
    work = given("report", analysis={"law": "2.0049*sqrt(x)", "error": 0.0168, "fresh": [1, 2]})
    stand = report.figures_stand
    good = "h1: 2.005*sqrt(x), 2.0 and 1.7 % on 2 readings"
    assert stand(work, Artifact(name="report", text=good)).accept
    wrong = stand(work, Artifact(name="report", text="2.006*sqrt(x) and 1.8 %"))
    assert [one.split()[0] for one in wrong.reasons] == ["2.006", "1.8"]


def test_an_instrument_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no instrument 'scale'; there are: ramp\. Put another"):
        instruments.named([RAMP], "scale")


@pytest.mark.parametrize("key", ["mission", "mission_zh"])
def test_its_small_mission_is_reached_in_rehearsal(tmp_path: Path, key: str) -> None:
    mission = tomllib.loads((HERE / "template.toml").read_text("utf-8"))[key]
    firm = Rehearsal("research-lab", tmp_path / "firm")
    outcome = firm.carry(mission)
    assert (outcome.ending, outcome.why) == ("reached", "")
    tasks = ends(outcome)
    assert refusals(tasks["hypothesise"]) == ["programs/lab_hypotheses.py:can_be_tested"]
    assert refusals(tasks["report"]) == ["critic"]
    made = tasks["analyse"].artifact
    assert made is not None and made.data["label"] == "found" and made.data["law"].endswith("*sqrt(length)")
    verdicts = {one["id"]: one["verdict"].partition(",")[0] for one in made.data["hypotheses"]}
    assert verdicts == {"h1": "holds", "h2": "holds", "h3": "refuted", "h4": "refuted"}
    [publication] = outcome.artifacts
    assert len(publication.files) == 4
    assert outcome.language == ("zh" if key == "mission_zh" else "en")
