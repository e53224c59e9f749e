"""One server behind a model's name, and how it fares.

One rule: its health is read off the calls that it was given; nothing is sent only to find out.
It says whether it may be called and keeps count. Who is called next is the lane's to choose.
"""

import zlib
from collections import deque
from typing import Protocol

import msgspec

from firm.model.breaker import Breaker, State
from firm.model.limit import Limit
from firm.model.reply import Reply
from firm.model.target import Abilities, Model
from firm.model.wire.fault import PASSING, Fault, Kind

SAMPLES = 128
"""Latest replies whose times are kept."""
MIN_SAMPLES = 20
"""Replies before anything is said of the slowest of them."""
SHUT_S = 10.0
"""How long a server that refuses the key, or does not know the model, is left alone where there are others."""
UNLIMITED = 10_000.0
"""What an endpoint without a limit is taken to be able to carry, when loads are compared."""
QUICK_S = 0.1
"""Replies that come sooner are not told apart: what varies there is this machine, not the server."""
WEIGHT = 0.1
"""Of the latest outcome in the averages."""
MIN_WORK, READ_WORK = 16, 1 / 32
"""Work of a reply in tokens: what comes with every one, and what a token that was read counts against a written one."""
ELSEWHERE = frozenset({Kind.KEY, Kind.MODEL, Kind.FUNDS})
"""Kinds that stay as they are at this endpoint, but another one may do."""
REFUSED = frozenset({Kind.RATE, Kind.OVERLOAD})
"""Kinds that say that there is too much."""


class Waker(Protocol):
    """Somebody who wants to know that a place became free."""

    def grant(self) -> None:
        """Places may be free."""
        ...


class Health(msgspec.Struct, frozen=True):
    """How an endpoint fares, for showing."""

    url: str
    name: str
    """The model, as the server calls it."""
    in_flight: int
    limit: float | None
    """Calls at once; None: not limited."""
    latency_s: float | None
    """Average of the latest replies; None: there was none."""
    slowest_s: float | None
    """19 of 20 replies took at most so long; None: too few to say."""
    fault_rate: float
    """Part of the latest calls that failed, 0 to 1."""
    breaker: str
    """'closed', 'open' or 'half open'."""
    shut_s: float
    """Seconds until it is asked again; 0: it is asked now."""
    last_fault: str
    """The latest failure that says something about the endpoint, in words; '': none."""


