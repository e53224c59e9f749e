"""A close call on its way: experts are asked, the founder decides, the record is written.

One rule: it always comes to the founder, whatever becomes of the experts; what cannot be taken back is decided by an
answer alone.
"""

import asyncio
from datetime import timedelta
from typing import Any, Literal

import msgspec

from firm.errors import UsageError
from firm.kernel.api import ask, gather, now
from firm.kernel.context import StepInfo, current, current_firm, current_step
from firm.kernel.definition import step, workflow
from firm.org.desk.book import past_row, pasts
from firm.org.desk.call import CloseCall, Decision, Heard, Opinion, check_call
from firm.org.desk.expert import experts
from firm.org.desk.opinion import opinion
from firm.org.desk.question import question_words
from firm.org.desk.score import Advice, Past, records_of, route
from firm.org.house import folder, house
from firm.org.role import Role
from firm.org.settings import OrgSettings
from firm.policy.within import within

OPINION_S = 180.0
"""How long one expert may take, in each round; then the call goes on without that opinion."""
MAX_QUESTION_KEPT = 300
"""Characters of a question in the record."""
By = Literal["founder", "default"]
LEAST_S = 30.0
"""At least so long they get, where the founder has little time himself."""


class Seats(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is asked about a close call, and by which rules."""

    experts: tuple[Role, ...]
    panel: bool = False
    answer_s: float = 86_400.0
    why_none: str = ""
    """Why nobody is asked."""


async def decide(call: CloseCall) -> Decision:
    """Have a close call decided, in workflow code; it is a run of its own below the one that asks.

    The one to three experts whose record on this kind of decision is best give their opinions, or all of them where a
    panel is wanted or the stake is high. Then the founder decides, or the default after its time.

    Raises:
        UsageError: options, default or figures that cannot be.
    """
    check_call(call)
    return await close_call(call)


@workflow
async def close_call(call: CloseCall) -> Decision:
    """One close call, from the question to the record."""
    check_call(call)
    seats = await seat(call)
    heard = await _heard(call, seats)
    until = now() + timedelta(seconds=seats.answer_s) if call.default else None
    choice = await ask(
        question_words(call, heard, until=until, why_none=seats.why_none),
        options=list(call.names),
        default=call.default or None,
        deadline=until,
        one_way=call.one_way,
        waiting=call.waiting,
    )
    return await write_decision(call, heard, choice, seats.panel)


async def _heard(call: CloseCall, seats: Seats) -> list[Heard]:
    """What the experts say; of a panel each answers alone, and then once more, knowing the others' reasons."""
    first = await gather(*[_one(role, call) for role in seats.experts])
    said = tuple([one.opinion for one in first if one.opinion is not None])
    if not seats.panel or len(said) < 2:
        return first
    known = {one.expert for one in said}
    again = [role for role in seats.experts if role.name in known]
    second = await gather(*[_one(role, call, said) for role in again])
    changed = {one.expert: one for one in second if one.opinion is not None}
    return [changed.get(one.expert, one) for one in first]


async def _one(role: Role, call: CloseCall, others: tuple[Opinion, ...] = ()) -> Heard:
    with within(agent=role.name, budget=role.budget_usd):
        asked = asyncio.ensure_future(opinion(role, call, others))
    try:
        wait_s = min(OPINION_S, max(LEAST_S, call.answer_s)) if call.answer_s else OPINION_S
        await asyncio.wait((asked,), timeout=wait_s)
        if asked.done():
            return asked.result()
        return Heard(expert=role.name, why=f"no answer within {wait_s:g} s")
    finally:
        asked.cancel()  # nobody waits until it has ended: a run that is stuck would not


@step
async def seat(call: CloseCall) -> Seats:
    """Who is asked: read once, so that what is changed in files or learnt later changes nothing that has begun."""
    if current_firm() is None:
        return _seats(call, experts(), OrgSettings(), [])
    settings = house().config.org
    try:
        return _seats(call, experts(folder()), settings, await pasts(house(), call.kind))
    except UsageError as error:
        return Seats((), answer_s=call.answer_s or settings.answer_s, why_none=str(error))


def _seats(call: CloseCall, roles: tuple[Role, ...], settings: OrgSettings, past: list[Past]) -> Seats:
    panel = call.panel or call.stake_usd >= settings.panel_above_usd
    asked = roles if panel else route(roles, call, records_of(past))
    return Seats(asked, panel, call.answer_s or settings.answer_s)


@step
async def write_decision(call: CloseCall, heard: list[Heard], choice: str, panel: bool) -> Decision:
    """The decision, with its row in the record of every expert who gave an opinion."""
    info = current_step()
    by = await _who()
    opinions = tuple([one.opinion for one in heard if one.opinion is not None])
    run = info.run.id if info.run is not None else ""
    if info.run is not None:
        past = Past(
            run=run,
            kind=call.kind,
            question=call.question.strip()[:MAX_QUESTION_KEPT],
            choice=choice,
            by=by,
            at_us=info.run.loop.now_us,
            advice=tuple([Advice(one.expert, one.choice, one.confidence) for one in opinions]),
            options=len(call.options),
        )
        info.also(past_row(past))
    return Decision(
        choice=choice,
        by=by,
        kind=call.kind,
        opinions=opinions,
        silent=tuple([one for one in heard if one.opinion is None]),
        panel=panel,
        run=run,
        question=call.question,
    )


async def _who() -> By:
    """Who closed the question of this run, as its history says; outside any run it was the default."""
    here = current.get()
    if not isinstance(here, StepInfo) or here.run is None:
        return "default"
    firm: Any = current_firm()
    if not hasattr(firm, "run"):
        raise UsageError("a close call needs a firm: open one with `async with Firm.open(folder)`")
    answers = [event for event in await firm.run(here.run.id).events() if event.kind == "answered"]
    return "default" if answers[-1].detail == "by deadline" else "founder"
