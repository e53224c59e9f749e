"""`firm spend` and `firm invoice`: what was spent, by whom, and what a customer owes for it.

One rule: both are read from the ledger in the journal; nothing is counted a second time.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import Command, Home, Json, visit

if TYPE_CHECKING:
    from firm.ledger.books import Books
    from firm.ledger.spend import Spend, SpendRow
    from firm.ledger.view import LimitView, PurseView

BY = "agent, unit, goal, model, day, run"
Since = Annotated[str, typer.Option("--since", metavar="DAY", help="First day, such as 2026-11-01 (UTC).")]
Until = Annotated[str, typer.Option("--until", metavar="DAY", help="Last day (UTC).")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]


def spend(
    by: Annotated[str, typer.Option("--by", metavar="WORD", help=f"One of {BY}.")] = "model",
    since: Since = "",
    until: Until = "",
    as_csv: AsCsv = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what was spent, what is held, what the month comes to at this rate, and how the budgets stand."""
    import time

    from firm.cli.text import print_json
    from firm.ledger.spend import spend_csv, spend_of

    _check_days(since, until)
    books, budgets = _read(home)
    found = spend_of(books, by, now_us=time.time_ns() // 1000, since=since, until=until)  # type: ignore[arg-type]
    if as_csv:
        print(spend_csv(found), end="")
    elif as_json:
        print_json({"spend": found, "budgets": budgets, "balances": _balances(books)})
    else:
        _print_spend(found)
        _print_budgets(budgets)


def _balances(books: "Books") -> dict[str, int]:
    return {account: amount.usd_micro for account, amount in sorted(books.balances.items())}


def _print_spend(found: "Spend") -> None:
    from firm.cli.text import add_row, render, table

    if not found.rows:
        print("nothing was spent yet")
        return
    period = "DAY" if found.by == "day" else "MONTH"
    made = table(
        found.by.upper(),
        "CALLS",
        "SPENT USD",
        "HELD",
        "TOKENS",
        "GPU S",
        "CACHE SAVED",
        f"{period} AT THIS RATE",
    )
    for row in (*found.rows, found.total):
        add_row(made, *_cells(row))
    render(made)
    if found.total.unpriced:
        print("unpriced: your own compute without a price; its tokens and seconds are counted")
    if found.total.written_off_usd_micro:
        print(f"of that {_usd(found.total.written_off_usd_micro)} USD for calls that were lost in a crash")


def _cells(row: "SpendRow") -> tuple[object, ...]:
    tokens = row.input + row.cache_read + row.cache_write + row.output + row.reasoning
    spent = _usd(row.usd_micro) if row.usd_micro or not row.unpriced else "unpriced"
    if row.unpriced and row.usd_micro:
        spent += " + unpriced"
    return (
        row.key or "-",
        f"{row.calls:,}",
        spent,
        _usd(row.reserved_usd_micro) if row.reserved_usd_micro else "",
        f"{tokens:,}",
        f"{row.gpu_ms / 1000:,.1f}" if row.gpu_ms else "",
        _usd(row.saved_usd_micro) if row.saved_usd_micro else "",
        _usd(row.forecast_usd_micro) if row.forecast_usd_micro else "",
    )


def _usd(micro: int) -> str:
    return f"{micro / 1e6:,.6f}".rstrip("0").ljust(len(f"{micro / 1e6:,.2f}"), "0") if micro else "0.00"


def _print_budgets(budgets: "list[PurseView]") -> None:
    from firm.cli.text import add_row, render, table

    made = table("BUDGET", "LIMIT", "SPENT", "HELD", "LEFT")
    for purse in budgets:
        for limit in purse.limits:
            left = max(0, limit.most - limit.spent - limit.reserved)
            per = f" a {limit.per}" if limit.per else ""
            amounts = [_amount(limit, value) for value in (limit.most, limit.spent, limit.reserved, left)]
            add_row(made, purse.id, amounts[0] + per, *amounts[1:])
        if purse.closed:
            add_row(made, purse.id, f"closed: {purse.closed}", "", "", "")
    print()
    render(made)


def _amount(limit: "LimitView", value: int) -> str:
    if limit.measure == "usd_micro":
        return f"{_usd(value)} USD"
    if limit.measure in ("gpu_ms", "cpu_ms"):
        return f"{value / 1000:,.1f} {limit.measure[:3].upper()} s"
    return f"{value:,} {limit.measure}"


def invoice(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Who is to pay.")],
    run: Annotated[
        list[str] | None, typer.Option("--run", help="A run, with its children; may be repeated.")
    ] = None,
    goal: Annotated[list[str] | None, typer.Option("--goal", help="A goal; may be repeated.")] = None,
    agent: Annotated[list[str] | None, typer.Option("--agent", help="An agent; may be repeated.")] = None,
    markup: Annotated[float, typer.Option("--markup", help="0.25 for a quarter more than it cost.")] = 0.0,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate", metavar="NAME=USD", help="Price of one unit of a model or tool, instead of its cost."
        ),
    ] = None,
    since: Since = "",
    until: Until = "",
    as_csv: AsCsv = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write an invoice for the compute that some work took, with a markup.

    Units are thousands of tokens, seconds of a GPU, or calls; nothing is sent and nothing booked.
    """
    from firm.cli.text import as_json as to_json
    from firm.ledger.invoice import Work, invoice_csv, invoice_of, invoice_text

    _check_days(since, until)
    work = Work(run or (), goal or (), agent or (), since, until)
    books, _ = _read(home)
    made = invoice_of(
        books, customer, work, markup=markup, rates_usd_micro=dict(_rate(one) for one in rate or ())
    )
    text = invoice_csv(made) if as_csv else to_json(made) + "\n" if as_json else invoice_text(made)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, "utf-8")
        print(f"written to {out}")


def _rate(text: str) -> tuple[str, int]:
    from firm.errors import UsageError
    from firm.units.amount import usd_micro_of

    name, equals, usd = text.rpartition("=")
    try:
        return name, usd_micro_of(float(usd), f"--rate {name}")
    except ValueError:
        hint = "" if equals else " (the price is missing)"
        raise UsageError(f"--rate {text!r}: give NAME=USD, such as big=0.002{hint}") from None


def _check_days(*days: str) -> None:
    from datetime import date

    from firm.errors import UsageError

    for day in days:
        try:
            fits = not day or date.fromisoformat(day).isoformat() == day
        except ValueError:
            fits = False
        if not fits:
            raise UsageError(f"{day!r} is no day; write it as 2026-11-01")


def _read(home: Home) -> "tuple[Books, list[PurseView]]":
    """The books as the journal has them, and how the budgets of firm.toml stand."""
    import asyncio

    async def main() -> "tuple[Books, list[PurseView]]":
        async with visit(home) as firm:
            return await firm.books()

    return asyncio.run(main())


COMMANDS = (
    Command("spend", "firm spend --by agent", spend),
    Command("invoice", 'firm invoice "Wing Works" --run dinner-1 --markup 0.25', invoice),
)
