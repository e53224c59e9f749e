"""What was spent, as a table: by agent, unit, goal, model, day or run.

One rule: the rows of a table sum to its total in every column but the forecast's rounding; all money is in millionths
of a US dollar.
"""

import csv
import io
from collections.abc import Iterator
from typing import Literal

import msgspec

from firm.errors import UsageError
from firm.ledger.books import Books, Sum
from firm.ledger.line import Tags
from firm.ledger.period import HOUR_US, day_of, period_of

By = Literal["agent", "unit", "goal", "model", "day", "run"]
BY: tuple[By, ...] = ("agent", "unit", "goal", "model", "day", "run")


class SpendRow(msgspec.Struct):
    """What one of them took."""

    key: str
    """Name, day or run id; '' for calls without one."""
    calls: int = 0
    usd_micro: int = 0
    """Spent, with what was written off as spent."""
    written_off_usd_micro: int = 0
    """Of that: lost calls at their maximum, since nobody knows what they took."""
    reserved_usd_micro: int = 0
    """Held now."""
    saved_usd_micro: int = 0
    """What caches of providers saved."""
    forecast_usd_micro: int = 0
    """Of the whole month (by day: of the whole day) that is under way; 0 in a period that is over."""
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    gpu_ms: int = 0
    cpu_ms: int = 0
    overruns: int = 0
    """Calls that took more than they had reserved."""
    unpriced: bool = False
    """Whether some of it has no price: tokens and seconds are counted, money is not."""

    def add(self, one: Sum, tags: Tags) -> None:
        """Count calls in."""
        used = one.used
        self.calls += used.calls + one.written_off.calls
        self.usd_micro += used.usd_micro + one.written_off.usd_micro
        self.written_off_usd_micro += one.written_off.usd_micro
        self.saved_usd_micro += one.saved_usd_micro
        for name in ("input", "cache_read", "cache_write", "output", "reasoning", "gpu_ms", "cpu_ms"):
            setattr(self, name, getattr(self, name) + getattr(used, name) + getattr(one.written_off, name))
        self.overruns += one.overruns
        compute = used.tokens or used.gpu_ms or used.cpu_ms
        self.unpriced = self.unpriced or bool(compute and not used.usd_micro and not tags.price_date)


class Spend(msgspec.Struct):
    """A table of what was spent."""

    by: By
    since: str
    """First day, ISO date; '' from the beginning."""
    until: str
    """Last day, ISO date; '' up to now."""
    rows: list[SpendRow]
    """The dearest first; by day: the earliest."""
    total: SpendRow
    forecast: str
    """How the forecast is made."""


def spend_of(books: Books, by: By, *, now_us: int, since: str = "", until: str = "") -> Spend:
    """What was spent, by day of the reservation in UTC.

    Args:
        books: With all days.
        by: What the rows stand for.
        now_us: For the forecast, microseconds since 1970.
        since: First day, ISO date; '' from the beginning.
        until: Last day, ISO date; '' up to now. What is held now stands in the table only if it was reserved
            in between.

    Raises:
        UsageError: a `by` that is not known.
    """
    if by not in BY:
        raise UsageError(f"spend by {by!r} is not known; give one of {', '.join(BY)}")
    rows: dict[str, SpendRow] = {}
    total = SpendRow("total")
    for day, tags, one in _sums(books):
        if since <= day and (not until or day <= until):
            for row in (_row(rows, _key(by, day, tags)), total):
                row.add(one, tags)
    for open in books.open.values():
        day = day_of(open.made_us)
        if since <= day and (not until or day <= until):
            for row in (_row(rows, _key(by, day, open.tags)), total):
                row.reserved_usd_micro += open.most.usd_micro
    text = _forecast(books, by, rows, total, now_us)
    order = sorted(rows.values(), key=lambda row: row.key if by == "day" else (-row.usd_micro, row.key))
    return Spend(by, since, until, order, total, text)


def spend_csv(spend: Spend) -> str:
    """The table as CSV, with a line of names and a last line for the total."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([spend.by, *SpendRow.__struct_fields__[1:]])
    for row in (*spend.rows, spend.total):
        key, *values = msgspec.structs.astuple(row)
        writer.writerow(["'" + key if key[:1] in ("=", "+", "-", "@", "\t") else key, *values])
    return text.getvalue()


def _sums(books: Books) -> Iterator[tuple[str, Tags, Sum]]:
    for day, sums in sorted(books.days.items()):
        for tags, one in sums.items():
            yield day, tags, one


def _key(by: By, day: str, tags: Tags) -> str:
    if by == "day":
        return day
    return str(getattr(tags, "name" if by == "model" else by))


def _row(rows: dict[str, SpendRow], key: str) -> SpendRow:
    if key not in rows:
        rows[key] = SpendRow(key)
    return rows[key]


def _forecast(books: Books, by: By, rows: dict[str, SpendRow], total: SpendRow, now_us: int) -> str:
    """What the period under way will have cost at its end, at its rate so far."""
    per: Literal["day", "month"] = "day" if by == "day" else "month"
    start_us, end_us = period_of(per, now_us)
    gone_us = max(now_us - start_us, HOUR_US)
    first = day_of(start_us)
    so_far: dict[str, int] = {}
    for day, tags, one in _sums(books):
        if first <= day < day_of(end_us):
            key = _key(by, day, tags)
            so_far[key] = so_far.get(key, 0) + one.used.usd_micro + one.written_off.usd_micro
    for key, usd_micro in so_far.items():
        if key in rows:
            rows[key].forecast_usd_micro = usd_micro * (end_us - start_us) // gone_us
    total.forecast_usd_micro = sum(row.forecast_usd_micro for row in rows.values())
    return f"the whole {per} from {first} at its rate so far, spent over the time gone (at least an hour)"
