"""A route in use: its endpoints, who waits for them, and what may still be repeated.

One rule: nobody overtakes who waits longer and is as urgent; where there is nothing to wait for, nobody waits.
"""

import asyncio
import zlib
from collections.abc import Callable, Collection

import msgspec

from firm.kernel.ports import Randomness
from firm.model.admission import Queue
from firm.model.breaker import State
from firm.model.endpoint import Endpoint, Health
from firm.model.retry import RetryBudget
from firm.model.route import Route

PAUSE_S = 60.0
"""Longest pause that a server asked for which is waited for;"""
FALLBACK_PAUSE_S = 5.0
"""where other models stand in."""
OPEN_S = 5.0
"""Longest cool-down of a breaker that is waited for, where no other model stands in: the first ones, in which a
server may have started anew. After that calls fail at once until a probe is answered."""
SCAN = 16
"""Up to so many endpoints all are compared, beyond that two that are drawn (Mitzenmacher 2001)."""
STICKY = 2.0
"""A session stays at its endpoint unless that is so many times as full as the emptiest,"""
STICKY_CALLS = 4
"""and has more calls than this."""
DUE_S = 1.0
"""How often it is looked whether the retry budget has grown, while somebody waits for it."""
MASK = (1 << 64) - 1

_NOBODY: frozenset[Endpoint] = frozenset()


class LaneState(msgspec.Struct, frozen=True):
    """How a model fares, for showing."""

    name: str
    waiting: int
    """Calls that wait for a place."""
    urgent: int
    """Of these, calls for which a person waits."""
    owing: int
    """Calls that were refused and wait until a repetition is paid for."""
    retries: float
    """Repeated calls that are allowed now."""
    endpoints: tuple[Health, ...]


