"""Tools: functions that an agent, or workflow code, may call; each call goes through the gate.

One rule: what a tool is declared to be (its risk, its destination, its cost) is all that the gate knows of it, and an
undeclared risk is the gravest. How a call is made is the business of `firm.agent.passage`.
"""

import functools
import inspect
import math
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any, overload

from firm.agent.declared import check_arguments, check_declared, check_function, check_use, names_of
from firm.agent.passage import Passage
from firm.agent.schema import Arguments
from firm.errors import PolicyDenied, UsageError
from firm.kernel.context import StepInfo, current, current_firm
from firm.kernel.definition import Effect, P, Reconcile, Retry, T, WorkflowDef
from firm.model.request import Tool
from firm.policy.action import GRAVE, UNTRUSTED, Action, Risk
from firm.policy.broker import references_in
from firm.policy.match import host_of
from firm.policy.tryout import Facts
from firm.policy.url import parse_url
from firm.units.amount import usd_micro_of

DEFAULT_TIMEOUT_S = 600.0
"""Seconds for a function that gives no `timeout_s`: what hangs must come to an end."""


class ToolDef:
    """What is known of a tool. Its signature is read at first use, except for the names of its arguments."""

    __slots__ = (
        "_amount",
        "_arguments",
        "_host",
        "_spec",
        "_to",
        "cache",
        "effect",
        "function",
        "is_async",
        "is_default_timeout",
        "limit",
        "name",
        "raises",
        "reconcile",
        "retry",
        "risk",
        "secrets",
        "timeout_s",
        "untrusted",
        "workflow",
    )

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        check_function(function)
        self.function = function
        self.name: str = function.__name__
        self.risk: Risk = options["risk"] or "spend"
        grave = self.risk in GRAVE
        self.effect: Effect = options["effect"] or ("once" if grave else "repeatable")
        self.untrusted: bool = options["untrusted"]
        self.retry: Retry | None = options["retry"]
        self.limit: int | None = options["limit"]
        self.cache: bool = options["cache"]
        secrets = options["secrets"]
        self.secrets = None if secrets is None else names_of(secrets, f"@tool on {self.name!r}: secrets")
        self.reconcile: Reconcile | None = options["reconcile"]
        self.raises: tuple[type[BaseException], ...] = options["raises"]
        definition = getattr(function, "definition", None)
        self.workflow = definition if isinstance(definition, WorkflowDef) else None
        self.is_async = inspect.iscoroutinefunction(function)
        self._to: tuple[str, ...] = names_of(options["to"], f"@tool on {self.name!r}: to", one=True)
        self._amount, self._host = options["amount"], options["host"]
        self._arguments: Arguments | None = None
        self._spec: Tool | None = None
        check_declared(self, options)
        check_arguments(self, options, self._to)
        check_use(self, options)
        self._set_timeout(options["timeout_s"])

    def _set_timeout(self, timeout_s: float | None) -> None:
        if timeout_s is not None and not timeout_s > 0:
            raise UsageError(f"@tool on {self.name!r}: timeout_s={timeout_s!r}; give seconds above 0")
        self.is_default_timeout = timeout_s is None and self.workflow is None
        given = DEFAULT_TIMEOUT_S if self.is_default_timeout else timeout_s
        self.timeout_s: float | None = None if given == math.inf else given
        """None: it may take as long as it likes."""

    @property
    def arguments(self) -> Arguments:
        """What it takes."""
        if self._arguments is None:
            self._arguments = Arguments(inspect.unwrap(self.function), self.name)
        return self._arguments

    @property
    def spec(self) -> Tool:
        """The tool as a model sees it: name, the first paragraphs of its docstring, JSON Schema of its arguments."""
        if self._spec is None:
            words = (inspect.getdoc(self.function) or "").partition("\nArgs:")[0].strip()
            self._spec = Tool(self.name, words, self.arguments.json_schema)
        return self._spec

    @property
    def facts(self) -> Facts:
        """What rules and `firm risk` know of it."""
        to = self._to[0] if len(self._to) == 1 else self._to or ""
        return Facts(self.name, self.risk, to, self._host, self._amount, self.untrusted)

    @property
    def grave(self) -> bool:
        """Whether a yes must stand in the journal before anything is done."""
        return self.effect != "repeatable" or self.risk in GRAVE or self.workflow is not None

    @property
    def priced(self) -> bool:
        """Whether it says what it costs."""
        return bool(self._amount)

    def action(self, plain: dict[str, Any], agent: str, run: str, marks: tuple[str, ...]) -> Action:
        """A call with these arguments, as the gate sees it.

        Raises:
            UsageError: the destination is no text, or the amount no sum of US dollars.
            PolicyDenied: the host's URL can be read in two ways, or a secret is not one for this tool.
        """
        to: tuple[str, ...] = ()
        if self._to:
            to = self._destinations(plain)
        if self.secrets is not None:
            self._check_secrets(plain, self.secrets)
        host = self.end(plain).rpartition(":")[0] if self._host else ""
        usd_micro = 0
        if self._amount:
            usd_micro = usd_micro_of(plain[self._amount], f"argument {self._amount!r} of tool {self.name!r}")
        return Action(self.name, self.risk, plain, to, host, usd_micro, agent, run, marks)

    def _destinations(self, plain: dict[str, Any]) -> tuple[str, ...]:
        """All of them; where several arguments name some, an empty one names nothing."""
        if len(self._to) == 1:
            return self._destination(self._to[0], plain)
        return tuple([one for name in self._to for one in self._destination(name, plain) if one])

    def _destination(self, name: str, plain: dict[str, Any]) -> tuple[str, ...]:
        value = plain[name]
        found = (value,) if isinstance(value, str) else value
        if found is None:
            return ()
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
            raise UsageError(
                f"argument {name!r} of tool {self.name!r} is a destination; give text, got {value!r:.80}"
            )
        return tuple(found)

    def _check_secrets(self, plain: dict[str, Any], allowed: tuple[str, ...]) -> None:
        refused = sorted(references_in(plain).difference(allowed))
        if refused:
            raise PolicyDenied(
                f"secret {refused[0]!r:.100} is not for tool {self.name!r}, which may be given "
                f"{', '.join(map(repr, allowed)) or 'none'}; add it to its secrets=(…) if it is meant"
            )

    def end(self, plain: dict[str, Any]) -> str:
        """Host and port that a call reaches, as 'host:port', or 'host:' where no port is said; '' where no host is."""
        if not self._host:
            return ""
        text = plain.get(self._host, self._host)
        if not isinstance(text, str):
            raise UsageError(
                f"argument {self._host!r} of tool {self.name!r} is a host; give text, got {text!r:.80}"
            )
        if "://" in text:
            return parse_url(text).end
        host, colon, port = text.rpartition(":")
        return f"{host_of(host)}:{port}" if colon and port.isdecimal() else f"{host_of(text)}:"


