"""What the demo shows while the engine works: progress, and the founder's question.

One rule: it knows the engine only by the lines that it says, and by the pipe that takes the founder's answer.
"""

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from engine import Wish
from weights import PATIENCE_S, Pull
from words import words

LOOK_S = 0.1
"""How often it looks for news."""
TOLD = 0.1
"""Where nobody sits at a terminal there is a line each time so much more of the budget is used."""
Child = subprocess.Popen[bytes]


class Show:
    """The progress bars, and the words above them."""

    def __init__(self, home: Path, wish: Wish, pull: Pull | None = None) -> None:
        self.home, self.wish, self.pull = home, wish, pull
        self.say = words(wish.language)
        self.news: dict[str, Any] = {}
        """How far the search is."""
        self.outcome: dict[str, Any] = {}
        """What came of it; empty until it has ended."""
        self.question: dict[str, Any] = {}
        self.console = Console(highlight=False)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.searching = self.bar.add_task(self.say("a flat plate"), total=1.0, amount="")
        self.pulling: TaskID | None = None
        if pull is not None and not pull.there_already:
            self.pulling = self.bar.add_task(
                self.say("the model's weights"), total=pull.entry.bytes, amount=""
            )
        self._told = 0.0
        self._rest = b""

    def print(self, text: str) -> None:
        """Lines above the bars, however long."""
        self.bar.print(text, soft_wrap=True)

    @property
    def share(self) -> float:
        """Of the search's processor time, as far as it is recorded; 0 to 1."""
        return min(1.0, float(self.news.get("cpu_s", 0.0)) / self.wish.cpu_s)

    def watch(self, child: Child, *, until: float = 1.1) -> bool:
        """Show news until the child ends (False), or until this share of the search is recorded (True)."""
        assert child.stdout is not None
        self._rest = b""
        while self.share < until:
            ready, _, _ = select.select([child.stdout, *_keyboard()], [], [], LOOK_S)
            if child.stdout in ready and not self._hear(child.stdout.fileno()):
                break
            if set(ready) - {child.stdout}:
                self.answer(child)
            if self.pull is not None:
                self._look_at(self.pull)
        else:
            return True
        if child.wait():
            raise SystemExit(f"the engine failed, see {self.home / 'engine.log'}:\n{self._last_words()}")
        return False

    def _hear(self, pipe: int) -> bool:
        """Take in what the child has said; False when it says no more."""
        said = os.read(pipe, 65_536)
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            self.tell(json.loads(line))
        return bool(said)

    def tell(self, news: dict[str, Any]) -> None:
        """Show what one line says."""
        if "question" in news:
            self.ask(news)
        elif "claim" in news:
            self.outcome = news
        else:
            self.news = news
            self._advance()

    def _advance(self) -> None:
        say, best = self.say, self.news["best"]
        text = say("a flat plate") if best is None else say("lift over drag {value}", value=f"{best:.1f}")
        if self.news["ended"]:
            text = say("summing up")
        amount = say("{count} candidates", count=f"{self.news['candidates']:,}")
        self.bar.update(self.searching, completed=self.share, description=text, amount=amount)
        if not self.console.is_terminal and self.share >= self._told + TOLD:
            self._told = self.share
            self.print(f"{self.share:4.0%}  {text}  {amount}")

    def _look_at(self, pull: Pull) -> None:
        """Show how far the pull is; after the search it has to hurry."""
        there, total = (f"{size / 1e6:.0f}" for size in (pull.bytes, pull.entry.bytes))
        if self.pulling is not None:
            self.bar.update(self.pulling, completed=pull.bytes, amount=f"{there}/{total} MB")
        if self.news.get("ended") and not pull.ended and pull.hurry():
            self.print(
                self.say(
                    "The search has ended; the weights have {seconds} s left to come ({there} of {total} MB are here).",
                    seconds=f"{PATIENCE_S:.0f}",
                    there=there,
                    total=total,
                )
            )

    def ask(self, news: dict[str, Any]) -> None:
        """Put the founder's question, or say after the restart that it still stands."""
        say = self.say
        options = "   ".join(f"{number} {say(option)}" for number, option in enumerate(news["options"], 1))
        how = say("type a number and Enter" if sys.stdin.isatty() else "nobody is at the keyboard")
        left_s = f"{max(0, news['left_s'] or 0):.0f}"
        wait = "" if news["left_s"] is None else say("; in {seconds} s the first is taken", seconds=left_s)
        what = say("The question still stands:" if self.question else "A question:")
        self.question = news
        self.print(f"\n[bold]{what}[/bold] {escape(news['question'])}\n  {options}   ({how}{wait})\n")

    def answer(self, child: Child) -> None:
        """Pass on what was typed."""
        typed = sys.stdin.readline().strip()
        options = self.question.get("options", [])
        if typed.isdigit() and 1 <= int(typed) <= len(options) and child.stdin is not None:
            option = options[int(typed) - 1]
            child.stdin.write(f"{option}\n".encode())
            child.stdin.flush()
            self.print(self.say("taken: {option}", option=self.say(option)) + "\n")

    def _last_words(self) -> str:
        """The end of what the engine wrote to its error log."""
        return (self.home / "engine.log").read_text("utf-8", errors="replace")[-2000:]


def _keyboard() -> list[Any]:
    return [sys.stdin] if sys.stdin.isatty() else []
