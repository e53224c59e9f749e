"""A role: who does a kind of work, as data, read from one Markdown file.

One rule: a role says what may be done, never how the organization works; that is the same for every role.
"""

from typing import Literal

import msgspec

HANDS = 4
"""Tasks that one role does at once, where its file says nothing."""
MAX_HANDS = 10_000
CHIEF = "chief"
"""The role that plans; every firm and every unit has one."""
FOUNDER = "founder"
"""Who the chief of the firm reports to; no file says it."""

HeldBy = Literal["agent", "program", "person"]


class Role(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who does a kind of work."""

    name: str
    """Kebab case, 1..64 characters; the name of its file without `.md`. Budgets, rules and capabilities of firm.toml
    know it by this."""
    purpose: str = ""
    """What it is for; in words that a model and a person read alike."""
    rules: tuple[str, ...] = ()
    """What it always and what it never does; each one sentence."""
    lessons: tuple[str, ...] = ()
    """What earlier work has taught it; written through review only."""
    reports_to: str = CHIEF
    """Another role; of the chief: the founder."""
    held_by: HeldBy = "agent"
    """Who holds it: a model with tools, a program, or a person through the inbox."""
    program: str = ""
    """Of a program: `programs/FILE.py:FUNCTION`, in the firm's folder."""
    tools: tuple[str, ...] = ()
    """Of an agent: groups of the kit ('files', 'web' …), or `programs/FILE.py:TOOL`."""
    model: str = "default"
    """Name of a model of firm.toml."""
    effort: str = ""
    """A level of the dial; '': the server's own."""
    budget_usd: float | None = None
    """What one task of it may take at most; None: what the plan gives it."""
    turns: int = 40
    """Replies of the model that one task of it may take, 1..1,000,000."""
    hands: int = HANDS
    """Tasks that it does at once, 1..10,000."""
    stand_in: str = ""
    """Who takes over when it fails again: another role, or `model:NAME`."""
    fields: tuple[str, ...] = ()
    """What it is an expert of; a role with fields can be asked for its opinion on a close call."""
    unit: str = ""
    """The unit that does its work: a folder below `units/`, with a chief of its own; '': it works itself."""
