"""Limits on what may be spent, and what they are put on.

One rule: everything that a call counts against is a purse, be it the firm, an agent, a run, a capability or a
mandate; there is one kind of limit for all of them.
"""

from typing import Literal

import msgspec

Measure = Literal["usd_micro", "tokens", "gpu_ms", "cpu_ms", "calls"]
"""Fields (and `tokens`) of `Amount` that can be limited."""
Per = Literal["", "minute", "hour", "day", "week", "month"]
"""Period of a limit: '' for ever; else the calendar's, in UTC (weeks begin on Monday)."""


class Limit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """At most so much of one measure in each period."""

    measure: Measure
    most: int
    """At least 0; 0 allows nothing."""
    per: Per = ""


class Purse(msgspec.Struct, frozen=True, array_like=True):
    """What a call counts against.

    Ids by kind: `firm`, `unit/NAME`, `agent/NAME`, `goal/NAME`, `run/ID`, `capability/ID`, `mandate/NAME`.
    """

    id: str
    limits: tuple[Limit, ...] = ()
