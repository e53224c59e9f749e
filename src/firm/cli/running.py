"""`firm run` and `firm up`: what carries runs."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.carrying import (
    ModelName,
    PlanBy,
    Watch,
    WorkflowName,
    is_mission,
    mission_id,
    mission_of,
    settle,
)
from firm.cli.command import DONE, FAILED, Command, Home, Json, complain, note
from firm.cli.mission import BudgetUsd, Isolation, Readable, Repo, Rounds, TestsCommand, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from firm.cli.serving import Served
    from firm.root.door import Stop
    from firm.root.firm import Firm
    from firm.root.handle import Run


def run(
    target: Annotated[
        str,
        typer.Argument(help="A mission in words, for the organization in this home; or file.py:workflow."),
    ],
    args: Annotated[
        list[str] | None, typer.Argument(help="Its arguments, each as JSON; plain words where it takes text.")
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="Name of the run; the same name again joins it.")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Start another run even if the same work is unfinished.")
    ] = False,
    no_wait: Annotated[
        bool,
        typer.Option(
            "--no-wait", help="Do not ask here: leave (exit code 3) when only an answer is missing."
        ),
    ] = False,
    repo: Repo = None,
    tests: TestsCommand = None,
    budget: BudgetUsd = None,
    turns: Turns = None,
    rounds: Rounds = None,
    isolation: Isolation = None,
    readable: Readable = None,
    model: ModelName = None,
    workflow: WorkflowName = None,
    plan: PlanBy = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Have a mission carried out, or run a workflow to its end.

    A mission in quotes is planned, done, checked and delivered by the organization in this home (`firm new` makes one).
    Of a workflow the result is printed as JSON. An unfinished run of the same is joined; --new starts another one. With
    --repo an agent works until the tests of a git repository pass; what comes of it is a branch and a report.
    """
    from firm.cli.mission import budget_of, check_alone
    from firm.errors import UsageError
    from firm.root.door import drive
    from firm.root.firm import Firm

    if new and id is not None:
        raise UsageError("--new and --id exclude each other: with an id there is one run of that name")
    if not target.strip():
        raise UsageError('it was told nothing; give a mission in quotes: firm run "what shall exist"')
    only = {"tests": tests, "rounds": rounds, "isolation": isolation, "readable": readable}
    firm = Firm.open(home)
    organized = {"model": model, "workflow": workflow, "plan": plan}
    if repo is None and is_mission(target) and not any(only.values()):
        work, values = _mission(target, args or [], firm, {**organized, "budget": budget})
        most, name = budget_of(None, turns, None), mission_id()
    else:
        name = None
        check_alone(organized, "the organization")
        work, values, otherwise = _work(target, args or [], repo, only)
        most = budget_of(budget, turns, otherwise)
    say_home(firm)
    find_code(firm)

    async def begin() -> "Run":
        joined = None if new or id is not None else await firm.find_unfinished(work, tuple(values))
        if joined is None:
            return await firm.start(work, *values, id=id or name, budget=most)
        note(f"joining the unfinished run {joined.id} (--new starts another)")
        return joined

    async def main(stop: "Stop") -> int:
        return await _carry(
            firm,
            begin,
            stop,
            interactive=not no_wait and _at_terminal(),
            patient=not no_wait,
            as_json=as_json,
        )

    return drive(main)


