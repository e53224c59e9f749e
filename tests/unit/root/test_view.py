"""What is shown of events that carry marks: the value as ever, and the marks beside it."""

import asyncio
from typing import Any

from tests.unit.kernel.engine import engine

from firm.errors import RetryableError
from firm.kernel import Retry, current_step, receive, step, workflow
from firm.kernel.journal import Event, Kind
from firm.kernel.mark import MARKED, marked
from firm.kernel.value import BUILTIN
from firm.root.view import EventView, event_view


@step(retry=Retry(attempts=2, first_s=0))
async def reads() -> tuple[int, str]:
    current_step().mark("web", "mail")
    if current_step().attempt == 1:
        raise RetryableError("busy")
    return 1, "two"


@workflow
async def marked_run() -> str:
    await reads()
    return str(await receive("letter"))


def views() -> list[EventView]:
    async def inside() -> Any:
        async with engine() as e:
            await e.start(marked_run)
            letter = marked(BUILTIN.encode("dear"), {"letter"})
            await e.worker.post("run-1", "letter", letter, sender="writer", id="1")
            await e.result(marked_run)
            return [event_view(event) for event in await e.journal.read("run-1")]

    found: list[EventView] = asyncio.run(inside())
    return found


def test_marks_stand_beside_what_they_came_with() -> None:
    shown = {view.kind: view for view in views()}
    assert (shown["started"].marks, shown["started"].value) == ([], {})
    assert (shown["attempt"].marks, shown["attempt"].error) == (["mail", "web"], "RetryableError: busy")
    assert (shown["done"].marks, shown["done"].value) == (["mail", "web"], [1, "two"])
    assert (shown["message"].marks, shown["message"].value) == (["letter"], "dear")
    assert (shown["ended"].marks, shown["ended"].value) == (["letter", "mail", "web"], "dear")


def test_damaged_marks_are_shown_as_bytes() -> None:
    view = event_view(Event("run", 0, 1, Kind.DONE, 1, "step", 5, MARKED + b"\x95"))
    assert (view.marks, view.value) == ([], MARKED + b"\x95")
