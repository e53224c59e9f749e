"""Invoices of orders: what is on them, their numbers, and that they are paid.

One rule: the number of an invoice is the id of the run that writes it, and the journal gives an id once; the
next number is taken only where this one is. So there are no gaps and none twice, whatever is killed when.
"""

import asyncio
from datetime import UTC, datetime

import msgspec

from firm.errors import InternalError, UsageError
from firm.kernel.api import send
from firm.kernel.context import current_run, current_step
from firm.kernel.definition import step, workflow
from firm.kernel.journal import Row
from firm.ledger.books import Books
from firm.ledger.invoice import Work, invoice_of
from firm.org.house import folder, house
from firm.org.settings import OrgSettings
from firm.org.trade.billtext import bill_html, bill_text
from firm.org.trade.order import BOOK, OrderRecord, order_folder
from firm.org.trade.price import WORDS, cpu_usd, in_cents
from firm.org.trade.product import read_products
from firm.org.trade.shop import settings
from firm.org.words import words

INVOICE = "invoice-"
PAID = "paid-"
MAX_NUMBER = 10**6
"""Of invoices of one firm; their numbers have six digits."""
INVOICED = "invoice"


class BillLine(msgspec.Struct, frozen=True):
    """One thing that is charged, or taken off."""

    says: str
    quantity: str
    cents: int


class Bill(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An invoice."""

    order: str
    customer: str
    product: str
    seller: str = ""
    day: str = ""
    """ISO date, UTC."""
    lines: tuple[BillLine, ...] = ()
    cents: int = 0
    """Sum of the lines; never above the quote."""
    quoted_cents: int = 0
    cost_usd_micro: int = 0
    """What the order has cost the firm; not on the invoice."""
    language: str = "en"
    number: str = ""
    after: int = 0
    """A number that was taken when this was drawn up, with all below it."""


class Paid(msgspec.Struct, frozen=True):
    """That an invoice was paid, as the founder says."""

    number: str
    at_us: int


_bill = msgspec.msgpack.Decoder(Bill)
_paid = msgspec.msgpack.Decoder(Paid)


def bills_in(rows: list[Row]) -> list[Bill]:
    """All invoices among rows of the book, by number."""
    return sorted(
        (_bill.decode(row.value) for row in rows if row.key.startswith("invoice.")),
        key=lambda one: one.number,
    )


def paid_in(rows: list[Row]) -> dict[str, Paid]:
    """What was paid, by number."""
    found = [_paid.decode(row.value) for row in rows if row.key.startswith("paid.")]
    return {one.number: one for one in found}


# --- what is charged -------------------------------------------------------------------------------------------


@step
async def draft_bill(record: OrderRecord) -> Bill:
    """Draw up the invoice of a delivered order, without its number."""
    info = current_step()
    books, _ = await house().books()
    rows = await house().rows(BOOK, prefix="invoice.")
    products = {one.name: one for one in await asyncio.to_thread(read_products, folder())}
    floor_usd = products[record.product].floor_usd if record.product in products else 0.0
    bill = bill_of(record, books, settings(), floor_usd=floor_usd)
    at_us = info.run.loop.now_us if info.run is not None else 0
    return msgspec.structs.replace(
        bill,
        seller=getattr(house().config, "name", ""),
        day=datetime.fromtimestamp(at_us / 1e6, UTC).date().isoformat(),
        after=max([_number(row.key) for row in rows], default=0),
    )


def bill_of(record: OrderRecord, books: Books, prices: OrgSettings, *, floor_usd: float) -> Bill:
    """What an order's customer owes: compute with the markup, at least the least price, at most the quote."""
    say = words(record.language, WORDS)
    customer = record.order.customer or say("customer")
    compute = invoice_of(books, customer, Work(runs=(record.id,)), markup=prices.markup)
    lines = [
        BillLine(one.name, f"{one.units_milli / 1000:,.3f} x {one.unit}", one.cents) for one in compute.lines
    ]
    cpu_s = record.delivery.cpu_ms / 1000 if record.delivery else 0.0
    if cpu_s:
        cents = in_cents(cpu_usd(cpu_s, prices) * (1 + prices.markup))
        lines.append(BillLine(say("processors of the firm"), f"{cpu_s:,.1f} s", cents))
    total = sum(one.cents for one in lines)
    quoted = record.quote.cents if record.quote else 0
    least = min(in_cents(floor_usd), quoted)
    if total < least:
        lines.append(BillLine(say("up to the least price"), "1", least - total))
    elif total > quoted:
        lines.append(BillLine(say("beyond the quote, borne by the firm"), "1", quoted - total))
    return Bill(
        order=record.id,
        customer=customer,
        product=record.product,
        lines=tuple(lines),
        cents=sum(one.cents for one in lines),
        quoted_cents=quoted,
        cost_usd_micro=record.cost_usd_micro,
        language=record.language,
    )


# --- its number ------------------------------------------------------------------------------------------------


@step
async def number_bill(bill: Bill) -> str:
    """Give an invoice the next number: start the run of that name, which writes it."""
    for number in range(bill.after + 1, MAX_NUMBER):
        id = f"{INVOICE}{number:06d}"
        try:
            await house().start(issue, bill, id=id)
        except UsageError as error:
            if "take another id" not in str(error):
                raise
            continue
        return id
    raise InternalError(f"there are {MAX_NUMBER:,} invoices, and their numbers have six digits")


@workflow
async def issue(bill: Bill) -> str:
    """Write an invoice under the number that this run has, and tell its order."""
    number = await write_bill(bill)
    try:
        await send(bill.order, INVOICED, number)
    except UsageError:
        pass  # the order was ended meanwhile; the invoice stands
    return number


@step
async def write_bill(bill: Bill) -> str:
    """Write the invoice's files and its row."""
    number = current_run().id.removeprefix(INVOICE)
    bill = msgspec.structs.replace(bill, number=number)
    await asyncio.to_thread(_write, bill)
    current_step().also(Row(BOOK, f"invoice.{number}", msgspec.msgpack.encode(bill)))
    return number


def _write(bill: Bill) -> None:
    place = folder() / order_folder(bill.order)
    place.mkdir(parents=True, exist_ok=True)
    shown = {
        key: value
        for key, value in msgspec.to_builtins(bill).items()
        if key not in ("after", "cost_usd_micro")
    }
    bodies = {
        "invoice.json": msgspec.json.format(msgspec.json.encode(shown)).decode() + "\n",
        "invoice.txt": bill_text(bill),
        "invoice.html": bill_html(bill),
    }
    for name, body in bodies.items():
        path = place / name
        if path.is_symlink():
            path.unlink()
        path.write_text(body, "utf-8")


def _number(key: str) -> int:
    return int(key.removeprefix("invoice."))


# --- that it is paid -------------------------------------------------------------------------------------------


@workflow
async def pay(number: str) -> Paid:
    """Note that an invoice was paid; nothing is charged."""
    return await note_paid(number)


@step
async def note_paid(number: str) -> Paid:
    """Write the row that says so.

    Raises:
        UsageError: there is no such invoice.
    """
    info = current_step()
    rows = await house().rows(BOOK, prefix=f"invoice.{number}")
    if not any(row.key == f"invoice.{number}" for row in rows):
        raise UsageError(f"there is no invoice {number!r}; `firm order list` shows them")
    paid = Paid(number, info.run.loop.now_us if info.run is not None else 0)
    info.also(Row(BOOK, f"paid.{number}", msgspec.msgpack.encode(paid)))
    return paid
