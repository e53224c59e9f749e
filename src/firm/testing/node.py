"""A simulated machine: a worker's process that can be stopped in the middle of anything.

One rule: every callback of the loop belongs to the node in whose context it was made, and runs only while that
node lives. A crash is a real one: nothing of the node runs again, no `finally`, no `except`.
"""

import asyncio
from contextvars import Context, ContextVar, copy_context
from enum import Enum
from typing import TYPE_CHECKING, Any

from firm.testing.clock import START_US

if TYPE_CHECKING:
    from firm.kernel.worker import Worker


class State(Enum):
    """What may run of a node."""

    LIVES = "lives"
    PAUSED = "paused"
    """As by SIGSTOP: everything is kept and goes on later."""
    CRASHED = "crashed"
    """As by SIGKILL, or power loss."""
    LEFT = "left"
    """Closed in order."""


class Node:
    """One machine; `clock` and `worker` are its own.

    Args:
        name: Never used before; the worker has it as its id.
        loop: The loop of the simulation.
        offset_us: How far its clock is ahead of true time.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, offset_us: int = 0) -> None:
        self.name = name
        self.loop = loop
        self.offset_us = offset_us
        self.state = State.LIVES
        self.worker: Worker | None = None
        self.joined = False
        """Whether its worker may be asked for things."""
        self.aside: list[asyncio.Handle] = []
        """What became ready while it was paused; after a crash what will never run."""
        self.context: Context = copy_context()
        self.context.run(here.set, self)

    def now_us(self) -> int:
        """Its clock: true time plus its offset."""
        return START_US + round(self.loop.time() * 1e6) + self.offset_us

    def spawn(self, coroutine: Any) -> asyncio.Task[Any]:
        """Run a coroutine on this machine."""
        return self.loop.create_task(coroutine, context=self.context.copy())

    def __repr__(self) -> str:
        return f"{self.name} ({self.state.value})"


here: ContextVar[Node | None] = ContextVar("firm_node", default=None)
"""The node that the code at hand runs on; None: the world itself."""
