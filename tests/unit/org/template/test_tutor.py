"""The tutor: a wrong key is found, a wrong answer is taught again, and the record says what the answers show."""

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

from firm.kernel.code import load_file
from firm.org.artifact import Artifact

HERE = TEMPLATES / "tutor"
lesson = program("tutor", "lesson")
quiz = program("tutor", "quiz")
grade = program("tutor", "grade")
record = program("tutor", "record")

OUTLINE = {
    "subject": "Sums",
    "objectives": [{"id": "o1", "says": "add"}, {"id": "o2", "says": "name the sign"}],
}
NUMBER = {
    "id": "1",
    "objective": "o1",
    "kind": "number",
    "asks": "What is 2 and 3?",
    "formula": "2 + 3",
    "answer": 5,
    "tolerance": 0.1,
    "solution": "2 + 3",
}
CHOICE = {
    "id": "2",
    "objective": "o2",
    "kind": "choice",
    "asks": "Which sign adds?",
    "options": ["minus", "plus"],
    "answer": "b",
    "solution": "plus",
}
WORDS = {
    "id": "3",
    "objective": "o2",
    "kind": "words",
    "asks": "Name it.",
    "accept": ["plus", "加号"],
    "solution": "plus",
}
QUESTIONS = [NUMBER, CHOICE, WORDS]
PAPER = quiz.paper_of(QUESTIONS)


def judged(*questions: dict[str, Any]) -> tuple[str, ...]:
    """What is wrong with a quiz."""
    work = given("quiz", outline=OUTLINE)
    reasons: tuple[str, ...] = quiz.is_gradable(
        work, Artifact(name="quiz", data={"questions": list(questions)})
    ).reasons
    return reasons


def test_the_plan_has_no_faults() -> None:
    assert plan_faults("tutor", usd=3.0) == []


# --- the quiz ------------------------------------------------------------------------------------------------------


def test_a_quiz_whose_keys_can_be_worked_out_again_passes() -> None:
    assert judged(*QUESTIONS) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answer": 6}, "the formula gives 5, the key says 6"),
        ({"formula": "__import__('os')"}, "cannot be worked out"),
        ({"formula": "2 ** 9999"}, "cannot be worked out"),
        ({"answer": "five"}, "is no number"),
        ({"tolerance": -1}, "at least 0"),
        ({"asks": "Is it 5?"}, "gives its answer '5' away"),
        ({"objective": "o9"}, "is not one to be tested"),
        ({"kind": "essay"}, "kind 'essay'"),
        ({"id": "2"}, "two questions have this id"),
    ],
)
def test_a_question_that_could_not_be_graded_fairly_is_refused(change: dict[str, Any], reason: str) -> None:
    assert any(reason in one for one in judged(NUMBER | change, CHOICE, WORDS))


def test_a_choice_needs_options_that_differ_and_a_letter_that_there_is() -> None:
    assert "all different" in judged(NUMBER, CHOICE | {"options": ["a", "a"]}, WORDS)[0]
    assert "no option" in judged(NUMBER, CHOICE | {"answer": "c"}, WORDS)[0]


def test_one_choice_alone_can_be_guessed() -> None:
    assert "guessing is enough" in judged(NUMBER, CHOICE)[0]
    assert judged(NUMBER, CHOICE, CHOICE | {"id": "3"}) == ()


@pytest.mark.parametrize(
    ("formula", "value"),
    [("1000 * 1.05 ** 2", 1102.5), ("-sqrt(16)", -4), ("round(7 / 3, 2)", 2.33), ("max(1, 2)", 2)],
)
def test_formulas_are_worked_out(formula: str, value: float) -> None:
    assert quiz.worked_out(formula) == pytest.approx(value)


@pytest.mark.parametrize(
    "formula", ["", "x", "1 / 0", "(-1) ** 0.5", "9 ** 9 ** 9", "[1]", "sqrt(-1)", "1" * 301]
)
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        quiz.worked_out(formula)


def test_the_paper_is_the_questions_without_the_key() -> None:
    work = given("paper", quiz={"questions": QUESTIONS})
    assert quiz.has_no_key(work, Artifact(name="paper", text=PAPER)).accept
    told = quiz.has_no_key(work, Artifact(name="paper", text=f"{PAPER}\nkey: b"))
    assert told.reasons == ("it says more than the questions: 'key: b'",)
    assert not quiz.has_no_key(work, Artifact(name="paper", text=PAPER.replace("plus", "times"))).accept


def test_a_second_quiz_asks_of_the_weak_objectives_and_nothing_again() -> None:
    work = given("second-quiz", outline=OUTLINE, quiz={"questions": QUESTIONS}, grades={"weak": ["o2"]})
    again = Artifact(name="second-quiz", data={"questions": [WORDS | {"asks": "name  IT."}]})
    assert quiz.is_gradable(work, again).accept
    assert not quiz.is_new(work, again).accept
    assert not quiz.is_gradable(work, Artifact(name="second-quiz", data={"questions": [NUMBER]})).accept


