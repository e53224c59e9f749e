"""A server that speaks one of the wire protocols, as a backend."""

from collections.abc import Sequence

from firm.model.probe import known
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.target import Abilities, Model
from firm.model.transport import Address, Transport
from firm.model.vectors import Vectors
from firm.model.wire import embeddings, wire_of


class Server:
    """A server that speaks one of the wire protocols."""

    def __init__(self, model: Model, key: str, transport: Transport) -> None:
        self.model = model
        self.key = key
        self.abilities = known(model) or Abilities()
        self._wire = wire_of(model.wire)
        self._transport = transport
        headers = self._wire.headers(key)
        self._address = Address(model.url, self._wire.path, headers)
        self._embeddings = Address(model.url, embeddings.PATH, headers)

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer; as a stream if somebody watches."""
        wire = self._wire
        body = wire.body(request, self.model, abilities, stream=watch is not None)
        session, limit_s = request.session, self.model.deadline_s
        if watch is None:
            return await self._transport.ask(
                self._address, body, wire.reply, session=session, limit_s=limit_s
            )
        stream = wire.stream()
        return await self._transport.stream(
            self._address, body, stream, watch, session=session, limit_s=limit_s
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts.

        Raises:
            Fault: on every failure.
        """
        body = embeddings.body_of(texts, self.model)
        answer = await self._transport.post(self._embeddings, body, limit_s=self.model.deadline_s)
        found = embeddings.embeddings_of(answer, len(texts))
        return Vectors(usage=found.usage, model=found.model, vectors=found.vectors)

    async def close(self) -> None:
        """Nothing: the connections are the transport's."""
