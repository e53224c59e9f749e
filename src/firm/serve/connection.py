"""One connection, with limits that its parser does not have: of heads, of requests ahead, of who does not read.

One rule: who sends no requests, or does not read the answers, holds nothing here for long; of bodies and of what is
answered it knows nothing.
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 64 * 1024
"""Largest head of a request (its line and its headers), and most that comes between two pieces of a body."""
HEAD_S = 20.0
"""How long a head may take to come."""
SEND_S = 60.0
"""How long a reader may take to read what waits for it."""
MAX_AHEAD = 16
"""So many requests may wait on one connection behind the one that is answered."""

_quiet = logging.Logger("firm.serve.connection", logging.CRITICAL)
"""What strangers send is no news; it is not registered, so that nothing of it changes the process's logging."""


class Connection(HttpToolsProtocol):
    """A connection of uvicorn's that gives up on who does not send a whole head, or does not read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.logger = _quiet
        self._most = self.limit_concurrency
        self.limit_concurrency = None  # it would answer them, and keep them
        self._loose_bytes = 0
        self._in_head = True
        self._answering: RequestResponseCycle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is waited for; where there are too many connections, none is."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that we are told of all that is not read
        if self._most is not None and len(self.connections) > self._most:
            self._refuse(503, b"Service Unavailable")
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more, and the request that is answered has nobody to tell."""
        self._stop_timer()
        self._stop_unread()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Something waits to be read."""
        super().pause_writing()
        self._unread = self.loop.call_later(SEND_S, self.transport.abort)

    def resume_writing(self) -> None:
        """All was read."""
        self._stop_unread()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Count what is neither a whole head nor part of a body."""
        self._loose_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._loose_bytes > MAX_HEAD_BYTES:
            self._refuse(431, b"Request Header Fields Too Large")
        elif self._in_head or self.cycle.response_complete:
            self._start_timer()

    # --- what the parser tells ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A head begins."""
        if len(self.pipeline) >= MAX_AHEAD:
            raise ValueError("too many requests at once")  # the parser makes 400 of it
        super().on_message_begin()
        self._in_head, self._loose_bytes = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """What comes behind a body is no header: who asks has been decided on by then."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head, self._loose_bytes = False, 0
        self._stop_timer()
        super().on_headers_complete()
        if self.parser.should_upgrade():  # we stay with HTTP/1.1, and the parser reads no further request
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._loose_bytes = 0
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    # --- giving up --------------------------------------------------------------------------------------------------

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refuse(408, b"Request Timeout") if self._loose_bytes else self.transport.close()

    def _refuse(self, status: int, words: bytes) -> None:
        if self._answering is None or self._answering.response_complete:
            self.transport.write(
                b"HTTP/1.1 %d %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % (status, words)
            )
        self.transport.close()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_S, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
