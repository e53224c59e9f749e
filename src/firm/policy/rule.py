"""The founder's rules: what is allowed, asked and denied.

One rule: of all rules that fit the strictest holds, and the verdict says which it overruled.
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
    """Name or pattern; '': any."""
    host: str = ""
    """Host or pattern; '': any."""
    where: dict[str, Any] = {}
    """As in `Capability.where`."""
    usd_over: float | None = None
    """Only actions that can cost more than this."""
    number: int = 0
    """Its place in firm.toml, from 1."""


class Mandate(msgspec.Struct, frozen=True):
    """A standing order of the founder: this payee may be paid so much in each period without asking."""

    payee: str
    """Exactly the destination that the tool is called with."""
    usd: float
    """At most so much in each period."""
    per: str = "month"
    """'day', 'week' or 'month'."""
    tool: str = "*"
    agent: str = "*"
    until: str = ""
    name: str = ""
    """Names it in verdicts and in the ledger; '': derived from payee and tool."""
