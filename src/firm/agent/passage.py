"""How a call of a tool is made: the steps that it is, and what is done when the gate wants something first.

One rule: what is carried out is what the gate saw. In a run a call that may be repeated is one step, in which the
gate stands. A grave one is two: `gate NAME`, which says yes and reserves the money, and the effect, whose intent names
the approval and the reservation, and which looks at everything once more. `firm.agent.carry` does the work itself.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from firm.agent.carry import Beside, Carry, Kept, beside_here, refers, shortened
from firm.agent.result import ToolStep
from firm.agent.told import SLOW_S, tell
from firm.errors import NeedsApproval, NotSent
from firm.ids import digest
from firm.kernel.call import Call
from firm.kernel.context import StepInfo, charter_here, current, current_firm, narrowed
from firm.kernel.definition import StepDef
from firm.kernel.run import Run
from firm.kernel.value import TAGGED, encode_input
from firm.policy import gate
from firm.policy.action import UNTRUSTED, Action
from firm.policy.capability import Charter
from firm.policy.consent import Consent, failed, permitted, through
from firm.policy.gate import Command, Entry, HoldKey, Reservation, admit, command_of
from firm.policy.loop import loops_of
from firm.units.amount import NOTHING, Amount

if TYPE_CHECKING:
    from firm.agent.tool import ToolDef

Called = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments of a call."""


@dataclass(frozen=True, slots=True)
class Making:
    """One round of a call in a run: the first, or one with the founder's consent."""

    run: Run
    called: Called
    charter: bytes | None
    """Of the block in which the call was made; None: the run's."""
    consent: Consent | None


