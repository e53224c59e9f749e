"""Times that come again, against a clock that is looked at every minute."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firm.errors import UsageError
from firm.org.time.cron import MACROS, Cron, cron_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    UTC,
    BERLIN,
    ZoneInfo("America/New_York"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Asia/Shanghai"),
)
FORWARD = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""When clocks in Berlin go from 02:00 to 03:00."""
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When they go from 03:00 to 02:00."""


def times(words: str, start: datetime, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next ones, as the clock on the wall shows them."""
    found, cron = [], cron_of(words)
    for _ in range(count):
        start = cron.next(start, zone)
        found.append(f"{start.astimezone(zone):%d %H:%M%z}")
    return found


def by_looking(cron: Cron, after: datetime, zone: object, minutes: int) -> datetime | None:
    """The next time, found by looking at the clock every minute; for zones and spans in which no clock is set."""
    at = after.replace(second=0, microsecond=0)
    for _ in range(minutes):
        at += timedelta(minutes=1)
        if cron.matches(at.astimezone(zone)):  # type: ignore[arg-type]
            return at
    return None


def field(least: int, most: int) -> st.SearchStrategy[str]:
    """One of the five, as somebody may write it."""
    value = st.integers(least, most)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, most)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    piece = st.one_of(value.map(str), span, step)
    return st.one_of(st.just("*"), st.lists(piece, min_size=1, max_size=3).map(",".join))


CRONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(" ".join)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@settings(max_examples=60, deadline=None)
@given(words=CRONS, after=MOMENTS)
def test_the_next_time_is_the_one_that_looking_at_the_clock_every_minute_finds(
    words: str, after: datetime
) -> None:
    cron = cron_of(words)
    seen = by_looking(cron, after, UTC, 2 * 1440)
    found = cron.next(after, UTC)
    if seen is None:
        assert found > after + timedelta(days=2) - timedelta(minutes=1)
    else:
        assert found == seen


@settings(max_examples=60, deadline=None)
@given(words=CRONS, after=MOMENTS, zone=st.sampled_from(ZONES))
def test_times_ascend_and_stand_where_the_clock_on_the_wall_says(
    words: str, after: datetime, zone: ZoneInfo
) -> None:
    cron = cron_of(words)
    first = cron.next(after, zone)
    second = cron.next(first, zone)
    assert after < first < second
    wall = first.astimezone(zone)
    set_at_night = wall.utcoffset() != (first - timedelta(hours=4)).astimezone(zone).utcoffset()
    assert cron.matches(wall) or set_at_night


@settings(max_examples=40, deadline=None)
@given(
    minutes=st.integers(0, 59),
    hour=st.integers(0, 23),
    before=st.integers(1, 60 * 30),
    change=st.sampled_from((FORWARD, BACK)),
)
def test_a_daily_time_comes_once_each_day_also_when_the_clock_is_set(
    minutes: int, hour: int, before: int, change: datetime
) -> None:
    cron = cron_of(f"{minutes} {hour} * * *")
    at = change - timedelta(minutes=before)
    days = []
    for _ in range(4):
        at = cron.next(at, BERLIN)
        days.append(at.astimezone(BERLIN).date())
    assert days == [days[0] + timedelta(days=count) for count in range(4)]


def test_a_time_that_the_clock_leaves_out_comes_at_the_next_minute_that_there_is() -> None:
    assert times("30 2 * * *", FORWARD - timedelta(hours=20), 2) == ["29 03:00+0200", "30 02:30+0200"]


def test_a_time_that_the_clock_shows_twice_comes_once() -> None:
    assert times("30 2 * * *", BACK - timedelta(hours=3), 2) == ["25 02:30+0200", "26 02:30+0100"]


def test_with_a_star_for_the_hour_it_is_the_time_that_goes_by_which_counts() -> None:
    assert times("*/30 * * * *", BACK - timedelta(hours=1, minutes=1), 5) == [
        "25 02:00+0200",
        "25 02:30+0200",
        "25 02:00+0100",
        "25 02:30+0100",
        "25 03:00+0100",
    ]
    assert times("30 * * * *", FORWARD - timedelta(hours=1), 3) == [
        "29 01:30+0100",
        "29 03:30+0200",
        "29 04:30+0200",
    ]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("0 9 * * mon-fri", "2026-09-07 09:00"),
        ("0 9 * * 7", "2026-09-06 09:00"),
        ("0 9 * * sat-sun", "2026-09-05 09:00"),
        ("15,45 */6 * * *", "2026-09-05 00:15"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 12 13 * fri", "2026-09-11 12:00"),
        ("0 0 1 JAN *", "2027-01-01 00:00"),
        ("5/20 1 * * *", "2026-09-05 01:05"),
        ("@weekly", "2026-09-06 00:00"),
        ("@hourly", "2026-09-05 00:00"),
        (" @Daily ", "2026-09-05 00:00"),
    ],
)
def test_what_people_write_is_understood(words: str, first: str) -> None:
    assert f"{cron_of(words).next(datetime(2026, 9, 4, 23, 30, tzinfo=UTC), UTC):%Y-%m-%d %H:%M}" == first


def test_each_word_for_five_fields_is_one() -> None:
    assert [cron_of(word).minutes for word in MACROS] == [(0,)] * len(MACROS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("* * * *", "has 4 fields; write five"),
        ("", "has 0 fields"),
        ("60 * * * *", "minute '60'; write 0 to 59"),
        ("* 24 * * *", "hour '24'; write 0 to 23"),
        ("* * 0 * *", "day of month '0'; write 1 to 31"),
        ("* * * 13 *", "month '13'; write 1 to 12 or jan to dec"),
        ("* * * * 8", "day of week '8'; write 0 to 7 or sun to sat"),
        ("* * * * mo", "day of week 'mo'; write 0 to 7 or sun to sat"),
        ("-5 * * * *", "minute ''; write 0 to 59"),
        ("9-5 * * * *", "minute '9-5' runs backwards"),
        ("*/0 * * * *", "the step is '0'; write 1 to 59"),
        ("*/x * * * *", "the step is 'x'"),
        ("1,,2 * * * *", "minute ''"),
        ("٣ * * * *", "minute '٣'"),
        ("0 0 31 2,4 *", "never comes: no month '2,4' has a day '31'"),
        ("@reboot", "is no time"),
        ("@daly", "give one of @yearly"),
        ("*" * 300, "has 300 characters"),
    ],
)
def test_a_mistake_names_the_field_and_what_to_write(words: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        cron_of(words)
    assert told in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(words=st.text(st.sampled_from("0123456789*/,-@ monjan"), max_size=30))
def test_whatever_is_written_is_understood_or_refused_in_words(words: str) -> None:
    try:
        made = cron_of(words)
    except UsageError as error:
        assert len(str(error)) > 10
    else:
        assert made.next(datetime(2026, 1, 1, tzinfo=UTC), BERLIN) > datetime(2026, 1, 1, tzinfo=UTC)


def test_without_a_zone_it_is_the_clock_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def next_ones(words: str, start: datetime, zone: ZoneInfo | None) -> list[datetime]:
        found, cron = [], cron_of(words)
        for _ in range(4):
            start = cron.next(start, zone)
            found.append(start)
        return found

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for words in ("30 2 * * *", "*/30 * * * *", "0 9 * * mon"):
            for change in (FORWARD, BACK):
                start = change - timedelta(hours=20 if "*/" not in words else 1)
                assert next_ones(words, start, None) == next_ones(words, start, BERLIN)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="has no time zone"):
        cron_of("@daily").next(datetime(2026, 1, 1))
