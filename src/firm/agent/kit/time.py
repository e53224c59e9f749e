"""Tools for the time: what it is, and waiting until it is another.

One rule: a wait is a timer of the journal, so it costs nothing and outlives the process.
"""

import math
from datetime import UTC, datetime

from firm.agent.tool import tool
from firm.errors import UsageError
from firm.kernel.api import now, sleep
from firm.kernel.definition import workflow

MAX_WAIT_S = 366 * 86_400.0


@tool(risk="pure")
async def current_time() -> str:
    """The date and time now, in UTC (ISO 8601), and the day of the week."""
    return shown(now())


@tool(risk="pure")
@workflow
async def wait_until(when: str | float) -> str:
    """Wait until a time, a year from now at most; waiting costs nothing.

    `when` is an ISO 8601 time with its zone, as "2026-11-23T09:00:00Z" or "2026-11-23T09:00:00+01:00", or a number of
    seconds from now. A time that is past is not waited for. Returns the time then.
    """
    wait_s = seconds_until(when, now())
    if wait_s > 0:
        await sleep(wait_s)
    return shown(now())


def shown(at: datetime) -> str:
    """A time as models read it: '2026-11-23T12:00:00Z, Monday'."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ, %A")


def seconds_until(when: str | float, now: datetime) -> float:
    """Seconds from `now` to what was written; less than 0 if that is past.

    Raises:
        UsageError: it is no time, has no zone, or is more than a year away.
    """
    try:
        wait_s = float(when)
    except ValueError:
        wait_s = (_read(str(when)) - now).total_seconds()
    if math.isnan(wait_s) or wait_s > MAX_WAIT_S:
        raise UsageError(f"{when!r} is no time within a year from now ({shown(now)}); give an earlier one")
    return wait_s


def _read(when: str) -> datetime:
    try:
        at = datetime.fromisoformat(when.strip())
    except ValueError:
        raise UsageError(
            f"{when!r} is no time; give ISO 8601 with a zone, as '2026-11-23T09:00:00Z', or seconds from now"
        ) from None
    if at.tzinfo is None:
        raise UsageError(f"{when!r} has no time zone; write {at.isoformat()}Z for UTC, or its offset")
    return at


TIME = (current_time, wait_until)
"""The time, and waiting."""
