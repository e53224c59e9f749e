"""`make demo`: design a wing, be killed with -9 in the middle, go on, and count what was lost and what was repeated.

The parent shows the progress and does the killing; the child is the engine. They share a folder: `steps.log`, to
which each execution of a step adds a line, and the engine's journal. The log says what was executed, the journal
says whose result was known; together they say whether anything was done twice.
"""

import argparse
import asyncio
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

RUN = "wing-1"
LOG = "steps.log"
KILL_AT = 0.54
"""Share of the hands that have reported when the engine is killed."""
LOOK_S = 0.1
"""How often parent and child look for news."""


@dataclass
class Seen:
    """What the log has told so far."""

    executions: list[int] = field(default_factory=list)
    """Steps by the number of their call, in the order of execution; one that stands twice was executed twice."""
    last: dict[str, Any] = field(default_factory=dict)
    """The last finished round."""
    question: dict[str, Any] | None = None
    report: str = ""
    _at: int = 0

    def read(self, log: Path) -> list[dict[str, Any]]:
        """Take in the new lines; returns those that are not executions."""
        if not log.exists():
            return []
        with log.open("rb") as file:
            file.seek(self._at)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._at += len(whole)
        news = [json.loads(line) for line in whole.splitlines()]
        self.executions += [line["step"] for line in news if "step" in line]
        return [line for line in news if "step" not in line]


# --- the child: the engine -----------------------------------------------------------------------------------


async def carry(home: Path, seed: int) -> None:
    """Start the run, or go on with it, and stay until it has ended."""
    from firm import Firm
    from search import note
    from wing import Brief, design_wing

    brief = Brief(seed=seed, report=str(home / "report.html"))
    async with Firm.open(home) as firm:
        run = await firm.start(design_wing, brief, id=RUN)
        founder = asyncio.create_task(pass_on_questions(firm))
        try:
            outcome = await run.result()
        finally:
            founder.cancel()
        note({"report": outcome.report, "glide": outcome.best.glide, "aim": outcome.aim})


async def pass_on_questions(firm: Any) -> None:
    """Tell the parent of open questions, and answer with what it sends back, one line each."""
    from search import note

    told: set[str] = set()
    while True:
        for question in await firm.inbox():
            if question.id not in told:
                told.add(question.id)
                left_s = None if question.deadline is None else question.deadline.timestamp() - time.time()
                note({"question": question.text, "options": question.options, "left_s": left_s})
            if line := ready_line():
                await firm.answer(question.id, line)
        await asyncio.sleep(LOOK_S)


def ready_line() -> str:
    """A line from standard input if there is one, without waiting; empty if not."""
    if sys.stdin.closed or not select.select([sys.stdin], [], [], 0)[0]:
        return ""
    return sys.stdin.readline().strip()


async def recorded(home: Path) -> set[int]:
    """Which calls of the run have their result in the journal."""
    from firm import Firm

    async with Firm.open(home, resume=False) as firm:
        events = await firm.run(RUN).events()
    return {event.place for event in events if event.kind in ("done", "failed")}


# --- the parent: the show ------------------------------------------------------------------------------------


@contextmanager
def engine(home: Path, seed: int) -> Iterator["subprocess.Popen[str]"]:
    """The child, killed at the latest when the block is left."""
    environment = {**os.environ, "WING_LOG": str(home / LOG)}
    command = [sys.executable, __file__, "--home", str(home), "--seed", str(seed), "--engine"]
    with (home / "engine.log").open("ab") as errors:
        child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


