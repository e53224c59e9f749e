"""The daily briefing as a run: it sleeps until its time, tells the founder, and sleeps again.

One rule: between two briefings there is one durable timer and nothing else, and no model is asked.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import msgspec

from firm.agent.report import MAX_TEXT_CHARS, report
from firm.kernel.api import continue_as, now, sleep
from firm.kernel.definition import step, workflow, workflow_of
from firm.org.desk.briefing import Firm, brief, next_briefing
from firm.org.desk.told import briefing_page, briefing_text
from firm.org.house import Settings, house

FOLDER = "briefings"
"""In the home: the pages, by the day."""
DAY_US = 86_400 * 1_000_000


class Told(msgspec.Struct, frozen=True):
    """What became of a briefing."""

    told: bool
    """Else firm.toml has another time now, and this run ends."""


@workflow
async def daily_briefing(time: str, since_us: int = 0) -> None:
    """Tell the founder every day at a time, for ever.

    Args:
        time: HH:MM by this machine's clock.
        since_us: End of the period of the last one, microseconds since 1970; 0: a day ago.
    """
    since_us = since_us or _now_us() - DAY_US
    due_us = await next_time(time, _now_us())
    while (wait_us := due_us - _now_us()) > 0:
        await sleep(wait_us / 1e6)
    until_us = _now_us()
    told = await tell_briefing(time, since_us, until_us)
    if told.told:
        continue_as(time, until_us)


def _now_us() -> int:
    return round(now().timestamp() * 1e6)


def _when(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)


@step
async def next_time(time: str, after_us: int) -> int:
    """When it is this time next, by this machine's clock; a step, since another machine may have another."""
    following = next_briefing(time, _when(after_us))
    return round(following.timestamp() * 1e6) if following is not None else after_us


@step
async def tell_briefing(time: str, since_us: int, until_us: int) -> Told:
    """Write the briefing of a period and tell the founder, unless firm.toml has another time now."""
    if house().config.org.briefing != time:
        return Told(False)
    briefing = await brief(cast("Firm", house()), _when(since_us), _when(until_us))
    folder = house().home.folder / FOLDER
    folder.mkdir(exist_ok=True)
    page = folder / f"{_when(until_us).astimezone():%Y-%m-%d}.html"
    page.write_text(briefing_page(briefing), "utf-8")
    text = briefing_text(briefing)
    if len(text) > MAX_TEXT_CHARS:
        text = f"{text[: MAX_TEXT_CHARS - 200]}\n…\n{FOLDER}/{page.name}"
    await report(text, [str(page.resolve())])
    return Told(True)


class Carried(Protocol):
    """A firm whose runs can be listed, started and cancelled."""

    @property
    def config(self) -> Settings:
        """Of firm.toml."""
        ...

    async def unfinished(self) -> Sequence[Any]:
        """Runs that have not ended."""
        ...

    async def start(self, target: object, *args: Any, id: str | None = None) -> object:
        """Start a run; the same id again joins it."""
        ...

    def run(self, run_id: str) -> Any:
        """The handle of a run."""
        ...


async def ensure_briefing(firm: Carried) -> str:
    """Have one run of the daily briefing at the time of firm.toml, and none at another; the id of it, '' for none.

    It may be called as often as one likes; durable on return.

    Args:
        firm: Open, and carried by this process.
    """
    time = firm.config.org.briefing
    begins = f"briefing-{time.replace(':', '')}-"
    reference = workflow_of(daily_briefing).reference
    kept = ""
    for view in await firm.unfinished():
        if view.workflow != reference:
            continue
        if time and not kept and view.id.startswith(begins):
            kept = view.id
        else:
            await firm.run(view.id).cancel()
    if kept or not time:
        return kept
    id = f"{begins}{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    await firm.start(daily_briefing, time, 0, id=id)
    return id
