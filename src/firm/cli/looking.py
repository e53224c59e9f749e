"""`firm ps` and `firm show`: what runs, and what happened."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import Command, Home, Json, note, visit

if TYPE_CHECKING:
    from rich.tree import Tree

    from firm.cli.goals import MissionRow
    from firm.cli.progress import Shown
    from firm.root.firm import Firm
    from firm.root.inbox import NotesView, ReportView
    from firm.root.view import EventView, QuestionView, RunView, SpanView

    History = tuple[RunView, list[EventView], list[SpanView], list[QuestionView]]
    Told = tuple[list[ReportView], NotesView | None]

MAX_CHILDREN = 30
"""Children shown at one level of the tree."""
_FINGERPRINT = re.compile(r", '(?:definition )?[0-9a-f]{16}'(?=[,)])")
"""Of an agent and of what was said before: it names a call in the journal, and tells a person nothing."""


def ps(
    all: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    status: Annotated[
        str | None, typer.Option("--status", help="Only those: running, suspended, stuck, failed …")
    ] = None,
    children: Annotated[bool, typer.Option("--children", help="Child runs, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest.")] = 100,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List missions with their goals, then other runs: how they stand, and what they wait for."""
    import asyncio

    from firm.cli.goals import missions_of
    from firm.cli.text import print_json
    from firm.kernel.status import TERMINAL

    async def main() -> tuple[list["RunView"], list["QuestionView"], dict[str, "MissionRow"]]:
        async with visit(home) as firm:
            if all or status or children:
                found = await firm.runs(
                    status, parent=None if children else "", limit=limit + 1 if all or status else 100_000
                )
                runs = [run for run in found if all or status or run.status not in TERMINAL]
            else:
                runs = await firm.unfinished()
            return runs, await firm.inbox(), await missions_of(firm, runs[:limit])

    runs, inbox, missions = asyncio.run(main())
    if as_json:
        print_json([_record(run, missions.get(run.id)) for run in runs[:limit]])
        return
    _print_all(runs[:limit], inbox, missions, filtered=all or status is not None)
    _tell_left(runs, home)
    if len(runs) > limit:
        note(f"there are more; --limit {10 * limit} shows more of them")


def _record(run: "RunView", mission: "MissionRow | None") -> dict[str, Any]:
    """A run for `--json`; one that carries out a mission says how that stands."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(run)
    return found if mission is None else found | {"mission": msgspec.to_builtins(mission)}


def _print_all(
    runs: list["RunView"],
    inbox: list["QuestionView"],
    missions: dict[str, "MissionRow"],
    *,
    filtered: bool,
) -> None:
    """Missions first, then what else there is."""
    from firm.cli.goals import print_missions

    if missions:
        print_missions(
            [(run, missions[run.id], _waits_for(run, inbox)) for run in runs if run.id in missions]
        )
    others = [run for run in runs if run.id not in missions]
    if others and missions:
        print()
    if others or not missions:
        _print_runs(others, inbox, filtered=filtered)


def _print_runs(runs: list["RunView"], inbox: list["QuestionView"], *, filtered: bool) -> None:
    from firm.cli.text import add_row, ago, line, render, table

    if not runs:
        print(
            "no such runs" if filtered else "no unfinished runs; `firm ps --all` lists those that have ended"
        )
        return
    made = table("RUN", "WORKFLOW", "STATUS", "AGE", "WAITS FOR")
    for run in runs:
        add_row(
            made, run.id, run.name, run.status.value, ago(run.created_at), line(_waits_for(run, inbox), 120)
        )
    render(made)


def _tell_left(runs: list["RunView"], home: Home) -> None:
    """Say that nobody carries what stands as running, after a crash."""
    from firm.kernel.status import Status
    from firm.root.firm import Firm
    from firm.root.lock import holder_of

    if any(run.status is Status.RUNNING for run in runs) and holder_of(Firm.visit(home).home.lock) is None:
        note("what stands as running was interrupted: nobody carries it just now; it goes on with `firm up`")


def _waits_for(run: "RunView", inbox: list["QuestionView"]) -> str:
    from firm.cli.text import clock, count, span
    from firm.policy.brake import asks_about

    mine = [one for one in inbox if one.run == run.id or asks_about(one.id, run.reason)]
    mine = mine or [one for one in inbox if one.run.startswith(f"{run.id}/")]  # of what it has begun
    parts = [f"you: {question.id} {question.text}" for question in mine[:1]]
    if len(mine) > 1:
        parts.append(count(len(mine) - 1, "more question"))
    if run.reason and not mine:
        parts.append(run.reason)
    if run.wake_at is not None:
        left_s = (run.wake_at - datetime.now(UTC)).total_seconds()
        parts.append(f"{clock(run.wake_at)} (in {span(left_s)})" if left_s > 0 else "its turn: `firm up`")
    return "; ".join(parts)


def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Its id, from `firm ps`.")],
    last: Annotated[int, typer.Option("--last", min=1, help="Only so many of its last events.")] = 200,
    context: Annotated[
        bool, typer.Option("--context", help="Show what fills the context window of an agent's run instead.")
    ] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Of a mission: its history, as of any other run.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tell the history of a run: steps, retries, calls of models, questions, reports, notes.

    Of a mission: its goals with what is bet on them, and its tasks: how each stands, who does it, what it cost.
    """
    import asyncio

    if context:
        from firm.cli.window import show_context

        show_context(run_id, home, as_json=as_json)
        return

    found = asyncio.run(_look(run_id, home, events=events, tree=not as_json))
    (view, history, spans, questions), (reports, notes), tree, mission = found
    if as_json:
        _print_record(found)
        return
    _print_head(view, history)
    if mission is not None:
        from firm.cli.progress import print_mission

        print_mission(mission)
    else:
        _print_events(history, spans, last)
    if tree is not None:
        from firm.cli.text import render

        print("\nchildren")
        render(tree)
    _print_told(reports, notes)
    for question in questions:
        from firm.cli.deciding import describe

        print(f"\n{describe(question)}")