# --- the answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("1,102.50 euro", 1102.5),
        ("1102,5", 1102.5),
        ("1000 * 1.05 ^ 2 = 1102.5", 1102.5),
        ("−3", -3),
        ("about 14 to 15", None),
        ("many", None),
    ],
)
def test_numbers_are_read_as_people_write_them(said: str, value: float | None) -> None:
    assert grade.number_of(said) == value


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1: 5\n2: b\n3: plus", [True, True, True]),
        ("q1) 5.05; q2) Plus; q3) 加号", [True, True, True]),
        ("第1题：6\n2、a\n3: ?", [False, False, False]),
        ("1. 5,0\n2. b) plus\n3. PLUS!", [True, True, True]),
    ],
)
def test_answers_are_graded_by_the_key_however_they_are_written(text: str, right: list[bool]) -> None:
    found = grade.graded(QUESTIONS, text)
    assert [one["right"] for one in found["results"]] == right
    assert found["right"] == sum(right)


def test_what_cannot_be_read_goes_back_and_what_is_wrong_does_not() -> None:
    work = given("answers", lesson="…", paper=PAPER)
    assert grade.can_be_read(work, Artifact(name="answers", text="1: 77\n2: a\n3: ?")).accept
    told = grade.can_be_read(work, Artifact(name="answers", text="1: many\n2: e"))
    assert len(told.reasons) == 3
    assert "is not one number" in told.reasons[0] and "no line for question 3" in told.reasons[2]


def test_grades_that_are_kinder_than_the_key_are_refused() -> None:
    work = given("grades", quiz={"questions": QUESTIONS}, paper=PAPER, answers="1: 6\n2: b\n3: plus")
    honest = grade.grade(work).data
    assert grade.is_counted(work, Artifact(name="grades", data=honest)).accept
    assert honest["weak"] == ["o1"]
    kind = honest | {"results": [honest["results"][0] | {"right": True}, *honest["results"][1:]]}
    assert len(grade.is_counted(work, Artifact(name="grades", data=kind)).reasons) == 3


# --- taught again ---------------------------------------------------------------------------------------------------


def test_a_lesson_needs_a_section_for_each_objective() -> None:
    text = "## o1 Adding\n" + "Two apples and three apples. " * 3
    told = lesson.covers_objectives(
        given("lesson", outline=OUTLINE), Artifact(name="lesson", text=text + "\n## o2\nShort.")
    )
    assert told.reasons == ("the section on o2 says next to nothing",)
    told = lesson.covers_objectives(
        given("lesson", outline=OUTLINE), Artifact(name="lesson", text=text + "\n## o21")
    )
    assert "no section on o2" in told.reasons[0]


def test_the_second_lesson_takes_up_the_wrong_answer_and_repeats_nothing() -> None:
    line = "Two apples and three apples are five apples in all."
    results = [{"id": "1", "said": "23", "right": False}, {"id": "2", "said": "?", "right": False}]
    work = given(
        "again", lesson=f"## o1\n{line}", grades={"weak": ["o1"], "results": results}, outline=OUTLINE
    )
    told = lesson.explains_anew(work, Artifact(name="again", text=f"## o1\n{line}"))
    assert len(told.reasons) == 2
    fresh = "## o1\nYou said 23. You have set the figures side by side; lay out the apples."
    assert lesson.explains_anew(work, Artifact(name="again", text=fresh)).accept
    assert lesson.covers_weak(work, Artifact(name="again", text=fresh)).accept


def test_an_objective_that_cannot_be_tested_is_refused() -> None:
    objectives = [{"id": "o1", "says": "Know about sums"}, {"id": "o3", "says": "add"}]
    told = lesson.is_teachable(given("outline"), Artifact(name="outline", data={"objectives": objectives}))
    assert len(told.reasons) == 2


def test_the_record_says_understood_only_where_the_last_answers_were_right() -> None:
    first = grade.graded(QUESTIONS, "1: 5\n2: a\n3: ?")
    second = grade.graded([CHOICE, WORDS], "2: b\n3: minus")
    work = given("record", outline=OUTLINE, grades=first, second_grades=second)
    assert record.states_of(work) == {"o1": "understood", "o2": "not understood yet"}
    text = record.record_of(work)
    assert record.is_honest(work, Artifact(name="record", text=text)).accept
    kind = text.replace("not understood yet", "understood")
    assert record.is_honest(work, Artifact(name="record", text=kind)).reasons == (
        "o2 should be: not understood yet",
    )


@pytest.mark.parametrize("key", ["mission", "mission_zh"])
def test_its_small_mission_is_reached_in_rehearsal(tmp_path: Path, key: str) -> None:
    mission = tomllib.loads((HERE / "template.toml").read_text("utf-8"))[key]
    firm = Rehearsal("tutor", tmp_path / "firm", load_file(HERE / "rehearsal.py").person)
    outcome = firm.carry(mission)
    assert (outcome.ending, outcome.why) == ("reached", "")
    tasks = ends(outcome)
    assert refusals(tasks["quiz"]) == ["programs/quiz.py:is_gradable"]
    assert refusals(tasks["lesson"]) == ["colleague"]
    assert refusals(tasks["answers"]) == ["programs/grade.py:can_be_read"]
    assert [one.name for one in outcome.artifacts] == ["lesson", "second-lesson", "record"]
    assert (
        "第二次讲解后掌握" if key == "mission_zh" else "understood at the second try"
    ) in outcome.artifacts[2].text
    assert len(firm.asked) == 3


def test_the_rehearsal_teaches_nothing_that_it_does_not_know(tmp_path: Path) -> None:
    outcome = Rehearsal("tutor", tmp_path / "firm", lambda question: "stop").carry("Teach me how tides work.")
    assert outcome.ending == "not reached"
    assert "no rule of the scripted model fits" in " ".join(ends(outcome)["outline"].troubles)
