"""What a hostile model could do without asking."""

import pytest

from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.hostile import Worst, worst_of
from firm.policy.narrow import narrow
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import EVERYTHING, Rulebook
from firm.policy.tryout import Facts
from firm.units.purse import Limit, Purse

NOW_US = 1_800_000_000_000_000
FIND, MAIL, PAY = Facts("find", "read"), Facts("mail", "send", to="to"), Facts("pay", to="to", amount="usd")
CHAT = Facts("chat", "read")
FIRM = Purse("firm", (Limit("usd_micro", 20_000_000, "day"),))


def worst(*capabilities: Capability, book: Rulebook | None = None, purses: tuple[Purse, ...] = ()) -> Worst:
    charter: Charter = narrow(EMPTY, capabilities=capabilities) if capabilities else EMPTY
    return worst_of("ann", [FIND, MAIL, PAY], charter, book or Rulebook(), NOW_US, purses=purses)


def names(found: Worst, *, tainted: bool = True) -> list[str]:
    return [way.tool for way in found.when(tainted=tainted)]


def test_without_rules_it_may_read_and_nothing_leaves_the_firm() -> None:
    found = worst()
    assert names(found) == names(found, tainted=False) == ["find"]
    assert found.usd_micro_per_day == 0


def test_what_a_rule_allows_ends_with_the_first_untrusted_read() -> None:
    found = worst(book=Rulebook((Rule("allow", tool="mail", where={"to": "*@example.com"}),)))
    assert names(found, tainted=False) == ["find", "mail"]
    assert names(found) == ["find"]


@pytest.mark.parametrize(
    ("rule", "free"),
    [
        (Rule("ask", tool="find"), False),
        (Rule("deny", risk="read"), False),
        (Rule("deny", agent="ann"), False),
        (Rule("deny", agent="bob"), True),
        (Rule("deny", tool="find", where={"q": "secret"}), True),
        (Rule("deny", tool="find", host="evil.example"), True),
        (Rule("ask", tool="find", usd_over=1), True),
    ],
)
def test_only_a_rule_that_cannot_be_avoided_binds(rule: Rule, free: bool) -> None:
    assert names(worst(book=Rulebook((rule,)))) == (["find"] if free else [])


def test_what_is_named_stays_open_with_its_bounds() -> None:
    found = worst(Capability("pay", id="p", to=("shop", "b*"), usd=5), Capability("mail", to=("ann",)))
    mail, pay = found.ways
    assert (mail.tool, mail.to, mail.tainted, mail.costs) == ("mail", ("ann",), True, False)
    assert (pay.to, pay.tainted, pay.costs) == (("shop",), True, True)
    assert pay.purses == (Purse("capability/p", (Limit("usd_micro", 5_000_000),)),)
    assert found.usd_micro_per_day == 5_000_000


def test_a_mandate_is_what_it_costs_at_most() -> None:
    found = worst(book=Rulebook(mandates=(Mandate("shop", 8, "week"), Mandate("post", 3, "day", tool="pay"))))
    assert [(way.tool, way.to) for way in found.ways if way.by.startswith("mandate")] == [
        ("mail", ("shop",)), ("pay", ("shop",)), ("pay", ("post",)),
    ]  # fmt: skip
    assert found.usd_micro_per_day == 11_000_000


def test_the_purse_of_the_firm_bounds_what_nothing_else_does() -> None:
    book = Rulebook((Rule("allow", tool="pay"),))
    assert worst(book=book).usd_micro_per_day is None
    assert worst(book=book, purses=(FIRM,)).usd_micro_per_day == 20_000_000
    hourly = Purse("agent/ann", (Limit("usd_micro", 100_000, "hour"),))
    assert worst(book=book, purses=(FIRM, hourly)).usd_micro_per_day == 2_400_000
    each = worst(Capability("pay", to=("shop",), usd=5, per="note"))
    assert each.usd_micro_per_day is None


def test_calls_to_models_cost() -> None:
    found = worst_of("ann", [CHAT], narrow(EMPTY, capabilities=[Capability("find")]), Rulebook(), NOW_US)
    assert (names(found), found.usd_micro_per_day) == (["chat"], None)


def test_what_is_over_stopped_or_unreachable_is_not_said() -> None:
    assert names(worst(Capability("find", until="2020-01-01T00:00Z"))) == []
    assert names(worst(book=Rulebook(stopped=frozenset({EVERYTHING})))) == []
    charter = narrow(
        narrow(EMPTY, capabilities=[Capability("mail", to=("ann",))]),
        capabilities=[Capability("mail", to=("bob",))],
    )
    assert names(worst_of("ann", [MAIL], charter, Rulebook(), NOW_US)) == []
