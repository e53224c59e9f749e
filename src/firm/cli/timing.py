"""The part of `firm up` that starts what begins by itself: schedules, files, the briefing (hooks: `firm.cli.serving`).

One rule: what cannot be started is said, and everything else goes on all the same.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firm.cli.command import complain, note

if TYPE_CHECKING:
    from firm.org.time.files import Files
    from firm.root.firm import Firm


@dataclass(frozen=True, slots=True)
class Timing:
    """What begins missions by itself, while the firm is up."""

    files: "Files | None" = None

    async def close(self) -> None:
        """Begin nothing more."""
        if self.files is not None:
            await self.files.close()


async def begin_timing(firm: "Firm") -> Timing:
    """Start the schedules of firm.toml, replace what has changed, cancel what is gone, and watch for files.

    Args:
        firm: Open, and the one that carries runs; `close` before its block is left.
    """
    from firm.errors import FirmError

    try:
        await _ensure_schedules(firm)
    except FirmError as error:
        complain(f"the schedules were not started: {error}")
    try:
        await _ensure_briefing(firm)
    except FirmError as error:
        complain(f"the daily briefing was not started: {error}")
    try:
        return Timing(_watch(firm))
    except FirmError as error:
        complain(f"no files are watched: {error}")
        return Timing()


async def _ensure_schedules(firm: "Firm") -> None:
    if not firm.config.schedules and not await firm.unfinished():
        return
    from firm.org.time.ensure import ensure_schedules

    found = await ensure_schedules(firm)
    for word in ("started", "replaced", "cancelled"):
        if names := getattr(found, word):
            note(f"schedules {word}: {', '.join(names)}")


async def _ensure_briefing(firm: "Firm") -> None:
    """A briefing each day, where there is an organization to tell of."""
    if not (firm.home.folder / "roles").is_dir():
        return
    from firm.org.desk.daily import ensure_briefing

    await ensure_briefing(firm)


def _watch(firm: "Firm") -> "Files | None":
    if not any(one.file for one in firm.config.schedules):
        return None
    from firm.org.time.files import watch_files

    return watch_files(firm, firm.home.folder)
