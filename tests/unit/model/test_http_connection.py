"""One connection without a network: bytes cut anywhere give the same reply, hostile ones a fault and nothing else."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.model.http.connection import (
    HELD_BYTES,
    MAX_QUIET_BYTES,
    MAX_REPLY_BYTES,
    SLICE_BYTES,
    Connection,
)
from firm.model.wire.fault import Fault, Kind

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    OK + b"Transfer-Encoding: chunked\r\n\r\n"
    b'2;name=value;q="a;b"\r\nhe\r\n003\r\nllo\r\n0;last\r\nX-Trailer: yes\r\n\r\n'
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SIZED
UNTIL_CLOSE = OK + b"Content-Type: text/plain\r\n\r\nhello"
OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CLOSING = OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"
NO_REASON = b"HTTP/1.1 200\r\nContent-Length:5\r\n\r\nhello"

WHOLE = {
    "sized": (SIZED, True),
    "chunked": (CHUNKED, True),
    "after interim ones": (INTERIM, True),
    "until the end": (UNTIL_CLOSE, False),
    "of HTTP/1.0": (OLD, False),
    "closing": (CLOSING, False),
    "without a reason": (NO_REASON, True),
}
"""A reply that says 'hello', and whether the connection can be used again."""


class Wire(asyncio.Transport):
    """A transport to nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection
        self.sent: list[bytes] = []
        self.aborted = self.reading_paused = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert (high, low) == (1, 0)

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        if not self.aborted:
            self.aborted = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def pause_reading(self) -> None:
        assert not self.reading_paused
        self.reading_paused = True

    def resume_reading(self) -> None:
        assert self.reading_paused
        self.reading_paused = False

    def end(self) -> None:
        """The server closes."""
        self.connection.eof_received()
        self.abort()


class Keeper:
    """Counts."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def finished(self, connection: Connection) -> None:
        self.said.append("finished")

    def lost(self, connection: Connection) -> None:
        self.said.append("lost")


def opened() -> tuple[Connection, Wire, Keeper]:
    """A connection that is open."""
    keeper, wire = Keeper(), Wire()
    connection = wire.connection = Connection(asyncio.get_running_loop(), keeper)
    connection.connection_made(wire)
    return connection, wire, keeper


async def taken(connection: Connection, *, eager: bool) -> bytes:
    """The body, whole or in pieces."""
    if not eager:
        return await connection.reply()
    await connection.head()
    pieces = []
    while piece := await connection.some():
        pieces.append(piece)
    return b"".join(pieces)


def exchange(
    pieces: Sequence[bytes], *, end: bool = False, eager: bool = False
) -> tuple[bytes | Fault, bool, Wire]:
    """What one exchange gives, and whether its connection can be used again."""

    async def inside() -> tuple[bytes | Fault, bool, Wire]:
        connection, wire, _ = opened()
        await connection.send(b"head", b"body", eager=eager)
        reader = asyncio.ensure_future(taken(connection, eager=eager))
        await asyncio.sleep(0)
        for piece in pieces:
            if piece and not wire.aborted:
                connection.data_received(piece)
                await asyncio.sleep(0)
        if end and not wire.aborted:
            wire.end()
        try:
            async with asyncio.timeout(5):
                found: bytes | Fault = await reader
        except Fault as fault:
            connection.abort()
            return fault, False, wire
        return found, connection.release(), wire

    return asyncio.run(inside())


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """`data` in pieces."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


@pytest.mark.parametrize("eager", [False, True], ids=["whole", "in pieces"])
@pytest.mark.parametrize("name", WHOLE)
def test_replies_cut_anywhere_are_the_same_replies(name: str, eager: bool) -> None:
    data, again = WHOLE[name]

    @settings(max_examples=15)
    @given(st.lists(st.integers(0, 300), max_size=8))
    def hold(places: list[int]) -> None:
        found, reusable, _ = exchange(cut(data, places), end=not again, eager=eager)
        assert (found, reusable) == (b"hello", again)

    hold()
    assert exchange([data[at : at + 1] for at in range(len(data))], end=not again, eager=eager)[0] == b"hello"


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "until the end"])
def test_replies_that_end_early_are_lost_wherever_they_end(name: str) -> None:
    data, _ = WHOLE[name]
    for size in range(len(data)):
        found, _, wire = exchange([data[:size]], end=True)
        assert isinstance(found, Fault)
        assert found.kind is Kind.LOST
        assert wire.aborted


