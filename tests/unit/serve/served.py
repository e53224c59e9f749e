"""An API with scripted models, reached as an ASGI application or over a real socket."""

import asyncio
import contextlib
import json
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firm.model.models import Given, Models
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.scripted import ScriptedModel
from firm.model.target import Abilities, Model
from firm.model.vectors import Vectors
from firm.serve.api import Api
from firm.serve.keys import Keys
from firm.serve.server import Place, Server
from firm.units import Usage


class Stand:
    """What the API needs of a firm."""

    def __init__(self, models: Mapping[str, Given]) -> None:
        self.models = Models(models)


class Live:
    """A model that does what a test says, piece by piece."""

    def __init__(self, say: Callable[[Request, Watch | None], Awaitable[Reply]]) -> None:
        self.model = Model("http://live.localhost", "live")
        self.abilities = Abilities(probed=True)
        self._say = say

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """As the test says."""
        return await self._say(request, watch)

    async def close(self) -> None:
        """Nothing is open."""


class Embedder(Live):
    """A model that makes the same vectors of whatever it gets: of text n the n-th."""

    def __init__(self, *vectors: list[float]) -> None:
        super().__init__(lambda *_: asyncio.sleep(0, Reply()))
        self._vectors = vectors

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One a text."""
        found = tuple(array("f", vector) for vector in self._vectors[: len(texts)])
        return Vectors(usage=Usage(3 * len(texts)), vectors=found)


class Answer:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status = messages[0]["status"]
        self.headers = dict(messages[0]["headers"])
        self.body = b"".join(message.get("body", b"") for message in messages[1:])
        self.ended = not messages[-1].get("more_body", False)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of the events of a stream; what is no JSON as text."""
        found = []
        for line in self.body.decode().split("\n"):
            if line.startswith("data: "):
                text = line[6:]
                found.append(text if text == "[DONE]" else json.loads(text))
        return found


async def ask(api: Api, path: str, body: object = None, **more: Any) -> Answer:
    """Send one request to the application itself.

    Args:
        api: The application.
        path: Below the root.
        body: JSON, or bytes as they are; None: a GET.
        more: `key`, `host`, `headers` (a list of pairs), `chunks` (the body in pieces), `method`.
    """
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    chunks = list(more.get("chunks") or [raw])
    headers = [(b"host", more.get("host", "127.0.0.1:1").encode())]
    if more.get("key"):
        headers.append((b"authorization", b"Bearer " + more["key"].encode()))
    headers += more.get("headers", [])
    scope = {
        "type": "http",
        "method": more.get("method", "GET" if body is None and "chunks" not in more else "POST"),
        "path": path,
        "headers": headers,
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if chunks:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    await api(scope, receive, send)
    return Answer(sent)


def api_of(folder: Path, models: Mapping[str, Given], *, local: bool = True) -> tuple[Api, str]:
    """An application, and a key for it."""
    keys = Keys(folder)
    return Api(Stand(models), keys, local=local), keys.make("test")


@contextlib.asynccontextmanager
async def served(
    folder: Path, models: Mapping[str, Given] | None = None
) -> AsyncIterator[tuple[Server, str]]:
    """A server on a free port of this machine, and a key for it."""
    stand = Stand(models or {"default": ScriptedModel({"": "yes"})})
    keys = Keys(folder)
    key = keys.make("test")
    server = await Server.start(stand, keys, Place("127.0.0.1", 0))
    try:
        yield server, key
    finally:
        await server.stop()
        await stand.models.close()
