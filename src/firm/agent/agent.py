"""`Agent`: who does long work with tools, as data.

One rule: an agent is only said here; running it is a workflow like any other (`firm.agent.loop`), begun by `run` in
another run, by `Firm.start` and by `firm run`.
"""

import functools
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import msgspec

from firm.agent.output import Output
from firm.agent.toolbox import Toolbox
from firm.errors import UsageError
from firm.ids import check_id, digest
from firm.kernel.code import file_hash
from firm.kernel.context import StepInfo, charter_here, chartered, current, current_firm
from firm.kernel.definition import WorkflowDef
from firm.model.embedded import error as embedded
from firm.model.error import RAISED as REFUSED
from firm.model.models import Models, label_of
from firm.model.request import MAX_TOKENS
from firm.model.target import Model
from firm.policy.capability import Capability, Charter
from firm.policy.narrow import narrow
from firm.policy.runaway import thinks
from firm.policy.within import within
from firm.units.budget import Budget, budget_of
from firm.units.effort import Effort, effort_of

T = TypeVar("T")

RAISED = (*REFUSED, *embedded.RAISED)
"""What its model may raise, as itself."""

MAX_TURNS = 200
MOST_TURNS = 1_000_000
MAX_NAME_CHARS = 64
MIN_CONTEXT_TOKENS = 1_000


