"""The law desk: the contract is taken in without losing a word, and nothing is cited that does not stand in it."""

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
from firm.org.artifact import Artifact

HERE = TEMPLATES / "law-desk"
contract = program("law-desk", "contract")
checklist = program("law-desk", "checklist")
consistency = program("law-desk", "consistency")
findings = program("law-desk", "findings")
register = program("law-desk", "register")

CLAUSES = [
    {"id": "1", "heading": "", "text": "1. The fee is ten euro a day."},
    {"id": "2", "heading": "", "text": "2. The landlord may enter at any time."},
]
POINTS = [
    {"id": "fee", "group": "money", "risk": "low", "asks": "Is there a fee?", "words": ["fee"]},
    {"id": "pets", "group": "money", "risk": "low", "asks": "Are pets allowed?", "words": ["pets"]},
]
FEE = {
    "point": "fee",
    "verdict": "ok",
    "clause": "1",
    "quote": "The fee is ten euro",
    "why": "fair",
    "change": "",
}
PETS = {
    "point": "pets",
    "verdict": "missing",
    "clause": "",
    "quote": "",
    "why": "nothing",
    "change": "allow them",
}
INPUTS: dict[str, Any] = {"contract": {"title": "Lease", "clauses": CLAUSES}, "checklist": {"points": POINTS}}


def made(*found: dict[str, str]) -> Artifact:
    return Artifact(name="findings-money", data={"findings": list(found)})


def example(language: str) -> str:
    name = "example-services.md" if language == "en" else "example-services-zh.md"
    return (HERE / "contracts" / name).read_text("utf-8")


def test_the_plan_has_no_faults() -> None:
    assert plan_faults("law-desk", usd=3.0) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_of_the_example_stands_in_exactly_one_clause(language: str) -> None:
    text = example(language)
    clauses = contract.clauses_of(text)
    assert contract.lost_words(text, clauses) == []
    assert {"3.2", "6.2", "9.3"} <= {one["id"] for one in clauses}
    assert len({one["id"] for one in clauses}) == len(clauses)


def test_a_clause_that_was_shortened_is_noticed_with_the_place() -> None:
    text = example("en")
    clauses = contract.clauses_of(text)
    clauses[5]["text"] = clauses[5]["text"].replace("twenty-four", "four")
    [reason] = contract.lost_words(text, clauses)
    assert "'twenty-four(24)" in reason


def test_a_number_that_comes_twice_still_names_one_clause() -> None:
    assert [one["id"] for one in contract.clauses_of("1. One\n2. Two\n1. Annex")] == ["1", "2", "1-2"]


def test_chinese_articles_are_clauses() -> None:
    found = contract.clauses_of("租赁合同\n第一条 租金为每月一千元。\n第二条 租期一年。")
    assert [one["id"] for one in found] == ["0", "第一条", "第二条"]


def test_the_contract_is_the_file_that_the_mission_names(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "lease.md").write_text("1. Rent", "utf-8")
    (tmp_path / "contracts" / "loan.md").write_text("1. Sum", "utf-8")
    assert contract.find_contract("请审查lease.md，谢谢", tmp_path) == ("contracts/lease.md", "1. Rent")
    with pytest.raises(UsageError, match=r"contracts/lease\.md, contracts/loan\.md"):
        contract.find_contract("review it", tmp_path)


def test_a_contract_in_the_words_of_the_mission_is_taken_too(tmp_path: Path) -> None:
    words = "Review this:\n1. The fee is ten.\n2. Paid monthly.\n3. Ends in May."
    assert contract.find_contract(words, tmp_path) == ("mission", words)


def test_the_planted_contradictions_are_found() -> None:
    clauses = contract.clauses_of(example("en"))
    [reference] = consistency.lost_references(clauses)
    [number] = consistency.numbers_that_disagree(clauses)
    [term] = consistency.terms_without_definition(clauses)
    assert (reference["clause"], reference["quote"]) == ("3.4", "clause 14.3")
    assert (number["clause"], number["quote"]) == ("3.2", "thirty (14)")
    assert (term["clause"], term["quote"]) == ("5.1", "Confidential Information")


def test_a_chinese_article_is_found_by_its_number_too() -> None:
    clauses = contract.clauses_of("第一条 租金见第2条和第9条。\n第二条 一千元。")
    assert [one["quote"] for one in consistency.lost_references(clauses, "zh")] == ["第9条"]


def test_the_planted_contradictions_are_found_in_chinese() -> None:
    clauses = contract.clauses_of(example("zh"))
    assert [one["quote"] for one in consistency.lost_references(clauses)] == ["第14.3条"]
    assert [one["quote"] for one in consistency.numbers_that_disagree(clauses)] == ["三十（14）"]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("within ninety", 90),
        ("one hundred and eighty", 180),
        ("twenty-four", 24),
        ("一百八十", 180),
        ("二十四", 24),
        ("十", 10),
    ],
)
def test_numbers_in_words_are_read(words: str, value: int) -> None:
    assert consistency._last_number(words)[0] == value


