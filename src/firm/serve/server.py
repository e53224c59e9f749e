"""The server: a socket, uvicorn on the loop that is there, and an end in order.

One rule: it is a guest in the process. It catches no signals, changes no logging and never ends the process.
"""

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import uvicorn

from firm.errors import UsageError
from firm.serve.api import NO_DOORS, Api, Door, HasModels, is_loopback
from firm.serve.connection import Connection
from firm.serve.keys import Keys

NEAR = 20
"""So many ports after the wanted one are tried where it need not be that one."""
MAX_CONNECTIONS = 1_000
"""Most connections at once; fewer where the process may open less than twice as many files."""
BACKLOG = 128
KEPT_S = 75
"""How long a connection that is not used stays open."""
LAST_WORDS_S = 2.0
"""How long what is cut off may take to say so."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen."""

    host: str
    port: int
    """0: any that is free."""
    exact: bool = False
    """That port or none; otherwise the next free one will do."""


class _Guest(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.grace_s = 0.0
        self.asked_to_stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: the process has its own."""
        yield

    async def main_loop(self) -> None:
        """Until asked to stop; the date in the answers is set anew each second."""
        while not self.asked_to_stop.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.asked_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, wait for what is under way, then tell the rest that it ends here."""
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=self.grace_s)
        for work in state.tasks:
            work.cancel()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=LAST_WORDS_S)


class Server:
    """The API of a firm at an address; made by `Server.start`."""

    def __init__(self, guest: _Guest, listener: socket.socket) -> None:
        self._guest = guest
        self._work = asyncio.create_task(guest.serve([listener]), name="firm-serve")
        host, self.port = _address_of(listener)
        self.local = is_loopback(host)
        """It is reached from this machine only."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        self.root = f"http://{shown}:{self.port}"
        """Its address, for clients that add the version themselves (Anthropic's)."""

    @classmethod
    async def start(
        cls, firm: HasModels, keys: Keys, place: Place, doors: Mapping[str, Door] = NO_DOORS
    ) -> "Server":
        """Listen.

        Args:
            firm: Open until `stop` has returned.
            keys: Who may come in.
            place: Where.
            doors: What is answered besides the models, by path.

        Raises:
            UsageError: the port is taken, or there is no such address here.
        """
        listener = _listen(place)
        host, _ = _address_of(listener)
        config = uvicorn.Config(
            Api(firm, keys, local=is_loopback(host), doors=doors),
            http=Connection,
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_most_connections(),
            timeout_keep_alive=KEPT_S,
        )
        server = cls(_Guest(config), listener)
        while not server._guest.started and not server._work.done():
            await asyncio.sleep(0)
        return server

    @property
    def url(self) -> str:
        """Its address, for clients of OpenAI's protocols."""
        return f"{self.root}/v1"

    async def stop(self, grace_s: float = 0.0) -> None:
        """Take no more requests, let those under way end for so long, and end."""
        self._guest.grace_s = grace_s
        self._guest.asked_to_stop.set()
        await asyncio.wait((self._work,))


def _most_connections() -> int:
    """As many as leave the rest of the process half of what it may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, max(soft // 2, 1))


def _address_of(listener: socket.socket) -> tuple[str, int]:
    """Host and port where it listens in truth, whatever the name was that led there."""
    host, port = listener.getsockname()[:2]
    return host, port


def _listen(place: Place) -> socket.socket:
    ports = [place.port] if place.exact or not place.port else range(place.port, place.port + NEAR)
    for port in ports:
        if port > 65_535:
            break
        try:
            return _bound(place.host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise UsageError(
                f"cannot listen at {place.host!r}, port {port}: {error.strerror or error}; put host and port right "
                "(firm.toml, section [serve])"
            ) from None
    shown = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]} to {ports[-1]}"
    raise UsageError(
        f"port {shown} of {place.host!r} is taken by another program; give another with --port, or in firm.toml, "
        "section [serve]"
    )


def _bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listener = socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener
