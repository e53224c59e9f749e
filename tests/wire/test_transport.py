"""HTTP to one server, with everything that can go wrong: each failure is a fault of its kind, and nothing hangs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firm.model.message import Message
from firm.model.patience import Patience
from firm.model.request import Delta, Request
from firm.model.server import Server
from firm.model.target import Abilities, Model
from firm.model.transport import MAX_REPLY_BYTES, Transport
from firm.model.wire.fault import Fault, Kind
from firm.testing import FaultKind, MockFault, MockOptions, MockReply, mock_server
from firm.units import Usage

WIRES = ("chat", "responses", "anthropic")
QUICK = Patience(connect_s=5, first_token_s=0.3, between_tokens_s=0.2, total_s=0.5)
REQUEST = Request((Message("user", "hello"),), session="s-1")
Say = Callable[[Server], Awaitable[Any]]


def with_server(
    options: MockOptions, use: Say, *, wire: str = "chat", patience: Patience | None = None
) -> Any:
    """Use one server."""

    async def inside() -> Any:
        transport = Transport(patience or Patience())
        try:
            async with mock_server(options) as server:
                model = Model(server.url, "mock", wire=wire)  # type: ignore[arg-type]
                return await use(Server(model, "k", transport))
        finally:
            await transport.close()

    return asyncio.run(inside())


async def whole(server: Server) -> Any:
    """A reply at once."""
    return await server.say(REQUEST, Abilities(), None)


async def streamed(server: Server) -> Any:
    """A streamed reply, and what was told of it."""
    seen: list[Delta] = []
    reply = await server.say(REQUEST, Abilities(), seen.append)
    return reply, seen


@pytest.mark.parametrize("wire", WIRES)
def test_a_streamed_reply_equals_the_whole_one(wire: str) -> None:
    options = MockOptions(
        MockReply("Guten Tag, 你好", reasoning="hm", usage=Usage(5, 7, 0, 13, 17)), slice_bytes=7
    )
    one = with_server(options, whole, wire=wire)
    other, seen = with_server(options, streamed, wire=wire)
    assert one.text == other.text == "".join(delta.text for delta in seen) == "Guten Tag, 你好"
    assert (one.usage, one.stop) == (other.usage, other.stop)
    assert one.usage.output > 0
    assert 0 < other.timing.first_token_s <= other.timing.total_s


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("say", [whole, streamed])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (MockFault(status=401), Kind.KEY),
        (MockFault(status=404), Kind.MODEL),
        (MockFault(status=429, retry_after_s=3), Kind.RATE),
        (MockFault(status=500), Kind.SERVER),
        (MockFault(status=503), Kind.OVERLOAD),
        (MockFault(FaultKind.CONTEXT), Kind.CONTEXT),
        (MockFault(FaultKind.RESET), Kind.LOST),
        (MockFault(FaultKind.RESET_IN_BODY), Kind.LOST),
        (MockFault(FaultKind.CUT), Kind.LOST),
        (MockFault(FaultKind.HANG), Kind.SLOW),
        (MockFault(FaultKind.JUNK), Kind.JUNK),
        (MockFault(FaultKind.HUGE, size_bytes=MAX_REPLY_BYTES + 1000), Kind.SIZE),
    ],
    ids=lambda value: value.kind.value if isinstance(value, MockFault) else "",
)
def test_each_failure_is_a_fault_of_its_kind(wire: str, say: Say, fault: MockFault, kind: Kind) -> None:
    patience = QUICK if fault.kind is FaultKind.HANG else None
    with pytest.raises(Fault) as caught:
        with_server(MockOptions(faults=(fault,)), say, wire=wire, patience=patience)
    assert caught.value.kind is kind
    if fault.retry_after_s is not None:
        assert caught.value.retry_after_s == fault.retry_after_s
    if kind is Kind.CONTEXT:
        assert (caught.value.asked, caught.value.limit) == (9000, 8192)


@pytest.mark.parametrize("kind", [FaultKind.EMPTY, FaultKind.WRONG_TYPE])
@pytest.mark.parametrize("say", [whole, streamed])
def test_what_is_no_reply_is_never_taken_for_one(say: Say, kind: FaultKind) -> None:
    with pytest.raises(Fault) as caught:
        with_server(MockOptions(faults=(MockFault(kind),)), say)
    assert caught.value.kind in (Kind.JUNK, Kind.LOST)


def test_a_server_that_is_down_is_no_connection() -> None:
    async def inside() -> None:
        transport = Transport()
        try:
            await whole(Server(Model("http://127.0.0.1:1/v1", "m"), "", transport))
        finally:
            await transport.close()

    with pytest.raises(Fault) as caught:
        asyncio.run(inside())
    assert caught.value.kind is Kind.CONNECT


def test_redirects_are_not_followed_with_the_key() -> None:
    with pytest.raises(Fault) as caught:
        with_server(MockOptions(faults=(MockFault(status=307, message="elsewhere"),)), whole)
    assert caught.value.status == 307


def test_the_session_is_sent_for_routers_and_the_key_as_the_wire_wants() -> None:
    async def inside() -> list[dict[str, str]]:
        transport = Transport()
        try:
            async with mock_server(MockOptions()) as server:
                for wire in WIRES:
                    await whole(Server(Model(server.url, "mock", wire=wire), "k-1", transport))  # type: ignore[arg-type]
                return [
                    {name.lower(): value for name, value in seen.headers.items()} for seen in server.requests
                ]
        finally:
            await transport.close()

    chat, responses, anthropic = asyncio.run(inside())
    assert {headers["x-session-id"] for headers in (chat, responses, anthropic)} == {"s-1"}
    assert chat["authorization"] == responses["authorization"] == "Bearer k-1"
    assert anthropic["x-api-key"] == "k-1"
