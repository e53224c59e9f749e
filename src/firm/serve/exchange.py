"""One request and its answer over ASGI, within limits of size and time.

One rule: who does not send or has gone away holds nothing here for long; who does not read is the connection's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any, TypeVar

from firm.serve.refusal import Refusal

T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

MAX_BODY_BYTES = 20 * 1024 * 1024
"""Largest body that is taken."""
BODY_S = 60.0
"""How long a body may take to come."""
DISCARD_BYTES = 64 * 1024 * 1024
"""How much of a body that is not wanted is read all the same, so that its sender gets to read the answer."""
DISCARD_S = 5.0
ONCE = ("host", "authorization", "x-api-key", "content-encoding")
"""Headers of which only one can be meant."""

JSON = (b"content-type", b"application/json")
EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))
ALWAYS = ((b"x-content-type-options", b"nosniff"),)


class Gone(Exception):
    """Who asked has gone away; there is nobody to tell."""


class Exchange:
    """One request and its answer.

    Args:
        scope, receive, send: As ASGI gives them.
    """

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.client: str = (scope.get("client") or ("",))[0]
        """Address of who asks; '' where that is not known."""
        given = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.headers: dict[str, str] = dict(given)
        self.repeated: set[str] = set()
        """Those of `ONCE` that stand more than once."""
        if len(self.headers) < len(given):
            names = [name for name, _ in given]
            self.repeated = {name for name in ONCE if names.count(name) > 1}
        self.started = False
        """The head of the answer is sent."""
        self._receive, self._send = receive, send
        self._all_here = False
        self._gone: asyncio.Future[None] | None = None

    # --- in ---------------------------------------------------------------------------------------------------------

    async def body(self, most: int = MAX_BODY_BYTES) -> bytes:
        """The whole body.

        Args:
            most: Bytes; of a larger one no more is read.

        Raises:
            Refusal: it is packed, lost to an upgrade, larger than `most`, or did not come within `BODY_S`.
            Gone: it will not come.
        """
        if "upgrade" in self.headers.get("connection", "").lower() and "upgrade" in self.headers:
            raise Refusal(
                400,
                "the body was lost: this server speaks HTTP/1.1 alone; leave out the Upgrade header",
                "upgrade",
            )
        packed = self.headers.get("content-encoding", "identity")
        if packed.lower() != "identity":
            raise Refusal(415, f"the body is packed as {packed!r:.40}; send it as it is", "packed_body")
        told = self.headers.get("content-length", "")
        if told.isdecimal() and int(told[:20]) > most:
            raise _too_large(most)
        pieces, size = [], 0
        try:
            async with asyncio.timeout(BODY_S):
                while not self._all_here:
                    piece = await self._piece()
                    size += len(piece)
                    if size > most:
                        raise _too_large(most)
                    pieces.append(piece)
        except TimeoutError:
            raise Refusal(408, f"the body did not come within {BODY_S:.0f} s; send it faster") from None
        return b"".join(pieces)

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        self._all_here = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which is cancelled if who asked goes away.

        Raises:
            Gone: that happened.
        """
        doing = asyncio.ensure_future(work)
        try:
            await asyncio.wait((doing, self.gone()), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise Gone
            return doing.result()
        finally:
            await cancelled(doing)
            await cancelled(self.gone())

    def gone(self) -> "asyncio.Future[None]":
        """Is done when who asked has gone away; only after the body was read."""
        if self._gone is None:
            self._gone = asyncio.ensure_future(self._wait_gone())
        return self._gone

    async def _wait_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    # --- out --------------------------------------------------------------------------------------------------------

    async def answer(
        self, status: int, body: bytes, headers: Iterable[Header] = (), *, kind: Header = JSON
    ) -> None:
        """The whole answer, as JSON; `kind` is another header content-type."""
        length = (b"content-length", str(len(body)).encode())
        await self._start(status, (kind, length, *headers))
        await self._write(body, more=False)

    async def refuse(self, refusal: Refusal, body: bytes, *, patient: bool = True) -> None:
        """An answer that says why not.

        Args:
            refusal: Why not.
            body: The same in the words of the protocol.
            patient: What else comes of the request is read for a while, since many read no answer before it is sent.
        """
        headers = refusal.headers
        if not self._all_here:
            if patient:
                await self._discard()
            headers.append((b"connection", b"close"))
        await self.answer(refusal.status, body, headers)

    async def _discard(self) -> None:
        if self.headers.get("content-length", "0") == "0" and "transfer-encoding" not in self.headers:
            return
        if "expect" in self.headers:
            return  # it waits for a word from us before it sends
        size = 0
        try:
            async with asyncio.timeout(DISCARD_S):
                while not self._all_here and size < DISCARD_BYTES:
                    size += len(await self._piece())
        except TimeoutError:
            pass

    async def event(self, data: bytes) -> None:
        """Events of a stream; the first begins the answer. It waits while the reader does not read."""
        if not self.started:
            await self._start(200, EVENTS)
        await self._write(data, more=True)

    async def end(self) -> None:
        """The end of a stream."""
        await self._write(b"", more=False)

    async def _start(self, status: int, headers: Iterable[Header]) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *ALWAYS]})

    async def _write(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


async def cancelled(work: "asyncio.Future[Any]") -> None:
    """Cancel, and wait until that is so."""
    if not work.done():
        work.cancel()
        await asyncio.wait((work,))


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"the body has more than {most:,} bytes; send less", "request_too_large")
