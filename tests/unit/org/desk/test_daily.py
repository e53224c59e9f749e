"""The daily briefing as a run: one a day, told once, and nothing in between."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from tests.unit.org.desk.panels import carried, furnish, played
from tests.unit.org.time.virtual import VirtualFirm

from firm import Firm
from firm.agent.report import BOOK, Report
from firm.kernel.journal import Row
from firm.ledger.books import Books
from firm.org.desk.daily import FOLDER, daily_briefing, ensure_briefing
from firm.org.settings import OrgSettings
from firm.testing.loop import SimLoop

DAY_S = 86_400.0


class Empty(VirtualFirm):
    """A firm in virtual time in which nothing happens; asking it for a model is a failure."""

    async def inbox(self) -> list[Any]:
        return []

    async def books(self) -> tuple[Books, Any]:
        return Books(), None

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        return await self.journal.rows(book, prefix=prefix, after=after, limit=limit)

    async def runs(self, status: Any = None, *, limit: int = 1000) -> list[Any]:  # type: ignore[override]
        return []

    async def told(self) -> list[Report]:
        return [Report.decode(row.value) for row in await self.journal.rows(BOOK)]

    def brief_at(self, time: str) -> None:
        """Change the time of firm.toml."""
        self.config = replace(self.config, org=msgspec.structs.replace(OrgSettings(), briefing=time))


def live(folder: Path, story: Callable[[Empty], Awaitable[None]]) -> None:
    loop = SimLoop()

    async def main() -> None:
        firm = Empty(loop, (), folder)
        await firm.worker.start()
        await story(firm)
        await firm.worker.stop(grace_s=1)

    try:
        loop.run_until_complete(main())
    finally:
        loop.bury()
        loop.close()


def test_a_firm_is_briefed_once_a_day_for_thirty_days_and_has_no_other_timer(tmp_path: Path) -> None:
    async def story(firm: Empty) -> None:
        id = await ensure_briefing(firm)
        for _ in range(30):
            await asyncio.sleep(DAY_S)
            view = await firm.run(id).view()
            assert view.wake_at is not None and view.wake_at.astimezone().strftime("%H:%M") == "08:00"
            assert (view.wake_at - firm.now).total_seconds() <= DAY_S
        ends = [one.text.splitlines()[0].rpartition(" to ")[2] for one in await firm.told()]
        assert len(set(ends)) == 30 and {end.split(" ")[1] for end in ends} == {"08:00"}

    live(tmp_path, story)
    assert len(list((tmp_path / FOLDER).glob("*.html"))) == 30


def test_a_briefing_that_was_missed_is_told_once_when_the_firm_goes_on(tmp_path: Path) -> None:
    async def story(firm: Empty) -> None:
        await ensure_briefing(firm)
        await firm.down_for(3.4 * DAY_S)
        await asyncio.sleep(60)
        assert len(await firm.told()) == 1
        await asyncio.sleep(DAY_S)
        assert len(await firm.told()) == 2

    live(tmp_path, story)


def test_another_time_replaces_the_run_and_no_time_ends_it(tmp_path: Path) -> None:
    async def story(firm: Empty) -> None:
        first = await ensure_briefing(firm)
        assert await ensure_briefing(firm) == first
        firm.brief_at("09:30")
        second = await ensure_briefing(firm)
        assert second.startswith("briefing-0930-")
        await asyncio.sleep(DAY_S)
        assert [one.id for one in await firm.unfinished()] == [second]
        (told,) = await firm.told()
        assert told.text.splitlines()[0].endswith(" 09:30")
        firm.brief_at("")
        assert await ensure_briefing(firm) == ""
        await asyncio.sleep(DAY_S)
        assert await firm.unfinished() == [] and len(await firm.told()) == 1

    live(tmp_path, story)


def test_a_run_whose_time_is_no_longer_that_of_the_firm_ends_without_a_word(tmp_path: Path) -> None:
    async def story(firm: Empty) -> None:
        await firm.start(daily_briefing, "10:00", 0, id="stale")
        await asyncio.sleep(DAY_S)
        assert await firm.unfinished() == [] and await firm.told() == []

    live(tmp_path, story)


def test_the_briefing_of_a_real_firm_is_told_with_its_page(tmp_path: Path) -> None:
    from firm import workflow
    from firm.org.desk.daily import tell_briefing

    @workflow
    async def once() -> bool:
        return (await tell_briefing("08:00", 0, 10**15)).told

    async def main(firm: Firm) -> Any:
        assert await (await firm.start(once)).result()
        return await firm.reports()

    (told,) = carried(furnish(tmp_path), played({}), main)
    assert told.text.startswith("course works: briefing of ")
    (page,) = told.files
    assert Path(page.path).read_text("utf-8").startswith("<!doctype html>")
