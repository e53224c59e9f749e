"""The models of a firm by name, and the one way through which each call to them goes.

One rule: a name is resolved once, when it is first used; nothing is opened, started or asked before.
"""

import asyncio
import contextlib
import difflib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

import msgspec

from firm.errors import InternalError, UsageError
from firm.kernel.context import chartered, opened
from firm.ledger.gpu import Pool
from firm.model import record
from firm.model.backend import Backend
from firm.model.endpoint import Endpoint
from firm.model.envelope import unwrap, wrap
from firm.model.error import ModelUnavailable, NotAble, UnknownModel
from firm.model.message import Image
from firm.model.patience import Patience
from firm.model.probe import Probes
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.router import Route, Router
from firm.model.storm import Storms
from firm.model.target import Model
from firm.model.till import Till
from firm.model.vectors import Texts, Vectors, texts_of
from firm.model.wire.fault import Fault, Kind
from firm.trace import Recorder

if TYPE_CHECKING:  # HTTP takes a while to import, and most commands need none
    from firm.model.transport import Transport

DEFAULT = "default"
EMBEDDING = "embedding"


class Entry(msgspec.Struct, frozen=True):
    """What a model's name stands for."""

    models: tuple[Model | Backend, ...]
    """The same model at one or more places."""
    fallbacks: tuple[str, ...] = ()
    """Names of other models that are asked when none of these answers, in order."""
    hedge: bool = False
    """Ask a second time when a reply is slower than most: paid for twice, faster at the tail."""


Given = Model | Backend | Entry | list[Model] | tuple[Model, ...]
Find = Callable[["Models"], Awaitable[Entry]]
Secrets = Callable[[str, str], str]
"""From the name of a secret and the host that it goes to, to the secret; raises where it is not bound to that host."""


