"""What the journal keeps of missions beside their runs: plan, tasks and end, for whoever looks.

One rule: each row is written in the transaction of the step that says it, so it is true whenever it can be read.
"""

import msgspec

from firm.kernel.journal import Row, own_key
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import Plan

BOOK = "org"
"""Rows of missions: by `own_key(run, 'plan')`, `own_key(run, 'task.ID')` and `own_key(run, 'end')`."""


class Planned(msgspec.Struct, frozen=True, omit_defaults=True):
    """A mission with its plan, as it stands; a change of plan replaces it."""

    mission: Mission
    plan: Plan
    at_us: int = 0
    change: int = 0
    """How often the plan was changed."""


_planned = msgspec.msgpack.Decoder(Planned)
_task = msgspec.msgpack.Decoder(TaskEnd)
_outcome = msgspec.msgpack.Decoder(Outcome)


def plan_row(run: str, planned: Planned) -> Row:
    """The row of a mission's plan."""
    return Row(BOOK, own_key(run, "plan"), msgspec.msgpack.encode(planned))


def task_row(run: str, task: TaskEnd) -> Row:
    """The row of a task."""
    return Row(BOOK, own_key(run, f"task.{task.id}"), msgspec.msgpack.encode(task))


def end_row(run: str, outcome: Outcome) -> Row:
    """The row of a mission's end."""
    return Row(BOOK, own_key(run, "end"), msgspec.msgpack.encode(outcome))


def read_plan(body: bytes) -> Planned:
    """From the journal."""
    return _planned.decode(body)


def read_task(body: bytes) -> TaskEnd:
    """From the journal."""
    return _task.decode(body)


def read_end(body: bytes) -> Outcome:
    """From the journal."""
    return _outcome.decode(body)
