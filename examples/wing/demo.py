"""`make demo`: design a wing, be killed with -9 in the middle, go on, and count what was lost and what was repeated.

The parent shows the progress and does the killing; the child is the engine. They share a folder: `steps.log`, to
which each execution of a step adds a line, and the engine's journal. The log says what was executed, the journal
says whose result was known; together they say whether anything was done twice.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.markup import escape
from rich.table import Table

from engine import carry, recorded
from paragraph import clean
from show import LOG, Show
from weights import Pull
from wing import Brief
from words import LANGUAGES, Say

KILL_AT = 0.54
"""Share of the hands that have reported when the engine is killed."""


def play(home: Path, brief: Brief) -> int:
    """The whole demo; returns the exit code."""
    with Pull(home) if brief.model else contextlib.nullcontext() as pull:
        show = Show(home, brief, pull)
        greet(show)
        begun = time.monotonic()
        with show.bar:
            known, before = kill_in_the_middle(show)
            with engine(home, brief) as child:
                show.watch(child)
    return settle(show, known, before, time.monotonic() - begun)


@contextlib.contextmanager
def engine(home: Path, brief: Brief) -> Iterator["subprocess.Popen[str]"]:
    """The child, killed at the latest when the block is left."""
    environment = {**os.environ, "WING_LOG": str(home / LOG)}
    command = [sys.executable, __file__, "--home", str(home), "--engine", msgspec.json.encode(brief).decode()]
    with (
        (home / "engine.log").open("ab") as errors,
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=errors, text=True) as child,
    ):
        try:
            yield child
        finally:
            child.kill()


def greet(show: Show) -> None:
    """Say what is going to happen."""
    say, brief = show.say, show.brief
    show.print(
        say(
            "Designing a wing section: {hands} hands at once, {total} steps, judged by NeuralFoil ({label}).",
            hands=brief.hands,
            total=f"{show.total:,}",
            label=f"[bold]{say('surrogate only')}[/bold]",
        )
    )
    show.print(say("In the middle the engine is killed with -9 and started again."))
    if show.pull is not None:
        entry = show.pull.entry
        show.print(
            say("The summary will be written by a small model on this machine, {name}.", name=entry.name)
        )
        if not show.pull.there_already:
            show.print(
                say(
                    "Its weights ({megabytes} MB, licence {licence}) are pulled meanwhile, to stay in {folder}; "
                    "--no-model does without.",
                    megabytes=f"{entry.bytes / 1e6:.0f}",
                    licence=entry.licence,
                    folder=escape(str(show.pull.folder)),
                )
            )
    show.print("")


def kill_in_the_middle(show: Show) -> tuple[set[int], int]:
    """Start the engine and kill it; which calls have their result recorded then, and how many were executed."""
    with engine(show.home, show.brief) as child:
        if not show.watch(child, until=KILL_AT):
            raise SystemExit("the engine ended before it could be killed")
        child.kill()
        child.wait()
    show.look()
    known = asyncio.run(recorded(show.home))
    show.print(
        show.say(
            "{kill} of process {pid} after {done} steps, in the middle of round {round}. Starting again.",
            kill="[bold]kill -9[/bold]",
            pid=child.pid,
            done=f"{show.done:,}",
            round=show.done // show.brief.hands + 1,
        )
        + "\n"
    )
    return known, len(show.seen.executions)


def tally(known: set[int], earlier: list[int], later: list[int], at_last: set[int]) -> tuple[int, int, int]:
    """Count what was lost, what was repeated, and what was in the air.

    Args:
        known: Steps whose result was in the journal after the kill.
        earlier, later: Steps executed before and after the kill.
        at_last: Steps whose result is in the journal in the end.
    """
    if unheard := known - set(earlier) - set(later):
        raise SystemExit(f"{len(unheard)} results have no execution in {LOG}: a count would mean nothing")
    return len(known - at_last), len(known & set(later)), len((set(earlier) & set(later)) - known)


def settle(show: Show, known: set[int], before: int, took_s: float) -> int:
    """Count, say what came of it, and what to try next; returns the exit code."""
    executions, last, say = show.seen.executions, show.seen.last, show.say
    at_last = asyncio.run(recorded(show.home))
    lost, repeated, in_the_air = tally(known, executions[:before], executions[before:], at_last)
    outcome = say(
        "lift over drag 0 → {glide} (aim: {aim}; surrogate only), in {seconds} s",
        glide=f"[bold]{last['glide']:.0f}[/bold]",
        aim=say(last["aim"]),
        seconds=f"{took_s:.0f}",
    )
    show.print(f"\n{outcome}\n")
    show.console.print(counted(say, (len(known), lost, repeated, in_the_air)))
    if why := clean(last["why_not"]):
        show.print("\n" + say("No model wrote a summary here: {why}.", why=escape(why).rstrip(".。")))
    show.print(f"\n[bold]{say('The report:')}[/bold] {escape(show.seen.report)}\n")
    show.print(say("What to try next"))
    show.print("  " + say("open the report in a browser: what it believes, and how far to believe it"))
    show.print("  " + say("run the demo again and answer the question yourself with 2 or 3"))
    show.print(
        "  " + say("read examples/wing/wing.py: the search is an ordinary async def, and survives") + "\n"
    )
    return 1 if lost or repeated else 0


def counted(say: Say, counts: tuple[int, int, int, int]) -> Table:
    """What was recorded, lost, repeated and in the air, as a table."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    titles = (
        say("results recorded before the kill"),
        say("steps lost"),
        say("steps repeated whose result was known"),
        say("steps in the air at the kill, done again"),
    )
    for title, count in zip(titles, counts, strict=True):
        table.add_row(title, f"{count:,}")
    return table


def fresh(home: Path) -> Path:
    """An empty folder for the demo; refuses to empty one that no demo has made."""
    if home.exists() and any(home.iterdir()):
        if not (home / LOG).exists() and not (home / "engine.log").exists():
            raise SystemExit(f"{home} is not empty and not a demo's folder; name another with --home")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    return home.resolve()


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Design a wing, be killed in the middle, lose nothing.")
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="folder to work in (default: .demo)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another search (default: 7)")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the report (default: en)")
    parser.add_argument(
        "--no-model", action="store_true", help="no summary by a model, and no download for it"
    )
    parser.add_argument("--engine", metavar="BRIEF", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.engine:
        asyncio.run(carry(chosen.home, msgspec.json.decode(chosen.engine, type=Brief)))
        return 0
    home = fresh(chosen.home)
    model = "" if chosen.no_model else "default"
    return play(
        home, Brief(chosen.seed, report=str(home / "report.html"), language=chosen.language, model=model)
    )


if __name__ == "__main__":
    sys.exit(main())
