"""The lines of a reservation's life, each with entries that sum to zero.

One rule: they are made from the reservation and the moment alone; writing them down is the pen's.
"""

from firm.ledger.line import (
    CUSTOMER,
    FUNDS,
    LOST,
    NO_TAGS,
    OVERRUN,
    RESERVED,
    REVENUE,
    USED,
    WRITTEN_OFF,
    Entry,
    Kind,
    Line,
)
from firm.ledger.reservation import Reservation
from firm.units.amount import Amount

MAX_NOTE_CHARS = 200


def opening(one: Reservation) -> Line:
    """It is made."""
    most, made_us = one.most, one.made_us
    one.given_back = -most
    entries = ((FUNDS, one.given_back), (RESERVED, most))
    return Line(Kind.RESERVE, 0, 0, made_us, made_us, entries, one.purses, one.tags)


def settlement(one: Reservation, used: Amount, now_us: int, *, saved_usd_micro: int, over: bool) -> Line:
    """It took so much."""
    most, account = one.most, USED + (one.tags.host or one.tags.name or "unknown")
    entries = ((one.account, one.given_back or -most), (FUNDS, most - used), (account, used))
    note = OVERRUN if over else ""
    return Line(Kind.SETTLE, 0, 0, now_us, one.made_us, entries, (), None, saved_usd_micro, note)


def unreserved(one: Reservation, used: Amount, now_us: int, *, saved_usd_micro: int) -> Line:
    """One that was never written down took so much."""
    tags = one.tags
    entries = ((FUNDS, -used), (USED + (tags.host or tags.name or "unknown"), used))
    return Line(Kind.SETTLE, 0, 0, now_us, one.made_us, entries, one.purses, tags, saved_usd_micro)


def void(one: Reservation, now_us: int) -> Line:
    """It took nothing."""
    return _move(one, Kind.VOID, FUNDS, now_us)


def loss(one: Reservation, why: str, now_us: int) -> Line:
    """Nobody knows what it took."""
    return _move(one, Kind.LOSE, LOST, now_us, why[:MAX_NOTE_CHARS])


def write_off(one: Reservation, now_us: int, *, spent: bool) -> Line:
    """Nobody will ever know: it counts as spent, or as nothing."""
    account = WRITTEN_OFF + (one.tags.host or one.tags.name or "unknown")
    return _move(one, Kind.WRITE_OFF, account if spent else FUNDS, now_us)


def _move(one: Reservation, kind: Kind, to: str, now_us: int, note: str = "") -> Line:
    entries: tuple[Entry, ...] = ((one.account, -one.most), (to, one.most))
    return Line(kind, 0, 0, now_us, one.made_us, entries, (), None, 0, note)


def sale(customer: str, amount: Amount, now_us: int, note: str) -> Line:
    """A customer owes so much."""
    entries = ((CUSTOMER + customer, amount), (REVENUE, -amount))
    return Line(Kind.SALE, 0, 0, now_us, now_us, entries, (), NO_TAGS, 0, note[:MAX_NOTE_CHARS])