class Endpoint:
    """One server behind a model's name.

    Args:
        model: Where it is.
        key: The key itself; it is only used to keep it out of messages.
        abilities: What it was seen to do.
    """

    __slots__ = (
        "abilities",
        "address",
        "breaker",
        "fault_rate",
        "in_flight",
        "key",
        "last_fault",
        "latency_s",
        "limit",
        "model",
        "paused_s",
        "salt",
        "times_s",
        "wakers",
    )

    def __init__(self, model: Model, key: str = "", *, abilities: Abilities = Abilities()) -> None:  # noqa: B008
        self.model = model
        self.address = model.address
        """The server's URL as it may be shown."""
        self.key = key
        self.abilities = abilities
        self.limit = Limit()
        self.breaker = Breaker()
        self.in_flight = 0
        """Calls that are there now."""
        self.latency_s = 0.0
        """Average of the latest replies; 0: there was none."""
        self.fault_rate = 0.0
        self.times_s: deque[float] = deque(maxlen=SAMPLES)
        self.paused_s = 0.0
        """Not before this does the server want to be asked."""
        self.last_fault: Fault | None = None
        self.salt = zlib.crc32(f"{model.url} {model.name}".encode())
        self.wakers: list[Waker] = []
        """Lanes in which somebody waits for a place here."""

    def __repr__(self) -> str:
        return f"Endpoint({self.model.name!r} at {self.address!r})"

    # --- before a call ---------------------------------------------------------------------------------------

    def free(self, now_s: float) -> bool:
        """Whether it takes a call now."""
        breaker = self.breaker
        return (
            self.in_flight + 1 <= self.limit.value
            and now_s >= self.paused_s
            and (breaker.closed or breaker.allows(now_s))
        )

    def shut_s(self, now_s: float) -> float:
        """Seconds until it is asked again; 0: it is asked now, as far as there is a place."""
        until_s = self.paused_s
        if self.breaker.state is State.OPEN:
            until_s = max(until_s, self.breaker.until_s)
        return max(until_s - now_s, 0.0)

    def load(self) -> float:
        """How full it would be with one more call, made worse by failures."""
        return (self.in_flight + 1) / min(self.limit.value, UNLIMITED) * (1 + 10 * self.fault_rate)

    def enter(self, now_s: float) -> None:
        """Take a place."""
        self.in_flight += 1
        if not self.breaker.closed:
            self.breaker.entered(now_s)

    # --- after a call ----------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Give the place back, after what became of the call was noted."""
        self.in_flight -= 1
        if self.wakers:
            for waker in tuple(self.wakers):
                waker.grant()
            if len(self.wakers) > 1:  # the next place is another lane's first
                self.wakers.append(self.wakers.pop(0))

    def answered(self, reply: Reply, began_s: float, now_s: float, in_flight: int) -> None:
        """Note a good reply, and how many calls were here when it was asked for."""
        took_s = now_s - began_s
        self.times_s.append(took_s)
        latency_s = self.latency_s
        self.latency_s = latency_s + WEIGHT * (took_s - latency_s) if latency_s else took_s
        if self.fault_rate:
            self.fault_rate *= 1 - WEIGHT
        self.breaker.answered(began_s)
        usage = reply.usage
        work = MIN_WORK + usage.output + usage.reasoning + READ_WORK * usage.input
        self.limit.answered(max(took_s, QUICK_S) / work, began_s, now_s, in_flight)

    def failed(self, fault: Fault, began_s: float, now_s: float) -> None:
        """Note a failure."""
        kind = fault.kind
        if kind in PASSING or kind in ELSEWHERE:
            self.last_fault = fault
        if kind not in PASSING:
            self.breaker.answered(began_s)
            return
        self.fault_rate += WEIGHT * (1 - self.fault_rate)
        if kind in REFUSED:
            news = self.limit.refused(began_s, now_s, self.in_flight)
            if fault.retry_after_s:
                self.paused_s = max(self.paused_s, now_s + fault.retry_after_s)
            if kind is Kind.RATE:
                self.breaker.answered(began_s)
                return
            if not news and self.breaker.closed:  # else it may be the probe, whose end has to be noted
                return
        elif kind is Kind.SLOW:
            self.limit.timed_out(began_s, now_s, self.in_flight)
        self.breaker.failed(began_s, now_s)

    def dropped(self, began_s: float, now_s: float) -> None:
        """Note that a call was cancelled."""
        self.breaker.dropped(began_s, now_s)

    def shut(self, now_s: float) -> None:
        """Leave it alone for a while: it refuses the key, or does not know the model."""
        self.breaker.shut(now_s, SHUT_S)

    # --- for others to see -----------------------------------------------------------------------------------

    def slowest_s(self) -> float | None:
        """What 19 of 20 of the latest replies took at most; None: too few to say."""
        if len(self.times_s) < MIN_SAMPLES:
            return None
        times_s = sorted(self.times_s)
        return times_s[int(len(times_s) * 0.95)]

    def health(self, now_s: float) -> Health:
        """How it fares."""
        limit = self.limit.value
        return Health(
            self.address,
            self.model.name,
            self.in_flight,
            None if limit == float("inf") else limit,
            self.latency_s if self.times_s else None,
            self.slowest_s(),
            self.fault_rate,
            self.breaker.state.value,
            self.shut_s(now_s),
            str(self.last_fault or ""),
        )
