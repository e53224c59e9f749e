"""Times that come again, in the five fields of cron.

One rule: the times of a `Cron` are a set of instants, and `next` is the first one after; what the clock on the wall
does in the night when it is set is said at `Cron.next` and nowhere else. It reads no clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from firm.errors import UsageError

MAX_WORDS_CHARS = 200
MOST_DAYS = 8 * 366 + 31
"""The longest that a day of the calendar is away: 29 February, where a year of a hundred has none."""
SET_BACK = timedelta(hours=3)
"""No clock is set back by more."""
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    """What one of the five may hold."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()
    """Words for its values, the first for `named`."""
    named: int = 0

    @property
    def shown(self) -> str:
        """What to write."""
        span = f"{self.least} to {self.most}"
        return f"{span} or {self.names[0]} to {self.names[-1]}" if self.names else span


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of week", 0, 7, _DAYS, 0),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """Times that come again; made by `cron_of`."""

    words: str
    """As they were written."""
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    """Of the month."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday, 6 Saturday."""

    def next(self, after: datetime, zone: tzinfo | None = None) -> datetime:
        """The first of its times after a moment, in UTC.

        The fields are about the clock on the wall. A time that the clock leaves out, since it is set forward, comes at
        the first minute that there is again; one that it shows twice, since it is set back, comes the first time only.
        With `*` for the hour it is about what goes by instead: it comes each time that the clock shows it, and not
        where it is left out. Where both days are bounded, either suffices.

        Args:
            after: With a time zone.
            zone: Of the clock on the wall; None: this machine's.

        Raises:
            UsageError: `after` has no time zone.
        """
        if after.tzinfo is None:
            raise UsageError(f"Cron.next({after!r}): it has no time zone; use datetime.now(UTC)")
        after_s = after.timestamp()
        hourly = len(self.hours) == 24
        wall = datetime.fromtimestamp(after_s, zone).replace(tzinfo=None, fold=0)
        best: float | None = None
        for time in self._walls(wall - SET_BACK if hourly and _is_set_near(after_s, zone) else wall):
            first_s, last_s = _instants(time, zone)
            if best is not None and min(first_s, last_s) >= best:
                break
            for at_s in _told(first_s, last_s, time, zone, hourly=hourly):
                if at_s > after_s and (best is None or at_s < best):
                    best = at_s
        if best is None:
            raise UsageError(f"cron {self.words!r} has no time after {after.isoformat()}; the calendar ends")
        return datetime.fromtimestamp(best, UTC)

    def matches(self, wall: datetime) -> bool:
        """Whether a clock that shows this is at one of its times; only minutes count."""
        return wall.minute in self.minutes and wall.hour in self.hours and self._has_day(wall)

    def _has_day(self, wall: datetime) -> bool:
        if wall.month not in self.months:
            return False
        by_date, by_week = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        if len(self.days) < 31 and len(self.weekdays) < 7:
            return by_date or by_week
        return by_date and by_week

    def _walls(self, start: datetime) -> Iterator[datetime]:
        """What the clock shows at its times, from `start` on in order."""
        start = start.replace(second=0, microsecond=0)
        midnight = start.replace(hour=0, minute=0)
        for count in range(MOST_DAYS):
            try:
                day = midnight + timedelta(days=count)
            except OverflowError:
                return
            if self._has_day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        time = day.replace(hour=hour, minute=minute)
                        if time >= start:
                            yield time


def cron_of(words: str) -> Cron:
    """What the five fields say: minute, hour, day of month, month, day of week.

    Each is `*`, a number, a name (`mon`, `jan`), a range `9-17`, any with a step `*/15`, or a list of these with
    commas. Instead of all five: `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`.

    Raises:
        UsageError: with the field and what to write.
    """
    shown = words.strip()
    if len(shown) > MAX_WORDS_CHARS:
        raise UsageError(
            f"{shown[:40]!r}… has {len(shown)} characters; five fields of cron need fewer than 200"
        )
    given = _unfolded(shown).split()
    if len(given) != 5:
        raise UsageError(
            f"{shown!r} has {len(given)} field{'s' * (len(given) != 1)}; write five: minute, hour, day of month, "
            "month, day of week, such as '0 9 * * mon-fri'"
        )
    found = [_values(field, part) for field, part in zip(_FIELDS, given, strict=True)]
    minutes, hours, days, months, weekdays = found
    made = Cron(
        words=shown,
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(value % 7 for value in weekdays),
    )
    if len(made.weekdays) == 7 and not any(min(days) <= _LONGEST[month - 1] for month in months):
        raise UsageError(
            f"{shown!r} never comes: no month {given[3]!r} has a day {given[2]!r}; name a day that there is"
        )
    return made


