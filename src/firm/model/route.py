"""What a model's name stands for, and what became of each attempt to reach it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from firm.errors import UsageError
from firm.model.endpoint import Endpoint
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.retry import ATTEMPTS

Send = Callable[[Endpoint, Request, Watch | None], Awaitable[Reply]]
"""One attempt at one endpoint; raises `Fault`."""
Why = Literal["first", "retry", "fallback", "hedge"]


@dataclass(frozen=True, slots=True)
class Route:
    """What a model's name stands for.

    Args:
        name: The name.
        endpoints: Where the model is served, at least one.
        fallbacks: Other names that are asked, in order, when this one does not answer.
        hedge: Ask a second time when a reply takes longer than 19 of 20 did. The call is then paid for twice; it
            counts as repeated, so this is one in ten calls at most. Streamed replies are never asked for twice.
        attempts: Attempts of one call, the first included, at least 1; fallbacks have their own.
        deadline_s: Nothing is waited for and nothing is repeated later than this after the call, above 0.

    Raises:
        UsageError: if a value is out of its range.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    fallbacks: tuple[str, ...] = ()
    hedge: bool = False
    attempts: int = ATTEMPTS
    deadline_s: float = 3600.0

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise UsageError(f"Route({self.name!r}) has no endpoints; give at least one")
        if self.attempts < 1:
            raise UsageError(f"Route({self.name!r}, attempts={self.attempts!r}): give at least 1")
        if not self.deadline_s > 0:
            raise UsageError(f"Route({self.name!r}, deadline_s={self.deadline_s!r}): give a time above 0")


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """What became of one attempt."""

    endpoint: Endpoint
    model: str
    """The route's name."""
    why: Why
    """'first', 'retry' (at the same model), 'fallback' (first one at another model), 'hedge' (beside another one)."""
    outcome: str
    """'ok', a `Kind` of fault, 'cancelled' (by the caller, or because another one was faster), or 'error'."""
    began_s: float
    """When it was sent, by the router's clock."""
    took_s: float
    queue_s: float = 0.0
    """How long it had waited for its place."""
    told: str = ""
    """What the server said, if it failed."""
    status: int = 0
    """HTTP status of the failure; 0: there was none."""


OnAttempt = Callable[[Attempt], None]
