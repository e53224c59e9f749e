"""The ledger's lines: what stands in the journal about money, and how it is written down.

One rule: the entries of each line sum to zero, in every measure; nothing is written that does not balance. What a
line does to caps and sums is said by `firm.ledger.books`.
"""

from collections.abc import Iterable
from enum import IntEnum

import msgspec

from firm.errors import InternalError
from firm.kernel.journal import Row
from firm.units.amount import NOTHING, Amount

BOOK = "ledger"
"""Book of the journal in which the lines stand; key: 16 digits, the number of the row's first line."""
MEASURES = ("usd_micro", "tokens", "gpu_ms", "cpu_ms", "calls")
"""What can be limited, in the order of `measures_of`."""

FUNDS = "funds"
"""Where everything comes from."""
RESERVED = "reserved"
LOST = "lost"
"""Reserved by calls of which nobody knows what they took; counts as reserved until it is written off."""
USED = "used/"
"""With the host, or the tool's name: what was used there."""
WRITTEN_OFF = "written-off/"
"""With the host, or the tool's name: lost money that the rule takes as spent."""
CUSTOMER = "customer/"
"""With the name: what a customer owes."""
REVENUE = "revenue"
OVERRUN = "overrun"
"""Note of a settlement above its reservation."""


class Kind(IntEnum):
    """What a line says. Numbers are part of the file format and never change their meaning."""

    RESERVE = 1
    SETTLE = 2
    VOID = 3
    LOSE = 4
    WRITE_OFF = 5
    SALE = 6


class Tags(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a call is filed under; '' where there is none."""

    run: str = ""
    place: int = 0
    """Number of the call in the run."""
    agent: str = ""
    unit: str = ""
    goal: str = ""
    name: str = ""
    """Name of the model in the firm, or of the tool."""
    operation: str = ""
    """'chat', 'embed', 'tool'."""
    host: str = ""
    price_date: str = ""
    """Since when the price that was used holds, ISO date."""


NO_TAGS = Tags()
Measures = tuple[int, int, int, int, int]
Entry = tuple[str, Amount]


class Line(msgspec.Struct, array_like=True, gc=False):
    """One line of the ledger; never changed once written (its number is given when it goes to the journal)."""

    kind: int
    number: int
    """1, 2, 3 …; what a crash cut off leaves a gap."""
    of: int
    """The reservation that it opens (its own number) or closes; 0: it was never written down."""
    at_us: int
    """Ledger's clock, microseconds since 1970."""
    made_us: int
    """When the reservation was made: everything about it counts in the periods of that moment."""
    entries: tuple[Entry, ...]
    purses: tuple[str, ...] = ()
    """Ids of purses that it counts against besides those of the firm and of its tags."""
    tags: Tags | None = None
    """None in a line that closes a written reservation: they stand there."""
    saved_usd_micro: int = 0
    """What the provider's cache saved."""
    note: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Line]).decode


def row_of(lines: list[Line]) -> Row:
    """One row of the journal with these lines, whose numbers follow one another."""
    return Row(BOOK, f"{lines[0].number:016d}", _encode(lines))


def lines_of(row: Row) -> list[Line]:
    """The lines of a row.

    Raises:
        InternalError: they cannot be read, or one does not balance.
    """
    try:
        lines = _decode(row.value)
    except msgspec.MsgspecError as error:
        raise InternalError(f"row {row.key!r} of the ledger cannot be read: {error}") from error
    for line in lines:
        if not balances(line.entries):
            raise InternalError(f"line {line.number} of the ledger does not sum to zero: {line.entries!r}")
    return lines


def balances(entries: Iterable[Entry]) -> bool:
    """Whether entries sum to zero in every measure."""
    return sum((amount for _, amount in entries), NOTHING) == NOTHING


def measures_of(amount: Amount) -> Measures:
    """The measures that can be limited, in the order of `MEASURES`."""
    return (
        amount.usd_micro,
        amount.input + amount.cache_read + amount.cache_write + amount.output + amount.reasoning,
        amount.gpu_ms,
        amount.cpu_ms,
        amount.calls,
    )


def purses_of(tags: Tags, others: Iterable[str] = ()) -> list[str]:
    """Ids of all purses that a call counts against, each once: the firm's, those of its tags, the others."""
    found = ["firm"]
    if tags.unit:
        found.append(f"unit/{tags.unit}")
    if tags.agent:
        found.append(f"agent/{tags.agent}")
    if tags.goal:
        found.append(f"goal/{tags.goal}")
    found.extend(other for other in others if other not in found)
    return found
