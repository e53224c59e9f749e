"""The server as a guest: sockets that misbehave, an end in order, and a process that is left as it was."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.unit.serve.served import Live, Stand, served

import firm.serve.connection
import firm.serve.server
from firm.errors import UsageError
from firm.model.message import Text
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Watch
from firm.serve.keys import Keys
from firm.serve.server import Place, Server

Use = Callable[[Server, str], Awaitable[Any]]
BODY = b'{"model":"default","messages":[{"role":"user","content":"hi"}],"stream":true}'


def with_server(folder: Path, use: Use, models: Any = None) -> Any:
    """Run `use` beside a server."""

    async def inside() -> Any:
        async with served(folder, models) as (server, key):
            async with asyncio.timeout(30):
                return await use(server, key)

    return asyncio.run(inside())


def post(key: str, body: bytes = BODY, more: bytes = b"") -> bytes:
    """A request for a chat completion."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
    head += b"authorization: Bearer %b\r\n%b" % (key.encode(), more)
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


async def sent(server: Server, data: bytes) -> bytes:
    """All that comes back before the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    found = await reader.read()
    writer.close()
    return found


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"junk\0junk\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
]


@pytest.mark.parametrize("data", NO_HTTP)
def test_what_is_no_http_is_refused(tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert with_server(tmp_path, lambda server, key: sent(server, data)).startswith(b"HTTP/1.1 400 ")
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_head_that_is_too_long_is_refused(tmp_path: Path) -> None:
    data = b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 200_000
    assert with_server(tmp_path, lambda server, key: sent(server, data)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET / HTTP/1.1\r\nhost: loc"])
def test_a_head_that_does_not_come_is_given_up(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firm.serve.connection, "HEAD_S", 0.05)
    assert with_server(tmp_path, lambda server, key: sent(server, data))[:13] in (b"", b"HTTP/1.1 408 ")


def test_a_request_after_another_on_one_connection_is_answered(tmp_path: Path) -> None:
    async def use(server: Server, key: str) -> bytes:
        return await sent(server, post(key) + post(key, more=b"connection: close\r\n"))

    assert with_server(tmp_path, use).count(b"data: [DONE]") == 2


def chunked(key: str, trailer: bytes, more: bytes = b"") -> bytes:
    """A request whose body comes in chunks, and headers behind it."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    head += b"transfer-encoding: chunked\r\n%b\r\n" % more
    return head + b"%x\r\n%b\r\n0\r\n%b" % (len(BODY), BODY, trailer)


def test_a_header_behind_the_body_opens_nothing(tmp_path: Path) -> None:
    async def use(server: Server, key: str) -> bytes:
        return await sent(server, chunked(key, b"x-api-key: %b\r\n\r\n" % key.encode()))

    assert with_server(tmp_path, use).startswith(b"HTTP/1.1 401 ")


def test_headers_behind_the_body_may_not_be_endless(tmp_path: Path) -> None:
    async def use(server: Server, key: str) -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(chunked(key, b"x: "))
        with pytest.raises(ConnectionError):
            for _ in range(1_000):
                writer.write(b"a" * 65_536)
                await writer.drain()
        writer.close()
        return b""

    assert with_server(tmp_path, use) == b""


def test_an_upgrade_is_passed_over_and_a_body_that_it_swallows_is_named(tmp_path: Path) -> None:
    upgrade = b"connection: upgrade\r\nupgrade: h2c\r\n"

    async def use(server: Server, key: str) -> tuple[bytes, bytes]:
        get = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-api-key: %b\r\n%b\r\n"
        return await sent(server, post(key, more=upgrade)), await sent(server, get % (key.encode(), upgrade))

    posted, got = with_server(tmp_path, use)
    assert b"leave out the Upgrade header" in posted
    assert got.startswith(b"HTTP/1.1 200 ")


def test_too_many_requests_ahead_are_refused(tmp_path: Path) -> None:
    async def use(server: Server, key: str) -> bytes:
        return await sent(server, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n" * 200)

    assert with_server(tmp_path, use).startswith(b"HTTP/1.1 400 ")


def test_too_many_connections_are_turned_away_and_room_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firm.serve.server, "MAX_CONNECTIONS", 2)

    async def use(server: Server, key: str) -> bytes:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        refused = await sent(server, b"")
        for reader, writer in held:
            writer.close()
            await writer.wait_closed()
            await reader.read()
        while not (found := await sent(server, post(key, more=b"connection: close\r\n"))).endswith(
            b"0\r\n\r\n"
        ):
            await asyncio.sleep(0)
        assert b"[DONE]" in found
        return refused

    assert with_server(tmp_path, use).startswith(b"HTTP/1.1 503 ")


def test_who_does_not_read_is_let_go_and_the_call_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firm.serve.connection, "SEND_S", 0.05)
    ended = asyncio.Event()

    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        try:
            while True:
                watch(Delta("x" * 100_000))
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    async def use(server: Server, key: str) -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(post(key))
        await ended.wait()
        writer.close()
        return True

    assert with_server(tmp_path, use, {"default": Live(say)})


