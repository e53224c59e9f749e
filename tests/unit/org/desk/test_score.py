"""Which experts are asked: a pure function of the question and of the record."""

import msgspec
import pytest

from firm.org.desk.call import CloseCall, Option
from firm.org.desk.expert import built_in
from firm.org.desk.score import Advice, Past, Record, overlap, ranked, records_of, route, score
from firm.org.role import Role

ADA = Role(name="ada", fields=("pricing", "discount"))
BO = Role(name="bo", fields=("contract",))
CY = Role(name="cy", fields=("wing",))
DI = Role(name="di", fields=("wing",))
CALL = CloseCall(
    question="Which price for the course?",
    options=(Option("19 USD"), Option("29 USD")),
    kind="pricing",
)


def past(*, choice: str = "a", by: str = "founder", **more: object) -> Past:
    given = {
        "run": "r-1",
        "kind": "pricing",
        "question": "?",
        "advice": (Advice("ada", "a"), Advice("bo", "b")),
    }
    return Past(choice=choice, by=by, **{**given, **more})  # type: ignore[arg-type]


def counts(record: Record) -> tuple[int, int, int, int, int]:
    return record.asked, record.agreed, record.differed, record.right, record.wrong


def test_the_record_counts_where_the_founder_agreed_and_where_he_differed() -> None:
    ada, bo = records_of([past(), past(choice="b"), past()])
    assert counts(ada) == (3, 2, 1, 0, 0) and (ada.good, ada.bad) == (1.0, 0.5)
    assert counts(bo) == (3, 1, 2, 0, 0) and (bo.good, bo.bad) == (0.5, 1.0)


def test_what_was_decided_by_default_says_nothing_of_the_founders_view() -> None:
    ada, bo = records_of([past(by="default")])
    assert counts(ada) == counts(bo) == (1, 0, 0, 0, 0)
    assert ada.good == ada.bad == bo.good == bo.bad == 0


def test_an_outcome_replaces_the_founders_agreement() -> None:
    ada, bo = records_of([past(right=False)])
    assert counts(ada) == (1, 1, 0, 0, 1) and (ada.good, ada.bad) == (0.0, 1.0)
    assert counts(bo) == (1, 0, 1, 1, 0) and (bo.good, bo.bad) == (1.0, 0.0)


def test_of_three_options_a_wrong_one_does_not_make_another_right() -> None:
    ada, bo = records_of([past(right=False, options=3)])
    assert counts(ada)[3:] == (0, 1)
    assert counts(bo)[3:] == (0, 0)


def test_records_are_kept_by_kind() -> None:
    found = records_of([past(), past(kind="law")])
    assert [(one.kind, one.expert) for one in found] == [
        ("law", "ada"),
        ("law", "bo"),
        ("pricing", "ada"),
        ("pricing", "bo"),
    ]


def test_a_field_fits_where_all_its_words_stand_in_the_question_its_kind_or_its_options() -> None:
    assert overlap(["prices"], CALL) == 0.5
    assert overlap(["price", "pricing", "usd"], CALL) == 0.875
    assert overlap(["course price", "price of gold"], CALL) == 0.5
    assert overlap(["law"], CALL) == overlap([], CALL) == 0.0


def test_a_field_in_chinese_fits_where_it_stands_as_it_is_written() -> None:
    call = msgspec.structs.replace(CALL, question="课程的定价应该是多少?", kind="general")
    assert overlap(["定价", "法律"], call) == 0.5


def test_without_a_record_the_score_is_the_prior() -> None:
    assert score((), CALL, None) == pytest.approx(0.4)
    assert score(("price",), CALL, None) == pytest.approx(0.6)


def test_the_score_is_the_mean_of_the_posterior() -> None:
    record = Record(expert="bo", kind="pricing", good=3.0, bad=1.0)
    assert score((), CALL, record) == pytest.approx((0.4 * 6 + 3) / (6 + 4))


def test_the_expert_whose_field_it_is_is_asked_first() -> None:
    assert [role.name for role in route([CY, BO, ADA], CALL, [])] == ["ada"]


def test_ties_go_by_name_and_at_most_three_are_asked() -> None:
    four = [Role(name=name) for name in "dcba"]
    assert [role.name for role in route(four, CALL, [])] == ["a", "b", "c"]


def test_a_record_of_being_right_beats_the_field() -> None:
    good = Record(expert="bo", kind="pricing", good=9.0)
    bad = Record(expert="ada", kind="pricing", bad=9.0)
    assert [role.name for role in route([ADA, BO, CY], CALL, [good, bad])] == ["bo"]


def test_a_record_on_another_kind_counts_for_nothing() -> None:
    good = Record(expert="bo", kind="law", good=9.0)
    assert ranked([ADA, BO], CALL, [good]) == ranked([ADA, BO], CALL, [])


def test_one_is_asked_beside_the_best_whose_score_comes_near() -> None:
    near = Record(expert="bo", kind="pricing", good=2.0)
    assert [role.name for role in route([ADA, BO, CY, DI], CALL, [near])] == ["ada", "bo"]


def test_the_built_in_experts_are_many_with_different_fields() -> None:
    found = built_in()
    assert 15 <= len(found) <= 20
    assert all(role.purpose and len(role.rules) >= 3 and role.held_by == "agent" for role in found)
    taken = [field for role in found for field in role.fields]
    assert len(taken) == len(set(taken)), "two experts have the same field"
    assert all(any(not field.isascii() for field in role.fields) for role in found)


@pytest.mark.parametrize(
    ("question", "kind", "expert"),
    [
        ("Shall we raise the price of the course?", "general", "pricing"),
        ("Shall we sign this contract with its liability clause?", "general", "law"),
        ("Two solvers differ on the drag of the airfoil: which one do we trust?", "general", "engineering"),
        ("要不要给这位用户退款?", "general", "support"),
        ("Ada or Bo?", "hiring", "hiring"),
    ],
)
def test_a_question_finds_its_expert(question: str, kind: str, expert: str) -> None:
    call = msgspec.structs.replace(CALL, question=question, kind=kind, options=(Option("A"), Option("B")))
    asked = route(built_in(), call, [])
    assert 1 <= len(asked) <= 3
    assert asked[0].name == expert
