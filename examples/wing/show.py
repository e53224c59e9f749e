"""What the demo shows while the engine works: progress bars, rounds, and the founder's question.

One rule: it knows the engine only by the lines of its log, and by the pipe that takes the founder's answer.
"""

import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from weights import PATIENCE_S, Pull
from wing import Brief
from words import words

LOG = "steps.log"
LOOK_S = 0.1
"""How often it looks for news."""


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


class Show:
    """The progress bars, and the words above them."""

    def __init__(self, home: Path, brief: Brief, pull: Pull | None = None) -> None:
        self.home, self.brief, self.pull = home, brief, pull
        self.say = words(brief.language)
        self.total = brief.rounds * brief.hands
        self.seen = Seen()
        self.console = Console(highlight=False)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.searching = self.bar.add_task(self.say("a flat plate"), total=self.total, amount="")
        self.pulling: TaskID | None = None
        if pull is not None and not pull.there_already:
            self.pulling = self.bar.add_task(
                self.say("the model's weights"), total=pull.entry.bytes, amount=""
            )

    def print(self, text: str) -> None:
        """Lines above the bars, however long."""
        self.bar.print(text, soft_wrap=True)

    @property
    def done(self) -> int:
        """How many different steps have been executed."""
        return len(set(self.seen.executions))

    def watch(self, child: "subprocess.Popen[str]", *, until: float = 1.1) -> bool:
        """Show news until the child ends (False), or until this share of the steps is done (True)."""
        while child.poll() is None:
            self.look()
            if self.done >= until * self.total:
                return True
            self.listen(child)
        self.look()
        if child.returncode:
            raise SystemExit(f"the engine failed, see {self.home / 'engine.log'}:\n{self.last_words()}")
        return False

    def look(self) -> None:
        """Take in what is new, in the log and of the pull."""
        for line in self.seen.read(self.home / LOG):
            self.tell(line)
        done = min(self.done, self.total)
        steps = self.say("{done}/{total} steps", done=done, total=self.total)
        self.bar.update(self.searching, completed=done, amount=steps)
        if done == self.total:
            self.bar.update(self.searching, description=self.say("judging and summing up"))
        if self.pull is not None:
            self.look_at(self.pull, searched=done == self.total)

    def look_at(self, pull: Pull, *, searched: bool) -> None:
        """Show how far the pull is; after the search it has to hurry."""
        there, total = (f"{size / 1e6:.0f}" for size in (pull.bytes, pull.entry.bytes))
        if self.pulling is not None:
            self.bar.update(self.pulling, completed=pull.bytes, amount=f"{there}/{total} MB")
        if searched and not pull.ended and pull.hurry():
            self.print(
                self.say(
                    "The search has ended; the weights have {seconds} s left to come ({there} of {total} MB are here).",
                    seconds=f"{PATIENCE_S:.0f}",
                    there=there,
                    total=total,
                )
            )

    def tell(self, line: dict[str, Any]) -> None:
        """Show one line of the log that is not an execution."""
        if "round" in line:
            text = f"{self.say('lift over drag')} {line['glide']:.0f}"
            text += "" if line["feasible"] else self.say(", not yet within the constraints")
            self.bar.update(self.searching, description=text)
            if not self.console.is_terminal:
                self.print(self.say("round {number}: {text}", number=line["round"], text=text))
        elif "question" in line:
            self.ask(line)
        elif "report" in line:
            self.seen.report, self.seen.last = line["report"], line

    def ask(self, line: dict[str, Any]) -> None:
        """Put the founder's question, or say after the restart that it still stands."""
        say = self.say
        options = "   ".join(f"{number} {say(option)}" for number, option in enumerate(line["options"], 1))
        how = say("type a number and Enter" if sys.stdin.isatty() else "nobody is at the keyboard")
        left_s = f"{max(0, line['left_s'] or 0):.0f}"
        wait = "" if line["left_s"] is None else say("; in {seconds} s the first is taken", seconds=left_s)
        what = say("The question still stands:" if self.seen.question else "A question:")
        self.seen.question = line
        self.print(f"\n[bold]{what}[/bold] {say(line['question'])}\n  {options}   ({how}{wait})\n")

    def listen(self, child: "subprocess.Popen[str]") -> None:
        """Pass a typed answer on; otherwise just wait for a moment."""
        if not sys.stdin.isatty():
            time.sleep(LOOK_S)
        elif select.select([sys.stdin], [], [], LOOK_S)[0]:
            typed = sys.stdin.readline().strip()
            options = self.seen.question["options"] if self.seen.question else []
            if typed.isdigit() and 1 <= int(typed) <= len(options) and child.stdin is not None:
                option = options[int(typed) - 1]
                child.stdin.write(option + "\n")
                child.stdin.flush()
                self.print(self.say("taken: {option}", option=self.say(option)) + "\n")

    def last_words(self) -> str:
        """The end of what the engine wrote to its error log."""
        return (self.home / "engine.log").read_text("utf-8", errors="replace")[-2000:]