class Lane:
    """A route in use."""

    __slots__ = (
        "_alarm",
        "_clock",
        "_due",
        "_heard_s",
        "_open_s",
        "_pause_s",
        "_randomness",
        "budget",
        "debtors",
        "only",
        "queue",
        "route",
    )

    def __init__(self, route: Route, clock: Callable[[], float], randomness: Randomness) -> None:
        self.route = route
        self.queue: Queue[Endpoint] = Queue()
        """Who waits for a place."""
        self.debtors: Queue[bool] = Queue()
        """Who was refused, and waits until its repetition is paid for."""
        self.budget = RetryBudget(clock())
        self.only = route.endpoints[0] if len(route.endpoints) == 1 else None
        """The endpoint, where there is one."""
        self._pause_s, self._open_s = (FALLBACK_PAUSE_S, 0.0) if route.fallbacks else (PAUSE_S, OPEN_S)
        self._clock = clock
        self._randomness = randomness
        self._alarm: asyncio.TimerHandle | None = None
        self._due: asyncio.TimerHandle | None = None
        self._heard_s = 0.0
        """When a call was answered last, or began to wait for a token while nobody did."""

    def now_s(self) -> float:
        """The time by the router's clock."""
        return self._clock()

    @property
    def alone(self) -> bool:
        """Whether there is nobody else to ask."""
        return self.only is not None and not self.route.fallbacks

    # --- choosing ----------------------------------------------------------------------------------------------

    def choose(self, session: str, now_s: float, failed: Collection[Endpoint] = _NOBODY) -> Endpoint | None:
        """The endpoint that a call should go to now; None: none has a place.

        Args:
            session: Calls of one session go to one endpoint, for its prompt cache; '': anywhere.
            now_s: Now.
            failed: Endpoints that this call has tried already.
        """
        only = self.only
        if only is not None:
            return only if only.free(now_s) and only not in failed else None
        endpoints = self.route.endpoints
        if len(endpoints) > SCAN and not session and not failed:
            drawn = [endpoints[int(self._randomness.random() * len(endpoints))] for _ in range(2)]
            if free := [endpoint for endpoint in drawn if endpoint.free(now_s)]:
                return min(free, key=Endpoint.load)
        free = [endpoint for endpoint in endpoints if endpoint.free(now_s) and endpoint not in failed]
        if len(free) < 2:
            return free[0] if free else None
        emptiest = self._emptiest(free)
        return self._sticky(session, emptiest, free) if session else emptiest

    def _emptiest(self, free: list[Endpoint]) -> Endpoint:
        """The one with the least load; chance decides between equals."""
        first = int(self._randomness.random() * len(free))
        return min(free[first:] + free[:first], key=Endpoint.load)

    def _sticky(self, session: str, emptiest: Endpoint, free: list[Endpoint]) -> Endpoint:
        """The session's own endpoint, if it is free and not much fuller than the emptiest."""
        own = affine(session, self.route.endpoints)
        if own not in free:
            return emptiest
        tight = own.in_flight > STICKY_CALLS and own.load() > STICKY * emptiest.load()
        return emptiest if tight else own

    # --- waiting -----------------------------------------------------------------------------------------------

    def shut(self, now_s: float) -> tuple[float, Endpoint] | None:
        """Where no endpoint takes calls: seconds until one does, and which; None: waiting makes sense."""
        soonest: tuple[float, Endpoint] | None = None
        for endpoint in self.route.endpoints:
            shut_s = endpoint.shut_s(now_s)
            if shut_s <= (self._open_s if endpoint.breaker.state is State.OPEN else self._pause_s):
                return None
            if soonest is None or shut_s < soonest[0]:
                soonest = shut_s, endpoint
        return soonest

    async def wait(self, session: str, *, urgent: bool, again: bool, until_s: float) -> Endpoint | None:
        """Wait for a place, which is then taken; None: look again, there is none to wait for, or it is too late."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Endpoint | None] = loop.create_future()
        if not self.queue:
            for endpoint in self.route.endpoints:
                endpoint.wakers.append(self)
        self.queue.join(waiter, session, urgent=urgent, again=again)
        late = loop.call_later(max(until_s - self._clock(), 0.0), self._give_up, waiter)
        self.grant()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (given := waiter.result()) is not None:
                now_s = self._clock()
                given.dropped(now_s, now_s)
                given.leave()
            else:
                self.queue.leave(waiter)
                self._rest()
            raise
        finally:
            late.cancel()

    def grant(self) -> None:
        """Give free places to who waits; if there will be none, say so to all of them."""
        now_s = self._clock()
        queue = self.queue
        while queue:
            waiter, session = queue.first()
            endpoint = None
            if not waiter.done():  # else it was cancelled just now
                endpoint = self.choose(session, now_s)
                if endpoint is None and self.shut(now_s) is None:
                    self._set_alarm(now_s)
                    return
            queue.serve()
            if endpoint is not None:
                endpoint.enter(now_s)
            if not waiter.done():
                waiter.set_result(endpoint)
        self._rest()

    def _rest(self) -> None:
        """If nobody waits, nobody wants to know of free places."""
        if not self.queue:
            for endpoint in self.route.endpoints:
                if self in endpoint.wakers:
                    endpoint.wakers.remove(self)

    def _give_up(self, waiter: asyncio.Future[Endpoint | None]) -> None:
        if not waiter.done():
            self.queue.leave(waiter)
            self._rest()
            waiter.set_result(None)

    def _set_alarm(self, now_s: float) -> None:
        """Look again when the first endpoint is asked again, even if no call ends before."""
        waits_s = [wait_s for each in self.route.endpoints if (wait_s := each.shut_s(now_s)) > 0]
        if not waits_s:
            return
        loop = asyncio.get_running_loop()
        when_s = loop.time() + min(waits_s) + 0.001
        if self._alarm is not None:
            if self._alarm.when() <= when_s:
                return
            self._alarm.cancel()
        self._alarm = loop.call_at(when_s, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.grant()

    # --- paying for repetitions ----------------------------------------------------------------------------------

    async def pay(self, *, urgent: bool, until_s: float) -> bool:
        """Wait for a token of the retry budget, and take it.

        False: it is too late, no endpoint takes calls, or nobody was answered for as long as a pause may last.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool | None] = loop.create_future()
        self.debtors.join(waiter, "", urgent=urgent)
        late = loop.call_later(max(until_s - self._clock(), 0.0), _refuse, waiter)
        if self._due is None:
            self._heard_s = self._clock()
            self._due = loop.call_later(DUE_S, self._collect)
        try:
            return await waiter or False
        finally:
            late.cancel()
            self.debtors.leave(waiter)

    def answered(self) -> None:
        """A call was answered while others wait for a token."""
        self._heard_s = self._clock()
        self.budget.answered()
        self._hand_out()

    def _collect(self) -> None:
        """Look from time to time what the budget has gained, and whether there is still somebody to ask."""
        self._due = None
        now_s = self._clock()
        if self.shut(now_s) is not None or self._is_hopeless(now_s):
            while self.debtors:
                _refuse(self.debtors.serve())
        self._hand_out()
        if self.debtors:
            self._due = asyncio.get_running_loop().call_later(DUE_S, self._collect)

    def _is_hopeless(self, now_s: float) -> bool:
        """Whether nobody was answered for long, and no call is under way that may be."""
        quiet = not any([endpoint.in_flight for endpoint in self.route.endpoints])
        return quiet and now_s - self._heard_s > self._pause_s

    def _hand_out(self) -> None:
        now_s, debtors = self._clock(), self.debtors
        while debtors:
            if debtors.first()[0].done():
                debtors.serve()
            elif self.budget.take(now_s):
                debtors.serve().set_result(True)
            else:
                return

    # --- for others to see ---------------------------------------------------------------------------------------

    def state(self) -> LaneState:
        """How it fares."""
        now_s = self._clock()
        return LaneState(
            self.route.name,
            len(self.queue),
            self.queue.urgent,
            len(self.debtors),
            self.budget.tokens,
            tuple([endpoint.health(now_s) for endpoint in self.route.endpoints]),
        )


def _refuse(waiter: asyncio.Future[bool | None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def affine(session: str, endpoints: tuple[Endpoint, ...]) -> Endpoint:
    """The endpoint of a session: the same as long as it is there, and spread evenly over all of them.

    Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998 (rendezvous hashing).
    """
    mark = zlib.crc32(session.encode("utf-8", "replace"))
    return max(endpoints, key=lambda endpoint: _mix(mark << 32 | endpoint.salt))


def _mix(number: int) -> int:
    """64 bits, well stirred (the finalizer of SplitMix64)."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31
