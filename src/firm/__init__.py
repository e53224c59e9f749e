"""firm: the operating system of the one-person AI company.

Importing this does no I/O, starts nothing and changes nothing; names are loaded when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firm.agent.agent import Agent
    from firm.agent.report import report
    from firm.agent.tool import tool
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
    from firm.policy.consent import approve
    from firm.root import Firm, run
    from firm.units import Budget, Effort

_WHERE = {
    "Firm": "firm.root",
    "run": "firm.root",
    "NotSent": "firm.errors",
    **dict.fromkeys(("Message", "Model", "chat"), "firm.model"),
    "Budget": "firm.units",
    "Effort": "firm.units",
    "approve": "firm.policy.consent",
    "Agent": "firm.agent.agent",
    "report": "firm.agent.report",
    "tool": "firm.agent.tool",
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
    "Agent",
    "Budget",
    "Effort",
    "Firm",
    "Message",
    "Model",
    "NotSent",
    "Retry",
    "approve",
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
    "report",
    "run",
    "send",
    "sleep",
    "step",
    "tool",
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
