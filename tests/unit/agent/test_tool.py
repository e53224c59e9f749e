"""Tools in workflows: the gate before the call, the founder's four answers, money, loops."""

import asyncio
import threading
from typing import Any

import msgspec
import pytest
from tests.unit.agent.commanded import FakeFirm, answer, asked
from tests.unit.kernel.engine import engine

from firm.agent.tool import invoke_json, tool, tool_of
from firm.errors import (
    ApprovalRejected,
    BudgetExceeded,
    DeadlineExceeded,
    LoopDetected,
    NeedsApproval,
    NotSent,
    PolicyDenied,
    UsageError,
)
from firm.kernel import Done, Retry, Status, ask, current_run, current_step, gather, sleep, step, workflow
from firm.kernel.context import opened
from firm.kernel.journal import Kind
from firm.policy.capability import Capability, Charter
from firm.policy.rule import Mandate, Rule
from firm.store.sqlite import SqliteJournal

DONE: list[Any] = []
WORLD: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _clean() -> None:
    DONE.clear()
    WORLD.clear()


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


@tool(risk="read")
async def look(place: str) -> str:
    DONE.append(("look", place))
    return f"seen {place}"


@tool(risk="read", untrusted=True)
async def web(place: str) -> str:
    return f"words of {place}"


@tool(risk="write")
async def write(text: str, times: int = 1) -> str:
    DONE.append(("write", text, times))
    return text * times


@tool(risk="send", to="to", effect="keyed")
async def mail(to: str, body: str = "") -> str:
    DONE.append(("mail", to, body, current_step().key))
    return f"sent to {to}"


@tool(risk="spend", to="payee", amount="usd")
async def pay(payee: str, usd: float) -> str:
    DONE.append(("pay", payee, usd))
    if WORLD.get("raise"):
        raise WORLD["raise"].pop(0)
    return f"paid {payee}"


@tool
async def unknown() -> str:
    DONE.append("unknown")
    return "done"


@workflow
async def reads(places: list[str]) -> list[str]:
    return await gather(*(look(place) for place in places))


@workflow
async def pays(payee: str, usd: float) -> str:
    try:
        return await pay(payee, usd)
    except ApprovalRejected as error:
        return f"rejected: {error} / {error.words}"


@workflow
async def mails(to: str) -> str:
    return await mail(to, body="hello")


# --- without a gate ----------------------------------------------------------------------------------------------


def test_outside_any_firm_a_tool_is_just_the_function() -> None:
    async def main() -> None:
        assert await pay("ACME", 1.0) == "paid ACME"
        assert await plain_tool(2) == 4

    run(main())
    assert plain_tool(2) == 4


@tool(risk="pure")
def plain_tool(number: int) -> int:
    return 2 * number


@step
async def a_step() -> int:
    return await plain_tool(4)


@step
async def a_sending_step() -> str:
    return await mail("x")


@workflow
async def steps_call_tools() -> tuple[int, str]:
    number = await a_step()
    try:
        await a_sending_step()
    except UsageError as error:
        return number, str(error)
    return number, ""


def test_inside_a_step_only_pure_tools_may_be_called() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            number, error = await one.run(steps_call_tools)
            assert number == 8
            assert "called inside the step 'a_sending_step'" in error and not DONE

    run(main())


def test_in_an_open_firm_outside_a_run_a_tool_is_judged_and_never_asks() -> None:
    async def main() -> None:
        firm = FakeFirm(Rule("deny", tool="write"))
        opened.set(firm)
        assert await look("sea") == "seen sea"
        with pytest.raises(PolicyDenied, match="rule"):
            await write("x")
        with pytest.raises(NeedsApproval, match=r"pay\(payee=\"ACME\", usd=2\).*start it in a run"):
            await pay("ACME", 2.0)
        firm.rule(Rule("allow", tool="pay"))
        assert await pay("ACME", 2.0) == "paid ACME"
        assert firm.ledger.how == ["voided", "settled"] and firm.ledger.spent == 2_000_000

    run(main())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"risk": "mild"}, "give one of pure, read"),
        ({"risk": "read", "effect": "once"}, "read twice"),
        ({"to": "nobody"}, "none of its arguments"),
        ({"timeout_s": 0}, "seconds above 0"),
        ({"effect": "keyed", "reconcile": look}, "reconcile= is for effect='once'"),
    ],
)
def test_options_that_cannot_be_are_refused_at_decoration(options: dict[str, Any], words: str) -> None:
    async def act(what: str) -> None: ...

    with pytest.raises(UsageError, match=words):
        tool(**options)(act)


