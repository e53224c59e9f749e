"""Workflows and steps: what the decorators make of a function.

One rule: outside any run the function is just the function. Inside one, a call fixes its place in the run at
once, in source order, and does nothing until it is awaited.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar, overload

from firm.errors import UsageError
from firm.ids import check_id, slug
from firm.kernel.code import hash_of, reference_of
from firm.kernel.context import StepInfo, current
from firm.kernel.value import Signature, encode_input

P = ParamSpec("P")
T = TypeVar("T")
Effect = Literal["repeatable", "keyed", "once"]


@dataclass(frozen=True, slots=True)
class Retry:
    """When and how often a step is tried again after RetryableError, a time-out or a lost connection."""

    attempts: int = 5
    """Attempts in all, 1..1000."""
    first_s: float = 1.0
    """Longest wait before the second attempt; the wait is drawn evenly from 0 to this (full jitter)."""
    factor: float = 2.0
    """By how much the longest wait grows each time, at least 1."""
    max_s: float = 60.0
    """Upper bound of the longest wait."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 1000:
            raise UsageError(f"Retry(attempts={self.attempts!r}): give 1 to 1000")
        if self.first_s < 0 or self.max_s < 0 or self.factor < 1:
            raise UsageError(f"{self!r}: waits cannot be negative and factor is at least 1")

    def wait_s(self, attempt: int, chance: float) -> float:
        """Seconds to wait after attempt number `attempt` (from 1); `chance` is 0 ≤ x < 1."""
        return chance * min(self.max_s, self.first_s * self.factor ** (attempt - 1))


ONE_ATTEMPT = Retry(attempts=1)


@dataclass(frozen=True, slots=True)
class Done:
    """A reconciler's word: the effect happened, and this was its result."""

    value: object = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """A reconciler's word: the effect surely did not happen."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A reconciler's word: it cannot tell; the founder is asked."""


Reconcile = Callable[..., Awaitable[Done | NotDone | Unknown]]


class _Definition:
    """What is known of a decorated function; its signature is read at first use."""

    __slots__ = ("_signature", "function", "name", "reference", "slug")

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name
        self.slug = slug(name)
        self.reference = reference_of(function)
        self._signature: Signature | None = None

    @property
    def signature(self) -> Signature:
        """Codecs of arguments and result."""
        if self._signature is None:
            self._signature = Signature(self.function, f"{type(self).__name__.lower()[:-3]} {self.name!r}")
        return self._signature


class StepDef(_Definition):
    """A step's function and how it is to be carried out."""

    __slots__ = ("cpu", "effect", "is_async", "raises", "reconcile", "retry", "timeout_s")

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        super().__init__(function, function.__name__)
        self.is_async = inspect.iscoroutinefunction(function)
        self.retry: Retry = options["retry"] or ONE_ATTEMPT
        self.timeout_s: float | None = options["timeout_s"]
        self.effect: Effect = options["effect"]
        self.reconcile: Reconcile | None = options["reconcile"]
        self.raises: tuple[type[BaseException], ...] = options["raises"]
        self.cpu: bool = options["cpu"]
        self._check()

    def _check(self) -> None:
        where = f"@step on {self.name!r}"
        if self.effect not in ("repeatable", "keyed", "once"):
            raise UsageError(f"{where}: effect={self.effect!r}; give 'repeatable', 'keyed' or 'once'")
        if self.reconcile is not None and self.effect != "once":
            raise UsageError(f"{where}: reconcile= is for effect='once', not for {self.effect!r}")
        if self.cpu and self.is_async:
            raise UsageError(f"{where}: cpu=True is for a plain function; remove 'async' or cpu=True")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise UsageError(f"{where}: timeout_s={self.timeout_s!r}; give seconds above 0")


class WorkflowDef(_Definition):
    """A workflow's function and its version."""

    __slots__ = ("code", "raises", "version")

    def __init__(
        self, function: Callable[..., Any], *, version: str, raises: tuple[type[BaseException], ...]
    ) -> None:
        super().__init__(function, function.__name__)
        self.version = version
        self.code = hash_of(function)
        """Hash of its file as it was when it was loaded."""
        self.raises = raises
        if not inspect.iscoroutinefunction(function):
            raise UsageError(f"@workflow on {self.name!r}: a workflow is an `async def`")


