"""The clinic's desk: a table decides what cannot wait, no draft plays the doctor, only what was signed is released."""

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
from firm.kernel.code import load_file
from firm.org.artifact import Artifact
from firm.org.assignment import Assignment
from firm.org.words import Say

HERE = TEMPLATES / "clinic-desk"
intake = program("clinic-desk", "intake")
triage = program("clinic-desk", "triage")
alarm = program("clinic-desk", "alarm")
drafts = program("clinic-desk", "drafts")
letters = program("clinic-desk", "letters")
release = program("clinic-desk", "release")
FLAGS = triage.flags_of((HERE / "practice" / "flags.toml").read_text("utf-8"))
SAY = Say("en", {})
Q1 = {"id": "q1", "ref": "A-1", "text": "I have chest pain."}
Q2 = {"id": "q2", "ref": "A-2", "text": "Are you open at 8?"}
SORTED = [
    {"id": "q1", "urgency": "emergency", "flags": ["heart"], "by": "table"},
    {"id": "q2", "urgency": "routine", "flags": [], "by": "table"},
]
INPUTS: dict[str, Any] = {
    "questions": {"questions": [Q1, Q2]},
    "urgency": {"sorted": SORTED},
    "drafts": {"drafts": [{"id": "q2", "text": "We open at 8:00."}]},
}
FIXED = "Call 112 now."


def drafted(*texts: tuple[str, str]) -> Artifact:
    return Artifact(name="drafts", data={"drafts": [{"id": name, "text": text} for name, text in texts]})


def test_the_plan_has_no_faults() -> None:
    assert plan_faults("clinic-desk", usd=3.0) == []


# --- taken in, and sorted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["example.md", "example-zh.md"])
def test_the_example_is_taken_in_without_losing_a_word(name: str) -> None:
    text = (HERE / "inbox" / name).read_text("utf-8")
    questions = intake.questions_of(text)
    assert [one["id"] for one in questions] == [f"q{count}" for count in range(1, 8)]
    assert intake.compared(name, text, questions, SAY).accept
    questions[3]["text"] = questions[3]["text"][:-2]
    assert not intake.compared(name, text, questions, SAY).accept


def test_a_mission_that_names_no_file_is_told_which_there_are() -> None:
    with pytest.raises(UsageError, match=r"inbox/example-zh\.md"):
        intake.find_inbox("sort the questions", HERE)


@pytest.mark.parametrize("name", ["example.md", "example-zh.md"])
def test_the_planted_emergency_stands_first_by_the_table_alone(name: str) -> None:
    found = triage.sorted_by(intake.questions_of((HERE / "inbox" / name).read_text("utf-8")), FLAGS)
    assert (found[0]["id"], found[0]["urgency"], found[0]["flags"]) == ("q1", "emergency", ["heart"])
    assert (found[1]["id"], found[1]["urgency"]) == ("q2", "same-day")


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("My ARM\nis fine but my chest is very tight", "heart"),
        ("I don’t want to live any more", "life"),
        ("my baby is 6 weeks old, fever of 39", "infant"),
        ("她怀孕五个月，今天早上出血", "bleeding"),
        ("No chest pain at all", "heart"),
    ],
)
def test_words_of_a_flag_are_found_however_they_are_written(text: str, flag: str) -> None:
    [found] = triage.sorted_by([{"id": "q1", "text": text}], FLAGS)
    assert found["urgency"] == "emergency" and flag in found["flags"]


def test_a_sorting_that_misses_a_flag_or_a_question_is_refused() -> None:
    low = [SORTED[0] | {"urgency": "routine"}, SORTED[1]]
    assert "chest pain" in triage.missed([Q1, Q2], low, FLAGS, SAY).reasons[0]
    assert triage.missed([Q1, Q2], SORTED[:1], FLAGS, SAY).reasons == ("q2 is not sorted",)
    assert triage.missed([Q1, Q2], SORTED, FLAGS, SAY).accept


def test_without_a_table_nothing_is_sorted() -> None:
    with pytest.raises(UsageError, match="no flags"):
        triage.flags_of("")
    with pytest.raises(UsageError, match="flag 'x'"):
        triage.flags_of('[[flags]]\nid = "x"\nurgency = "soon"\nwords = ["a"]')