def test_no_tool_may_have_a_name_that_means_something_else() -> None:
    async def chat(what: str) -> None: ...

    with pytest.raises(UsageError, match="rename it"):
        tool(chat)


def test_an_undeclared_risk_is_the_gravest() -> None:
    assert (tool_of(unknown).risk, tool_of(unknown).effect) == ("spend", "once")
    assert tool_of(look).effect == "repeatable"


# --- in runs -------------------------------------------------------------------------------------------------------


def test_an_allowed_read_costs_one_step_and_no_question() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(reads, ["sea", "hill"]) == ["seen sea", "seen hill"]
            events = await one.journal.read("run-1")
            assert [event.kind for event in events] == [Kind.STARTED, Kind.DONE, Kind.DONE, Kind.ENDED]

    run(main())


def test_a_denied_call_is_not_made_and_says_which_rule() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("deny", tool="look", number=3))) as one:
            with pytest.raises(PolicyDenied, match="rule 3"):
                await one.run(reads, ["sea"])
            assert not DONE and not await one.journal.questions(open_only=False)

    run(main())


def test_arguments_that_do_not_fit_never_reach_the_function() -> None:
    @workflow
    async def wrong() -> None:
        await pay("ACME", "all of it")  # type: ignore[arg-type]

    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            with pytest.raises(UsageError, match="Expected `float`, got `str`"):
                await one.run(wrong)
            assert not DONE and not await one.journal.questions(open_only=False)

    run(main())


def test_accept_lets_exactly_this_call_through() -> None:
    async def main() -> None:
        firm = FakeFirm()
        async with engine(firm=firm) as one:
            await one.start(pays, "ACME", 12.5)
            [question] = await one.until_asked()
            assert question.kind == "approval" and not DONE
            assert 'payee = "ACME"' in question.text and "costs at most 12.50 USD" in question.text
            assert firm.ledger.how == ["voided"]  # nothing is held while a person thinks
            await answer(one, question, "accept")
            assert await one.result(pays) == "paid ACME"
            assert firm.ledger.how == ["voided", "settled"] and DONE == [("pay", "ACME", 12.5)]
            intent = [event for event in await one.journal.read("run-1") if event.kind == Kind.INTENT]
            found = await asked(one.journal, question)
            assert f"approved {question.id} {found.hash[:16]}, reserved as 2".encode() in intent[0].input

    run(main())


@pytest.mark.parametrize(
    ("do", "more", "words"),
    [
        (
            "refuse",
            {"reason": "too dear"},
            'rejected: the founder refused pay(payee="ACME", usd=1): too dear / ',
        ),
        ("say", {"words": "ask Ana"}, "/ ask Ana"),
    ],
)
def test_refuse_and_words_wake_the_run_without_the_call(do: str, more: dict[str, Any], words: str) -> None:
    async def main() -> None:
        firm = FakeFirm()
        async with engine(firm=firm) as one:
            await one.start(pays, "ACME", 1.0)
            await one.start(pays, "OTHER", 1.0, id="run-2")
            questions = await one.until_asked(2)
            [question] = [question for question in questions if question.run == "run-1"]
            await answer(one, question, do, proved=False, **more)
            assert words in await one.result(pays)
            assert not DONE and set(firm.ledger.how) == {"voided"}
            assert [question.run for question in await one.journal.questions()] == ["run-2"]

    run(main())


