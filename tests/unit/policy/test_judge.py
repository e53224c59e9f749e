"""What becomes of an action, in the order in which it is looked at."""

from typing import Any

import pytest

from firm.errors import UsageError
from firm.policy.action import UNTRUSTED, Action, Risk
from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.judge import judge
from firm.policy.narrow import narrow
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import EVERYTHING, Rulebook
from firm.policy.verdict import Verdict
from firm.units.purse import Limit, Purse

NOW_US = 1_800_000_000_000_000
MAIL = Action("mail", "send", {"to": "ann@example.com"}, to="ann@example.com")
TAINTED = Action("mail", "send", {"to": "ann@example.com"}, to="ann@example.com", marks=(UNTRUSTED,))
PLAIN = Rulebook()


def said(action: Action, *capabilities: Capability, book: Rulebook = PLAIN, now_us: int = NOW_US) -> Verdict:
    charter = narrow(EMPTY, capabilities=capabilities) if capabilities else EMPTY
    return judge(action, charter, book, now_us)


def book(*rules: Rule, **more: Any) -> Rulebook:
    return Rulebook(
        tuple(Rule(**_fields(rule) | {"number": count}) for count, rule in enumerate(rules, 1)), **more
    )


def _fields(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


@pytest.mark.parametrize(
    ("risk", "then"),
    [("pure", "allow"), ("read", "allow"), ("write", "allow"), ("send", "ask"), ("spend", "ask")],
)
def test_where_nothing_is_said_the_risk_decides(risk: Risk, then: str) -> None:
    for marks in ((), (UNTRUSTED,)):
        verdict = said(Action("any", risk, marks=marks))
        assert (verdict.then, verdict.by) == (then, "default")


def test_an_undeclared_risk_is_spend() -> None:
    assert said(Action("any")).then == "ask"


def test_a_cost_below_nothing_is_denied() -> None:
    verdict = said(Action("find", "read", usd_micro=-1))
    assert verdict.then == "deny"
    assert "-1 micro-dollars" in verdict.why


# --- rules -----------------------------------------------------------------------------------------------------------


def test_the_strictest_rule_holds_and_says_what_it_overrules() -> None:
    verdict = said(
        MAIL, book=book(Rule("allow", tool="mail"), Rule("ask", risk="send"), Rule("deny", tool="m*"))
    )
    assert (verdict.then, verdict.by) == ("deny", "rule 3")
    assert verdict.why == "rule 3 denies, which is stricter than rule 1, which allows, rule 2, which asks"


def test_of_equally_strict_rules_the_first_is_named() -> None:
    assert said(MAIL, book=book(Rule("ask", risk="send"), Rule("ask", tool="mail"))).by == "rule 1"


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule("deny", tool="mail"), True),
        (Rule("deny", tool="Mail"), False),
        (Rule("deny", tool="ma*"), True),
        (Rule("deny", risk="send"), True),
        (Rule("deny", risk="spend"), False),
        (Rule("deny", agent="scout"), True),
        (Rule("deny", agent="other"), False),
        (Rule("deny", host="MAIL.example.com"), True),
        (Rule("deny", host="*.example.com"), True),
        (Rule("deny", host="example.com"), False),
        (Rule("deny", where={"to": "*@example.com"}), True),
        (Rule("deny", where={"to": "*@example.org"}), False),
        (Rule("deny", where={"body": "*"}), False),
        (Rule("deny", usd_over=1), True),
        (Rule("deny", usd_over=2), False),
        (Rule("deny", tool="mail", risk="send", agent="scout", usd_over=1.5), True),
        (Rule("deny", tool="mail", risk="send", agent="other", usd_over=1.5), False),
    ],
)
def test_a_rule_fits_where_all_its_conditions_hold(rule: Rule, fits: bool) -> None:
    action = Action(
        "mail",
        "send",
        {"to": "ann@example.com"},
        host="mail.EXAMPLE.com.",
        usd_micro=2_000_000,
        agent="scout",
    )
    assert (said(action, book=book(rule)).then == "deny") is fits


def test_a_condition_on_the_host_needs_a_host() -> None:
    assert said(Action("find", "read"), book=book(Rule("deny", host="*"))).then == "allow"