def _mission(words: str, args: list[str], firm: "Firm", given: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A mission for the organization in this home."""
    from firm.errors import UsageError
    from firm.org.carry import carry_out

    if args:
        raise UsageError(f"{args[0]!r} is one word too many: a mission is one argument, in quotes")
    return carry_out, [mission_of(words, firm, given)]


def _work(
    target: str, args: list[str], repo: "Path | None", only: dict[str, Any]
) -> tuple[Any, list[Any], Any]:
    """What is to be run: the workflow, its arguments, and the budget where none is given."""
    from firm.agent.agent import Agent
    from firm.cli import mission
    from firm.cli.target import check_task, find_target, read_args
    from firm.errors import UsageError

    if repo is None:
        mission.check_alone(only, "a repository")
        workflow = find_target(target)
        if isinstance(workflow, Agent):
            check_task(target, workflow, args)
        return workflow, read_args(workflow.definition, args), None
    if args:
        raise UsageError(
            f"{args[0]!r} is one word too many: with --repo the mission is one argument, in quotes"
        )
    from firm.agent.repository.mission import mend

    return mend, [mission.order_of(target, repo, only)], mission.DEFAULT


async def _carry(
    firm: "Firm",
    begin: "Callable[[], Coroutine[Any, Any, Run]]",
    stop: "Stop",
    *,
    interactive: bool,
    patient: bool,
    as_json: bool,
) -> int:
    """Open the firm, follow one run of it, park the others; the exit code."""
    from firm.cli.follow import STOPPED, follow
    from firm.root.door import GRACE_S, stopped_line

    async with firm:
        handle = await begin()
        news = Watch(firm, handle)
        code = await follow(
            firm, handle, stop, interactive=interactive, patient=patient, as_json=as_json, news=news
        )
        if code != STOPPED:
            await settle(firm, handle.id)
        firm.grace_s = GRACE_S if code == STOPPED else firm.grace_s
        waiting = {question.run for question in await firm.inbox()}
    if code == STOPPED:
        note(stopped_line(firm, handle))
        return 128 + int(stop.signal or 0)
    others = [run_id for run_id in firm.parked if run_id != handle.id]
    _tell_others(others, waiting)
    return code


def _tell_others(others: list[str], waiting: set[str]) -> None:
    """One line about runs that were parked: which wait for the founder, which only for a process."""
    from firm.cli.text import count

    asked = [one for one in others if any(run == one or run.startswith(f"{one}/") for run in waiting)]
    if asked:
        note(
            f"{count(len(asked), 'other run')} {'waits' if len(asked) == 1 else 'wait'} for you: `firm inbox`"
        )
    if left := len(others) - len(asked):
        note(f"{count(left, 'other run')} not at the end yet; `firm up` goes on")


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def find_code(firm: "Firm") -> None:
    """Modules beside the founder's files are found, wherever this command was called."""
    from pathlib import Path

    for folder in (str(Path.cwd()), str(firm.home.folder)):
        if folder not in sys.path:
            sys.path.append(folder)


def say_home(firm: "Firm") -> None:
    """One line where nobody named a home and none was found."""
    if firm.home.invented and not firm.home.state.exists():
        note(f"no firm here yet: making {firm.home.state} (elsewhere: --home DIR or $FIRM_HOME)")


def up(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", metavar="N", min=0, max=65_535, help="Serve the models at this port; 0: at a free one."
        ),
    ] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Serve no models over HTTP.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Carry all runs, and serve the models over HTTP, until Ctrl-C or `firm stop`.

    Then the runs are parked; nothing is lost.
    """
    from firm.cli.serving import serve_models
    from firm.cli.timing import begin_timing
    from firm.root.door import GRACE_S, drive, stopped_line
    from firm.root.firm import Firm
    from firm.root.lock import holder_of

    firm = Firm.open(home)
    say_home(firm)
    find_code(firm)
    holder = holder_of(firm.home.lock)
    if holder is not None:
        return _is_up(firm, holder)

    async def main(stop: "Stop") -> int:
        async with firm:
            if not firm.is_owner:
                return _is_up(firm, holder_of(firm.home.lock))
            wanted = firm.config.serve.enabled and not no_serve
            timing = await begin_timing(firm)
            served = await serve_models(firm, port) if wanted else None
            _say_up(firm, await firm.unfinished(), served, as_json=as_json)
            while firm.fatal is None and stop.signal is None:
                await stop.unless(_soon())
            await timing.close()
            firm.grace_s = GRACE_S if served is None else await served.stop(GRACE_S)
            broken = firm.fatal
        if broken is not None:
            complain(f"the engine stopped: {broken}")
            return FAILED
        note(stopped_line(firm))
        return DONE

    return drive(main)


async def _soon() -> None:
    import asyncio

    await asyncio.sleep(1.0)


def _is_up(firm: "Firm", holder: object) -> int:
    complain(f"{firm.home.folder} is carried already, by {holder}; `firm stop` asks it to end")
    return FAILED


def _say_up(firm: "Firm", runs: list[Any], served: "Served | None", *, as_json: bool) -> None:
    import os

    from firm.cli.text import count, print_json

    unfinished = len(runs)
    if as_json:
        found = {"home": str(firm.home.folder), "pid": os.getpid(), "unfinished": unfinished}
        print_json(found | ({"serve": served.record()} if served is not None else {}))
    else:
        print(
            f"{firm.config.name or 'firm'} is up in {firm.home.folder}: {count(unfinished, 'unfinished run')}. "
            "Ctrl-C parks what runs."
        )
        if served is not None:
            served.tell()
    sys.stdout.flush()


COMMANDS = (
    Command("run", 'firm run "Write the next issue, on winglets." --home my-firm', run),
    Command("up", "firm up --home my-firm", up),
)