def test_an_edit_is_judged_again_and_done_as_edited() -> None:
    async def main() -> None:
        firm = FakeFirm()
        async with engine(firm=firm) as one:
            await one.start(pays, "ACME", 100.0)
            [question] = await one.until_asked()
            await answer(one, question, "edit", args={"usd": 7})
            assert await one.result(pays) == "paid ACME"
            assert DONE == [("pay", "ACME", 7.0)] and firm.ledger.spent == 7_000_000

    run(main())


def test_an_edit_that_a_rule_denies_is_not_done() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("deny", tool="pay", where={"payee": "EVIL"}))) as one:
            await one.start(pays, "ACME", 1.0)
            [question] = await one.until_asked()
            await answer(one, question, "edit", args={"payee": "EVIL"})
            with pytest.raises(PolicyDenied):
                await one.result(pays)
            assert not DONE

    run(main())


def test_an_edit_that_does_not_fit_is_asked_again() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            await one.start(pays, "ACME", 1.0)
            [question] = await one.until_asked()
            await answer(one, question, "edit", args={"usd": "much"})

            async def again() -> bool:
                return any(one_.id != question.id for one_ in await one.journal.questions())

            await one.until(again)
            [second] = await one.journal.questions()
            assert "could not be taken: arguments of tool 'pay'" in second.text
            await answer(one, second, "accept")
            assert await one.result(pays) == "paid ACME"

    run(main())


def test_without_a_proof_nothing_grave_is_done_whatever_the_journal_says() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            await one.start(pays, "ACME", 1.0)
            [question] = await one.until_asked()
            await answer(one, question, "accept", proved=False)
            with pytest.raises(PolicyDenied, match="does not count as the founder's"):
                await one.result(pays)
            assert not DONE

    run(main())


def test_a_proof_for_one_question_is_none_for_another() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            await one.start(pays, "ACME", 1.0)
            await one.start(pays, "ACME", 1.0, id="run-2")
            first, second = await one.until_asked(2)
            found = await asked(one.journal, first)
            forged = {"do": "accept", "proof": f"{first.id} {found.hash}"}
            await one.worker.answer(second.id, forged, by="founder")
            with pytest.raises(PolicyDenied):
                await one.result(pays, second.run)
            assert not DONE

    run(main())


def test_an_approval_that_nobody_gives_in_time_is_an_error_that_says_so() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(approval_s=0.05)) as one:
            with pytest.raises(DeadlineExceeded, match="nobody approved it before"):
                await one.run(pays, "ACME", 1.0)
            assert not DONE

    run(main())


def test_an_approval_that_has_ended_before_it_is_used_is_not_used() -> None:
    async def main() -> None:
        firm = FakeFirm()
        async with engine(firm=firm) as one:
            await one.start(pays, "ACME", 1.0)
            [question] = await one.until_asked()
            until_us = (await asked(one.journal, question)).until_us
            firm.change(now_us=lambda: until_us + 1)
            await answer(one, question, "accept")
            with pytest.raises(DeadlineExceeded, match="before it was used"):
                await one.result(pays)
            assert not DONE and set(firm.ledger.how) == {"voided"}

    run(main())


def test_a_rule_that_is_made_after_the_approval_still_denies() -> None:
    async def main() -> None:
        firm = FakeFirm()
        async with engine(firm=firm) as one:
            await one.start(pays, "ACME", 1.0)
            [question] = await one.until_asked()
            firm.rule(Rule("deny", tool="pay"))
            await answer(one, question, "accept")
            with pytest.raises(PolicyDenied):
                await one.result(pays)
            assert not DONE

    run(main())