class Models:
    """The models of a firm; also alone, as `async with Models({"default": Model(...)}):`.

    Args:
        entries: What each name stands for.
        find: Finds the default model where none is named.
        patience: How long to wait for what.
        folder: Where it is kept what servers were seen to do; None: nowhere.
        till: Admits every request and is told what it took; None: calls are bare, and what is known of prices is
            only told.
        secrets: Gives the secret of a name for a host; None: keys that are kept as secrets cannot be read.
        redact: Takes secrets out of what servers said, before it becomes an error, a span or a log. An endpoint's own
            key is taken out in any case.
    """

    def __init__(
        self,
        entries: Mapping[str, Given] | None = None,
        *,
        find: Find | None = None,
        patience: Patience | None = None,
        folder: Path | None = None,
        till: Till | None = None,
        secrets: Secrets | None = None,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._till = till
        self._secrets = secrets
        self._redact = redact
        self._pools: dict[str, Pool] = {}
        self.storms: Storms | None = None
        """Holds calls of runs while a model refuses everything; None: they fail when their attempts are used up."""
        self._transport: Transport | None = None
        self.recorder = Recorder()
        """The spans of calls that belong to no run."""
        self._entries: dict[str, Entry] = {}
        self._added: dict[Model, str] = {}
        self._find = find
        self._backends: dict[Endpoint, Backend] = {}
        self._router = Router({}, self._send if redact is None else self._send_redacted)
        self._probes = Probes(folder / "abilities.json" if folder is not None else None)
        self._finding: asyncio.Lock | None = None
        self._closed = False
        for name, given in (entries or {}).items():
            self._entries[name] = _entry_of(name, given)

    # --- who is there -----------------------------------------------------------------------------------------

    @property
    def models(self) -> Self:
        """Itself: code that looks for a firm's models finds them."""
        return self

    def names(self) -> list[str]:
        """The names that are known now."""
        return sorted({*self._entries, *([DEFAULT] if self._find is not None else [])})

    def entry(self, name: str) -> Entry | None:
        """What a name stands for, if that is known already."""
        return self._entries.get(name)

    async def look(self, name: str) -> Entry:
        """What a name stands for; the default model is looked for where none is named.

        Raises:
            UnknownModel: nobody knows a model of this name.
            NoModel: there is no default model on this machine.
        """
        return self._entries.get(name) or await self._found(name)

    @property
    def transport(self) -> "Transport":
        """The connections; made at first use."""
        if self._transport is None:
            from firm.model.transport import Transport

            self._transport = Transport(self._patience)
        return self._transport

    @property
    def router(self) -> Router:
        """The routes in use and how their endpoints fare."""
        return self._router

    def use_till(self, till: Till) -> None:
        """Have each request admitted by this till; before anything is asked.

        Raises:
            InternalError: something was asked already.
        """
        if self._backends:
            raise InternalError("use_till() after something was asked: it went past the till")
        self._till = till

    def add(self, model: Model) -> str:
        """Make a model known that was given as itself; its name.

        Models that differ in anything, be it their key alone, have names of their own here: the first its label.
        """
        name = self._added.get(model, "")
        if not name:
            label, number = label_of(model), 1
            name = label
            while name in self._entries:
                number += 1
                name = f"{label} ({number})"
            self._entries[name], self._added[model] = Entry((model,)), name
        return name

    def server(self, model: Model, name: str) -> Backend:
        """The server of a model, with its key; what it is asked is admitted and paid.

        Raises:
            UsageError: the key's variable, or its secret, is not there.
        """
        from firm.model.server import Server

        key = key_of(model, name, secrets=self._secrets)
        return self._paid(Server(model, key, self.transport), name, server=True)

    def _paid(self, backend: Backend, name: str, *, server: bool = False) -> Backend:
        """The backend, paid for; as it is, where nobody counts and it costs nothing that is known."""
        model = backend.model
        if self._till is None and model.own and model.usd_per_gpu_hour is None and model.rates is None:
            return backend
        from firm.model.paid import Paid

        deadline_s = self._patience.total_s
        return Paid(backend, name, self._till, deadline_s=deadline_s, pools=self._pools, server=server)

    # --- calls ------------------------------------------------------------------------------------------------

    async def call(self, request: Request, watch: Watch | None = None) -> Reply:
        """One reply, from whichever endpoint the router chooses.

        Raises:
            UsageError: nobody knows a model of this name.
            ModelError, ModelUnavailable: as `firm.model.error` says.
        """
        if request.model not in self._router.routes:
            await self._resolve(request.model)
        log = record.Log(request)
        try:
            reply = await self._router.call(request, watch, log.attempts.append)
        except BaseException as error:
            self.recorder.record(log.failed(error))
            raise
        self.recorder.record(log.answered(reply))
        return reply

    async def _send(self, endpoint: Endpoint, request: Request, watch: Watch | None) -> Reply:
        """One attempt at one endpoint, with what its server can do."""
        if self._closed:  # else what breaks off when it is closed would be asked, and paid for, once more
            raise ModelUnavailable(
                f"model {request.model!r} was closed while it was being asked; wait for calls inside the "
                "`async with` block"
            )
        backend = self._backends[endpoint]
        if type(request) is Texts:
            reply: Reply = await _embed(backend, request)
        elif (
            request.tools
            or request.schema is not None
            or request.effort
            or request.sampling.logprobs is not None
        ):
            reply = await self._send_checked(endpoint, request, watch)
        else:
            if endpoint.model.eyes is False:
                _check_eyes(request, endpoint.model)
            try:
                reply = await backend.say(request, endpoint.abilities, watch)
            except Fault as fault:
                if fault.kind is not Kind.REQUEST or endpoint.abilities.probed:
                    raise
                reply = await self._send_checked(endpoint, request, watch)
        reply.endpoint = endpoint.address
        return reply

    async def _send_redacted(self, endpoint: Endpoint, request: Request, watch: Watch | None) -> Reply:
        """The same, with secrets taken out of what a server said of its failure."""
        assert self._redact is not None
        try:
            return await self._send(endpoint, request, watch)
        except Fault as fault:
            fault.told = self._redact(fault.told)
            fault.args = (fault.kind, fault.told)
            raise

    async def _send_checked(self, endpoint: Endpoint, request: Request, watch: Watch | None) -> Reply:
        """The same, where it matters what the server can do; that is found out at first contact."""
        backend = self._backends[endpoint]
        if endpoint.model.eyes is False:
            _check_eyes(request, endpoint.model)
        if not endpoint.abilities.probed:
            with chartered(
                b""
            ):  # what a server can do is found out for the whole firm, not on this run's budget
                endpoint.abilities = await self._probes.of(backend)
        wrapped = wrap(request, endpoint.abilities)
        plain = wrapped is request
        reply = await backend.say(wrapped, endpoint.abilities, watch if plain else None)
        return unwrap(request, reply, wrapped=not plain)

    async def embed(self, texts: Sequence[str], model: str = EMBEDDING) -> Vectors:
        """Vectors of texts: of the model that is named, or of the embedded one.

        Args:
            texts: 1 to 2,048 texts that are not empty.
            model: Name of a model; 'embedding' is the embedded one where firm.toml has none of this name.

        Raises:
            UsageError: texts that cannot be; no such model.
            ModelError, ModelUnavailable: as `firm.model.error` says.
        """
        reply = await self.call(texts_of(texts, model))
        assert isinstance(reply, Vectors)
        return reply

    # --- names ------------------------------------------------------------------------------------------------

    async def _resolve(self, name: str) -> None:
        """Make the routes of a name and of its fallbacks; all of them, or none."""
        if self._finding is None:
            self._finding = asyncio.Lock()
        async with self._finding:
            names, routes = [name], dict[str, Route]()
            backends: dict[Endpoint, Backend] = {}
            while names:
                wanted = names.pop()
                if wanted in self._router.routes or wanted in routes:
                    continue
                entry = await self.look(wanted)
                routes[wanted] = self._route(wanted, entry, backends)
                names += entry.fallbacks
            self._backends |= backends
            for route in routes.values():
                self._router.add(route)

    async def _found(self, name: str) -> Entry:
        if name == DEFAULT and self._find is not None:
            entry = self._entries[name] = await self._find(self)
            return entry
        if name == EMBEDDING:
            from firm.model.local import Embedder

            return Entry((Embedder(),))
        known = self.names()
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known) or 'none'}"
        raise UnknownModel(f"no model is named {name!r}; {hint} (firm.toml, section [models.{name}])")

    def _route(self, name: str, entry: Entry, backends: dict[Endpoint, Backend]) -> Route:
        endpoints = []
        for given in entry.models:
            backend = self.server(given, name) if isinstance(given, Model) else self._paid(given, name)
            endpoint = Endpoint(backend.model, getattr(backend, "key", ""), abilities=backend.abilities)
            backends[endpoint] = backend
            endpoints.append(endpoint)
        return Route(name, tuple(endpoints), entry.fallbacks, entry.hedge)

    # --- open and closed --------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._closed = False
        self._token = opened.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened.reset(self._token)
        await self.close()

    async def close(self) -> None:
        """Close all connections; one that cannot be closed keeps no other open. Nothing is asked after that."""
        self._closed = True
        async with contextlib.AsyncExitStack() as stack:
            if self._transport is not None:
                stack.push_async_callback(self._transport.close)
            for backend in reversed(self._backends.values()):
                stack.push_async_callback(backend.close)


