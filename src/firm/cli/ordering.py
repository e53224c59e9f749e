"""`firm order`: take an order in for a customer, look at orders, answer and confirm, note that an invoice is paid.

One rule: it says what the customer says, and never says yes by itself.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firm.cli.command import DONE, FAILED, WAITS, Command, Home, Json, note

if TYPE_CHECKING:
    from firm.org.trade.order import OrderRecord, Quote
    from firm.root.door import Stop
    from firm.root.firm import Firm

LOOK_S = 0.1
"""How often an order is looked at while this command waits for it."""
MOST_ROWS = 1_000
CENT_USD = 0.01
"""Prices are rounded up to it; what is more above the cost than that is the least price."""
WORDS = ("list", "show", "answer", "confirm", "cancel", "paid")


def order(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|-|WORD",
            help="A file with the order, '-' for standard input; or list, show ID, answer ID WORDS, confirm ID, "
            "cancel ID, paid NUMBER.",
        ),
    ],
    customer: Annotated[
        str, typer.Option("--customer", metavar="NAME", help="Who orders; stands on the invoice.")
    ] = "",
    product: Annotated[
        str, typer.Option("--product", metavar="NAME", help="The product; else as the words say.")
    ] = "",
    yes_up_to_usd: Annotated[
        float,
        typer.Option(
            "--yes-up-to", metavar="USD", help="The customer confirms a quote up to this beforehand."
        ),
    ] = 0.0,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Take an order: a customer's words become a specification, a quote, and once confirmed a delivery and an invoice.

    The words are read as a stranger's. What they leave open is asked for; nothing is made before the price is
    confirmed.
    """
    from firm.errors import UsageError

    word, rest = words[0], words[1:]
    if word not in WORDS:
        if rest:
            raise UsageError(
                f"{rest[0]!r} is one word too many: put the order into a file, or send it with '-'"
            )
        given = {
            "text": _read(word),
            "customer": customer,
            "product": product,
            "yes_up_to_usd": yes_up_to_usd,
        }
        return _carry(home, given=given, as_json=as_json)
    if customer or product or yes_up_to_usd:
        raise UsageError(f"--customer, --product and --yes-up-to are for a new order, and not for {word!r}")
    return _about(home, word, rest, as_json=as_json)


def _about(home: Path | None, word: str, rest: list[str], *, as_json: bool) -> int:
    """Look at orders, or say something about one."""
    from firm.errors import UsageError

    if word == "list":
        return _list(home, as_json=as_json)
    if not rest:
        raise UsageError(
            f"firm order {word} needs {'a number' if word == 'paid' else 'an id'}; `firm order list` has them"
        )
    id, said = rest[0], " ".join(rest[1:])
    if (word == "answer") != bool(said):
        raise UsageError(
            'firm order answer ID "WORDS"' if word == "answer" else f"{said!r}: firm order {word} {id} is all"
        )
    if word == "paid":
        return _paid(home, id)
    if word == "show":
        return _show(home, id, as_json=as_json)
    return _carry(home, id=id, word={"do": word} | ({"text": said} if said else {}), as_json=as_json)


