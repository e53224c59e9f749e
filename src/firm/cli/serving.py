"""The part of `firm up` that lets other programs use the firm's models.

One rule: that the models cannot be served is said, and the runs go on all the same.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firm.cli.command import complain, note

if TYPE_CHECKING:
    from firm.root.firm import Firm
    from firm.serve.api import Door
    from firm.serve.server import Server

LAST_S = 2.0
"""Steps under way get so long in any case."""
FIRST = "first"
"""Name of the key that is made when there is none."""


@dataclass(frozen=True, slots=True)
class Served:
    """The server, and the key if one was made for it."""

    server: "Server"
    key: str = ""

    async def stop(self, grace_s: float) -> float:
        """Let what is under way end for so long; how long is left of it for the rest, at least `LAST_S`."""
        began_s = time.monotonic()
        await self.server.stop(grace_s)
        return max(LAST_S, grace_s - (time.monotonic() - began_s))

    def record(self) -> dict[str, str]:
        """For `--json`."""
        return {"url": self.server.url} | ({"key": self.key} if self.key else {})

    def tell(self) -> None:
        """How to use it."""
        server = self.server
        print(f"its models are served at {server.url}; to use them:")
        print(f"  export OPENAI_BASE_URL={server.url}")
        print(
            f"  export OPENAI_API_KEY={self.key or 'KEY  # one of `firm key list`; another: `firm key new NAME`'}"
        )
        print(f"  (Anthropic's clients: ANTHROPIC_BASE_URL={server.root}, and the key as ANTHROPIC_API_KEY)")
        if self.key:
            note("this key is not shown again; `firm key new NAME` makes another")
        if not server.local:
            note("other machines can reach it, and what is sent there is not encrypted")


def doors_of(firm: "Firm") -> dict[str, "Door"]:
    """What is answered besides the models: orders where there are products, hooks where a schedule has one.

    Raises:
        UsageError: the key of orders cannot be used.
    """
    from firm.serve.api import is_loopback

    doors: dict[str, Door] = {}
    if any((firm.home.folder / "products").glob("*.toml")):
        from firm.serve import orders

        doors[orders.PATH] = orders.Orders(firm)
    if any(one.hook for one in firm.config.schedules):
        from firm.serve import hooks

        doors[hooks.PATH] = hooks.Hooks(firm, local=is_loopback(firm.config.serve.host))
    return doors


async def serve_models(firm: "Firm", port: int | None) -> Served | None:
    """Serve the models of an open firm as `firm.toml` says; None if that cannot be, which is told.

    Args:
        firm: Open until the server was stopped.
        port: That one and no other; None: that of `firm.toml`, or where it says nothing the next free one.
    """
    from firm.errors import FirmError
    from firm.root.config import Serve
    from firm.serve.keys import Keys
    from firm.serve.server import Place, Server

    settings = firm.config.serve
    exact = port is not None or settings.port != Serve().port
    place = Place(settings.host, settings.port if port is None else port, exact)
    keys = Keys(firm.home.state)
    try:
        server = await Server.start(firm, keys, place, doors_of(firm))
        try:
            key = "" if keys.all() else keys.make(FIRST)
        except FirmError:
            await server.stop()
            raise
    except FirmError as error:
        complain(f"the models are not served over HTTP: {error}")
        return None
    return Served(server, key)
