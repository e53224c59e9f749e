"""What an order would cost: an estimate, priced by compute. Pure.

One rule: a price is the firm's own cost and the markup, in whole cents, never below the product's least price.
"""

import math
import statistics
from collections.abc import Sequence

from firm.org.settings import OrgSettings
from firm.org.trade.order import Quote, QuoteLine, Took
from firm.org.trade.product import Product
from firm.org.words import words

VALID_S = 7 * 86_400.0
"""How long a quote holds."""
LEAST_KNOWN = 3
"""So many delivered orders of a product tell more than its own figures."""
WORDS = "firm.org.trade.chinese"


def quote_of(
    product: Product, earlier: Sequence[Took], settings: OrgSettings, *, language: str, now_us: int
) -> Quote:
    """The price of one more order.

    Args:
        product: What is ordered.
        earlier: What delivered orders of this product have taken.
        settings: Prices and markup.
        language: 'en' or 'zh'.
        now_us: Microseconds since 1970.
    """
    say = words(language, WORDS)
    if len(earlier) >= LEAST_KNOWN:
        cpu_s = statistics.median([one.cpu_ms / 1000 for one in earlier])
        models_usd = statistics.median([one.models_usd_micro / 1e6 for one in earlier])
        basis = say("the median of {count} earlier orders", count=len(earlier))
    else:
        cpu_s, models_usd = product.estimate.cpu_s, product.estimate.usd
        basis = say("the product's own figures, since {count} orders were delivered yet", count=len(earlier))
    lines = (
        QuoteLine(say("models, about {tokens} tokens", tokens=f"{product.estimate.tokens:,}"), models_usd),
        QuoteLine(
            say("{seconds} s of a processor at {rate:g} USD an hour", seconds=f"{cpu_s:,.0f}",
                rate=settings.usd_per_core_hour),
            cpu_usd(cpu_s, settings),
        ),
    )  # fmt: skip
    cost = sum(line.usd for line in lines)
    cents = max(in_cents(cost * (1 + settings.markup)), in_cents(product.floor_usd))
    return Quote(
        cents=cents,
        lines=lines,
        markup=settings.markup,
        basis=basis,
        assumptions=product.assumed(language),
        until_us=now_us + round(VALID_S * 1e6),
    )


def in_cents(usd: float) -> int:
    """A price in whole cents, rounded up."""
    return math.ceil(round(usd * 100, 6))


def cpu_usd(cpu_s: float, settings: OrgSettings) -> float:
    """What seconds of the firm's own processors cost it."""
    return cpu_s / 3600 * settings.usd_per_core_hour