def tool_of(target: object) -> ToolDef:
    """The definition behind what `@tool` returned; UsageError for anything else."""
    definition = getattr(target, "tool", None)
    if isinstance(definition, ToolDef):
        return definition
    raise UsageError(f"{target!r} is not a tool; decorate a function with @tool(risk=…)")


def tools_in(module: ModuleType) -> list[ToolDef]:
    """The tools that stand in a module, by name."""
    found = (getattr(value, "tool", None) for value in vars(module).values())
    return sorted((one for one in found if isinstance(one, ToolDef)), key=lambda one: one.name)


def invoke_json(target: object, text: str) -> Coroutine[Any, Any, Any]:
    """Call a tool with the JSON that a model wrote as its arguments.

    Args:
        target: What `@tool` returned.
        text: A JSON object; blank for no arguments; the object may stand in a JSON string, as some models write it.

    Raises:
        UsageError: it is no tool; or the arguments do not fit, in words that a model can act on: which one, what is
            expected, what came.
    """
    args, kwargs = tool_of(target).arguments.said(text)
    call: Callable[..., Coroutine[Any, Any, Any]] = target  # type: ignore[assignment]
    return call(*args, **kwargs)


@overload
def tool(function: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
@overload
def tool(function: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
@overload
def tool(
    *,
    risk: Risk | None = None,
    effect: Effect | None = None,
    untrusted: bool = False,
    to: str | tuple[str, ...] = "",
    amount: str = "",
    host: str = "",
    retry: Retry | None = None,
    timeout_s: float | None = None,
    reconcile: Reconcile | None = None,
    raises: tuple[type[BaseException], ...] = (),
    limit: int | None = None,
    cache: bool = False,
    secrets: tuple[str, ...] | None = None,
) -> Callable[[Callable[P, Any]], Callable[P, Coroutine[Any, Any, Any]]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    risk: Risk | None = None,
    effect: Effect | None = None,
    untrusted: bool = False,
    to: str | tuple[str, ...] = "",
    amount: str = "",
    host: str = "",
    retry: Retry | None = None,
    timeout_s: float | None = None,
    reconcile: Reconcile | None = None,
    raises: tuple[type[BaseException], ...] = (),
    limit: int | None = None,
    cache: bool = False,
    secrets: tuple[str, ...] | None = None,
) -> Any:
    """Make a function a tool: a call in a run is journaled like a step, and goes through the gate before.

    The gate checks the arguments, asks rules and capabilities, reserves what it may cost and, where the founder must
    say yes, asks him and waits. Outside any firm the function is just the function; in an open firm outside a run it
    is judged, and what would have to be asked raises NeedsApproval.

    Args:
        function: `async def` or plain (that runs in a thread), or a `@workflow`, for a tool that must wait itself.
        risk: 'pure' (computes), 'read', 'write' (can be undone), 'send' (reaches others), 'spend' (costs or binds);
            None counts as 'spend'.
        effect: As for `@step`; None: 'once' for send and spend, 'repeatable' for the others.
        untrusted: Its result is written by strangers (web, mail, other firms): the run is marked from then on.
        to: Argument that names the destination or destinations: address, payee, URL; a tuple where several do.
        amount: Argument that says what it costs in US dollars, at most: reserved before, settled with the result,
            free again after NotSent.
        host: Argument that names the host that it reaches, as a name or a URL; or the host itself. Secrets are put in
            for this host only.
        retry: As for `@step`.
        timeout_s: Seconds for the function itself, above 0; what it waits for money or in line before is not
            counted. None: 600 (a workflow has none); `math.inf`: no limit.
        reconcile: As for `@step`.
        raises: As for `@step`.
        limit: So many of its calls may be at work in this process at one time, at least 1; the others wait in line.
        cache: For risk 'pure': the same arguments give the result that this process remembers.
        secrets: Names of the secrets that may be put into a call; None: all that are bound to its host.

    Raises:
        UsageError: at decoration, if the options do not fit each other or the signature.
    """
    options = {
        "risk": risk,
        "effect": effect,
        "untrusted": untrusted,
        "to": to,
        "amount": amount,
        "host": host,
        "retry": retry,
        "timeout_s": timeout_s,
        "reconcile": reconcile,
        "raises": raises,
        "limit": limit,
        "cache": cache,
        "secrets": secrets,
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        definition = ToolDef(function, **options)
        passage = Passage(definition)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            here = current.get()
            if here is None:
                if getattr(current_firm(), "command", None) is None:
                    return passage.plain(args, kwargs)
                return passage.outside(args, kwargs)
            if isinstance(here, StepInfo):
                return _inside(definition, passage, here)(args, kwargs)
            return passage.call(here, args, kwargs)

        call.tool = definition  # type: ignore[attr-defined]
        return call

    return decorate if function is None else decorate(function)


def _inside(definition: ToolDef, passage: Passage, here: StepInfo) -> Callable[..., Any]:
    """A step calls a tool: only what computes, for nothing can be asked or undone there."""
    if definition.risk != "pure" or definition.workflow is not None:
        raise UsageError(
            f"tool {definition.name!r} (risk {definition.risk!r}) called inside the step {here.name!r}: the gate "
            "cannot stand there; call it in the workflow"
        )
    if definition.untrusted:
        here.mark(UNTRUSTED)
    return passage.plain
