"""Bugs of the agent layer, planted on purpose; `tests.sim.mutants` runs them with its own."""

from collections.abc import Callable
from typing import Any

import msgspec
from tests.sim.agency import of

from firm.agent import compaction
from firm.agent import loop as agent_loop
from firm.agent.loop import Loop
from firm.agent.notes import EMPTY
from firm.agent.turn import Act
from firm.agent.window import Carried, Window
from firm.kernel.context import StepInfo, current
from firm.kernel.run import Run
from firm.model.message import Message
from firm.testing import Report
from firm.testing import loop as simulated_loop
from firm.testing.node import here

Patch = tuple[Any, str, Any]
AGENT_MUTANTS: list[tuple[str, Callable[[], list[Patch]], Callable[[int], Report]]] = []
"""Name, what is changed, histories."""


def mutant(name: str, *jobs: str) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    """Plant the bug of this name in histories of these jobs."""

    def plant(make: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        AGENT_MUTANTS.append((name, make, of(*jobs)))
        return make

    return plant


# --- replies and calls -------------------------------------------------------------------------------------------


@mutant("the model is asked again in each life for what it has answered", "clerk")
def _() -> list[Patch]:
    begin = Run._begin

    def forgetful(self: Any, call: Any) -> None:
        begin(self, call)
        node = here.get()
        if self.replaying and call.name == "chat" and call not in self._held and node is not None:
            context = call.context.copy()
            context.run(current.set, StepInfo(self, call.place, call.name, call.attempt + 1))
            node.loop.create_task(call.what.function(*call.args), context=context)  # type: ignore[call-arg]

    return [(Run, "_begin", forgetful)]


@mutant("a turn is begun anew after it was answered: its calls are made twice", "clerk")
def _() -> list[Patch]:
    act = Loop._act

    async def twice(self: Any, what: Act) -> Any:
        if self.window.turns == 3:
            await self._call(what.calls[0], 0)
        return await act(self, what)

    return [(Loop, "_act", twice)]


@mutant("results stand in the order in which they came", "wide")
def _() -> list[Patch]:
    call, results = Loop._call, Loop._results

    async def noted(self: Any, one: Any, place: int) -> Any:
        value = await call(self, one, place)
        self._run.state.setdefault("came", []).append(one.id)
        return value

    def as_they_came(self: Any, act: Act, done: dict[int, Any]) -> Any:
        came = self._run.state.get("came", [])
        return sorted(
            results(self, act, done), key=lambda one: came.index(one.id) if one.id in came else len(came)
        )

    return [(Loop, "_call", noted), (Loop, "_results", as_they_came)]


@mutant("results are given to the calls in the order in which they came", "wide")
def _() -> list[Patch]:
    call, results = Loop._call, Loop._results

    async def noted(self: Any, one: Any, place: int) -> Any:
        value = await call(self, one, place)
        self._run.state.setdefault(f"came {self.window.turns}", []).append(value)
        return value

    def mixed(self: Any, act: Act, done: dict[int, Any]) -> Any:
        came = self._run.state.get(f"came {self.window.turns}", [])
        other = [
            msgspec.structs.replace(value, id=act.calls[place].id, name=act.calls[place].name)
            for place, value in zip(done, came, strict=True)
        ]
        return results(self, act, dict(zip(done, other, strict=True)))

    return [(Loop, "_call", noted), (Loop, "_results", mixed)]


@mutant("an answer is taken although a call beside it failed", "wide")
def _() -> list[Patch]:
    act = Loop._act

    async def hasty(self: Any, what: Act) -> Any:
        found = await act(self, what)
        return what.answer if found is None else found

    return [(Loop, "_act", hasty)]


@mutant("a call that was refused is made all the same", "crowded")
def _() -> list[Patch]:
    act = Loop._act

    async def obliging(self: Any, what: Act) -> Any:
        for place in what.refused:
            await self._call(what.calls[place], place)
        return await act(self, what)

    return [(Loop, "_act", obliging)]


# --- the window ----------------------------------------------------------------------------------------------------


@mutant("the model is told what only this life knows, and the journaled words have no mark", "clerk")
def _() -> list[Patch]:
    results = Loop._results

    def gossiping(self: Any, act: Act, done: dict[int, Any]) -> Any:
        node = here.get()
        seen_by = "" if node is None else f" (seen by {node.name})"
        return [msgspec.structs.replace(one, text=one.text + seen_by) for one in results(self, act, done)]

    return [(Loop, "_results", gossiping), (Window, "mark", property(lambda self: ""))]


@mutant("a request says something that does not stand in the window", "clerk")
def _() -> list[Patch]:
    converse = agent_loop.converse

    async def with_the_weather(request: Any, words: Any, *, given: Any = None) -> Any:
        node = here.get()
        weather = Message("user", f"It rains on {node.name}." if node is not None else "")
        changed = msgspec.structs.replace(
            request, messages=(*request.messages[:2], weather, *request.messages[2:])
        )
        return await converse(changed, words, given=given)

    return [(agent_loop, "converse", with_the_weather)]


@mutant("what a window holds is counted otherwise in a replay", "clerk")
def _() -> list[Patch]:
    answered = Window.answered

    def careless(self: Any, reply: Any) -> None:
        answered(self, msgspec.structs.replace(reply, usage=type(reply.usage)()))

    def counted(self: Any, reply: Any) -> None:
        run = agent_loop.current.get()
        (careless if isinstance(run, Run) and run.replaying else answered)(self, reply)

    return [(Window, "answered", counted)]


@mutant("notes are lost when a run goes on with an empty history", "clerk")
def _() -> list[Patch]:
    return [(Window, "carried", _carried_without(notes=EMPTY))]


@mutant("turns are counted anew when a run goes on with an empty history", "poor")
def _() -> list[Patch]:
    return [(Window, "carried", _carried_without(turns=0))]


def _carried_without(**changed: Any) -> Callable[..., Carried]:
    carried = Window.carried

    def without(self: Any, tail: Any = None) -> Carried:
        return msgspec.structs.replace(carried(self, tail), **changed)

    return without


@mutant("of the last turn before a summary only the results stay", "wordy")
def _() -> list[Patch]:
    last = compaction._last_turn
    return [(compaction, "_last_turn", lambda window: last(window)[1:])]


@mutant("of the last turn before a summary only the calls stay", "wordy")
def _() -> list[Patch]:
    last = compaction._last_turn
    return [(compaction, "_last_turn", lambda window: last(window)[:1])]


@mutant("a window begins without the summary that was asked for", "clerk")
def _() -> list[Patch]:
    tail = compaction.tail_of
    return [(compaction, "tail_of", lambda window, summary, limit: tail(window, "", limit))]


@mutant("a window that is full from the beginning is summed up again and again", "wordy")
def _() -> list[Patch]:
    return [
        (simulated_loop, "MAX_STEPS", 12_000),
        (Loop, "_is_full", lambda self: self.window.tokens >= self._room),
        (Window, "is_fresh", property(lambda self: False)),
    ]


@mutant("turns that brought nothing are counted anew after a summary", "babbler")
def _() -> list[Patch]:
    go_on = Loop._go_on

    def forgiving(self: Any, carried: Carried) -> Any:
        self._failures = 0
        go_on(self, carried)

    return [(Loop, "_go_on", forgiving)]


@mutant("a summary that a small model cannot make ends the run", "narrow")
def _() -> list[Patch]:
    return [(compaction, "MIN_ROOM_TOKENS", 1_000_000)]


@mutant("notes stand in the order in which their steps ended", "clerk")
def _() -> list[Patch]:
    note = Loop._note

    def unordered(self: Any, call: Any, place: int, value: Any) -> None:
        self._noted = []
        note(self, call, place, value)

    return [(Loop, "_note", unordered)]
