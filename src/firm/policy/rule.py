"""The founder's rules: what is allowed, asked and denied.

One rule: of all rules that fit the strictest holds, and the verdict says which it overruled.

What asks or denies is read widely, what allows narrowly: see `firm.policy.match` for arguments, and `agent` below.
"""

from typing import Any

import msgspec

from firm.policy.verdict import Then


class Rule(msgspec.Struct, frozen=True):
    """One `[[rules]]` of firm.toml; every condition that is given must hold."""

    then: Then
    tool: str = ""
    """Name or pattern; '': any."""
    risk: str = ""
    agent: str = ""
    """Name or pattern; '': any. A rule that asks or denies also fits whoever acts for such an agent, however far
    down."""
    host: str = ""
    """Host or pattern; '': any, or none. Upper and lower case are the same, `example.com` is not `www.example.com`."""
    where: dict[str, Any] = {}
    """As in `Capability.where`."""
    usd_over: float | None = None
    """Only actions that can cost more than this; not for rules that allow. An action of risk spend of which nobody
    knows what it costs is asked about."""
    number: int = 0
    """Its place in firm.toml, from 1."""


class Mandate(msgspec.Struct, frozen=True):
    """A standing order of the founder: this payee may be paid so much in each period without asking."""

    payee: str
    """Exactly the one destination that the tool is called with."""
    usd: float
    """At most so many US dollars in each period of the calendar, UTC; it covers no call of which nobody knows the
    cost."""
    per: str = "month"
    """'day', 'week' or 'month'."""
    tool: str = "*"
    """Name or pattern."""
    agent: str = "*"
    """Name or pattern."""
    until: str = ""
    """ISO 8601 time with zone after which it is void; '': never."""
    name: str = ""
    """Names it in verdicts and in the ledger; '': derived from payee and tool."""
