"""One order, from a stranger's words to a delivery and its invoice: the workflow.

One rule: nothing is made before the customer has confirmed a price, and what is made is made by the firm's own plan
under a charter that grants nothing grave which the founder has not granted.
"""

import asyncio
from typing import Any

import msgspec

from firm.errors import FirmError, InternalError, JournalError, ReplayDiverged
from firm.kernel.api import first, now, receive
from firm.kernel.context import current_run
from firm.kernel.definition import workflow
from firm.org.artifact import Artifact
from firm.org.carry import carry_out
from firm.org.mission import Mission, Outcome
from firm.org.trade.bill import draft_bill, number_bill
from firm.org.trade.handover import hand_over
from firm.org.trade.order import MAX_TEXT_CHARS, TOPIC, Order, OrderRecord, Quote
from firm.org.trade.price import VALID_S, WORDS, in_cents
from firm.org.trade.product import Product, Value, range_of
from firm.org.trade.reader import budget_in
from firm.org.trade.reading import Read, read_order
from firm.org.trade.shop import Shop, keep, open_shop, permitted, price
from firm.org.trade.spec import Entry, faults, fill, left_open, spec_text
from firm.org.words import Say, language_of, words
from firm.policy.capability import Capability
from firm.policy.within import within

ROUNDS = 3
"""So often a customer is asked."""
ANSWER_S = 7 * 86_400.0
"""How long he has for an answer."""
MAX_WHY = 1_000
"""Characters of a reason that is kept."""
INVOICED = "invoice"
"""Topic on which an order learns the number of its invoice."""
OURS = (InternalError, JournalError, ReplayDiverged)


class Ended(Exception):
    """The order has come to its end, in the state and for the reason that stand in its record."""


@workflow
async def take(order: Order) -> OrderRecord:
    """Read an order, ask what it leaves open, quote, and once it is confirmed make, deliver and invoice it.

    Its run's id is the order's. What the customer says reaches it on topic 'customer'.
    """
    return await _Taking(order).carry()


