"""One mission: what `firm show` says of it, goal by goal and task by task.

One rule: what is shown is read from the journal at that moment; words of members and of strangers are escaped.
"""

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from firm.org.mission import TaskEnd
    from firm.org.standing import GoalStanding, MissionStanding, TaskStanding
    from firm.root.firm import Firm

_ASKED = re.compile(r"(?:Task|Review of) ([\w.-]+) \(round \d+\)")
"""How the words of a member's run begin; see `firm.org.member`."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown of one mission."""

    mission: "MissionStanding"
    units: "list[MissionStanding]"
    ends: "dict[str, TaskEnd]"
    """By task: the newest row."""
    cost_usd_micro: dict[str, int]
    """By task, with what its members and units began."""
    spent_usd_micro: int


async def shown_mission(firm: "Firm", run: str) -> Shown | None:
    """What there is to show of a mission; None: this run is none, or has no plan yet."""
    from firm.kernel.journal import own_key
    from firm.org.record import BOOK, read_task
    from firm.org.standing import missions_below

    found = await missions_below(firm, run)
    if not found or found[0].run != run:
        return None
    ends = {}
    for row in await firm.rows(BOOK, prefix=own_key(run, "task.")):
        try:
            end = read_task(row.value)
        except msgspec.MsgspecError:  # of another version: the rest is shown
            continue
        ends[end.id] = end
    spent = await spent_by_run(firm, run)
    asked = await _asked_of(
        firm, {branch for of, usd_micro in spent.items() if usd_micro and (branch := _branch(of, run))}
    )
    costs: dict[str, int] = {}
    for of, usd_micro in spent.items():
        if task := asked.get(_branch(of, run)):
            costs[task] = costs.get(task, 0) + usd_micro
    return Shown(
        mission=found[0],
        units=found[1:],
        ends=ends,
        cost_usd_micro=costs,
        spent_usd_micro=sum(spent.values()),
    )


async def spent_by_run(firm: "Firm", run: str) -> dict[str, int]:
    """What a run and each one below it has spent, in millionths of a US dollar."""
    books, _ = await firm.books()
    found: dict[str, int] = {}
    for day in books.days.values():
        for tags, took in day.items():
            if tags.run == run or tags.run.startswith(f"{run}/"):
                usd_micro = took.used.usd_micro + took.written_off.usd_micro
                found[tags.run] = found.get(tags.run, 0) + usd_micro
    return found


def _branch(run: str, top: str) -> str:
    """The child of the top run that a run belongs to."""
    return f"{top}/{run.removeprefix(f'{top}/').partition('/')[0]}" if run != top else ""


async def _asked_of(firm: "Firm", children: set[str]) -> dict[str, str]:
    """Child run of a mission -> task that it was begun for, as its first words say."""
    found = {}
    for child in sorted(children):
        started = next(iter(await firm.run(child).events()), None)
        given = started.value if started is not None and isinstance(started.value, dict) else {}
        mission = given.get("mission")
        words = mission.get("text") if isinstance(mission, dict) else given.get("task")
        if isinstance(words, str) and (asked := _ASKED.match(words)):
            found[child] = asked[1]
    return found


def print_mission(shown: Shown) -> None:
    """A mission: what it is for, its goals with their bets, its tasks in order."""
    from firm.cli.spans import money
    from firm.cli.text import count, line, plain

    standing = shown.mission
    planned = standing.planned
    print(f"mission   {line(planned.mission.text, 1000)}")
    why = f": {line(planned.plan.why, 300)}" if planned.plan.why else ""
    changed = f", changed {count(planned.change, 'time')}" if planned.change else ""
    print(f"plan      by {planned.plan.by}{why}{changed}")
    print(f"spent     {money(shown.spent_usd_micro / 1e6)} of {money(planned.mission.usd)}")
    for one in planned.mission.given:
        told = "written by strangers" if one.untrusted else one.how
        print(f"given     {plain(one.name)} ({told})")
    if standing.ending:
        print(f"ending    {standing.ending}" + (f": {line(standing.why, 500)}" if standing.why else ""))
    if standing.circle:
        around = " waits for ".join([*standing.circle, standing.circle[0]])
        print(
            f"circle    {plain(around)}: none of them can go on; `firm tell`, or cancel it and mend the plan"
        )
    _print_goals(standing)
    _print_tasks(shown)
    _print_units(shown.units)


