"""What cannot wait for the next briefing, and in which order the rest waits.

One rule: it is a pure function of the question, of the time of the next briefing and of one threshold.
"""

from datetime import datetime
from typing import Protocol

NOW_USD_PER_DAY = 10.0
"""A question whose waiting costs at least so much a day, US dollars, does not wait for the next briefing."""


class Asked(Protocol):
    """A question, as far as it matters here; `firm.root.view.QuestionView` is one."""

    @property
    def one_way(self) -> bool:
        """What it decides cannot be taken back."""
        ...

    @property
    def deadline(self) -> datetime | None:
        """When its time ends; None: never."""
        ...

    @property
    def waiting_usd_per_day(self) -> float | None:
        """What waiting costs; None: nobody said a sum."""
        ...

    @property
    def asked_at(self) -> datetime:
        """When it was asked."""
        ...


def why_now(question: Asked, next_at: datetime | None) -> str:
    """Why a question cannot wait for the next briefing, as a phrase; '': it can.

    It cannot where what it decides cannot be taken back, where its time ends before the next briefing, or where waiting
    costs 10 US dollars a day or more.

    Args:
        question: That is open.
        next_at: When the next briefing comes, with a time zone; None: never, then no deadline is before it.
    """
    if question.one_way:
        return "it cannot be taken back"
    if question.deadline is not None and next_at is not None and question.deadline < next_at:
        return "its time ends before the next briefing"
    if (question.waiting_usd_per_day or 0.0) >= NOW_USD_PER_DAY:
        return "waiting is dear"
    return ""


def order_of(question: Asked) -> tuple[bool, float, float, float]:
    """Sorts questions: one-way first, then the nearest deadline, then the dearest waiting, then the oldest."""
    deadline = question.deadline.timestamp() if question.deadline is not None else float("inf")
    return (
        not question.one_way,
        deadline,
        -(question.waiting_usd_per_day or 0.0),
        question.asked_at.timestamp(),
    )
