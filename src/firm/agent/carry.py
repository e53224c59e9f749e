"""Carrying a tool's call out, once the gate has let it through: secrets, time, threads, money, doubt.

One rule: whatever comes of the call, its reservation is closed exactly once: settled with a result, voided where
surely nothing happened, else left to what is found out later.
"""

import asyncio
import functools
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from firm.errors import NotSent, ProcessDied
from firm.kernel.context import StepInfo, current, current_step
from firm.kernel.definition import Done, NotDone, Unknown
from firm.policy.action import UNTRUSTED, Action
from firm.policy.broker import references_in
from firm.policy.gate import Command, HoldKey, Reservation
from firm.units.amount import Amount

if TYPE_CHECKING:
    from firm.agent.tool import ToolDef

MAX_THREADS = 64
"""Plain functions at work as tools at one time."""
THREAD_GRACE_S = 60.0
"""How long an effect in a thread that nobody waits for any more may take before its reconciler is asked."""
LOST = (TimeoutError, ConnectionError, ProcessDied, asyncio.CancelledError)
"""After these nobody knows whether an effect happened."""
_WITHOUT = frozenset({int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Beside:
    """What an attempt is given beside its journaled arguments, which name approval and reservation."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    held: HoldKey | None = None
    """Under which the money for the effect is held."""
    number: int = 0
    """Of its reservation."""


beside_here: ContextVar[Beside | None] = ContextVar("firm_tool_beside", default=None)


@dataclass(frozen=True, slots=True)
class Money:
    """What is held for a call."""

    reservation: Reservation | None
    held: HoldKey | None = None
    """Under which it is kept on, if it becomes doubtful whether the effect happened; None: it is given up as lost."""


class Carry:
    """Carries out the calls of one tool."""

    __slots__ = ("_tool", "_working")

    def __init__(self, tool: "ToolDef") -> None:
        self._tool = tool
        self._working: dict[str, Future[Any]] = {}
        """Effects in threads, by the key of their step."""

    async def paid(self, command: Command, action: Action, values: dict[str, Any], money: Money) -> Any:
        """Carry it out, and close its reservation with what comes of it."""
        reservation = money.reservation
        if reservation is None:
            return await self.brokered(command, action, values)
        try:
            value = await self.brokered(command, action, values)
        except NotSent:
            reservation.void()
            raise
        except BaseException as error:
            if money.held is not None and self._tool.effect == "once" and isinstance(error, LOST):
                command.holds.doubt(money.held, reservation)
            else:
                reservation.lose(f"{type(error).__name__}: {error}"[:200])
            raise
        reservation.settle(Amount(action.usd_micro, calls=1))
        return value

    async def brokered(self, command: Command, action: Action, values: dict[str, Any]) -> Any:
        """Carry it out, with secrets where the arguments refer to some."""
        if command.broker is None:
            return await self._execute(values, secret=False)
        if not refers(action.args):  # it may still bring back one that another call has sent out
            return await command.broker.watch(self._execute(values, secret=False))
        tool = self._tool

        async def filled(**plain: Any) -> Any:
            return await self._execute(tool.arguments.typed(plain), secret=True)

        return await command.broker.call(filled, action.args, tool.end(action.args).removesuffix(":"))

    async def _execute(self, values: dict[str, Any], *, secret: bool) -> Any:
        """The function itself, within its time."""
        timeout_s = self._tool.timeout_s
        if timeout_s is None:
            return await self._run(values, secret=secret)
        try:
            async with asyncio.timeout(timeout_s) as timer:
                return await self._run(values, secret=secret)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise TimeoutError(
                f"tool {self._tool.name!r} took longer than its timeout_s={timeout_s:g}"
            ) from error

    async def _run(self, values: dict[str, Any], *, secret: bool) -> Any:
        tool = self._tool
        if tool.is_async or tool.workflow is not None:
            return await tool.function(**values)
        here = current.get()
        future = _threads().submit(copy_context().run, functools.partial(tool.function, **values))
        if secret or tool.effect != "once" or not isinstance(here, StepInfo):
            return await asyncio.wrap_future(
                future
            )  # a result with a secret in it must not come by another way
        self._working[here.key] = future
        value = await asyncio.wrap_future(future)
        del self._working[here.key]
        return value

    # --- in doubt -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str, *_shown: Any, **_kwargs: Any) -> Done | NotDone | Unknown:
        """What became of an effect: as its thread says, else as the tool's reconciler does."""
        beside, tool = cast("Beside", beside_here.get()), self._tool
        word = await self._late(key)
        if word is None and tool.reconcile is not None:
            word = await tool.reconcile(key, *beside.args, **beside.kwargs)
        if isinstance(word, Done) and tool.untrusted:
            current_step().mark(UNTRUSTED)
        return word or Unknown()

    async def _late(self, key: str) -> Done | NotDone | Unknown | None:
        """A thread cannot be killed: it may still say what it did."""
        future = self._working.pop(key, None)
        if future is None or future.cancelled():
            return None
        try:
            async with asyncio.timeout(THREAD_GRACE_S):
                return Done(await asyncio.shield(asyncio.wrap_future(future)))
        except TimeoutError:
            return Unknown()
        except Exception:  # it did not say that it was not sent: the reconciler looks
            return None


def refers(plain: dict[str, Any]) -> bool:
    """Whether a secret has to be put in."""
    for value in plain.values():
        kind = type(value)
        if kind is str:
            if "secret:" in value:
                return True
        elif kind not in _WITHOUT and references_in(value):
            return True
    return False


@functools.lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="firm-tool")
