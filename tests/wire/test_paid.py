"""What is paid for a request to a real server over HTTP, for each thing that can go wrong with it."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.model.tills import PaperTill

from firm import Agent, Budget, Firm, tool
from firm.model import Delta, Message, Model, Models, Patience, Request
from firm.model.server import Server
from firm.model.target import Abilities
from firm.model.transport import Transport
from firm.model.wire.fault import Fault, Kind
from firm.testing import FaultKind, MockFault, MockOptions, MockReply, mock_server
from firm.units import Usage
from firm.units.amount import Amount

WIRES = ("chat", "responses", "anthropic")
RATES = {"input": 2.0, "output": 10.0, "cache_read": 0.5, "cache_write": 2.5}
QUICK = Patience(connect_s=5, first_token_s=0.3, between_tokens_s=0.2, total_s=0.5)
REQUEST = Request((Message("user", "hello"),), "m", 50)


@tool(risk="read")
async def look(name: str, number: int) -> str:
    """Look."""
    return f"{name} {number}"


def ask(options: MockOptions, *, wire: str = "chat", stream: bool = False, request: Request = REQUEST) -> Any:
    """One call of one attempt; what became of its tickets, and the reply or the error."""

    async def inside() -> tuple[PaperTill, Any]:
        till = PaperTill()
        async with mock_server(options) as server:
            model = Model(server.url, "mock", wire=wire, usd_per_mtok=RATES)  # type: ignore[arg-type]
            async with Models({"m": model}, till=till, patience=QUICK) as models:
                pieces: list[Delta] = []
                backend = models.server(model, "m")
                try:
                    return till, await backend.say(request, Abilities(), pieces.append if stream else None)
                except Fault as fault:
                    return till, fault

    return asyncio.run(inside())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", WIRES)
def test_every_bucket_is_paid_for_at_its_price(wire: str, stream: bool) -> None:
    stored = 0 if wire == "chat" else 3
    usage = Usage(10, 4, stored if wire == "anthropic" else 0, 20, 5)
    till, reply = ask(MockOptions(MockReply(usage=usage)), wire=wire, stream=stream)
    assert reply.usage == usage
    usd_micro = 20 + 2 + -(-usage.cache_write * 5 // 2) + 250
    assert till.only.used == Amount.of(usage, usd_micro=usd_micro)
    assert till.only.used.usd_micro <= till.only.fare.most.usd_micro
    assert reply.cost_usd == pytest.approx(usd_micro / 1e6)


LOST, VOID = "lost", "void"


@pytest.mark.parametrize(
    ("fault", "whole", "streamed"),
    [
        (MockFault(status=400), VOID, VOID),
        (MockFault(status=401), VOID, VOID),
        (MockFault(status=404), VOID, VOID),
        (MockFault(status=429), VOID, VOID),
        (MockFault(status=500), VOID, VOID),
        (MockFault(status=503), VOID, VOID),
        (MockFault(status=504), LOST, LOST),
        (MockFault(status=524), LOST, LOST),
        (MockFault(FaultKind.CONTEXT), VOID, VOID),
        (MockFault(FaultKind.RESET), LOST, LOST),
        (MockFault(FaultKind.RESET_IN_BODY), LOST, LOST),
        (MockFault(FaultKind.CUT), LOST, LOST),
        (MockFault(FaultKind.HANG), LOST, LOST),
        (MockFault(FaultKind.JUNK), LOST, LOST),
        (MockFault(FaultKind.EMPTY), LOST, LOST),
        (MockFault(FaultKind.WRONG_TYPE), LOST, LOST),
        (MockFault(FaultKind.STREAM_ERROR), VOID, LOST),
    ],
    ids=lambda value: str(getattr(value, "kind", value)) + str(getattr(value, "status", "")),
)
@pytest.mark.parametrize("wire", WIRES)
def test_what_surely_took_nothing_is_void_and_everything_else_is_lost(
    wire: str, fault: MockFault, whole: str, streamed: str
) -> None:
    for stream, end in ((False, whole), (True, streamed)):
        till, found = ask(MockOptions(faults=(fault,)), wire=wire, stream=stream)
        assert isinstance(found, Fault)
        assert till.ends == [end], (stream, found)


def test_a_server_that_is_not_there_takes_nothing() -> None:
    async def inside() -> PaperTill:
        till = PaperTill()
        model = Model("http://127.0.0.1:9/v1", "mock", usd_per_mtok=RATES)
        async with Models(till=till) as models:
            with pytest.raises(Fault, match="no connection"):
                await models.server(model, "m").say(REQUEST, Abilities(), None)
        return till

    assert asyncio.run(inside()).ends == [VOID]


def test_the_deadline_of_a_model_is_held() -> None:
    async def inside() -> tuple[PaperTill, Fault]:
        till = PaperTill()
        async with mock_server(MockOptions(latency_s=30.0)) as server:
            model = Model(server.url, "mock", usd_per_gpu_hour=3600.0, deadline_s=0.1)
            async with Models(till=till) as models:
                with pytest.raises(Fault) as error:
                    await models.server(model, "m").say(REQUEST, Abilities(), None)
        return till, error.value

    till, fault = asyncio.run(inside())
    assert (fault.kind, till.ends) == (Kind.SLOW, [LOST])
    assert till.only.fare.most.usd_micro == 100_000


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("wire", "field"),
    [("chat", "max_tokens"), ("responses", "max_output_tokens"), ("anthropic", "max_tokens")],
)
def test_the_bound_of_the_reply_is_always_sent(wire: str, field: str, stream: bool) -> None:
    async def inside() -> dict[str, Any]:
        transport = Transport()
        try:
            async with mock_server() as server:
                model = Model(server.url, "mock", wire=wire)  # type: ignore[arg-type]
                request = msgspec.structs.replace(REQUEST, effort="max")
                say = Server(model, "k", transport).say
                await say(request, Abilities(effort=True), (lambda delta: None) if stream else None)
                return dict(server.requests[0].body)
        finally:
            await transport.close()

    body = asyncio.run(inside())
    assert body[field] == 50
    assert body.get("thinking", {"type": "adaptive"}) == {"type": "adaptive"}  # no budget beside max_tokens


def test_finding_out_what_a_server_can_do_is_not_on_the_budget_of_who_asks_first(tmp_path: Path) -> None:
    clerk = Agent("clerk", tools=[look], budget=Budget(calls=2))

    async def inside() -> str:
        async with mock_server(MockOptions(tool_turns=1)) as server:
            model = Model(server.url, "mock", usd_per_mtok=RATES)
            async with Firm.open(tmp_path, models={"default": model}) as firm:
                answer: str = await (await firm.start(clerk, "look")).result()
                assert server.count > 2  # probes among them
                return answer

    assert asyncio.run(inside()) == "Hello from the mock."


def test_an_agent_outside_any_firm_finds_out_once_what_its_server_can_do() -> None:
    async def inside(turns: int) -> int:
        async with mock_server(MockOptions(tool_turns=turns)) as server:
            clerk: Agent[str] = Agent("clerk", tools=[look], model=Model(server.url, "mock"))
            assert await clerk.run("look") == "Hello from the mock."
            return server.count

    assert asyncio.run(inside(4)) - asyncio.run(inside(1)) == 3