def test_questions_wait_through_restarts_and_a_changed_rule_does_not_diverge() -> None:
    async def main() -> None:
        journal = SqliteJournal.open(None)
        firm = FakeFirm()
        async with engine(journal=journal, firm=firm) as one:
            await one.start(pays, "ACME", 1.0)
            await one.until_asked()
        async with engine(journal=journal, firm=FakeFirm(Rule("ask", tool="pay"))) as one:
            [question] = await journal.questions()
            await answer(one, question, "accept")
            assert await one.result(pays) == "paid ACME"
        assert DONE == [("pay", "ACME", 1.0)]
        journal.close()

    run(main())


@workflow
async def pays_and_asks(payee: str) -> str:
    said = await pay(payee, 1.0)
    await look("sea")
    return f"{said}, {await ask('more?')}"


def test_a_replay_neither_asks_nor_pays_again() -> None:
    async def main() -> None:
        journal = SqliteJournal.open(None)
        async with engine(journal=journal, firm=FakeFirm()) as one:
            await one.start(pays_and_asks, "ACME")
            [question] = await one.until_asked()
            await answer(one, question, "accept")

            async def more() -> bool:
                return any(question.kind == "ask" for question in await journal.questions())

            await one.until(more)
        other = FakeFirm(Rule("deny", tool="pay"), Rule("deny", tool="look"), same_call=1)
        async with engine(journal=journal, firm=other) as one:
            [question] = await journal.questions()
            await one.worker.answer(question.id, "no", by="founder")
            assert await one.result(pays_and_asks) == "paid ACME, no"
        assert [done[0] for done in DONE] == ["pay", "look"] and not other.ledger.made
        assert len(await journal.questions(open_only=False)) == 2
        journal.close()

    run(main())


# --- money ---------------------------------------------------------------------------------------------------------


def allowing() -> FakeFirm:
    return FakeFirm(Rule("allow", tool="pay"))


def test_what_cannot_be_paid_never_reaches_the_inbox() -> None:
    async def main() -> None:
        firm = FakeFirm()
        firm.ledger.cap = 1_000_000
        async with engine(firm=firm) as one:
            with pytest.raises(BudgetExceeded):
                await one.run(pays, "ACME", 2.0)
            assert not await one.journal.questions(open_only=False) and not DONE

    run(main())


def test_not_sent_gives_the_money_back() -> None:
    async def main() -> None:
        firm = allowing()
        WORLD["raise"] = [NotSent("declined")]
        async with engine(firm=firm) as one:
            with pytest.raises(NotSent):
                await one.run(pays, "ACME", 2.0)
            assert firm.ledger.how == ["voided"] and firm.ledger.spent == 0

    run(main())


def test_money_of_an_effect_in_doubt_stays_reserved_until_the_founder_has_said() -> None:
    async def main(word: str, how: list[str]) -> None:
        firm = allowing()
        WORLD["raise"] = [ConnectionError("lost")]
        async with engine(firm=firm) as one:
            await one.start(pays, "ACME", 2.0)
            [question] = await one.until_asked()
            assert question.kind == "in doubt" and firm.ledger.how == ["open"]
            await one.worker.answer(question.id, {"done": "paid"} if word == "done" else word, by="founder")
            assert "paid" in await one.result(pays)
            assert firm.ledger.how == how and firm.ledger.spent == 2_000_000

    run(main("done", ["settled"]))
    run(main("not done", ["settled"]))


def test_another_error_leaves_the_money_to_the_rule_for_lost_calls() -> None:
    async def main() -> None:
        firm = allowing()
        WORLD["raise"] = [ValueError("odd answer")]
        async with engine(firm=firm) as one:
            with pytest.raises(ValueError, match="odd answer"):
                await one.run(pays, "ACME", 2.0)
            assert firm.ledger.how == ["lost"]

    run(main())


def test_a_negative_amount_is_refused() -> None:
    async def main() -> None:
        async with engine(firm=allowing()) as one:
            with pytest.raises(UsageError, match="give US dollars"):
                await one.run(pays, "ACME", -2.0)

    run(main())


