"""The floor under the benches of model calls: aiohttp, orjson and uvloop with nothing around them; and how to compare.

Processor time is user and system time of the client's whole process; the mock server runs in one of its own. Slices
of the works that are compared take turns, so that a slow moment of the machine falls on all of them alike.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
from yarl import URL

TEXT = "hi"
KEY = "sk-mock"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
WARM_CALLS = 64

Call = Callable[[], Awaitable[object]]
Work = Callable[[int, int], Awaitable[None]]
"""So many calls one after the other, so often at one time."""


def body(*, stream: bool = False) -> dict[str, Any]:
    """What `chat(TEXT)` sends."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": "mock", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 4096} | more


def open_session() -> aiohttp.ClientSession:
    """A session as everybody writes it, without the limit of 100 connections."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def call(session: aiohttp.ClientSession, url: str) -> Call:
    """One call: the body encoded, sent, the reply read and decoded."""
    where = url + "/chat/completions"

    async def once() -> str:
        async with session.post(where, data=orjson.dumps(body()), headers=HEADERS) as response:
            reply = orjson.loads(await response.read())
            return str(reply["choices"][0]["message"]["content"])

    return once


def open_lean_session() -> aiohttp.ClientSession:
    """A session without cookies and without a timer for each request."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
    )


def lean_call(session: aiohttp.ClientSession, url: str) -> Call:
    """The least that a call costs with aiohttp's public names."""
    where = URL(url + "/chat/completions")

    async def once() -> str:
        data = orjson.dumps(body())
        async with session.post(where, data=data, headers=HEADERS, allow_redirects=False) as response:
            reply = orjson.loads(await response.read())
            return str(reply["choices"][0]["message"]["content"])

    return once


def lanes(once: Call) -> Work:
    """A work of single calls: in each lane one after the other."""

    async def work(calls: int, at_once: int) -> None:
        async def lane() -> None:
            for _ in range(calls):
                await once()

        await asyncio.gather(*(lane() for _ in range(at_once)))

    return work


class Costs:
    """Costs of works that took turns; the first one is the floor."""

    def __init__(self, names: list[str]) -> None:
        self.slices: dict[str, list[float]] = {name: [] for name in names}
        self.floor = names[0]

    def least(self, name: str) -> float:
        """The cheapest slice."""
        return min(self.slices[name])

    def ratio(self, name: str) -> float:
        """The cheapest slice over the floor's cheapest."""
        return self.least(name) / self.least(self.floor)

    def typical_ratio(self, name: str) -> float:
        """The median of the ratios of slices that were neighbours."""
        pairs = zip(self.slices[name], self.slices[self.floor], strict=True)
        return round(statistics.median(one / other for one, other in pairs), 3)


async def take_turns(works: dict[str, Work], *, calls: int, at_once: int, rounds: int) -> Costs:
    """Processor time of a call, in µs: slices of all works in turn, `rounds` times, after a warm-up.

    Args:
        calls: In one slice, for each of the `at_once` that run at one time.
    """
    for work in works.values():
        await work(2, max(WARM_CALLS, at_once))
    costs = Costs(list(works))
    gc.collect()
    for _ in range(rounds):
        for name, work in works.items():
            begun = time.process_time()
            await work(calls, at_once)
            costs.slices[name].append((time.process_time() - begun) / calls / at_once * 1e6)
    return costs


def data_of(line: bytes) -> Any:
    """What stands in one line of a stream of events; None where it is nothing to read."""
    if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
        return None
    return orjson.loads(line[6:])
