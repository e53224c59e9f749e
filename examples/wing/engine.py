"""The engine of the demo: the process that carries the run, and that is killed. `python engine.py HOME WISH`

The run is `design_wing`: the search of `examples/lab/wing.py` as a child run, a paragraph by a model, the report.

One rule: it talks to the parent only by lines of JSON: news to standard output, answers from standard input.
"""

import asyncio
import json
import select
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from firm import Firm, step, workflow
from firm.kernel.journal import own_key
from firm.kernel.status import TERMINAL
from firm.lab.candidate import BOOK, Block, Status
from firm.lab.load import source_of
from firm.lab.problem import Allowance
from firm.lab.report import Story, write
from firm.lab.report.claim import claim, labels
from firm.lab.report.words import words as words_of_reports
from firm.lab.search import Brief, search
from firm.root.view import EventView
from paragraph import box
from summary import Summary, figures, summarize
from weights import Awaited
from words import words

WING = Path(__file__).resolve().parents[1] / "lab" / "wing.py"
RUN = "wing-1"
SEARCH = f"{RUN}/1"
"""The child run: the first call of `design_wing`."""
LOOK_S = 0.25
"""How often it looks for news."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted."""

    folder: str
    """Of the report; absolute."""
    seed: int = 7
    cpu_s: float = 120.0
    """Processor seconds of the search."""
    workers: int = 1
    language: str = "en"
    """Of the report and its paragraph: one of `words.LANGUAGES`."""
    model: str = "default"
    """Who writes the paragraph; empty: nobody."""
    answer_s: float = 20.0
    """Seconds that the founder has for a question."""


class Designed(msgspec.Struct, frozen=True):
    """What came of it."""

    claim: str
    labels: list[str]
    report: str
    """Path of the page."""
    why_not: str
    """Why no model wrote a paragraph; empty: one did."""


@workflow
async def design_wing(wish: Wish) -> Designed:
    """Search for a wing, have it summed up, write the report."""
    asked = Brief(
        source=source_of(str(WING), {}),
        seed=wish.seed,
        allowance=Allowance(cpu_s=wish.cpu_s),
        workers=wish.workers,
        answer_s=wish.answer_s,
    )
    story = (await search(asked)).story
    summary = await summarize(story, wish.language, wish.model)
    page = await write_report(story, summary, wish)
    say = words_of_reports(wish.language)
    return Designed(claim(story, say), [label for label, _ in labels(story, say)], page, summary.why_not)


@step
async def write_report(story: Story, summary: Summary, wish: Wish) -> str:
    """Write the lab's report with the paragraph in it; the path of the page."""
    extra = box(summary, figures(story), words(wish.language))
    return str(write(story, Path(wish.folder), wish.language, extra=extra).html)


async def carry(home: Path, wish: Wish) -> None:
    """Start the run, or go on with it, and stay until it has ended.

    The model is named here, the one inside the box: no key of the founder's is spent on a demo.
    """
    async with Firm.open(home, models={"default": Awaited(home)}) as firm:
        run = await firm.start(design_wing, wish, id=RUN)
        looking = asyncio.create_task(look(firm))
        try:
            designed = await run.result()
        finally:
            looking.cancel()
        note(msgspec.to_builtins(designed))


async def look(firm: Firm) -> None:
    """Tell the parent how the search goes and what is asked; answer with what it sends back, one line each."""
    told: set[str] = set()
    candidates, best, after = 0, None, ""
    while True:
        for row in await firm.rows(BOOK, prefix=own_key(SEARCH), after=after):
            block, after = Block.decode(row.value), row.key
            candidates += len(block.candidates)
            best = max((value for value in (best, *valid(block)) if value is not None), default=None)
        if after:
            search_run = firm.run(SEARCH)
            ended = await search_run.status() in TERMINAL
            spent_s = cost(await search_run.events())
            note({"candidates": candidates, "cpu_s": spent_s, "best": best, "ended": ended})
        for question in await firm.inbox():
            if question.id not in told:
                told.add(question.id)
                left_s = None if question.deadline is None else question.deadline.timestamp() - time.time()
                note({"question": question.text, "options": question.options, "left_s": left_s})
            if line := ready_line():
                await firm.answer(question.id, line)
        await asyncio.sleep(LOOK_S)


def cost(events: list[EventView]) -> float:
    """Processor seconds of the steps that are recorded: the first look, bursts and trials say what they took."""
    values = (event.value for event in events if event.kind == "done")
    return sum(float(value.get("cpu_s", 0.0)) for value in values if isinstance(value, dict))


def valid(block: Block) -> list[float | None]:
    """What the last stage said of the valid candidates."""
    return [one.stages[-1].value for one in block.candidates if one.status is Status.VALID and one.stages]


def note(what: dict[str, Any]) -> None:
    """Tell the parent one thing."""
    print(json.dumps(what), flush=True)


def ready_line() -> str:
    """A line from standard input if there is one, without waiting; empty if not."""
    if sys.stdin.closed or not select.select([sys.stdin], [], [], 0)[0]:
        return ""
    return sys.stdin.readline().strip()


if __name__ == "__main__":
    asyncio.run(carry(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Wish)))