def test_a_mandate_pays_until_it_is_used_up_and_then_it_is_asked() -> None:
    async def main() -> None:
        firm = FakeFirm(mandates=(Mandate("ACME", 50.0, name="hosting"),))
        async with engine(firm=firm) as one:
            assert await one.run(pays, "ACME", 2.0) == "paid ACME"
            assert firm.ledger.purses == [["mandate/hosting"]]
            firm.ledger.empty.add("mandate/hosting")
            await one.start(pays, "ACME", 2.0, id="run-2")
            [question] = await one.until_asked()
            assert question.run == "run-2"

    run(main())


def test_a_priced_tool_without_a_ledger_is_not_called() -> None:
    async def main() -> None:
        firm = allowing()
        firm.change(reserve=None)
        async with engine(firm=firm) as one:
            with pytest.raises(UsageError, match="no ledger"):
                await one.run(pays, "ACME", 1.0)
            assert not DONE

    run(main())


def test_money_for_an_effect_that_never_begins_is_given_back_when_the_firm_closes() -> None:
    async def main() -> None:
        firm = allowing()
        held = await firm.ledger.reserve(*_anything())
        firm.command.holds.keep(("run-1", 1, 2), held)
        firm.command.holds.close()
        assert held.how == "voided" and firm.command.holds.take(("run-1", 1, 2)) is None

    run(main())


def _anything() -> Any:
    from firm.policy.action import Action
    from firm.units.amount import Amount

    return Amount(5), (), Action("pay"), Charter()


# --- labels and capabilities ----------------------------------------------------------------------------------------


@workflow
async def reads_then_mails(to: str) -> str:
    before = sorted(current_run().marks)
    await web("forum")
    WORLD["marks"] = before, sorted(current_run().marks)
    return await mail(to)


def test_from_the_first_untrusted_read_on_sending_asks_unless_the_destination_was_named_before() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("allow", tool="mail"))) as one:
            assert await one.run(mails, "sam@example.org") == "sent to sam@example.org"
            await one.start(reads_then_mails, "sam@example.org", id="run-2")
            [question] = await one.until_asked()
            assert WORLD["marks"] == ([], ["untrusted"]) and "marked untrusted" in question.text
            found = await asked(one.journal, question)
            assert found.before == ("web('forum')",) and "web('forum')" in question.text
            charter = Charter(levels=((Capability("web"), Capability("mail", to=("sam@example.org",))),))
            await one.worker.begin(
                reads_then_mails, ("sam@example.org",), id="run-3", charter=charter.encode()
            )
            assert await one.result(reads_then_mails, "run-3") == "sent to sam@example.org"
            await one.worker.begin(
                reads_then_mails, ("eve@example.org",), id="run-4", charter=charter.encode()
            )
            with pytest.raises(PolicyDenied):
                await one.result(reads_then_mails, "run-4")

    run(main())


def test_a_keyed_tool_sees_the_key_of_its_effect() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("allow", tool="mail"))) as one:
            await one.run(mails, "a@example.org")
            [(_, _, _, key)] = DONE
            assert len(key) == 32

    run(main())


# --- questions without end ------------------------------------------------------------------------------------------


@workflow
async def many(count: int) -> list[str]:
    async def one(number: int) -> str:
        try:
            return await mail(f"{number}@example.org")
        except PolicyDenied as error:
            return str(error)

    return await gather(*(one(number) for number in range(count)))


def test_an_agent_that_asks_too_much_is_denied() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(questions_per_hour=2)) as one:
            await one.start(many, 4)
            questions = await one.until_asked(2)
            assert len(questions) == 2
            for question in questions:
                await answer(one, question, "refuse")
            with pytest.raises(ApprovalRejected):
                await one.result(many)

    run(main())


@workflow
async def polls(times: int) -> str:
    for _ in range(times):
        await look("sea")
    return "enough"


