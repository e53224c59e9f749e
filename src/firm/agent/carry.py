"""Carrying a tool's call out, once the gate has let it through: secrets, memory, places, time, threads, money, doubt.

One rule: whatever comes of the call, its reservation is closed exactly once: settled with a result, voided where
surely nothing happened, else left to what is found out later.
"""

import asyncio
import functools
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from firm.agent.line import KeptPlaces, Line, Slot
from firm.agent.overdue import Overdue
from firm.agent.remembered import Remembered, key_of
from firm.agent.result import check_length, result_codec
from firm.agent.told import Told
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
MAX_ERROR_CHARS = 20_000
"""Of a text in an error that a tool raises; the rest is cut."""
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
class Kept:
    """What is kept for a call: money, and a place at work."""

    reservation: Reservation | None
    held: HoldKey | None = None
    """Under which money is kept on, if it becomes doubtful whether the effect happened; None: it is lost."""
    slot: Slot | None = None
    """The place that its gate has taken; None: it waits in line, where there is one."""


class Carry:
    """Carries out the calls of one tool."""

    __slots__ = ("_remembered", "_tool", "_unsent", "_working", "overdue", "places")

    def __init__(self, tool: "ToolDef") -> None:
        self._tool = tool
        self._working: dict[str, Future[Any]] = {}
        """Effects in threads, by the key of their step."""
        self._unsent: set[str] = set()
        """Effects that were cancelled while they waited in line, by the key of their step."""
        self.overdue: Overdue | None = None
        self._remembered: Remembered | None = None
        self.places = KeptPlaces(Line(tool.limit)) if tool.limit is not None else None
        """Where calls wait in line; None: as many may be at work as like."""

    async def paid(self, command: Command, action: Action, values: dict[str, Any], kept: Kept) -> Any:
        """Carry it out, and close its reservation with what comes of it."""
        reservation = kept.reservation
        if reservation is None:
            return await self.brokered(command, action, values, kept.slot)
        try:
            value = await self.brokered(command, action, values, kept.slot)
        except NotSent:
            reservation.void()
            raise
        except BaseException as error:
            if kept.held is not None and self._tool.effect == "once" and isinstance(error, LOST):
                command.holds.doubt(kept.held, reservation)
            else:
                reservation.lose(f"{type(error).__name__}: {error}"[:200])
            raise
        reservation.settle(Amount(action.usd_micro, calls=1))
        return value

    async def brokered(
        self, command: Command, action: Action, values: dict[str, Any], slot: Slot | None = None
    ) -> Any:
        """Carry it out, with secrets where the arguments refer to some, and tell the trace."""
        told = Told(self._tool.name)
        try:
            if self._tool.cache:
                value = await self._from_memory(command, action, values, told)
            else:
                value = await self._filled(command, action, values, Work(told, slot))
        except BaseException as error:
            told.failed(shortened(error))
            raise
        told.done()
        return value

    async def _from_memory(self, command: Command, action: Action, values: dict[str, Any], told: Told) -> Any:
        """What the same arguments came to before; what cannot be found again is worked out."""
        if self._remembered is None:
            self._remembered = Remembered(result_codec(self._tool.function, self._tool.name))
        key = None if refers(action.args) else key_of(action.args, values)
        if key is not None:
            try:
                value = self._remembered.find(key)
            except KeyError:
                pass
            else:
                told.hit = True
                return value
        value = await self._filled(command, action, values, Work(told, None))
        if key is not None:
            self._remembered.add(key, value)
        return value

    async def _filled(self, command: Command, action: Action, values: dict[str, Any], work: "Work") -> Any:
        """With the secrets put in, and struck out of what comes back."""
        if command.broker is None:
            return await self._execute(values, work)
        if not refers(action.args):  # it may still bring back one that another call has sent out
            return await command.broker.watch(self._execute(values, work))
        tool, work.secret = self._tool, True

        async def filled(**plain: Any) -> Any:
            return await self._execute(tool.arguments.typed(plain), work)

        try:
            return await command.broker.call(filled, action.args, tool.end(action.args).removesuffix(":"))
        finally:
            self._leave(work)  # where a secret is refused, nothing was begun

    async def _execute(self, values: dict[str, Any], work: "Work") -> Any:
        """The function itself: in line first, then within its time."""
        if self.places is None:
            return await self._timed(values, work)
        try:
            if work.slot is None:
                work.slot = await self._in_line(self.places.line, work.told)
            return await self._timed(values, work)
        finally:
            self._leave(work)

    async def _in_line(self, line: Line, told: Told) -> Slot:
        here, began_s = current.get(), time.perf_counter()
        try:
            return await line.enter()
        except asyncio.CancelledError:
            if self._tool.effect == "once" and isinstance(here, StepInfo):
                self._unsent.add(here.key)
            raise
        finally:
            told.queued_s = time.perf_counter() - began_s

    def _leave(self, work: "Work") -> None:
        slot, work.slot = work.slot, None
        if slot is not None and self.places is not None:
            self.places.line.leave(slot)

    async def _timed(self, values: dict[str, Any], work: "Work") -> Any:
        tool = self._tool
        if tool.timeout_s is None:
            return await self._run(values, work)
        if current.get() is None:
            return await self._timed_outside(values, work, tool.timeout_s)
        overdue = self.watch()
        task = overdue.begin()
        try:
            value = await self._run(values, work)
        except BaseException as error:
            if overdue.end(task) and isinstance(error, asyncio.CancelledError):
                raise self.too_long() from error
            raise
        overdue.end(task)
        return value

    async def _timed_outside(self, values: dict[str, Any], work: "Work", timeout_s: float) -> Any:
        """Outside of runs a task may be in several calls of one tool."""
        try:
            async with asyncio.timeout(timeout_s) as timer:
                return await self._run(values, work)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise self.too_long() from error

    def watch(self) -> Overdue:
        """Where calls on this loop are watched, of a tool that has a time-out."""
        loop, overdue = asyncio.get_running_loop(), self.overdue
        if overdue is None or overdue.loop is not loop:
            assert self._tool.timeout_s is not None
            overdue = self.overdue = Overdue(self._tool.timeout_s, loop)
        return overdue

    def too_long(self) -> TimeoutError:
        """What is said of a call whose time is over."""
        tool = self._tool
        said = f"tool {tool.name!r} took longer than its timeout_s={tool.timeout_s:g}"
        if tool.is_default_timeout:
            said += ", which holds where a tool gives none; give @tool(timeout_s=…), math.inf for no limit"
        return TimeoutError(said)

    async def _run(self, values: dict[str, Any], work: "Work") -> Any:
        tool = self._tool
        if tool.is_async or tool.workflow is not None:
            value = await tool.function(**values)
            check_length(value, tool.name)
            return value
        here = current.get()
        future = _threads().submit(copy_context().run, _in_thread, tool, values)
        if work.slot is not None:
            work.slot.thread = future
        if work.secret or tool.effect != "once" or not isinstance(here, StepInfo):
            # a result with a secret in it must not come by another way
            return await asyncio.wrap_future(future)
        self._working[here.key] = future
        value = await asyncio.wrap_future(future)
        del self._working[here.key]
        return value

    # --- in doubt -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str, *_shown: Any, **_kwargs: Any) -> Done | NotDone | Unknown:
        """What became of an effect: as its thread says, else as the tool's reconciler does."""
        beside, tool = cast("Beside", beside_here.get()), self._tool
        if key in self._unsent:
            self._unsent.discard(key)
            return NotDone()
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


@dataclass(slots=True)
class Work:
    """One call on its way."""

    told: Told
    slot: Slot | None
    """Its place; None: it has none yet, or needs none."""
    secret: bool = False
    """Secrets are in its arguments."""


def _in_thread(tool: "ToolDef", values: dict[str, Any]) -> Any:
    try:
        value = tool.function(**values)
    except (
        StopIteration,
        KeyboardInterrupt,
    ) as error:  # a future cannot carry it, and it is not for the engine
        raise RuntimeError(f"tool {tool.name!r} raised {type(error).__name__}") from error
    check_length(value, tool.name)
    return value


def shortened(error: BaseException) -> BaseException:
    """The error, with words of a length that a person can read."""
    if any([type(one) in (str, bytes) and len(one) > MAX_ERROR_CHARS for one in error.args]):
        error.args = tuple(
            one if type(one) not in (str, bytes) else one[:MAX_ERROR_CHARS] for one in error.args
        )
    return error


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
