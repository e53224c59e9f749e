"""One connection to a mock server: requests are answered in order, one at a time.

One rule: what needs no waiting is done at once, in one write, with no task.
"""

import asyncio
import socket
import struct
from typing import Protocol, cast

from firm.testing.mock.http import CONTINUE, BadRequest, MockRequest, RequestReader, chunk, head
from firm.testing.mock.plan import End, Plan

SETTLE_S = 0.02
"""Time for what was written to arrive before the connection is reset."""


class Desk(Protocol):
    """Who decides what is answered."""

    connections: "set[Connection]"

    def take(self, request: MockRequest) -> Plan:
        """What to do for a request; it is now in flight."""

    def done(self) -> None:
        """A request is no longer in flight."""


class Connection(asyncio.Protocol):
    """See the module."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reader = RequestReader()
        self._loop = asyncio.get_running_loop()
        self._plan: Plan | None = None
        self._closes = False
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._desk.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._desk.connections.discard(self)
        if self._timer:
            self._timer.cancel()
        if self._plan:
            self._plan = None
            self._desk.done()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._reader.feed(data)
        if self._plan is None:
            self._next()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def _next(self) -> None:
        """Answer what has come, until one answer needs waiting."""
        while self._plan is None and not self._transport.is_closing():
            try:
                request = self._reader.next()
            except BadRequest as error:
                body = str(error).encode()
                self._transport.write(head(400, {"connection": "close"}, len(body)) + body)
                self._transport.close()
                return
            if self._reader.wants_continue:
                self._reader.wants_continue = False
                self._transport.write(CONTINUE)
            if request is None:
                return
            self._closes = request.closes
            plan = self._plan = self._desk.take(request)
            if plan.delay_s > 0:
                self._timer = self._loop.call_later(plan.delay_s, self._resume, plan)
            else:
                self._send(plan)

    def _resume(self, plan: Plan) -> None:
        self._send(plan)
        self._next()

    def _send(self, plan: Plan) -> None:
        if plan.status == 0:
            self._finish(plan)
            return
        length = None if plan.chunked else sum(map(len, plan.parts)) + plan.missing_bytes
        headers = {"content-type": plan.kind} | plan.headers
        if plan.gap_s <= 0 and plan.first_s <= 0:
            parts = map(chunk, plan.parts) if plan.chunked else plan.parts
            self._transport.write(b"".join((head(plan.status, headers, length), *parts, _last(plan))))
            self._finish(plan)
        else:
            self._transport.write(head(plan.status, headers, length))
            self._timer = self._loop.call_later(plan.first_s, self._part, plan, 0)

    def _part(self, plan: Plan, number: int) -> None:
        if number < len(plan.parts):
            data = plan.parts[number]
            self._transport.write(chunk(data) if plan.chunked else data)
            self._timer = self._loop.call_later(plan.gap_s, self._part, plan, number + 1)
        else:
            self._transport.write(_last(plan))
            self._finish(plan)
            self._next()

    def _finish(self, plan: Plan) -> None:
        if plan.end is End.HANG:
            return
        if plan.end is End.RESET:
            self._timer = self._loop.call_later(SETTLE_S if plan.status else 0, self._reset)
            return
        self._plan = None
        self._desk.done()
        if plan.end is End.CLOSE or self._closes:
            self._transport.close()

    def _reset(self) -> None:
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def _last(plan: Plan) -> bytes:
    return chunk(b"") if plan.chunked and plan.end is End.KEEP else b""
