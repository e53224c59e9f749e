"""The demo as a founder reads it: one line an event, with who did it and how.

One rule: it says nothing that the engine's news does not hold; a model's and a stranger's words are shown as words.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from firm.org.words import Say

WIDE = 108
"""Columns at most."""
MAX_SAID = 260
"""Characters of somebody's words in one line."""
FIELDS = {
    "reynolds": "Reynolds number",
    "thickness_percent": "least thickness",
    "moment": "least pitching moment",
    "lift": "least lift coefficient",
    "chord_mm": "chord",
}


class Story:
    """What is shown, and what was shown already.

    Args:
        say: In the demo's language.
        model: Name of the model that is asked; '': none is.
    """

    def __init__(self, say: Say, model: str) -> None:
        self.say, self.model = say, model
        console = Console(highlight=False)
        self.console = Console(
            highlight=False, width=min(console.width, WIDE) if console.is_terminal else WIDE
        )
        self.bar = Progress(
            TextColumn("       {task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            console=self.console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._looking = self.bar.add_task("", total=1.0, amount="", visible=False)
        self._searching = self.bar.add_task("", total=None, amount="", visible=False)
        self._began = time.monotonic()
        self._told: set[str] = set()
        self.order: dict[str, Any] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.plan: dict[str, Any] = {}
        self.opinions: list[dict[str, Any]] = []
        self.searches: dict[int, dict[str, Any]] = {}
        self.question: dict[str, Any] = {}
        self.hands = self.of = 0
        self.asked: list[str] = []
        """Fields that the customer was asked for."""

    # --- lines ------------------------------------------------------------------------------------------------------

    def line(self, who: str, what: str, how: str = "") -> None:
        """One event. `what` is rich markup."""
        seconds = int(time.monotonic() - self._began)
        row = Table.grid(padding=(0, 2, 0, 0), expand=True)
        row.add_column(width=5, style="dim", justify="right")
        row.add_column(width=15, style="bold")
        row.add_column(ratio=1, overflow="fold")
        row.add_column(width=10, style="dim")
        row.add_row(f"{seconds // 60}:{seconds % 60:02}", self.word(who), what, how)
        self.print(row)

    def word(self, one: str) -> str:
        """A word of the firm's own files in the demo's language, or as it stands there."""
        return one if self.say.language == "en" else self.say.table.get(one, one)

    def print(self, what: RenderableType = "") -> None:
        """Anything, above the bar."""
        self.bar.print(what)

    def _once(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True

    # --- news -------------------------------------------------------------------------------------------------------

    def tell(self, news: dict[str, Any]) -> None:
        """Show what one piece of news says, if it was not shown before."""
        if "order" in news:
            self._order(news["order"])
        elif "plan" in news:
            self._plan(news["plan"])
        elif "task" in news:
            self._task(news["task"])
        elif "hands" in news:
            self._hands(news["hands"], news["of"])
        elif "search" in news:
            self._search(news)
        elif "opinion" in news:
            self._opinion(news["opinion"])
        elif "question" in news:
            self._question(news)

    def _order(self, order: dict[str, Any]) -> None:
        self.order, say, state = order, self.say, order.get("state", "reading")
        if not self._once(f"order {state} {order.get('round', 0)}"):
            return
        if state == "asks":
            self._read(order)
            for one in order["asks"]:
                self.asked.append(one["field"])
                self.line(
                    "clerk",
                    say("asks the customer: {question}", question=escape(one["question"])),
                    say("program"),
                )
        elif state == "quoted":
            if not order.get("round", 0):
                self._read(order)
            self._quote(order["quote"])
        elif state == "delivered" and order.get("invoice"):
            cents = order.get("cents", 0)
            told = say(
                "writes invoice {number}: {usd} USD", number=order["invoice"], usd=f"{cents / 100:.2f}"
            )
            self.line("office", told, say("program"))
        elif state in ("refused", "not delivered", "cancelled", "expired", "delivered"):
            self.line("office", f"{self.word(state)}: {escape(order.get('why', ''))}", say("program"))

    def _read(self, order: dict[str, Any]) -> None:
        """What was read out of the customer's words, by whom."""
        say, by = self.say, dict[str, list[str]]()
        for one in order.get("spec", ()):
            value = f"{one['value']:,.10g}" if isinstance(one["value"], int | float) else str(one["value"])
            unit = f" {one['unit']}" if one.get("unit") else ""
            by.setdefault(one["by"], []).append(
                f"{self.word(FIELDS.get(one['field'], one['field']))} {escape(value)}{unit}"
            )
        for who, what in by.items():
            how = {
                "model": say("model"),
                "program": say("program"),
                "default": say("template"),
                "customer": say("customer"),
            }[who]
            verb = (
                say("takes as the product has it: {what}")
                if who == "default"
                else say("reads in the order: {what}")
            )
            self.line("clerk", verb.format(what=" · ".join(what)), how)
        if order.get("read_why"):
            self.line("clerk", say("no model has read it: {why}", why=escape(short(order["read_why"]))), "")

    def _quote(self, quote: dict[str, Any]) -> None:
        say = self.say
        parts = " · ".join(f"{escape(one['says'])} {one['usd']:.4f}" for one in quote["lines"])
        told = say(
            "quotes [bold]{usd} USD[/bold], never more: {parts}, and {markup} % on it",
            usd=f"{quote['cents'] / 100:.2f}",
            parts=parts,
            markup=f"{100 * quote['markup']:.0f}",
        )
        self.line("office", told, say("program"))
        for one in quote.get("assumptions", ()):
            self.line("", f"[dim]{say('assumes')}: {escape(one)}[/dim]")

    def _plan(self, plan: dict[str, Any]) -> None:
        self.plan, say = plan, self.say
        if self._once("plan"):
            names = " → ".join(task["id"] for task in plan["tasks"])
            told = say("plans {count} tasks: {names}", count=len(plan["tasks"]), names=names)
            self.line("chief", told, self.word(plan.get("by", "template")))

    def _task(self, task: dict[str, Any]) -> None:
        self.tasks[task["id"]] = task
        if task["id"] == "explore":
            self.still()
        status, say = task["status"], self.say
        if status not in ("accepted", "refused", "skipped") or not self._once(f"task {task['id']} {status}"):
            return
        artifact = task.get("artifact") or {}
        how = self.word(artifact.get("how", "program"))
        if status != "accepted":
            self.line(task.get("role", ""), f"{self.word(status)}: {escape(task.get('why', ''))}", how)
            return
        if task["id"] == "choose":
            by = (artifact.get("data") or {}).get("by", "")
            choice = self.word(artifact.get("text", ""))
            told = say("nobody answered: [bold]{choice}[/bold], the default", choice=choice)
            if by == "founder":
                told = say("decides: [bold]{choice}[/bold]", choice=choice)
            self.line("founder", told, say("person") if by == "founder" else say("default"))
            return
        text = artifact.get("text", "")
        if task["id"] == "write":
            text = say("writes the letter to the customer")
        elif task["id"] == "draw":
            text = ", ".join(one["path"].rpartition("/")[2] for one in artifact.get("files", ()))
            text = say("draws {files}", files=text)
        for number, row in enumerate(text.splitlines()):
            if row.strip():
                self.line(task["role"] if not number else "", escape(row), how if not number else "")
        if seen := self._seen(task):
            self.line("", f"[dim]{say('checked')}: {escape(seen)}[/dim]", say("program"))

    def _seen(self, task: dict[str, Any]) -> str:
        """The check that tells most: the last line of evidence, where a program of the firm's own has looked."""
        verdicts = task.get("verdicts", ())
        lines = [line for one in verdicts for line in one.get("evidence", ())]
        return short(lines[-1]) if lines and task["id"] in ("criticize", "draw") else ""

    # --- exploring --------------------------------------------------------------------------------------------------

    def _hands(self, hands: int, of: int) -> None:
        self.hands, self.of = max(self.hands, hands), of
        if self._once("hands"):
            told = self.say(
                "sends {count} hands at once, each from a flat plate uphill on a small network", count=of
            )
            self.line("explorer", told, self.say("program"))
        amount = self.say("{hands} of {of} hands", hands=self.hands, of=of)
        self.bar.update(self._looking, visible=True, completed=self.hands / of, description="", amount=amount)

    def _search(self, news: dict[str, Any]) -> None:
        number = news["search"]
        if self._once(f"search {number}"):
            told = self.say("has the lab search on from the best of them")
            if number == 2:
                self._searched(1)
                told = self.say("has the lab search for a thicker one, so that there is a choice")
            self.line("explorer", told, self.say("program"))
        self.searches[number] = news
        best = "–" if news["best"] is None else f"{news['best']:.1f}"
        amount = self.say(
            "{count} sections, lift over drag {best}", count=f"{news['candidates']:,}", best=best
        )
        self.bar.update(self._looking, visible=False)
        self.bar.update(self._searching, visible=not self.tasks.get("explore"), amount=amount)

    def _searched(self, number: int) -> None:
        found = self.searches.get(number)
        if found and found["best"] is not None:
            told = self.say(
                "{count} sections scored; the best has a lift over drag of {best}, as XFOIL sees it in the search",
                count=f"{found['candidates']:,}",
                best=f"{found['best']:.1f}",
            )
            self.line("", f"[dim]{told}[/dim]")

    def still(self) -> None:
        """Nothing is being looked for any more."""
        self.bar.update(self._looking, visible=False)
        self.bar.update(self._searching, visible=False)

    # --- the close call ---------------------------------------------------------------------------------------------

    def _opinion(self, heard: dict[str, Any]) -> None:
        say, found = self.say, heard.get("opinion")
        if not self._once(f"opinion {heard['expert']}"):
            return
        self.still()
        if not found:
            told = say(
                "expert for {field} has no opinion: {why}",
                field=heard["expert"],
                why=escape(short(heard["why"])),
            )
            self.line("desk", told, say("program"))
            return
        self.opinions.append(found)
        told = say(
            "expert for {field} is for {choice} ({sure} % sure): {reason}",
            field=found["expert"],
            choice=self.word(found["choice"]),
            sure=f"{100 * found['confidence']:.0f}",
            reason=escape(short(found["reason"])),
        )
        self.line("desk", told, say("model"))

    def _question(self, news: dict[str, Any]) -> None:
        say, options = self.say, news["options"] or []
        self.still()
        first = self._once(f"question {news['question']}")
        self.question = news
        if not first:
            return
        shown = "   ".join(f"[bold]{number}[/bold] {self.word(one)}" for number, one in enumerate(options, 1))
        how = say("type a number and Enter") if sys.stdin.isatty() else say("nobody is at the keyboard")
        left = "" if news["left_s"] is None else f"{max(0.0, news['left_s']):.0f}"
        wait = (
            say("; in {seconds} s it is {default}", seconds=left, default=self.word(str(news["default"])))
            if left
            else ""
        )
        told = say("Only you can decide: which of the two is delivered?")
        self.line("founder", f"[bold]{told}[/bold]  {shown}  [dim]({how}{wait})[/dim]", "")

    def chosen(self, typed: str) -> str:
        """The option that was typed, by its number; '' where it is none."""
        options: Sequence[str] = self.question.get("options") or []
        return options[int(typed) - 1] if typed.isdigit() and 1 <= int(typed) <= len(options) else ""


def short(text: str) -> str:
    """On one line, cut."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return plain if len(plain) <= MAX_SAID else plain[: MAX_SAID - 1] + "…"