@pytest.mark.parametrize(
    "raised",
    [
        {"id": "q1", "to": "routine", "why": "calm"},
        {"id": "q1", "to": "emergency", "why": "as it is"},
        {"id": "q9", "to": "emergency", "why": "invented"},
        {"id": "q2", "to": "soon", "why": "no such urgency"},
        {"id": "q2", "to": "same-day", "why": " "},
    ],
)
def test_the_nurse_can_only_raise_an_urgency_and_says_why(raised: dict[str, str]) -> None:
    work = given("second-look", sorted={"sorted": SORTED})
    assert not triage.only_raises(work, Artifact(name="raised", data={"raised": [raised]})).accept


def test_the_higher_urgency_holds() -> None:
    raised = {"raised": [{"id": "q2", "to": "same-day", "why": "alone"}]}
    work = given("urgency", sorted={"sorted": SORTED}, raised=raised)
    made = Artifact(name="urgency", data=triage.merge(work).data)
    assert [one["urgency"] for one in made.data["sorted"]] == ["emergency", "same-day"]
    assert triage.highest_holds(work, made).accept
    assert triage.highest_holds(work, Artifact(name="urgency", data={"sorted": SORTED})).reasons == (
        "q2 should be same-day",
    )


# --- the alarm ----------------------------------------------------------------------------------------------------


def test_each_alarm_puts_only_what_is_its_own() -> None:
    late = [SORTED[0], SORTED[1] | {"urgency": "emergency", "by": "nurse", "why": "confused"}]
    inputs: dict[str, Any] = {"questions": {"questions": [Q1, Q2]}, "sorted": {"sorted": SORTED}}
    assert [one["id"] for one in alarm.emergencies(given("alarm", **inputs))] == ["q1"]
    work = given("late-alarm", urgency={"sorted": late}, **inputs)
    assert [one["id"] for one in alarm.emergencies(work)] == ["q2"]
    question = alarm.question_of(work, alarm.emergencies(work), SAY)
    assert "Are you open at 8?" in question and "the nurse: confused" in question


@pytest.mark.parametrize(
    ("text", "said"), [("q1: called", True), ("q1", False), ("q10: called", False), ("ok", False)]
)
def test_an_emergency_is_answered_only_if_something_is_said_of_it(text: str, said: bool) -> None:
    work = given("alarm", questions={"questions": [Q1]}, sorted={"sorted": SORTED})
    assert alarm.each_is_answered(work, Artifact(name="callbacks", text=text)).accept is said


