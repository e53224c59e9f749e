"""Durable execution: turns `async def` functions into runs that survive (level 0 of the ladder).

One rule: the kernel knows nothing of agents, models, HTTP or SQL.
"""

from firm.kernel.api import (
    as_completed,
    ask,
    continue_as,
    first,
    gather,
    now,
    patched,
    put_question,
    random,
    receive,
    send,
    sleep,
    uuid,
)
from firm.kernel.context import StepInfo, charter_here, chartered, current_run, current_step
from firm.kernel.definition import Done, NotDone, Retry, Unknown, step, workflow
from firm.kernel.journal import Row
from firm.kernel.status import TERMINAL, TRANSITIONS, Status
from firm.kernel.worker import Worker

__all__ = [
    "TERMINAL",
    "TRANSITIONS",
    "Done",
    "NotDone",
    "Retry",
    "Row",
    "Status",
    "StepInfo",
    "Unknown",
    "Worker",
    "as_completed",
    "ask",
    "charter_here",
    "chartered",
    "continue_as",
    "current_run",
    "current_step",
    "first",
    "gather",
    "now",
    "patched",
    "put_question",
    "random",
    "receive",
    "send",
    "sleep",
    "step",
    "uuid",
    "workflow",
]
