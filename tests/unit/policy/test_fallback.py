"""A call to a model that was approved at one endpoint and falls back to another, where it is judged for itself."""

import asyncio
from typing import Any

import pytest
from tests.unit.agent.commanded import FakeFirm, answer
from tests.unit.kernel.engine import engine

from firm.errors import ApprovalRejected, PolicyDenied
from firm.kernel import current_run, step, workflow
from firm.policy.action import Action
from firm.policy.capability import Charter
from firm.policy.consent import Consent, permitted, through
from firm.policy.gate import Entry, admit, command_of, no_edit
from firm.policy.rule import Rule

ASKED: list[str] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    ASKED.clear()


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


@step
async def draw(permit: str) -> str:
    """The model 'big' is down, and 'small' is asked instead."""
    here = current_run()
    for name, host in (("big", "a.example"), ("small", "b.example")):
        action = Action("chat", "read", {"model": name}, host=host, run=here.id)
        await admit(command_of(here.firm), Entry(action, Charter()))
        ASKED.append(name)
    return f"small says yes, {permit[:8]}"


@workflow
async def talks() -> str:
    here = current_run()

    async def approved(consent: Consent) -> str:
        permit = consent.permit(here)
        with permitted(permit):
            return await draw(permit.shown())

    def make(consent: Consent | None) -> Any:
        return draw("") if consent is None else approved(consent)

    said: str = await through(here, ("chat", b"1"), make, no_edit)
    return said


def test_a_fallback_that_the_rules_allow_needs_no_approval_of_its_own() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("ask", tool="chat", where={"model": "big"}))) as one:
            await one.start(talks)
            [question] = await one.until_asked()
            assert not ASKED and "a.example" in question.text
            await answer(one, question, "accept")
            assert await one.result(talks) == "small says yes, approved"
            assert ASKED == ["big", "small"]

    run(main())


def test_a_fallback_that_has_to_be_asked_is_asked_and_the_first_approval_still_holds() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("ask", tool="chat"))) as one:
            await one.start(talks)
            [first] = await one.until_asked()
            await answer(one, first, "accept")

            async def again() -> bool:
                return any(question.id != first.id for question in await one.journal.questions())

            await one.until(again)
            [second] = await one.journal.questions()
            assert "b.example" in second.text and ASKED == ["big"]
            await answer(one, second, "accept")
            assert await one.result(talks) == "small says yes, approved"
            assert ASKED == ["big", "big", "small"]

    run(main())


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (Rule("deny", tool="chat", where={"model": "small"}), PolicyDenied),
        (Rule("ask", tool="chat", where={"model": "small"}), ApprovalRejected),
    ],
)
def test_an_approval_for_one_endpoint_is_none_for_another(rule: Rule, error: type[Exception]) -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("ask", tool="chat", where={"model": "big"}), rule)) as one:
            await one.start(talks)
            [first] = await one.until_asked()
            await answer(one, first, "accept")
            if error is ApprovalRejected:

                async def again() -> bool:
                    return any(question.id != first.id for question in await one.journal.questions())

                await one.until(again)
                [second] = await one.journal.questions()
                await answer(one, second, "refuse")
            with pytest.raises(error):
                await one.result(talks)
            assert ASKED == ["big"]

    run(main())
