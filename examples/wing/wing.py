"""Design a wing section: from a flat plate that cannot fly, with 300 hands at once, past a crash or two.

This is an ordinary `async def`; as a workflow of `firm` it survives. Each hand's find is recorded before the
search goes on, and after a crash only the hands that had not reported are sent out again. The summary that a model
writes at the end is recorded in the same way: it is asked, and paid, once.

    firm run examples/wing/wing.py:design_wing
"""

import asyncio
import random
from itertools import pairwise

import msgspec

from aero import AIMS, GLIDE, Candidate
from firm import ask, gather, step, workflow
from report import write_report
from search import Task, judge, note, note_execution, search_near
from section import Section, flat_plate
from story import Mark, Story, Summary
from summary import summarize

POOL = 30
"""So many of the best sections are kept from one round to the next; each is the start of about ten hands."""
FINALISTS = 20
"""So many of each round after the founder's word go before the judge: the last ones alone are much alike."""
QUESTION = "It flies. What should the second half of the search make of this wing?"
REACH = ((1.0, 0.15), (0.4, 0.03))
"""Size of the first changes, at the first and at the last round, before and after the founder's word."""


class Brief(msgspec.Struct, frozen=True):
    """What to do, and how hard to try."""

    seed: int = 7
    rounds: int = 12
    """At least 4."""
    hands: int = 300
    """So many at once, in every round."""
    answer_s: float = 20.0
    """Seconds that the founder has for the one question; then the default is taken."""
    report: str = "report.html"
    """Where the report is written."""
    language: str = "en"
    """Of the report: one of `words.LANGUAGES`."""
    model: str = "default"
    """Name of the firm's model that writes the summary; empty: nobody does."""

    @property
    def asked_at(self) -> int:
        """The round at whose start the founder is asked; the search goes on meanwhile."""
        return round(self.rounds * 0.3)

    @property
    def answered_at(self) -> int:
        """The round that is not begun without an answer."""
        return round(self.rounds * 0.6)

    def reach(self, number: int) -> float:
        """How bold the hands are in a round: ever less, and once more after the answer."""
        late = number >= self.answered_at
        first, last = (self.answered_at, self.rounds) if late else (0, self.answered_at)
        bold, fine = REACH[late]
        return float(bold * (fine / bold) ** ((number - first) / max(1, last - first - 1)))


STANDARD = Brief()


class Outcome(msgspec.Struct, frozen=True):
    """What came of it."""

    best: Candidate
    aim: str
    report: str
    """Path of the report."""
    summary: Summary
    """Its paragraph by a model, or why there is none."""


@workflow
async def design_wing(brief: Brief = STANDARD) -> Outcome:
    """Search, ask once, search on, judge, have it summed up, and write the report."""
    chance = random.Random(brief.seed)
    plate = flat_plate()
    pool, aim, marks = [plate], GLIDE, list[Mark]()
    finalists = list[Section]()
    answer: asyncio.Task[object] | None = None
    for number in range(brief.rounds):
        if number == brief.asked_at:
            question = ask(QUESTION, options=list(AIMS), default=GLIDE, deadline=brief.answer_s)
            answer = asyncio.create_task(question)
        if number == brief.answered_at and answer is not None:
            aim = str(await answer)
        tasks = tasks_of(pool, brief.hands, brief.reach(number), aim, chance)
        found = await gather(*(search_near(task) for task in tasks), limit=brief.hands)
        kept = keep_best(found)
        pool = [candidate.section for candidate in kept]
        marks.append(Mark(number + 1, kept[0].score, kept[0].glide, kept[0].feasible, aim))
        await tell(marks[-1])
        if number >= brief.answered_at:
            finalists += [section for section in pool[:FINALISTS] if section not in finalists]
    [before], [best, *_] = await gather(judge([plate], aim), judge(finalists, aim))
    story = Story(before, best, aim, marks, brief.hands, brief.seed, brief.language)
    summary = await summarize(story, brief.model)
    return Outcome(best, aim, await write_report(story, summary, brief.report), summary)


def tasks_of(pool: list[Section], hands: int, reach: float, aim: str, chance: random.Random) -> list[Task]:
    """What each hand of a round is given: every section of the pool in turn, with two others drawn for it."""
    return [
        Task(
            pool[hand % len(pool)],
            (chance.choice(pool), chance.choice(pool)),
            reach,
            chance.getrandbits(32),
            aim,
        )
        for hand in range(hands)
    ]


def keep_best(found: list[Candidate]) -> list[Candidate]:
    """The `POOL` best, each section once, the best first."""
    ranked = sorted(found, key=lambda candidate: (-candidate.score, candidate.section.upper))
    return [
        ranked[0],
        *(after for before, after in pairwise(ranked) if after.section != before.section),
    ][:POOL]


@step
def tell(mark: Mark) -> None:
    """Put a round's result where the progress bar looks."""
    note_execution()
    note({"round": mark.number, "glide": mark.glide, "feasible": mark.feasible, "aim": mark.aim})
