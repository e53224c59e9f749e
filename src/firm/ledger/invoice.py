"""An invoice for a customer: the compute that its work took, with a markup.

One rule: a firm sells work by compute, not by seat; every line can be found again in the ledger, and lines and total
are whole cents that sum up.
"""

import csv
import io
from collections.abc import Collection, Mapping

import msgspec

from firm.errors import UsageError
from firm.ledger.books import Books
from firm.ledger.line import Tags
from firm.units.amount import NOTHING, Amount

MAX_MARKUP = 1000.0
_MICRO_PER_CENT = 10_000
_BASIS = 10_000


class Work(msgspec.Struct, frozen=True):
    """Which calls are meant: those of any of these runs (and their children), goals or agents, in a time.

    Raises:
        UsageError: nothing is named.
    """

    runs: Collection[str] = ()
    goals: Collection[str] = ()
    agents: Collection[str] = ()
    since: str = ""
    """First day, ISO date in UTC; '' from the beginning."""
    until: str = ""
    """Last day; '' up to now."""

    def __post_init__(self) -> None:
        if not (self.runs or self.goals or self.agents):
            raise UsageError("an invoice for nothing: name runs, goals or agents whose work is to be paid")

    def covers(self, day: str, tags: Tags) -> bool:
        """Whether calls with these tags are meant."""
        if day < self.since or (self.until and day > self.until):
            return False
        of_run = any(tags.run == run or tags.run.startswith(run + "/") for run in self.runs)
        return of_run or tags.goal in self.goals or tags.agent in self.agents


class InvoiceLine(msgspec.Struct, frozen=True):
    """One model or tool."""

    name: str
    unit: str
    """Unit of compute: '1000 tokens', 'GPU second' or 'call'."""
    units_milli: int
    """How many of them, in thousandths."""
    rate_usd_micro: int
    """Cost of one unit, rounded; 0 where it has no price."""
    cost_usd_micro: int
    """What it cost the firm."""
    cents: int
    """What the customer pays, US cents."""


class Invoice(msgspec.Struct, frozen=True):
    """What a customer owes."""

    customer: str
    since: str
    until: str
    markup: float
    lines: tuple[InvoiceLine, ...]
    cost_usd_micro: int
    total_cents: int
    """Sum of the lines."""


def invoice_of(
    books: Books,
    customer: str,
    work: Work,
    *,
    markup: float = 0.0,
    rates_usd_micro: Mapping[str, int] | None = None,
) -> Invoice:
    """What a customer owes for work: units of compute x rate x (1 + markup), a line for each model and tool.

    What was written off because a call was lost is the firm's own loss, and not on it.

    Args:
        books: With all days.
        markup: 0.25 for a quarter more than it cost; -1 < markup <= 1000.
        rates_usd_micro: Name of a model or tool -> price of one unit, instead of what it cost; for own compute
            that has no price.

    Raises:
        UsageError: a name, markup or rate that makes no sense.
    """
    if not customer.strip() or not customer.isprintable():
        raise UsageError(f"customer={customer!r}: give a name")
    if not -1 < markup <= MAX_MARKUP:
        raise UsageError(f"markup={markup!r}: give a share above -1 and up to {MAX_MARKUP:g}; 0.25 is 25 %")
    rates = dict(rates_usd_micro or {})
    for name, rate in rates.items():
        if type(rate) is not int or rate < 0:
            raise UsageError(f"rate of {name!r} is {rate!r}: give millionths of a US dollar for one unit")
    sums: dict[str, Amount] = {}
    for day, found in books.days.items():
        for tags, one in found.items():
            if work.covers(day, tags) and one.used != NOTHING:
                sums[tags.name] = sums.get(tags.name, NOTHING) + one.used
    basis = round((1 + markup) * _BASIS)
    lines = tuple([_line(name, used, rates.get(name), basis) for name, used in sorted(sums.items())])
    return Invoice(
        customer,
        work.since,
        work.until,
        markup,
        lines,
        sum(line.cost_usd_micro for line in lines),
        sum(line.cents for line in lines),
    )


def _line(name: str, used: Amount, rate: int | None, basis: int) -> InvoiceLine:
    if used.gpu_ms:
        unit, milli = "GPU second", used.gpu_ms
    elif used.tokens:
        unit, milli = "1000 tokens", used.tokens
    else:
        unit, milli = "call", used.calls * 1000
    cost = used.usd_micro
    charged = cost if rate is None else _divided(rate * milli, 1000)
    shown = (_divided(cost * 1000, milli) if milli else 0) if rate is None else rate
    return InvoiceLine(name, unit, milli, shown, cost, _divided(charged * basis, _BASIS * _MICRO_PER_CENT))


def _divided(number: int, by: int) -> int:
    """Half up."""
    return (2 * number + by) // (2 * by)


def invoice_text(invoice: Invoice) -> str:
    """The invoice for people."""
    period = f", {invoice.since or 'the beginning'} to {invoice.until or 'now'}"
    lines = [f"Invoice for {invoice.customer}{period}", ""]
    wide = max([len(line.name) for line in invoice.lines] + [5])
    for line in invoice.lines:
        units = f"{line.units_milli / 1000:,.3f} x {line.unit}"
        lines.append(f"{line.name:<{wide}}  {units:>28}  {line.cents / 100:>12,.2f} USD")
    lines.append(f"{'Total':<{wide}}  {'':>28}  {invoice.total_cents / 100:>12,.2f} USD")
    return "\n".join(lines) + "\n"


def invoice_csv(invoice: Invoice) -> str:
    """The lines as CSV, with a line of names and a last line for the total."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(InvoiceLine.__struct_fields__)
    for line in invoice.lines:
        name, *values = msgspec.structs.astuple(line)
        writer.writerow(["'" + name if name[:1] in ("=", "+", "-", "@", "\t") else name, *values])
    writer.writerow(["total", "", "", "", invoice.cost_usd_micro, invoice.total_cents])
    return text.getvalue()