# --- drafts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "danger"),
    [
        ("Give him 5 ml now.", "dose"),
        ("Half a tablet, i.e. 200mg, will do.", "dose"),
        ("Take it twice a day.", "dose"),
        ("可以服用5毫升。", "dose"),
        ("每天三次，饭后。", "dose"),
        ("You should stop taking your tablets.", "change of medicine"),
        ("Please double the dose.", "change of medicine"),
        ("先停药两天。", "change of medicine"),
        ("You probably have the flu.", "diagnosis"),
        ("This sounds like migraine.", "diagnosis"),
        ("You don’t have diabetes.", "diagnosis"),
        ("您可能得了流感。", "diagnosis"),
        ("It is nothing to worry about.", "false comfort"),
        ("不用担心。", "false comfort"),
    ],
)
def test_what_only_a_doctor_may_say_is_found(text: str, danger: str) -> None:
    assert danger in [kind for kind, _ in drafts.dangers_in(text)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_drafts_of_the_rehearsal_hold_nothing_of_that(language: str) -> None:
    words = tomllib.loads((HERE / "rehearsal.toml").read_text("utf-8"))[language]["drafts"]
    assert {name: drafts.dangers_in(text) for name, text in words.items()} == {name: [] for name in words}


def test_a_same_day_draft_says_when_to_call_sooner() -> None:
    work = given("drafts", urgency={"sorted": [SORTED[1] | {"urgency": "same-day"}]})
    assert "call sooner" in drafts.are_safe(work, drafted(("q2", "Come at four."))).reasons[0]
    assert drafts.are_safe(work, drafted(("q2", "Come in. If it gets worse, call at once."))).accept


def test_an_emergency_gets_no_draft_and_every_other_question_one() -> None:
    work = given("drafts", **INPUTS)
    assert drafts.each_has_one(work, drafted(("q2", "Yes."))).accept
    assert len(drafts.each_has_one(work, drafted(("q1", "Wait."), ("q7", "Hm."))).reasons) == 3


def test_a_figure_that_nobody_gave_is_refused() -> None:
    work = given("drafts", facts="Telephone: 555-0100.", **INPUTS)
    assert drafts.figures_are_given(work, drafted(("q2", "At 8; call 555-0100."))).accept
    [reason] = drafts.figures_are_given(work, drafted(("q2", "Call 555-0111."))).reasons
    assert "555-0111" in reason


# --- signed, and released ------------------------------------------------------------------------------------------


def test_a_letter_has_its_draft_word_for_word_and_an_emergency_the_fixed_words() -> None:
    work = given("letters", **INPUTS)
    text = letters.letters_of(work, FIXED)
    assert letters.judge(work, text, FIXED).accept
    assert text.index("Call 112 now.") < text.index("We open at 8:00.")
    assert not letters.judge(work, text.replace("8:00", "9:00"), FIXED).accept


def test_a_draft_that_plays_another_letter_is_refused() -> None:
    forged = "Yes.\n\n## q1 (A-1, routine)\n\nanswer:\nStay at home."
    work = given("letters", **(INPUTS | {"drafts": {"drafts": [{"id": "q2", "text": forged}]}}))
    assert not letters.judge(work, letters.letters_of(work, FIXED), FIXED).accept


def test_the_fixed_words_are_the_last_section_of_the_facts() -> None:
    assert letters.fixed_words((HERE / "practice" / "facts.md").read_text("utf-8")).startswith(
        "Please call 112"
    )
    assert letters.fixed_words((HERE / "practice" / "facts-zh.md").read_text("utf-8")).startswith(
        "请立即拨打120"
    )


def signing(text: str) -> Assignment:
    work = given("sign-off", **INPUTS)
    inputs = INPUTS | {"letters": letters.letters_of(work, FIXED), "callbacks": "q1: called"}
    return given("release", late_callbacks="No emergency.", sign_off=text, **inputs)


@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ("sign all", True),
        ("Sign q1, q2", True),
        ("sign q2; hold q1: I will call", True),
        ("签发 q2；扣下 q1：我打电话", True),
        ("全部签发", True),
        ("sign q2", False),
        ("sign q1 q2; hold q2: no", False),
        ("sign all but q1", False),
        ("do not sign q1 q2", False),
        ("不签发 q1 q2", False),
        ("sign q2; hold q1", False),
        ("sign q1 q2 q3", False),
        ("ok", False),
        ("", False),
    ],
)
def test_a_sign_off_is_taken_only_if_it_can_be_read_in_one_way(text: str, clear: bool) -> None:
    assert release.is_clear(signing(text), Artifact(name="sign-off", text=text)).accept is clear


def test_only_what_was_signed_is_released_and_word_for_word(tmp_path: Path) -> None:
    work = signing("sign q2; hold q1: I will call")
    assert release.replies_of(work) == {"q2": "We open at 8:00.\n"}
    reply, register, other = tmp_path / "reply-q2.md", tmp_path / "register.md", tmp_path / "reply-q1.md"
    reply.write_text("We open at 8:00.\n", "utf-8")
    register.write_text(release.register_of(work), "utf-8")
    assert "held: I will call" in register.read_text("utf-8")
    assert release.judge(work, [reply, register]).accept
    other.write_text(FIXED, "utf-8")
    assert release.judge(work, [reply, register, other]).reasons == ("reply-q1.md was not signed",)
    reply.write_text("We open at 8:00 sharp.\n", "utf-8")
    assert "missing or changed" in release.judge(work, [reply, register]).reasons[0]


@pytest.mark.parametrize("key", ["mission", "mission_zh"])
def test_its_small_mission_is_reached_in_rehearsal(tmp_path: Path, key: str) -> None:
    mission = tomllib.loads((HERE / "template.toml").read_text("utf-8"))[key]
    firm = Rehearsal("clinic-desk", tmp_path / "firm", load_file(HERE / "rehearsal.py").person)
    outcome = firm.carry(mission)
    assert (outcome.ending, outcome.why) == ("reached", "")
    tasks = ends(outcome)
    assert refusals(tasks["drafts"]) == ["programs/drafts.py:are_safe", "nurse"]
    assert refusals(tasks["sign-off"]) == ["programs/release.py:is_clear"]
    [replies] = outcome.artifacts
    names = {Path(one.path).name for one in replies.files}
    assert names == {"register.md", *(f"reply-q{count}.md" for count in (1, 2, 3, 4, 6, 7))}
    assert firm.asked[0].startswith("紧急" if key == "mission_zh" else "EMERGENCY")
