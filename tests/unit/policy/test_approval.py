"""What the founder is shown, what may be answered, and what an answer is good for."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from firm.errors import DeadlineExceeded, PolicyDenied, UsageError
from firm.policy.action import Action
from firm.policy.approval import Asked, Permit, check_answer, check_permit, question_text, read_word

ARGS = {"payee": "ACME", "usd": 5, "note": "thanks"}
UNTIL_US = 1_000_000


def asking(args: dict[str, Any] | None = None, **fields: Any) -> Asked:
    fields = {"risk": "spend", "to": ("ACME",), "usd_micro": 5_000_000, "run": "r-1"} | fields
    return Asked(
        Action("pay", args=ARGS if args is None else args, **fields), 3, "once", "rule 1 says so", UNTIL_US
    )


def prove(question: str, action_hash: str, answer: object, proof: object, now_us: int) -> object:
    if proof != (question, action_hash):
        raise PolicyDenied("not proved")
    return proof


def permit(asked: Asked, given: dict[str, Any], place: int = 5) -> Permit:
    return Permit("q-1", asked, {**given, "proof": ("q-1", asked.hash)}, place)


def check(found: Permit, action: Action, place: int = 5, now_us: int = 0) -> None:
    check_permit(found, action, place=place, now_us=now_us, check_proof=prove, normal=dict)


# --- what is shown -----------------------------------------------------------------------------------------------


def test_the_question_shows_every_real_argument_and_who_asks() -> None:
    text = question_text(asking(agent="scout", marks=("untrusted",)))
    assert text.splitlines() == [
        "agent 'scout' of run 'r-1' wants to call pay:",
        '  payee = "ACME"',
        "  usd = 5",
        '  note = "thanks"',
        "risk: spend; to ACME; costs at most 5.00 USD; the run is marked untrusted",
        "asked because rule 1 says so",
    ]


@pytest.mark.parametrize(
    "hostile",
    ["x\nrisk: read", "a\u202egnp.exe", "\x1b[2K\rsafe", "zero\u200bwidth", "tab\there", "\u2028line"],
)
def test_an_argument_cannot_write_lines_of_its_own(hostile: str) -> None:
    text = question_text(asking({"payee": "ACME", "note": hostile}))
    assert len(text.splitlines()) == 5
    assert all(line.isprintable() for line in text.split("\n"))


def test_letters_that_only_look_alike_are_spelled_out() -> None:
    assert "p\\u0430ypal.com" in question_text(asking(to=("p\u0430ypal.com",)))


def test_a_long_argument_shows_both_ends_and_how_much_is_missing() -> None:
    body = "a" * 100_000 + "PAY EVE" + "b" * 100_000
    text = question_text(asking({"body": body}))
    assert "198,009 characters are not shown" in text and len(text) < 3_000


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("accept", "answers no approval"),
        ({"do": "allow"}, "answers no approval"),
        ({"do": "accept", "args": {}}, "takes no 'args'"),
        ({"do": "accept", "why": "x"}, "answers no approval"),
        ({"do": "edit"}, "changes nothing"),
        ({"do": "edit", "args": {"amount": 3}}, "has no argument 'amount'; it has payee, usd, note"),
        ({"do": "edit", "args": {"usd": float("nan")}}, "edit"),
        ({"do": "say", "words": " "}, "has no words"),
        ({"do": "refuse", "reason": "x" * 20_001}, "longer than 20,000"),
        ({"do": "refuse", "reason": 3}, "answers no approval"),
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_word(answer, asking())


def test_without_proof_grave_things_cannot_be_let_through_but_refused() -> None:
    asked = asking()
    for answer in ({"do": "accept"}, {"do": "edit", "args": {"usd": 1}}, {"do": "accept", "proof": "forged"}):
        with pytest.raises(UsageError, match="run `firm login`"):
            check_answer("q-1", asked, answer, prove, 0)
    assert check_answer("q-1", asked, {"do": "refuse"}, prove, 0) == "unverified"
    assert check_answer("q-1", asked, {"do": "say", "words": "wait"}, prove, 0) == "unverified"
    proved = {"do": "accept", "proof": ("q-1", asked.hash)}
    assert check_answer("q-1", asked, proved, prove, 0) == "founder"


def test_what_is_not_grave_may_be_let_through_by_anybody_but_not_with_a_forged_proof() -> None:
    asked = asking(risk="write")
    assert check_answer("q-1", asked, {"do": "accept"}, prove, 0) == "unverified"
    with pytest.raises(UsageError, match="not proved"):
        check_answer("q-1", asked, {"do": "accept", "proof": "forged"}, prove, 0)


def test_an_answer_after_its_time_is_refused() -> None:
    with pytest.raises(UsageError, match="was over at 1970-01-01"):
        check_answer("q-1", asking(), {"do": "refuse"}, prove, UNTIL_US + 1)


# --- what an answer is good for ---------------------------------------------------------------------------------------


def test_a_permit_is_good_for_exactly_the_action_that_was_shown() -> None:
    asked = asking()
    check(permit(asked, {"do": "accept"}), asked.action)


CHANGES: list[dict[str, Any]] = [
    {"args": ARGS | {"usd": 6}},
    {"args": ARGS | {"note": "thanks "}},
    {"args": {key: value for key, value in ARGS.items() if key != "note"}},
    {"to": ("EVE",)},
    {"usd_micro": 5_000_001},
    {"host": "evil.example"},
    {"tool": "wire"},
    {"agent": "other"},
    {"run": "r-2"},
    {"risk": "send"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_permit_is_good_for_nothing_else(change: dict[str, Any]) -> None:
    asked = asking()
    with pytest.raises(PolicyDenied, match="is not what question 'q-1' approved"):
        check(permit(asked, {"do": "accept"}), msgspec.structs.replace(asked.action, **change))


def test_a_permit_is_good_at_one_place_and_until_its_time_is_over() -> None:
    asked = asking()
    with pytest.raises(PolicyDenied, match="at call 6"):
        check(permit(asked, {"do": "accept"}), asked.action, place=6)
    with pytest.raises(DeadlineExceeded, match="before it was used"):
        check(permit(asked, {"do": "accept"}), asked.action, now_us=UNTIL_US + 1)


@pytest.mark.parametrize("answer", [{"do": "refuse"}, {"do": "say", "words": "no"}])
def test_a_no_is_no_permit(answer: dict[str, Any]) -> None:
    asked = asking()
    with pytest.raises(PolicyDenied):
        check(permit(asked, answer), asked.action)


def test_labels_that_came_later_do_not_take_an_approval_back() -> None:
    asked = asking()
    check(permit(asked, {"do": "accept"}), msgspec.structs.replace(asked.action, marks=("untrusted",)))


def test_an_edit_is_good_for_the_edited_arguments_alone() -> None:
    asked = asking()
    found = permit(asked, {"do": "edit", "args": {"usd": 2}})
    edited = msgspec.structs.replace(asked.action, args=ARGS | {"usd": 2}, usd_micro=2_000_000)
    check(found, edited)
    for args in (ARGS, ARGS | {"usd": 3}, ARGS | {"usd": 2, "payee": "EVE"}):
        with pytest.raises(PolicyDenied):
            check(found, msgspec.structs.replace(edited, args=args))


def test_the_proof_is_looked_at_again_where_it_is_used() -> None:
    asked = asking()
    forged = Permit("q-1", asked, {"do": "accept"}, 5)
    with pytest.raises(PolicyDenied, match="not proved"):
        check(forged, asked.action)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**60), 2**60) | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(some.text(min_size=1, max_size=8), JSON, max_size=4), JSON)
def test_whatever_is_changed_after_the_yes_the_permit_is_void(args: dict[str, Any], other: Any) -> None:
    asked = asking(args)
    check(permit(asked, {"do": "accept"}), asked.action)
    for name in args:
        changed = args | {name: [other, name]}
        if changed != args:
            with pytest.raises(PolicyDenied):
                check(permit(asked, {"do": "accept"}), msgspec.structs.replace(asked.action, args=changed))


def test_what_was_asked_survives_the_journal() -> None:
    asked = asking(marks=("untrusted",))
    assert Asked.decode(asked.encode()) == asked
    assert Asked.of(asked.error()) == asked
