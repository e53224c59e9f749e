"""One call on its way to a reply: attempts, waits, and models that stand in.

One rule: whatever is repeated is repeated here, is paid for from the model's retry budget, and is told.
"""

import asyncio
from collections.abc import Callable, Mapping

from firm.kernel.ports import Randomness
from firm.model.endpoint import ELSEWHERE, REFUSED, Endpoint
from firm.model.hedge import either
from firm.model.lane import Lane
from firm.model.remedy import error_of, hide_key
from firm.model.reply import Reply, Timing
from firm.model.request import Delta, Request, Watch
from firm.model.retry import backoff_s
from firm.model.route import Attempt, OnAttempt, Send, Why
from firm.model.wire.fault import PASSING, Fault, Kind

_AGAIN = Delta(restart=True)


class Course:
    """One call on its way.

    Args:
        lanes: All routes in use.
        send: One attempt at one endpoint.
        clock: Seconds, by a clock that only goes forward.
        randomness: For jitter.
    """

    __slots__ = (
        "_at",
        "_clock",
        "_count",
        "_failed",
        "_lanes",
        "_on_attempt",
        "_queue_s",
        "_randomness",
        "_request",
        "_send",
        "_waited_s",
        "_watch",
    )

    def __init__(
        self, lanes: Mapping[str, Lane], send: Send, clock: Callable[[], float], randomness: Randomness
    ) -> None:
        self._lanes = lanes
        self._send = send
        self._clock = clock
        self._randomness = randomness
        self._count = 0
        self._queue_s = self._waited_s = 0.0
        self._failed: tuple[Endpoint, ...] = ()
        self._at: Endpoint | None = None

    async def run(
        self, lane: Lane, request: Request, watch: Watch | None, on_attempt: OnAttempt | None
    ) -> Reply:
        """The reply; or an error of `firm.model.error`."""
        self._request, self._watch, self._on_attempt = request, watch, on_attempt
        began_s = self._clock()
        try:
            reply = await self._through(lane, began_s, "first")
        except Fault as fault:
            reply = await self._fall_back(lane, fault, began_s)
        if self._count > 1 or self._queue_s:
            first_s = reply.timing.first_token_s
            reply.timing = Timing(self._queue_s, first_s, self._clock() - began_s)
        return reply

    async def _fall_back(self, lane: Lane, fault: Fault, began_s: float) -> Reply:
        """Ask the models that stand in, in order; if none answers, it is the first one's fault that counts."""
        at, notes = self._at or lane.route.endpoints[0], []
        if fault.kind in PASSING or fault.kind in ELSEWHERE:
            for name in lane.route.fallbacks:
                other = self._lanes.get(name)
                if other is None or other is lane:
                    notes.append(f"{name!r}: unknown model")
                    continue
                try:
                    return await self._through(other, began_s, "fallback")
                except Fault as found:
                    notes.append(f"{name!r}: {found}")
        raise error_of(fault, lane.route.name, at, attempts=self._count, fallbacks=notes) from fault

    # --- one model -----------------------------------------------------------------------------------------------

    async def _through(self, lane: Lane, called_s: float, why: Why) -> Reply:
        """A reply of one model; or the fault of its last attempt."""
        lane.budget.called()
        until_s = called_s + lane.route.deadline_s
        self._failed = ()
        attempts = 0
        while True:
            now_s = self._clock()
            endpoint = None if lane.queue else lane.choose(self._request.session, now_s, self._failed)
            if endpoint is None:
                endpoint = await self._place(lane, until_s, again=attempts > 0)
            else:
                endpoint.enter(now_s)
            self._at = endpoint
            attempts += 1
            try:
                if lane.route.hedge and self._watch is None:
                    reply = await either(self, lane, endpoint, why)
                else:
                    reply = await self.attempt(endpoint, lane, why)
            except Fault as fault:
                await self._weigh(lane, fault, attempts, until_s)
                why = "retry"
            else:
                if lane.debtors:
                    lane.answered()
                return reply

    async def _place(self, lane: Lane, until_s: float, *, again: bool) -> Endpoint:
        """Wait for a place and take it.

        Raises:
            Fault: there is none to wait for, or it took too long.
        """
        began_s = self._clock()
        request = self._request
        while True:
            now_s = self._clock()
            if (shut := lane.shut(now_s)) is not None:
                raise self._shut(*shut)
            if now_s >= until_s:
                self._at = lane.route.endpoints[0]
                raise Fault(Kind.OVERLOAD, f"no place became free in {lane.route.deadline_s:g} s")
            endpoint = await lane.wait(request.session, urgent=request.urgent, again=again, until_s=until_s)
            if endpoint is not None:
                self._waited_s = self._clock() - began_s
                self._queue_s += self._waited_s
                return endpoint

    def _shut(self, shut_s: float, endpoint: Endpoint) -> Fault:
        """Every endpoint is left alone for now: the latest fault of the one that comes back first."""
        self._at = endpoint
        last = endpoint.last_fault or Fault(Kind.OVERLOAD, "")
        kind = Kind.SERVER if last.kind is Kind.JUNK else last.kind
        fault = Fault(kind, last.told, status=last.status)
        fault.retry_after_s = shut_s
        return fault

    async def attempt(self, endpoint: Endpoint, lane: Lane, why: Why) -> Reply:
        """One attempt at an endpoint where a place was taken; the place is given back."""
        self._count += 1
        began_s = self._clock()
        waited_s, self._waited_s = self._waited_s, 0.0
        in_flight = endpoint.in_flight
        outcome, told, status = "error", "", 0
        try:
            if self._count > 1 and self._watch is not None:
                self._watch(_AGAIN)
            reply = await self._send(endpoint, self._request, self._watch)
            outcome = "ok"
            if late_s := reply.timing.queue_s:  # it waited for money: that says nothing of the server
                began_s, waited_s, self._queue_s = began_s + late_s, waited_s + late_s, self._queue_s + late_s
            endpoint.answered(reply, began_s, self._clock(), in_flight)
            return reply
        except Fault as fault:
            if late_s := fault.queue_s:
                began_s, waited_s, self._queue_s = began_s + late_s, waited_s + late_s, self._queue_s + late_s
            hide_key(fault, endpoint)
            outcome, told, status = fault.kind.value, fault.told, fault.status
            endpoint.failed(fault, began_s, self._clock())
            if fault.kind in ELSEWHERE and not lane.alone:
                endpoint.shut(self._clock())
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            endpoint.dropped(began_s, self._clock())
            raise
        except BaseException as error:
            told = repr(error)
            endpoint.dropped(began_s, self._clock())
            raise
        finally:
            endpoint.leave()
            if self._on_attempt is not None and (outcome != "ok" or self._count > 1 or why != "first"):
                took_s = self._clock() - began_s
                name = lane.route.name
                self._on_attempt(
                    Attempt(endpoint, name, why, outcome, began_s, took_s, waited_s, told, status)
                )

    # --- after a failure -----------------------------------------------------------------------------------------

    async def _weigh(self, lane: Lane, fault: Fault, attempts: int, until_s: float) -> None:
        """Return when there is to be another attempt; else raise the fault."""
        kind, at = fault.kind, self._at
        if at is not None:
            self._failed = (*self._failed, at)
        now_s = self._clock()
        if now_s >= until_s:
            raise fault
        if kind in ELSEWHERE:
            if all([endpoint in self._failed for endpoint in lane.route.endpoints]):
                raise fault
            return
        if kind not in PASSING or attempts >= lane.route.attempts:
            raise fault
        if (shut := lane.shut(now_s)) is not None:
            fault.retry_after_s = shut[0]
            raise fault
        if lane.choose("", now_s, self._failed) is not None and (
            kind is Kind.CONNECT
            or lane.budget.take(now_s)  # where nothing was sent, nothing is repeated elsewhere
        ):
            return
        self._failed = ()
        await self._pause(lane, fault, attempts, until_s)

    async def _pause(self, lane: Lane, fault: Fault, attempts: int, until_s: float) -> None:
        """Wait before another attempt at an endpoint that was tried, for as long as there is no token for it."""
        refused = fault.kind in REFUSED
        if not (refused and lane.debtors) and lane.budget.take(self._clock()):
            await asyncio.sleep(backoff_s(attempts, self._randomness))
            return
        if not refused:
            raise fault
        began_s = self._clock()
        paid = await lane.pay(urgent=self._request.urgent, until_s=until_s)
        self._queue_s += self._clock() - began_s
        if not paid:
            raise fault
