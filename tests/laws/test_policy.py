"""The laws of command: what is added below, asked or marked can only close, and never opens.

Rules, charters and actions are drawn from few words, so that they meet often.
"""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.policy.action import RISKS, UNTRUSTED, Action
from firm.policy.canonical import action_hash, canonical
from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.hostile import worst_of
from firm.policy.judge import judge
from firm.policy.narrow import narrow
from firm.policy.rule import Mandate, Rule
from firm.policy.rulebook import Rulebook
from firm.policy.tryout import Facts
from firm.policy.verdict import STRICTNESS
from firm.units.purse import Limit, Purse

NOW_US = 1_800_000_000_000_000
LATER = "2027-06-01T00:00:00Z"
GONE = "2026-06-01T00:00:00Z"
PLAIN = Rulebook()
some = settings(max_examples=100, deadline=None)


def mostly(usual: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """`usual`, and now and then something else: so that conditions are met often enough to matter."""
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), other)


tools = st.sampled_from(["pay", "mail", "mail", "mail", "find", "chat"])
patterns = mostly("*", st.sampled_from(["pay", "mail", "find", "chat", "?a*", "m*"]))
agents = st.sampled_from(["", "ann", "bob"])
places = st.sampled_from(["p", "p", "q", "r*", "*", ""])
values = st.sampled_from([0, 1, 5, 2.5, True, "p", "q", "rest", None, ["p", "q"], ["p"], [], {"deep": 1}])
wanted = st.sampled_from(["p", "r*", "*", 1, 5, True, ["p", "q"], [], {"max": 2}, {"min": 1, "max": 5}])
wheres = mostly({}, st.dictionaries(st.sampled_from(["x", "y", "x.deep"]), wanted, max_size=2))
ends = mostly("", st.sampled_from([LATER, GONE]))
risks = mostly("send", st.sampled_from(RISKS))


@st.composite
def capabilities(draw: st.DrawFn) -> Capability:
    counted = draw(st.booleans())
    return Capability(
        draw(patterns | st.sampled_from(["mail", "chat"])),
        where=draw(wheres),
        to=tuple(draw(st.lists(places, max_size=2))),
        calls=draw(st.sampled_from([None, 0, 3])) if counted else None,
        usd=3.0 if counted else None,
        per=draw(mostly("", st.just("x"))) if counted else "",
        until=draw(ends),
        delegate=draw(st.booleans()),
    )


levels = st.lists(capabilities(), min_size=1, max_size=3) | st.just([])
rules = st.builds(
    Rule,
    then=st.sampled_from(["allow", "ask", "deny"]),
    tool=st.sampled_from(["", "*", "mail", "m*", "?ai*", "pay"]),
    risk=mostly("", st.sampled_from(RISKS)),
    agent=mostly("", st.sampled_from(["ann", "b*"])),
    host=mostly("", st.sampled_from(["shop.example", "*.example"])),
    where=wheres,
)
dear = st.builds(
    Rule, then=st.sampled_from(["ask", "deny"]), tool=patterns, usd_over=st.sampled_from([0, 2, 9])
)
mandates = st.builds(
    Mandate,
    payee=st.sampled_from(["p", "q"]),
    usd=st.sampled_from([0.0, 2.0, 50.0]),
    tool=patterns,
    agent=st.sampled_from(["*", "*", "ann"]),
    until=ends,
)


given_to_agents = st.dictionaries(st.sampled_from(["ann", "bob"]), levels.map(tuple), max_size=2)


@st.composite
def books(draw: st.DrawFn) -> Rulebook:
    while True:
        try:
            return Rulebook(
                tuple(draw(st.lists(rules | dear, max_size=3))),
                tuple(draw(mostly([], st.lists(mandates, max_size=2)))),
                draw(mostly(frozenset(), st.just(frozenset({"bob"})))),
                capabilities=draw(mostly({}, given_to_agents)),
            )
        except UsageError:
            continue  # rules that contradict each other


@st.composite
def charters(draw: st.DrawFn) -> Charter:
    found = EMPTY
    for _ in range(draw(st.integers(0, 3))):
        found = narrow(found, **draw(steps))
    return found


steps = st.fixed_dictionaries(
    {
        "agent": agents,
        "capabilities": st.none() | levels,
        "late": st.booleans(),
        "depth": st.none() | st.integers(0, 2),
        "purses": st.sampled_from([(), (Purse("run/a", (Limit("calls", 2),)),)]),
        "deadline_us": st.sampled_from([0, NOW_US, NOW_US + 5]),
        "place": st.sampled_from(["", "run#1"]),
    }
)
actions = st.builds(
    Action,
    tool=tools,
    risk=risks,
    args=st.dictionaries(st.sampled_from(["x", "y"]), values, max_size=2),
    to=mostly("p", st.sampled_from([(), ("p",), ("p", "q"), ("rest",), ("s",)])),
    host=st.sampled_from(["", "shop.example", "SHOP.example.", "other"]),
    usd_micro=st.sampled_from([0, 1, 2_500_000, 40_000_000]),
    agent=agents,
    run=st.sampled_from(["", "a", "a/1", "a/1/2"]),
    marks=st.sampled_from([(), (UNTRUSTED,), ("other",)]),
)