def label_of(model: Model) -> str:
    """The name under which a model goes that was given as itself."""
    return f"{model.name}@{model.address}"


def key_of(
    model: Model, name: str, environ: Mapping[str, str] = os.environ, *, secrets: Secrets | None = None
) -> str:
    """The key itself, of what stands for it; '' where there is none.

    Args:
        model: Whose key.
        name: Its name in the firm, for errors.
        environ: Where variables are.
        secrets: Gives secrets; None: there are none here.

    Raises:
        UsageError: the variable is not set, or nothing gives secrets; else what `secrets` raises.
    """
    given = model.key
    if not given:
        return ""
    kind, _, rest = given.partition(":")
    if kind == "env" and rest:
        found = environ.get(rest, "")
        if not found:
            raise UsageError(
                f"model {name!r} at {model.address}: its key {given!r} names a variable that is not set; set {rest}"
            )
        return found
    if kind == "secret" and rest:
        if secrets is not None:
            return secrets(rest, urlsplit(model.url).hostname or "")
        raise UsageError(
            f"model {name!r} at {model.address}: its key {given!r} cannot be read outside a firm; call it inside "
            "`async with Firm.open(...)`, or name a variable of the environment: env:NAME"
        )
    return given


def _entry_of(name: str, given: Given) -> Entry:
    if isinstance(given, Entry):
        return given
    if isinstance(given, list | tuple):
        entry = Entry(tuple(given))
    elif isinstance(given, Model) or hasattr(given, "say"):
        entry = Entry((given,))
    else:
        raise UsageError(
            f"models[{name!r}] is {given!r}; give a Model(url=…, name=…), several, or a ScriptedModel"
        )
    if not entry.models:
        raise UsageError(f"models[{name!r}] is empty; give at least one Model(url=…, name=…)")
    return entry


async def _embed(backend: Backend, request: Texts) -> Vectors:
    embed = getattr(backend, "embed", None)
    if embed is None:
        raise NotAble(
            f"model {request.model!r} ({backend.model.name} at {backend.model.address}) makes no vectors; name one "
            "that does, or leave model= out"
        )
    return cast("Vectors", await embed(request.texts))


def _check_eyes(request: Request, model: Model) -> None:
    for message in request.messages:
        if type(message.content) is not str and any(type(part) is Image for part in message.content):
            raise NotAble(
                f"model {request.model!r} ({model.name} at {model.address}) has no eyes, and the messages hold a "
                "picture; take it out, or ask a model that sees"
            )