def test_where_nobody_knows_the_cost_a_rule_above_a_sum_asks() -> None:
    rules = book(Rule("allow", tool="buy"), Rule("deny", tool="buy", usd_over=100))
    verdict = said(Action("buy"), book=rules)
    assert (verdict.then, verdict.by) == ("ask", "rule 2")
    assert "nobody knows what it costs" in verdict.why
    assert said(Action("buy", usd_micro=1), book=rules).then == "allow"
    assert said(Action("buy", usd_micro=100_000_001), book=rules).then == "deny"


def test_a_rule_that_denies_an_agent_follows_whoever_acts_for_it() -> None:
    rules = book(Rule("deny", tool="mail", agent="scout"), Rule("allow", tool="post", agent="scout"))
    charter = narrow(narrow(EMPTY, agent="scout"), agent="clerk")
    assert judge(Action("mail", "send", agent="clerk"), charter, rules, NOW_US).then == "deny"
    assert judge(Action("post", "send", agent="clerk"), charter, rules, NOW_US).then == "ask"


def test_rules_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\[\[rules\]\] 2 says 'deny' where \[\[rules\]\] 1 says 'allow'"):
        book(
            Rule("allow", tool="mail", where={"a": 1, "b": 2}),
            Rule("deny", tool="mail", where={"b": 2, "a": 1}),
        )


