"""Opening a connection: names, all of their addresses, TLS, and the way through a proxy.

One rule: whatever goes wrong here is `Kind.CONNECT`: surely no request was sent.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from firm.model.http.address import Address, End
from firm.model.http.connection import MAX_QUIET_BYTES, Connection
from firm.model.wire.fault import Fault, Kind

NAMES_S = 10.0
"""How long the addresses of a name are believed."""

Make = Callable[[], Connection]


class TlsContext:
    """What TLS trusts, of one transport; made at first use, since reading the certificates takes milliseconds."""

    __slots__ = ("_context",)

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None

    def get(self) -> ssl.SSLContext:
        """The system's certificates, or those of `$SSL_CERT_FILE`."""
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


class Opener:
    """Opens connections to one server.

    Args:
        connect_s: for everything from the name to TLS, of one connection.
        pinned: addresses that were looked up and checked before: only these are connected to, and no name is looked
            up here; (): those that the name has.
    """

    __slots__ = ("_address", "_connect_s", "_lookup", "_lookup_s", "_loop", "_pinned", "_tls")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: Address,
        tls: TlsContext,
        *,
        connect_s: float,
        pinned: Sequence[str] = (),
    ) -> None:
        self._loop = loop
        self._address = address
        self._tls = tls
        self._connect_s = connect_s
        self._pinned = list(pinned)
        self._lookup: asyncio.Future[list[str]] | None = None
        self._lookup_s = 0.0

    async def open(self, make: Make) -> Connection:
        """A new connection.

        Raises:
            Fault: `Kind.CONNECT`.
        """
        try:
            async with asyncio.timeout(self._connect_s) as timer:
                return await self._first_that_opens(make, timer.when() or 0.0)
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise Fault(Kind.CONNECT, f"no connection within {self._connect_s:g} s") from error
            raise Fault(Kind.CONNECT, _words(error)) from error
        except UnicodeError as error:
            raise Fault(Kind.CONNECT, f"{self._address.end.host!r} is no name of a host") from error

    async def _first_that_opens(self, make: Make, last_s: float) -> Connection:
        """One address after the other; each may take its share of the time that is left."""
        end = self._address.proxy or self._address.end
        hosts = await self._hosts(end)
        for number, host in enumerate(hosts[:-1]):
            share_s = (last_s - self._loop.time()) / (len(hosts) - number)
            try:
                async with asyncio.timeout(share_s):
                    return await self._open(host, end, make)
            except OSError:
                continue
        return await self._open(hosts[-1], end, make)

    async def _hosts(self, end: End) -> list[str]:
        """Addresses of a name; those who ask at the same time share one look-up."""
        if self._pinned:
            return self._pinned
        if ":" in end.host or end.host.replace(".", "").isdigit():
            return [end.host]
        now_s = self._loop.time()
        if self._lookup is None or self._failed() or now_s - self._lookup_s > NAMES_S:
            self._lookup_s = now_s
            self._lookup = asyncio.ensure_future(_look_up(self._loop, end))
        return await asyncio.shield(self._lookup)

    def _failed(self) -> bool:
        lookup = self._lookup
        return (
            lookup is not None and lookup.done() and (lookup.cancelled() or (lookup.exception() is not None))
        )

    async def _open(self, host: str, end: End, make: Make) -> Connection:
        if self._address.proxy is not None and self._address.end.tls:
            return await self._through(host, end, make)
        context = self._tls.get() if end.tls else None
        name = end.host if end.tls else None
        _, connection = await self._loop.create_connection(
            make, host, end.port, ssl=context, server_hostname=name
        )
        return connection

    async def _through(self, host: str, proxy: End, make: Make) -> Connection:
        """TLS inside a tunnel through a proxy."""
        end, loop = self._address.end, self._loop
        context = self._tls.get() if proxy.tls else None
        transport, tunnel = await loop.create_connection(
            lambda: Tunnel(loop),
            host,
            proxy.port,
            ssl=context,
            server_hostname=proxy.host if context else None,
        )
        inner: asyncio.BaseTransport | None = None
        try:
            lines = f"CONNECT {end.shown} HTTP/1.1\r\nHost: {end.shown}\r\nUser-Agent: firm\r\n".encode()
            transport.write(lines + self._address.proxy_authorization + b"\r\n")
            status = await tunnel.status
            if not 200 <= status < 300:
                raise Fault(Kind.CONNECT, f"the proxy at {proxy.shown} answered {status}")
            connection = make()
            inner = await loop.start_tls(transport, connection, self._tls.get(), server_hostname=end.host)
            if inner is None:
                raise ConnectionResetError(f"the proxy at {proxy.shown} closed the connection")
            connection.connection_made(inner)
            return connection
        finally:
            tunnel.forget()
            if inner is None:
                transport.abort()


class Tunnel(asyncio.Protocol):
    """Asks a proxy for a way through; `status` is what it answered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.status: asyncio.Future[int] = loop.create_future()
        self._size = 0
        self._parser: Any = HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        """More of the answer; its head is all of it."""
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(f"the proxy does not speak HTTP as it should: {error}")
        if self._size > MAX_QUIET_BYTES:
            self._fail("the proxy answered without an end")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        if status >= 200 and not self.status.done():
            self.status.set_result(status)

    def on_body(self, data: bytes) -> None:
        """Called by the parser: nobody may speak before TLS does, and a refusal's words are not needed."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It closed instead."""
        self._fail(str(exc or "") or "the proxy closed the connection")

    def _fail(self, told: str) -> None:
        if not self.status.done():
            self.status.set_exception(Fault(Kind.CONNECT, told))

    def forget(self) -> None:
        """Nobody waits any more."""
        if self.status.done() and not self.status.cancelled():
            self.status.exception()
        self.status.cancel()


async def _look_up(loop: asyncio.AbstractEventLoop, end: End) -> list[str]:
    found = await loop.getaddrinfo(end.host, end.port, type=socket.SOCK_STREAM)
    hosts = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not hosts:
        raise OSError(f"the name {end.host!r} has no address")
    return hosts


def _words(error: OSError) -> str:
    """What the system or TLS said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return str(error.strerror or error) or type(error).__name__
