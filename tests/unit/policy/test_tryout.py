"""Examples held against the rules, and tests of rules in a file."""

import tomllib
from typing import Any

import pytest

from firm.errors import UsageError
from firm.policy.capability import EMPTY, Capability
from firm.policy.consistent import BadRule
from firm.policy.narrow import narrow
from firm.policy.rule import Rule
from firm.policy.rulebook import Rulebook
from firm.policy.tryout import Example, Facts, action_of, examples_of, run_tests, try_out

NOW_US = 1_800_000_000_000_000
TOOLS = {
    "mail": Facts("mail", "send", to="to"),
    "get": Facts("get", "read", host="host"),
    "pay": Facts("pay", "spend", to="payee", amount="usd"),
}
BOOK = Rulebook((Rule("allow", tool="mail", number=1), Rule("ask", where={"to": "*@example.org"}, number=2)))


def test_an_example_becomes_the_action_that_the_tool_would_make() -> None:
    pay = action_of(Example("pay", {"payee": ["a", "b"], "usd": 2.5}, marks=("b", "a", "b")), TOOLS)
    assert (pay.risk, pay.destinations, pay.usd_micro, pay.marks) == (
        "spend",
        ("a", "b"),
        2_500_000,
        ("a", "b"),
    )
    assert action_of(Example("get", {"host": "example.com"}), TOOLS).host == "example.com"
    assert action_of(Example("unknown"), TOOLS).risk == "spend"
    said = action_of(Example("pay", {"payee": "a"}, to=("z",), risk="read", host="h", usd=1), TOOLS)
    assert (said.to, said.risk, said.host, said.usd_micro) == (("z",), "read", "h", 1_000_000)


@pytest.mark.parametrize("usd", [-1, "5", True, float("nan")])
def test_an_amount_that_cannot_be_is_refused(usd: Any) -> None:
    with pytest.raises(UsageError, match="give US dollars"):
        action_of(Example("pay", {"usd": usd}), TOOLS)


def test_every_rule_that_fits_is_said_and_whether_it_was_overruled() -> None:
    trial = try_out(Example("mail", {"to": "ann@example.org"}), BOOK, NOW_US, tools=TOOLS)
    assert trial.verdict.then == "ask"
    assert [(fit.name, fit.then, fit.overruled) for fit in trial.fits] == [
        ("rule 1", "allow", True), ("rule 2", "ask", False),
    ]  # fmt: skip


def test_rules_that_were_not_reached_are_said_too() -> None:
    charter = narrow(EMPTY, capabilities=[Capability("get")])
    trial = try_out(Example("mail", {"to": "ann@example.com"}), BOOK, NOW_US, charter=charter, tools=TOOLS)
    assert (trial.verdict.then, trial.verdict.by) == ("deny", "capability")
    assert [(fit.name, fit.overruled) for fit in trial.fits] == [("rule 1", True)]


FILE = """
[[test]]
name = "mail inside"
tool = "mail"
args = {to = "ann@example.com"}
expect = "allow"

[[test]]
tool = "mail"
args.to = "ann@example.com"
tainted = true
expect = "ask"

[[test]]
tool = "pay"
to = "shop"
usd = 3
agent = "ann"
expect = "allow"
"""


def test_the_tests_of_a_file_are_run_in_its_order() -> None:
    trials = run_tests(examples_of(tomllib.loads(FILE), tools=TOOLS), BOOK, NOW_US, tools=TOOLS)
    assert [trial.as_expected for trial in trials] == [True, True, False]
    assert [trial.verdict.then for trial in trials] == ["allow", "ask", "ask"]
    assert trials[0].example.name == "mail inside"


@pytest.mark.parametrize(
    ("toml", "place", "told"),
    [
        ("[[tests]]\ntool = 'a'", ("tests",), "written as [[test]]"),
        ("[[test]]\nexpect = 'ask'", ("test", 0), "has no tool"),
        ("[[test]]\ntool = 'mail'", ("test", 0), "has no expect"),
        ("[[test]]\ntool = 'mail'\nexpect = 'yes'", ("test", 0, "expect"), "allow, ask, deny"),
        ("[[test]]\ntool = 'mail'\nexpect = 'ask'\nrisk = 'x'", ("test", 0, "risk"), "pure, read"),
        ("[[test]]\ntool = 'mial'\nexpect = 'ask'", ("test", 0, "tool"), "did you mean 'mail'?"),
        (
            "[[test]]\ntool = 'mail'\nexpect = 'ask'\ntaint = true",
            ("test", 0, "taint"),
            "did you mean 'tainted'?",
        ),
        ("[[test]]\ntool = 'mail'\nexpect = 'ask'\ntainted = 1", ("test", 0, "tainted"), "true or false"),
        ("[[test]]\ntool = 'mail'\nexpect = 'ask'\nto = [1]", ("test", 0, "to"), "text in quotes, or a list"),
        ("test = [3]", ("test", 0), "write [[test]]"),
        ("test = 3", ("test",), "written as [[test]]"),
    ],
)
def test_a_test_that_cannot_be_meant_is_refused(toml: str, place: tuple[str | int, ...], told: str) -> None:
    with pytest.raises(BadRule) as caught:
        examples_of(tomllib.loads(toml), tools=TOOLS)
    assert caught.value.place == place
    assert told in str(caught.value)


def test_a_test_with_an_amount_that_cannot_be_names_its_place() -> None:
    with pytest.raises(BadRule, match=r"\[\[test\]\] 1: usd=-1") as caught:
        run_tests([Example("pay", usd=-1)], BOOK, NOW_US)
    assert caught.value.place == ("test", 0)
