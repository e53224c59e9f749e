"""Orders over HTTP: a customer orders, looks, answers, confirms and fetches, with nothing but the token of his order.

One rule: who has no token of an order cannot tell it from one that there is not; and nothing is read of who sends too
often or too much.
"""

import asyncio
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firm.errors import UsageError
from firm.model.wire.text import to_json
from firm.org.trade.order import (
    BOOK,
    ENDED,
    MAX_PRICE_USD,
    RESTS,
    TOPIC,
    Order,
    OrderRecord,
    order_folder,
    order_key,
    orders_in,
)
from firm.org.trade.product import range_of, read_products
from firm.org.trade.shop import clean
from firm.org.trade.taking import take
from firm.org.trade.token import LEAST_KEY_CHARS, MAX_KEY_CHARS, is_token, new_id, order_key_of, token_of
from firm.serve.exchange import Exchange
from firm.serve.refusal import Refusal

if TYPE_CHECKING:
    from firm.root.firm import Firm

PATH = "/orders"
MAX_BYTES = 256 * 1024
"""Of a body: 20,000 characters, however they are written, and some."""
BURST = 120
"""Orders that one address may send at once."""
PER_S = 0.5
"""So many more a second; of all addresses together ten times as many."""
LOOKS = 20
"""A look, an answer or a file counts as a twentieth of an order."""
MAX_CLIENTS = 10_000
"""Addresses that are counted; then the one that was still the longest is forgotten."""
FILES = (b"content-type", b"application/octet-stream")
_ID = re.compile(r"order-[0-9a-f]{16}")


class Given(msgspec.Struct, frozen=True):
    """An order, or an answer, as JSON."""

    text: str = ""
    customer: str = ""
    product: str = ""
    yes_up_to_usd: float = 0.0
    usd: float | None = None
    """With a confirmation: the price that is confirmed."""


class Flow:
    """How much may still come: a bucket for each address and one for all."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, client: str, share: float, now_s: float) -> float:
        """Count a request; seconds until it may come, 0 where it may now.

        Args:
            client: Its address.
            share: Of an order; 1 for one.
            now_s: A clock that does not go back.
        """
        waits = 0.0
        for name, times in ((client, 1), ("all", 10)):
            left, at_s = self._left.get(name, (float(BURST * times), now_s))
            left = min(float(BURST * times), left + (now_s - at_s) * PER_S * times)
            waits = max(waits, (share - left) / (PER_S * times))
            self._left.pop(name, None)
            self._left[name] = (left, now_s)
        if waits <= 0:
            for name in (client, "all"):
                left, at_s = self._left[name]
                self._left[name] = (left - share, at_s)
        while len(self._left) > MAX_CLIENTS:
            del self._left[next(iter(self._left))]
        return max(0.0, waits)


class Orders:
    """The door for orders: `Server.start(…, doors={PATH: Orders(firm)})`.

    Args:
        firm: Open, for as long as requests come.
    """

    def __init__(self, firm: "Firm") -> None:
        self._firm = firm
        self._key = order_key_of(firm.home.state)
        self._flow = Flow()

    async def __call__(self, exchange: Exchange) -> None:
        """One request."""
        parts = [part for part in exchange.path.removeprefix(PATH).split("/") if part]
        is_order = not parts and exchange.method == "POST"
        wait_s = self._flow.take(exchange.client, 1.0 if is_order else 1 / LOOKS, time.monotonic())
        if wait_s:
            refusal = Refusal(
                429, "too many requests from this address; try again later", "rate_limit_exceeded"
            )
            refusal.retry_after_s = wait_s
            raise refusal
        if not parts:
            await (self._order(exchange) if is_order else self._offer(exchange))
            return
        id = self._allowed(exchange, parts[0])
        record = await self._record(id)
        match parts[1:]:
            case []:
                _check_method(exchange, "GET")
                await exchange.answer(200, to_json(shown(record)))
            case ["answer" | "confirm" | "cancel" as what]:
                _check_method(exchange, "POST")
                await self._say(exchange, record, what)
            case ["files", name]:
                _check_method(exchange, "GET")
                await self._file(exchange, record, name)
            case _:
                raise Refusal(404, "an order has: answer, confirm, cancel, files/NAME", "unknown_path")

    # --- ordering ---------------------------------------------------------------------------------------------------

    async def _offer(self, exchange: Exchange) -> None:
        """What can be ordered."""
        _check_method(exchange, "GET")
        products = await asyncio.to_thread(read_products, self._firm.home.folder)
        found = []
        for one in products:
            fields = [{"name": field.name, "says": field.says, "kind": field.kind}
                      | ({"range": range_of(field)} if field.kind == "number" else {})
                      | ({"choices": list(field.choices)} if field.choices else {})
                      for field in one.fields]  # fmt: skip
            found.append({"name": one.name, "says": one.says, "from_usd": one.floor_usd, "fields": fields})
        await exchange.answer(200, to_json({"products": found}))

    async def _order(self, exchange: Exchange) -> None:
        """Take an order in; 202 with its id and its token."""
        again = exchange.headers.get("idempotency-key", "").strip()
        if again and not LEAST_KEY_CHARS <= len(again) <= MAX_KEY_CHARS:
            raise Refusal(
                400,
                f"an Idempotency-Key has {LEAST_KEY_CHARS} to {MAX_KEY_CHARS} characters that nobody guesses, such as "
                "a UUID",
                "invalid_value",
            )
        order = _order_of(await _given(exchange), exchange)
        id = new_id(again)
        try:
            await self._firm.start(take, order, id=id)
        except UsageError as error:
            if not again or "take another id" not in str(error):
                raise
            raise Refusal(409, "this Idempotency-Key came with another order before", "key_reused") from None
        record = await self._record(id)
        body = {"id": id, "token": token_of(self._key, id), "state": record.state}
        await exchange.answer(202, to_json(body), ((b"location", f"{PATH}/{id}".encode()),))

    # --- one order --------------------------------------------------------------------------------------------------

    def _allowed(self, exchange: Exchange, id: str) -> str:
        """The order's id, if its token came along; else it is as if there were none."""
        scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if not is_token(self._key, id, token) or not _ID.fullmatch(id):
            raise _unknown()
        return id

    async def _record(self, id: str) -> OrderRecord:
        """How it stands; right after it came in it may have no row yet."""
        rows = await self._firm.rows(BOOK, prefix=order_key(id))
        found = orders_in([row for row in rows if row.key == order_key(id)])
        return found[0] if found else OrderRecord(id=id, order=Order(text=""))

    async def _say(self, exchange: Exchange, record: OrderRecord, what: str) -> None:
        """Pass on what the customer says."""
        given = await _given(exchange)
        wanted = {"answer": "asks", "confirm": "quoted"}.get(what)
        if record.state in ENDED or (wanted is not None and record.state != wanted):
            raise Refusal(
                409, f"the order is in state {record.state!r}: there is nothing to {what}", "wrong_state"
            )
        word: dict[str, Any] = {"do": what}
        if what == "answer":
            if not given.text.strip():
                raise Refusal(400, 'the answer is empty; send text, or {"text": "…"}', "invalid_value")
            word["text"] = clean(Order(text=given.text)).text
        if what == "confirm" and record.quote is not None:
            word["cents"] = record.quote.cents
            if given.usd is not None and round(given.usd * 100) != record.quote.cents:
                told = f"the quote is {record.quote.cents / 100:.2f} USD, and not {given.usd!r}"
                raise Refusal(409, told, "other_price")
        try:
            await self._firm.send(record.id, TOPIC, word)
        except UsageError:
            raise Refusal(409, "the order has ended meanwhile; look at it", "wrong_state") from None
        await exchange.answer(202, to_json({"id": record.id, "taken": what}))

    async def _file(self, exchange: Exchange, record: OrderRecord, name: str) -> None:
        """One file that was delivered, or of the invoice."""
        known = (*(record.delivery.files if record.delivery else ()), *(INVOICES if record.invoice else ()))
        if record.state != "delivered" or name not in known:
            raise Refusal(
                404, f"no such file was delivered; there is: {', '.join(known) or 'none'}", "unknown_file"
            )
        path = Path(self._firm.home.folder) / order_folder(record.id) / name
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except OSError:
            raise Refusal(404, "the file is not there any more; ask the firm", "unknown_file") from None
        await exchange.answer(200, body, ((b"content-disposition", b"attachment"),), kind=FILES)