def test_who_does_not_read_an_answer_that_is_whole_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firm.serve.connection, "SEND_S", 0.05)

    async def say(request: Request, watch: Watch | None) -> Reply:
        return Reply((Text("x" * 8_000_000),))

    async def use(server: Server, key: str) -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(post(key, BODY.replace(b"true", b"false"), b"connection: close\r\n"))
        connections = server._guest.server_state.connections
        while not connections:
            await asyncio.sleep(0)
        while connections:
            await asyncio.sleep(0.001)
        writer.close()
        return True

    assert with_server(tmp_path, use, {"default": Live(say)})


def test_who_goes_away_ends_the_call_also_where_another_request_waits_behind_it(tmp_path: Path) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def say(request: Request, watch: Watch | None) -> Reply:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async def use(server: Server, key: str) -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(key) + post(key))
        await asked.wait()
        writer.close()
        return await ended.wait()

    assert with_server(tmp_path, use, {"default": Live(say)})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "0.0.0.0"])
def test_a_server_is_reached_at_the_address_that_it_tells(tmp_path: Path, host: str) -> None:
    async def inside() -> tuple[bool, int]:
        stand, keys = Stand({}), Keys(tmp_path)
        try:
            server = await Server.start(stand, keys, Place(host, 0))
        except UsageError:
            pytest.skip("there is no such address here")
        address = urlsplit(server.url)
        assert address.hostname is not None
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = b"GET /v1/models HTTP/1.1\r\nconnection: close\r\nhost: %b\r\nx-api-key: %b\r\n\r\n"
        writer.write(head % (address.netloc.encode(), keys.make("test").encode()))
        status = int((await reader.read()).split()[1])
        writer.close()
        await server.stop()
        return server.local, status

    assert asyncio.run(inside()) == (host != "0.0.0.0", 200)


def test_what_strangers_send_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        with_server(tmp_path, lambda server, key: sent(server, b"junk\r\n\r\n"))
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    def state() -> Any:
        loggers = [logging.getLogger(name) for name in (None, "firm", "uvicorn", "uvicorn.error")]
        signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return [(list(logger.handlers), logger.level, logger.propagate) for logger in loggers], signals

    async def use(server: Server, key: str) -> Any:
        loop = asyncio.get_running_loop()
        return state(), loop.get_exception_handler()

    before = state()
    [_, signals], handler = with_server(tmp_path, use)
    assert handler is None
    assert before[0] == state()[0]
    assert signals[1] == before[1][1]  # asyncio.run itself has SIGINT meanwhile


def talking(words: asyncio.Event, go_on: asyncio.Event) -> Live:
    """A model that says one word, and the other when it may."""

    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("one "))
        words.set()
        await go_on.wait()
        watch(Delta("two"))
        return Reply((Text("one two"),))

    return Live(say)


def test_a_stream_under_way_may_end_when_the_server_stops(tmp_path: Path) -> None:
    words, go_on = asyncio.Event(), asyncio.Event()

    async def use(server: Server, key: str) -> bytes:
        asking = asyncio.ensure_future(sent(server, post(key)))
        await words.wait()
        stopping = asyncio.ensure_future(server.stop(20))
        await asyncio.sleep(0.01)
        with pytest.raises(ConnectionRefusedError):
            await sent(server, b"")
        go_on.set()
        await stopping
        return await asking

    found = with_server(tmp_path, use, {"default": talking(words, go_on)})
    assert b'"content":"two"' in found
    assert b"data: [DONE]" in found


def test_a_stream_that_takes_longer_is_told_why_it_ends(tmp_path: Path) -> None:
    words = asyncio.Event()

    async def use(server: Server, key: str) -> bytes:
        asking = asyncio.ensure_future(sent(server, post(key)))
        await words.wait()
        await server.stop(0.01)
        return await asking

    found = with_server(tmp_path, use, {"default": talking(words, asyncio.Event())})
    assert b"the firm stops just now" in found
    assert b"[DONE]" not in found


def test_who_still_sends_when_the_server_stops_is_told_so(tmp_path: Path) -> None:
    async def use(server: Server, key: str) -> bytes:
        asking = asyncio.ensure_future(sent(server, post(key)[:-5]))
        while not server._guest.server_state.tasks:
            await asyncio.sleep(0)
        await server.stop(0.01)
        return await asyncio.wait_for(asking, 1)

    assert b"the firm stops just now" in with_server(tmp_path, use)


def test_a_port_that_is_taken_is_named_or_passed_over(tmp_path: Path) -> None:
    async def inside() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            stand, keys = Stand({}), Keys(tmp_path)
            with pytest.raises(UsageError, match=rf"port {port} of '127\.0\.0\.1' is taken .*--port"):
                await Server.start(stand, keys, Place("127.0.0.1", port, exact=True))
            server = await Server.start(stand, keys, Place("127.0.0.1", port))
            assert server.port != port
            await server.stop()

    asyncio.run(inside())


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "256.0.0.1"])
def test_an_address_that_is_not_here_is_named(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match=r"cannot listen at .*firm\.toml, section \[serve\]"):
        asyncio.run(Server.start(Stand({}), Keys(tmp_path), Place(host, 0)))