async def _look(
    run_id: str, home: Home, *, events: bool, tree: bool
) -> tuple["History", "Told", "Tree | None", "Shown | None"]:
    """All that is shown of a run."""
    from firm.cli.progress import shown_mission

    async with visit(home) as firm:
        run = firm.run(run_id)
        view, history, spans = await run.view(), await run.events(), await run.spans()
        mission = None if events else await shown_mission(firm, run_id)
        below = f"{run_id}/"
        questions = [
            one
            for one in await firm.inbox()
            if one.run == run_id or (mission is not None and one.run.startswith(below))
        ]
        told = await firm.reports(run_id), await firm.notes(run_id)
        shown = await _tree(firm, view) if tree and mission is None else None
        return (view, history, spans, questions), told, shown, mission


def _print_record(found: tuple["History", "Told", Any, "Shown | None"]) -> None:
    from firm.cli.progress import mission_record
    from firm.cli.text import print_json

    (view, history, spans, questions), (reports, notes), _, mission = found
    record = {"run": view, "events": history, "spans": spans, "questions": questions}
    record |= {"reports": reports, "notes": notes}
    print_json(record | ({"mission": mission_record(mission)} if mission is not None else {}))


def _print_told(reports: list["ReportView"], notes: "NotesView | None") -> None:
    from firm.cli.telling import notes_lines, whole

    if reports:
        print("\ntold\n" + "\n".join(whole(report) for report in reversed(reports)))
    if notes is not None:
        print("\n" + "\n".join(notes_lines(notes)))


def _print_head(view: "RunView", events: list["EventView"]) -> None:
    from firm.cli.text import clock, line, plain, span

    ended = events[-1].at if events and events[-1].kind == "ended" else None
    took = span(((ended or datetime.now(UTC)) - view.created_at).total_seconds())
    print(f"run       {plain(view.id)}")
    print(f"workflow  {plain(view.workflow)}")
    print(f"status    {view.status.value}" + (f": {line(view.reason, 1000)}" if view.reason else ""))
    print(f"started   {clock(view.created_at)}, {'took' if ended else 'open for'} {took}")
    if view.wake_at is not None:
        print(f"wakes     {clock(view.wake_at)}")
    if view.parent:
        print(f"parent    {plain(view.parent)}")
    if not events:
        print("\nits history was cleared by `firm gc`")


def _print_events(events: list["EventView"], spans: list["SpanView"], last: int) -> None:
    from firm.cli.spans import add_spans, under_events
    from firm.cli.text import add_row, line, render, span, table

    if not events:
        return
    print()
    if len(events) > last:
        print(f"({len(events) - last} earlier events; --last {len(events)} shows all)")
    made = table("AT", "WHAT", "CALL", "DETAIL")
    start = events[0].at
    found, given_up = under_events(events, spans)
    for event in events[-last:]:
        given = _FINGERPRINT.sub("", event.given) if event.name == "chat" else event.given
        call = f"{event.place} {event.name}{given}" if event.place else event.name
        if event.kind in ("ended", "cancel", "timer"):
            call = "" if event.kind != "ended" else event.name
        add_row(
            made, f"+{span((event.at - start).total_seconds())}", event.kind, line(call, 80), _detail(event)
        )
        add_spans(made, found.get(event.seq, []), start)
    if given_up:
        add_row(made, "", "given up", "", "calls whose result the workflow did not wait for")
        add_spans(made, given_up, start)
    render(made)


def _detail(event: "EventView") -> str:
    from firm.cli.text import line, shown

    parts = []
    if event.error is not None:
        parts.append(line(event.error, 200))
    elif event.kind in ("done", "message", "answered", "started") or (
        event.kind == "ended" and event.value is not None
    ):
        said = _said(event.value) if event.name == "chat" else ""
        parts.append(line(said, 120) if said else shown(event.value, 120))
    if event.detail:
        parts.append(f"({line(event.detail)})")
    return " ".join(parts)


def _said(value: Any) -> str:
    """Of a model's reply what it says, in quotes, and what it calls; '' for anything else."""
    from firm.cli.text import shown

    parts = value.get("parts") if isinstance(value, dict) else None
    if not isinstance(parts, list) or not all([isinstance(part, dict) for part in parts]):
        return ""
    words = "".join([str(part.get("text", "")) for part in parts if part.get("type") == "text"])
    calls = [
        f"{part.get('name')}({part.get('arguments')})" for part in parts if part.get("type") == "tool_call"
    ]
    return " ".join([*([shown(words, 120)] if words or not calls else []), *calls])


async def _tree(firm: "Firm", view: "RunView") -> "Tree | None":
    from rich.text import Text
    from rich.tree import Tree

    from firm.cli.text import line

    async def grow(branch: Tree, run_id: str) -> bool:
        children = sorted(await firm.runs(parent=run_id, limit=10_000), key=lambda child: child.created_at)
        for child in children[:MAX_CHILDREN]:
            text = f"{child.id}  {child.name}  {child.status.value}"
            await grow(branch.add(Text(line(text + (f": {child.reason}" if child.reason else "")))), child.id)
        if len(children) > MAX_CHILDREN:
            branch.add(Text(f"and {len(children) - MAX_CHILDREN} more"))
        return bool(children)

    root: Any = Tree(Text(line(f"{view.id}  {view.name}  {view.status.value}")))
    return root if await grow(root, view.id) else None


COMMANDS = (Command("ps", "firm ps --all", ps), Command("show", "firm show errand-3kf0a8h2mz", show))
