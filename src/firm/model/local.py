"""The embedded model as a backend: its server is started at the first call, and again when it has stopped.

One rule: the weights are not pulled here, since that takes minutes and a person should know; what is missing is said.
"""

import asyncio
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from firm.model.embedded.catalogue import EMBEDDING, Entry, find
from firm.model.embedded.harmless import harmless
from firm.model.patience import Patience
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.target import Abilities, Model
from firm.model.vectors import Vectors
from firm.model.wire.fault import Fault, Kind
from firm.units import Usage

if TYPE_CHECKING:  # HTTP and numpy take a while to import
    from firm.model.embedded.minilm import MiniLM
    from firm.model.server import Server
    from firm.model.transport import Transport

ADDRESS = "http://embedded.localhost/v1"
"""Stands for wherever the server listens today."""
LLAMA_CPP = Abilities(tools=False, required=False, effort=False, probed=True)
"""It holds to a schema, and takes a required tool call for an optional one; small models do best with the envelope."""


class Embedded:
    """A model of the catalogue, in a process of its own that all firms on this machine share.

    Args:
        name: As the catalogue has it.
        patience: How long to wait for what.

    Raises:
        UsageError: the catalogue has no such name.
    """

    def __init__(self, name: str, patience: Patience = Patience()) -> None:  # noqa: B008 - frozen
        self.entry: Entry = find(name)
        self.model = Model(ADDRESS, self.entry.name, context_tokens=self.entry.context_tokens, eyes=False)
        self.abilities = LLAMA_CPP
        self._patience = patience
        self._starting: asyncio.Lock | None = None
        self._server: Server | None = None
        self._transport: Transport | None = None

    def __repr__(self) -> str:
        return f"Embedded({self.entry.name!r})"

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer; the server is started if it is not up.

        Raises:
            Fault: on every failure of the server.
            NotPulled, NotInstalled, ServerFailed, ServerSlow: it cannot be started; see `embedded.launch.ensure`.
        """
        request = harmless(request)
        server = await self._up(None)
        try:
            return await server.say(request, abilities, watch)
        except Fault as fault:
            if fault.kind is not Kind.CONNECT:
                raise
        server = await self._up(server)  # it was idle, and has stopped since
        return await server.say(request, abilities, watch)

    async def _up(self, gone: "Server | None") -> "Server":
        """The server; another one than `gone`."""
        if self._server is not None and self._server is not gone:
            return self._server
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self._server is None or self._server is gone:
                self._server = await self._start()
            return self._server

    async def _start(self) -> "Server":
        from firm.model.embedded.launch import ensure
        from firm.model.server import Server
        from firm.model.transport import Transport

        address = await ensure(self.entry.name)
        if self._transport is None:
            self._transport = Transport(self._patience)
        model = Model(address.url, address.model, context_tokens=address.window_tokens, eyes=False)
        return Server(model, address.key, self._transport)

    async def close(self) -> None:
        """Close the connections; the server stays until it has been idle for a while."""
        transport, self._transport, self._server = self._transport, None, None
        if transport is not None:
            await transport.close()


class Embedder:
    """The embedded model for vectors, in this process: it is small, and loaded at first use."""

    def __init__(self) -> None:
        self.entry: Entry = find(EMBEDDING)
        self.model = Model(ADDRESS, self.entry.name, eyes=False)
        self.abilities = Abilities(probed=True)
        self._loaded: MiniLM | None = None
        self._loading = asyncio.Lock()

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """It does not speak.

        Raises:
            Fault: always.
        """
        raise Fault(Kind.REQUEST, f"{self.entry.name} makes vectors and does not answer; ask another model")

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, of length 1.

        Raises:
            NotPulled, NotInstalled: its weights, or numpy, are not here.
        """
        async with self._loading:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(_load)
            found = await asyncio.to_thread(self._loaded.embed, list(texts))
            tokens = self._loaded.count(list(texts))
        vectors = tuple([array("f", row.tobytes()) for row in found])
        return Vectors(usage=Usage(tokens), model=self.entry.name, vectors=vectors)

    async def close(self) -> None:
        """Nothing is open."""
        self._loaded = None


def _load() -> "MiniLM":
    from firm.model.embedded.minilm import MiniLM

    return MiniLM()
