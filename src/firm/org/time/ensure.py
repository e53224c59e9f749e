"""The schedules of firm.toml as runs: what is new is started, what has changed is replaced, what is gone is cancelled.

One rule: it may be called as often as one likes; what already is as it should be is left alone.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from firm.kernel.definition import workflow_of
from firm.org.settings import Schedule
from firm.org.time.begin import Starting, status_of
from firm.org.time.keep import keep_time, named


class Keeping(Starting, Protocol):
    """A firm whose runs can be listed."""

    async def unfinished(self) -> Sequence[Any]:
        """Runs that have not ended."""
        ...


class Ensured(msgspec.Struct, frozen=True):
    """What was done, by names of schedules."""

    started: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


async def ensure_schedules(firm: Keeping) -> Ensured:
    """Have one run for each schedule of firm.toml with a `cron`; durable on return.

    Args:
        firm: Open.

    Raises:
        UsageError: the firm is closing, or stopped.
    """
    wanted = named(firm.config.schedules)
    kept: list[str] = []
    replaced: list[str] = []
    cancelled: list[str] = []
    for run, schedule in await schedules_kept(firm):
        if schedule is not None and schedule.name not in kept and wanted.get(schedule.name) == schedule:
            kept.append(schedule.name)
            continue
        await firm.run(run).cancel()
        name = schedule.name if schedule is not None else run
        (replaced if name in wanted else cancelled).append(name)
    fresh = [one for one in wanted.values() if one.name not in kept]
    for one in fresh:
        await firm.start(keep_time, one, id=await _free_id(firm, one.name))
    changed = set(replaced)
    return Ensured(
        tuple([one.name for one in fresh if one.name not in changed]),
        tuple([one.name for one in fresh if one.name in changed]),
        tuple(cancelled),
        tuple(kept),
    )


async def schedules_kept(firm: Keeping) -> list[tuple[str, Schedule | None]]:
    """Unfinished runs of schedules, the newest first, each with what it was started for; None: it cannot be read."""
    reference = workflow_of(keep_time).reference
    found = []
    for view in await firm.unfinished():
        if view.workflow == reference:
            started = next(
                (one for one in reversed(await firm.run(view.id).events()) if one.kind == "started"), None
            )
            found.append((view.id, _schedule_of(started.value if started is not None else None)))
    return found


def _schedule_of(given: Any) -> Schedule | None:
    try:
        return msgspec.convert(given["schedule"], Schedule)
    except (msgspec.ValidationError, KeyError, TypeError):
        return None


async def _free_id(firm: Starting, name: str) -> str:
    """The first of schedule-NAME, schedule-NAME.2 … that no run has had."""
    for number in itertools.count(1):
        id = f"schedule-{name}" + (f".{number}" if number > 1 else "")
        if await status_of(firm, id) is None:
            return id
    raise AssertionError
