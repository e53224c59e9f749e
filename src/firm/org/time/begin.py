"""How something that happened begins a mission: what it is given, and under which id.

One rule: the id says what began it, so the same event begins one mission, however often it is told; what strangers
wrote is given as an untrusted input and never becomes the mission's words.
"""

import asyncio
from contextvars import Context
from typing import Any, Protocol, cast

import msgspec

from firm.errors import UsageError
from firm.kernel.status import TERMINAL, Status
from firm.org.artifact import MAX_TEXT_CHARS, Artifact, FileMade
from firm.org.house import Settings, house
from firm.org.mission import Mission
from firm.org.settings import Schedule
from firm.org.words import language_of

EVENT = "event"
"""Name of the input that holds what came; in a mission's words `{event}` stands for it."""
_MENTION = {"en": "the input “event”", "zh": "输入“event”"}


class Standing(Protocol):
    """How a run stands."""

    @property
    def status(self) -> Status:
        """Its state."""
        ...


class Handle(Protocol):
    """A run by its id."""

    async def view(self) -> Any:
        """How it stands."""
        ...

    async def events(self) -> list[Any]:
        """Its history."""
        ...

    async def cancel(self) -> None:
        """End it."""
        ...


class Starting(Protocol):
    """What is asked of the firm: `firm.root.firm.Firm` has it."""

    @property
    def config(self) -> Settings:
        """Its settings."""
        ...

    async def start(self, target: object, *args: Any, id: str | None = None) -> object:
        """Start a run of its own; the same id again joins it."""
        ...

    def run(self, run_id: str) -> Handle:
        """A run by its id."""
        ...


class Begun(msgspec.Struct, frozen=True):
    """A mission that something has begun."""

    run: str
    new: bool
    """False: it had begun already."""


def starting() -> Starting:
    """The firm of this code.

    Raises:
        UsageError: there is none.
    """
    return cast("Starting", house())


def run_id(schedule: Schedule, stamp: str) -> str:
    """Id of the mission that an event begins."""
    return f"schedule-{schedule.name}-{stamp}"


def event_of(text: str, files: tuple[FileMade, ...] = ()) -> Artifact:
    """What came, as the input of a mission; of a text that is too long the beginning."""
    return Artifact(name=EVENT, text=text[:MAX_TEXT_CHARS], files=files, how="person", untrusted=True)


def mission_of(schedule: Schedule, usd: float, event: Artifact | None = None) -> Mission:
    """What is to be carried out."""
    text = schedule.mission.replace("{event}", _MENTION[language_of(schedule.mission)])
    given = () if event is None else (event,)
    return Mission(
        text=text,
        workflow=schedule.workflow,
        usd=usd if schedule.usd is None else schedule.usd,
        given=given,
    )


async def begin_mission(
    firm: Starting, schedule: Schedule, stamp: str, event: Artifact | None = None
) -> Begun:
    """Begin the mission of an event, durable on return; a second time it is the same one.

    Args:
        firm: Open, the one that carries runs or another.
        schedule: Which.
        stamp: What tells this event from others of the schedule: 1 to 100 printable characters.
        event: What came with it.

    Raises:
        UsageError: it cannot be begun now: the firm is closing, or stopped.
    """
    from firm.org.carry import carry_out

    id = run_id(schedule, stamp)
    if await status_of(firm, id) is not None:
        return Begun(id, False)
    mission = mission_of(schedule, firm.config.org.usd, event)
    # in a context of its own: a run is not part of the step that begins it
    await asyncio.create_task(_started(firm, carry_out, mission, id), context=Context())
    return Begun(id, True)


async def _started(firm: Starting, target: object, mission: Mission, id: str) -> None:
    await firm.start(target, mission, id=id)


async def status_of(firm: Starting, id: str) -> Status | None:
    """How a run stands; None: there is none."""
    try:
        return cast("Standing", await firm.run(id).view()).status
    except UsageError:
        return None


async def is_unfinished(firm: Starting, id: str) -> bool:
    """Whether a run is there and has not ended."""
    status = await status_of(firm, id)
    return status is not None and status not in TERMINAL
