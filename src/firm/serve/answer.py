"""From a request to its answer: the model is asked, the reply is checked, and told whole or as it comes.

One rule: what was told cannot be taken back. So a reply that has to match a schema is told when it was checked, tool
calls when they are whole, and a stream whose model had to begin anew ends with an error.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from firm.model.check import Ask, ask_checked
from firm.model.message import Part, Reasoning, Text, ToolCall
from firm.model.models import Models
from firm.model.repair import shape_of_tool
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Watch
from firm.model.schema import MAX_SCHEMA_BYTES, Shape, shape_of
from firm.model.wire.text import to_json
from firm.serve.body import wrong
from firm.serve.dialect import Asked, Dialect, Stream
from firm.serve.exchange import Exchange, Gone, cancelled
from firm.serve.refusal import Refusal, refusal_of, unforeseen

QUIET_S = 15.0
"""After so long without a word a stream says that it still goes on."""


def read(dialect: Dialect, body: bytes, caller: str) -> Asked:
    """What a body asks for, with schemas that can be checked; nothing is paid for yet.

    Args:
        dialect: The protocol that it came over.
        body: As it came.
        caller: Name of the key that came with it.

    Raises:
        Refusal, UsageError: it cannot be right, or asks for what is not done here.
    """
    asked = dialect.read(body, caller)
    tools = asked.request.tools
    if len(body) > MAX_SCHEMA_BYTES:
        size = sum([len(to_json(tool.parameters)) for tool in tools])
        if size > MAX_SCHEMA_BYTES:
            raise wrong(
                "tools", f"their schemas have {size:,} bytes; at most {MAX_SCHEMA_BYTES:,} together are taken"
            )
    for tool in tools:
        shape_of_tool(tool)
    if asked.request.schema is not None:
        shape_of(asked.request.schema)
    return asked


async def answer(exchange: Exchange, models: Models, dialect: Dialect, asked: Asked) -> None:
    """Ask the model and answer.

    Raises:
        Gone: nobody is there any more; the call was cancelled.
        Exception: what went wrong before anything was told.
    """
    if asked.stream:
        flow = _Flow(exchange, dialect.stream(asked))
        watch = None if asked.request.schema is not None else flow.watch
        await flow.run(call(models, asked, watch))
    else:
        reply = await exchange.unless_gone(call(models, asked))
        await exchange.answer(200, to_json(dialect.whole(asked, reply)))


async def call(models: Models, asked: Asked, watch: Watch | None = None) -> Reply:
    """One reply; checked, and repaired once, where there is a schema or tools.

    Raises:
        UsageError: there is no such model, or the schema cannot be one.
        ModelError, ModelUnavailable: as `firm.model.error` says.
    """
    request = asked.request
    if request.schema is None and not request.tools:
        return await models.call(request, watch)
    shape = shape_of(request.schema) if request.schema is not None else None
    if shape is not None:
        request = msgspec.structs.replace(request, schema=shape.json_schema)
    reply = await ask_checked(request, shape, _first_watched(models, watch), partial=True)
    if shape is not None and reply.stop == "stop":
        reply.parts = _with_text(reply, _json(shape, reply.text))
    return _first_call(reply) if asked.single else reply


def _first_watched(models: Models, watch: Watch | None) -> Ask:
    """Asks, and tells of the first reply alone: what was told cannot be taken back."""
    watches = [watch]

    async def ask(request: Request) -> Reply:
        return await models.call(request, watches.pop() if watches else None)

    return ask


def _json(shape: Shape, text: str) -> str:
    """The words of a reply as the JSON that was asked for, and nothing around it."""
    try:
        msgspec.json.decode(text)
        bare = True
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        bare = False
    return text if bare and not shape.wrapped else to_json(shape.decode(text)).decode()


def _with_text(reply: Reply, text: str) -> tuple[Part, ...]:
    """The parts of a reply with other words."""
    thoughts = [part for part in reply.parts if isinstance(part, Reasoning)]
    return (*thoughts, *([Text(text)] if text else []), *reply.tool_calls)


def _first_call(reply: Reply) -> Reply:
    first = reply.tool_calls[:1]
    reply.parts = tuple(part for part in reply.parts if not isinstance(part, ToolCall) or part in first)
    return reply


class _Flow:
    """One streamed answer: pieces come from the model, and go out when the reader has room."""

    def __init__(self, exchange: Exchange, stream: Stream) -> None:
        self._exchange, self._stream = exchange, stream
        self._pieces: list[Delta] = []
        self._told: list[str] = []
        self._bell = asyncio.Event()
        self._broke = False

    def watch(self, delta: Delta) -> None:
        """Take a piece; tool calls are told when they are whole."""
        if delta.restart:
            self._pieces.clear()
            self._broke = self._exchange.started
        elif delta.text or delta.reasoning:
            self._pieces.append(delta)
        self._bell.set()

    async def run(self, work: Coroutine[Any, Any, Reply]) -> None:
        """Tell what comes of `work`, until its end or until nobody reads."""
        doing = asyncio.ensure_future(work)
        gone = self._exchange.gone()
        for future in (doing, gone):
            future.add_done_callback(lambda _: self._bell.set())
        try:
            await self._tell(doing, gone)
        except Gone:
            raise
        except BaseException as error:
            if not self._exchange.started or not isinstance(error, (Exception, asyncio.CancelledError)):
                raise
            refusal = refusal_of(error) or unforeseen(error)
            await self._exchange.event(self._stream.broken(refusal))
        finally:
            await cancelled(doing)
            await cancelled(gone)
        await self._exchange.end()

    async def _tell(self, doing: "asyncio.Future[Reply]", gone: "asyncio.Future[None]") -> None:
        while True:
            rang = await self._ring()
            if gone.done():
                raise Gone
            if self._broke:
                raise Refusal(
                    503, "the model's server broke off in the middle of the reply; ask again", "broken_off"
                )
            ended = doing.done()
            if ended and not self._pieces:
                break
            pieces, self._pieces = self._pieces, []
            await self._send(
                [self._stream.piece(piece) for piece in pieces] if rang else [self._stream.quiet()]
            )
            self._told += [piece.text for piece in pieces]
        reply, rest = _as_told(doing.result(), "".join(self._told))
        thought = "" if self._told else reply.reasoning
        last = self._stream.piece(Delta(rest, thought)) if rest or thought else b""
        await self._send([last, self._stream.end(reply)])

    async def _send(self, events: list[bytes]) -> None:
        begin = b"" if self._exchange.started else self._stream.begin()
        await self._exchange.event(b"".join([begin, *events]))

    async def _ring(self) -> bool:
        """Wait for news; False: there were none for long."""
        try:
            async with asyncio.timeout(QUIET_S):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True


def _as_told(reply: Reply, told: str) -> tuple[Reply, str]:
    """The reply with the words that were told and those that are still to be; and the latter."""
    text = reply.text
    if text.startswith(told):
        return reply, text[len(told) :]
    reply.parts = _with_text(reply, told)
    return reply, ""