INVOICES = ("invoice.json", "invoice.txt", "invoice.html")


def shown(record: OrderRecord) -> dict[str, Any]:
    """An order as its customer sees it."""
    quote, delivery = record.quote, record.delivery
    found: dict[str, Any] = {
        "id": record.id,
        "state": record.state,
        "why": record.why,
        "product": record.product,
        "read_by": record.read_by,
        "spec": [msgspec.to_builtins(one) for one in record.spec],
        "waits_for_you": record.state in RESTS - ENDED,
    }
    if record.asks:
        found["questions"] = [msgspec.to_builtins(one) for one in record.asks]
    if quote is not None:
        found["quote"] = {
            "usd": quote.cents / 100,
            "lines": [{"says": line.says, "usd": round(line.usd, 6)} for line in quote.lines],
            "markup": quote.markup,
            "basis": quote.basis,
            "assumptions": list(quote.assumptions),
            "until": quote.until_us // 1_000_000,
        }
    if record.state == "delivered" and delivery is not None:
        found["files"] = [*delivery.files, *(INVOICES if record.invoice else ())]
    if record.invoice:
        found["invoice"] = {"number": record.invoice, "usd": record.cents / 100}
    return found


async def _given(exchange: Exchange) -> Given:
    body = await exchange.body(MAX_BYTES)
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return msgspec.json.decode(body, type=Given) if body.strip() else Given()
        return Given(text=body.decode("utf-8"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(
            400, f'the body is no {"JSON" if kind.endswith("json") else "UTF-8 text"}: {error}; send text, or '
            'application/json {"text": …, "customer": …}', "invalid_json",
        ) from None  # fmt: skip


def _order_of(given: Given, exchange: Exchange) -> Order:
    usd: Any = exchange.headers.get("yes-up-to-usd", given.yes_up_to_usd)
    try:
        usd = float(usd)
    except ValueError:
        usd = -1.0
    if not 0 <= usd <= MAX_PRICE_USD:
        raise Refusal(
            400, f"Yes-Up-To-USD is no price from 0 to {MAX_PRICE_USD:,.0f}; give 2.50", "invalid_value"
        )
    customer = given.customer or exchange.headers.get("customer", "")
    return clean(Order(text=given.text, customer=customer, product=given.product, yes_up_to_usd=usd))


def _unknown() -> Refusal:
    return Refusal(
        404,
        "there is no such order, or its token is missing: send it as Authorization: Bearer …",
        "unknown_order",
    )


def _check_method(exchange: Exchange, wanted: str) -> None:
    if exchange.method != wanted:
        raise Refusal(405, f"{exchange.method:.20} does nothing here; send {wanted}", "method")
