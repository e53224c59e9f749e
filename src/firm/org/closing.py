"""The end of a mission: how it came out, what it took, what is delivered, and what is learned.

One rule: the row of a mission's end is written in the transaction of the step that delivers it.
"""

import asyncio

import msgspec

from firm.errors import Blocked, TerminalError
from firm.ids import slug
from firm.kernel.context import current_firm, current_step
from firm.kernel.definition import step, workflow
from firm.kernel.journal import own_key
from firm.ledger.glance import taken_by
from firm.org.assignment import Made
from firm.org.crew import Crew
from firm.org.house import folder, house
from firm.org.mission import Ending, Outcome, TaskEnd
from firm.org.opening import staff_of
from firm.org.record import BOOK, end_row, read_end, task_row


def ending_of(crew: Crew) -> Ending:
    """How far a mission came, by what it was to deliver."""
    wanted = [task.id for task in crew.plan.tasks if task.deliver]
    made = [id for id in wanted if id in crew.ends and crew.ends[id].status == "accepted"]
    return "reached" if wanted and len(made) == len(wanted) else "partly" if made else "not reached"


def why_of(crew: Crew) -> str:
    """Why tasks were refused."""
    return "; ".join(f"{one.id}: {one.why}" for one in crew.ends.values() if one.status == "refused")


def ends_of(crew: Crew) -> tuple[TaskEnd, ...]:
    """How each task stands, in the order of the plan; what was never begun is waiting."""
    known = {task.id: task for task in crew.plan.tasks}
    found = [crew.standing(task) for task in known.values()]
    return (*found, *(end for id, end in crew.ends.items() if id not in known))


def made_by(outcome: Outcome, unit: str) -> Made:
    """What a unit hands over.

    Raises:
        Blocked: it needs something that nobody in it makes.
        TerminalError: it has nothing to hand over; it says why.
    """
    if outcome.blocked_on:
        raise Blocked(outcome.blocked_on, f"unit {unit!r} says so")
    found = outcome.artifacts
    if outcome.ending not in ("reached", "partly") or not found:
        raise TerminalError(f"unit {unit!r}: {outcome.ending}" + (f": {outcome.why}" if outcome.why else ""))
    files = tuple([file.path for one in found for file in one.files])
    untrusted = any(one.untrusted for one in found)
    if len(found) == 1:
        return Made(text=found[0].text, data=found[0].data, files=files, how="unit", untrusted=untrusted)
    text = "\n\n".join(f"# {one.name}\n\n{one.text}" for one in found if one.text)
    data = {one.name: one.data for one in found if one.data is not None} or None
    return Made(text=text, data=data, files=files, how="unit", untrusted=untrusted)


@step
async def finish(outcome: Outcome) -> Outcome:
    """Count what it took, deliver what was accepted, and write its end."""
    info = current_step()
    if info.run is None:
        return outcome
    if not outcome.unit:
        outcome = await _counted(outcome)
        if outcome.plan is not None:
            from firm.org.deliver import deliver

            name = getattr(house().config, "name", "")
            made = await asyncio.to_thread(deliver, outcome, folder(), name)
            outcome = msgspec.structs.replace(
                outcome, folder=made.folder, report=made.report, commit=made.commit, no_commit=made.why
            )
    for one in outcome.tasks:
        if one.status == "refused" and not one.at_us:  # it was under way when all was stopped
            info.also(task_row(info.run.id, msgspec.structs.replace(one, at_us=info.run.loop.now_us)))
    info.also(end_row(info.run.id, outcome))
    return outcome


async def _counted(outcome: Outcome) -> Outcome:
    """With what its calls took, as the ledger has it."""
    info = current_step()
    if info.run is None or not hasattr(current_firm(), "rows"):
        return outcome
    since_us = info.run.loop.now_us - round((outcome.took_s + 60) * 1e6)
    taken = await taken_by(house(), outcome.run, since_us=since_us)
    return msgspec.structs.replace(
        outcome, calls=taken.calls, tokens=taken.tokens, spent_usd_micro=taken.usd_micro
    )


@step
async def begin_lessons(run: str) -> None:
    """Start what is to be learned from a mission as a run of its own: nobody waits for it."""
    await house().start(lessons, run, id=f"{slug(run)}-lessons")


@workflow
async def lessons(run: str) -> tuple[str, ...]:
    """Lessons of a mission for the files of its roles, through review; what was taken up."""
    from firm.org.lesson import learn

    outcome = await ended(run)
    if outcome is None:
        return ()
    return await learn(outcome, await staff_of(outcome.unit))


@step
async def ended(run: str) -> Outcome | None:
    """How a mission has ended, as the journal has it."""
    rows = await house().rows(BOOK, prefix=own_key(run, "end"))
    return read_end(rows[0].value) if rows else None
