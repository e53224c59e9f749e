"""A backend whose every attempt is admitted by the till before it leaves, and paid when it is over.

One rule: each request has a ticket of its own (retries, hedges, probes, requests that are wrapped anew), and each
ticket is settled, voided or given up as lost exactly once. What a reply is worth is not asked here: a bad one was paid
for too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

import msgspec

from firm.errors import UsageError
from firm.ledger.gpu import GpuPrice, Pool, most_ms, work_of
from firm.ledger.price import Price, find_price, price_of
from firm.model.backend import Backend
from firm.model.bound import holds_media, most_read
from firm.model.embedded import error as embedded
from firm.model.error import NotAble, UnknownPrice
from firm.model.reply import Reply, Timing
from firm.model.request import Request, Watch
from firm.model.target import Abilities, Model
from firm.model.till import Fare, Ticket, Till
from firm.model.vectors import Texts, Vectors
from firm.model.wire.fault import Fault, Kind
from firm.units.amount import MICRO, NOTHING, Amount
from firm.units.usage import Usage

R = TypeVar("R", bound=Reply)
Arguments = ParamSpec("Arguments")

UNKNOWN_COST = frozenset({Kind.LOST, Kind.SLOW, Kind.JUNK, Kind.SIZE})
"""Kinds after which nobody knows what the request took."""
LATE = frozenset({408, 499, 504, 520, 524})
"""Statuses by which a go-between says that the server behind it may have answered."""
NOTICED_S = 0.001
"""Shorter waits for the till are not told."""
UNSENT = (UsageError, NotAble, *embedded.RAISED)
"""What a backend raises before anything is sent."""
PRICE_S = 900
"""How long a price of the list is used before it is looked up again."""
_TIERS = {"batch": "flex"}
"""As the wires send it."""


def is_free(fault: Fault) -> bool:
    """Whether a failed request surely took nothing: it never left, or was refused before a token came."""
    return not (fault.begun or fault.kind in UNKNOWN_COST or fault.status in LATE)


class Paid:
    """A backend, paid for.

    Args:
        backend: Makes the attempts.
        name: Name of the model in the firm.
        till: Admits each request; None: nobody has to, and what is known of the price is only told.
        deadline_s: No attempt takes longer; it bounds what GPUs of one's own can cost.
        pools: Busy times by address, of all models of the firm.
        server: Whether it is a server, which says how many tokens it took, and runs on GPUs.
    """

    def __init__(
        self,
        backend: Backend,
        name: str,
        till: Till | None,
        *,
        deadline_s: float,
        pools: dict[str, Pool],
        server: bool = False,
    ) -> None:
        model = backend.model
        self.model: Model = model
        self.abilities: Abilities = backend.abilities
        self.key: str = getattr(backend, "key", "")
        self.embed = self._embed if hasattr(backend, "embed") else None
        self._backend = backend
        self._name = name
        self._till = till
        self._server = self._on_gpus = server
        rates = model.rates
        self._price = None if rates is None else price_of(rates)
        self._prices: dict[str, tuple[Price | None, float]] = {}
        self._listed = rates is None and not model.own
        self._gpu: GpuPrice | None = None
        self._pool: Pool | None = None
        self._most_ms = 0
        if rates is None and model.own:
            self._on_own_compute(min(deadline_s, model.deadline_s or deadline_s), pools)

    def _on_own_compute(self, deadline_s: float, pools: dict[str, Pool]) -> None:
        model = self.model
        if model.usd_per_gpu_hour is not None:
            self._gpu, self._on_gpus = GpuPrice(model.usd_per_gpu_hour, model.gpus), True
        places = model.gpus if self._on_gpus else 1
        self._most_ms = most_ms(deadline_s, places)
        if model.address not in pools:
            pools[model.address] = Pool(places)
        self._pool = pools[model.address]

    def __repr__(self) -> str:
        return f"Paid({self._backend!r})"

    async def close(self) -> None:
        """Let go of what is open."""
        await self._backend.close()

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer, once it is admitted.

        Raises:
            Fault: on every failure.
            UnknownPrice: nobody knows what it may cost, and there is a till.
            BudgetExceeded, PolicyDenied, NeedsApproval: the till does not admit it.
        """
        return await self._ask(request, self._backend.say, request, abilities, watch)

    async def _embed(self, texts: Sequence[str]) -> Vectors:
        request = Texts((), self._name, texts=tuple(texts))
        return await self._ask(request, self._backend.embed, texts)  # type: ignore[attr-defined]

    async def _ask(
        self,
        request: Request,
        ask: Callable[Arguments, Awaitable[R]],
        *args: Arguments.args,
        **options: Arguments.kwargs,
    ) -> R:
        """One attempt: price, admission, the attempt, the bill."""
        price = await self._current(request) if self._listed else self._price
        till, ticket, waited_s = self._till, None, 0.0
        most = NOTHING
        if till is not None:
            most = self._most(request, price)
            operation = "embed" if type(request) is Texts else "chat"
            fare = Fare(self._name, self.model, most, operation, "" if price is None else price.since)
            began_s = time.monotonic()
            ticket = await till.admit(fare)
            waited_s = time.monotonic() - began_s
        began_ns = 0 if self._pool is None else self._pool.enter()
        try:
            reply = await ask(*args, **options)
        except BaseException as error:
            self._failed(error, ticket, price, began_ns)
            if isinstance(error, Fault):
                error.queue_s += waited_s
            raise
        self._settle(reply, ticket, price, most, began_ns)
        if waited_s > NOTICED_S:
            timing = reply.timing
            reply.timing = Timing(waited_s, timing.first_token_s, timing.total_s)
        return reply

    # --- before -------------------------------------------------------------------------------------------------

    def _most(self, request: Request, price: Price | None) -> Amount:
        """What the request can take at most."""
        read = most_read(request, self.model)
        written = 0 if type(request) is Texts else request.max_tokens
        if price is not None:
            usd_micro = price.most(read, written, media=holds_media(request))
            return Amount(usd_micro, read, 0, 0, written, 0, 0, 0, 1)
        gpu, most_ms = self._gpu, self._most_ms
        usd_micro = 0 if gpu is None else gpu.cost(most_ms)
        if self._on_gpus:
            return Amount(usd_micro, read, 0, 0, written, 0, most_ms, 0, 1)
        return Amount(usd_micro, read, 0, 0, written, 0, 0, most_ms, 1)

    async def _current(self, request: Request) -> Price | None:
        """The price of the list for now; None: it has none, and there is no till that would have to know.

        Raises:
            UnknownPrice: it has none.
        """
        tier = request.tier or self.model.tier
        tier = _TIERS.get(tier, tier)
        price, until_s = self._prices.get(tier, (None, 0.0))
        now_s = time.time()
        if not until_s - PRICE_S <= now_s < until_s:
            price = await asyncio.to_thread(self._look_up, tier, now_s)
            self._prices[tier] = price, (now_s // PRICE_S + 1) * PRICE_S
        if price is not None and price.reads_only and type(request) is not Texts:
            price = None
        if price is None and self._till is not None:
            raise self._unknown("the price list has no such model at this address")
        return price

    def _look_up(self, tier: str, now_s: float) -> Price | None:
        """Ask the price list; the first time it takes 0.2 s to be imported."""
        model = self.model
        try:
            return find_price(model.url, model.name, datetime.fromtimestamp(now_s, UTC), tier=tier)
        except UsageError as error:
            if self._till is None:
                return None
            raise self._unknown(str(error)) from None

    def _unknown(self, why: str) -> UnknownPrice:
        model, name = self.model, self._name
        line = "usd_per_mtok = { input = …, output = … }"
        where = f"add to [models.{name}] in firm.toml: {line}"
        if name.startswith(f"{model.name}@{model.address}"):  # given as itself, see `label_of`
            where = 'give Model(…, usd_per_mtok={"input": …, "output": …})'
        return UnknownPrice(
            f"model {name!r} ({model.name} at {model.address}) was not asked, since nobody knows what it costs: {why}; "
            f"{where}, in US dollars for a million tokens"
        )

    # --- after --------------------------------------------------------------------------------------------------

    def _settle(
        self, reply: Reply, ticket: Ticket | None, price: Price | None, most: Amount, began_ns: int
    ) -> None:
        """Book what a reply took, and write it on the reply."""
        usage = reply.usage
        used = self._used(usage, price, began_ns)
        if self._server and ticket is not None and not usage.total:
            used = self._silent(used, price, most)
        reply.priced = price is not None or self._gpu is not None
        if reply.priced:
            reply.cost_usd = used.usd_micro / MICRO
        if used.gpu_ms:
            reply.gpu_s = used.gpu_ms / 1000
        if ticket is not None:
            ticket.settle(used, 0 if price is None else price.saved(usage))

    def _used(self, usage: Usage, price: Price | None, began_ns: int) -> Amount:
        """What a call took."""
        if price is not None:
            return Amount.of(usage, usd_micro=price.cost(usage))
        return self._own_used(usage, began_ns)

    def _own_used(self, usage: Usage, began_ns: int) -> Amount:
        """What a call took of own compute; nothing where nobody counts."""
        if self._pool is None:
            return Amount.of(usage)
        work = work_of(usage.input + usage.cache_write, usage.written)
        took_ms = min(self._pool.leave(began_ns, work), self._most_ms)
        usd_micro = 0 if self._gpu is None else self._gpu.cost(took_ms)
        if self._on_gpus:
            return Amount.of(usage, usd_micro=usd_micro, gpu_ms=took_ms)
        return msgspec.structs.replace(Amount.of(usage, usd_micro=usd_micro), cpu_ms=took_ms)

    def _silent(self, used: Amount, price: Price | None, most: Amount) -> Amount:
        """What a call took whose server does not say: as many tokens as it could be."""
        if price is not None:
            return most
        return msgspec.structs.replace(used, input=most.input, output=most.output)

    def _failed(
        self, error: BaseException, ticket: Ticket | None, price: Price | None, began_ns: int
    ) -> None:
        """Book what a failure took, as far as anybody knows."""
        if isinstance(error, Fault) and error.usage is not None and error.usage.total:
            used = self._used(error.usage, price, began_ns)
            if ticket is not None:
                ticket.settle(used, 0 if price is None else price.saved(error.usage))
            return
        if self._pool is not None:
            self._pool.leave(began_ns, 0)
        if ticket is None:
            return
        if isinstance(error, Fault):
            if is_free(error):
                ticket.void()
            else:
                ticket.lose(error.kind.value)  # not in the server's words, which may hold anything
        elif isinstance(error, UNSENT):
            ticket.void()
        else:
            ticket.lose("cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__)
