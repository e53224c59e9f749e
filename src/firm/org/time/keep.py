"""A schedule as a run: it sleeps until its next time, begins the mission, and sleeps again.

One rule: between two times there is one durable timer and nothing else. The mission is a run of its own, begun in a
step under an id that holds the time: a schedule never waits for it, and a process that dies in between begins none
twice.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from firm.agent.report import report
from firm.errors import RetryableError, UsageError
from firm.kernel.api import continue_as, now, sleep
from firm.kernel.definition import Retry, step, workflow
from firm.org.settings import Schedule
from firm.org.time.begin import begin_mission, is_unfinished, starting
from firm.org.time.cron import cron_of
from firm.org.words import language_of

LATE_S = 60.0
"""What begins later than this is told."""
MOST_COUNTED = 1000
"""Missed times are counted up to this."""
MINUTE_US = 60_000_000
PATIENT = Retry(attempts=1000, first_s=1.0, factor=4.0, max_s=3600.0)
"""A firm that is closing, or stopped, begins the mission when it goes on."""


class Passed(msgspec.Struct, frozen=True):
    """Times of a schedule that have come."""

    last_us: int
    """The latest; where there are too many to count, the minute that it is."""
    count: int
    """How many, up to 1,000."""


class Tried(msgspec.Struct, frozen=True):
    """What became of a time."""

    run: str = ""
    """The mission that it began; '': none."""
    busy: str = ""
    """The mission before it, which has not ended: then none is begun."""


@workflow
async def keep_time(schedule: Schedule, since_us: int = 0, before: str = "") -> None:
    """Begin a schedule's missions at its times, one after the other, for ever.

    Args:
        schedule: With `cron`.
        since_us: The last time that was seen to, microseconds since 1970; 0: it begins now.
        before: The last mission that it began.
    """
    due_us = await next_time(schedule.cron, since_us or _now_us())
    while (wait_us := due_us - _now_us()) > 0:
        await sleep(wait_us / 1e6)
    passed = await passed_times(schedule.cron, due_us, _now_us())
    tried = await begin_at(schedule, passed.last_us, before)
    late_s = (_now_us() - passed.last_us) / 1e6
    if told := _told(schedule, passed, tried, late_s):
        await report(told)
    continue_as(schedule, passed.last_us, tried.run or before)


@step
async def next_time(cron: str, after_us: int) -> int:
    """The next time, by this machine's clock on the wall; a step, since another machine may have another."""
    return round(cron_of(cron).next(_when(after_us)).timestamp() * 1e6)


@step
async def passed_times(cron: str, due_us: int, now_us: int) -> Passed:
    """Which times have come from `due_us` until now."""
    times, last_us = cron_of(cron), due_us
    for count in range(1, MOST_COUNTED):
        following_us = round(times.next(_when(last_us)).timestamp() * 1e6)
        if following_us > now_us:
            return Passed(last_us, count)
        last_us = following_us
    return Passed(max(last_us, now_us // MINUTE_US * MINUTE_US), MOST_COUNTED)


@step(retry=PATIENT)
async def begin_at(schedule: Schedule, at_us: int, before: str) -> Tried:
    """Begin the mission of one time, unless the one before still goes on.

    Raises:
        RetryableError: not now.
    """
    firm = starting()
    if before and await is_unfinished(firm, before):
        return Tried(busy=before)
    try:
        begun = await begin_mission(firm, schedule, f"{_when(at_us):%Y%m%dT%H%MZ}")
    except UsageError as error:
        raise RetryableError(str(error)) from None
    return Tried(run=begun.run)


_TOLD = {
    (
        "busy",
        "en",
    ): "schedule {name!r}: nothing was begun at {at}, for the mission before it, {busy}, has not ended",
    ("busy", "zh"): "计划“{name}”：{at} 没有开始，因为上一次（{busy}）还没有结束",
    (
        "missed",
        "en",
    ): "schedule {name!r}: {count} times passed while nobody carried the firm; {run} makes up for them",
    ("missed", "zh"): "计划“{name}”：错过了 {count} 次，补做一次：{run}",
    (
        "late",
        "en",
    ): "schedule {name!r}: it was due at {at}, while nobody carried the firm; it begins now: {run}",
    ("late", "zh"): "计划“{name}”：本应在 {at} 开始，现在补做：{run}",
}


def _told(schedule: Schedule, passed: Passed, tried: Tried, late_s: float) -> str:
    """What the founder should know; '' where all is as it should be."""
    what = "busy" if tried.busy else "missed" if passed.count > 1 else "late" if late_s > LATE_S else ""
    if not what:
        return ""
    return _TOLD[what, language_of(schedule.mission)].format(
        name=schedule.name,
        at=f"{_when(passed.last_us).astimezone():%Y-%m-%d %H:%M}",
        count=f"{passed.count:,}" + "+" * (passed.count == MOST_COUNTED),
        busy=tried.busy,
        run=tried.run,
    )


def _now_us() -> int:
    return round(now().timestamp() * 1e6)


def _when(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)


def named(schedules: Sequence[Schedule]) -> dict[str, Schedule]:
    """Those that a clock begins, by name."""
    return {one.name: one for one in schedules if one.cron}
