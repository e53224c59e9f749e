"""HTTP to one server: one request, one reply, within its time and size.

One rule: one attempt and no more; every failure leaves as a `Fault` that says of which kind it is. Only a request
that had not left whole when its kept connection closed is sent again, on another one: the server cannot have acted
on it. Once all of it was sent it may have cost something, so the router decides.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from firm.model.deadline import Deadlines
from firm.model.http.address import Address, proxy_of
from firm.model.http.connection import MAX_REPLY_BYTES, Connection
from firm.model.http.content import Headers, Unfold, unfolded
from firm.model.http.opening import Opener, TlsContext
from firm.model.http.pool import KEPT_S, Pool
from firm.model.patience import Patience
from firm.model.reply import Reply, Timing
from firm.model.request import Watch
from firm.model.wire.events import Events
from firm.model.wire.fault import Fault, Kind, fault_of
from firm.model.wire.protocol import Stream

__all__ = ["KEPT_S", "MAX_REPLY_BYTES", "Address", "Transport", "proxy_of"]

T = TypeVar("T")
Read = Callable[[Connection], Awaitable[T]]


class Transport:
    """Connections to all servers, of one event loop; made at first use, closed by `close`."""

    def __init__(self, patience: Patience = Patience()) -> None:  # noqa: B008 - frozen
        self.patience = patience
        self._deadlines = Deadlines()
        self._pools: dict[str, Pool] = {}
        self._tls = TlsContext()

    async def close(self) -> None:
        """Close every connection."""
        self._deadlines.close()
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.close()

    def _pool(self, address: Address) -> Pool:
        pool = self._pools.get(address.key)
        if pool is None:
            loop = asyncio.get_running_loop()
            opener = Opener(loop, address, self._tls, connect_s=self.patience.connect_s)
            pool = self._pools[address.key] = Pool(loop, opener)
        return pool

    def _limit_s(self, limit_s: float | None) -> float:
        total_s = self.patience.total_s
        return total_s if limit_s is None or limit_s > total_s else limit_s

    async def ask(
        self,
        address: Address,
        body: bytes,
        read: Callable[[bytes], Reply],
        *,
        session: str = "",
        limit_s: float | None = None,
    ) -> Reply:
        """Post and read a whole reply; `limit_s`: in so much time, where that is less than patience has.

        Raises:
            Fault: on every failure.
            UsageError: if the session cannot be a header.
        """
        began_s = time.monotonic()
        head = address.post(len(body), session)
        data, headers = await self._fetch(address, head, body, limit_s=self._limit_s(limit_s))
        reply = read(data)
        took_s = time.monotonic() - began_s
        reply.timing = Timing(0.0, took_s, took_s)
        _name(reply, headers)
        return reply

    async def post(self, address: Address, body: bytes, *, limit_s: float | None = None) -> bytes:
        """Post and read an answer that is no reply, such as vectors.

        Raises:
            Fault: on every failure.
        """
        head = address.post(len(body), "")
        data, _ = await self._fetch(address, head, body, limit_s=self._limit_s(limit_s))
        return data

    async def get(self, address: Address) -> bytes:
        """Fetch a small document, such as the list of models.

        Raises:
            Fault: on every failure.
        """
        data, _ = await self._fetch(address, address.get_head, b"", limit_s=self.patience.connect_s)
        return data

    async def _fetch(
        self, address: Address, head: bytes, body: bytes, *, limit_s: float
    ) -> tuple[bytes, Headers]:
        deadlines = self._deadlines
        task = deadlines.enter(asyncio.get_running_loop(), limit_s)
        try:
            status, data, headers = await self._exchange(address, head, body, _all_of)
        except asyncio.CancelledError:
            if not deadlines.was_late(task):
                raise
            raise Fault(Kind.SLOW, f"no whole answer within {limit_s:g} s") from None
        finally:
            deadlines.leave(task)
        if status != 200:
            raise fault_of(status, data, headers)
        return data, headers

    async def stream(
        self,
        address: Address,
        body: bytes,
        stream: Stream,
        watch: Watch,
        *,
        session: str = "",
        limit_s: float | None = None,
    ) -> Reply:
        """Post and read a streamed reply, telling `watch` of each piece.

        Raises:
            Fault: on every failure; also if the stream ends before its end.
            UsageError: if the session cannot be a header.
        """
        head = address.post(len(body), session)
        reading = _Reading(self.patience, self._deadlines, stream, watch, self._limit_s(limit_s))
        try:
            found = await self._exchange(address, head, body, reading.found, eager=True)
        except asyncio.CancelledError:
            if not reading.was_late():
                raise
            raise Fault(Kind.SLOW, reading.waited()) from None
        except Fault as fault:
            fault.begun = reading.begun
            raise
        finally:
            reading.leave()
        if isinstance(found, Fault):
            raise found
        return found

    async def _exchange(
        self, address: Address, head: bytes, body: bytes, read: Read[T], *, eager: bool = False
    ) -> T:
        """Send and `read`; the connection goes back only if all went well."""
        pool = self._pool(address)
        while True:
            connection = pool.take() or await pool.open()
            try:
                await connection.send(head, body, eager=eager)
                found = await read(connection)
            except BaseException as error:
                connection.abort()
                if not (isinstance(error, Fault) and connection.resendable):
                    raise
            else:
                pool.give(connection)
                return found


class _Reading:
    """One stream while it is read, with its times."""

    __slots__ = (
        "_began_s",
        "_deadlines",
        "_first_s",
        "_last_s",
        "_patience",
        "_stream",
        "_task",
        "_total_s",
        "_watch",
        "begun",
    )

    def __init__(
        self, patience: Patience, deadlines: Deadlines, stream: Stream, watch: Watch, total_s: float
    ) -> None:
        self.begun = False
        """Whether some of the reply has come."""
        self._patience = patience
        self._total_s = total_s
        self._deadlines = deadlines
        self._stream = stream
        self._watch = watch
        self._began_s = time.monotonic()
        self._first_s = 0.0
        self._last_s = self._began_s + total_s
        limit_s = min(patience.first_token_s, total_s)
        self._task = deadlines.enter(asyncio.get_running_loop(), limit_s)

    async def found(self, connection: Connection) -> Reply | Fault:
        """Read to the end of the stream, which may come before that of the body."""
        await connection.head()
        if connection.status != 200:
            return fault_of(*await _all_of(connection))
        headers = Headers(connection.headers)
        stream, watch, events = self._stream, self._watch, Events()
        unfold = Unfold(headers.raw.get(b"content-encoding", b""), MAX_REPLY_BYTES)
        while not stream.ended:
            piece = await connection.some()
            if not piece:
                break
            self._came()
            for event, data in events.feed(unfold.feed(piece)):
                delta = stream.feed(event, data)
                if delta is not None:
                    self.begun = True
                    watch(delta)
        if not stream.ended:
            for event, data in events.end():
                stream.feed(event, data)
        if not stream.ended:
            raise Fault(Kind.LOST, "the stream ended in the middle of the reply")
        reply = stream.reply()
        reply.timing = Timing(0.0, self._first_s, time.monotonic() - self._began_s)
        _name(reply, headers)
        return reply

    def _came(self) -> None:
        """A piece came: the next one may take its time again."""
        now_s = time.monotonic()
        self._first_s = self._first_s or now_s - self._began_s
        self._deadlines.prolong(self._task, self._patience.between_tokens_s, self._last_s)

    def was_late(self) -> bool:
        """Whether a cancellation came from the clock."""
        return self._deadlines.was_late(self._task)

    def leave(self) -> None:
        """It is over."""
        self._deadlines.leave(self._task)

    def waited(self) -> str:
        """What a time-out waited for."""
        patience = self._patience
        if self._first_s > 0:
            between = f"nothing came for {patience.between_tokens_s:g} s in the middle of the reply"
            return f"{between}, or the whole took longer than {self._total_s:g} s"
        return f"no token within {min(patience.first_token_s, self._total_s):g} s"


async def _all_of(connection: Connection) -> tuple[int, bytes, Headers]:
    """Status, whole body and headers of an answer."""
    data = await connection.reply()
    headers = Headers(connection.headers)
    return connection.status, unfolded(data, headers, MAX_REPLY_BYTES), headers


def _name(reply: Reply, headers: Headers) -> None:
    """The server's own name of the request, where it gives one."""
    given = headers.raw.get(b"x-request-id")
    if given:
        reply.request_id = given.decode("latin-1")
