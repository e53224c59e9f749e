"""A second request beside one that takes longer than most: whichever answers first is taken.

One rule: it is paid for twice, so it happens only where the route says so, and only from the retry budget.

Source: Dean and Barroso, "The Tail at Scale", 2013.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from firm.errors import FirmError
from firm.model.endpoint import Endpoint
from firm.model.lane import Lane
from firm.model.reply import Reply
from firm.model.route import Why
from firm.model.wire.fault import Fault


class Attempts(Protocol):
    """What makes one attempt."""

    async def attempt(self, endpoint: Endpoint, lane: Lane, why: Why) -> Reply:
        """One attempt at an endpoint where a place was taken."""
        ...


async def either(course: Attempts, lane: Lane, endpoint: Endpoint, why: Why) -> Reply:
    """One attempt; beside it a second one, if it takes longer than 19 of 20 did.

    Raises:
        Fault: that of the first one, if both fail.
    """
    slowest_s = endpoint.slowest_s()
    if slowest_s is None:
        return await course.attempt(endpoint, lane, why)
    first = asyncio.ensure_future(course.attempt(endpoint, lane, why))
    both = [first]
    try:
        await asyncio.wait(both, timeout=slowest_s)
        other = None if first.done() else second(lane, endpoint)
        if other is None:
            return await first
        both.append(asyncio.ensure_future(course.attempt(other, lane, "hedge")))
        return await _first_good(both)
    finally:
        await _end(both)


def second(lane: Lane, endpoint: Endpoint) -> Endpoint | None:
    """Where a second request may go now, with a place taken and paid for: another endpoint, else the same."""
    now_s = lane.now_s()
    other = lane.choose("", now_s, (endpoint,)) or (endpoint if endpoint.free(now_s) else None)
    if other is None or not lane.budget.take(now_s):
        return None
    other.enter(now_s)
    return other


async def _first_good(both: Sequence[asyncio.Future[Reply]]) -> Reply:
    waiting = set(both)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for future in both:
            if future not in done or isinstance(error := future.exception(), Fault):
                continue
            if future is not both[0] and isinstance(error, FirmError):
                continue  # a second request that may not be made is not made, and the first one goes on
            return future.result()
    return both[0].result()


async def _end(futures: Sequence[asyncio.Future[Reply]]) -> None:
    """Cancel what still runs, and wait until it has ended."""
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