def test_the_same_call_with_the_same_result_is_asked_about() -> None:
    async def main() -> None:
        firm = FakeFirm(same_call=5)
        async with engine(firm=firm) as one:
            await one.start(polls, 8)
            [question] = await one.until_asked()
            assert question.kind == "loop" and len(DONE) == 5
            assert "same result 5 times" in question.text
            await one.worker.answer(question.id, "go on", by="founder")
            assert await one.result(polls) == "enough" and len(DONE) == 8
            await one.start(polls, 8, id="run-2")
            [question] = await one.until_asked()
            await one.worker.answer(question.id, "stop", by="founder")
            with pytest.raises(LoopDetected, match="look"):
                await one.result(polls, "run-2")

    run(main())


@workflow
async def polls_beside(rounds: int) -> int:
    for _ in range(rounds):
        await gather(*(look("sea") for _ in range(50)))
    return rounds


def test_calls_beside_each_other_are_no_loop_and_are_asked_about_once() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(same_call=3)) as one:
            assert await one.run(polls_beside, 2) == 2
            await one.start(polls_beside, 4, id="run-2")
            [question] = await one.until_asked()
            await one.worker.answer(question.id, "go on", by="founder")
            assert await one.result(polls_beside, "run-2") == 4

    run(main())


@workflow
async def polls_and_waits(times: int) -> str:
    for _ in range(times):
        await look("sea")
    await sleep(0.3)
    for _ in range(times):
        await look("sea")
    return "enough"


def test_counting_goes_on_after_a_restart_and_a_changed_limit_does_not_diverge() -> None:
    async def main() -> None:
        journal = SqliteJournal.open(None)
        async with engine(journal=journal, firm=FakeFirm(same_call=6)) as one:
            await one.start(polls_and_waits, 4)
            await one.until_status(Status.SUSPENDED)
        async with engine(journal=journal, firm=FakeFirm(same_call=6)) as one:
            [question] = await one.until_asked()
            assert len(DONE) == 7  # the one right after it had slept is not counted
        async with engine(journal=journal, firm=FakeFirm(same_call=0)) as one:
            await one.worker.answer(question.id, "go on", by="founder")
            assert await one.result(polls_and_waits) == "enough" and len(DONE) == 8
        journal.close()

    run(main())


# --- other kinds of functions ---------------------------------------------------------------------------------------


@tool(risk="read", timeout_s=0.05)
async def slow() -> str:
    await asyncio.sleep(60)
    return "late"


@tool(risk="write", retry=Retry(3, first_s=0.001))
async def flaky() -> str:
    DONE.append("try")
    if len(DONE) < 3:
        raise ConnectionError("no")
    return "at last"


@workflow
async def slow_and_flaky() -> str:
    try:
        await slow()
    except TimeoutError as error:
        return f"{error}; {await flaky()}; {await plain_tool(21)}"
    return ""


def test_timeouts_retries_and_plain_functions_are_as_for_steps() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            said = await one.run(slow_and_flaky)
            assert said == "tool 'slow' took longer than its timeout_s=0.05; at last; 42"

    run(main())


@tool(risk="send", to="to")
@workflow
async def negotiate(to: str) -> str:
    await sleep(0.01)
    return f"agreed with {to}"


@workflow
async def negotiates(to: str) -> str:
    return await negotiate(to)


def test_a_tool_that_is_a_workflow_is_a_child_run_behind_the_gate() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            await one.start(negotiates, "ACME")
            [question] = await one.until_asked()
            await answer(one, question, "accept")
            assert await one.result(negotiates) == "agreed with ACME"
            assert (await one.journal.standings(parent="run-1"))[0].status is Status.SUCCEEDED

    run(main())


async def was_done(key: str, payee: str, usd: float) -> Done:
    return Done(f"found {payee} {usd:g}")


@tool(risk="spend", amount="usd", reconcile=was_done)
async def wire(payee: str, usd: float) -> str:
    raise ConnectionError("lost")


@workflow
async def wires() -> str:
    return await wire("ACME", 3.0)