def _print_goals(standing: "MissionStanding") -> None:
    from firm.cli.text import add_row, line, render, span, table

    print()
    made = table("GOAL", "STANDS", "TASKS", "SAYS", "BET", "WRONG IF", "KNOWN WITHIN")
    for one in standing.goals:
        stands = "reached" if one.reached else "lost" if one.lost else "open"
        goal = one.goal
        within = span(goal.by_days * 86_400) if goal.by_days is not None else ""
        add_row(
            made,
            goal.id,
            stands,
            f"{one.accepted}/{one.tasks}",
            line(goal.says, 80),
            line(goal.bet, 60),
            line(goal.wrong_if, 60),
            within,
        )
    render(made)


def _print_tasks(shown: Shown) -> None:
    from firm.cli.spans import money
    from firm.cli.text import add_row, line, render, table

    print()
    made = table("TASK", "STANDS", "WHO", "TRIES", "COST", "LAST WORD")
    for one in shown.mission.tasks:
        end = shown.ends.get(one.task.id)
        cost = shown.cost_usd_micro.get(one.task.id, 0)
        add_row(
            made,
            one.task.id,
            one.state,
            _who(one, end),
            one.rounds or "",
            money(cost / 1e6) if cost else "",
            line(_last_word(one, end), 160),
        )
    render(made)


def _who(one: "TaskStanding", end: "TaskEnd | None") -> str:
    made = end.artifact if end is not None else None
    if made is None:
        return one.role
    by = f"{made.how} {made.model}" if made.model else made.how
    return f"{made.maker or one.role} ({by})"


def _last_word(one: "TaskStanding", end: "TaskEnd | None") -> str:
    """Why it stands so: what it waits for, why it was given up, sent back or accepted."""
    if one.waits_for:
        return f"waits for {', '.join(one.waits_for)}"
    if one.why:
        return one.why
    last = end.verdicts[-1] if end is not None and end.verdicts else None
    if last is not None and last.accept:
        return f"{last.by}: {last.evidence[0]}" if last.evidence else last.by
    if last is not None:
        return f"sent back by {last.by}: {'; '.join(last.reasons)}"
    return end.troubles[-1] if end is not None and end.troubles else ""


def _print_units(units: "list[MissionStanding]") -> None:
    from firm.cli.text import add_row, line, render, table

    if not units:
        return
    print()
    made = table("UNIT", "RUN", "TASKS", "STANDS", "LAST WORD")
    for one in units:
        around = " waits for ".join([*one.circle, one.circle[0]]) if one.circle else ""
        add_row(
            made,
            one.planned.mission.unit,
            one.run,
            f"{one.count('accepted')}/{len(one.tasks)}",
            one.ending or "working",
            line(around or one.why, 120),
        )
    render(made)


def mission_record(shown: Shown) -> dict[str, Any]:
    """The same for `--json`."""
    standing = shown.mission
    return {
        "text": standing.planned.mission.text,
        "plan": standing.planned.plan.by,
        "why": standing.planned.plan.why,
        "ending": standing.ending,
        "spent_usd_micro": shown.spent_usd_micro,
        "circle": list(standing.circle),
        "goals": [_goal_record(one) for one in standing.goals],
        "tasks": [_task_record(one, shown) for one in standing.tasks],
        "units": [
            {"unit": one.planned.mission.unit, "run": one.run, "tasks": len(one.tasks)}
            | {"accepted": one.count("accepted"), "ending": one.ending}
            for one in shown.units
        ],
    }


def _goal_record(one: "GoalStanding") -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(one.goal)
    return found | {
        "reached": one.reached,
        "accepted": one.accepted,
        "tasks": one.tasks,
        "lost": one.lost,
    }


def _task_record(one: "TaskStanding", shown: Shown) -> dict[str, Any]:
    end = shown.ends.get(one.task.id)
    return {
        "id": one.task.id,
        "goal": one.task.goal,
        "state": one.state,
        "who": _who(one, end),
        "tries": one.rounds,
        "cost_usd_micro": shown.cost_usd_micro.get(one.task.id, 0),
        "waits_for": list(one.waits_for),
        "last_word": _last_word(one, end),
    }
