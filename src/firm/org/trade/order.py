"""An order and how it stands, as data; and the rows of the journal that hold it.

One rule: what an order says is a stranger's text; it decides nothing here but what is to be made.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from firm.kernel.journal import Row
from firm.org.trade.spec import Entry, Open

BOOK = "org.trade"
"""Rows by `order.ID`, `took.PRODUCT.ID`, `invoice.NUMBER` and `paid.NUMBER`; they outlive their runs."""
PREFIX = "order-"
"""Begins the id of each order."""
TOPIC = "customer"
"""On which an order is told what its customer says: `{"do": "answer", "text": …}`, confirm or cancel."""
MAX_TEXT_CHARS = 20_000
"""Of an order, and of an answer."""
MAX_CUSTOMER_CHARS = 200
MAX_PRICE_USD = 1e6
"""Most that a customer may confirm beforehand."""

State = Literal[
    "reading", "asks", "quoted", "working", "delivered", "not delivered", "refused", "cancelled", "expired"
]
ENDED: frozenset[State] = frozenset({"delivered", "not delivered", "refused", "cancelled", "expired"})
RESTS: frozenset[State] = ENDED | {"asks", "quoted"}
"""Nothing is done before somebody says something."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a customer asks for."""

    text: str
    """In his own words, 1 to 20,000 characters."""
    customer: str = ""
    product: str = ""
    """Name of the product; '': as his words say."""
    yes_up_to_usd: float = 0.0
    """A quote up to this is confirmed at once; 0: none is."""


class QuoteLine(msgspec.Struct, frozen=True):
    """A part of a price."""

    says: str
    usd: float
    """What it costs the firm."""


class Quote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What it would cost."""

    cents: int
    """US cents; the invoice is never higher."""
    lines: tuple[QuoteLine, ...]
    markup: float
    basis: str
    """What the estimate rests on."""
    assumptions: tuple[str, ...] = ()
    until_us: int = 0
    """How long it is valid, microseconds since 1970."""


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the customer gets."""

    files: tuple[str, ...] = ()
    """Below `orders/ID/`."""
    ending: str = ""
    """Of the mission."""
    why: str = ""
    mission: str = ""
    """Id of its run."""
    cpu_ms: int = 0
    """Of the firm's processors, as far as models and programs have told."""


class OrderRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How an order stands; a row of the journal."""

    id: str
    order: Order
    state: State = "reading"
    why: str = ""
    """Of what was refused, not delivered or expired; of an order that asks: what is to be done."""
    language: str = "en"
    product: str = ""
    read_by: str = ""
    """'model' or 'program'."""
    read_why: str = ""
    """Why no model has read it."""
    spec: tuple[Entry, ...] = ()
    asks: tuple[Open, ...] = ()
    round: int = 0
    """Questions that were put."""
    quote: Quote | None = None
    delivery: Delivery | None = None
    invoice: str = ""
    """Its number; '': none."""
    cents: int = 0
    """Of the invoice."""
    cost_usd_micro: int = 0
    """What it cost the firm: models and processors."""
    models_usd_micro: int = 0
    """Of that: models and tools."""
    began_us: int = 0
    at_us: int = 0


class Took(msgspec.Struct, frozen=True, array_like=True):
    """What a delivered order has taken; a row by `took.PRODUCT.ID`, for the next estimates."""

    models_usd_micro: int
    cpu_ms: int


_record = msgspec.msgpack.Decoder(OrderRecord)
_took = msgspec.msgpack.Decoder(Took)


def order_row(record: OrderRecord) -> Row:
    """The row of an order."""
    return Row(BOOK, order_key(record.id), msgspec.msgpack.encode(record))


def order_key(id: str) -> str:
    """Key of an order's row."""
    return f"order.{id}"


def took_row(record: OrderRecord, took: Took) -> Row:
    """The row of what a delivered order has taken."""
    return Row(BOOK, f"took.{record.product}.{record.id}", msgspec.msgpack.encode(took))


def took_in(rows: Iterable[Row]) -> list[Took]:
    """What earlier orders have taken."""
    return [_took.decode(row.value) for row in rows if row.key.startswith("took.")]


def orders_in(rows: Iterable[Row]) -> list[OrderRecord]:
    """All orders among rows of the book, the oldest first."""
    found = [_record.decode(row.value) for row in rows if row.key.startswith("order.") and row.value]
    return sorted(found, key=lambda one: (one.began_us, one.id))


def order_folder(id: str) -> str:
    """Where an order's files lie, below the home."""
    return f"orders/{id}"
