"""Missions at the level of goals: what `firm ps` says of them.

One rule: what is shown is read from the journal at that moment; nothing of it is kept, and no run is woken for it.
"""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from firm.root.firm import Firm
    from firm.root.view import RunView

CARRIES = "firm.org.carry:carry_out"
"""Reference of the workflow that carries out a mission."""
OURS = "firm.org."
"""Begins the references of workflows of the organization."""
FEW = 200
"""Among more runs than these only those of `OURS` are looked at: another workflow may have begun a mission too."""


class MissionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A mission, for a list."""

    run: str
    """The run that stands for it in the list."""
    text: str
    goals: int = 0
    reached: int = 0
    tasks: int = 0
    accepted: int = 0
    working: int = 0
    spent_usd_micro: int = 0
    ending: str = ""
    """'' while it goes on."""
    planned: bool = True
    """Whether it has a plan yet."""


async def missions_of(firm: "Firm", runs: "list[RunView]") -> dict[str, MissionRow]:
    """Those of these runs that carry out a mission, by id."""
    from firm.org.standing import tally

    found: dict[str, MissionRow] = {}
    for run in runs if len(runs) <= FEW else [run for run in runs if run.workflow.startswith(OURS)]:
        counted = await tally(firm, run.id)
        if counted is not None:
            found[run.id] = MissionRow(
                run=run.id,
                text=counted.text,
                goals=counted.goals,
                reached=counted.reached,
                tasks=counted.tasks,
                accepted=counted.accepted,
                working=counted.working,
                ending=counted.ending,
            )
        elif run.workflow == CARRIES:
            found[run.id] = MissionRow(run=run.id, text=await _words_of(firm, run.id), planned=False)
    if not found:
        return found
    spent = await _spent(firm, [run for run in runs if run.id in found])
    return {id: msgspec.structs.replace(one, spent_usd_micro=spent[id]) for id, one in found.items()}


async def _spent(firm: "Firm", runs: "list[RunView]") -> dict[str, int]:
    from firm.ledger.glance import spent_by

    since_us = min(round(run.created_at.timestamp() * 1e6) for run in runs)
    return await spent_by(firm, [run.id for run in runs], since_us=since_us)


async def _words_of(firm: "Firm", run: str) -> str:
    """The words of a mission that has no plan yet."""
    started = next(iter(await firm.run(run).events()), None)
    try:
        return str(started.value["mission"]["text"]) if started is not None else ""
    except (KeyError, TypeError):
        return ""


def print_missions(found: "list[tuple[RunView, MissionRow, str]]") -> None:
    """A table: each run, its mission, and what it waits for."""
    from firm.cli.spans import money
    from firm.cli.text import add_row, line, render, table

    made = table("RUN", "MISSION", "GOALS", "TASKS", "WORKING", "SPENT", "WAITS FOR")
    for run, one, waits in found:
        add_row(
            made,
            run.id,
            line(one.text, 48),
            f"{one.reached}/{one.goals}" if one.planned else "",
            f"{one.accepted}/{one.tasks}" if one.planned else "",
            _working(run, one),
            money(one.spent_usd_micro / 1e6),
            line(waits, 120),
        )
    render(made)


def _working(run: "RunView", one: MissionRow) -> str:
    from firm.kernel.status import TERMINAL

    if one.ending:
        return one.ending
    if run.status in TERMINAL or run.status.value == "stuck":
        return run.status.value
    return str(one.working) if one.planned else "plan"