@overload
def step(function: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
@overload
def step(function: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
@overload
def step(
    *,
    retry: Retry | None = None,
    timeout_s: float | None = None,
    effect: Effect = "repeatable",
    reconcile: Reconcile | None = None,
    raises: tuple[type[BaseException], ...] = (),
    cpu: bool = False,
) -> Callable[[Callable[P, Any]], Callable[P, Coroutine[Any, Any, Any]]]: ...
def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    retry: Retry | None = None,
    timeout_s: float | None = None,
    effect: Effect = "repeatable",
    reconcile: Reconcile | None = None,
    raises: tuple[type[BaseException], ...] = (),
    cpu: bool = False,
) -> Any:
    """Make a function a step: its result is journaled, so that a run never repeats it once it is known.

    An `async def` runs on the event loop, a plain `def` in a thread, and with `cpu=True` in a process of its
    own. The result's declared type decides how it is stored; without one only builtins are.

    Args:
        function: The function; given when the decorator is used without parentheses.
        retry: How often to try again after RetryableError, a time-out or a lost connection; None: never.
        timeout_s: Seconds for one attempt, above 0; None: no limit.
        effect: What a second execution would do: 'repeatable' (no harm), 'keyed' (the receiver deduplicates
            on `current_step().key`), 'once' (harm: after a crash in the middle it is in doubt, never repeated).
        reconcile: For 'once': `async (key, *args) -> Done(value) | NotDone() | Unknown()`, asked when in doubt.
        raises: Exception classes that cross the journal as themselves; builtin ones and ours always do.
        cpu: Run in a process that can be killed; arguments and module must be importable there.

    Raises:
        UsageError: at decoration, if the options do not fit each other.
    """
    options = {
        "retry": retry,
        "timeout_s": timeout_s,
        "effect": effect,
        "reconcile": reconcile,
        "raises": raises,
        "cpu": cpu,
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        definition = StepDef(function, **options)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            here = current.get()
            if here is None or isinstance(here, StepInfo):
                return _plain_call(definition, args, kwargs)
            return here.call_step(definition, args, kwargs)

        call.definition = definition  # type: ignore[attr-defined]
        return call

    return decorate if function is None else decorate(function)


def _plain_call(definition: StepDef, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """No engine here: just the function (a plain one can be awaited where an event loop runs)."""
    if definition.is_async or asyncio._get_running_loop() is None:
        return definition.function(*args, **kwargs)

    async def at_once() -> Any:
        return definition.function(*args, **kwargs)

    return at_once()


@overload
def workflow(function: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
@overload
def workflow(
    *, version: str | int = "", raises: tuple[type[BaseException], ...] = ()
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]: ...
def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    version: str | int = "",
    raises: tuple[type[BaseException], ...] = (),
) -> Any:
    """Make an `async def` a workflow: as a run it survives crashes, waits for free and does nothing twice.

    Its code may use all of ordinary asyncio; whatever touches the world belongs in a step.
    Called inside another run it is a child run with an id of its own.

    Args:
        function: The function; given when the decorator is used without parentheses.
        version: A run that was started under another version waits for a person (`firm resume`).
        raises: Exception classes that reach the caller as themselves; builtin ones and ours always do.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        definition = WorkflowDef(function, version=str(version), raises=raises)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            here = current.get()
            if here is None:
                return function(*args, **kwargs)
            if isinstance(here, StepInfo):
                raise UsageError(
                    f"workflow {definition.name!r} called inside the step {here.name!r}: a step cannot wait for "
                    "a child run; call it in the workflow"
                )
            return here.call_child(definition, args, kwargs)

        call.definition = definition  # type: ignore[attr-defined]
        return call

    return decorate if function is None else decorate(function)


def workflow_of(target: object) -> WorkflowDef:
    """The definition behind what `@workflow` returned; UsageError for anything else."""
    definition = getattr(target, "definition", None)
    if isinstance(definition, WorkflowDef):
        return definition
    raise UsageError(f"{target!r} is not a workflow; decorate an `async def` with @workflow")


def check_name(value: str, what: str) -> str:
    """A topic or a patch's name: as `firm.ids.check_id`."""
    return check_id(value, what)


__all__ = [
    "Done",
    "Effect",
    "NotDone",
    "Retry",
    "StepDef",
    "Unknown",
    "WorkflowDef",
    "check_name",
    "encode_input",
    "step",
    "workflow",
    "workflow_of",
]