class Passage:
    """Makes the calls of one tool."""

    __slots__ = ("_carry", "_effect", "_gate", "_tool", "_whole")

    def __init__(self, tool: "ToolDef") -> None:
        self._tool = tool
        self._carry = Carry(tool)
        self._whole = self._gate = self._effect = None
        if not tool.grave:
            self._whole = ToolStep(tool.name, self._whole_step(), **_options(tool))
            return
        self._gate = StepDef(self._gate_step(), **_options(None))
        if tool.workflow is None:
            self._effect = ToolStep(tool.name, self._effect_step(), **_options(tool, self._carry.reconcile))

    def _whole_step(self) -> Callable[..., Any]:
        """All of a call in one step; this function is what an allowed read costs."""
        tool, simple = self._tool, self._is_simple()

        @functools.wraps(tool.function)
        async def attempt(*args: Any, **kwargs: Any) -> Any:
            info, beside = cast("StepInfo", current.get()), beside_here.get()
            run = cast("Run", info.run)
            if beside is not None:
                args, kwargs = beside.args, beside.kwargs
            command = command_of(run.firm)
            values, action, charter = self._seen(args, kwargs, run)
            if gate.may_loop(run, command.limits):
                gate.check_loop(run, command.limits, action, (tool.name, encode_input(args, kwargs)))
            if beside is None and simple and gate.lets_pass(command, action, charter):
                if tool.untrusted:
                    info.mark(UNTRUSTED)
                broker = command.broker
                if broker is not None and (broker.knows or refers(action.args)):
                    return await self._carry.brokered(command, action, values)
                return await self._at_once(args, kwargs)
            admitted = await admit(command, self._entry(action, charter))
            if tool.untrusted:
                info.mark(UNTRUSTED)
            if beside is not None:
                values = tool.arguments.typed(action.args)  # exactly what was approved
            with permitted(None):
                return await self._carry.paid(command, action, values, Kept(admitted.reservation))

        return attempt

    def _is_simple(self) -> bool:
        """Whether nothing has to be looked after but its time."""
        tool = self._tool
        special = tool.priced or tool.limit is not None or tool.cache
        return tool.is_async and tool.timeout_s is not None and not special

    async def _at_once(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The function of a simple call within its time; what failed or took long is told."""
        began_s, overdue, tool = time.perf_counter(), self._carry.overdue, self._tool
        if overdue is None or overdue.loop is not asyncio.get_running_loop():
            overdue = self._carry.watch()
        task = overdue.begin()
        try:
            value = await tool.function(*args, **kwargs)
        except BaseException as error:
            late = overdue.end(task) and isinstance(error, asyncio.CancelledError)
            raised = self._carry.too_long() if late else shortened(error)
            tell(tool.name, time.perf_counter() - began_s, error=type(raised).__qualname__)
            if late:
                raise raised from error
            raise
        overdue.end(task)
        if (took_s := time.perf_counter() - began_s) > SLOW_S:
            tell(tool.name, took_s)
        return value

    def _effect_step(self) -> Callable[..., Any]:
        @functools.wraps(self._tool.function)
        async def attempt(*_args: Any, **_kwargs: Any) -> Any:
            return await self._effect_attempt()

        return attempt

    def _gate_step(self) -> Callable[..., Any]:
        async def attempt(*args: Any, **kwargs: Any) -> dict[str, Any]:
            return await self._gate_attempt(args, kwargs)

        function = self._tool.function
        attempt.__name__, attempt.__module__ = f"gate {self._tool.name}", function.__module__
        attempt.__qualname__ = f"{function.__qualname__}.gate"
        return attempt

    # --- outside any run --------------------------------------------------------------------------------------

    def plain(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Just the function (a plain one can be awaited where an event loop runs)."""
        tool = self._tool
        if tool.is_async or tool.workflow is not None or asyncio._get_running_loop() is None:
            return tool.function(*args, **kwargs)

        async def at_once() -> Any:
            return tool.function(*args, **kwargs)

        return at_once()

    async def outside(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """In an open firm: through the gate, which cannot ask here."""
        command, tool = command_of(current_firm()), self._tool
        values, action, charter = self._seen(args, kwargs, None)
        admitted = await admit(command, self._entry(action, charter))
        if tool.grave and tool.workflow is None:
            values = tool.arguments.typed(action.args)
        return await self._carry.paid(command, action, values, Kept(admitted.reservation))

    # --- workflow code ------------------------------------------------------------------------------------------

    def call(self, run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        """Fix the place of the call; it begins when the coroutine is awaited."""
        if self._whole is not None:
            return run.call_step_around(self._whole, (args, kwargs), self._call_whole)
        return run.call_step_around(cast("StepDef", self._gate), (args, kwargs), self._call_in_two)

    async def _call_whole(self, run: Run, call: Call) -> Any:
        loops, key = loops_of(run), (call.name, call.input)
        began = loops.ends
        try:
            value = await run.perform(call)
        except NeedsApproval as error:
            called = call.args, call.kwargs

            def make(consent: Consent | None) -> Coroutine[Any, Any, Any]:
                return self._whole_again(Making(run, called, call.charter, consent))

            return await through(run, key, make, self._normal, wanted=error)
        except Exception as error:
            loops.ended(key, began, failed(error))
            raise
        finally:
            loops.note(call.name, call.input, call.args)
        loops.ended(key, began, encode_input((value,), _NO_NAMES))
        return value

    async def _call_in_two(self, run: Run, call: Call) -> Any:
        called, key = (call.args, call.kwargs), (self._tool.name, call.input)
        fresh: Call | None = call

        def make(consent: Consent | None) -> Coroutine[Any, Any, Any]:
            nonlocal fresh
            first, fresh = fresh, None
            return self._in_two(Making(run, called, call.charter, consent), first)

        try:
            return await through(run, key, make, self._normal)
        finally:
            loops_of(run).note(*key, call.args)

    def _normal(self, plain: dict[str, Any]) -> dict[str, Any]:
        arguments = self._tool.arguments
        return arguments.builtins(arguments.typed(plain))

    async def _whole_again(self, making: Making) -> Any:
        args, kwargs = self._approved(making)
        return await self._step(making, cast("StepDef", self._whole), Beside(args, kwargs))

    async def _in_two(self, making: Making, first: Call | None) -> Any:
        """The gate, then the effect, or the child run that a workflow is."""
        run, (args, kwargs) = making.run, self._approved(making)
        is_last = self._effect is None
        if first is None:
            passed = await self._step(making, cast("StepDef", self._gate), Beside(args, kwargs), last=is_last)
        else:
            passed = await run.perform(first)
        if self._effect is None:
            return await self._child(making, args, kwargs)
        beside = Beside(args, kwargs, (run.id, run.generation, passed["place"]), passed["reservation"])
        try:
            value = await self._step(making, self._effect, beside, words=_words(making, passed))
        except Exception as error:
            self._known(run, beside, error)
            raise
        self._known(run, beside, None)
        return value

    def _approved(self, making: Making) -> Called:
        """The arguments of the call, as the founder edited them."""
        consent = making.consent
        if consent is None or consent.word.do != "edit":
            return making.called
        return (), self._tool.arguments.typed(consent.args)

    async def _step(
        self, making: Making, definition: StepDef, beside: Beside, *, words: str = "", last: bool = True
    ) -> Any:
        """Call a step with the real arguments beside it, and words about its permit among its journaled ones."""
        run, consent = making.run, making.consent
        permit = consent.permit(run, last=last) if consent is not None else None
        words = words or (permit.shown() if permit is not None else "")
        shown = _shown(words, beside.args, beside.kwargs) if words else (beside.args, beside.kwargs)
        charter = narrowed.set(making.charter)
        try:
            coroutine = run.call_step(definition, *shown)
        finally:
            narrowed.reset(charter)
        token = beside_here.set(beside)
        try:
            with permitted(permit):
                return await coroutine
        finally:
            beside_here.reset(token)

    async def _child(self, making: Making, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tool, run = self._tool, making.run
        assert tool.workflow is not None
        charter = narrowed.set(making.charter)
        try:
            child = run.call_child(tool.workflow, args, kwargs)
        finally:
            narrowed.reset(charter)
        try:
            return await child
        finally:
            if tool.untrusted and not run.unwinding:
                run.mark(UNTRUSTED)

    def _known(self, run: Run, beside: Beside, error: Exception | None) -> None:
        """It is known now what became of an effect that was in doubt: close its reservation; not in replay."""
        if run.replaying or beside.held is None:
            return
        command = command_of(run.firm)
        reservation = _taken(command, beside)
        if reservation is None:
            return
        if error is None:
            action = self._seen(beside.args, beside.kwargs, run)[1]
            reservation.settle(Amount(action.usd_micro, calls=1))
        elif isinstance(error, NotSent):
            reservation.void()
        else:
            reservation.lose(f"{type(error).__name__}: {error}"[:200])

    # --- attempts -------------------------------------------------------------------------------------------------

    async def _gate_attempt(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The gate alone; what it reserves is held for the effect."""
        info = cast("StepInfo", current.get())
        run, beside = cast("Run", info.run), beside_here.get()
        if beside is not None:
            args, kwargs = beside.args, beside.kwargs
        command = command_of(run.firm)
        _, action, charter = self._seen(args, kwargs, run)
        if gate.may_loop(run, command.limits):
            gate.check_loop(run, command.limits, action, (self._tool.name, encode_input(args, kwargs)))
        admitted = await admit(command, self._entry(action, charter))
        number, key = 0, (run.id, run.generation, info.place)
        await self._take_place(key, admitted.reservation)
        if admitted.reservation is not None:
            number = admitted.reservation.number
            command.holds.keep(key, admitted.reservation)
        verdict = admitted.verdict
        return {"by": verdict.by, "why": verdict.why, "reservation": number, "place": info.place}

    async def _take_place(self, key: HoldKey, reservation: Reservation | None) -> None:
        """Wait in line here, where nothing is in doubt if the wait is given up."""
        places = self._carry.places
        if places is None:
            return
        try:
            slot = await places.line.enter()
        except BaseException:
            if reservation is not None:
                reservation.void()
            raise
        places.keep(key, slot)

    async def _effect_attempt(self) -> Any:
        """The effect, after everything was looked at once more: rules and stops, approval, money."""
        info = cast("StepInfo", current.get())
        run, beside = cast("Run", info.run), cast("Beside", beside_here.get())
        command, tool, places = command_of(run.firm), self._tool, self._carry.places
        slot = places.take(beside.held) if places is not None else None
        try:
            _, action, charter = self._seen(beside.args, beside.kwargs, run)
            held = _taken(command, beside)
            admitted = await admit(command, self._entry(action, charter, held))
            if tool.untrusted:
                info.mark(UNTRUSTED)
            with permitted(None):
                values = tool.arguments.typed(action.args)
                kept = Kept(admitted.reservation, beside.held, slot)
                slot = None  # now it is given back when the call is over
                return await self._carry.paid(command, action, values, kept)
        finally:
            if slot is not None and places is not None:
                places.line.leave(slot)

    def _seen(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], run: Run | None
    ) -> tuple[dict[str, Any], Action, Charter]:
        """The call as the gate sees it; UsageError where the arguments do not fit."""
        tool = self._tool
        values, plain = tool.arguments.read(args, kwargs)
        charter = Charter.decode(charter_here())
        if run is None:
            return values, tool.action(plain, charter.agent, "", ()), charter
        marks = tuple(sorted(run.marks)) if run.marks else ()
        return values, tool.action(plain, charter.agent, run.id, marks), charter

    def _entry(self, action: Action, charter: Charter, held: Reservation | None = None) -> Entry:
        return Entry(action, charter, self._most(action), self._tool.effect, self._normal, held)

    def _most(self, action: Action) -> Amount:
        return Amount(action.usd_micro, calls=1) if self._tool.priced else NOTHING


def _options(tool: "ToolDef | None", reconcile: Any = None) -> dict[str, Any]:
    """Of a step; None: of one that looks only."""
    return {
        "retry": tool.retry if tool is not None else None,
        "timeout_s": None,
        "effect": tool.effect if tool is not None else "repeatable",
        "reconcile": reconcile if tool is not None and tool.effect == "once" else None,
        "raises": tool.raises if tool is not None else (),
        "cpu": False,
    }


_NO_NAMES: dict[str, object] = {}


def _taken(command: Command, beside: Beside) -> Reservation | None:
    """The money that the gate reserved for an effect; None where that is gone, or nothing was reserved."""
    if beside.held is None:
        return None
    held = command.holds.take(beside.held)
    if held is None and beside.number and command.take_up is not None:
        return command.take_up(beside.number)
    return held


def _words(making: Making, passed: dict[str, Any]) -> str:
    """What the intent of an effect says about its permit."""
    consent = making.consent
    said = (
        f"approved {consent.question} {consent.asked.hash[:16]}"
        if consent is not None
        else f"allowed by {passed['by'][:40]}"
    )
    return said + (f", reserved as {passed['reservation']}" if passed["reservation"] else "")


def _shown(words: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Called:
    """Journaled arguments that begin with these words and are short enough to stand there as they are."""
    shown: Called = (words, *args), kwargs
    body = encode_input(*shown)
    if body[:1] != TAGGED:
        return shown
    return (words, f"arguments {digest(encode_input(args, kwargs))}"), {}