@settings(max_examples=300)
@given(
    st.sampled_from([data for data, _ in WHOLE.values()]),
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_hostile_replies_are_a_fault_or_a_reply_and_end(
    data: bytes, changes: list[tuple[int, int, bytes]], eager: bool
) -> None:
    for place, cut_out, put_in in changes:
        place %= len(data) + 1
        data = data[:place] + put_in + data[place + cut_out :]
    found, reusable, wire = exchange([data[:40], data[40:]], end=True, eager=eager)
    assert isinstance(found, bytes) or found.kind in (Kind.JUNK, Kind.LOST)
    assert wire.aborted
    assert not reusable


@given(st.binary(max_size=200))
def test_anything_but_http_is_junk_or_lost(data: bytes) -> None:
    found, _, wire = exchange([data], end=True)
    assert isinstance(found, Fault)
    assert found.kind in (Kind.JUNK, Kind.LOST)
    assert wire.aborted


@pytest.mark.parametrize("extra", [b"H", b"x", b"\x00", SIZED, b"HTTP/1.1 500 No\r\nX-Evil: 1\r\n\r\n"])
def test_what_follows_a_reply_spoils_the_connection_and_not_the_reply(extra: bytes) -> None:
    async def inside() -> None:
        connection, wire, _ = opened()
        await connection.send(b"head", b"body", eager=False)
        connection.data_received(SIZED + extra)
        assert await connection.reply() == b"hello"
        assert connection.status == 200
        assert b"X-Evil" not in connection.headers
        assert not connection.release()
        assert wire.aborted

    asyncio.run(inside())


def test_bytes_on_an_idle_connection_close_it() -> None:
    async def inside() -> list[str]:
        connection, _, keeper = opened()
        await connection.send(b"head", b"body", eager=False)
        connection.data_received(SIZED)
        await connection.reply()
        assert connection.release()
        connection.data_received(SIZED)
        await asyncio.sleep(0)
        return keeper.said

    assert asyncio.run(inside()) == ["lost"]


@pytest.mark.parametrize(
    "flood",
    [
        OK + b"X-A: " + b"a" * 1000,
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 1000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + b"X-A: b\r\n" * 100,
    ],
    ids=["head", "interim", "extension", "trailers"],
)
def test_a_flood_that_is_no_body_ends(flood: bytes) -> None:
    first, rest = flood, flood[-max(len(flood) // 2, 8) :]
    rest = flood if flood.startswith(b"HTTP/1.1 100") else rest[-8:] * 128
    pieces = [first] + [rest] * (2 * MAX_QUIET_BYTES // len(rest))
    found, _, wire = exchange(pieces)
    assert isinstance(found, Fault)
    assert found.kind is Kind.JUNK
    assert "headers" in found.told
    assert wire.aborted


def test_a_body_that_is_too_large_is_refused_by_its_length_and_by_its_bytes() -> None:
    announced = OK + b"Content-Length: %d\r\n\r\nx" % (MAX_REPLY_BYTES + 1)
    bare = OK + b"\r\n"
    for pieces in ([announced], [bare] + [bytes(1024 * 1024)] * 8 + [b"x"]):
        found, _, wire = exchange(pieces)
        assert isinstance(found, Fault)
        assert found.kind is Kind.SIZE
        assert found.told == "the reply has more than 8,388,608 bytes"
        assert wire.aborted


def test_a_stream_that_nobody_reads_makes_the_server_wait() -> None:
    async def inside() -> None:
        connection, wire, _ = opened()
        await connection.send(b"head", b"body", eager=True)
        connection.data_received(OK + b"\r\n" + bytes(HELD_BYTES))
        assert not wire.reading_paused
        connection.data_received(b"x")
        connection.data_received(b"x")
        assert wire.reading_paused
        assert len(await connection.some()) == HELD_BYTES + 2
        assert not wire.reading_paused
        connection.abort()

    asyncio.run(inside())


def test_a_large_body_waits_for_the_kernel_and_hears_an_early_answer() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"

    async def inside() -> None:
        connection, wire, _ = opened()
        connection.pause_writing()
        sending = asyncio.ensure_future(connection.send(b"head", bytes(10 * SLICE_BYTES), eager=False))
        await asyncio.sleep(0)
        assert len(wire.sent) == 1
        connection.resume_writing()
        connection.pause_writing()
        await asyncio.sleep(0)
        assert len(wire.sent) == 1
        connection.data_received(refusal)
        await sending
        assert await connection.reply() == b"no"
        assert connection.status == 413
        assert not connection.release()
        assert wire.aborted

    asyncio.run(inside())


def test_a_large_body_goes_out_whole() -> None:
    body = bytes(range(256)) * 1000

    async def inside() -> bytes:
        connection, wire, _ = opened()
        await connection.send(b"head", body, eager=False)
        connection.data_received(SIZED)
        await connection.reply()
        assert connection.release()
        return b"".join(wire.sent)

    assert asyncio.run(inside()) == b"head" + body


def test_only_a_kept_connection_that_lost_a_part_of_the_request_may_send_it_again() -> None:
    async def lost(*, used: bool, stuffed: bool, byte: bool) -> bool:
        connection, wire, _ = opened()
        if used:
            await connection.send(b"head", b"body", eager=False)
            connection.data_received(SIZED)
            await connection.reply()
            connection.release()
        await connection.send(b"head", b"body", eager=False)
        if stuffed:
            connection.pause_writing()
        if byte:
            connection.data_received(b"H")
        wire.end()
        with pytest.raises(Fault) as caught:
            await connection.reply()
        assert caught.value.kind is Kind.LOST
        return connection.resendable

    async def inside() -> None:
        assert await lost(used=True, stuffed=True, byte=False)
        assert not await lost(used=False, stuffed=True, byte=False)
        assert not await lost(used=True, stuffed=False, byte=False)
        assert not await lost(used=True, stuffed=True, byte=True)

    asyncio.run(inside())


def test_a_stream_left_before_its_last_bytes_can_be_used_once_they_came() -> None:
    head, body, last = CHUNKED.partition(b"0;last")
    assert head and body

    async def inside(rest: bytes, *, whole: bool) -> list[str]:
        connection, wire, keeper = opened()
        await connection.send(b"head", b"body", eager=True)
        connection.data_received(head)
        assert await connection.some() == b"hello"
        assert not connection.release()
        assert connection.ending
        connection.data_received(rest)
        await asyncio.sleep(0)
        assert wire.aborted is not whole
        assert not connection.ending
        return keeper.said

    assert asyncio.run(inside(b"0;last" + last, whole=True)) == ["finished"]
    assert asyncio.run(inside(b"0;last" + last + b"H", whole=False)) == ["lost"]
    assert asyncio.run(inside(b"no chunk", whole=False)) == ["lost"]
    endless = b"%x\r\n" % (2 * MAX_QUIET_BYTES) + bytes(2 * MAX_QUIET_BYTES)
    assert asyncio.run(inside(endless, whole=False)) == ["lost"]


@pytest.mark.parametrize(
    "length", [b"5\r\nContent-Length: 6", b"-1", b"5, 5", b"+5", b"0x5", b"5\r\nTransfer-Encoding: chunked"]
)
def test_lengths_that_two_readers_could_read_differently_are_junk(length: bytes) -> None:
    found, _, _ = exchange([OK + b"Content-Length: " + length + b"\r\n\r\nhello"], end=True)
    assert isinstance(found, Fault)
    assert found.kind is Kind.JUNK


def test_a_switch_of_protocols_is_junk() -> None:
    head = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nwhatever"
    found, _, _ = exchange([head], end=True)
    assert isinstance(found, Fault)
    assert found.kind is Kind.JUNK


def test_a_connection_that_closed_before_its_first_request_is_lost_at_once() -> None:
    async def inside() -> None:
        connection, wire, _ = opened()
        wire.end()
        await asyncio.sleep(0)
        await connection.send(b"head", b"body", eager=False)
        with pytest.raises(Fault) as caught:
            await connection.reply()
        assert caught.value.kind is Kind.LOST

    asyncio.run(inside())
