"""A file from wherever its address leads.

One rule: a redirect is followed with what was asked for and nothing secret, and never from TLS to none.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import urljoin

from firm.errors import UsageError
from firm.model.http.address import Address
from firm.model.http.connection import Connection
from firm.model.http.content import Headers
from firm.model.http.opening import Opener, TlsContext
from firm.model.http.pool import Pool
from firm.model.wire.fault import Fault, Kind

T = TypeVar("T")

MAX_HOPS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Download:
    """The answer to a request for a file, while its block lasts."""

    def __init__(self, connection: Connection, silence_s: float) -> None:
        self._connection = connection
        self._silence_s = silence_s
        self.status = connection.status
        self.headers = Headers(connection.headers)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it comes.

        Raises:
            Fault: if it ends early, or nothing comes for too long.
        """
        while piece := await _within(self._silence_s, self._connection.some()):
            yield piece


@asynccontextmanager
async def download(
    url: str, headers: dict[str, str], *, connect_s: float, silence_s: float
) -> AsyncIterator[Download]:
    """Ask for a file, through up to `MAX_HOPS` redirects.

    Args:
        headers: of each request on the way; nothing secret.
        connect_s: for each connection, in seconds, above 0.
        silence_s: longest wait between two pieces, in seconds, above 0.

    Raises:
        Fault: if there is no answer.
        UsageError: if `url` is no address.
    """
    loop, tls = asyncio.get_running_loop(), TlsContext()
    for _ in range(MAX_HOPS):
        address = Address(url, "", headers)
        pool = Pool(loop, Opener(loop, address, tls, connect_s=connect_s))
        try:
            connection = await pool.open()
            await connection.send(address.get_head, b"", eager=True)
            await _within(silence_s, connection.head())
            answer = Download(connection, silence_s)
            target = answer.headers.get("location") if answer.status in REDIRECTS else None
            if target is None:
                yield answer
                return
        finally:
            await pool.close()
        url = _next(url, target, headers)
    raise Fault(Kind.JUNK, f"more than {MAX_HOPS} redirects, the last one to {url!r}")


def _next(url: str, target: str, headers: dict[str, str]) -> str:
    """Where a redirect leads."""
    found = urljoin(url, target)
    try:
        end = Address(found, "", headers).end
    except UsageError as error:
        raise Fault(Kind.JUNK, f"a redirect leads to no address: {error}") from error
    if url[:6].lower() == "https:" and not end.tls:
        raise Fault(Kind.JUNK, f"a redirect leads from TLS to {found!r}, it is not followed")
    return found


async def _within(limit_s: float, coming: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(limit_s):
            return await coming
    except TimeoutError:
        raise Fault(Kind.SLOW, f"nothing came for {limit_s:g} s") from None
