"""`make demo`: one order, from a customer's words to the invoice; the engine is killed with -9 on the way.

The parent plays the customer, shows what happens, and does the killing; the child is the engine. What was recorded
when it was killed is compared with what is recorded at the end.
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

import ending
import engine
import weights
import words
from firm.model.embedded import DEFAULT
from firm.org.founding import found
from firm.org.words import Say
from story import Story
from tally import Record, recorded, tally
from wish import ANSWERS, WORDS, Wish

KILL_AT = 0.5
"""Share of the hands that have reported when the engine is killed."""
LOOK_S = 0.1
LOG, FIRM, TEMPLATE = "engine.log", "wing-works", "wing-works"
Child = subprocess.Popen[bytes]


class Demo:
    """One order on its way.

    Args:
        home: Folder of the demo; the firm lies in it.
        wish: What the engine is asked for.
        language: 'en' or 'zh'.
    """

    def __init__(self, home: Path, wish: Wish, language: str) -> None:
        self.home, self.folder, self.wish, self.language = home, home / FIRM, wish, language
        self.story = Story(Say(language, words.CHINESE), "" if wish.no_model else DEFAULT)
        self._rest = b""

    def play(self, kill_at: float = KILL_AT) -> int:
        """All of it; the exit code."""
        self.begin()
        return self.carry(kill_at)

    def carry(self, kill_at: float) -> int:
        """The order, from its words to the end, with a kill on the way; the exit code."""
        began = time.monotonic()
        with self.story.bar:
            before = self.kill_in_the_middle(kill_at)
            with self.running() as child:
                self.watch(child)
            self.story.still()
        took_s = time.monotonic() - began
        count = tally(before, recorded(self.folder))
        ending.show(self.story, self.folder, self.wish, count, took_s)
        return 1 if count.wrong or self.story.order.get("state") != "delivered" else 0

    def begin(self) -> None:
        """Found the firm, and let the customer speak."""
        story, say = self.story, self.story.say
        made = found(self.folder, template=TEMPLATE, language=self.language)
        told = say(
            "founds {name} from a template: {roles} roles, {products} product",
            name=FIRM,
            roles=sum(one.startswith("roles/") for one in made.files),
            products=sum(one.startswith("products/") for one in made.files),
        )
        story.line("founder", told, say("template"))
        if self.wish.no_model:
            story.line("founder", say("asks no model: {why}", why=escape(self.wish.no_model)))
        else:
            story.line("founder", say("takes the model in the box, {name}, on this machine", name=DEFAULT))
        story.line("customer", f"[italic]{escape(self.wish.text)}[/italic]", say("the demo"))

    @contextlib.contextmanager
    def running(self) -> Iterator[Child]:
        """The engine, killed at the latest when the block is left."""
        command = [sys.executable, engine.__file__, str(self.folder), msgspec.json.encode(self.wish).decode()]
        with (
            (self.home / LOG).open("ab") as errors,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as child,
        ):
            try:
                yield child
            finally:
                child.kill()

    def kill_in_the_middle(self, kill_at: float) -> Record:
        """Carry the order until so many hands have reported, and kill the engine; what is recorded then."""
        story, say = self.story, self.story.say
        with self.running() as child:
            if not self.watch(child, until=kill_at):
                raise SystemExit("the engine ended before it could be killed; is the order refused?")
            child.kill()
            child.wait()
        record = recorded(self.folder)
        told = say(
            "[bold]kill -9[/bold] of process {pid}, {hands} of {of} hands in. Started again.",
            pid=child.pid,
            hands=story.hands,
            of=story.of,
        )
        story.line("the demo", told, "")
        return record

    def watch(self, child: Child, *, until: float = 2.0) -> bool:
        """Show news until the child ends (False), or until this share of the hands has reported (True)."""
        assert child.stdout is not None
        self._rest = b""
        while not (self.story.of and self.story.hands >= until * self.story.of):
            ready, _, _ = select.select([child.stdout, *_keyboard()], [], [], LOOK_S)
            if child.stdout in ready and not self._hear(child):
                break
            if set(ready) - {child.stdout} and (choice := self.story.chosen(sys.stdin.readline().strip())):
                self._say(child, {"question": self.story.question["question"], "answer": choice})
        else:
            return True
        if child.wait():
            raise SystemExit(f"the engine failed, see {self.home / LOG}:\n{self._last_words()}")
        return False

    def _hear(self, child: Child) -> bool:
        """Take in what the child has said; False when it says no more."""
        assert child.stdout is not None
        said = os.read(child.stdout.fileno(), 65_536)
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            news = json.loads(line)
            known = set(self.story.asked)
            self.story.tell(news)
            if "order" in news:
                self._as_customer(child, news["order"], known)
        return bool(said)

    def _as_customer(self, child: Child, order: dict[str, Any], known: set[str]) -> None:
        """The customer answers what he is asked, and confirms the price."""
        say, state, round = self.story.say, order.get("state"), order.get("round", 0)
        if state == "asks":
            text = ". ".join(ANSWERS[self.language][one["field"]] for one in order["asks"])
            self._say(child, {"customer": {"do": "answer", "text": text}, "id": f"answer-{round}"})
            if any(one["field"] not in known for one in order["asks"]):
                self.story.line("customer", f"[italic]{escape(text)}[/italic]", say("the demo"))
        elif state == "quoted":
            confirmed = {"do": "confirm", "cents": order["quote"]["cents"]}
            self._say(child, {"customer": confirmed, "id": "confirm"})
            self.story.line("customer", say("confirms the price"), say("the demo"))

    def _say(self, child: Child, what: dict[str, Any]) -> None:
        if child.stdin is not None:
            child.stdin.write(json.dumps(what).encode() + b"\n")
            child.stdin.flush()

    def _last_words(self) -> str:
        """The end of what the engine wrote to its error log."""
        return (self.home / LOG).read_text("utf-8", errors="replace")[-2000:]


def _keyboard() -> list[Any]:
    return [sys.stdin] if sys.stdin.isatty() else []


def model_here(say: Say, no_model: bool) -> str:
    """Have the weights here; why no model is asked, '' where one is."""
    if no_model:
        return say("none was wanted")
    if weights.there_already():
        return ""
    bar = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with bar:
        pulling = bar.add_task(say("the model's weights, once for this machine"), total=None)
        return weights.fetch(lambda there, total: bar.update(pulling, completed=there, total=total))


def fresh(home: Path) -> Path:
    """An empty folder for the demo; refuses to empty one that no demo has made."""
    if home.exists() and any(home.iterdir()):
        if not (home / LOG).exists():
            raise SystemExit(f"{home} is not empty and not a demo's folder; name another with --home")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / LOG).touch()
    return home.resolve()


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="One order, from a customer's words to the invoice.")
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="folder to work in (default: .demo)")
    parser.add_argument(
        "--language", choices=sorted(WORDS), default="en", help="of the customer (default: en)"
    )
    parser.add_argument("--no-model", action="store_true", help="ask no model, and download none")
    chosen = parser.parse_args()
    home = fresh(chosen.home)
    why = model_here(Say(chosen.language, words.CHINESE), chosen.no_model)
    wish = Wish(text=WORDS[chosen.language], no_model=why)
    return Demo(home, wish, chosen.language).play()


if __name__ == "__main__":
    sys.exit(main())
