"""A server that answers each request with whatever bytes a test wants, and counts connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

HEAD = b"HTTP/1.1 200 OK\r\n"


def sized(body: bytes, *, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    """A whole reply with a length."""
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


class RawServer:
    """A raw server while it runs; see `raw_server`."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[tuple[bytes, bytes]] = []
        """Head and body of each request."""
        self.writers: list[asyncio.StreamWriter] = []
        self.serving: set[asyncio.Task[object]] = set()
        self.ended = asyncio.Event()
        """A client closed a connection."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/v1"


Answer = Callable[[RawServer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def request_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One request: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    return head, await reader.readexactly(size)


def saying(*replies: bytes, close: bool = False) -> Answer:
    """An answer to each request, the last one again and again; `close`: and the connection ends."""

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            server.requests.append(await request_of(reader))
            writer.write(replies[min(len(server.requests), len(replies)) - 1])
            if close:
                return

    return answer


@asynccontextmanager
async def raw_server(answer: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """A server on loopback while the block lasts; `answer` serves one connection, which then is closed."""
    server = RawServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        server.serving.add(task)
        try:
            await answer(server, reader, writer)
        except asyncio.CancelledError:
            return  # the end of the block; `asyncio` would log it
        except (asyncio.IncompleteReadError, OSError):
            server.ended.set()
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, backlog=4096)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in server.writers:
            writer.transport.abort()
        for task in server.serving:
            task.cancel()
        await asyncio.gather(*server.serving)
