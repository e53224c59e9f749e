"""Supervision: what follows when a member's work was sent back, or failed. Pure; nothing is done here.

One rule: a failed member begins again with what is known, then another takes over, then it goes up to whoever gave the
task; no way goes round.

Source: the restart, replace, escalate order is that of supervisors in Erlang/OTP.
"""

from dataclasses import dataclass
from typing import Literal

from firm.org.plan import Task
from firm.org.role import Role

RESTARTS = 1
"""So often the same member begins again after a failure, before another takes over."""
MODEL = "model:"
"""Begins a stand-in that is the same role with another model."""

How = Literal["accepted", "sent back", "failed", "ended"]
"""How a try ended: `ended` is a failure that nobody could mend by trying again (money, a rule, the founder's no)."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try at a task."""

    role: str
    model: str
    """Instead of the role's own; '': that."""
    how: How
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """Somebody tries (again)."""

    role: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Up:
    """It goes up, to whoever gave the task."""

    how: How
    times: int
    """How often it came to that, with the last who tried."""
    reasons: tuple[str, ...] = ()
    """The last ones."""


def following(task: Task, role: Role, tries: list[Try]) -> Again | Up:
    """What is done next about a task that is not accepted yet.

    Args:
        task: The task.
        role: Who has it by the plan.
        tries: All so far, the oldest first.
    """
    if not tries:
        return Again(role.name)
    last = tries[-1]
    if last.how == "ended":
        return Up("ended", 1, last.reasons)
    here = [one for one in tries if (one.role, one.model) == (last.role, last.model)]
    sent_back = sum(one.how == "sent back" for one in here)
    failed = sum(one.how == "failed" for one in here)
    if last.how == "sent back" and sent_back <= task.rounds:
        return Again(last.role, last.model)
    if last.how == "failed" and failed <= RESTARTS:
        return Again(last.role, last.model)
    stand_in = _stand_in(role)
    if stand_in is not None and (stand_in.role, stand_in.model) not in {
        (one.role, one.model) for one in tries
    }:
        return stand_in
    return Up(last.how, sent_back if last.how == "sent back" else failed, last.reasons)


def _stand_in(role: Role) -> Again | None:
    if not role.stand_in:
        return None
    if role.stand_in.startswith(MODEL):
        return Again(role.name, role.stand_in.removeprefix(MODEL))
    return Again(role.stand_in)
