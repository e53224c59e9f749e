"""The agent's loop: ask the model, call the tools that it wants, until there is an answer or a limit is reached.

One rule: this is workflow code. Each model call and each tool call is a step of its own; what is decided between two
steps is decided by `firm.agent.turn`, from what the journal has. What went wrong with a tool is told to the model; what
nobody can mend there ends the run.
"""

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import msgspec

from firm.agent import compaction
from firm.agent.agent import Agent, level_of
from firm.agent.guide import find_guide, guide_text
from firm.agent.notes import NOTE, TODO, fold
from firm.agent.notes import STATE as NOTES
from firm.agent.output import FINAL
from firm.agent.shown import OURS, STRANGERS, FailedCall, arguments_of, failed_words, kept, shown, task_in
from firm.agent.tool import invoke_json, tool_of
from firm.agent.toolbox import HandOver
from firm.agent.turn import Act, Finish, Nudge, decide
from firm.agent.window import STATE, Carried, Window
from firm.agent.workspace import folder_here
from firm.errors import (
    ApprovalRejected,
    BudgetExceeded,
    DeadlineExceeded,
    LimitReached,
    PolicyDenied,
    StepFailed,
    TerminalError,
)
from firm.kernel.api import continue_as, gather
from firm.kernel.context import current
from firm.kernel.run import Run
from firm.kernel.value import encode_input
from firm.model.call import converse, session_of
from firm.model.error import ContextTooLong, ReplyFiltered
from firm.model.message import Message, Text, ToolCall, ToolResult
from firm.model.models import label_of
from firm.model.reply import Reply
from firm.model.request import Request
from firm.model.target import Model
from firm.policy.action import UNTRUSTED
from firm.policy.consent import counted
from firm.policy.runaway import is_agent

MAX_FAILURES = 6
"""Turns in a row that brought nothing: no call that went well, and no answer."""
MAX_TROUBLE_CHARS = 300
"""Of what the last of them lacked, in the message."""
SAME = 3
"""So often the same calls may come to the same, one after the other, before the model is told of it."""
MAX_STEPS = 5_000
"""Calls of one generation; then the run goes on with an empty history."""
_USED_UP = {"time": "time", "calls": "calls", "tokens": "tokens"}
"""What a budget had not enough of -> which limit that is; else it is money."""
GIVEN_BACK = (ApprovalRejected, PolicyDenied, DeadlineExceeded, StepFailed, LimitReached)
"""Of the errors that would end a run, those that a model can do something about when a tool raises them."""
ENDS = (TerminalError, *OURS)
"""What ends a run."""