def word(action: Action, charter: Charter, book: Rulebook, now_us: int = NOW_US) -> int:
    return STRICTNESS[judge(action, charter, book, now_us).then]


def is_bounded(charter: Charter, action: Action, book: Rulebook) -> bool:
    return bool(book.standing(charter, action).levels)


@some
@given(charters(), steps, actions, books())
def test_what_is_allowed_below_is_allowed_above(
    charter: Charter, step: dict[str, Any], action: Action, book: Rulebook
) -> None:
    action = msgspec.structs.replace(action, agent=charter.agent)  # as the gate makes it
    below = narrow(charter, **step | {"depth": None})
    if is_bounded(charter, action, book):
        assert word(action, below, book) >= word(action, charter, book)
    elif word(action, charter, book) == STRICTNESS["deny"]:
        assert word(action, below, book) == STRICTNESS["deny"]
    else:  # the first permission that is written may name destinations; that is what it is for
        named = judge(action, below, book, NOW_US)
        assert word(action, below, book) >= word(action, charter, book) or named.by.startswith("capability")


@some
@given(charters(), steps, actions, books())
def test_a_run_further_down_may_do_no_more(
    charter: Charter, step: dict[str, Any], action: Action, book: Rulebook
) -> None:
    higher, lower = (msgspec.structs.replace(action, run=run) for run in ("a", "a/1/2/3/4"))
    below = narrow(charter, **step)
    assert word(lower, below, book) >= word(higher, below, book)


@some
@given(charters(), actions, books())
def test_what_may_not_be_delegated_is_as_if_it_were_not_there(
    charter: Charter, action: Action, book: Rulebook
) -> None:
    book = Rulebook(book.rules, book.mandates)
    far = msgspec.structs.replace(action, run="a/1/2/3/4", agent=charter.agent)
    assert word(far, charter, book) == word(far, narrow(charter), book)


@some
@given(levels, mostly([], st.lists(steps, max_size=2)), actions)
def test_what_is_written_after_an_untrusted_read_spares_no_question(
    first: list[Capability], more: list[dict[str, Any]], action: Action
) -> None:
    charter = narrow(EMPTY, capabilities=first, late=True)
    for step in more:
        charter = narrow(charter, **step)
    action = msgspec.structs.replace(action, risk="send", marks=(UNTRUSTED,))
    assert judge(action, charter, PLAIN, NOW_US).then != "allow"


@some
@given(levels, actions, mostly(PLAIN, books()), st.sampled_from(["q", "rest", "s"]))
def test_one_more_destination_or_element_never_loosens(
    permits: list[Capability], action: Action, book: Rulebook, more: str
) -> None:
    charter = narrow(EMPTY, capabilities=permits)

    def reaching(to: list[str], elements: list[str]) -> int:
        args = action.args | {"x": elements}
        return word(msgspec.structs.replace(action, to=tuple(to), args=args), charter, book)

    assert reaching(["p", more], ["p"]) >= reaching(["p"], ["p"])
    assert reaching(["p"], ["p", more]) >= reaching(["p"], ["p"])


@some
@given(charters(), steps)
def test_purses_and_deadlines_stay_on_the_way_down(charter: Charter, step: dict[str, Any]) -> None:
    below = narrow(charter, **step)
    assert below.purses[: len(charter.purses)] == charter.purses
    assert not charter.deadline_us or 0 < below.deadline_us <= charter.deadline_us
    assert Charter.decode(below.encode()) == below