class _Taking:
    """One order on its way."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.record = OrderRecord(id=current_run().id, order=order, began_us=round(now().timestamp() * 1e6))
        self.say: Say = words("en", WORDS)

    async def carry(self) -> OrderRecord:
        """All of it; how it has ended."""
        try:
            shop = await open_shop(self.record)
            self.record = shop.record
            await self._carry(shop)
        except Ended:
            pass
        except asyncio.CancelledError:
            await self._keep(state="cancelled", why=self.say("it was cancelled"))
            raise
        except OURS:
            raise
        except (
            Exception
        ) as error:  # nobody foresaw it: the run fails with it, and the customer is told that much
            await self._keep(state="not delivered", why=f"{type(error).__name__}: {error}"[:MAX_WHY])
            raise
        return self.record

    async def _carry(self, shop: Shop) -> None:
        language = language_of(self.order.text, shop.settings.language)
        self.say = words(language, WORDS)
        self.record = msgspec.structs.replace(self.record, language=language)
        product, entries = await self._specify(shop)
        quote = await self._quote(product, shop)
        await self._confirmed(quote)
        outcome = await self._made(product, entries, shop)
        await self._deliver(outcome)

    async def _keep(self, **changes: Any) -> None:
        """Change the record, and write it down."""
        self.record = await keep(msgspec.structs.replace(self.record, **changes))

    async def _end(self, state: str, why: str = "") -> None:
        await self._keep(state=state, why=why, asks=())
        raise Ended

    # --- what is wanted ---------------------------------------------------------------------------------------------

    async def _checked(self, shop: Shop) -> None:
        text, say = self.order.text, self.say
        if not text.strip():
            await self._end("refused", say("the order is empty; say what you want"))
        if len(text) > MAX_TEXT_CHARS:
            told = say(
                "the order has {count} characters, and at most {most} are read; shorten it",
                count=f"{len(text):,}",
                most=f"{MAX_TEXT_CHARS:,}",
            )
            await self._end("refused", told)
        if not shop.products:
            await self._end("refused", say("nothing can be ordered here yet"))
        names = [one.name for one in shop.products]
        if self.order.product and self.order.product not in names:
            told = say(
                "there is no product {name!r}; there is: {known}",
                name=self.order.product,
                known=", ".join(names),
            )
            await self._end("refused", told)

    async def _specify(self, shop: Shop) -> tuple[Product, tuple[Entry, ...]]:
        """Product and specification, with what the customer answers."""
        await self._checked(shop)
        read = await read_order(self.order.text, shop.products, named=self.order.product)
        product = read.product
        if product is None:
            offered = "; ".join(f"{one.name}: {one.told(self.record.language)}" for one in shop.products)
            await self._end(
                "refused",
                self.say("this is nothing that can be ordered here; there is: {offered}", offered=offered),
            )
            raise Ended
        self.record = msgspec.structs.replace(
            self.record,
            product=product.name,
            read_by=read.by,
            read_why=read.why,
            language=self._language(product),
        )
        await self._affordable(product)
        if bad := faults(product, read.entries):
            await self._end("refused", self._out_of_range(product, bad))
        return product, await self._complete(product, read)

    def _language(self, product: Product) -> str:
        language = self.record.language
        if language not in product.languages and product.languages:
            language = product.languages[0]
            self.say = words(language, WORDS)
        return language

    async def _affordable(self, product: Product) -> None:
        budget = budget_in(self.order.text)
        if budget is not None and in_cents(budget) < in_cents(product.floor_usd):
            told = self.say(
                "your budget is {budget:.2f} USD, and the least price of {product} is {least:.2f} USD",
                budget=budget,
                product=product.name,
                least=product.floor_usd,
            )
            await self._end("refused", told)

    def _out_of_range(self, product: Product, bad: dict[str, str]) -> str:
        told = []
        for name, why in bad.items():
            field = product.field(name)
            told.append(
                f"{name}: {range_of(field)}"
                if field is not None and field.kind == "number"
                else f"{name}: {why}"
            )
        return self.say("it asks for what cannot be made; possible is {ranges}", ranges="; ".join(told))

    async def _complete(self, product: Product, read: Read) -> tuple[Entry, ...]:
        """The specification when nothing is open any more."""
        entries = {one.field: one for one in read.entries}
        why = self._clashes(read.clashes)
        for round in range(1, ROUNDS + 2):
            spec = fill(product, entries.values())
            asks = left_open(product, spec, why, self.record.language)
            if not asks:
                self.record = msgspec.structs.replace(self.record, spec=spec, asks=())
                return spec
            if round > ROUNDS:
                break
            await self._keep(state="asks", spec=spec, asks=asks, round=round, why="")
            text = await self._answer()
            fields = tuple([field for one in asks if (field := product.field(one.field)) is not None])
            found = await read_order(text, (product,), named=product.name, asked=fields)
            bad = faults(product, found.entries)
            entries |= {one.field: one for one in found.entries if one.field not in bad}
            why = {name: one for name, one in why.items() if name not in entries}
            why |= bad | self._clashes(found.clashes)
        left = ", ".join(one.field for one in asks)
        await self._end(
            "refused", self.say("after {count} questions it is still open: {left}", count=ROUNDS, left=left)
        )
        raise Ended

    def _clashes(self, clashes: dict[str, tuple[str, ...]]) -> dict[str, str]:
        return {
            name: self.say("you say different things: {said}", said=", ".join(said))
            for name, said in clashes.items()
        }

    async def _answer(self) -> str:
        """What the customer answers."""
        while True:
            word = await self._word(ANSWER_S)
            text = str(word.get("text", "")).strip()
            if word.get("do") == "answer" and text:
                return text[:MAX_TEXT_CHARS]

    async def _word(self, timeout_s: float) -> dict[str, Any]:
        """What the customer says next; the order ends where he cancels, or says nothing."""
        try:
            word = await receive(TOPIC, timeout_s=timeout_s)
        except TimeoutError:
            await self._end("expired", self.say("nobody answered in time; order again"))
            raise Ended from None
        if not isinstance(word, dict):
            return {}
        if word.get("do") == "cancel":
            await self._end("cancelled", self.say("the customer cancelled it"))
        return word

    # --- what it costs ----------------------------------------------------------------------------------------------

    async def _quote(self, product: Product, shop: Shop) -> Quote:
        quote = await price(product, self.record.language)
        cost_usd = sum(line.usd for line in quote.lines)
        if cost_usd > shop.settings.order_usd:
            told = self.say(
                "it would take {cost:.2f} USD of work, and one order may take {most:.2f}",
                cost=cost_usd,
                most=shop.settings.order_usd,
            )
            await self._end("refused", told)
        budget = budget_in(self.order.text)
        above = budget is not None and quote.cents > in_cents(budget)
        why = self.say("this is above your budget of {budget:.2f} USD", budget=budget) if above else ""
        state = "working" if self._is_confirmed(quote) else "quoted"
        await self._keep(state=state, quote=quote, asks=(), why=why)
        return quote

    def _is_confirmed(self, quote: Quote) -> bool:
        """Whether the customer has said yes to such a price beforehand."""
        return 0 < quote.cents <= self.order.yes_up_to_usd * 100 + 1e-6

    async def _confirmed(self, quote: Quote) -> None:
        """Go on when the customer has said yes to this price."""
        if self._is_confirmed(quote):
            return
        until_s = quote.until_us / 1e6
        while True:
            word = await self._word(max(0.001, min(VALID_S, until_s - now().timestamp())))
            if word.get("do") == "confirm" and word.get("cents", quote.cents) == quote.cents:
                return

    # --- what is made -----------------------------------------------------------------------------------------------

    async def _made(self, product: Product, spec: tuple[Entry, ...], shop: Shop) -> Outcome:
        await self._keep(state="working", why="")
        tools = await permitted(product)
        with within(goal=product.name, capabilities=[Capability(tool) for tool in tools]):
            work = carry_out(mission_of(self.record, product, spec, usd=shop.settings.order_usd))
            try:
                which, outcome = await first(work, self._cancelled())
            except OURS:
                raise
            except FirmError as error:
                await self._end("not delivered", f"{type(error).__name__}: {error}"[:MAX_WHY])
                raise Ended from None
        if which == 1 or not isinstance(outcome, Outcome):
            await self._end("cancelled", self.say("the customer cancelled it"))
            raise Ended
        return outcome

    async def _cancelled(self) -> None:
        """Wait until the customer cancels."""
        while True:
            word = await receive(TOPIC)
            if isinstance(word, dict) and word.get("do") == "cancel":
                return

    async def _deliver(self, outcome: Outcome) -> None:
        """Hand over what was accepted; an invoice only for what is whole."""
        try:
            self.record = await hand_over(self.record, outcome)
        except OURS:
            raise
        except FirmError as error:
            await self._end("not delivered", str(error))
        delivery = self.record.delivery
        if delivery is None or outcome.ending not in ("reached", "partly") or not delivery.files:
            await self._end("not delivered", outcome.why or self.say("the work was not accepted"))
        if outcome.ending == "partly":
            told = self.say("only a part was accepted, and nothing is charged: {why}", why=outcome.why)
            await self._keep(state="delivered", why=told)
            return
        bill = await draft_bill(self.record)
        await number_bill(bill)
        number = str(await receive(INVOICED))
        await self._keep(state="delivered", why="", invoice=number, cents=bill.cents)


def mission_of(record: OrderRecord, product: Product, spec: tuple[Entry, ...], *, usd: float) -> Mission:
    """The mission of a confirmed order: its words are the firm's own, the customer's are something given."""
    values: dict[str, Value] = {one.field: one.value for one in spec}
    told = f"{product.told(record.language)}\n\n{spec_text(spec)}"
    return Mission(
        text=told[:MAX_TEXT_CHARS],
        language=record.language,
        workflow=product.workflow,
        plan="template",
        usd=usd,
        order=record.id,
        approved=True,
        given=(
            Artifact(name="order", text=record.order.text, maker="customer", how="person", untrusted=True),
            Artifact(name="spec", data=values, maker="customer", how="program", untrusted=True),
        ),
    )
