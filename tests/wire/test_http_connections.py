"""Connections over real sockets: kept, closed at any moment, left in the middle, opened by the hundred."""

import asyncio
import gzip
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any

import pytest
import uvloop
from tests.wire.raw_server import HEAD, Answer, RawServer, raw_server, request_of, saying, sized

from firm.model.http import pool as pools
from firm.model.http.opening import Opener
from firm.model.patience import Patience
from firm.model.reply import Reply
from firm.model.transport import Address, Transport
from firm.model.wire import wire_of
from firm.model.wire.fault import Fault, Kind
from firm.testing import MockOptions, MockServer, mock_server

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
EVENT = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
STREAM = HEAD + b"Content-Type: text/event-stream\r\n"

Use = Callable[[RawServer, Transport, Address], Awaitable[Any]]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs on both event loops, in turn; what the loop would only log is an error."""

    def run_on(coroutine: Coroutine[Any, Any, Any]) -> Any:
        said: list[Any] = []
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: said.append(context))
            found = runner.run(coroutine)
        assert said == []
        return found

    return run_on


async def with_raw(answer: Answer, use: Use, patience: Patience = Patience()) -> Any:  # noqa: B008 - frozen
    """Use a server that says what it is told to."""
    transport = Transport(patience)
    try:
        async with raw_server(answer) as server:
            return await use(server, transport, Address(server.url, "/chat/completions", {}))
    finally:
        await transport.close()


async def streamed(transport: Transport, address: Address) -> Reply:
    """A streamed reply."""
    return await transport.stream(address, b"{}", wire_of("chat").stream(), lambda _: None)


def pool_of(transport: Transport, address: Address) -> pools.Pool:
    """The connections to one server."""
    return transport._pools[address.key]


async def until(so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(5):
        while not so():
            await asyncio.sleep(0.001)


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_one_connection_serves_calls_that_follow_each_other(run: Any) -> None:
    async def use(server: RawServer, transport: Transport, address: Address) -> int:
        for _ in range(5):
            assert await transport.post(address, b"{}") == b"hello"
        with pytest.raises(Fault):
            await transport.get(Address(server.url, "/none", {}))
        assert await transport.post(address, b"{}") == b"hello"
        return server.connections

    replies = [sized(b"hello")] * 5 + [sized(b"no", status=b"500 Oh")] + [sized(b"hello")]
    assert run(with_raw(saying(*replies), use)) == 1


def test_calls_at_one_time_have_connections_of_their_own_and_the_last_one_is_used_first(run: Any) -> None:
    async def inside() -> tuple[int, int]:
        transport = Transport()
        try:
            async with mock_server(MockOptions(latency_s=0.02)) as server:
                address = Address(server.url, "/embeddings", {})
                for _ in range(2):
                    await asyncio.gather(*(transport.post(address, b'{"input": "a"}') for _ in range(20)))
                most = len(server.connections)
                ports = set()
                for _ in range(3):
                    await transport.post(address, b'{"input": "a"}')
                    ports.add(len(server.connections))
                return most, ports.pop()
        finally:
            await transport.close()

    assert run(inside()) == (20, 20)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_the_server_closed_while_it_idled_is_not_used(run: Any, how: str) -> None:
    async def use(server: RawServer, transport: Transport, address: Address) -> int:
        for _ in range(3):
            assert await transport.post(address, b"{}") == b"hello"
            writer = server.writers[-1]
            writer.close() if how == "close" else writer.transport.abort()
            await until(lambda: not pool_of(transport, address)._idle)
        return server.connections

    assert run(with_raw(saying(sized(b"hello")), use)) == 3


def test_a_close_that_the_loop_had_no_time_to_see_is_seen(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "SURE_S", 0.0)

    async def use(server: RawServer, transport: Transport, address: Address) -> tuple[int, bytes]:
        assert await transport.post(address, b"{}") == b"hello"
        with socket.socket(fileno=os.dup(server.writers[-1].get_extra_info("socket").fileno())) as sock:
            sock.shutdown(socket.SHUT_WR)
        found = await transport.post(address, b"{}")  # without a turn of the loop in between
        return server.connections, found

    assert run(with_raw(saying(sized(b"hello")), use)) == (2, b"hello")


def test_a_request_that_was_sent_and_not_answered_is_not_sent_again(run: Any) -> None:
    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (sized(b"hello"), b""):
            server.requests.append(await request_of(reader))
            writer.write(reply)

    async def use(server: RawServer, transport: Transport, address: Address) -> int:
        assert await transport.post(address, b"{}") == b"hello"
        with pytest.raises(Fault) as caught:
            await transport.post(address, b"{}")
        assert caught.value.kind is Kind.LOST
        assert caught.value.told == "the server closed the connection without an answer"
        return len(server.requests)

    assert run(with_raw(answer, use)) == 2


def test_a_large_request_whose_kept_connection_dies_under_it_is_sent_again(run: Any) -> None:
    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.requests.append(await request_of(reader))
        writer.write(sized(b"hello"))
        if server.connections == 1:
            await reader.readexactly(1000)
            return
        server.requests.append(await request_of(reader))

    body = bytes(30_000_000)

    async def use(server: RawServer, transport: Transport, address: Address) -> tuple[int, int]:
        await transport.post(address, b"{}")
        assert await transport.post(address, body) == b"hello"
        return server.connections, len(server.requests[-1][1])

    assert run(with_raw(answer, use)) == (2, len(body))


def test_a_server_that_hangs_up_and_reads_no_more_is_lost_at_once(run: Any) -> None:
    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await server.ended.wait()

    async def use(server: RawServer, transport: Transport, address: Address) -> Kind:
        with pytest.raises(Fault) as caught:
            await asyncio.wait_for(transport.post(address, bytes(30_000_000)), 5)
        return caught.value.kind

    assert run(with_raw(answer, use)) is Kind.LOST


def test_an_answer_before_the_end_of_the_request_is_heard(run: Any) -> None:
    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sized(b'{"error": {"message": "too large"}}', status=b"413 Too Large"))
        await reader.read(-1) if server.connections > 1 else await server.ended.wait()

    async def use(server: RawServer, transport: Transport, address: Address) -> Fault:
        with pytest.raises(Fault) as caught:
            await transport.post(address, bytes(30_000_000))
        server.ended.set()
        return caught.value

    fault = run(with_raw(answer, use))
    assert (fault.status, fault.told) == (413, "too large")


@pytest.mark.parametrize("moment", ["before the head", "in the head", "in the body"])
def test_a_call_that_is_cancelled_takes_its_connection_with_it(run: Any, moment: str) -> None:
    sent = {"before the head": b"", "in the head": HEAD + b"X-", "in the body": sized(b"hello")[:-1]}[moment]
    came = asyncio.Event()

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            server.requests.append(await request_of(reader))
            writer.write(sent if server.connections == 1 else sized(b"fresh"))
            came.set()

    async def use(server: RawServer, transport: Transport, address: Address) -> None:
        call = asyncio.ensure_future(transport.post(address, b"{}"))
        await came.wait()
        await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.ended.wait(), 5)
        assert await transport.post(address, b"{}") == b"fresh"
        assert server.connections == 2

    run(with_raw(answer, use))


def test_a_call_that_is_too_late_takes_its_connection_with_it(run: Any) -> None:
    async def use(server: RawServer, transport: Transport, address: Address) -> None:
        began_s = time.monotonic()
        with pytest.raises(Fault) as caught:
            await transport.post(address, b"{}")
        assert caught.value.kind is Kind.SLOW
        assert 0.2 <= time.monotonic() - began_s < 2
        await asyncio.wait_for(server.ended.wait(), 5)

    run(with_raw(saying(HEAD), use, Patience(total_s=0.2)))


def test_a_body_that_drips_is_read_whole_and_held_to_its_time(run: Any) -> None:
    async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
        for place in range(len(data)):
            writer.write(data[place : place + 1])
            await asyncio.sleep(0.001)

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await drip(writer, sized(b"hello"))
        await request_of(reader)
        await drip(writer, HEAD + b"Content-Length: 10000\r\n\r\n" + bytes(10_000))

    async def use(server: RawServer, transport: Transport, address: Address) -> None:
        assert await transport.post(address, b"{}") == b"hello"
        with pytest.raises(Fault) as caught:
            await transport.post(address, b"{}")
        assert caught.value.kind is Kind.SLOW

    run(with_raw(answer, use, Patience(total_s=0.4)))


@pytest.mark.parametrize(
    ("last", "rest", "connections"),
    [
        (chunk(DONE) + chunk(b""), b"", 1),
        (chunk(DONE), chunk(b""), 1),
        (chunk(DONE), b"", 2),
        (chunk(DONE) + chunk(b"") + b"junk", b"", 2),
    ],
    ids=["in one packet", "in another packet", "never", "with junk behind it"],
)
def test_a_streams_connection_is_used_again_once_its_last_bytes_came(
    run: Any, last: bytes, rest: bytes, connections: int
) -> None:
    async def use(server: RawServer, transport: Transport, address: Address) -> int:
        assert (await streamed(transport, address)).text == "hi"
        if rest:
            server.writers[-1].write(rest)
            await until(lambda: bool(pool_of(transport, address)._idle))
        assert (await streamed(transport, address)).text == "hi"
        return server.connections

    head = STREAM + b"Transfer-Encoding: chunked\r\n\r\n"
    assert run(with_raw(saying(head + chunk(EVENT) + last), use)) == connections


def test_a_stream_may_go_on_as_long_as_pieces_come_but_not_beyond_its_whole_time(run: Any) -> None:
    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(STREAM + b"\r\n")
        for _ in range(6):
            await asyncio.sleep(0.2)
            writer.write(EVENT)
        writer.write(DONE)

    async def use(server: RawServer, transport: Transport, address: Address) -> str:
        return (await streamed(transport, address)).text

    patience = Patience(first_token_s=1, between_tokens_s=1, total_s=60)
    assert run(with_raw(answer, use, patience)) == "hi" * 6
    with pytest.raises(Fault) as caught:
        run(with_raw(answer, use, Patience(first_token_s=5, between_tokens_s=5, total_s=0.5)))
    assert caught.value.kind is Kind.SLOW
    assert "the whole took longer than 0.5 s" in caught.value.told


def test_a_stream_ends_with_its_connection_too(run: Any) -> None:
    async def use(server: RawServer, transport: Transport, address: Address) -> str:
        return (await streamed(transport, address)).text

    assert run(with_raw(saying(STREAM + b"\r\n" + EVENT + DONE, close=True), use)) == "hi"


def test_a_stream_whose_reader_fails_closes_its_connection(run: Any) -> None:
    def watch(delta: object) -> None:
        raise ValueError("no more")

    async def use(server: RawServer, transport: Transport, address: Address) -> None:
        with pytest.raises(ValueError, match="no more"):
            await transport.stream(address, b"{}", wire_of("chat").stream(), watch)
        await asyncio.wait_for(server.ended.wait(), 5)

    run(with_raw(saying(STREAM + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(EVENT)), use))


def test_encoded_replies_are_read_and_bombs_are_not(run: Any) -> None:
    packed, bomb = b"Content-Encoding: gzip\r\n", gzip.compress(bytes(9_000_000), 1)
    replies = [
        sized(gzip.compress(b"hello"), headers=packed),
        sized(gzip.compress(EVENT + DONE), headers=packed + b"Content-Type: text/event-stream\r\n"),
        sized(bomb, headers=packed),
        sized(bomb, headers=packed + b"Content-Type: text/event-stream\r\n"),
    ]

    async def use(server: RawServer, transport: Transport, address: Address) -> None:
        assert await transport.post(address, b"{}") == b"hello"
        assert (await streamed(transport, address)).text == "hi"
        for call in (transport.post(address, b"{}"), streamed(transport, address)):
            with pytest.raises(Fault) as caught:
                await call
            assert caught.value.kind is Kind.SIZE
            assert "more than 8,388,608 bytes" in caught.value.told

    run(with_raw(saying(*replies), use))


def test_hundreds_of_calls_at_once_open_as_many_connections_a_few_at_a_time(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MAX_OPENING", 20)
    calls, all_came = 300, asyncio.Event()
    opening = most = 0
    real = Opener.open

    async def counted(self: Opener, make: Any) -> Any:
        nonlocal opening, most
        opening += 1
        most = max(most, opening)
        try:
            return await real(self, make)
        finally:
            opening -= 1

    monkeypatch.setattr(Opener, "open", counted)

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.requests.append(await request_of(reader))
        if len(server.requests) == calls:
            all_came.set()
        await all_came.wait()
        writer.write(sized(b"hello"))
        await reader.read(-1)

    async def use(server: RawServer, transport: Transport, address: Address) -> int:
        found = await asyncio.gather(*(transport.post(address, b"{}") for _ in range(calls)))
        assert found == [b"hello"] * calls
        return server.connections

    assert run(with_raw(answer, use)) == calls
    assert most == 20


def test_no_call_gets_the_reply_of_another_whatever_is_cancelled(run: Any) -> None:
    random = Random(7)

    async def answer(server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await request_of(reader)
            reply = sized(body)
            place = random.randrange(len(reply))
            writer.write(reply[:place])
            await asyncio.sleep(random.choice((0, 0, 0.001, 0.003)))
            if writer.is_closing():
                return
            writer.write(reply[place:])
            if random.random() < 0.1:
                return

    async def use(server: RawServer, transport: Transport, address: Address) -> int:
        async def lane(number: int) -> int:
            good = 0
            for count in range(20):
                body = b"%d-%d" % (number, count) * random.randrange(1, 50)
                try:
                    async with asyncio.timeout(random.choice((5, 5, 0.001, 0.002))):
                        assert await transport.post(address, body) == body
                    good += 1
                except TimeoutError:
                    continue
                except Fault as fault:
                    assert fault.kind is Kind.LOST
            return good

        found = sum(await asyncio.gather(*(lane(number) for number in range(20))))
        await until(lambda: pool_of(transport, address)._live == set(pool_of(transport, address)._idle))
        return found

    assert run(with_raw(answer, use)) > 50


def test_what_is_given_back_after_the_end_is_closed(run: Any) -> None:
    async def inside(server: MockServer) -> int:
        transport = Transport()
        address = Address(server.url, "/embeddings", {})
        await transport.post(address, b'{"input": "a"}')
        call = asyncio.ensure_future(transport.post(address, b'{"input": "a"}'))
        await until(lambda: server.count == 2)
        await transport.close()
        with pytest.raises(Fault) as caught:
            await call
        assert caught.value.kind is Kind.LOST
        await until(lambda: not server.connections)
        return len(transport._pools)

    async def outside() -> int:
        async with mock_server(MockOptions(latency_s=0.05)) as server:
            return await inside(server)

    assert run(outside()) == 0


def test_connections_that_idle_are_closed(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "KEPT_S", 0.05)

    async def use(server: RawServer, transport: Transport, address: Address) -> None:
        await transport.post(address, b"{}")
        await asyncio.wait_for(server.ended.wait(), 5)

    run(with_raw(saying(sized(b"hello")), use))
