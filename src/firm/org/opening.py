"""The beginning of a mission: settings, staff, the plan in the journal, the folders of its tasks.

One rule: what a mission goes by is read once, in steps; a file that is changed later holds from the next mission on.
"""

import asyncio
import contextlib
import os
from pathlib import Path

from firm.kernel.context import current_step
from firm.kernel.definition import step
from firm.org.house import folder, house
from firm.org.plan import Plan
from firm.org.record import Planned, plan_row
from firm.org.settings import OrgSettings
from firm.org.staff import Staff
from firm.org.work import folder_of
from firm.policy.action import UNTRUSTED


@step
async def read_settings(strange: bool) -> OrgSettings:
    """The founder's settings, as they are when a mission begins.

    Args:
        strange: Strangers wrote some of what the mission is about: the run is marked from here on.
    """
    if strange:
        current_step().mark(UNTRUSTED)
    return getattr(house().config, "org", OrgSettings())


@step
async def staff_of(unit: str) -> Staff:
    """Who is there, in the firm or in one of its units."""
    from firm.org.roster import read_staff

    return await asyncio.to_thread(read_staff, folder(), unit)


@step
async def begin(planned: Planned) -> None:
    """Write the plan down, and make the folders of its tasks."""
    info = current_step()
    if info.run is None:
        return
    info.also(plan_row(info.run.id, planned))
    await asyncio.to_thread(_make_folders, folder(), info.run.id, planned.plan)


def _make_folders(home: Path, run: str, plan: Plan) -> None:
    (home / folder_of(run, "")).mkdir(parents=True, exist_ok=True)
    for task in plan.tasks:
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{home}/{folder_of(run, task.id)}")
