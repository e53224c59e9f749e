"""The gate's order: who forbids goes first, then money, then the founder."""

import asyncio
from typing import Any

import pytest
from tests.unit.agent.commanded import FakeFirm

from firm.errors import BudgetExceeded, NeedsApproval, PolicyDenied, UsageError
from firm.policy.action import Action
from firm.policy.capability import EMPTY, Capability, Charter
from firm.policy.gate import Command, Entry, admit, command_of, lets_pass
from firm.policy.rule import Mandate, Rule
from firm.units.amount import Amount
from firm.units.purse import Limit, Purse

PAY = Action("pay", "spend", {"usd": 2}, to=("ACME",), usd_micro=2_000_000, run="r-1")
MOST = Amount(2_000_000, calls=1)


def go(firm: FakeFirm, action: Action = PAY, charter: Charter = EMPTY, **fields: Any) -> Any:
    return asyncio.run(admit(firm.command, Entry(action, charter, **{"most": MOST} | fields)))


def test_what_is_denied_reserves_nothing() -> None:
    firm = FakeFirm(Rule("deny", tool="pay"))
    with pytest.raises(PolicyDenied, match="rule"):
        go(firm)
    assert not firm.ledger.made


def test_what_cannot_be_paid_is_not_asked() -> None:
    firm = FakeFirm()
    firm.ledger.cap = 1
    with pytest.raises(BudgetExceeded):
        go(firm)


def test_what_must_be_asked_gives_its_money_back() -> None:
    firm = FakeFirm()
    with pytest.raises(NeedsApproval) as caught:
        go(firm)
    assert firm.ledger.how == ["voided"]
    assert caught.value.action and caught.value.text == "pay(usd=2)"


def test_what_is_allowed_holds_its_money_until_it_is_settled() -> None:
    firm = FakeFirm(Rule("allow", tool="pay"))
    admitted = go(firm)
    assert firm.ledger.how == ["open"] and admitted.verdict.then == "allow"
    admitted.reservation.settle(MOST)
    assert firm.ledger.spent == 2_000_000


def test_money_of_an_earlier_step_is_not_reserved_twice_and_given_back_if_it_is_denied_now() -> None:
    firm = FakeFirm(Rule("allow", tool="pay"))
    held = go(firm).reservation
    assert go(firm, held=held).reservation is held and len(firm.ledger.made) == 1
    firm.rule(Rule("deny", tool="pay"))
    with pytest.raises(PolicyDenied):
        go(firm, held=held)
    assert firm.ledger.how == ["voided"]


def test_the_purses_of_charter_and_capability_count() -> None:
    firm = FakeFirm()
    capability = Capability("pay", id="pay-acme", to=("ACME",), calls=3)
    charter = Charter(levels=((capability,),), purses=(Purse("run/r-1", (Limit("calls", 5),)),))
    go(firm, charter=charter)
    assert firm.ledger.purses == [["run/r-1", "capability/pay-acme"]]


def test_a_capability_that_is_used_up_counts_as_not_given() -> None:
    firm = FakeFirm()
    firm.ledger.empty = {"capability/pay-acme"}
    charter = Charter(levels=((Capability("pay", id="pay-acme", to=("ACME",), calls=3),),))
    with pytest.raises(PolicyDenied):
        go(firm, charter=charter)
    firm.ledger.empty = {"mandate/hosting"}
    firm.rule(mandates=(Mandate("ACME", 50.0, name="hosting"),))
    with pytest.raises(NeedsApproval):
        go(firm)


def test_nothing_begins_after_the_time_of_the_budget() -> None:
    firm = FakeFirm()
    read = Action("look", "read", run="r-1")
    late = Charter(deadline_us=1)
    assert not lets_pass(firm.command, read, late)
    with pytest.raises(BudgetExceeded, match="wall_s"):
        go(firm, read, late, most=Amount())


def test_arguments_that_have_no_canonical_form_are_not_asked() -> None:
    odd = Action("pay", "spend", {"usd": float("nan")}, run="r-1")
    with pytest.raises(UsageError, match="cannot be written exactly"):
        go(FakeFirm(), odd)


def test_outside_any_firm_nothing_grave_passes() -> None:
    command = command_of(None)
    assert isinstance(command, Command) and lets_pass(command, Action("look", "read"), EMPTY)
    with pytest.raises(NeedsApproval):
        asyncio.run(admit(command, Entry(Action("mail", "send"), EMPTY)))
    with pytest.raises(UsageError, match="no ledger"):
        asyncio.run(admit(command, Entry(PAY, EMPTY, MOST)))


def test_an_agent_that_asks_too_often_is_denied() -> None:
    firm = FakeFirm(questions_per_hour=1)
    with pytest.raises(NeedsApproval):
        go(firm)
    with pytest.raises(PolicyDenied, match="questions within the last hour"):
        go(firm)
    assert firm.ledger.how == ["voided", "voided"]


def test_a_hold_that_no_effect_takes_is_given_back() -> None:
    async def main() -> None:
        firm = FakeFirm(Rule("allow", tool="pay"))
        holds = firm.command.holds
        for place in (1, 2, 3):
            admitted = await admit(firm.command, Entry(PAY, EMPTY, MOST))
            assert admitted.reservation is not None
            holds.keep(("r-1", 1, place), admitted.reservation)
        taken = holds.take(("r-1", 1, 1))
        assert taken is not None and taken.number == 1
        holds.doubt(("r-1", 1, 1), taken)
        assert holds.take(("r-1", 1, 1)) is taken and holds.take(("r-1", 1, 1)) is None
        holds.close()
        assert firm.ledger.how == ["open", "voided", "voided"]

    asyncio.run(main())
