"""What an order needs of its firm: products, prices, permissions, its row in the journal. Steps.

One rule: what a step has read stands in the journal, so that an order goes on as it began whatever is
changed meanwhile.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.kernel.context import current_step
from firm.kernel.definition import step
from firm.kernel.failure import readable
from firm.org.house import folder, house
from firm.org.settings import OrgSettings
from firm.org.trade.order import (
    BOOK,
    MAX_CUSTOMER_CHARS,
    MAX_TEXT_CHARS,
    Order,
    OrderRecord,
    Quote,
    Took,
    order_row,
    took_in,
    took_row,
)
from firm.org.trade.price import quote_of
from firm.org.trade.product import Product, read_products
from firm.policy.action import GRAVE, UNTRUSTED

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Shop(msgspec.Struct, frozen=True):
    """What the firm offers, when an order comes."""

    products: tuple[Product, ...]
    settings: OrgSettings
    record: OrderRecord


@step
async def open_shop(record: OrderRecord) -> Shop:
    """Take an order in: from here on its run has read what strangers wrote."""
    info = current_step()
    info.mark(UNTRUSTED)
    products = await asyncio.to_thread(read_products, folder())
    record = msgspec.structs.replace(record, order=clean(record.order))
    info.also(order_row(record))
    return Shop(products, settings(), record)


def clean(order: Order) -> Order:
    """An order as it is kept: what can be stored, no control characters, no longer than is read and a bit."""
    text = _CONTROLS.sub(" ", readable(order.text.replace("\r\n", "\n"), MAX_TEXT_CHARS + 1))
    customer = " ".join(_CONTROLS.sub(" ", readable(order.customer)).split())[:MAX_CUSTOMER_CHARS]
    return msgspec.structs.replace(order, text=text, customer=customer, product=readable(order.product, 200))


def settings() -> OrgSettings:
    """The founder's, section `[org]`."""
    return getattr(house().config, "org", OrgSettings())


@step
async def keep(record: OrderRecord) -> OrderRecord:
    """Write down how an order stands."""
    info = current_step()
    if info.run is not None:
        record = msgspec.structs.replace(record, at_us=info.run.loop.now_us)
    info.also(order_row(record))
    if record.state == "delivered" and record.invoice and record.delivery is not None:
        took = Took(record.models_usd_micro, record.delivery.cpu_ms)
        info.also(took_row(record, took))
    return record


@step
async def price(product: Product, language: str) -> Quote:
    """What one more order of this product would cost, as of now."""
    info = current_step()
    rows = await house().rows(BOOK, prefix=f"took.{product.name}.")
    now_us = info.run.loop.now_us if info.run is not None else 0
    return quote_of(product, took_in(rows), settings(), language=language, now_us=now_us)


@step
async def permitted(product: Product) -> tuple[str, ...]:
    """Tools that an order's work may call: those of the roles that are not grave, and what the founder names for it."""
    return await asyncio.to_thread(_permitted, product, folder())


def _permitted(product: Product, home: Path) -> tuple[str, ...]:
    from firm.agent import kit
    from firm.org.member import GROUPS

    found = [one for group in GROUPS for one in getattr(kit, group.upper())]
    try:
        found += _role_tools(home)
    except UsageError:
        pass  # the mission puts the mistake in a role's file before the founder; the kit's tools are known all the same
    return tuple(sorted({one.tool.name for one in found if one.tool.risk not in GRAVE} | set(product.tools)))


def _role_tools(home: Path, unit: str = "", depth: int = 0) -> Iterator[object]:
    from firm.org.member import tools_of
    from firm.org.mission import MAX_DEPTH
    from firm.org.roster import read_staff

    staff = read_staff(home, unit)
    for role in staff:
        yield from tools_of(role, home)
    for name in staff.units if depth < MAX_DEPTH else ():
        yield from _role_tools(home, f"{unit}/{name}" if unit else name, depth + 1)
