"""What stands at the end of the demo: who did what, what the kill did, the money, and what to try next.

One rule: every figure is read from the firm's journal and its ledger, as anybody could.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from firm import Firm
from firm.org.trade import profit
from firm.org.trade.earning import Profit
from firm.org.trade.order import BOOK, order_folder
from firm.org.trade.product import read_products
from firm.org.trade.reader import read_plain
from firm.units import Amount
from story import FIELDS, Story
from tally import Count
from wish import ORDER, Wish


@dataclass(frozen=True)
class Money:
    """What the books say."""

    profits: tuple[Profit, ...]
    sum: Amount
    """Of all accounts; nothing, where they balance."""
    accounts: int
    tokens: int
    calls: int


def read_money(folder: Path) -> Money:
    """From the journal."""

    async def read() -> Money:
        async with Firm.visit(folder) as firm:
            books, _ = await firm.books()
            rows = await firm.rows(BOOK)
        total = Amount()
        for amount in books.balances.values():
            total = total + amount
        used = [one.used for day in books.days.values() for one in day.values()]
        return Money(
            profit(rows, books),
            total,
            len(books.balances),
            sum(one.tokens for one in used),
            sum(one.calls for one in used),
        )

    return asyncio.run(read())


def show(story: Story, folder: Path, wish: Wish, count: Count, took_s: float) -> None:
    """All of it."""
    say = story.say
    for title, table in (
        ("Who did what", who(story)),
        ("Killed with -9 and started again", killed(story, count)),
        ("The money", money(story, read_money(folder))),
    ):
        story.print(f"\n[bold]{say(title)}[/bold]")
        story.print(table)
    story.print(f"\n[bold]{say('What the model added')}[/bold]")
    story.print(added(story, folder, wish))
    place = folder / order_folder(ORDER)
    story.print(
        f"\n[bold]{say('Delivered in {seconds} s', seconds=f'{took_s:.0f}')}[/bold]  {escape(str(place))}"
    )
    for name in ("report.html", "letter.md", "section.dat", "invoice.html"):
        if (place / name).exists():
            story.print(f"  {name}")
    story.print(f"\n[bold]{say('Your turn')}[/bold]")
    firm = command()
    for rest in (
        f'new my-firm "{say("what should exist, in a sentence")}"',
        f'run "{say("your mission")}" --home my-firm',
        f'run "{say("what is to be mended")}" --repo {say("your-repository")}',
    ):
        story.print(f"  {escape(firm)} {escape(rest)}")
    more = say("with a key or a GPU of yours, or a stronger model on this machine: docs/models.md")
    story.print(f"  [dim]{more}[/dim]")


def command() -> str:
    """How `firm` is called from here."""
    path = Path(sys.executable).with_name("firm")
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def who(story: Story) -> Table:
    """Each task: who did it, how, and who has checked it."""
    say, table = story.say, Table.grid(padding=(0, 3, 0, 0))
    ends = [story.tasks[one["id"]] for one in story.plan.get("tasks", ()) if one["id"] in story.tasks]
    readers = sorted({one["by"] for one in story.order.get("spec", ())} & {"model", "program"})
    how = " + ".join(story.word(one) for one in readers) or say("program")
    rows = [("read", "clerk", how, say("each value stands in the words")), ("plan", "chief", "template", "")]
    for end in ends:
        artifact, choose = end.get("artifact") or {}, end["id"] == "choose"
        by_default = choose and (artifact.get("data") or {}).get("by") == "default"
        how = "default" if by_default else str(artifact.get("how", ""))
        rows.append(
            (end["id"], "founder" if choose else end.get("role", ""), how, story.word(checked_by(end)))
        )
    for task, name, how, by in rows:
        table.add_row(f"  {task}", story.word(name), story.word(how), f"[dim]{escape(by)}[/dim]")
    return table


def checked_by(end: dict[str, Any]) -> str:
    """The last program of the firm's own that has checked it, in words."""
    verdict = (end.get("verdicts") or [{}])[-1]
    own = [one for one in str(verdict.get("by", "")).split(", ") if one.startswith("programs/")]
    return own[-1].rpartition(":")[2].replace("_", " ") if own else "built-in checks"


def killed(story: Story, count: Count) -> Table:
    """What was recorded, lost, changed and repeated."""
    say, table = story.say, _figures()
    for title, number in (
        ("results recorded before the kill", count.recorded),
        ("of them lost", count.lost),
        ("of them changed", count.changed),
        ("done twice", count.repeated),
        ("results recorded at the end", count.total),
        ("invoices written", count.invoices),
    ):
        table.add_row(f"  {say(title)}", f"{number:,}")
    return table


def money(story: Story, found: Money) -> Table:
    """Quote, invoice, profit and loss, and whether the books balance."""
    say, order, table = story.say, story.order, _figures()
    quoted = (order.get("quote") or {}).get("cents", 0)
    table.add_row(f"  {say('quoted')}", f"{quoted / 100:.4f} USD")
    table.add_row(
        f"  {say('invoice {number}', number=order.get('invoice', '–'))}",
        f"{order.get('cents', 0) / 100:.4f} USD",
    )
    for one in found.profits:
        name = one.product or "–"
        table.add_row(f"  {say('cost of {product}', product=name)}", f"{one.cost_usd_micro / 1e6:.4f} USD")
        table.add_row(
            f"  {say('profit of {product}', product=name)}", f"{one.margin_usd_micro / 1e6:.4f} USD"
        )
    balanced = say("balances") if found.sum == Amount() else say("does NOT balance")
    if not found.accounts:
        balanced = say("empty: no model was paid")
    told = say(
        "ledger: {accounts} accounts, {calls} calls, {tokens} tokens",
        accounts=found.accounts,
        calls=found.calls,
        tokens=f"{found.tokens:,}",
    )
    table.add_row(f"  {told}", balanced)
    return table


def _figures() -> Table:
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    return table


def added(story: Story, folder: Path, wish: Wish) -> str:
    """One honest line."""
    say = story.say
    if wish.no_model:
        asked = ", ".join(story.word(FIELDS[one]) for one in dict.fromkeys(story.asked)) or say("nothing")
        told = say(
            "Nothing: no model was asked. The customer was asked for what a program could not read: {asked}.",
            asked=asked,
        )
        return f"  {told}"
    product = next(one for one in read_products(folder) if one.name == story.order["product"])
    plain = set(read_plain(product, wish.text).values)
    said: list[dict[str, Any]] = [one for one in story.order.get("spec", []) if one["by"] != "default"]
    by_model = [one["field"] for one in said if one["by"] == "model"]
    alone = ", ".join(story.word(FIELDS[one]) for one in by_model if one not in plain)
    sentences = [
        say(
            "It read {count} of {all} values out of the customer's words.", count=len(by_model), all=len(said)
        ),
        say("Without it he would have been asked for {alone}; a program reads the rest.", alone=alone)
        if alone
        else say("A program reads all of them too, so it added nothing there."),
        *([say("Its opinion on the close call decided nothing.")] if story.opinions else []),
        say("Every figure of the wing comes from programs."),
    ]
    return "  " + ("" if say.language == "zh" else " ").join(sentences)
