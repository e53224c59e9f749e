"""What is asked of a model: everything that decides the reply, and nothing that only one wire knows."""

from collections.abc import Callable
from typing import Any

import msgspec

from firm.model.message import Message

MAX_TOKENS = 4096
"""Tokens that a reply may have, where the caller says nothing."""


class Tool(msgspec.Struct, frozen=True):
    """A tool as a model sees it."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON Schema of an object."""


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the reply is drawn; None: as the server does."""

    temperature: float | None = None
    """0 (always the likeliest) to 2."""
    top_p: float | None = None
    """Above 0, at most 1."""
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """Words at which the reply ends; at most 4."""
    logprobs: int | None = None
    """So many alternatives a token, 0 to 20, with their log-probabilities."""


PLAIN = Sampling()
"""Nothing said."""


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request for one reply."""

    messages: tuple[Message, ...]
    model: str = "default"
    """Name of the model, as the founder calls it."""
    max_tokens: int = MAX_TOKENS
    schema: dict[str, Any] | None = None
    """JSON Schema that the reply must match."""
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """'auto', 'required', 'none', or the name of a tool."""
    sampling: Sampling = PLAIN
    effort: str = ""
    """A level of `firm.units.LEVELS`; '' leaves it to the server."""
    tier: str = ""
    """Service tier: '', 'default', 'flex', 'priority' or 'batch', where the provider has it."""
    session: str = ""
    """The same for calls that share a prefix (one a run); sent to routers, so that a cache can be hit."""
    urgent: bool = False
    """A person waits: it goes before background work."""
    repair: str = ""
    """What was wrong with the reply before, if this asks for it again; for the trace."""


class Delta(msgspec.Struct, frozen=True):
    """A piece of a reply that is on its way."""

    text: str = ""
    reasoning: str = ""
    tool: str = ""
    """Name of the tool that is being called, once, when it is known."""
    arguments: str = ""
    """Piece of its arguments."""
    restart: bool = False
    """What was told so far is void: the attempt broke off, and the reply begins anew."""


Watch = Callable[[Delta], None]
"""What is told of each piece of a reply while it comes; it does not change the reply."""
