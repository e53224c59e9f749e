"""How purses stand, for people.

One rule: it shows what the ledger decides by, and changes nothing.
"""

import msgspec

from firm.ledger.pocket import Pocket
from firm.units.purse import Measure, Per


class LimitView(msgspec.Struct, frozen=True):
    """One limit in its current period."""

    measure: Measure
    per: Per
    most: int
    spent: int
    reserved: int
    """Held by calls, lost ones included."""
    lost: int
    """Of that: held by calls of which nobody knows what they took."""
    waiting: int
    """Calls that wait for this limit."""
    from_us: int
    """The period's first microsecond since 1970, 0 where the limit is for ever."""
    until_us: int | None
    """The next period's, None where there is none."""


class PurseView(msgspec.Struct, frozen=True):
    """One purse."""

    id: str
    limits: tuple[LimitView, ...]
    closed: str = ""
    """Why nothing is let through, '' where it is."""
    waiting: int = 0
    """Calls that wait until it is opened again."""


def view_of(pocket: Pocket, now_us: int) -> PurseView:
    """How a purse stands at a moment."""
    limits = []
    for meter in pocket.meters:
        current = now_us < meter.end_us
        from_us, until_us = meter.period(now_us)
        limits.append(
            LimitView(
                meter.limit.measure,
                meter.limit.per,
                meter.most,
                meter.spent if current else 0,
                meter.reserved if current else 0,
                meter.lost if current else 0,
                len(meter.waiters),
                from_us,
                until_us if meter.limit.per else None,
            )
        )
    waiting = 0 if pocket.gate is None else len(pocket.gate.waiters)
    return PurseView(pocket.id, tuple(limits), pocket.stopped or pocket.closed, waiting)
