"""The API: who may come in, what is asked for, and in whose words a refusal is told.

One rule: nothing is read of a body before its sender has shown a key; a door, which needs none, has rules of its own.
"""

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from firm.errors import UsageError
from firm.model.models import Models
from firm.model.wire.text import to_json
from firm.serve import messages_reply, openai
from firm.serve.answer import answer, read
from firm.serve.chat_reply import CHAT
from firm.serve.dialect import Asked, Dialect
from firm.serve.embedding import embed, read_embedding
from firm.serve.exchange import Exchange, Gone, Message, Receive, Send
from firm.serve.keys import Keys
from firm.serve.messages_reply import MESSAGES
from firm.serve.refusal import Refusal, refusal_of, unforeseen
from firm.serve.responses_reply import RESPONSES

DIALECTS: dict[str, Dialect] = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSES,
    "/v1/messages": MESSAGES,
}
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:@/\s]+))(?::\d{1,5})?", re.IGNORECASE | re.ASCII)
"""A Host header: an address of version 6, or a name, and a port."""
LARGE_BYTES = 32 * 1024
"""Bodies with more take long enough to read that others would notice."""
MAX_LARGE = 2
"""So many of them are read at once."""
EPOCH = "1970-01-01T00:00:00Z"
Door = Callable[[Exchange], Awaitable[None]]
"""Answers every request at its path and below it. It needs no key: who may come in, how often, and how much of a body \
is read (`Exchange.body(most)`) is for it to say. It answers with `Exchange.answer`, or raises `Refusal`."""
NO_DOORS: Mapping[str, Door] = MappingProxyType({})


class HasModels(Protocol):
    """What the API needs of a firm."""

    @property
    def models(self) -> Models:
        """Its models."""


class Api:
    """The models of a firm, in the words of OpenAI and of Anthropic; an ASGI application.

    Args:
        firm: Open, for as long as requests come.
        keys: Who may come in.
        local: It is reached from this machine only: requests that were meant for another name are refused, since a
            web page may send them (DNS rebinding).
        doors: What else is answered, by path: '/orders' is that path and all below it. Requests that a web page of
            another site sends are refused there.
    """

    def __init__(
        self, firm: HasModels, keys: Keys, *, local: bool = True, doors: Mapping[str, Door] = NO_DOORS
    ) -> None:
        self._firm, self._keys, self._local = firm, keys, local
        self._doors = {path.rstrip("/"): door for path, door in doors.items()}
        self._large = asyncio.Semaphore(MAX_LARGE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._handle(exchange)
        except Gone:
            pass
        except (Exception, asyncio.CancelledError) as error:
            if exchange.started:
                return
            refusal = refusal_of(error) or unforeseen(error)
            try:
                body = to_json(_error_body(exchange, refusal))
                await exchange.refuse(refusal, body, patient=isinstance(error, Exception))
            except Gone:
                pass

    async def _handle(self, exchange: Exchange) -> None:
        _check_once(exchange)
        if self._local:
            _check_host(exchange)
        path = exchange.path.rstrip("/") or "/"
        if door := self._door(path):
            _check_site(exchange)
            await door(exchange)
            return
        caller = self._caller(exchange)
        if dialect := DIALECTS.get(path):
            _check_method(exchange, "POST")
            asked = await self._read(dialect, await exchange.body(), caller)
            await answer(exchange, self._firm.models, dialect, asked)
        elif path == EMBEDDINGS:
            _check_method(exchange, "POST")
            wanted = read_embedding(await exchange.body())
            found = await exchange.unless_gone(embed(self._firm.models, wanted))
            await exchange.answer(200, to_json(found))
        elif path == MODELS or path.startswith(MODELS + "/"):
            _check_method(exchange, "GET")
            await exchange.answer(200, to_json(self._listed(path[len(MODELS) + 1 :])))
        else:
            known = ", ".join([*DIALECTS, EMBEDDINGS, MODELS])
            raise Refusal(
                404, f"there is nothing at {exchange.path!r:.200}; there is: {known}", "unknown_path"
            )

    def _door(self, path: str) -> Door | None:
        return next(
            (door for at, door in self._doors.items() if path == at or path.startswith(f"{at}/")), None
        )

    async def _read(self, dialect: Dialect, body: bytes, caller: str) -> Asked:
        """What is asked for; a large body is read beside the loop, where all else of the firm goes on."""
        if len(body) <= LARGE_BYTES:
            return read(dialect, body, caller)
        async with self._large:
            return await asyncio.to_thread(read, dialect, body, caller)

    def _caller(self, exchange: Exchange) -> str:
        """The name of the key that came with the request."""
        given = exchange.headers.get("authorization", "")
        scheme, _, secret = given.partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        secret = secret or exchange.headers.get("x-api-key", "")
        if not secret:
            raise Refusal(
                401,
                "no key: send one of this firm's as Authorization: Bearer … or x-api-key",
                "missing_api_key",
            )
        try:
            name = self._keys.name_of(secret)
        except UsageError as error:
            raise Refusal(503, str(error), "keys_unreadable") from None
        if name is None:
            raise Refusal(
                401, "this key is none of this firm's; `firm key new NAME` makes one", "invalid_api_key"
            )
        return name

    def _listed(self, name: str) -> dict[str, Any]:
        """All models, or one, as both protocols list them."""
        names = self._firm.models.names()
        if name:
            if name not in names:
                known = ", ".join(names) or "none"
                raise Refusal(404, f"no model is named {name!r:.200}; known here: {known}", "model_not_found")
            return _model(name)
        return {
            "object": "list",
            "data": [_model(name) for name in names],
            "has_more": False,
            "first_id": names[0] if names else None,
            "last_id": names[-1] if names else None,
        }


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "firm",
        "type": "model",
        "display_name": name,
        "created_at": EPOCH,
        "lifecycle": "active",
    }


def _check_method(exchange: Exchange, wanted: str) -> None:
    if exchange.method != wanted:
        raise Refusal(
            405, f"{exchange.method:.20} does nothing at {exchange.path!r:.200}; send {wanted}", "method"
        )


def _check_once(exchange: Exchange) -> None:
    if exchange.repeated:
        names = ", ".join(sorted(exchange.repeated))
        raise Refusal(400, f"more than one header of {names}; send one", "repeated_header")


def _check_host(exchange: Exchange) -> None:
    given = exchange.headers.get("host", "")
    found = _HOST.fullmatch(given)
    if found is None or not is_loopback((found[1] or found[2]).lower()):
        raise Refusal(
            421,
            f"this server is for this machine only, and the request is for {given!r:.200}; ask http://127.0.0.1",
            "wrong_host",
        )


def _check_site(exchange: Exchange) -> None:
    """A browser says which site a request comes from; other clients say nothing."""
    origin, host = exchange.headers.get("origin"), exchange.headers.get("host", "")
    site = exchange.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or origin not in (None, f"http://{host}", f"https://{host}"):
        raise Refusal(
            403,
            f"a web page of another site ({origin or site!r:.200}) may not ask this; send it from a program",
            "other_site",
        )


def _error_body(exchange: Exchange, refusal: Refusal) -> dict[str, Any]:
    if exchange.path.startswith("/v1/messages") or "anthropic-version" in exchange.headers:
        return messages_reply.error_body(refusal)
    return openai.error_body(refusal)


def is_loopback(host: str) -> bool:
    """Whether an address, or a name without a resolver, means this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