def workflow_for(agent: Agent[Any], variable: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The workflow function of an agent, as if it stood in the agent's module under `variable`."""

    async def run(task: str, workspace: str = "", effort: str = "", carried: Carried | None = None) -> Any:
        return await Loop(agent, task, (workspace, effort), carried).run()

    run.__annotations__["return"] = agent.output
    run.__name__, run.__qualname__, run.__module__ = agent.name, variable, agent.module
    return run


class Loop:
    """One run of an agent, or one generation of it.

    Args:
        agent: Who works.
        task: What at.
        options: Folder of its files, and level of effort; '': the agent's own.
        carried: From the generation before.
        beside: Arguments that its workflow takes besides these, for the next generation.
    """

    __slots__ = (
        "_agent",
        "_beside",
        "_failures",
        "_given",
        "_last",
        "_noted",
        "_options",
        "_request",
        "_run",
        "_steps",
        "_task",
        "_wanted",
        "window",
    )

    def __init__(
        self,
        agent: Agent[Any],
        task: str,
        options: tuple[str, str],
        carried: Carried | None,
        beside: tuple[Any, ...] = (),
    ) -> None:
        here = current.get()
        self._agent = agent
        self._beside = beside
        self._run: Run | None = here if isinstance(here, Run) else None
        self._task = task
        self._options = options
        self._failures = carried.failures if carried is not None else 0
        self._wanted = carried.wanted if carried is not None else "progress"
        """What the last turns that brought nothing lacked."""
        self._steps = 0
        self._last: tuple[Any, int] = (None, 0)
        """What was called in the last turn and what came of it, and how often in a row."""
        self._noted: list[int] = []
        """Places of the calls of this turn that have made notes."""
        self._given = agent.model if isinstance(agent.model, Model) else None
        guide = carried.guide if carried is not None else None
        self.window = self._begin(guide, carried)
        self._request = Request(
            (),
            agent.model if isinstance(agent.model, str) else label_of(agent.model),
            agent.max_tokens,
            None if agent.toolbox.specs else agent.answer.json_schema,
            agent.toolbox.specs,
            effort=options[1] or level_of(agent.effort, agent.name),
            session=session_of(self._run.id) if self._run is not None else "",
        )

    def _begin(self, guide: str | None, carried: Carried | None) -> Window:
        """A new window."""
        agent = self._agent
        window = Window(_system(agent), _task(self._task, guide), f"{agent.hash} {self._task}", carried)
        window.room, window.tools = self._room, agent.toolbox.size
        return window

    async def run(self) -> Any:
        """Go round until there is an answer.

        Raises:
            LimitReached: before there is one.
        """
        token = folder_here.set(self._options[0] or self._agent.workspace)
        try:
            if self._run is not None:
                is_agent(self._run, self._agent.name)
                self._run.state[STATE] = self.window
                self._run.state[NOTES] = self.window.notes
            if not self.window.turns:
                await self._read_guide()
            while True:
                answer = await self._turn()
                if answer is not None:
                    return answer.value
        except BudgetExceeded as error:
            self._stop(_USED_UP.get(error.measure, "money"), str(error))
        finally:
            folder_here.reset(token)

    async def _turn(self) -> Finish | None:
        """One reply, and what comes of it."""
        self._look_at_limits()
        if self._is_full():
            await self._compact()
        try:
            reply = await self._ask(self._request)
        except ContextTooLong as error:
            await self._too_long(error)
            return None
        if reply.stop == "filter":
            raise ReplyFiltered(
                f"agent {self._agent.name!r}: its model withheld the reply; say the task otherwise"
            )
        self.window.answered(reply)
        what = decide(reply, self._agent.toolbox, self._agent.answer)
        if isinstance(what, Finish):
            return what
        if isinstance(what, Nudge):
            self._failed(what.what)
            self.window.add(Message("user", what.text))
            return None
        return await self._act(what)

    async def _ask(self, request: Request, what: str = "") -> Reply:
        """One reply of the model, as a step."""
        window = self.window
        self._steps += 1
        words = (
            self._agent.name,
            f"definition {self._agent.hash}",
            f"{what}{window.turns + 1}",
            window.mark,
        )
        if request.messages == ():
            request = msgspec.structs.replace(request, messages=window.messages)
        return await converse(request, words, given=self._given)

    # --- tools ----------------------------------------------------------------------------------------------------

    async def _act(self, act: Act) -> Finish | None:
        """Call the tools, all at once; the answer, if one was given beside them and all went well."""
        todo = [
            place for place in range(len(act.calls)) if place not in act.refused and place != act.answer_at
        ]
        self._steps += len(todo)
        self._noted = []
        if len(todo) == 1:
            made = [await self._call(act.calls[todo[0]], todo[0])]
        else:
            made = await gather(*[self._call(act.calls[place], place) for place in todo])
        done = dict(zip(todo, made, strict=True))
        handed = next((value for value in made if isinstance(value, Finish)), None)
        if handed is not None:
            return handed
        went_well = [one for one in done.values() if not one.error]  # type: ignore[union-attr]
        if act.answer is not None and len(went_well) == len(act.calls) - 1:
            return act.answer
        if went_well:
            self._failures = 0
        else:
            final = any(act.calls[place].name == FINAL for place in act.refused)
            self._failed("output" if final else "progress")
        self.window.add(Message("tool", self._same_again(act, tuple(self._results(act, done)))))
        return None

    def _same_again(self, act: Act, results: tuple[ToolResult, ...]) -> tuple[ToolResult, ...]:
        """The results, with a word about it where the same calls have just had the same ones."""
        seen = [(call.name, call.arguments) for call in act.calls], [result.text for result in results]
        last, count = self._last
        self._last = seen, count + 1 if seen == last else 1
        if self._last[1] < SAME:
            return results
        told = f"\n[The same came of it {self._last[1]} times now. Do something else, or give the answer.]"
        return (*results[:-1], msgspec.structs.replace(results[-1], text=results[-1].text + told))

    def _results(self, act: Act, done: dict[int, Any]) -> list[ToolResult]:
        found, tainted = [], self._is_tainted()
        for place, call in enumerate(act.calls):
            result = done.get(place)
            if result is None:
                told = (
                    act.refused.get(place)
                    or "Not taken, since a call beside it failed: look at that, then answer."
                )
                result = ToolResult(call.id, told, call.name, error=True)
            elif tainted and isinstance(self._agent.toolbox.find(call.name), Agent):
                result = msgspec.structs.replace(result, text=STRANGERS + result.text)
            found.append(result)
        return found

    def _is_tainted(self) -> bool:
        """Whether what strangers wrote was read, by this agent or by one that it had do something."""
        if self._run is not None:
            return UNTRUSTED in self._run.marks
        said = [part for message in self.window.messages for part in message.parts]
        return any(isinstance(part, ToolResult) and part.text.startswith(STRANGERS) for part in said)

    async def _call(self, call: ToolCall, place: int) -> ToolResult | Finish:
        """One call, whatever comes of it; `Finish` where another agent has taken the work over."""
        target = self._agent.toolbox.find(call.name)
        try:
            if isinstance(target, HandOver):
                return Finish(await target.agent.run(task_in(call)))
            if isinstance(target, Agent):
                value = await self._help(target, task_in(call))
            else:
                value = await invoke_json(target, call.arguments)
        except FailedCall as error:
            return ToolResult(call.id, str(error), call.name, error=True)
        except Exception as error:
            if isinstance(error, ENDS) and not isinstance(error, GIVEN_BACK):
                raise
            return ToolResult(
                call.id, failed_words(error, untrusted=_is_untrusted(target)), call.name, error=True
            )
        if call.name in (NOTE, TODO):
            self._note(call, place, value)
        return ToolResult(call.id, await self._shown(target, call, value), call.name)

    async def _help(self, agent: Agent[Any], task: str) -> Any:
        """Have another agent do something; the same again and again is noticed."""
        work = agent.run(task)
        if self._run is None:
            return await work
        key = agent.name, encode_input((task, "", "", None), {})  # as the child run has them
        return await counted(self._run, key, work)

    async def _shown(self, target: Any, call: ToolCall, value: Any) -> str:
        """A result as the model reads it; a long one is put into a file."""
        text, whole = shown(value)
        if whole:
            self.window.results += 1
            self._steps += 1
            text = text.replace("{path}", await kept(f"{self.window.results:04d}-{call.name}.txt", whole))
        return STRANGERS + text if _is_untrusted(target) else text

    def _note(self, call: ToolCall, place: int, value: Any) -> None:
        """Take in what it has noted; several notes of one reply in the order of the calls, as the founder has them."""
        window = self.window
        before, window.notes = window.notes, fold(window.notes, call.name, arguments_of(call), value)
        if call.name == NOTE and window.notes is not before:
            *kept, new = window.notes.notes
            kept.insert(len(kept) - sum(other > place for other in self._noted), new)
            window.notes = msgspec.structs.replace(window.notes, notes=tuple(kept))
            self._noted.append(place)
        if self._run is not None:
            self._run.state[NOTES] = window.notes

    # --- limits ---------------------------------------------------------------------------------------------------

    def _look_at_limits(self) -> None:
        if self.window.turns >= self._agent.max_turns:
            self._stop("turns", f"its {self._agent.max_turns} turns are used up (max_turns)")
        if self._failures >= MAX_FAILURES:
            what = "gave no answer of the declared type" if self._wanted == "output" else "brought nothing"
            self._stop(
                self._wanted, f"{self._failures} turns one after the other {what}{self._last_trouble()}"
            )
        if self._run is not None and self._steps >= MAX_STEPS:
            self._go_on(self.window.carried())

    def _last_trouble(self) -> str:
        """What the model was told last, for whoever has to mend it; '' where strangers may have worded it."""
        if self._is_tainted() or self.window.is_fresh:
            return ""
        parts = self.window.messages[-1].parts
        told = " ".join([part.text for part in parts if isinstance(part, Text | ToolResult)])
        return f"; the last time: {' '.join(told.split())[:MAX_TROUBLE_CHARS]}" if told else ""

    def _failed(self, what: str) -> None:
        self._failures += 1
        self._wanted = what

    def _stop(self, limit: str, why: str) -> NoReturn:
        window = self.window
        reached = {
            "turns": window.turns,
            "last_words": window.last_words(),
            "notes": list(window.notes.notes),
            "todo": [msgspec.to_builtins(item) for item in window.notes.todo],
        }
        raise LimitReached(f"agent {self._agent.name!r} has no answer: {why}", limit, reached)

    # --- context --------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        return self._agent.context_tokens or compaction.CONTEXT_TOKENS

    def _is_full(self) -> bool:
        window = self.window
        return window.tokens >= self._room and not window.is_fresh

    async def _compact(self, room: int | None = None) -> None:
        """Begin a new window with a summary of this one; a run goes on with an empty history."""
        window, room = self.window, room or self._room
        reply = await self._sum_up(room)
        words = reply.text or window.last_words()
        tail = compaction.tail_of(window, words, room, untrusted=self._is_tainted())
        window.compactions += 1
        carried = window.carried(tail)
        if self._run is not None:
            self._go_on(carried)
        self.window = self._begin(window.guide, carried)

    async def _sum_up(self, room: int) -> Reply:
        """A summary of the work so far; the record is made shorter until the model can read it."""
        what, tries = "compaction after ", 1
        while True:
            most = max(room // 2, room - compaction.SUMMARY_TOKENS)
            asked = compaction.request_of(self.window, self._task, most)
            request = msgspec.structs.replace(
                self._request, messages=asked, tools=(), schema=None, max_tokens=compaction.SUMMARY_TOKENS
            )
            try:
                return await self._ask(request, what)
            except ContextTooLong as error:
                if room <= compaction.MIN_ROOM_TOKENS:
                    self._stop("context", f"not even a summary of it fits into its model's window: {error}")
                room, tries = room // 2, tries + 1
                what = f"compaction, try {tries}, after "

    async def _too_long(self, error: ContextTooLong) -> None:
        """The model's window is smaller than was thought."""
        window = self.window
        if len(window.messages) <= window.begun + 1:
            self._stop("context", f"what it has to know does not fit into its model's window: {error}")
        await self._compact(max(error.limit or window.tokens, 512) // 2)

    def _go_on(self, carried: Carried) -> NoReturn:
        workspace, effort = self._options
        carried = msgspec.structs.replace(carried, failures=self._failures, wanted=self._wanted)
        continue_as(self._task, workspace, effort, carried, *self._beside)

    async def _read_guide(self) -> None:
        """AGENTS.md of the workspace, where there is one."""
        if not (self._options[0] or self._agent.workspace):
            return
        self._steps += 1
        found = await find_guide()
        if found:
            self.window.guide = found
            self.window.add(Message("user", guide_text(found)))
            self.window.begun = len(self.window.messages)


def _system(agent: Agent[Any]) -> str:
    parts = [agent.instructions.strip()]
    if agent.toolbox.specs and not agent.answer.is_text:
        parts.append(f"When you have the answer, call {FINAL} with it.")
    return "\n\n".join([part for part in parts if part])


def _task(task: str, guide: str | None) -> str:
    return f"{task}\n\n{guide_text(guide)}" if guide else task


def _is_untrusted(target: Any) -> bool:
    """Whether a tool brings what strangers wrote; of an agent its own run's marks say so."""
    return not isinstance(target, Agent | HandOver) and tool_of(target).untrusted
