"""Rules, capabilities and mandates, as firm.toml gives them."""

import tomllib
from typing import Any

import pytest

from firm.errors import UsageError
from firm.policy.capability import Capability
from firm.policy.load import BadRule, capabilities_of, foreign_currency, mandates_of, rules_of
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import Rulebook

READ = {"rules": rules_of, "capabilities": capabilities_of, "mandates": mandates_of}


def read(toml: str) -> Any:
    [(section, tables)] = tomllib.loads(toml).items()
    return READ[section](tables)


def test_rules_are_numbered_in_their_order() -> None:
    rules = read(
        '[[rules]]\ntool = "mail"\nwhere.to = "*@example.com"\nthen = "allow"\n'
        '[[rules]]\nusd_over = 5\nthen = "ask"\n'
    )
    assert rules == (
        Rule("allow", tool="mail", where={"to": "*@example.com"}, number=1),
        Rule("ask", usd_over=5, number=2),
    )


def test_capabilities_are_kept_by_agent_each_with_an_id() -> None:
    found = read(
        '[[capabilities]]\nagent = "scout"\ntool = "call"\nto = "ann"\ncalls = 3\n'
        '[[capabilities]]\nagent = "scout"\ntool = "find"\nid = "finding"\nto = ["a", "b*"]\n'
        '[[capabilities]]\nagent = "clerk"\ntool = "call"\nto = "ann"\ncalls = 3\n'
    )
    assert list(found) == ["scout", "clerk"]
    assert found["scout"][1] == Capability("find", id="finding", to=("a", "b*"))
    assert found["scout"][0].id != found["clerk"][0].id


def test_mandates_are_read() -> None:
    assert read('[[mandates]]\npayee = "shop"\nusd = 50\nper = "week"') == (Mandate("shop", 50, "week"),)