@dataclass(frozen=True, eq=False)
class Agent(Generic[T]):
    """Who does long work: a model with tools, in a loop that survives crashes and ends on an answer or a limit.

    Args:
        name: 1..64 printable characters; budgets, rules and capabilities of firm.toml know it by this.
        instructions: What it is to do and how, in words.
        tools: Functions with `@tool`, other agents (called with a task), and `hand_over(agent)`.
        output: Type of its answer: `str`, a Struct, dataclass, pydantic model or builtin types.
        model: Name of a model of the firm, or a `Model`.
        effort: A level; None: the server's own.
        budget: What one run of it may take, with all that it begins; a number is US dollars.
        capabilities: What it may call, of that which may be called where it is begun; None: all of it.
        workspace: Folder of its files, absolute or from the home; '': one of the run's own.
        description: What it is for, in a sentence, for agents that may call it.
        max_turns: Replies of the model that one run may take, 1..1,000,000.
        max_tokens: Bound of one reply.
        context_tokens: At so many tokens the window is compacted, at least 1,000; None: 100,000.

    Raises:
        UsageError: on making it: a value that cannot be.
    """

    name: str
    instructions: str = ""
    tools: Sequence[Any] = ()
    output: type[T] = str  # type: ignore[assignment]
    model: str | Model = "default"
    effort: Effort | str | None = None
    budget: Budget | float | None = None
    capabilities: Sequence[Capability] | None = None
    workspace: str = ""
    description: str = ""
    max_turns: int = MAX_TURNS
    max_tokens: int = MAX_TOKENS
    context_tokens: int | None = None
    module: str = field(default="", repr=False)
    """Where it is defined; found out by itself."""

    def __post_init__(self) -> None:
        where = f"Agent({self.name!r})"
        check_id(self.name, "name of an agent")
        if len(self.name) > MAX_NAME_CHARS:
            raise UsageError(
                f"{where}: the name has {len(self.name)} characters; at most {MAX_NAME_CHARS} are allowed"
            )
        if not isinstance(cast("object", self.instructions), str):
            raise UsageError(f"{where}: instructions={self.instructions!r:.80}; give text")
        if type(self.max_turns) is not int or not 1 <= self.max_turns <= MOST_TURNS:
            raise UsageError(
                f"{where}: max_turns={self.max_turns!r}; give a whole number, 1 to {MOST_TURNS:,}"
            )
        if type(self.max_tokens) is not int or not 1 <= self.max_tokens <= MOST_TURNS:
            raise UsageError(
                f"{where}: max_tokens={self.max_tokens!r}; give a whole number, 1 to {MOST_TURNS:,}"
            )
        if self.context_tokens is not None and self.context_tokens < MIN_CONTEXT_TOKENS:
            raise UsageError(
                f"{where}: context_tokens={self.context_tokens!r}; give at least {MIN_CONTEXT_TOKENS:,}, or None"
            )
        if not isinstance(self.model, str | Model):
            raise UsageError(
                f"{where}: model={self.model!r:.80}; give the name of a model, or a Model(url=…, name=…)"
            )
        level_of(self.effort, where)
        budget_of(self.budget)
        _ = self.toolbox  # made here, so that what is wrong with the tools is said at once
        if not self.module:
            object.__setattr__(self, "module", _caller())

    # --- what it comes to ---------------------------------------------------------------------------------------

    @functools.cached_property
    def answer(self) -> Output:
        """What its answer has to be."""
        return Output(self.output, self.name)

    @functools.cached_property
    def toolbox(self) -> Toolbox:
        """What it may call."""
        return Toolbox(self.tools, self.answer, self.name)

    @functools.cached_property
    def hash(self) -> str:
        """16 hexadecimal digits over all that decides what it says to a model."""
        specs = msgspec.json.encode(
            [msgspec.to_builtins(spec) for spec in self.toolbox.specs], order="deterministic"
        )
        schema = msgspec.json.encode(self.answer.json_schema, order="deterministic")
        model = self.model if isinstance(self.model, str) else label_of(self.model)
        limits = (self.max_turns, self.max_tokens, self.context_tokens)
        return digest(self.name, self.instructions, specs, schema, model, level_of(self.effort, ""), limits)[
            :16
        ]

    @functools.cached_property
    def definition(self) -> WorkflowDef:
        """The workflow that runs it: `(task, workspace='', effort='', carried=None) -> output`."""
        from firm.agent.loop import workflow_for

        made = WorkflowDef(workflow_for(self, _variable(self)), version="", raises=RAISED)
        path = getattr(sys.modules.get(self.module), "__file__", None)
        try:
            made.code = file_hash(Path(path)) if path else self.hash
        except OSError:
            made.code = self.hash
        return made

    # --- running it ---------------------------------------------------------------------------------------------

    def run(
        self,
        task: str,
        *,
        effort: Effort | str | None = None,
        budget: Budget | float | None = None,
        workspace: str = "",
    ) -> Coroutine[Any, Any, T]:
        """Have it done; its answer.

        Inside a run it is a child run, with an id of its own. Inside an open firm it is metered and not durable;
        outside any firm it needs a `Model` of its own, and nothing is asked of a gate.

        Args:
            task: What is to be done, in words.
            effort: Instead of the agent's own.
            budget: On top of the agent's own; a number is US dollars.
            workspace: Folder of its files, instead of the agent's own.

        Raises:
            LimitReached: turns, money, calls, tokens, time, progress, output or context were at an end;
                `error.reached` has what was reached so far.
            ModelError, ModelUnavailable: the model cannot, or nobody answers.
            UsageError: inside a step, no task, or an effort or budget that cannot be.
        """
        if not (isinstance(cast("object", task), str) and task.strip()):
            raise UsageError(f"agent {self.name!r}: task={task!r:.80}; say in words what is to be done")
        level = level_of(effort, f"agent {self.name!r}")
        extra, here = budget_of(budget), current.get()
        if isinstance(here, StepInfo):
            raise UsageError(
                f"agent {self.name!r} called inside the step {here.name!r}: a step cannot wait; call it in the workflow"
            )
        definition = self.definition
        if extra is not None:
            with within(budget=extra):
                return self._begin(here, definition, (task, workspace, level, None))
        return self._begin(here, definition, (task, workspace, level, None))

    def _begin(self, here: Any, definition: WorkflowDef, args: tuple[Any, ...]) -> Coroutine[Any, Any, T]:
        """A child run, or the loop itself, in this agent's name."""
        if self.budget is None and self.capabilities is None:
            depth = None if here is None else here.id.count("/") + 1
            with chartered(_named(charter_here(), self.name, depth)):
                return self._call(here, definition, args)
        with within(agent=self.name, capabilities=self.capabilities, budget=self.budget):
            return self._call(here, definition, args)

    def _call(self, here: Any, definition: WorkflowDef, args: tuple[Any, ...]) -> Coroutine[Any, Any, T]:
        if here is not None:
            thinks(here)
            return here.call_child(definition, args, {})  # type: ignore[no-any-return]
        charter = charter_here()

        async def plain() -> T:
            async with AsyncExitStack() as stack:
                stack.enter_context(chartered(charter))
                if isinstance(self.model, Model) and current_firm() is None:
                    await stack.enter_async_context(Models())  # one set of connections for all of its turns
                return await definition.function(*args)  # type: ignore[no-any-return]

        return plain()


def _caller() -> str:
    """The module in which an agent is being made."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") in (__name__, "typing") and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))


@functools.lru_cache(maxsize=4096)
def _named(charter: bytes, agent: str, depth: int | None) -> bytes:
    """The charter with this agent's name."""
    return narrow(Charter.decode(charter), agent=agent, depth=depth).encode()


def level_of(effort: Effort | str | None, where: str) -> str:
    """The level of an effort; '' for None.

    Raises:
        UsageError: it is given otherwise than as a level.
    """
    dial = effort_of(effort)
    if dial is None:
        return ""
    if dial.level is None:
        raise UsageError(f"{where}: effort={effort!r}; an agent takes a level only: Effort(level=…)")
    return dial.level


def _variable(agent: Agent[Any]) -> str:
    """The name under which it stands in its module; one that cannot be found again where it stands in none."""
    module = sys.modules.get(agent.module)
    names = [name for name, value in vars(module).items() if value is agent] if module is not None else []
    return names[0] if names else f"<locals>.{agent.name}"
