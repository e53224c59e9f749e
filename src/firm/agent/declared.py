"""What may be declared of a tool: which functions can be one, and which options fit each other.

One rule: what cannot be meant is refused at decoration, in words that say what to write instead.
"""

import inspect
import re
from typing import TYPE_CHECKING, Any, get_args

from firm.errors import UsageError
from firm.kernel.definition import Effect
from firm.policy.action import MODEL_CALLS, RISKS
from firm.policy.approval import APPROVE
from firm.policy.secret import NAME

if TYPE_CHECKING:
    from firm.agent.tool import ToolDef

MAX_LIMIT = 10_000
"""Of `limit=`."""
RESERVED = MODEL_CALLS | {APPROVE}
"""Names that no tool may have: rules and capabilities speak of something else by them."""
OF_STEPS = ("amount", "effect", "retry", "timeout_s", "reconcile", "limit")
"""Options that say how a function is carried out, which a workflow is not."""


def check_declared(tool: "ToolDef", options: dict[str, Any]) -> None:
    """Whether name, risk and effect can be.

    Raises:
        UsageError: one cannot.
    """
    where = f"@tool on {tool.name!r}"
    if tool.name in RESERVED:
        raise UsageError(f"{where}: no tool may have this name, rules mean something else by it; rename it")
    if tool.risk not in RISKS:
        raise UsageError(f"{where}: risk={tool.risk!r}; give one of {', '.join(RISKS)}")
    if tool.effect not in get_args(Effect):
        raise UsageError(f"{where}: effect={tool.effect!r}; give 'repeatable', 'keyed' or 'once'")
    if tool.reconcile is not None and tool.effect != "once":
        raise UsageError(f"{where}: reconcile= is for effect='once', not for {tool.effect!r}")
    if tool.effect == "once" and tool.risk in ("pure", "read"):
        raise UsageError(
            f"{where}: what only reads may be read twice; leave effect= out, or give its real risk"
        )
    if hasattr(tool.function, "definition") and tool.workflow is None:
        raise UsageError(f"{where}: it is a @step already; take that out, a tool is journaled by itself")
    if tool.workflow is not None and (given := [key for key in OF_STEPS if options[key]]):
        raise UsageError(f"{where}: {', '.join(given)} cannot be given for a workflow; give it to its steps")


def check_arguments(tool: "ToolDef", options: dict[str, Any], to: tuple[str, ...]) -> None:
    """Whether the arguments and secrets that options name can be.

    Raises:
        UsageError: one cannot.
    """
    where, names = f"@tool on {tool.name!r}", inspect.signature(tool.function).parameters
    amount, host = options["amount"], options["host"]
    for key, value in (*(("to", one) for one in to), ("amount", amount), ("host", host)):
        if value and value not in names and not (key == "host" and "." in value):
            raise UsageError(
                f"{where}: {key}={value!r} is none of its arguments ({', '.join(names) or 'none'})"
            )
    secrets = tool.secrets or ()
    if wrong := [name for name in secrets if not re.fullmatch(NAME, name)]:
        raise UsageError(f"{where}: secrets={secrets!r}: {wrong[0]!r} cannot be the name of a secret")
    if secrets and not host:
        raise UsageError(f"{where}: secrets= needs host=, since a secret is put in for one host only")


def check_use(tool: "ToolDef", options: dict[str, Any]) -> None:
    """Whether so many may be at work, and whether results may be remembered.

    Raises:
        UsageError: no.
    """
    where, limit = f"@tool on {tool.name!r}", tool.limit
    if limit is not None and (type(limit) is not int or not 1 <= limit <= MAX_LIMIT):
        raise UsageError(f"{where}: limit={limit!r}; give how many calls at a time, 1 to {MAX_LIMIT:,}")
    computes = tool.risk == "pure" and tool.effect == "repeatable" and tool.workflow is None
    if tool.cache and not (computes and not options["amount"]):
        raise UsageError(
            f"{where}: cache=True is for what only computes: risk='pure', a function, no effect= and no amount=; "
            "what reads or does something must be done each time"
        )


def names_of(value: object, what: str, *, one: bool = False) -> tuple[str, ...]:
    """Names as a tuple; UsageError for what is none. `one`: a single one may stand by itself, '' for none."""
    if one and isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, tuple | list) or not all(isinstance(one, str) and one for one in value):
        raise UsageError(f"{what}={value!r:.80}; give a tuple of names, such as ('one', 'two')")
    if len(set(value)) < len(value):
        raise UsageError(f"{what}={value!r:.80} names one twice")
    return tuple(value)


def check_function(function: object) -> None:
    """Whether this can be a tool: a function that stands by itself.

    Raises:
        UsageError: a method, a class, an object that can be called, a generator, a lambda.
    """
    instead = "write a function around it: `@tool(risk=…)` above `async def name(…)`"
    if inspect.ismethod(function) or isinstance(function, staticmethod | classmethod):
        raise UsageError(f"@tool on {function!r:.100}: a method cannot be a tool; {instead}")
    if not inspect.isfunction(function):
        raise UsageError(
            f"@tool on {function!r:.100} ({type(function).__name__}): only a function can be a tool; {instead}"
        )
    if function.__name__ == "<lambda>":
        raise UsageError(f"@tool on a lambda: models and rules call a tool by its name; {instead}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"@tool on {function.__name__!r}: a generator cannot be a tool; take out `yield`, and return a list"
        )
    owner = function.__qualname__.rpartition(".")[0]
    first = next(iter(inspect.signature(function).parameters), "")
    if first in ("self", "cls") and owner and not owner.endswith("<locals>"):
        raise UsageError(
            f"@tool on {function.__qualname__!r}: it is a method, which nobody can call without its object; {instead}"
        )
