"""The front door of the dinner: one command that opens the town, has 300 restaurants called, and shows what came of it.

    python examples/restaurants/dinner.py [--kill] [--embedded | --model NAME] [--count N]

One rule: what it counts it takes from the town's book, which knows nothing of `firm`, and holds it against the
journal. The runs are carried by a process of their own (`carrier.py`), so that this one can kill it and look on.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from carrier import EMBEDDED, SCRIPTED, Outcome, Plan, carry, model_of
from firm import Firm
from firm.errors import FirmError
from guide import MOST
from manners import Manner, manners
from offer import Evening
from town import Town, open_town, printable

FEW = 20
"""So many are called with the embedded model, which takes its time."""
KILL_AT = 1.3
"""Calls a restaurant that were heard when the engine is killed: most agents are in their second one then."""
LOOK_S = 0.1
PARK_S = 5.0
"""How long the engine may take to park its runs after Ctrl-C."""
BARS_WIDTH = 64
"""Columns that the progress display takes beside the last words."""
LOG = "engine.log"
BROKEN_OFF = 130
"""Exit code after Ctrl-C."""
WAYS = {
    Manner.PLAIN: "plainly",
    Manner.FULL: "fully booked",
    Manner.FOREIGN: "in another language",
    Manner.LATER: "only when called back",
    Manner.TORN: "in torn JSON",
    Manner.LONG: "with the whole menu",
    Manner.FLAKY: "at the second try",
    Manner.GARBLED: "in noise",
    Manner.SILENT: "not at all",
    Manner.DOWN: "with errors only",
    Manner.CON: "asking for a deposit",
}


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked for at the command line."""

    home: Path
    plan: Plan
    pace: float
    kill: bool


# --- the evening ----------------------------------------------------------------------------------------------------


async def play(command: Command, console: Console) -> int:
    """Open the town, have the dinner arranged, show what came of it; returns the exit code."""
    book = command.home / "town" / f"{command.plan.run}.jsonl"
    book.parent.mkdir(parents=True, exist_ok=True)
    begun_s = time.monotonic()
    async with open_town(book, pace=command.pace) as (town, url):
        greet(command, town, console)
        with bars(console) as bar:
            look = Look(town, bar, command)
            async with engine(command, url) as child:
                ended = await look.on(child, until=command.plan.count * KILL_AT if command.kill else None)
                if not ended:
                    child.kill()
            if not ended:
                console.print(
                    f"[bold]kill -9[/bold] of process {child.pid} after {len(town.heard)} calls were heard. "
                    "Starting it again.\n"
                )
                async with engine(command, url) as child:
                    ended = await look.on(child)
        took_s = time.monotonic() - begun_s
        outcome = msgspec.json.decode(ended, type=Outcome)
        code = settle(outcome, town, console, f"{took_s:.1f}")
    suggest(command, outcome, console)
    return code


def greet(command: Command, town: Town, console: Console) -> None:
    """Say what is going to happen."""
    plan = command.plan
    who = {SCRIPTED: "a scripted model", EMBEDDED: "the embedded model"}.get(
        plan.model, f"model {plan.model!r}"
    )
    console.print(f"[bold]{escape(plan.wish)}[/bold]")
    console.print(
        f"{plan.count} agents call {plan.count} restaurants at once, played by a server on this machine; {who} "
        "speaks for them.\nOne capability: these restaurants, two calls each. Nothing may be paid."
    )
    if town.heard:
        console.print(f"Going on with {plan.run}, which was broken off after {len(town.heard)} calls.")
    console.print()


