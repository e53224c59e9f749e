"""Money and command in a firm: what is reserved, asked, approved, stopped."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firm import Budget, Firm, approve, chat, gather, tool, workflow
from firm.errors import ApprovalRejected, BudgetExceeded, PolicyDenied, UsageError
from firm.kernel.status import Status
from firm.ledger.line import NO_TAGS
from firm.model import ScriptedModel
from firm.policy.capability import Capability
from firm.policy.identity import Session, login, make_key, sign_answer
from firm.policy.within import within
from firm.root import spool
from firm.units import Amount

SENT: list[str] = []


@tool(risk="send", to="to")
async def mail(to: str, body: str) -> str:
    """Send a mail."""
    SENT.append(f"{to}: {body}")
    return "sent"


@tool(risk="spend", to="payee", amount="usd")
async def pay(payee: str, usd: float) -> str:
    """Pay somebody."""
    SENT.append(f"{payee} {usd}")
    return "paid"


@tool(risk="read", untrusted=True)
async def page(url: str) -> str:
    """What stands on a page."""
    return f"page of {url}"


@tool(risk="read")
async def look(name: str) -> str:
    """The same every time."""
    return "nothing new"


@workflow
async def writes(to: str) -> str:
    try:
        return await mail(to, "hello")
    except ApprovalRejected as error:
        return f"rejected: {error.words or error}"


@workflow
async def pays(usd: float) -> str:
    return await pay("shop", usd)


@workflow
async def asks_model(times: int) -> int:
    replies = await gather(*(chat(f"hello {number}", max_tokens=10) for number in range(times)))
    return len(replies)


@workflow
async def loops(times: int) -> int:
    for _ in range(times):
        await look("x")
    return times


@workflow
async def announces() -> str:
    await approve("Publish the letter", detail={"words": 300})
    return "published"


@workflow
async def scouts(to: str) -> str:
    with within(agent="scout", capabilities=[Capability("mail", to=("ann@example.com",))]):
        return await mail(to, "hi")


@workflow
async def reads_then_writes() -> str:
    await page("http://example.com")
    return await mail("ann@example.com", "hi")


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    SENT.clear()


async def asked(firm: Firm) -> Any:
    """The next open question."""
    while not (inbox := await firm.inbox()):
        await asyncio.sleep(0.005)
    return inbox[0]


def founder(home: Path) -> Session:
    """A founder key and a session."""
    import time

    state = home / ".firm"
    state.mkdir(mode=0o700, exist_ok=True)
    make_key(state, "correct horse battery")
    return login(state, "correct horse battery", time.time_ns() // 1000)


@pytest.mark.parametrize(
    ("answer", "result", "sent"),
    [
        ({"do": "accept"}, "sent", ["ann@example.com: hello"]),
        ({"do": "edit", "args": {"to": "bo@example.com"}}, "sent", ["bo@example.com: hello"]),
        ({"do": "say", "words": "later"}, "rejected: later", []),
        ({"do": "refuse", "reason": "no"}, "rejected: the founder refused", []),
    ],
)
def test_each_answer_to_an_approval_wakes_the_run_that_waits(
    tmp_path: Path, answer: dict[str, Any], result: str, sent: list[str]
) -> None:
    session = founder(tmp_path)

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            other = await firm.start(writes, "eve@example.com", id="other")
            run = await firm.start(writes, "ann@example.com", id="mine")
            while len(inbox := await firm.inbox()) < 2:
                await asyncio.sleep(0.005)
            mine = next(question for question in inbox if question.run == "mine")
            assert 'to = "ann@example.com"' in mine.text and "risk: send" in mine.text
            await firm.answer(mine.id, answer, session=session)
            assert (await run.result()).startswith(result)
            assert sent == SENT
            assert [question.run for question in await firm.inbox()] == ["other"]
            assert await other.status() not in (Status.SUCCEEDED, Status.FAILED)

    asyncio.run(main())


def test_without_a_session_nothing_that_sends_is_approved(tmp_path: Path) -> None:
    founder(tmp_path)

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(writes, "ann@example.com")
            question = await asked(firm)
            with pytest.raises(UsageError, match="run `firm login`"):
                await firm.answer(question.id, {"do": "accept"})
            with pytest.raises(UsageError, match="answers no approval"):
                await firm.answer(question.id, "yes")
            await firm.answer(question.id, {"do": "refuse"})  # to say no needs no proof
            assert (await run.result()).startswith("rejected")
            assert SENT == []

    asyncio.run(main())


def test_an_approval_survives_a_restart_and_is_used_once(tmp_path: Path) -> None:
    session = founder(tmp_path)

    async def first() -> str:
        async with Firm.open(tmp_path) as firm:
            await firm.start(writes, "ann@example.com", id="mine")
            return str((await asked(firm)).id)

    async def second(question: str) -> None:
        async with Firm.visit(tmp_path) as firm:
            await firm.answer(question, {"do": "accept"}, session=session)
        async with Firm.open(tmp_path) as firm:
            assert await firm.run("mine").result() == "sent"
        async with Firm.open(tmp_path) as firm:
            assert await firm.run("mine").result() == "sent"
        assert SENT == ["ann@example.com: hello"]

    asyncio.run(second(asyncio.run(first())))


def test_workflow_code_can_have_something_approved(tmp_path: Path) -> None:
    session = founder(tmp_path)

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(announces)
            question = await asked(firm)
            assert "Publish the letter" in question.text
            await firm.answer(question.id, {"do": "accept"}, session=session)
            assert await run.result() == "published"

    asyncio.run(main())


def test_a_capability_that_names_the_destination_needs_no_question_and_another_is_denied(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            assert await (await firm.start(scouts, "ann@example.com")).result() == "sent"
            with pytest.raises(PolicyDenied, match="'scout' may call 'mail', but not"):
                await (await firm.start(scouts, "eve@example.com")).result()
            assert await firm.inbox() == []

    asyncio.run(main())


def test_after_an_untrusted_read_what_a_rule_allows_is_asked(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text('[[rules]]\ntool = "mail"\nthen = "allow"\n')

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            assert await (await firm.start(writes, "ann@example.com")).result() == "sent"
            await firm.start(reads_then_writes)
            assert "strangers" in (await asked(firm)).text

    asyncio.run(main())


def test_a_budget_is_never_passed_and_what_cannot_be_paid_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text('[[mandates]]\npayee = "shop"\nusd = 100\n')

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            assert await (await firm.start(pays, 4.0, budget=Budget(usd=5))).result() == "paid"
            with pytest.raises(BudgetExceeded, match="USD"):
                await (await firm.start(pays, 6.0, budget=5)).result()
            with pytest.raises(BudgetExceeded):
                await (await firm.start(pays, 17.0)).result()  # 20 a day, 4 are spent
            assert SENT == ["shop 4.0"]
            books, purses = await firm.books()
            assert sum(amount.usd_micro for amount in books.balances.values()) == 0
            assert purses[0].limits[0].spent == 4_000_000 and purses[0].limits[0].reserved == 0

    asyncio.run(main())


def test_calls_of_a_model_are_booked_and_limited(tmp_path: Path) -> None:
    async def main() -> None:
        models = {"default": ScriptedModel(["yes"] * 10)}
        async with Firm.open(tmp_path, models=models) as firm:
            assert await (await firm.start(asks_model, 3, budget=Budget(calls=3))).result() == 3
            with pytest.raises(BudgetExceeded, match="calls"):
                await (await firm.start(asks_model, 4, budget=Budget(calls=3))).result()
            books, _ = await firm.books()
            assert sum(one.used.calls for day in books.days.values() for one in day.values()) >= 3

    asyncio.run(main())


def test_the_same_call_with_the_same_result_again_and_again_asks(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text("[limits]\nsame_call = 5\n")

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(loops, 7)
            question = await asked(firm)
            assert question.kind == "loop" and "5 times" in question.text
            await firm.answer(question.id, "go on")
            assert await run.result() == 7

    asyncio.run(main())


def test_what_is_stopped_begins_nothing_until_it_is_let_go_on(tmp_path: Path) -> None:
    session = founder(tmp_path)

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            run = await firm.start(writes, "ann@example.com", id="mine", agent="scout")
            question = await asked(firm)
            with pytest.raises(UsageError, match="no agent"):
                await firm.stop("scuot")
            await firm.stop("scout")
            assert await run.status() is Status.STUCK
            await firm.answer(question.id, {"do": "accept"}, session=session)
            with pytest.raises(PolicyDenied, match="was stopped"):
                await firm.start(writes, "bo@example.com", agent="scout")
            assert SENT == []
            await firm.release("scout")
            assert await run.result() == "sent"

    asyncio.run(main())


def test_a_stop_of_everything_outlasts_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(writes, "ann@example.com", id="mine")
            await asked(firm)
            await firm.stop()
        async with Firm.open(tmp_path) as firm:
            with pytest.raises(PolicyDenied, match="firm resume --all"):
                await firm.start(writes, "bo@example.com")
            await firm.release()
            assert await firm.run("mine").status() is not Status.STUCK

    asyncio.run(main())


def test_a_visitor_pays_from_the_ledger_of_the_owner(tmp_path: Path) -> None:
    async def main() -> None:
        models = {"default": ScriptedModel(["yes"] * 10)}
        async with Firm.open(tmp_path) as owner:
            async with Firm.open(tmp_path, models=models) as visitor:
                assert not visitor.is_owner
                assert (await chat("hello")).text == "yes"
            while not (await owner.books())[0].days:
                await asyncio.sleep(0.01)
        async with Firm.visit(tmp_path) as alone:
            before = (await alone.books())[0]
            assert [one.used.calls for day in before.days.values() for one in day.values()] == [1]

    asyncio.run(main())


def test_a_visitor_that_waits_for_money_keeps_the_owner_neither_busy_nor_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    pending = spool.pending
    monkeypatch.setattr(spool, "pending", lambda home: looks.append(1) or pending(home))

    async def main() -> None:
        async with Firm.open(tmp_path) as owner, Firm.open(tmp_path) as visitor:
            await owner.start(writes, "ann@example.com", id="mine")
            held = await owner._desk.reserve(Amount(15_000_000), (), NO_TAGS)
            waiting = asyncio.ensure_future(visitor._desk.reserve(Amount(10_000_000), (), NO_TAGS))
            await asyncio.sleep(0.1)  # the owner has looked, and goes on
            looks.clear()
            await visitor.send("mine", "news", 1)
            await asyncio.sleep(0.1)
            assert not waiting.done() and len(looks) < 10
            held.void()
            (await waiting).void()

    asyncio.run(main())


def test_a_visitor_that_does_not_know_of_a_stop_gets_no_money(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(tmp_path) as owner, Firm.open(tmp_path) as visitor:
            await owner.stop()
            assert not visitor.stopped
            with pytest.raises(PolicyDenied, match="the firm was stopped"):
                await visitor._desk.reserve(Amount(1), (), NO_TAGS)

    asyncio.run(main())


def test_a_proof_that_is_older_than_its_question_does_not_count(tmp_path: Path) -> None:
    session = founder(tmp_path)

    async def main() -> None:
        async with Firm.open(tmp_path) as firm:
            await firm.start(writes, "ann@example.com")
            question = await asked(firm)
            with pytest.raises(UsageError, match="older than the question"):
                await firm.answer(question.id, {"do": "accept", "proof": old(session, question.id)})

    asyncio.run(main())


def old(session: Session, question: str) -> dict[str, Any]:
    """A proof from the session's first moment."""
    return sign_answer(session, question, "", {"do": "accept"}, session.certificate.not_before_us)