BAD = [
    ('[[rules]]\ntool = "a"', ("rules", 0), "says not what is to happen"),
    ('[[rules]]\nthen = "deny"', ("rules", 0), "speaks of everything"),
    ('[[rules]]\ntool = "a"\nthen = "maybe"', ("rules", 0, "then"), "give allow, ask or deny"),
    ('[[rules]]\ntol = "a"\nthen = "ask"', ("rules", 0, "tol"), "did you mean 'tool'"),
    ('[[rules]]\ntool = 3\nthen = "ask"', ("rules", 0, "tool"), "give text in quotes"),
    ('[[rules]]\nrisk = "grave"\nthen = "ask"', ("rules", 0, "risk"), "pure, read, write, send, spend"),
    ('[[rules]]\nusd_over = -1\nthen = "ask"', ("rules", 0, "usd_over"), "give US dollars"),
    ('[[rules]]\nusd_over = nan\nthen = "ask"', ("rules", 0, "usd_over"), "give US dollars"),
    ('[[rules]]\nusd_over = true\nthen = "ask"', ("rules", 0, "usd_over"), "a number of US dollars"),
    ('[[rules]]\nusd_over = 5\nthen = "allow"', ("rules", 0, "usd_over"), "allows what costs more"),
    ('[[rules]]\neur_over = 5\nthen = "ask"', ("rules", 0, "eur_over"), "US dollars only"),
    ('[[rules]]\n"over_€" = 5\nthen = "ask"', ("rules", 0, "over_€"), "US dollars only"),
    ('[[rules]]\nusd_over = "5 EUR"\nthen = "ask"', ("rules", 0, "usd_over"), "US dollars only"),
    ('[[rules]]\ntool = "a"\nwhere.x = 2027-01-01\nthen = "ask"', ("rules", 0), "times are text in quotes"),
    ('[[rules]]\ntool = "a"\nwhere = "x"\nthen = "ask"', ("rules", 0, "where"), "give a table such as"),
    (
        '[[rules]]\ntool = "a"\nthen = "ask"\n[[rules]]\ntool = "a"\nthen = "deny"',
        ("rules", 1),
        "under the same conditions",
    ),
    ('[[capabilities]]\ntool = "a"', ("capabilities", 0), "names no agent"),
    ('[[capabilities]]\nagent = "a"', ("capabilities", 0), "names no tool"),
    ('[[capabilities]]\nagent = "a"\ntool = "b"\ncalls = -1', ("capabilities", 0), "give a whole number"),
    ('[[capabilities]]\nagent = "a"\ntool = "b"\ncalls = 1.5', ("capabilities", 0, "calls"), "a whole number"),
    ('[[capabilities]]\nagent = "a"\ntool = "b"\nto = 3', ("capabilities", 0, "to"), "text in quotes, or a list"),
    (
        '[[capabilities]]\nagent = "a"\ntool = "b"\nuntil = 2027-01-01T00:00:00Z',
        ("capabilities", 0, "until"),
        "a time in quotes",
    ),
    ('[[capabilities]]\nagent = "a"\ntool = "b"\nuntil = "2027-01-01"', ("capabilities", 0), "has no zone"),
    ('[[capabilities]]\nagent = "a"\ntool = "b"\nuntil = "soon"', ("capabilities", 0), "is no time"),
    ('[[capabilities]]\nagent = "a"\ntool = "b"\ndelegate = "no"', ("capabilities", 0, "delegate"), "true or false"),
    (
        '[[capabilities]]\nagent = "a"\ntool = "b"\nid = "x"\n[[capabilities]]\nagent = "a"\ntool = "c"\nid = "x"',
        ("capabilities", 1, "id"),
        "they would count together",
    ),
    ('[[mandates]]\nusd = 5', ("mandates", 0), "names no payee"),
    ('[[mandates]]\npayee = "shop"', ("mandates", 0), "names no usd"),
    ('[[mandates]]\npayee = ""\nusd = 5', ("mandates", 0), "name exactly one destination"),
    ('[[mandates]]\npayee = "shop"\nusd = 5\nper = "year"', ("mandates", 0), "give 'day', 'week' or 'month'"),
    ('[[mandates]]\npayee = "shop"\nusd = -5', ("mandates", 0), "give US dollars"),
    ('[[mandates]]\npayee = "shop"\ngbp = 5', ("mandates", 0, "gbp"), "US dollars only"),
    (
        '[[mandates]]\npayee = "shop"\nusd = 5\n[[mandates]]\npayee = "shop"\nusd = 6',
        ("mandates", 1),
        "they would count together",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("toml", "place", "told"), BAD)
def test_what_cannot_be_meant_is_refused_with_its_place(
    toml: str, place: tuple[str | int, ...], told: str
) -> None:
    with pytest.raises(BadRule) as caught:
        read(toml)
    assert caught.value.place == place
    assert told in str(caught.value)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("word", ["eur_per_day", "€", "budget_gbp", "5 EUR", "£3", "yen", "EURO"])
def test_other_currencies_are_known_by_their_words(word: str) -> None:
    assert foreign_currency(word)


@pytest.mark.parametrize("word", ["usd", "usd_per_day", "neural", "seller", "chfx", "amateur_limit", "$5"])
def test_other_words_are_no_currencies(word: str) -> None:
    assert not foreign_currency(word)


TOOLS = frozenset({"mail", "find"})


@pytest.mark.parametrize(
    ("book", "place", "told"),
    [
        ({"rules": (Rule("deny", tool="mial"),)}, ("rules", 0, "tool"), "is no tool; did you mean 'mail'?"),
        ({"rules": (Rule("deny", tool="x*"),)}, ("rules", 0, "tool"), "fits no tool; known: find, mail"),
        ({"mandates": (Mandate("shop", 5, tool="pay"),)}, ("mandates", 0, "tool"), "'pay' is no tool"),
        (
            {"capabilities": {"a": (Capability("fnd"),)}},
            ("capabilities", "a", "tool"),
            "did you mean 'find'?",
        ),
    ],
)
def test_what_speaks_of_a_tool_that_is_not_there_is_refused(
    book: dict[str, Any], place: tuple[str | int, ...], told: str
) -> None:
    assert Rulebook(**book).tools == frozenset()
    with pytest.raises(BadRule) as caught:
        Rulebook(**book, tools=TOOLS)
    assert caught.value.place == place
    assert told in str(caught.value)


def test_rules_for_tools_that_are_there_and_for_models_are_taken() -> None:
    rules = tuple(Rule("ask", tool=tool) for tool in ("mail", "*", "f?nd", "chat", "embed", ""))
    assert Rulebook(rules, tools=TOOLS).rules == rules
