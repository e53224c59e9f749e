"""A mission and what came of it, as data.

One rule: a mission says what is wanted and what it may take; nothing here says how.
"""

from typing import Literal

import msgspec

from firm.org.artifact import Artifact, Verdict
from firm.org.plan import Plan
from firm.org.settings import PlanBy

MAX_TEXT_CHARS = 20_000
"""Of a mission's words."""
MAX_DEPTH = 5
"""Units below each other."""

TaskStatus = Literal["waiting", "working", "checking", "accepted", "refused", "skipped"]
"""Refused: at the end of its rounds and of all who could take over. Skipped: what it needs was not made."""
Ending = Literal["reached", "partly", "not reached", "refused", "cannot"]
"""Refused: by the founder, or by a rule. Cannot: the chief says why, and what could be."""


class Mission(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What somebody says should exist."""

    text: str
    """1 to 20,000 characters."""
    language: str = ""
    """'en' or 'zh'; '': that of its words."""
    workflow: str = "main"
    """Which file of `workflows/` plans it where the chief does not."""
    plan: PlanBy = "auto"
    usd: float = 5.0
    """What it may take with all that it begins, US dollars, at least 0."""
    model: str = ""
    """Name of a model that plays every role instead of their own; '': each has its own."""
    unit: str = ""
    """The unit that carries it out; '': the firm."""
    depth: int = 0
    """Units above it."""
    given: tuple[Artifact, ...] = ()
    """What it begins with."""
    order: str = ""
    """Id of the customer's order that it is for; then its words are untrusted. '': the founder's own."""
    goal: str = ""
    """The goal of the mission above that it serves."""
    approved: bool = False
    """Whoever began it has approved what its plan may take, up to `usd`."""


class TaskEnd(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How one task stands, or has ended; a row of the journal."""

    id: str
    status: TaskStatus
    role: str = ""
    """Who has done it in the end."""
    goal: str = ""
    rounds: int = 0
    """Tries that were made."""
    artifact: Artifact | None = None
    """What was accepted, or came last."""
    verdicts: tuple[Verdict, ...] = ()
    """All that were given, the oldest first."""
    troubles: tuple[str, ...] = ()
    """How tries failed before anything could be checked."""
    why: str = ""
    """Of what was refused or skipped."""
    at_us: int = 0
    """When this was written, microseconds since 1970."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came of a mission."""

    run: str
    mission: str
    """Its words."""
    ending: Ending
    why: str = ""
    """Where it was not reached, and what could be done."""
    plan: Plan | None = None
    tasks: tuple[TaskEnd, ...] = ()
    facts: tuple[str, ...] = ()
    """What the founder told meanwhile."""
    spent_usd_micro: int = 0
    tokens: int = 0
    calls: int = 0
    """Of models."""
    took_s: float = 0.0
    folder: str = ""
    """Of the deliverables, below the home; '': nothing was delivered."""
    report: str = ""
    """The report's page, below the home."""
    commit: str = ""
    """Of the firm's git repository; '': none was made."""
    no_commit: str = ""
    """Why none was made, where something was delivered."""
    unit: str = ""
    order: str = ""
    language: str = "en"
    blocked_on: str = ""
    """Of a unit: what it cannot go on without, and nobody in it makes."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What was accepted of what is to be delivered, in the order of the plan."""
        wanted = {task.id for task in self.plan.tasks if task.deliver} if self.plan is not None else set()
        return tuple(
            [
                one.artifact
                for one in self.tasks
                if one.status == "accepted" and one.id in wanted and one.artifact
            ]
        )
