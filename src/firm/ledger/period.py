"""The calendar's periods in UTC, as microseconds since 1970.

One rule: a moment lies in exactly one period of each kind; the first microsecond of the next is not in it.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from firm.units.purse import Per

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
PERS: tuple[Per, ...] = ("", "minute", "hour", "day", "week", "month")
ENDLESS = 1 << 62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def period_of(per: Per, at_us: int) -> tuple[int, int]:
    """First microsecond of the period around `at_us`, and of the next period."""
    if per == "":
        return 0, ENDLESS
    if per == "minute":
        start = at_us - at_us % MINUTE_US
        return start, start + MINUTE_US
    if per == "hour":
        start = at_us - at_us % HOUR_US
        return start, start + HOUR_US
    return _days(per, at_us // DAY_US)


@lru_cache(maxsize=256)
def _days(per: Per, day: int) -> tuple[int, int]:
    if per == "day":
        return day * DAY_US, (day + 1) * DAY_US
    if per == "week":  # the first day of 1970 was a Thursday
        monday = day - (day + 3) % 7
        return monday * DAY_US, (monday + 7) * DAY_US
    first = (_EPOCH + timedelta(days=day)).replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return (first - _EPOCH).days * DAY_US, (following - _EPOCH).days * DAY_US


@lru_cache(maxsize=256)
def _starts(hour: int) -> tuple[int, ...]:
    at_us = hour * HOUR_US
    return tuple(period_of(per, at_us)[0] for per in PERS if per not in ("", "minute"))


def starts_of(at_us: int) -> tuple[int, ...]:
    """First microseconds of the periods around a moment, in the order of `PERS`."""
    return (0, at_us - at_us % MINUTE_US, *_starts(at_us // HOUR_US))


def day_of(at_us: int) -> str:
    """The day as ISO date."""
    return (_EPOCH + timedelta(microseconds=at_us)).date().isoformat()


def moment(at_us: int) -> str:
    """A point in time, for people."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%d %H:%M UTC")


def name_of(per: Per, start_us: int) -> str:
    """A period for people: 'the day 2026-11-23'."""
    if per == "":
        return "for ever"
    text = moment(start_us)
    short = {"minute": text, "hour": text, "day": text[:10], "week": f"from {text[:10]}", "month": text[:7]}
    return f"the {per} {short[per]}"
