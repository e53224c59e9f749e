"""The workflow: the tests as they are, rounds of an agent's work, the tests again, a branch and a report.

One rule: what the agent says decides nothing. After each round its work is taken as a tree of git, without what decides
how the tests are run, and the tests run on the files of that tree in a folder that no agent has seen. What is
committed is the tree that was judged.
"""

import re
from pathlib import Path

import msgspec

from firm.agent.report import report as tell
from firm.agent.repository.coder import coder
from firm.agent.repository.order import Attempt, Order, RepositoryReport, Tally
from firm.agent.repository.place import TREE, Gathered, Parcel
from firm.agent.repository.scene import Judged, Scene
from firm.agent.repository.steps import (
    clean,
    collect,
    count_spent,
    deliver,
    examine,
    find_place,
    judge,
    prepare,
    show_sources,
    write_down,
)
from firm.agent.repository.verdict import refusal
from firm.agent.repository.words import headline, message_of, next_task, task_of
from firm.errors import (
    FirmError,
    InternalError,
    JournalError,
    LimitReached,
    ReplayDiverged,
    RunStuck,
    UsageError,
)
from firm.ids import slug
from firm.kernel import now, workflow
from firm.kernel.context import current_run

_LAST = ("money", "calls", "tokens", "time")
"""Limits after which another round could do nothing."""
_NO_PROGRAM = re.compile(r"^sh: \d+: .*not found$|No module named pytest$|: command not found$", re.MULTILINE)
_OURS = (InternalError, JournalError, ReplayDiverged, RunStuck)


@workflow
async def mend(order: Order) -> RepositoryReport:
    """Work on a repository until its tests pass, or the rounds or the budget are at an end.

    Raises:
        UsageError: no repository to work on, or no tests.
        NotIsolated: this machine has less isolation than is asked for.
    """
    began, run = now(), current_run().id
    scene = await examine(order)
    place = await find_place(scene, run)
    branch = f"firm/{slug(order.mission).lower()}-{slug(run).rpartition('-')[2]}"
    found = _Mission(order, scene, place)
    try:
        branch = await prepare(scene, place, branch)
        await found.carry()
        report = await _report(found, branch)
    finally:
        if not found.keep:
            await clean(scene, place, branch)
    report = msgspec.structs.replace(
        report, spent=await count_spent(run), took_s=round((now() - began).total_seconds(), 1), run=run
    )
    report = msgspec.structs.replace(report, file=await write_down(report))
    await tell(f"{headline(report)}\n{report.file}")
    return report


class _Mission:
    """The rounds of one run."""

    def __init__(self, order: Order, scene: Scene, place: str) -> None:
        self.order, self.scene, self.place = order, scene, place
        self.attempts: list[Attempt] = []
        self.best: tuple[Gathered, Tally] | None = None
        self.before = Tally(False, "")
        self.printed = ""
        self.reached = False
        self.keep = False
        """The work could not be handed over: it stays where it is."""

    async def carry(self) -> None:
        """All rounds."""
        first = await self._judge(self.scene.found.head)
        self.before = first.tally
        if first.tally.ok:
            self.reached = True
            return
        _check_can_run(first, self.scene.tests.command)
        task, last = await self._task(first), ""
        for _ in range(self.order.rounds):
            words, ended = await self._work(task)
            gathered = await collect(self.scene, self.place)
            judged = await self._judge(gathered.tree) if gathered.files else first
            self._note(words, ended, gathered, judged)
            if self.reached or ended.startswith(_LAST) or gathered.tree == last:
                break
            last = gathered.tree
            task = next_task(await self._task(judged), self.attempts[-1], gathered)

    async def _task(self, judged: Judged) -> str:
        sources = await show_sources(self.scene, self.place, judged)
        return task_of(self.order.mission, self.scene, judged, sources)

    async def _judge(self, tree: str) -> Judged:
        return await judge(self.scene.tests, self.place, tree)

    async def _work(self, task: str) -> tuple[str, str]:
        """One round of the agent's work: what it says, and how it ended."""
        try:
            return await coder.run(task, workspace=str(Path(self.place) / TREE)), "answered"
        except LimitReached as error:
            reached = error.reached if isinstance(error.reached, dict) else {}
            return str(reached.get("last_words", "")), f"{error.limit}: {error}"
        except FirmError as error:
            if isinstance(error, _OURS):
                raise
            return "", f"{type(error).__name__}: {error}"

    def _note(self, words: str, ended: str, gathered: Gathered, judged: Judged) -> None:
        no = refusal(self.before, judged.tally, gathered.suspects)
        attempt = Attempt(words.strip(), ended, judged.tally, no, gathered.put_back, len(gathered.files))
        self.attempts.append(attempt)
        better = self.best is None or judged.tally.passed >= self.best[1].passed
        if gathered.files and (better or not no):
            self.best = gathered, judged.tally
        self.reached, self.printed = not no, judged.text if no else ""


def _check_can_run(first: Judged, command: str) -> None:
    if first.tally.total or not _NO_PROGRAM.search(first.text):
        return
    raise UsageError(
        f"the tests could not be run with {command!r}: {first.text.strip()[-300:]!r}; in the sandbox there is no "
        "network and nothing of yours but what is named: install what is missing into .venv of the repository, name "
        "its folder with --readable, or say with --tests how they are run"
    )


async def _report(found: _Mission, branch: str) -> RepositoryReport:
    """Commit what was reached, and say how it is."""
    order, scene = found.order, found.scene
    gathered, after = found.best or (Gathered(""), found.before)
    report = RepositoryReport(
        mission=order.mission,
        reached=found.reached,
        how=_how(found),
        repository=scene.found.top,
        base=scene.found.head,
        command=scene.tests.command,
        isolation=found.before.isolation,
        before=found.before,
        after=after,
        printed=found.printed,
        rounds=tuple(found.attempts),
        files=gathered.files,
        notes=scene.found.notes,
    )
    if not gathered.files:
        return report
    parcel = Parcel(branch, gathered.tree, message_of(report, current_run().id), int(now().timestamp()))
    try:
        name, commit = await deliver(scene, found.place, parcel)
    except FirmError as error:
        found.keep = True
        raise UsageError(
            f"the branch could not be made: {error}; what the agent did stays in {str(Path(found.place) / TREE)!r}"
        ) from error
    return msgspec.structs.replace(report, branch=name, commit=commit)


def _how(found: _Mission) -> str:
    if not found.attempts:
        return "the tests pass already; nothing was done"
    rounds = f"{len(found.attempts)} round{'s' if len(found.attempts) > 1 else ''}"
    if found.reached:
        return f"the tests pass after {rounds}"
    last = found.attempts[-1]
    ended = "" if last.ended == "answered" else f"; the last one came to a limit, {last.ended}"
    return f"{last.refused} after {rounds}{ended}"
