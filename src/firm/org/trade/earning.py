"""Profit and loss, a line for each product: what orders brought, and what they cost. Pure.

One rule: revenue is what stands on invoices, cost is what the ledger has; work that was not paid for
costs all the same.
"""

from collections.abc import Iterable

import msgspec

from firm.kernel.journal import Row
from firm.ledger.books import Books
from firm.org.trade.bill import bills_in, paid_in
from firm.org.trade.handover import cost_of
from firm.org.trade.order import orders_in


class Profit(msgspec.Struct, frozen=True, kw_only=True):
    """One product; '' are orders that came to none."""

    product: str
    orders: int = 0
    delivered: int = 0
    invoices: int = 0
    revenue_cents: int = 0
    """On invoices, paid or not."""
    paid_cents: int = 0
    cost_usd_micro: int = 0
    """Of all its orders, with the reading of those that came to nothing."""

    @property
    def margin_usd_micro(self) -> int:
        """What is left; below 0 it is a loss."""
        return self.revenue_cents * 10_000 - self.cost_usd_micro


def profit(rows: Iterable[Row], books: Books) -> tuple[Profit, ...]:
    """What each product has brought and cost.

    Args:
        rows: Of book `org.trade`, all or those of the orders that are asked about.
        books: Of the ledger, with all days.

    Returns:
        By product; orders that came to none last.
    """
    rows = list(rows)
    bills = {one.order: one for one in bills_in(rows)}
    paid = paid_in(rows)
    found: dict[str, Profit] = {}
    for record in orders_in(rows):
        bill = bills.get(record.id)
        cents = bill.cents if bill is not None else 0
        before = found.get(record.product, Profit(product=record.product))
        found[record.product] = Profit(
            product=record.product,
            orders=before.orders + 1,
            delivered=before.delivered + (record.state == "delivered"),
            invoices=before.invoices + (bill is not None),
            revenue_cents=before.revenue_cents + cents,
            paid_cents=before.paid_cents + (cents if bill is not None and bill.number in paid else 0),
            cost_usd_micro=before.cost_usd_micro
            + max(record.cost_usd_micro, cost_of(books, record.id).usd_micro),
        )
    return tuple(sorted(found.values(), key=lambda one: (not one.product, one.product)))


def profit_text(found: Iterable[Profit]) -> str:
    """Profit and loss as a person reads it."""
    lines = [
        f"{'PRODUCT':<20} {'ORDERS':>6} {'DELIVERED':>9} {'REVENUE':>10} {'PAID':>10} {'COST':>10} {'MARGIN':>10}"
    ]
    lines += [_line(one) for one in found]
    return "\n".join(lines)


def _line(one: Profit) -> str:
    figures = (
        one.revenue_cents / 100,
        one.paid_cents / 100,
        one.cost_usd_micro / 1e6,
        one.margin_usd_micro / 1e6,
    )
    shown = " ".join(f"{figure:>10,.4f}" for figure in figures)
    return f"{one.product or '(none)':<20} {one.orders:>6} {one.delivered:>9} {shown}"
