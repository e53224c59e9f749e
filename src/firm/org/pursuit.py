"""One task, from its first try to its end: done, checked, sent back, given to another, taken up.

One rule: each try is one of `firm.org.work`; what follows it is said by `firm.org.supervise`.
"""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Literal

import msgspec

from firm.errors import (
    ApprovalRejected,
    Blocked,
    BudgetExceeded,
    FirmError,
    InternalError,
    JournalError,
    LoopDetected,
    PolicyDenied,
    ReplayDiverged,
)
from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.mission import TaskEnd
from firm.org.plan import PANEL, Task
from firm.org.role import Role
from firm.org.supervise import Again, Try, Up, following
from firm.org.work import inspect, perform, review, reviewer_of
from firm.policy.within import within

if TYPE_CHECKING:
    from firm.org.crew import Crew

OURS = (InternalError, JournalError, ReplayDiverged)
"""What nobody but the engine can do anything about."""
FINAL = (BudgetExceeded, PolicyDenied, ApprovalRejected, LoopDetected)
"""Failures after which trying again could do nothing."""
Word = Literal["again", "without it", "stop"]
"""What is done about a task that went up."""


class Halted(Exception):
    """The plan is given up; what is under way is cancelled."""

    def __init__(self, why: str, blocked_on: str = "") -> None:
        super().__init__(why)
        self.why, self.blocked_on = why, blocked_on


class One:
    """One task, from its first try to its end."""

    def __init__(self, crew: "Crew", task: Task, role: Role, given: Assignment) -> None:
        self.crew, self.task, self.role, self.given = crew, task, role, given
        self.tries: list[Try] = []
        self.rounds = 0
        self.end = TaskEnd(id=task.id, status="working", role=role.name, goal=task.goal)

    async def carry(self) -> None:
        """Until it is accepted, refused, or given up."""
        while True:
            with within(budget=self.task.usd) if self.task.usd else nullcontext():
                up = await self._tried()
            if up is None or await self._up(self.crew.words_of(up)):
                return

    async def _tried(self) -> Up | None:
        """All tries, which have the task's money together; None: it is over with them."""
        while True:
            move = following(self.task, self.role, self.tries)
            if isinstance(move, Up):
                return move
            if await self._try(move):
                return None

    async def _try(self, move: Again) -> bool:
        """One try; whether the task is over with it."""
        who = self.crew.staff.find(move.role) or self.role
        self.rounds += 1
        self.given = msgspec.structs.replace(
            self.given,
            round=self.rounds,
            model=move.model or self.crew.mission.model,
            facts=tuple(self.crew.facts),
        )
        self.end = msgspec.structs.replace(self.end, role=who.name, rounds=self.rounds)
        try:
            made = await self._made_by(who)
            seen = await inspect(self.given, made, who.name, self.end)
            self.end = msgspec.structs.replace(
                self.end, artifact=seen.artifact, verdicts=(*self.end.verdicts, seen.verdict)
            )
            verdict = seen.verdict
            if (
                verdict.accept
                and (reviewer := reviewer_of(self.crew.staff, self.given, who.name)) is not None
            ):
                verdict = await self._reviewed(reviewer, seen.artifact, verdict)
        except Blocked as error:
            await self._blocked(move, error)
            return False
        except FINAL as error:
            self._failed(move, "ended", error)
            return False
        except (*OURS, Halted):
            raise
        except Exception as error:  # whatever a member raises is told to whoever supervises it
            self._failed(move, "failed", error)
            return False
        return await self._judged(move, verdict, seen.artifact)

    async def _made_by(self, who: Role) -> Made:
        async with self.crew.hands_of(who):
            if self.task.role == PANEL:
                from firm.org.deciding import decide_task

                return await decide_task(self.given, self.crew.mission)
            if who.unit:
                return await self.crew.unit(who, self.given)
            return await perform(who, self.given, self.crew.staff.unit)

    async def _reviewed(self, reviewer: Role, artifact: Artifact, seen: Verdict) -> Verdict:
        try:
            async with self.crew.hands_of(reviewer):
                verdict = await review(reviewer, self.given, artifact, seen)
        except (*FINAL, *OURS):
            raise
        except FirmError as error:  # its maker has done nothing wrong: somebody else looks at it
            chief = self.crew.staff.chief
            if chief.name in (reviewer.name, self.end.role):
                raise
            self.end = msgspec.structs.replace(
                self.end, troubles=(*self.end.troubles, f"{reviewer.name} could not review it: {error}")
            )
            verdict = await review(chief, self.given, artifact, seen)
        self.end = msgspec.structs.replace(self.end, verdicts=(*self.end.verdicts, verdict))
        return verdict

    async def _judged(self, move: Again, verdict: Verdict, artifact: Artifact) -> bool:
        self.crew.came("accepted" if verdict.accept else "sent back")
        if verdict.accept:
            end = msgspec.structs.replace(self.end, status="accepted", artifact=artifact)
            await self.crew.over(self.task, end, artifact, written=not self.task.done.reviewer)
            return True
        self.tries.append(Try(move.role, move.model, "sent back", verdict.reasons))
        before = artifact.text or (
            msgspec.json.encode(artifact.data).decode() if artifact.data is not None else ""
        )
        self.given = msgspec.structs.replace(self.given, before=before, reasons=verdict.reasons)
        return False

    async def _blocked(self, move: Again, error: Blocked) -> None:
        """It needs something more: wait for that, or take it up."""
        around = self.crew.circle_with(self.task, error.on)
        made = await self.crew.wait_for(self.task, error)
        if made is None:
            told = f"{error}; {around}: nobody could go on" if around else f"{error}, which nobody makes"
            self._failed(move, "ended", told)
            return
        inputs = (*[one for one in self.given.inputs if one.name != made.name], made)
        self.given = msgspec.structs.replace(self.given, inputs=inputs)
        self.tries.append(Try(move.role, move.model, "failed", (str(error),)))

    def _failed(self, move: Again, how: Literal["failed", "ended"], error: object) -> None:
        named = isinstance(error, Exception) and not isinstance(error, FirmError)
        told = f"{type(error).__name__}: {error}" if named else str(error)
        self.end = msgspec.structs.replace(self.end, troubles=(*self.end.troubles, told))
        self.tries.append(Try(move.role, move.model, how, (told,)))
        self.given = msgspec.structs.replace(self.given, before="", reasons=(told,))
        self.crew.came(how)

    async def _up(self, why: str) -> bool:
        """It cannot be done as planned; whether it is over with that."""
        self.end = msgspec.structs.replace(self.end, status="refused", why=why)
        word = await self.crew.up(self.task, why)
        if word == "again":
            self.tries = []
            self.end = msgspec.structs.replace(self.end, status="working", why="")
            return False
        end = msgspec.structs.replace(self.end, status="refused", why=why)
        await self.crew.over(self.task, end, None)
        if word == "stop":
            raise Halted(self.crew.say("task {task} could not be done: {why}", task=self.task.id, why=why))
        return True
