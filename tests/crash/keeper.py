"""The process that is killed: `python keeper.py HOME HOW` keeps one schedule until its mission has ended.

HOW is where it dies by itself: `before` or `after` the mission was begun; `never` otherwise. It prints the ids of the
missions that there are.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import firm.org.carry
from firm import Firm, step, workflow
from firm.kernel.status import TERMINAL
from firm.org.mission import Mission
from firm.org.settings import Schedule
from firm.org.time import keep

HOME = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
HOURLY = Schedule(name="news", mission="Write the news.", cron="0 * * * *")
HOURS_MISSED = 5
HOUR_US = 3600 * 1_000_000
WAIT_S = 20.0


@step
async def write(text: str) -> str:
    """Stands for the work."""
    with (HOME / "written").open("a") as file:
        file.write(f"{text}\n")
    return text


@workflow
async def work(mission: Mission) -> str:
    """Stands for a mission."""
    return await write(mission.text)


def die_at(how: str) -> None:
    """Have this process kill itself there."""
    real = keep.begin_mission

    async def begin(*args: Any, **options: Any) -> Any:
        if how == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        begun = await real(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        return begun

    if how != "never":
        keep.begin_mission = begin


async def main(how: str) -> None:
    """One life."""
    die_at(how)
    firm.org.carry.carry_out = work
    since_us = json.loads((HOME / "since").read_text())
    async with Firm.open(HOME) as home:
        await home.start(keep.keep_time, HOURLY, since_us, id="schedule-news")
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s:
            runs = [run for run in await home.runs() if run.name == "work"]
            events = await home.run("schedule-news").events()
            if runs and all(run.status in TERMINAL for run in runs) and events[-1].name == "next_time":
                print(json.dumps([run.id for run in runs]))
                return
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2]))
