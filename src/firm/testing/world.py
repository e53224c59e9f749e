"""The world outside: what steps do to it, a receiver that deduplicates, and a truth that one can look up.

One rule: the ledger is append-only and is never asked by the engine; it is what really happened.
"""

import asyncio
from contextvars import ContextVar
from random import Random
from typing import Any

from firm.errors import NotSent, RetryableError, UsageError
from firm.ids import step_key
from firm.kernel.context import current_run, current_step
from firm.kernel.definition import Done, NotDone, Unknown
from firm.testing.history import Execution, History
from firm.testing.node import State, here


class World:
    """What the steps of a simulated program act on.

    Args:
        history: Its ledger is kept there.
        random: Draws how long things take and what goes wrong outside.
    """

    def __init__(self, history: History, random: Random) -> None:
        self.history = history
        self.random = random
        self.rough = True
        """Whether calls to the outside fail now and then."""
        self.received: dict[str, object] = {}
        """What the deduplicating receiver has taken, by idempotency key."""
        self._by_key: dict[str, Execution] = {}

    async def delay(self, longest_s: float = 0.5) -> None:
        """Time passes: mostly little, sometimes up to `longest_s`."""
        share = self.random.random()
        await asyncio.sleep(longest_s * share**4)

    def chance(self, share: float) -> bool:
        """True for that share of calls while the world is rough."""
        return self.rough and self.random.random() < share

    def happen(self, effect: str, value: object = None, *, began: int = 0) -> None:
        """The step that calls this does what it does to the world, now; `began`: order of the attempt's beginning."""
        node, info = here.get(), current_step()
        if node is None or node.state is not State.LIVES:
            return  # a frame that is thrown away after the end
        run = current_run()
        key = step_key(run.id, run.generation, info.place)
        execution = Execution(
            self.history.next(),
            began,
            node.name,
            run.id,
            run.generation,
            info.place,
            run.epoch,
            info.key,
            info.attempt,
            info.name,
            effect,
            value,
        )
        if info.key != key:
            self.history.violated(f"keys: {info.name} of run {run.id!r} has key {info.key}, not {key}")
        self.history.ledger.append(execution)
        self.history.note("%s does %s %s @%d (%s)", node.name, info.name, run.id, info.place, effect)
        if effect == "keyed":
            self.received.setdefault(info.key, value)
        self._by_key.setdefault(info.key, execution)

    def find(self, key: str) -> Execution | None:
        """What happened under an idempotency key, if anything did."""
        return self._by_key.get(key)


world_here: ContextVar[World | None] = ContextVar("firm_world", default=None)
"""The simulated world around the code at hand."""


def world() -> World:
    """The simulated world. Raises UsageError outside a simulation."""
    found = world_here.get()
    if found is None:
        raise UsageError("there is no simulated world here; call this in a program given to simulate()")
    return found


async def act(effect: str, value: Any = None, *, longest_s: float = 0.5) -> Any:
    """What a step of a simulated program does: take time, perhaps fail, have an effect, perhaps lose the reply.

    Args:
        effect: As declared for the step: 'repeatable', 'keyed' or 'once'.
        value: What it returns, and what a reconciler will find.
        longest_s: Upper bound of each of the two waits, in virtual seconds.
    """
    outside = world()
    began = outside.history.next()
    await outside.delay(longest_s)
    if outside.chance(0.08):
        raise NotSent("refused at the door") if effect == "once" else RetryableError("busy")
    outside.happen(effect, value, began=began)
    await outside.delay(longest_s)
    if outside.chance(0.05):
        raise ConnectionError("the reply was lost")
    return value


async def look_up(key: str, *args: object, **named: object) -> Done | NotDone | Unknown:
    """A reconciler that knows the truth, and sometimes cannot tell."""
    outside = world()
    await outside.delay(2.0)
    if outside.chance(0.2):
        return Unknown()
    found = outside.find(key)
    return NotDone() if found is None else Done(found.value)