def test_words_before_a_figure_that_are_no_number_are_left_alone() -> None:
    assert consistency.numbers_that_disagree([{"id": "1", "text": "as shown in the annex (3)"}]) == []


def test_findings_that_quote_their_clause_pass() -> None:
    work = given("read-money", **INPUTS)
    assert findings.are_answered(work, made(FEE, PETS)).accept
    assert findings.are_quoted(work, made(FEE, PETS)).accept


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quote": "The fee is five euro a day"}, "does not say 'The fee is five euro a day'; it says"),
        ({"clause": "2"}, "stands in clause 1, not in 2"),
        ({"clause": "7"}, "there is no clause '7'"),
        ({"quote": "fee"}, "too short"),
        ({"verdict": "missing"}, "called missing, and clause 1 has 'fee'"),
    ],
)
def test_a_citation_that_does_not_stand_in_the_contract_is_refused(
    change: dict[str, str], reason: str
) -> None:
    verdict = findings.are_quoted(given("read-money", **INPUTS), made(FEE | change, PETS))
    assert not verdict.accept and reason in verdict.reasons[0]


def test_a_point_left_out_invented_or_judged_by_no_known_word_is_refused() -> None:
    work = given("read-money", **INPUTS)
    wrong = findings.are_answered(work, made(FEE | {"verdict": "fine"}, FEE | {"point": "garden"}))
    assert len(wrong.reasons) == 3
    assert "'pets' is not answered" in wrong.reasons[0] and "'garden'" in wrong.reasons[1]
    assert "no change" in findings.are_answered(work, made(FEE, PETS | {"change": " "})).reasons[0]


def test_the_memo_has_to_name_the_clause_of_every_problem() -> None:
    problem = FEE | {"verdict": "problem", "clause": "6.2"}
    work = given("memo", findings_money={"findings": [problem, PETS]}, contradictions={"contradictions": []})
    names = findings.memo_names_every_problem
    assert names(work, Artifact(name="memo", text="See 6.2, and pets.")).accept
    assert not names(work, Artifact(name="memo", text="See 6.21 and 16.2, and pets.")).accept
    assert not names(work, Artifact(name="memo", text="See 6.2.")).accept


def test_the_checklist_reads_in_both_languages_and_refuses_what_nobody_could_check() -> None:
    text = (HERE / "checklists" / "services.toml").read_text("utf-8")
    english, chinese = (checklist.read_points(text, language, "services.toml") for language in ("en", "zh"))
    assert [one["id"] for one in english] == [one["id"] for one in chinese]
    assert english[0]["asks"].startswith("Do we") and chinese[0]["asks"].startswith("自收到")
    assert checklist.faults_of(english) == []
    assert len(checklist.faults_of([POINTS[0], POINTS[0] | {"risk": "big", "group": "fun"}])) == 5
    with pytest.raises(UsageError, match="point 1: it has no group"):
        checklist.read_points('[[points]]\nid = "a"', "en", "mine.toml")


def test_the_register_has_each_point_once_as_it_was_accepted(tmp_path: Path) -> None:
    work = given("register", contradictions={}, findings_money={"findings": [FEE, PETS]}, **INPUTS)
    rows = register.rows_of(work)
    path = tmp_path / "findings.json"
    path.write_text(register.json.dumps(rows), "utf-8")
    assert register.judge(work, [path]).accept
    path.write_text(register.json.dumps([rows[0] | {"verdict": "problem"}, rows[1]]), "utf-8")
    assert register.judge(work, [path]).reasons == ("fee is not in it as it was accepted",)
    assert "| 2 | a\\|b |" in register.table_of(
        [rows[0] | {"clause": "2", "quote": "a|b"}], [], "Lease", "en"
    )


@pytest.mark.parametrize("key", ["mission", "mission_zh"])
def test_its_small_mission_is_reached_in_rehearsal(tmp_path: Path, key: str) -> None:
    mission = tomllib.loads((HERE / "template.toml").read_text("utf-8"))[key]
    firm = Rehearsal("law-desk", tmp_path / "firm")
    outcome = firm.carry(mission)
    assert (outcome.ending, outcome.why) == ("reached", "")
    tasks = ends(outcome)
    assert refusals(tasks["read-risk"]) == ["programs/findings.py:are_quoted"]
    assert refusals(tasks["memo"]) == ["second-reader"]
    assert [one.name for one in outcome.artifacts] == ["memo", "register"]
    assert outcome.language == ("zh" if key == "mission_zh" else "en")