@pytest.mark.parametrize(
    "rule",
    [
        Rule("maybe"),  # type: ignore[arg-type]
        Rule("ask", risk="danger"),
        Rule("ask", usd_over=-1),
        Rule("ask", usd_over=float("nan")),
        Rule("ask", usd_over=True),
        Rule("ask", usd_over=1e12),
        Rule("allow", usd_over=5),
        Rule("ask", where={"x": {}}),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: Rule) -> None:
    with pytest.raises(UsageError):
        Rulebook((rule,))


# --- capabilities ----------------------------------------------------------------------------------------------------


def test_what_no_capability_permits_is_denied_whatever_the_rules_say() -> None:
    verdict = said(MAIL, Capability("find"), book=book(Rule("allow", tool="mail")))
    assert (verdict.then, verdict.by) == ("deny", "capability")
    assert verdict.why == "the run may call only find; no capability permits it"


def test_no_capability_at_all_permits_nothing() -> None:
    charter = narrow(EMPTY, agent="scout", capabilities=())
    verdict = judge(Action("find", "read", agent="scout"), charter, PLAIN, NOW_US)
    assert (verdict.then, verdict.why) == (
        "deny", "agent 'scout' may call nothing; no capability permits it",
    )  # fmt: skip


def test_every_level_must_permit() -> None:
    charter = narrow(narrow(EMPTY, capabilities=[Capability("*")]), capabilities=[Capability("find")])
    assert judge(Action("find", "read"), charter, PLAIN, NOW_US).then == "allow"
    assert judge(Action("seek", "read"), charter, PLAIN, NOW_US).then == "deny"


def test_one_capability_alone_must_permit_all_of_it() -> None:
    both = Action("mail", "send", to=("ann", "bob"))
    assert said(both, Capability("mail", to=("ann",)), Capability("mail", to=("bob",))).then == "deny"
    assert said(both, Capability("mail", to=("ann", "bob"))).then == "allow"
    assert said(both, Capability("mail", to=("ann", "b*"))).then == "ask"


def test_what_only_computes_and_models_need_no_capability_unless_named() -> None:
    sums, chat = Action("sums", "pure"), Action("chat", "read", usd_micro=5)
    assert said(sums, Capability("find")).then == said(chat, Capability("find")).then == "allow"
    assert said(chat, Capability("chat", where={"model": "small"})).then == "deny"
    assert said(chat, Capability("chat", calls=3)).purses[0].limits == (Limit("calls", 3),)
    assert said(sums, Capability("sums", until="2020-01-01T00:00Z")).then == "deny"


def test_a_capability_ends() -> None:
    until = Capability("find", until="2027-01-15T08:00:00Z")
    assert said(Action("find", "read"), until, now_us=NOW_US - 1).then == "allow"
    assert said(Action("find", "read"), until, now_us=NOW_US).then == "deny"


def test_a_call_above_the_sum_of_a_capability_is_denied() -> None:
    pay = Capability("pay", usd=2)
    assert said(Action("pay", usd_micro=2_000_000), pay).then == "ask"
    assert said(Action("pay", usd_micro=2_000_001), pay).then == "deny"


@pytest.mark.parametrize(
    ("capability", "then"),
    [
        (Capability("mail"), "ask"),
        (Capability("mail", to=("ann@*",)), "ask"),
        (Capability("mail", to=("ann@example.com",)), "allow"),
        (Capability("*", to=("ann@example.com",)), "allow"),
        (Capability("mail", to=("Ann@example.com",)), "deny"),
        (Capability("mail", to=("",)), "deny"),
    ],
)
def test_a_destination_that_is_named_needs_no_question(capability: Capability, then: str) -> None:
    assert said(MAIL, capability).then == said(TAINTED, capability).then == then


def test_that_there_is_no_destination_is_named_by_empty_text_and_a_tool() -> None:
    post = Action("post", "send", marks=(UNTRUSTED,))
    assert said(post, Capability("post", to=("",))).then == "allow"
    assert said(post, Capability("p*", to=("",))).then == "ask"
    assert said(post, Capability("post")).then == "ask"


def test_only_the_outermost_level_names() -> None:
    names, permits = Capability("mail", to=("ann@example.com",)), Capability("mail")
    outside = narrow(narrow(EMPTY, capabilities=[names]), capabilities=[permits])
    inside = narrow(narrow(EMPTY, capabilities=[permits]), capabilities=[names])
    assert judge(TAINTED, outside, PLAIN, NOW_US).then == "allow"
    assert judge(TAINTED, inside, PLAIN, NOW_US).then == judge(MAIL, inside, PLAIN, NOW_US).then == "ask"


def test_what_was_written_after_an_untrusted_read_names_nothing() -> None:
    late = narrow(EMPTY, capabilities=[Capability("mail", to=("ann@example.com",))], late=True)
    assert judge(TAINTED, late, PLAIN, NOW_US).then == "ask"
    again = narrow(late, capabilities=[Capability("mail", to=("ann@example.com",))])
    assert judge(TAINTED, again, PLAIN, NOW_US).then == "ask"


def test_a_named_destination_with_a_sum_needs_a_known_cost() -> None:
    pay = Capability("pay", to=("shop",), usd=5)
    assert said(Action("pay", to="shop", usd_micro=1), pay).then == "allow"
    assert said(Action("pay", to="shop"), pay).then == "ask"


def test_the_rule_that_asks_stays_whatever_is_named() -> None:
    assert (
        said(MAIL, Capability("mail", to=("ann@example.com",)), book=book(Rule("ask", tool="mail"))).then
        == "ask"
    )


def test_the_founders_capabilities_of_an_agent_hold_wherever_it_acts() -> None:
    rules = Rulebook(
        capabilities={"scout": (Capability("find"), Capability("mail", to=("ann@example.com",)))}
    )
    for charter in (EMPTY, narrow(EMPTY, agent="scout")):
        assert judge(Action("find", "read", agent="scout"), charter, rules, NOW_US).then == "allow"
        assert judge(Action("seek", "read", agent="scout"), charter, rules, NOW_US).then == "deny"
        assert judge(Action("seek", "read", agent="other"), EMPTY, rules, NOW_US).then == "allow"
    below = narrow(narrow(EMPTY, agent="scout"), agent="other")
    assert judge(Action("seek", "read", agent="other"), below, rules, NOW_US).then == "deny"


def test_what_may_not_be_delegated_ends_with_its_holder() -> None:
    charter = narrow(EMPTY, capabilities=[Capability("find", delegate=False), Capability("seek")])
    for run, then in (("", "allow"), ("a", "allow"), ("a/1", "deny"), ("0" * 32 + "/7", "deny")):
        assert judge(Action("find", "read", run=run), charter, PLAIN, NOW_US).then == then
        assert judge(Action("seek", "read", run=run), charter, PLAIN, NOW_US).then == "allow"


# --- stop, labels, mandates, purses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stopped", [EVERYTHING, "scout", "a", "a/1"])
def test_what_was_stopped_does_nothing(stopped: str) -> None:
    charter = narrow(narrow(EMPTY, agent="scout"), agent="clerk")
    action = Action("sums", "pure", agent="clerk", run="a/1/2")
    verdict = judge(action, charter, Rulebook(stopped=frozenset({stopped})), NOW_US)
    assert (verdict.then, verdict.by) == ("deny", "stop")
    other = Action("sums", "pure", agent="other", run="ab")
    assert judge(other, EMPTY, Rulebook(stopped=frozenset({"a"})), NOW_US).then == "allow"


def test_strangers_words_make_what_a_rule_allows_ask() -> None:
    rules = book(Rule("allow", tool="mail"))
    assert said(MAIL, book=rules).then == "allow"
    verdict = said(TAINTED, book=rules)
    assert (verdict.then, verdict.by) == ("ask", "label")
    assert "no capability names ann@example.com" in verdict.why


PAY = Action("pay", "spend", {"to": "shop"}, to="shop", usd_micro=5_000_000, agent="ann")


def test_a_mandate_pays_without_asking_and_counts() -> None:
    rules = Rulebook(mandates=(Mandate("shop", 10, tool="pay"),))
    for marks in ((), (UNTRUSTED,)):
        verdict = judge(Action("pay", to="shop", usd_micro=5_000_000, marks=marks), EMPTY, rules, NOW_US)
        assert (verdict.then, verdict.by) == ("allow", "mandate pay:shop")
        assert verdict.purses == (Purse("mandate/pay:shop", (Limit("usd_micro", 10_000_000, "month"),)),)


@pytest.mark.parametrize(
    "mandate",
    [
        Mandate("Shop", 10),
        Mandate("sh*", 10),
        Mandate("shop", 4.99),
        Mandate("shop", 10, tool="buy"),
        Mandate("shop", 10, agent="bob"),
        Mandate("shop", 10, until="2020-01-01T00:00:00+02:00"),
    ],
)
def test_a_mandate_covers_nothing_else(mandate: Mandate) -> None:
    assert said(PAY, book=Rulebook(mandates=(mandate,))).then == "ask"


def test_a_mandate_covers_no_unknown_cost_and_no_second_destination() -> None:
    rules = Rulebook(mandates=(Mandate("shop", 10),))
    assert said(Action("pay", to="shop"), book=rules).then == "ask"
    assert said(Action("pay", to=("shop", "shop"), usd_micro=1), book=rules).then == "ask"


def test_a_mandate_gives_way_to_rules_capabilities_and_its_own_purse() -> None:
    mandates = (Mandate("shop", 10, name="shop"),)
    assert said(PAY, book=book(Rule("ask", tool="pay"), mandates=mandates)).then == "ask"
    assert said(PAY, Capability("find"), book=Rulebook(mandates=mandates)).then == "deny"
    used_up = judge(PAY, EMPTY, Rulebook(mandates=mandates), NOW_US, used_up={"mandate/shop"})
    assert (used_up.then, used_up.purses) == ("ask", ())


def test_a_call_counts_against_the_capability_that_permits_it() -> None:
    call = Capability("call", id="calls", calls=3, usd=1)
    limits = (Limit("usd_micro", 1_000_000), Limit("calls", 3))
    assert said(Action("call", "send"), call).purses == (Purse("capability/calls", limits),)
    each = Capability("call", id="calls", calls=1, per="to")
    assert [purse.id for purse in said(Action("call", "read", {"to": ["x", "y", "x"]}), each).purses] == [
        "capability/calls/x", "capability/calls/y",
    ]  # fmt: skip
    assert said(Action("call", "read"), each).then == "deny"
    long = said(Action("call", "read", {"to": "x" * 5000}), each).purses[0].id
    assert len(long) == len("capability/calls/") + 32


def test_a_capability_that_is_used_up_counts_as_not_given() -> None:
    charter = narrow(EMPTY, capabilities=[Capability("call", id="one", calls=1)])
    call = Action("call", "read")
    assert judge(call, charter, PLAIN, NOW_US).then == "allow"
    assert judge(call, charter, PLAIN, NOW_US, used_up={"capability/one"}).then == "deny"
    either = narrow(EMPTY, capabilities=[Capability("call", id="one", calls=1), Capability("call")])
    assert judge(call, either, PLAIN, NOW_US, used_up={"capability/one"}) == Verdict(
        "allow", "no rule speaks of it, and read is allowed by default", "default"
    )


def test_a_book_keeps_apart_charters_that_come_and_go() -> None:
    rules = Rulebook()
    for count in range(200):
        tool = f"tool{count % 7}"
        charter = narrow(EMPTY, capabilities=[Capability(tool)])
        assert judge(Action(tool, "read"), charter, rules, NOW_US).then == "allow"
        assert judge(Action("other", "read"), charter, rules, NOW_US).then == "deny"


def test_a_charter_survives_the_journal() -> None:
    charter = narrow(
        EMPTY,
        agent="ann",
        capabilities=[Capability("pay", where={"a": [1, "x"]}, to=("b",), usd=1.5)],
        late=True,
    )
    again = Charter.decode(charter.encode())
    assert again == charter
    assert Charter.decode(charter.encode()) is again
    assert Charter.decode(b"") is EMPTY
