"""`make demo`: search for a wing, be killed with -9 in the middle, go on, and end with the lab's discovery report.

The parent shows the progress and does the killing; the child is the engine. What was recorded when it was killed is
compared with what is recorded at the end, byte for byte.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.markup import escape
from rich.table import Table

import engine
from engine import SEARCH, Wish
from firm import Firm
from firm.kernel.journal import own_key
from firm.lab.candidate import BOOK, Block
from paragraph import clean
from show import Child, Show
from weights import Pull
from words import LANGUAGES, Say

KILL_AT = 0.4
"""Share of the search's processor time that is recorded when the engine is killed."""
LOG = "engine.log"


@dataclass(frozen=True, slots=True)
class Record:
    """What a journal holds of the search."""

    blocks: dict[str, bytes]
    """Candidates, by the key of their block."""
    outcomes: list[int]
    """The call that each result or failure belongs to, in the order of recording."""

    @property
    def candidates(self) -> int:
        """How many were recorded."""
        return _candidates(self.blocks.values())


@dataclass(frozen=True, slots=True)
class Count:
    """What became of what was recorded before the kill."""

    recorded: int
    """Candidates."""
    lost: int
    changed: int
    doubled: int
    """Calls with two outcomes."""
    in_the_air: int
    """Orders that had no report yet."""
    total: int
    """Candidates at the end."""

    @property
    def wrong(self) -> int:
        """What must not be."""
        return self.lost + self.changed + self.doubled


def play(home: Path, wish: Wish, kill_at: float = KILL_AT) -> int:
    """The whole demo; returns the exit code."""
    with Pull(home) if wish.model else contextlib.nullcontext() as pull:
        show = Show(home, wish, pull)
        greet(show)
        begun = time.monotonic()
        with show.bar:
            before = kill_in_the_middle(show, kill_at)
            with running(home, wish) as child:
                show.watch(child)
    return settle(show, tally(before, recorded(home), wish.workers), time.monotonic() - begun)