def _unfolded(shown: str) -> str:
    """A word such as @daily as five fields."""
    if not shown.startswith("@"):
        return shown
    if shown.lower() == "@reboot":
        raise UsageError("'@reboot' is no time; give one that comes again, such as '@daily'")
    try:
        return MACROS[shown.lower()]
    except KeyError:
        raise UsageError(f"{shown!r} is not known; give one of {', '.join(MACROS)}, or five fields") from None


def _values(field: _Field, part: str) -> set[int]:
    """All that one field allows."""
    found: set[int] = set()
    for piece in part.split(","):
        bounds, slash, words = piece.partition("/")
        least, most = _bounds(field, bounds, open_end=bool(slash))
        step = _step(field, piece, words) if slash else 1
        found.update(range(least, most + 1, step))
    return found


def _bounds(field: _Field, words: str, *, open_end: bool) -> tuple[int, int]:
    if words == "*":
        return field.least, 6 if field.names is _DAYS else field.most
    first, dash, last = words.partition("-")
    least = _value(field, first)
    if not dash:
        return least, field.most if open_end else least
    most = _value(field, last)
    if field.names is _DAYS and most == 0 and least > 0:
        most = 7  # Sunday stands at either end of a week
    if most < least:
        raise UsageError(
            f"{field.name} {words!r} runs backwards; write the smaller one first, or two with a comma"
        )
    return least, most


def _step(field: _Field, piece: str, words: str) -> int:
    if not (words.isascii() and words.isdigit() and len(words) < 4 and 1 <= int(words) <= field.most):
        raise UsageError(
            f"{field.name} {piece!r}: the step is {words!r}; write 1 to {field.most}, such as '*/5'"
        )
    return int(words)


def _value(field: _Field, word: str) -> int:
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.named
    if word.isascii() and word.isdigit() and len(word) < 4 and field.least <= int(word) <= field.most:
        return int(word)
    raise UsageError(f"{field.name} {word!r}; write {field.shown}, or '*' for each")


def _instants(wall: datetime, zone: tzinfo | None) -> tuple[float, float]:
    """When a clock shows this for the first and for the last time; the same but where it is set."""
    return wall.replace(tzinfo=zone, fold=0).timestamp(), wall.replace(tzinfo=zone, fold=1).timestamp()


def _told(
    first_s: float, last_s: float, wall: datetime, zone: tzinfo | None, *, hourly: bool
) -> tuple[float, ...]:
    """When a time of the wall comes, in seconds since 1970."""
    if first_s == last_s:
        return (first_s,)
    if first_s < last_s:  # set back: it is shown twice
        return (first_s, last_s) if hourly else (first_s,)
    return () if hourly else (_set_forward(last_s, first_s, zone),)


def _set_forward(before_s: float, after_s: float, zone: tzinfo | None) -> float:
    """The first minute after a clock was set forward, between two moments."""
    low, high = int(before_s), int(after_s)
    ahead = _ahead(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _ahead(middle, zone) == ahead else (middle, high)
    return float(-(-high // 60) * 60)


def _is_set_near(at_s: float, zone: tzinfo | None) -> bool:
    """Whether the clock on the wall is set about then."""
    moments = (at_s - SET_BACK.total_seconds(), at_s, at_s + SET_BACK.total_seconds())
    return len({_ahead(int(moment), zone) for moment in moments}) > 1


def _ahead(at_s: int, zone: tzinfo | None) -> timedelta:
    """By how much the clock on the wall is ahead of UTC."""
    shown = datetime.fromtimestamp(at_s, zone).replace(tzinfo=None)
    return shown - datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None)
