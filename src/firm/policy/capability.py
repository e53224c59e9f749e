"""What an agent or a run may do, written down before it reads anything.

One rule: capabilities only narrow on the way down; a charter keeps the levels of all its ancestors, and a call must
be permitted at every level, so nothing that is added below can widen what stands above.
"""

from typing import Any

import msgspec

from firm.units.purse import Limit, Purse

ANY = "*"


class Capability(msgspec.Struct, frozen=True):
    """Permission to call a tool, within bounds."""

    tool: str
    """Name or pattern (`*`, `?`, `[…]`) of the tools."""
    id: str = ""
    """Names it in verdicts and in the ledger; '': derived from its content."""
    where: dict[str, Any] = {}
    """Argument -> what it must be: a value, a list of values, a pattern as text, or {"min": …, "max": …}."""
    to: tuple[str, ...] = ()
    """Destinations that it names; text without a pattern names exactly this one. (): any, named none."""
    calls: int | None = None
    """At most so many calls; with `per` for each value of that argument."""
    per: str = ""
    """Argument for each value of which `calls` and `usd` count anew; '': all together."""
    usd: float | None = None
    """At most so much money, together."""
    until: str = ""
    """ISO 8601 time with zone after which it is void; '': never."""
    delegate: bool = True
    """Whether runs begun by its holder get it too."""


class Charter(msgspec.Struct, frozen=True, array_like=True):
    """In whose name a run acts and what it may do: given when it starts, handed down to what it begins."""

    agent: str = ""
    unit: str = ""
    goal: str = ""
    levels: tuple[tuple[Capability, ...], ...] = ()
    """Permissions from the outermost ancestor in; a call must be permitted by one capability at each level."""
    purses: tuple[Purse, ...] = ()
    """What its calls count against: budgets of the run and of its ancestors."""
    deadline_us: int = 0
    """When its time is over (`Budget.wall_s`), microseconds since 1970; 0: never."""

    def encode(self) -> bytes:
        """Bytes for the journal; b'' for the empty charter."""
        return b"" if self == EMPTY else msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Charter":
        """From the journal."""
        return _decode(body) if body else EMPTY


EMPTY = Charter()
_decode = msgspec.msgpack.Decoder(Charter).decode

__all__ = ["ANY", "EMPTY", "Capability", "Charter", "Limit", "Purse"]
