"""What stands behind an endpoint: something that answers one request, once.

One rule: a backend makes one attempt; whether there is another one, and where, is the router's to decide.
"""

from typing import Protocol

from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.target import Abilities, Model


class Backend(Protocol):
    """One attempt at a reply."""

    model: Model
    """What it is, for choosing, showing and pricing."""
    abilities: Abilities
    """What is known of it beforehand; if they are not `probed`, they are found out when they matter."""

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer.

        Raises:
            Fault: on every failure.
        """

    async def close(self) -> None:
        """Let go of what is open."""
