"""What is about to be done: one call of a tool or of a model, as rules, capabilities and the founder see it.

One rule: an action holds the real arguments; everything that is shown or hashed is made from them.
"""

from typing import Any, Literal

import msgspec

Risk = Literal["pure", "read", "write", "send", "spend"]
"""From harmless to grave: computes; reads; changes what can be changed back; reaches others; costs or binds."""
RISKS: tuple[Risk, ...] = ("pure", "read", "write", "send", "spend")
GRAVE: frozenset[Risk] = frozenset({"send", "spend"})
"""What leaves the firm: it asks by default, and always once a run is tainted."""

MODEL_CALLS: frozenset[str] = frozenset({"chat", "embed"})
"""What calls to models are called."""

UNTRUSTED = "untrusted"
"""The mark of a run that has read what strangers wrote (see `firm.kernel`: marks only grow and spread)."""


class Action(msgspec.Struct, frozen=True):
    """One call, before it is made."""

    tool: str
    """Name of the tool; one of `MODEL_CALLS` for a call to a model, and no tool has such a name."""
    risk: Risk = "spend"
    args: dict[str, Any] = {}
    """Arguments as builtins, every default filled in; secrets stand here as their references."""
    to: str | tuple[str, ...] = ()
    """Destinations: address, payee, URL, as the tool declares which argument names them; () where there is none."""
    host: str = ""
    """Host that it reaches, lower case; '' where there is none."""
    usd_micro: int = 0
    """The most that it can cost, at least 0; 0 where it costs nothing, or nobody knows what."""
    agent: str = ""
    """On whose behalf; '' for plain workflow code."""
    run: str = ""
    """Id of the run, '' outside any."""
    marks: tuple[str, ...] = ()
    """Marks of the run at this moment, sorted."""

    @property
    def destinations(self) -> tuple[str, ...]:
        """`to` as a tuple; ("",) where there is none, so that none can be named too."""
        to = self.to
        return (to,) if isinstance(to, str) else to or NOWHERE


NOWHERE = ("",)
