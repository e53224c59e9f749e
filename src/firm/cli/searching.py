"""Carrying the searches of one `firm lab`: one after the other, each watched to its end, then the report.

One rule: a search belongs to the firm and not to this process: whoever stops here loses nothing but the view.
"""

import asyncio
from dataclasses import replace
from typing import Any

from firm.cli.command import DONE, FAILED, WAITS, WRONG_USE, complain, note
from firm.cli.follow import STOPPED, put_question, questions_of
from firm.cli.found import conclude, tell_seed
from firm.cli.wanted import Wanted, extended, round_of
from firm.cli.watch import Watch
from firm.errors import FirmError, ReplayDiverged, RunStuck, UsageError
from firm.kernel.status import Status
from firm.lab.phenomenon import Inquiry, discover
from firm.lab.problem import Allowance, Problem
from firm.lab.search import Brief, search
from firm.root.door import GRACE_S, Stop, stopped_line
from firm.root.firm import Firm
from firm.root.handle import Run
from firm.root.view import QuestionView

LOOK_S = 0.25
Ended = tuple[Run, Any]
"""A search that came to its end, with its finding."""


class Left(Exception):
    """A search was left before its end.

    Args:
        code: Exit code, or STOPPED.
        run: Which.
    """

    def __init__(self, code: int, run: Run) -> None:
        super().__init__(code)
        self.code, self.run = code, run


async def carry(firm: Firm, wanted: Wanted, stop: Stop) -> int:
    """All that was asked for; the exit code."""
    try:
        async with firm:
            try:
                wanted = await extended(firm, wanted) if wanted.extend else wanted
                number = await round_of(firm, wanted)
                found = [await _seed(firm, wanted, seed, number, stop) for seed in wanted.seeds]
                beside = await _alone(firm, wanted, found, number, stop) if wanted.against else None
                await conclude(firm, wanted, found, beside)
            except Left as left:
                firm.grace_s = GRACE_S if left.code == STOPPED else firm.grace_s
                raise
    except Left as left:
        if left.code != STOPPED:
            return left.code
        note(f"{stopped_line(firm, left.run)}; so does the same command")
        return 128 + int(stop.signal or 0)
    return DONE


async def _seed(firm: Firm, wanted: Wanted, seed: int, number: int, stop: Stop) -> Ended:
    """The search with one seed."""
    name = wanted.name(f"seed{seed}", number)
    if not isinstance(wanted.stated, Problem):
        asked = Inquiry(source=wanted.source, seed=seed, experiments=wanted.experiments)
        ended = await _one(firm, await firm.start(discover, asked, id=name), wanted, stop)
    else:
        brief = Brief(
            source=wanted.source,
            seed=seed,
            allowance=wanted.allowance,
            workers=wanted.workers,
            until=wanted.until,
            models=wanted.models,
            start=wanted.start,
        )
        ended = await _one(firm, await firm.start(search, brief, id=name), wanted, stop)
    if len(wanted.seeds) > 1:
        tell_seed(seed, ended[1])
    return ended


async def _alone(firm: Firm, wanted: Wanted, found: list[Ended], number: int, stop: Stop) -> Ended:
    """One arm by itself, with what the first search took."""
    spent = found[0][1].story.spent
    by_count = wanted.allowance is not None and wanted.allowance.cpu_s is None and spent.cpu_s < 1.0
    allowance = Allowance(evaluations=spent.evaluations) if by_count else Allowance(cpu_s=spent.cpu_s)
    brief = Brief(
        source=wanted.source,
        seed=wanted.seeds[0],
        allowance=allowance,
        workers=wanted.workers,
        arms=(wanted.against,),
    )
    note(f"now {wanted.against} alone, at equal cost")
    name = wanted.name(f"only-{wanted.against}", number)
    return await _one(
        firm, await firm.start(search, brief, id=name), replace(wanted, allowance=allowance), stop
    )


async def _one(firm: Firm, run: Run, wanted: Wanted, stop: Stop) -> Ended:
    """Watch one run to its end.

    Raises:
        Left: it did not come to a finding.
    """
    watch = Watch(firm, run, wanted.allowance, wanted.stated)
    done = asyncio.ensure_future(run.result())
    looking = asyncio.ensure_future(_look(firm, run, wanted, watch))
    try:
        await stop.unless(asyncio.wait((done, looking), return_when=asyncio.FIRST_COMPLETED))
        if done.done():
            return run, _result(run, done)
        raise Left(looking.result() if looking.done() else STOPPED, run)
    finally:
        watch.clear()
        for task in (done, looking):
            task.cancel()
        await asyncio.gather(done, looking, return_exceptions=True)


def _result(run: Run, done: "asyncio.Future[Any]") -> Any:
    error = done.exception()
    if error is None:
        return done.result()
    if isinstance(error, RunStuck | ReplayDiverged):
        complain(f"{error}")
        raise Left(WAITS, run) from None
    told = str(error) if isinstance(error, FirmError) else f"{type(error).__name__}: {error}"
    complain(f"search {run.id} failed: {told}")
    raise Left(WRONG_USE if isinstance(error, UsageError) else FAILED, run) from None


async def _look(firm: Firm, run: Run, wanted: Wanted, watch: Watch) -> int:
    """Show how it goes and put its questions; returns only when a person is needed who is not here."""
    known: set[str] = set()
    while True:
        await asyncio.sleep(LOOK_S)
        await watch.look()
        for question in await questions_of(firm, run.id):
            fresh = question.id not in known
            known.add(question.id)
            if wanted.interactive and fresh:
                watch.clear()
                await put_question(firm, question)
            elif fresh:
                watch.clear()
                _tell(question)
            if not wanted.interactive and await _held(run, question, patient=wanted.patient):
                return WAITS


def _tell(question: QuestionView) -> None:
    from firm.cli.text import clock

    note(f"a question: {question.text}")
    for option in question.options or ():
        note(f"  firm answer {question.id} {option!r}")
    if question.deadline is not None:
        note(f"  it goes on by itself at {clock(question.deadline)}")


async def _held(run: Run, question: QuestionView, *, patient: bool) -> bool:
    """Whether only an answer brings the run on."""
    view = await run.view()
    if view.status not in (Status.SUSPENDED, Status.STUCK):
        return False
    return not patient or (question.deadline is None and view.wake_at is None)