@contextlib.contextmanager
def running(home: Path, wish: Wish) -> Iterator[Child]:
    """The engine, killed at the latest when the block is left."""
    command = [sys.executable, engine.__file__, str(home), msgspec.json.encode(wish).decode()]
    with (
        (home / LOG).open("ab") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        try:
            yield child
        finally:
            child.kill()


def greet(show: Show) -> None:
    """Say what is going to happen."""
    say, pull = show.say, show.pull
    show.print(
        say(
            "Searching for a wing section, from a flat plate: {seconds} s of processor time, {workers} at work.",
            seconds=f"{show.wish.cpu_s:g}",
            workers=show.wish.workers,
        )
    )
    if shutil.which("xfoil"):
        show.print(say("NeuralFoil's networks guess, XFOIL has the last word."))
    else:
        show.print(
            say(
                "There is no XFOIL here (apt-get install xfoil): the claim will be [bold]surrogate only[/bold]."
            )
        )
    show.print(say("In the middle the engine is killed with -9 and started again."))
    if pull is not None:
        show.print(
            say("The summary will be written by a small model on this machine, {name}.", name=pull.entry.name)
        )
    if pull is not None and not pull.there_already:
        show.print(
            say(
                "Its weights ({megabytes} MB, licence {licence}) are pulled meanwhile, to stay in {folder}; "
                "--no-model does without.",
                megabytes=f"{pull.entry.bytes / 1e6:.0f}",
                licence=pull.entry.licence,
                folder=escape(str(pull.folder)),
            )
        )
    show.print("")


def kill_in_the_middle(show: Show, kill_at: float) -> Record:
    """Start the engine and kill it; what is recorded then."""
    with running(show.home, show.wish) as child:
        if not show.watch(child, until=kill_at):
            raise SystemExit("the engine ended before it could be killed; give it more with --cpu-s")
        child.kill()
        child.wait()
    record = recorded(show.home)
    show.print(
        show.say(
            "{kill} of process {pid} at {share} of the search. Starting again.",
            kill="[bold]kill -9[/bold]",
            pid=child.pid,
            share=f"{show.share:.0%}",
        )
        + "\n"
    )
    return record


def recorded(home: Path) -> Record:
    """What lies in the journal, where nobody works on it."""

    async def read() -> Record:
        async with Firm.visit(home) as firm:
            rows = await firm.rows(BOOK, prefix=own_key(SEARCH))
            events = await firm.run(SEARCH).events()
        places = [event.place for event in events if event.kind in ("done", "failed")]
        return Record({row.key: row.value for row in rows}, places)

    return asyncio.run(read())


def tally(before: Record, after: Record, workers: int) -> Count:
    """Compare what was recorded before the kill with what is recorded at the end.

    Args:
        before: After the kill, before the engine was started again.
        after: At the end.
        workers: At work at once; each has one order at a time, and orders are numbered in turn, so that the lowest
            numbers without a block were without a report.
    """
    lost = {key: block for key, block in before.blocks.items() if key not in after.blocks}
    changed = {key: block for key, block in before.blocks.items() if after.blocks.get(key, block) != block}
    return Count(
        before.candidates,
        _candidates(lost.values()),
        _candidates(changed.values()),
        len(after.outcomes) - len(set(after.outcomes)),
        len(sorted(after.blocks.keys() - before.blocks.keys())[:workers]),
        after.candidates,
    )


def _candidates(blocks: Iterable[bytes]) -> int:
    return sum(len(Block.decode(block).candidates) for block in blocks)


def settle(show: Show, count: Count, took_s: float) -> int:
    """Say what came of it, what was lost, and what to try next; returns the exit code."""
    say, outcome = show.say, show.outcome
    labels = " · ".join(outcome["labels"])
    show.print(f"\n[bold]{escape(outcome['claim'])}[/bold]")
    show.print(say("{labels}; in {seconds} s", labels=escape(labels), seconds=f"{took_s:.0f}") + "\n")
    show.console.print(counted(say, count))
    if why := clean(outcome["why_not"]):
        show.print("\n" + say("No model wrote a summary here: {why}.", why=escape(why).rstrip(".。")))
    show.print(f"\n[bold]{say('The report:')}[/bold] {escape(outcome['report'])}\n")
    show.print(say("What to try next"))
    show.print("  " + say("open the report in a browser: what was found, and how far to believe it"))
    show.print("  " + say("read examples/lab/wing.py: the question, and who judges the answers"))
    show.print(
        "  " + say("firm lab examples/lab/wing.py --set thickness=0.15: the same for a thicker wing") + "\n"
    )
    return 1 if count.wrong else 0


def counted(say: Say, count: Count) -> Table:
    """What was recorded, lost, changed, doubled and in the air, as a table."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    rows = (
        (say("candidates recorded before the kill"), count.recorded),
        (say("of them lost"), count.lost),
        (say("of them changed by a byte"), count.changed),
        (say("steps with two results"), count.doubled),
        (say("orders without a report at the kill, carried out after it"), count.in_the_air),
        (say("candidates in all"), count.total),
    )
    for title, number in rows:
        table.add_row(title, f"{number:,}")
    return table


def fresh(home: Path) -> Path:
    """An empty folder for the demo; refuses to empty one that no demo has made."""
    if home.exists() and any(home.iterdir()):
        if not (home / LOG).exists():
            raise SystemExit(f"{home} is not empty and not a demo's folder; name another with --home")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    return home.resolve()


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Search for a wing, be killed in the middle, lose nothing.")
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="folder to work in (default: .demo)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another search (default: 7)")
    parser.add_argument(
        "--cpu-s", type=float, default=120.0, help="processor seconds of the search (default: 120)"
    )
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the report (default: en)")
    parser.add_argument(
        "--no-model", action="store_true", help="no summary by a model, and no download for it"
    )
    chosen = parser.parse_args()
    home = fresh(chosen.home)
    wish = Wish(
        folder=str(home / "report"),
        seed=chosen.seed,
        cpu_s=chosen.cpu_s,
        workers=cores(),
        language=chosen.language,
        model="" if chosen.no_model else "default",
    )
    return play(home, wish)


if __name__ == "__main__":
    sys.exit(main())
