"""What is to become of an action, and who says so.

One rule: a verdict says in words who decided, and what else that overruled.
"""

from typing import Literal

import msgspec

from firm.units.purse import Purse

Then = Literal["allow", "ask", "deny"]
STRICTNESS: dict[Then, int] = {"allow": 0, "ask": 1, "deny": 2}


class Verdict(msgspec.Struct, frozen=True):
    """One word about an action; of several the strictest holds."""

    then: Then
    why: str
    """A sentence that names the rule, capability, mandate or default that decided, with what it overruled."""
    by: str = ""
    """Who decided: 'rule 3', 'capability scout-call', 'mandate hosting', 'default', 'label', 'stop'."""
    purses: tuple[Purse, ...] = ()
    """Of capabilities and of a mandate: what the call counts against, besides the purses of the charter."""
