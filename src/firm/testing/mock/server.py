"""A server that speaks as the providers of models do, fast, and wrong where a test wants it.

One rule: it listens on loopback only, and keeps nothing but the latest requests, in memory.
"""

import asyncio
import base64
import struct
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from firm.testing.mock.chat import ChatWire
from firm.testing.mock.connection import Connection
from firm.testing.mock.content import BYTES_PER_TOKEN, Call, encode, say, vector
from firm.testing.mock.fault import HTML, Wire, refusal, too_long
from firm.testing.mock.http import MockRequest
from firm.testing.mock.messages import MessagesWire
from firm.testing.mock.options import FaultKind, MockFault, MockOptions, MockReply
from firm.testing.mock.plan import End, Plan
from firm.testing.mock.responses import ResponsesWire

BACKLOG = 65_535
COUNTS_PATH = "/mock"
"""Below the address: how many requests came, for clients of a server in another process."""
WIRES: dict[str, Wire] = {wire.path: wire for wire in (ChatWire(), ResponsesWire(), MessagesWire())}
BLIND = "image input is not supported by this model: 'image_url' is only taken by models with vision"


class MockServer:
    """A mock server while it runs; see `mock_server`."""

    def __init__(self, options: MockOptions) -> None:
        self.options = options
        """May be replaced while it runs."""
        self.url = ""
        """Address up to the version: 'http://127.0.0.1:PORT/v1'."""
        self.count = 0
        """Requests so far."""
        self.in_flight = 0
        self.most_in_flight = 0
        """The largest number of requests at one time."""
        self.requests: deque[MockRequest] = deque(maxlen=options.keep)
        """The latest requests, the newest last."""
        self.error: Exception | None = None
        """The first failure of the script; raised at the end of the block."""
        self.connections: set[Connection] = set()
        self._random = Random(options.seed)
        self._faults = 0
        self._server: asyncio.Server | None = None

    @property
    def root(self) -> str:
        """The address without the version, as the `anthropic` package wants it."""
        return self.url.removesuffix("/v1")

    async def open(self, *, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), "127.0.0.1", port, backlog=BACKLOG, reuse_address=True
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server:
            self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)
        if self._server:
            await self._server.wait_closed()

    def done(self) -> None:
        """A request is no longer in flight."""
        self.in_flight -= 1

    def take(self, request: MockRequest) -> Plan:
        """What to do for a request; it is now in flight."""
        self.count += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.requests.append(request)
        path = request.path.partition("?")[0].removeprefix("/v1")
        wire = WIRES.get(path)
        plan = self._refused(request, wire or WIRES["/chat/completions"])
        if plan is None:
            plan = self._reply(request, wire) if wire else self._other(request, path)
        name = "request-id" if isinstance(wire, MessagesWire) else "x-request-id"
        plan.headers = {name: f"req_{self.count:08x}", **plan.headers, **self.options.headers}
        plan.delay_s = plan.delay_s or self._latency_s()
        if self.options.slice_bytes:
            plan.slice(self.options.slice_bytes)
            plan.gap_s = self.options.chunk_s
        return plan

    def _latency_s(self) -> float:
        latency = self.options.latency_s
        return self._random.uniform(*latency) if isinstance(latency, tuple) else latency

    def _refused(self, request: MockRequest, wire: Wire) -> Plan | None:
        """What speaks against it before it is read."""
        options = self.options
        if options.key is not None and options.key != _key(request):
            return refusal(wire, MockFault(status=401), model="")
        if options.limit is not None and self.in_flight > options.limit:
            return refusal(wire, MockFault(status=429, retry_after_s=1), model="")
        return None

    def _reply(self, request: MockRequest, wire: Wire) -> Plan:
        body, options = request.body, self.options
        lacking = [name for name in wire.needs if not isinstance(body, dict) or name not in body]
        if lacking:
            return refusal(wire, MockFault(status=400, message=f"{lacking[0]}: Field required"), model="")
        if isinstance(wire, MessagesWire) and "anthropic-version" not in request.headers:
            return refusal(
                wire, MockFault(status=400, message="anthropic-version: header is required"), model=""
            )
        call = wire.read(body, len(request.raw))
        if options.models and call.model not in options.models:
            return refusal(wire, MockFault(status=404), model=call.model)
        if not options.eyes and (b'"image_url"' in request.raw or b'"image"' in request.raw):
            return refusal(wire, MockFault(status=400, message=BLIND), model=call.model)
        tokens = len(request.raw) // BYTES_PER_TOKEN
        if options.context_tokens is not None and tokens > options.context_tokens:
            style, limit = options.context_style, options.context_tokens
            return too_long(wire, MockFault(FaultKind.CONTEXT, style=style, asked=tokens, limit=limit))
        return self._decide(wire, call)

    def _decide(self, wire: Wire, call: Call) -> Plan:
        options = self.options
        said = self._drawn_fault() or self._scripted(call)
        if isinstance(said, MockFault):
            return self._broken(wire, call, said)
        if said is None:
            said = options.reply
        return self._plan(wire, call, said if isinstance(said, MockReply) else MockReply(said))

    def _scripted(self, call: Call) -> MockReply | MockFault | str | None:
        if self.options.script is None:
            return None
        try:
            return self.options.script(call.body)
        except Exception as error:
            self.error = self.error or error
            return MockFault(status=500, message=f"the script of the mock server failed: {error!r}")

    def _drawn_fault(self) -> MockFault | None:
        options = self.options
        if not options.faults or (options.fault_count is not None and self._faults >= options.fault_count):
            return None
        if options.fault_rate < 1 and self._random.random() >= options.fault_rate:
            return None
        self._faults += 1
        return options.faults[0] if len(options.faults) == 1 else self._random.choice(options.faults)

    def _plan(self, wire: Wire, call: Call, reply: MockReply) -> Plan:
        options = self.options
        if not options.logprobs:
            call.logprobs = None
        whole = say(self.count, call, reply, options)
        delay_s = reply.latency_s or 0.0
        if not call.stream:
            return Plan(parts=[encode(wire.whole(call, whole))], delay_s=delay_s)
        events = wire.events(call, whole)
        if options.comments:
            events = [b": still here\n\n" + event for event in events]
        return Plan(
            parts=events,
            kind="text/event-stream; charset=utf-8",
            chunked=True,
            delay_s=delay_s,
            first_s=options.first_s,
            gap_s=options.chunk_s,
        )

    def _broken(self, wire: Wire, call: Call, fault: MockFault) -> Plan:
        kind = fault.kind
        if kind is FaultKind.STATUS or (kind is FaultKind.STREAM_ERROR and not call.stream):
            return refusal(wire, fault, model=call.model)
        if kind is FaultKind.CONTEXT:
            return too_long(wire, fault)
        if kind is FaultKind.RESET:
            return Plan(0, end=End.RESET)
        if kind is FaultKind.EMPTY:
            return Plan()
        if kind is FaultKind.WRONG_TYPE:
            return Plan(parts=[HTML], kind="text/html")
        if kind is FaultKind.HUGE:
            return self._plan(wire, call, MockReply("x" * fault.size_bytes))
        reply = self.options.reply
        plan = self._plan(wire, call, reply if isinstance(reply, MockReply) else MockReply(reply))
        return _spoiled(plan, wire, fault)

    def _other(self, request: MockRequest, path: str) -> Plan:
        """Anything that is no chat."""
        pages = self.options.pages
        if request.method == "GET" and (path in pages or request.path in pages):
            return Plan(parts=[encode(pages.get(path, pages.get(request.path)))])
        if path == COUNTS_PATH:
            counts = {"count": self.count, "in_flight": self.in_flight, "most_in_flight": self.most_in_flight}
            return Plan(parts=[encode(counts)])
        if path == "/embeddings" and isinstance(request.body, dict):
            return Plan(parts=[encode(self._embeddings(request.body, len(request.raw)))])
        if path == "/models" and request.method == "GET":
            models = [_model(name) for name in self.options.models or ("mock",)]
            first, last = models[0]["id"], models[-1]["id"]
            page = {"object": "list", "data": models, "has_more": False, "first_id": first, "last_id": last}
            return Plan(parts=[encode(page)])
        error = {"message": f"Unknown request URL: {request.method} {request.path}."}
        return Plan(
            404, [encode({"error": error | {"type": "invalid_request_error", "code": "unknown_url"}})]
        )

    def _embeddings(self, body: dict[str, Any], size_bytes: int) -> dict[str, Any]:
        given = body.get("input", "")
        texts = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
        dimensions = body.get("dimensions") or self.options.dimensions
        data = []
        for index, text in enumerate(texts):
            numbers: Any = vector(str(text), dimensions)
            if body.get("encoding_format") == "base64":
                numbers = base64.b64encode(struct.pack(f"<{dimensions}f", *numbers)).decode()
            data.append({"object": "embedding", "index": index, "embedding": numbers})
        tokens = size_bytes // BYTES_PER_TOKEN
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": body.get("model", ""), "data": data, "usage": usage}