def _read(name: str) -> str:
    from firm.errors import UsageError

    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return body.decode("utf-8-sig")
    except OSError as error:
        told = error.strerror or error
        raise UsageError(
            f"{name!r} cannot be read: {told}; give a file with the order, or one of {', '.join(WORDS)}"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{name!r} is no UTF-8 text; save it as UTF-8") from None


# --- an order on its way -----------------------------------------------------------------------------------------


def _carry(
    home: Path | None,
    *,
    as_json: bool,
    id: str = "",
    word: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
) -> int:
    """Send an order or a word about one, and carry it until it rests."""
    from firm.cli.running import find_code, say_home
    from firm.errors import UsageError
    from firm.org.trade.order import MAX_PRICE_USD
    from firm.root.door import drive
    from firm.root.firm import Firm

    if given is not None and not 0 <= given["yes_up_to_usd"] <= MAX_PRICE_USD:
        raise UsageError(f"--yes-up-to {given['yes_up_to_usd']!r} is no price; give US dollars, such as 2.50")
    firm = Firm.open(home)
    say_home(firm)
    find_code(firm)

    async def main(stop: "Stop") -> int:
        async with firm:
            record = await _begun(firm, id, word, given)
            found = await stop.unless(_rested(firm, record.id, record.at_us))
        if found is None:
            note(f"order {record.id} goes on with `firm up`, or with the next `firm order` in this home")
            return WAITS
        _tell(found, as_json=as_json)
        return _code(found)

    return drive(main)


async def _begun(
    firm: "Firm", id: str, word: dict[str, Any] | None, given: dict[str, Any] | None
) -> "OrderRecord":
    """Start the order, or pass the word on; how it stood before."""
    from firm.errors import UsageError
    from firm.org.trade.order import TOPIC, Order, OrderRecord
    from firm.org.trade.shop import clean
    from firm.org.trade.taking import take
    from firm.org.trade.token import new_id

    if given is not None:
        order, id = clean(Order(**given)), new_id()
        await firm.start(take, order, id=id)
        return OrderRecord(id=id, order=order)
    record = await _find(firm, id)
    wanted = {"answer": "asks", "confirm": "quoted"}
    what = (word or {}).get("do", "")
    if wanted.get(what, record.state) != record.state:
        raise UsageError(f"order {id!r} is in state {record.state!r}: there is nothing to {what}")
    if what == "confirm" and record.quote is not None:
        word = {"do": "confirm", "cents": record.quote.cents}
    await firm.send(id, TOPIC, word)
    return record


async def _rested(firm: "Firm", id: str, after_us: int) -> "OrderRecord | None":
    """How an order stands when it rests again, or waits for the founder."""
    import asyncio

    from firm.org.trade.order import RESTS

    while firm.fatal is None:
        found = await _record(firm, id)
        if found is not None and found.state in RESTS and found.at_us > after_us:
            return found
        asked = [one for one in await firm.inbox() if one.run == id or one.run.startswith(f"{id}/")]
        if found is not None and asked and found.state == "working":
            return found
        await asyncio.sleep(LOOK_S)
    return None


async def _record(firm: "Firm", id: str) -> "OrderRecord | None":
    from firm.org.trade.order import BOOK, order_key, orders_in

    return next((one for one in orders_in(await firm.rows(BOOK, prefix=order_key(id))) if one.id == id), None)


async def _find(firm: "Firm", id: str) -> "OrderRecord":
    from firm.errors import UsageError

    found = await _record(firm, id)
    if found is None:
        raise UsageError(f"there is no order {id!r}; `firm order list` shows them")
    return found


def _code(record: "OrderRecord") -> int:
    from firm.org.trade.order import ENDED

    if record.state not in ENDED:
        return WAITS
    return DONE if record.state in ("delivered", "cancelled") else FAILED


# --- looking -----------------------------------------------------------------------------------------------------


def _list(home: Path | None, *, as_json: bool) -> int:
    import asyncio

    from firm.cli.command import visit
    from firm.cli.text import line, plain, print_json
    from firm.org.trade.bill import paid_in
    from firm.org.trade.earning import profit, profit_text
    from firm.org.trade.order import BOOK, orders_in

    async def look() -> None:
        async with visit(home) as firm:
            rows = await firm.rows(BOOK)
            books, _ = await firm.books()
        records, paid = orders_in(rows)[-MOST_ROWS:], paid_in(rows)
        if as_json:
            print_json([_shown(one, paid=one.invoice in paid) for one in records])
            return
        if not records:
            print("no orders yet")
            return
        for one in reversed(records):
            price = (
                f"{one.cents / 100:.2f}"
                if one.invoice
                else f"{one.quote.cents / 100:.2f}?"
                if one.quote
                else "-"
            )
            mark = " paid" if one.invoice in paid else ""
            words = f"{one.id:<24} {one.state:<13} {one.product or '-':<18} {price:>9}"
            print(f"{words} {one.invoice}{mark}  {line(one.order.customer, 40)}".rstrip())
        print()
        print(plain(profit_text(profit(rows, books))))

    asyncio.run(look())
    return DONE


def _show(home: Path | None, id: str, *, as_json: bool) -> int:
    import asyncio

    from firm.cli.command import visit

    async def look() -> "OrderRecord":
        async with visit(home) as firm:
            return await _find(firm, id)

    record = asyncio.run(look())
    _tell(record, as_json=as_json)
    return DONE


def _shown(record: "OrderRecord", *, paid: bool = False) -> dict[str, Any]:
    from firm.serve.orders import shown

    return {**shown(record), "customer": record.order.customer, "paid": paid}


def _tell(record: "OrderRecord", *, as_json: bool) -> None:
    """How an order stands, and what can be said about it."""
    from firm.cli.text import plain, print_json

    if as_json:
        print_json(_shown(record))
    else:
        print(plain("\n".join(_lines(record))))


def _priced(quote: "Quote") -> list[str]:
    """What a price is made of, so that it can be added up, and what it assumes."""
    lines = [f"  {one.says}: {one.usd:.4f} USD" for one in quote.lines]
    cost_usd = sum(one.usd for one in quote.lines)
    if quote.markup:
        lines.append(f"  markup of {quote.markup:.0%}: {cost_usd * quote.markup:.4f} USD")
    price_usd = quote.cents / 100
    if price_usd - cost_usd * (1 + quote.markup) >= CENT_USD:
        lines.append(f"  the least price of this product: {price_usd:.2f} USD")
    return lines + [f"  - {one}" for one in quote.assumptions]


def _lines(record: "OrderRecord") -> list[str]:
    from firm.org.trade.order import order_folder
    from firm.org.trade.spec import spec_text

    lines = [f"order {record.id}: {record.state}" + (f": {record.why}" if record.why else "")]
    if record.product:
        how = f"; no model: {record.read_why}" if record.read_why else ""
        lines.append(f"product {record.product}, read by a {record.read_by}{how}")
    lines += [f"  {one}" for one in spec_text(record.spec).splitlines()]
    lines += [
        f"  ? {one.field}: {one.question}" + (f" ({one.why})" if one.why else "") for one in record.asks
    ]
    if record.quote is not None:
        lines.append(f"quote {record.quote.cents / 100:.2f} USD ({record.quote.basis})")
        lines += _priced(record.quote)
    if record.delivery is not None and record.state == "delivered":
        lines.append(f"delivered into {order_folder(record.id)}: {', '.join(record.delivery.files)}")
    if record.invoice:
        lines.append(
            f"invoice {record.invoice}: {record.cents / 100:.2f} USD; it cost {record.cost_usd_micro / 1e6:.4f} USD"
        )
    if record.state == "asks":
        lines.append(f'  firm order answer {record.id} "…"')
    if record.state == "quoted":
        lines.append(f"  firm order confirm {record.id}")
    return lines


def _paid(home: Path | None, number: str) -> int:
    from firm.cli.running import find_code
    from firm.errors import UsageError
    from firm.org.trade.bill import PAID, pay
    from firm.org.trade.order import BOOK
    from firm.root.door import drive
    from firm.root.firm import Firm

    firm = Firm.open(home)
    find_code(firm)

    async def main(stop: "Stop") -> int:
        async with firm:
            rows = await firm.rows(BOOK, prefix="invoice.")
            if f"invoice.{number}" not in {row.key for row in rows}:
                known = ", ".join([row.key.removeprefix("invoice.") for row in rows[-5:]]) or "none"
                raise UsageError(f"there is no invoice {number!r}; the newest: {known}")
            run = await firm.start(pay, number, id=f"{PAID}{number}")
            await run.result()
        print(f"invoice {number} is paid")
        return DONE

    return drive(main)


COMMANDS = (Command("order", 'echo "a wing section, 12 % thick" | firm order - --customer Ada', order),)