class Show:
    """The progress bar, and the words above it."""

    def __init__(self, home: Path, seed: int) -> None:
        from wing import Brief

        brief = Brief()
        self.home, self.seed = home, seed
        self.total = brief.rounds * brief.hands
        self.hands = brief.hands
        self.seen = Seen()
        self.console = Console(highlight=False)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("a flat plate", total=self.total)

    @property
    def done(self) -> int:
        """How many different steps have been executed."""
        return len(set(self.seen.executions))

    def watch(self, child: "subprocess.Popen[str]", *, until: float = 1.1) -> bool:
        """Show news until the child ends (False), or until this share of the steps is done (True)."""
        while child.poll() is None:
            for line in self.seen.read(self.home / LOG):
                self.tell(line)
            self.bar.update(self.task, completed=min(self.done, self.total))
            if self.done >= until * self.total:
                return True
            self.listen(child)
        for line in self.seen.read(self.home / LOG):
            self.tell(line)
        if child.returncode:
            raise SystemExit(f"the engine failed, see {self.home / 'engine.log'}:\n{self.last_words()}")
        self.bar.update(self.task, completed=self.total)
        return False

    def tell(self, line: dict[str, Any]) -> None:
        """Show one line of the log that is not an execution."""
        if "round" in line:
            good = "" if line["feasible"] else ", not yet within the constraints"
            text = f"lift over drag {line['glide']:.0f}{good}"
            self.bar.update(self.task, description=text)
            if not self.console.is_terminal:
                self.console.print(f"round {line['round']}: {text}")
        elif "question" in line:
            self.ask(line)
        elif "report" in line:
            self.seen.report, self.seen.last = line["report"], line

    def ask(self, line: dict[str, Any]) -> None:
        """Put the founder's question, or say after the restart that it still stands."""
        options = "   ".join(f"{number} {option}" for number, option in enumerate(line["options"], 1))
        how = "type a number and Enter" if sys.stdin.isatty() else "nobody is at the keyboard"
        wait = "" if line["left_s"] is None else f"; in {max(0, line['left_s']):.0f} s the first is taken"
        what = "The question still stands" if self.seen.question else "A question"
        self.seen.question = line
        self.bar.print(
            f"\n[bold]{what}:[/bold] {line['question']}\n  {options}   ({how}{wait})\n", soft_wrap=True
        )

    def listen(self, child: "subprocess.Popen[str]") -> None:
        """Pass a typed answer on; otherwise just wait for a moment."""
        if not sys.stdin.isatty():
            time.sleep(LOOK_S)
        elif select.select([sys.stdin], [], [], LOOK_S)[0]:
            typed = sys.stdin.readline().strip()
            options = self.seen.question["options"] if self.seen.question else []
            if typed.isdigit() and 1 <= int(typed) <= len(options) and child.stdin is not None:
                child.stdin.write(options[int(typed) - 1] + "\n")
                child.stdin.flush()
                self.bar.print(f"taken: {options[int(typed) - 1]}\n")

    def last_words(self) -> str:
        """The end of what the engine wrote to its error log."""
        return (self.home / "engine.log").read_text("utf-8", errors="replace")[-2000:]


def play(home: Path, seed: int) -> int:
    """The whole demo; returns the exit code."""
    show = Show(home, seed)
    show.console.print(
        f"Designing a wing section: {show.hands} hands at once, {show.total:,} steps, judged by NeuralFoil "
        "([bold]surrogate only[/bold]).\nIn the middle the engine is killed with -9 and started again.\n",
        soft_wrap=True,
    )
    begun = time.monotonic()
    with show.bar:
        with engine(home, seed) as child:
            if not show.watch(child, until=KILL_AT):
                raise SystemExit("the engine ended before it could be killed")
            child.kill()
            child.wait()
        show.seen.read(home / LOG)
        before = len(show.seen.executions)
        known = asyncio.run(recorded(home))
        show.bar.print(
            f"[bold]kill -9[/bold] of process {child.pid} after {show.done:,} steps, "
            f"in the middle of round {show.done // show.hands + 1}. Starting again.\n",
            soft_wrap=True,
        )
        with engine(home, seed) as child:
            show.watch(child)
    return settle(show, known, before, time.monotonic() - begun)


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
    """Count, say what came of it, and what to try next."""
    executions = show.seen.executions
    at_last = asyncio.run(recorded(show.home))
    lost, repeated, in_the_air = tally(known, executions[:before], executions[before:], at_last)
    last = show.seen.last
    show.console.print(
        f"\nlift over drag 0 → [bold]{last['glide']:.0f}[/bold] (aim: {last['aim']}; surrogate only), "
        f"in {took_s:.0f} s\n\n"
        f"results recorded before the kill         {len(known):>6,}\n"
        f"steps lost                               {lost:>6,}\n"
        f"steps repeated whose result was known    {repeated:>6,}\n"
        f"steps in the air at the kill, done again {in_the_air:>6,}\n\n"
        f"[bold]The report:[/bold] {show.seen.report}\n\n"
        "What to try next\n"
        "  open the report in a browser: what it believes, and how far to believe it\n"
        "  run the demo again and answer the question yourself with 2 or 3\n"
        "  read examples/wing/wing.py: the search is an ordinary async def, and survives\n",
        soft_wrap=True,
    )
    return 1 if lost or repeated else 0


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
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.engine:
        asyncio.run(carry(chosen.home, chosen.seed))
        return 0
    return play(fresh(chosen.home), chosen.seed)


if __name__ == "__main__":
    sys.exit(main())
