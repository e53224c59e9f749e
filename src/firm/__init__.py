"""firm: the operating system of the one-person AI company.

Importing this does no I/O, starts nothing and changes nothing; names are loaded when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firm.errors import NotSent
    from firm.kernel import (
        Retry,
        as_completed,
        ask,
        continue_as,
        current_run,
        current_step,
        first,
        gather,
        now,
        patched,
        random,
        receive,
        send,
        sleep,
        step,
        uuid,
        workflow,
    )
    from firm.model import Message, Model, chat
    from firm.root import Firm, run
    from firm.units import Effort

_WHERE = {
    "Firm": "firm.root",
    "run": "firm.root",
    "NotSent": "firm.errors",
    **dict.fromkeys(("Message", "Model", "chat"), "firm.model"),
    "Effort": "firm.units",
    **dict.fromkeys(
        (
            "Retry",
            "as_completed",
            "ask",
            "continue_as",
            "current_run",
            "current_step",
            "first",
            "gather",
            "now",
            "patched",
            "random",
            "receive",
            "send",
            "sleep",
            "step",
            "uuid",
            "workflow",
        ),
        "firm.kernel",
    ),
}

__all__ = [
    "Effort",
    "Firm",
    "Message",
    "Model",
    "NotSent",
    "Retry",
    "as_completed",
    "ask",
    "chat",
    "continue_as",
    "current_run",
    "current_step",
    "first",
    "gather",
    "now",
    "patched",
    "random",
    "receive",
    "run",
    "send",
    "sleep",
    "step",
    "uuid",
    "workflow",
]


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module 'firm' has no attribute {name!r}")
    value = getattr(importlib.import_module(where), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