def _spoiled(plan: Plan, wire: Wire, fault: MockFault) -> Plan:
    """A good reply, spoiled half-way."""
    if fault.kind is FaultKind.RESET_IN_BODY:
        plan.halve(End.RESET)
    elif fault.kind is FaultKind.CUT:
        plan.halve(End.CLOSE)
    elif fault.kind is FaultKind.HANG:
        plan.halve(End.HANG)
    elif fault.kind is FaultKind.STREAM_ERROR:
        plan.halve(End.KEEP)
        plan.parts = [*plan.parts, wire.broken(fault.message or "Overloaded")]
    elif plan.chunked:
        plan.parts = [
            *plan.parts[: len(plan.parts) // 2],
            b'data: {"choices": [{"delta\n\n',
            *plan.parts[-1:],
        ]
    else:
        plan.parts = [b'{"choices": [{"message": oops']
    return plan


def _model(name: str) -> dict[str, Any]:
    """A model in the words of both providers."""
    created = int(time.time())
    one = {"id": name, "object": "model", "created": created, "owned_by": "mock"}
    words = {"type": "model", "display_name": name, "lifecycle": "active"}
    return one | words | {"created_at": "2026-01-01T00:00:00Z"}


def _key(request: MockRequest) -> str:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return request.headers.get("x-api-key", bearer)


@asynccontextmanager
async def mock_server(options: MockOptions | None = None, *, port: int = 0) -> AsyncIterator[MockServer]:
    """A mock server on loopback, in this process, while the block lasts.

    It speaks Chat Completions, Responses, Anthropic Messages (each with and without streaming), embeddings and
    the list of models.

    Args:
        options: How it behaves; None: it answers everything well and at once.
        port: 0 takes a free one.

    Raises:
        OSError: if the port is taken.
        Exception: what the script raised, at the end of the block.
    """
    server = MockServer(options or MockOptions())
    await server.open(port=port)
    try:
        yield server
    finally:
        await server.close()
    if server.error is not None:
        raise server.error
