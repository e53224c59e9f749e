"""One connection to a server: a request goes out, llhttp reads what comes back, one task waits for it.

One rule: bytes that nobody asked for spoil the connection, never a reply. Callbacks note what happened and wake the
one who waits; everything is raised there.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from firm.model.http.content import too_large
from firm.model.wire.fault import Fault, Kind

MAX_REPLY_BYTES = 8 * 1024 * 1024
"""Largest reply that is read."""
MAX_QUIET_BYTES = 64 * 1024
"""So many bytes without one of the body: headers, trailers, extensions of chunks; noticed after the packet."""
HELD_BYTES = 256 * 1024
"""So much of a stream lies here unread before the server has to wait."""
SLICE_BYTES = 64 * 1024
"""A larger body goes out in slices, so that an answer in between is heard."""


class Keeper(Protocol):
    """Who hears of connections that nobody waits for."""

    def finished(self, connection: "Connection") -> None:
        """The rest of its reply came, and it may be used again."""

    def lost(self, connection: "Connection") -> None:
        """It is closed."""


class _Unasked(Exception):
    """A second reply to one request."""


class Connection(asyncio.Protocol):
    """One connection; one exchange at a time, begun by `send`."""

    __slots__ = (
        "_body",
        "_closed",
        "_eager",
        "_fault",
        "_handed",
        "_headed",
        "_headers",
        "_held",
        "_keep",
        "_keeper",
        "_loop",
        "_measured",
        "_parser",
        "_quiet",
        "_state",
        "_stuffed",
        "_transport",
        "_waiter",
        "began",
        "on_body",
        "on_header",
        "status",
        "used",
        "whole",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, keeper: Keeper) -> None:
        self._loop = loop
        self._keeper = keeper
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._state = _IDLE
        self._closed = False
        self._stuffed = False
        self._held = False
        self._eager = False
        self._waiter: asyncio.Future[None] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self.used = False
        """It has brought a whole reply before."""
        self.on_header: Callable[[bytes, bytes], None] = self._headers.__setitem__
        """Called by the parser."""
        self.on_body: Callable[[bytes], None] = self._body.extend
        """Called by the parser."""
        self._reset()
        self._parser: Any = HttpResponseParser(self)

    def _reset(self) -> None:
        self.status = 0
        self.began = False
        """A byte of the reply came."""
        self.whole = False
        """The whole reply is here, or was taken."""
        self._fault: Fault | None = None
        self._handed = self._headed = self._keep = self._measured = False
        self._quiet = 0
        self._headers.clear()
        self._body.clear()

    # What the task does that uses it.

    async def send(self, head: bytes, body: bytes, *, eager: bool) -> None:
        """Begin an exchange; ends early if the reply comes before all was sent.

        Args:
            eager: Wake for each piece of the reply, not only for all of it.
        """
        self._reset()
        self._state, self._eager = _BUSY, eager
        transport = self._transport
        if self._closed or transport.is_closing():  # to write would be an error then
            self._fail(Kind.LOST, "the server closed the connection at once")
        elif len(body) <= SLICE_BYTES:
            transport.write(head + body)
            self._handed = not transport.is_closing()
        else:
            await self._send_slices(head, memoryview(body))

    async def _send_slices(self, head: bytes, body: memoryview) -> None:
        transport = self._transport
        transport.write(head)
        for start in range(0, len(body), SLICE_BYTES):
            while self._stuffed and not self._answered():
                await self._wait()
            if self._answered() or transport.is_closing():
                return
            transport.write(body[start : start + SLICE_BYTES])
        self._handed = not transport.is_closing()

    def _answered(self) -> bool:
        return self.whole or self._fault is not None

    async def _wait(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        await waiter

    async def head(self) -> None:
        """Wait for the head of the reply.

        Raises:
            Fault: if it does not come.
        """
        while not self._headed:
            if self._fault is not None:
                raise self._fault
            await self._wait()

    async def reply(self) -> bytes:
        """Wait for the whole body.

        Raises:
            Fault: if it does not come, or has more than `MAX_REPLY_BYTES`.
        """
        self._eager = False
        if self._held:
            self._let_go()
        while not self.whole:
            if self._fault is not None:
                raise self._fault
            self._waiter = waiter = self._loop.create_future()
            await waiter
        if len(self._body) > MAX_REPLY_BYTES:
            raise too_large(MAX_REPLY_BYTES)
        return bytes(self._body)

    async def some(self) -> bytes:
        """Wait for more of the body; empty at its end.

        Raises:
            Fault: if the connection fails in the middle, after all that came before was taken.
        """
        body = self._body
        while not body:
            if self.whole:
                return b""
            if self._fault is not None:
                raise self._fault
            self._waiter = waiter = self._loop.create_future()
            await waiter
        piece = bytes(body)
        body.clear()
        if self._held:
            self._let_go()
        return piece

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Headers of the reply as they came; belongs to the connection."""
        return self._headers

    @property
    def resendable(self) -> bool:
        """The exchange failed on a kept connection before the whole request had left: surely nothing was done."""
        sent = self._handed and not self._stuffed
        return self.used and not self.began and not sent and self._fault is not None

    def release(self) -> bool:
        """The exchange is over for the one who waited; whether the connection may be used at once again.

        A stream whose last bytes are still on the way gets the time to end; then the keeper hears of it.
        """
        if self.whole and self._keep and self._handed and not self._stuffed and not self._closed:
            self._state, self.used = _IDLE, True
            self._headers.clear()
            self._body.clear()
            return True
        if self.whole or self._closed or self._fault is not None or not self._handed or self._stuffed:
            self.abort()
        else:
            self._state, self._quiet = _ENDING, 0
            self._body.clear()
            if self._held:
                self._let_go()
        return False

    @property
    def closed(self) -> bool:
        """The event loop has said so."""
        return self._closed

    @property
    def open(self) -> bool:
        """As far as is known here."""
        return not (self._closed or self._transport.is_closing())

    @property
    def ending(self) -> bool:
        """It waits for the last bytes of a reply that nobody reads."""
        return self._state == _ENDING

    @property
    def fileno(self) -> int:
        """Of its socket; -1: none, or hidden behind something."""
        sock = self._transport.get_extra_info("socket")
        return -1 if self._closed or sock is None else int(sock.fileno())

    def abort(self) -> None:
        """Close it without a word; what came is dropped, since an error that is kept keeps this alive."""
        self._state = _OVER
        self._body.clear()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close it; who waits for a reply hears of it."""
        if self._state != _BUSY:
            self._state = _OVER
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport  # type: ignore[assignment]
        # `stuffed` is then true exactly while bytes wait here for the kernel to take them.
        transport.set_write_buffer_limits(high=1, low=0)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Bytes of a reply, or something that nobody asked for."""
        if self._state in (_IDLE, _OVER):
            self.abort()
            return
        self.began = True
        had = len(self._body)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._keep = False
            if not self.whole:
                self._fail(Kind.JUNK, f"this does not speak HTTP as it should: {error}")
        if not self.whole:
            self._bound(len(data), len(self._body) - had)
        if self._state == _ENDING:
            self._end()
        elif self.whole or self._eager or self._fault is not None:
            self._wake()

    def _bound(self, came: int, grown: int) -> None:
        """Hold an unfinished reply to its limits."""
        self._quiet = 0 if grown else self._quiet + came
        if self._quiet > MAX_QUIET_BYTES:
            self._fail(Kind.JUNK, f"more than {MAX_QUIET_BYTES:,} bytes of headers came")
        if self._eager:
            if len(self._body) > HELD_BYTES and not self._held:
                self._held = True
                self._transport.pause_reading()
            return
        if self._headed and not self._measured:
            self._measured = True
            length = self._found(b"content-length") or b""
            if length.isdigit() and int(length) > MAX_REPLY_BYTES:
                self._over(too_large(MAX_REPLY_BYTES))
        if len(self._body) > MAX_REPLY_BYTES:
            self._over(too_large(MAX_REPLY_BYTES))

    def _end(self) -> None:
        """After bytes of a reply that nobody waits for any more."""
        self._quiet += len(self._body)
        self._body.clear()
        if self.whole and self._keep and self.release():
            self._keeper.finished(self)
        elif self.whole or self._fault is not None or self._quiet > MAX_QUIET_BYTES:
            self.abort()

    def eof_received(self) -> None:
        """The server has nothing more to say; for a body without a length this is its end."""
        self._keep = False
        self._over_with(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._closed = True
        self._over_with(exc)
        self._keeper.lost(self)

    def _over_with(self, exc: Exception | None) -> None:
        """Nothing more will come. At once, since a request that nobody reads may keep a half-closed socket open."""
        if self._state == _BUSY and not self.whole:
            if exc is None and self._ends_with_connection():
                self.whole = True
            else:
                where = "in the middle of the reply" if self.began else "without an answer"
                self._fail(Kind.LOST, str(exc or "") or f"the server closed the connection {where}")
        self._wake()

    def pause_writing(self) -> None:
        """The kernel takes no more at present."""
        self._stuffed = True

    def resume_writing(self) -> None:
        """It took everything."""
        self._stuffed = False
        self._wake()

    # What the parser calls, beside `on_header` and `on_body`.

    def on_message_begin(self) -> None:
        """A reply begins; after the end of one it is one too many."""
        if self.whole:
            raise _Unasked

    def on_headers_complete(self) -> None:
        """The head is there; not that of an interim reply."""
        status = self._parser.get_status_code()
        if status >= 200:
            self.status, self._headed = status, True

    def on_message_complete(self) -> None:
        """A reply is whole; an interim one is forgotten."""
        if self._headed:
            self.whole = True
            self._keep = self._parser.should_keep_alive()
        else:
            self._headers.clear()

    # Small steps.

    def _ends_with_connection(self) -> bool:
        """Whether the body has no other end than that of the connection."""
        if not self._headed or self.whole or self._fault is not None:
            return False
        chunked = b"chunked" in (self._found(b"transfer-encoding") or b"").lower()
        return not chunked and self._found(b"content-length") is None

    def _found(self, name: bytes) -> bytes | None:
        return next((value for key, value in self._headers.items() if key.lower() == name), None)

    def _fail(self, kind: Kind, told: str) -> None:
        self._over(Fault(kind, told))

    def _over(self, fault: Fault) -> None:
        if self._fault is None:
            self._fault = fault
            self._transport.abort()

    def _let_go(self) -> None:
        self._held = False
        if self.open:
            self._transport.resume_reading()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


_IDLE, _BUSY, _ENDING, _OVER = range(4)
"""Nobody waits; one task waits; its last bytes are on the way and nobody waits; done with."""
