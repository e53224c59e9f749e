"""`firm lab`: search for the best answer to a problem that is stated in a file.

One rule: nothing that was paid is lost. Ctrl-C parks the search, and the same command goes on with it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import Command, Home, Json

if TYPE_CHECKING:
    from firm.cli.wanted import Wanted
    from firm.lab.problem import Allowance, Problem
    from firm.root.door import Stop

LIMITS = ("evaluations", "cpu_s", "wall_s")
"""Limits of which one that is given replaces all that the problem has."""


def lab(
    problem: Annotated[str, typer.Argument(help="file.py or file.py:name, where a problem is stated")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the problem; can be repeated."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of all its chance; 0 if left out.")
    ] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", metavar="N", min=1, help="So many searches, from --seed on: how often it succeeds."
        ),
    ] = 1,
    cpu_s: Annotated[
        float | None, typer.Option("--cpu-s", metavar="S", help="Processor seconds that it may take.")
    ] = None,
    evaluations: Annotated[
        int | None, typer.Option("--evaluations", metavar="N", help="Candidates that it may score.")
    ] = None,
    wall_s: Annotated[
        float | None, typer.Option("--wall-s", metavar="S", help="Seconds of work that it may take.")
    ] = None,
    usd: Annotated[
        float | None,
        typer.Option("--usd", metavar="USD", help="What its models may spend, beside the other limits."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="At work at once; one a core if left out."),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            "--until",
            metavar="VALUE",
            help="End when so much is reached; with --seeds, what counts as success.",
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME", help="A model that proposes too, NAME or NAME:EFFORT; can be repeated."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="ARM", help="Then search by this arm alone at equal cost: chance, cma …"
        ),
    ] = None,
    extend: Annotated[
        bool, typer.Option("--extend", help="Begin with what the last finished search of this problem kept.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Where the report goes; else into the firm's folder."),
    ] = None,
    no_wait: Annotated[
        bool,
        typer.Option(
            "--no-wait", help="Do not ask here: leave (exit code 3) when only an answer is missing."
        ),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Search for the best answer to a problem, verify it and write a report.

    What is given replaces the problem's own limits. Ctrl-C parks the search; the same command goes on with it.
    """
    from firm.cli.running import find_code, say_home
    from firm.cli.wanted import Wanted
    from firm.errors import UsageError
    from firm.lab.load import find_problem, source_of
    from firm.lab.problem import Problem
    from firm.lab.proposer import arms_for
    from firm.root.door import drive
    from firm.root.firm import Firm

    source = source_of(problem, read_settings(settings or []))
    stated = find_problem(source)
    limits = {"evaluations": evaluations, "cpu_s": cpu_s, "wall_s": wall_s, "usd": usd}
    if not isinstance(stated, Problem):
        _check_phenomenon({"--cpu-s": cpu_s, "--wall-s": wall_s, "--usd": usd, "--until": until, "--model": models,
                           "--against": against, "--extend": extend})  # fmt: skip
    elif against and against not in arms_for(stated) + stated.arms:
        raise UsageError(
            f"--against {against!r}: there is no such arm; there are {', '.join(arms_for(stated))}"
        )
    elif extend and seeds > 1:
        raise UsageError(
            "--extend and --seeds exclude each other: searches that go on from one have one seed"
        )
    wanted = Wanted(
        source=source,
        stated=stated,
        allowance=allowance_of(stated, limits) if isinstance(stated, Problem) else None,
        experiments=evaluations or 0,
        seeds=tuple(range(seed, seed + seeds)),
        workers=workers or _cores(),
        until=until,
        models=tuple(models or ()),
        against=against or "",
        extend=extend,
        folder=report,
        interactive=not no_wait and sys.stdin.isatty() and sys.stderr.isatty(),
        patient=not no_wait,
        as_json=as_json,
    )
    firm = Firm.open(home)
    say_home(firm)
    find_code(firm)
    return drive(lambda stop: _main(firm, wanted, stop))


async def _main(firm: Any, wanted: "Wanted", stop: "Stop") -> int:
    from firm.cli.searching import carry

    return await carry(firm, wanted, stop)


def read_settings(given: list[str]) -> dict[str, str]:
    """What `--set` gave, as text; the problem's own types decide what it means.

    Raises:
        UsageError: something that is no NAME=VALUE, or the same name twice.
    """
    from firm.errors import UsageError

    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (equals and name.strip().isidentifier()):
            raise UsageError(f"--set {one!r} is no setting; give NAME=VALUE, such as --set n=32")
        if name.strip() in found:
            raise UsageError(f"--set {name.strip()!r} is given twice; give it once")
        found[name.strip()] = value.strip()
    return found


def allowance_of(problem: "Problem", given: dict[str, Any]) -> "Allowance":
    """The limits: one of evaluations, processor time and time that is given replaces those of the problem.

    Raises:
        UsageError: a limit that buys nothing.
    """
    from dataclasses import replace

    from firm.lab.problem import Allowance

    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        return problem.allowance
    if said.keys() & set(LIMITS):
        own = problem.allowance
        return Allowance(**({"usd": own.usd, "tokens": own.tokens, "gpu_s": own.gpu_s} | said))
    return replace(problem.allowance, **said)


def _check_phenomenon(given: dict[str, object]) -> None:
    from firm.errors import UsageError

    for name, value in given.items():
        if value:
            raise UsageError(
                f"{name} is for a problem with a best answer; a phenomenon is bounded by --evaluations, its experiments"
            )


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


COMMANDS = (Command("lab", "firm lab circles26.py --set n=32 --cpu-s 60 --seed 1", lab),)
