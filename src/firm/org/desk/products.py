"""What the firm's products brought, as `firm.org.trade` counts it.

One rule: a firm that has no orders has no products here, and nothing is guessed.
"""

from typing import TYPE_CHECKING

from firm.ledger.books import Books
from firm.org.desk.bets import Product

if TYPE_CHECKING:
    from firm.org.desk.briefing import Firm


async def products_of(
    firm: "Firm", books: Books, *, since: str, until: str
) -> tuple[tuple[Product, ...], int]:
    """Profit and loss per product since the beginning, and what was invoiced in a period, in millionths of a US dollar.

    Args:
        firm: Open, or visited.
        books: Of the ledger, with all days.
        since: First day of the period, ISO date (UTC).
        until: Last day.
    """
    from firm.org.trade.bill import bills_in
    from firm.org.trade.earning import profit
    from firm.org.trade.order import BOOK

    rows = await firm.rows(BOOK)
    if not rows:
        return (), 0
    products = tuple(
        [
            Product(
                name=one.product,
                orders=one.orders,
                delivered=one.delivered,
                revenue_usd_micro=one.revenue_cents * 10_000,
                cost_usd_micro=one.cost_usd_micro,
            )
            for one in profit(rows, books)
        ]
    )
    earned = sum(bill.cents for bill in bills_in(rows) if since <= bill.day <= until)
    return products, earned * 10_000