@some
@given(mostly(EMPTY, charters()), actions, books(), st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(
    charter: Charter, action: Action, book: Rulebook, chance: random.Random
) -> None:
    shuffled = list(book.rules)
    chance.shuffle(shuffled)
    other = Rulebook(tuple(shuffled), book.mandates, book.stopped, capabilities=book.capabilities)
    assert word(action, charter, other) == word(action, charter, book)


@some
@given(charters(), actions, books(), rules | dear)
def test_a_rule_that_asks_or_denies_never_loosens(
    charter: Charter, action: Action, book: Rulebook, rule: Rule
) -> None:
    rule = msgspec.structs.replace(rule, then="deny" if rule.then == "deny" else "ask")
    try:
        more = Rulebook((*book.rules, rule), book.mandates, book.stopped, capabilities=book.capabilities)
    except UsageError:
        return
    assert word(action, charter, more) >= word(action, charter, book)


@some
@given(charters(), actions, books(), st.sampled_from([UNTRUSTED, "other", "third"]))
def test_a_mark_never_loosens(charter: Charter, action: Action, book: Rulebook, mark: str) -> None:
    marked = msgspec.structs.replace(action, marks=tuple(sorted({*action.marks, mark})))
    assert word(marked, charter, book) >= word(action, charter, book)


@some
@given(charters(), actions, books(), st.integers(0, 2**62), st.integers(0, 2**62))
def test_time_never_loosens(charter: Charter, action: Action, book: Rulebook, one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    assert word(action, charter, book, later) >= word(action, charter, book, earlier)


@some
@given(charters(), actions, books())
def test_a_purse_that_is_used_up_never_loosens(charter: Charter, action: Action, book: Rulebook) -> None:
    verdict = judge(action, charter, book, NOW_US)
    used_up = {purse.id for purse in verdict.purses}
    without = judge(action, charter, book, NOW_US, used_up=used_up)
    assert STRICTNESS[without.then] >= STRICTNESS[verdict.then]
    assert not used_up & {purse.id for purse in without.purses}


@some
@given(charters(), actions, books())
def test_grave_and_tainted_is_allowed_only_where_the_destination_was_named(
    charter: Charter, action: Action, book: Rulebook
) -> None:
    action = msgspec.structs.replace(action, risk="send", marks=(UNTRUSTED,))
    if judge(action, charter, book, NOW_US).then != "allow":
        return
    given_to = [one.to for level in (*charter.levels, *book.capabilities.values()) for one in level]
    named = {name for names in given_to for name in names} | {mandate.payee for mandate in book.mandates}
    assert set(action.destinations) <= named


@some
@given(charters(), actions, books())
def test_what_a_hostile_model_can_do_is_in_the_list(charter: Charter, action: Action, book: Rulebook) -> None:
    action = msgspec.structs.replace(action, run="")
    if judge(action, charter, book, NOW_US).then != "allow":
        return
    to = "where" if action.to else ""
    facts = Facts(action.tool, action.risk, to=to, amount="usd" if action.usd_micro else "")
    ways = worst_of(action.agent, [facts], charter, book, NOW_US).when(tainted=UNTRUSTED in action.marks)
    assert any(way.to is None or set(action.destinations) <= set(way.to) for way in ways), ways


# --- canonical JSON ----------------------------------------------------------------------------------------------

keys = st.text(st.characters(codec="utf-8"), max_size=4)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def typed(value: Any) -> Any:
    """`value` such that True is not 1, and 1.0 is 1 where JSON cannot tell them apart."""
    if isinstance(value, list):
        return ["list", *map(typed, value)]
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return (int, int(value))
    return (type(value), value)


@some
@given(anything, anything)
@example(2**60, 2.0**60)
@example(1, True)
@example(1, 1.0)
@example(0.0, -0.0)
@example(1152921504606847000, 2.0**60)
@example("1", 1)
@example({"a": None}, {})
@example(["a", "b"], ["a,b"])
@example("e\u0301", "\u00e9")
def test_distinct_values_have_distinct_bytes(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (typed(one) == typed(other))


@some
@given(anything)
def test_canonical_json_is_json_and_says_the_same(value: Any) -> None:
    def whole(digits: str) -> Any:
        return int(digits) if abs(int(digits)) <= 2**53 else float(digits)

    def fraction(text: str) -> Any:
        return int(text[:-2]) if text.endswith("e0") else float(text)

    again = json.loads(canonical(value), parse_int=whole, parse_float=fraction)
    assert again == value
    assert canonical(again) == canonical(value)


@some
@given(st.dictionaries(keys, anything, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], chance: random.Random) -> None:
    order = list(value)
    chance.shuffle(order)
    assert canonical({key: value[key] for key in order}) == canonical(value)


@some
@given(actions, actions)
def test_two_actions_share_a_hash_only_if_they_are_the_same(one: Action, other: Action) -> None:
    def whole(action: Action) -> Any:
        fields = msgspec.structs.asdict(action) | {"to": action.destinations}
        return {key: typed(value) for key, value in fields.items()}

    assert (action_hash(one) == action_hash(other)) == (whole(one) == whole(other))


@pytest.mark.parametrize("changed", ["place", "effect", "until_us"])
def test_a_hash_holds_for_one_place_effect_and_time(changed: str) -> None:
    action = Action("pay", "spend", {"to": "p"}, to="p")
    given: dict[str, Any] = {"place": 3, "effect": "once", "until_us": 10}
    other = given | {changed: "keyed" if changed == "effect" else 11}
    assert action_hash(action, **given) != action_hash(action, **other)
