"""The engine of the demo: the process that carries the run, and that is killed.

One rule: it talks to the parent only by lines: news into the log, answers from standard input.
"""

import asyncio
import select
import sys
import time
from pathlib import Path

from firm import Firm
from search import note
from weights import Awaited
from wing import Brief, design_wing

RUN = "wing-1"
LOOK_S = 0.1
"""How often it looks for news."""


async def carry(home: Path, brief: Brief) -> None:
    """Start the run, or go on with it, and stay until it has ended.

    The model is named here, the one inside the box: no key of the founder's is spent on a demo.
    """
    async with Firm.open(home, models={"default": Awaited(home)}) as firm:
        run = await firm.start(design_wing, brief, id=RUN)
        founder = asyncio.create_task(pass_on_questions(firm))
        try:
            outcome = await run.result()
        finally:
            founder.cancel()
        news = {"glide": outcome.best.glide, "aim": outcome.aim, "why_not": outcome.summary.why_not}
        note({"report": outcome.report, **news})


async def pass_on_questions(firm: Firm) -> None:
    """Tell the parent of open questions, and answer with what it sends back, one line each."""
    told: set[str] = set()
    while True:
        for question in await firm.inbox():
            if question.id not in told:
                told.add(question.id)
                left_s = None if question.deadline is None else question.deadline.timestamp() - time.time()
                note({"question": question.text, "options": question.options, "left_s": left_s})
            if line := ready_line():
                await firm.answer(question.id, line)
        await asyncio.sleep(LOOK_S)


def ready_line() -> str:
    """A line from standard input if there is one, without waiting; empty if not."""
    if sys.stdin.closed or not select.select([sys.stdin], [], [], 0)[0]:
        return ""
    return sys.stdin.readline().strip()


async def recorded(home: Path) -> set[int]:
    """Which calls of the run have their result in the journal."""
    async with Firm.open(home, resume=False) as firm:
        events = await firm.run(RUN).events()
    return {event.place for event in events if event.kind in ("done", "failed")}
