"""The states of a run, as data.

One rule: a terminal state absorbs. `docs/concepts.md` draws its diagram from this table.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    """Recorded, not yet begun."""
    RUNNING = "running"
    """In the memory of a worker."""
    SUSPENDED = "suspended"
    """Evicted: waits for a timer, a message, a child or an answer at no cost."""
    STUCK = "stuck"
    """Needs a person; the reason stands beside it and in the inbox."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.STUCK, Status.CANCELLED}),
    Status.RUNNING: frozenset(
        {Status.SUSPENDED, Status.STUCK, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}
    ),
    Status.SUSPENDED: frozenset({Status.RUNNING, Status.STUCK}),
    Status.STUCK: frozenset({Status.RUNNING, Status.SUSPENDED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

TERMINAL = frozenset(status for status, after in TRANSITIONS.items() if not after)
"""States that absorb: nothing follows."""
