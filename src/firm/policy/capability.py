"""What an agent or a run may do, written down before it reads anything.

One rule: capabilities only narrow on the way down; a charter keeps the levels of all its ancestors, and a call must
be permitted at every level, so nothing that is added below can widen what stands above.
"""

from functools import lru_cache
from typing import Any

import msgspec

from firm.units.purse import Limit, Purse

ANY = "*"


class Capability(msgspec.Struct, frozen=True):
    """Permission to call a tool, within bounds."""

    tool: str
    """Name or pattern (`*`, `?`, `[…]`) of the tools."""
    id: str = ""
    """Names it in verdicts and in the ledger, where all that have the same id count together; '': `narrow` draws one
    from its content and the place where it is given."""
    where: dict[str, Any] = {}
    """Argument (or dotted path into it) -> what it must be: a value, a list of values, a pattern as text, or
    {"min": …, "max": …}. An argument that is not there fits nothing; of a list each element must fit."""
    to: tuple[str, ...] = ()
    """Destinations that it permits, each of a call must be among them. Text without a pattern names exactly this one;
    "" names that there is none (where `tool` is no pattern). (): any, named none."""
    calls: int | None = None
    """At most so many calls; with `per` for each value of that argument."""
    per: str = ""
    """Argument for each value of which `calls` and `usd` count anew; '': all together."""
    usd: float | None = None
    """At most so many US dollars, with `per` for each value of that argument; a single call that may cost more is not
    permitted."""
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
    agents: tuple[tuple[str, int], ...] = ()
    """Who it was handed down through, from the outermost in, each with the number of levels that stood above."""
    late: bool = False
    """The outermost level was written when the run had already read what strangers wrote: it names no destination."""
    depth: int = 0
    """How deep the run lies that holds it (0: it was begun by nobody); below that nothing counts that may not be
    delegated."""

    def encode(self) -> bytes:
        """Bytes for the journal; b'' for the empty charter."""
        return b"" if self == EMPTY else msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Charter":
        """From the journal."""
        return _decoded(body) if body else EMPTY


EMPTY = Charter()
_decode = msgspec.msgpack.Decoder(Charter).decode


@lru_cache(maxsize=16_384)
def _decoded(body: bytes) -> Charter:
    return _decode(body)


__all__ = ["ANY", "EMPTY", "Capability", "Charter", "Limit", "Purse"]