def test_a_reconciler_gets_the_real_arguments_and_settles_the_money() -> None:
    async def main() -> None:
        firm = FakeFirm(Rule("allow", tool="wire"))
        async with engine(firm=firm) as one:
            assert await one.run(wires) == "found ACME 3"
            assert firm.ledger.how == ["settled"]

    run(main())


class Offer(msgspec.Struct):
    name: str
    usd: float


@tool(risk="write")
async def keep(offer: Offer, notes: list[str] | None = None) -> str:
    """Keep an offer.

    Args:
        offer: What was offered.
        notes: What to remember.
    """
    return f"{offer.name} {offer.usd:g}"


@workflow
async def keeps() -> str:
    return await invoke_json(keep, '{"offer": {"name": "Sole", "usd": 80}}')


def test_a_model_calls_a_tool_with_plain_arguments_and_sees_its_schema() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(keeps) == "Sole 80"

    run(main())
    spec = tool_of(keep).spec
    assert spec.description == "Keep an offer."
    assert spec.parameters["required"] == ["offer"]
    assert spec.parameters["properties"]["notes"]["description"] == "What to remember."
    with pytest.raises(UsageError, match="unknown field `note`"):
        tool_of(keep).arguments.typed({"offer": {"name": "x", "usd": 1}, "note": 1})


def test_a_call_that_is_never_awaited_leaves_nothing_behind() -> None:
    @workflow
    async def forgets() -> str:
        look("sea")
        return "ended"

    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(forgets) == "ended"
            assert not DONE

    run(main())


LET_GO = threading.Event()


@tool(risk="spend", timeout_s=0.05)
def stamp(text: str) -> str:
    DONE.append(text)
    assert LET_GO.wait(10)
    return f"stamped {text}"


@workflow
async def stamps() -> str:
    return await stamp("deed")


def test_a_thread_that_outlives_its_time_still_says_what_it_did() -> None:
    async def main() -> None:
        LET_GO.clear()
        async with engine(firm=FakeFirm(Rule("allow", tool="stamp"))) as one:
            await one.start(stamps)
            asyncio.get_running_loop().call_later(0.1, LET_GO.set)
            assert await one.result(stamps) == "stamped deed"
            assert DONE == ["deed"]

    run(main())


class Vault:
    """A broker with one secret, for one host."""

    async def call(self, function: Any, args: dict[str, Any], host: str) -> Any:
        assert host == "api.example.com:443"
        filled = {key: value.replace("secret:key", "hush-hush") for key, value in args.items()}
        return (await function(**filled)).replace("hush-hush", "[secret:key]")


@tool(risk="send", to="url", host="url")
async def post(url: str, key: str) -> str:
    DONE.append((url, key))
    return f"posted with {key}"


@workflow
async def posts() -> str:
    return await post("https://api.example.com/v1", "secret:key")


def test_secrets_are_put_in_after_the_gate_and_stand_nowhere_in_the_journal() -> None:
    async def main() -> None:
        firm = FakeFirm(Rule("allow", tool="post", host="api.example.com"))
        firm.change(broker=Vault())
        async with engine(firm=firm) as one:
            assert await one.run(posts) == "posted with [secret:key]"
            assert DONE == [("https://api.example.com/v1", "hush-hush")]
            history = await one.journal.read("run-1")
            assert not any(b"hush-hush" in event.body + event.input for event in history)

    run(main())


@workflow
async def chatters() -> str:
    loops: list[str] = []
    for _ in range(6):
        try:
            loops.append(await flaky_read())
        except ValueError:
            loops.append("failed")
    return " ".join(loops)


@tool(risk="read")
async def flaky_read() -> str:
    raise ValueError("nothing there")


def test_the_same_failure_again_and_again_is_a_loop_too() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(same_call=4)) as one:
            await one.start(chatters)
            [question] = await one.until_asked()
            await one.worker.answer(question.id, "stop", by="founder")
            with pytest.raises(LoopDetected, match="same result 4 times"):
                await one.result(chatters)

    run(main())