@contextlib.asynccontextmanager
async def engine(command: Command, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process that carries the runs; where it has not ended when the block is left, it parks them and ends."""
    words = ["--home", str(command.home), "--engine", msgspec.json.encode(command.plan).decode()]
    with (command.home / LOG).open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            sys.argv[0],
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "TOWN_URL": url},
            limit=2**24,
        )
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(child.wait(), PARK_S)
            except TimeoutError:
                child.kill()
                await child.wait()


# --- what is shown --------------------------------------------------------------------------------------------------


def bars(console: Console) -> Progress:
    """The progress display; nothing where nobody looks on."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("[dim]{task.fields[last]}[/dim]"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class Look:
    """Watches the town while an engine is at work."""

    def __init__(self, town: Town, bar: Progress, command: Command) -> None:
        self._town, self._bar, self._log = town, bar, command.home / LOG
        self._room = max(0, bar.console.width - BARS_WIDTH)
        count = command.plan.count
        self._rounds = [bar.add_task(words, total=count, last="") for words in ("first call ", "second call")]

    async def on(self, child: asyncio.subprocess.Process, until: float | None = None) -> bytes:
        """Show news until the engine ends; its last line, or b'' once so many calls were heard."""
        assert child.stdout is not None
        said = asyncio.create_task(child.stdout.read())
        while not said.done():
            self._show()
            if until is not None and len(self._town.heard) >= until:
                said.cancel()
                return b""
            await asyncio.wait([said], timeout=LOOK_S)
        self._show()
        if await child.wait():
            log = self._log.read_text("utf-8", errors="replace")[-2000:]
            raise SystemExit(f"the engine failed, see {self._log}:\n{log}")
        return said.result()

    def _show(self) -> None:
        calls = Counter(one.restaurant for one in self._town.heard)
        for number, row in enumerate(self._rounds, 1):
            last = escape(self._town.last_words()[: self._room]) if number == 1 else ""
            self._bar.update(row, completed=sum(count >= number for count in calls.values()), last=last)


# --- what came of it ------------------------------------------------------------------------------------------------


def settle(outcome: Outcome, town: Town, console: Console, took_s: str) -> int:
    """Show the best three and the facts; 1 if a restaurant heard something twice or was paid."""
    evening = outcome.evening
    free = sum(offer.free for offer in evening.offers)
    console.print(best_of(evening) if evening.best else "Nobody has a table as wished.")
    console.print()
    twice = heard_twice(town, outcome.keys)
    console.print(facts(outcome, town, twice))
    console.print(
        f"\n{len(evening.offers)} asked in {took_s} s, {free} have a table. {ways_of(evening)}", style="dim"
    )
    return 1 if twice or town.deposits else 0


def suggest(command: Command, outcome: Outcome, console: Console) -> None:
    """Say what to look at next."""
    console.print("\nWhat to try next")
    if outcome.refused:
        shown = f"firm show {outcome.refused[0]} --home {os.path.relpath(command.home)}"
        console.print(f"  {escape(shown)}   the agent that was asked for a deposit", soft_wrap=True)
    if not command.kill:
        console.print(
            "  the same with --kill: the engine dies in the middle, and nobody hears anything twice"
        )
    console.print("  read examples/restaurants/dinner.py: two tools, two agents, and an ordinary async def")


def best_of(evening: Evening) -> Table:
    """The best, with the reasons."""
    prices = {offer.restaurant: offer.price_gbp for offer in evening.offers}
    table = Table("", "restaurant", "£ a head", "why", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for number, pick in enumerate(evening.best, 1):
        why = escape(printable(pick.why))
        table.add_row(
            str(number), f"[bold]{escape(pick.restaurant)}[/bold]", f"{prices[pick.restaurant]:g}", why
        )
    return table


def ways_of(evening: Evening) -> str:
    """How the restaurants behaved, by number."""
    ways = manners()
    counts = Counter(ways[offer.restaurant] for offer in evening.offers)
    return f"They answered: {', '.join(f'{counts[way]} {WAYS[way]}' for way in WAYS if counts[way])}."


def heard_twice(town: Town, keys: list[str]) -> int:
    """Messages that came under a key of no call that the journal knows, and calls beyond two a restaurant."""
    known, calls = set(keys), Counter(one.restaurant for one in town.heard)
    strays = sum(one.key not in known for one in town.heard)
    return strays + sum(count - 2 for count in calls.values() if count > 2)


def facts(outcome: Outcome, town: Town, twice: int) -> Table:
    """What the town has in its book, and what the firm has in its own."""
    restaurants = len({one.restaurant for one in town.heard})
    usd = f"{outcome.usd:.4f} USD" if outcome.usd else "no price"
    paid = sum(one.usd for one in town.deposits)
    table = Table.grid(padding=(0, 2))
    table.add_row("calls heard", f"{len(town.heard)} by {restaurants} restaurants")
    again = f"  ({len(town.again)} came again with a known key: answered, not heard)" if town.again else ""
    table.add_row("repeated", f"[bold]{twice}[/bold]{again}")
    table.add_row("model", f"{outcome.replies:,} replies, {outcome.tokens:,} tokens, {usd}")
    table.add_row(
        "deposits", f"{len(outcome.refused)} tried, refused by the gate; [bold]{paid:g} USD[/bold] paid"
    )
    return table


# --- the command line -----------------------------------------------------------------------------------------------


async def chosen_run(home: Path, dinner: Any, wish: str, count: int) -> str:
    """The id of an unfinished dinner with the same wish, else a new one."""
    async with Firm.visit(home) as firm:
        found = await firm.find_unfinished(dinner, (wish, count))
        taken = {run.id for run in await firm.runs(parent="")}
    if found is not None:
        return found.id
    return next(name for number in range(1, len(taken) + 2) if (name := f"dinner-{number}") not in taken)


def read_command(dinner: Any, wish: str) -> Command | argparse.Namespace:
    """The command line; a namespace where this process is to carry the runs."""
    parser = argparse.ArgumentParser(description="One wish, 300 restaurants, 300 agents that call at once.")
    parser.add_argument("--wish", default=wish, help=f"what is wished (default: {wish!r})")
    parser.add_argument("--count", type=int, help=f"restaurants that are asked, 1 to {MOST} (default: all)")
    parser.add_argument("--embedded", action="store_true", help=f"with the embedded model, {FEW} restaurants")
    parser.add_argument("--model", metavar="NAME", help="with a model of firm.toml in the home")
    parser.add_argument(
        "--kill", action="store_true", help="kill the engine with -9 in the middle, and go on"
    )
    parser.add_argument("--pace", type=float, default=1.0, help="2 for restaurants that take twice as long")
    parser.add_argument(
        "--home", type=Path, default=Path(".dinner"), help="folder to work in (default: .dinner)"
    )
    parser.add_argument("--engine", metavar="PLAN", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.engine:
        return chosen
    model = EMBEDDED if chosen.embedded else chosen.model or SCRIPTED
    count = chosen.count if chosen.count is not None else FEW if chosen.embedded else MOST
    if not 1 <= count <= MOST:
        parser.error(f"--count {count}: give 1 to {MOST}")
    model_of(chosen.home, model)  # what cannot be is said before anything is begun
    chosen.home.mkdir(parents=True, exist_ok=True)
    run = asyncio.run(chosen_run(chosen.home, dinner, chosen.wish, count))
    return Command(chosen.home.resolve(), Plan(run, chosen.wish, count, model), chosen.pace, chosen.kill)


def main(dinner: Any, wish: str) -> int:
    """Read the command line and play the evening, or carry the runs of one."""
    console = Console(highlight=False)
    try:
        command = read_command(dinner, wish)
        if isinstance(command, Command):
            return asyncio.run(play(command, console))
        asyncio.run(carry(command.home, msgspec.json.decode(command.engine, type=Plan), dinner))
    except FirmError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        console.print("broken off; the same command goes on with it")
        return BROKEN_OFF
    return 0
