"""The crew at work: all tasks of a plan at once, each as soon as what it needs is there.

One rule: what becomes of a task is decided by `firm.org.supervise` and by the founder; this only carries it out, and
stops a plan in which nothing is accepted any more.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import msgspec

from firm.errors import (
    Blocked,
)
from firm.kernel.api import now
from firm.kernel.context import current_run
from firm.org.artifact import Artifact
from firm.org.assignment import Assignment, Made
from firm.org.mission import Mission, TaskEnd
from firm.org.plan import Plan, Task, circle
from firm.org.pursuit import Halted, One, Word
from firm.org.role import Role
from firm.org.settings import OrgSettings
from firm.org.staff import Staff
from firm.org.supervise import Up
from firm.org.words import words
from firm.org.work import WORDS, folder_of, note


class Crew:
    """The tasks of one mission.

    Args:
        mission: What for.
        staff: Who is there.
        plan: What is to be done.
        settings: The founder's.
        language: Of the mission.
        ask_up: Decides about a task that cannot be done as planned.
        unit: Carries out a task of a unit.
    """

    def __init__(
        self,
        mission: Mission,
        staff: Staff,
        plan: Plan,
        *,
        settings: OrgSettings,
        language: str,
        ask_up: Callable[["Crew", Task, str], Awaitable[Word]],
        unit: Callable[[Role, Assignment], Awaitable[Made]],
    ) -> None:
        self.mission, self.staff, self.plan = mission, staff, plan
        self.language, self.run = language, current_run().id
        self.say = words(language, WORDS)
        self.facts: list[str] = []
        self.ends: dict[str, TaskEnd] = {}
        self._settings, self._ask_up, self._unit = settings, ask_up, unit
        self._made: dict[str, asyncio.Future[Artifact | None]] = {}
        self._waits: dict[str, set[str]] = {}
        """Task -> tasks whose artifacts it waits for, beyond its plan: it said so itself."""
        self._hands: dict[str, asyncio.Semaphore] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._finished: asyncio.Queue[tuple[str, asyncio.Task[None]]] = asyncio.Queue()
        self._begun: set[str] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._fruitless = 0
        self.trying: dict[str, One] = {}
        """Tasks that somebody is at."""
        own = {task.makes for task in plan.tasks}
        for one in mission.given:
            if one.name not in own:
                self._put_there(one.name, one)

    # --- the whole ------------------------------------------------------------------------------------------------

    async def carry(self) -> None:
        """Do all tasks.

        Raises:
            Halted: the founder stops it, nothing is accepted any more, or it needs what nobody here makes.
        """
        self._begin_new()
        try:
            while self._working:
                id, work = await self._finished.get()
                if self._working.get(id) is work:
                    await self._working.pop(id)
        finally:
            for work in self._working.values():
                work.cancel()
            if self._working:
                await asyncio.wait(self._working.values())
            for work in self._working.values():  # what came of it is not asked any more
                _ = work.cancelled() or work.exception()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing new begins inside this block: the plan is being changed."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    @property
    def under_way(self) -> list[Task]:
        """Tasks that were begun, and stay whatever becomes of the plan."""
        return [task for task in self.plan.tasks if task.id in self._begun]

    def change(self, plan: Plan) -> None:
        """Go on by another plan: what was begun stays, what was not goes by the new one."""
        kept = self.under_way
        names = {task.id for task in kept}
        fresh = [task for task in plan.tasks if task.id not in names]
        self.plan = msgspec.structs.replace(plan, tasks=(*kept, *fresh))
        for id in [id for id in self._working if id not in self._begun]:
            self._working.pop(id).cancel()
        for task in fresh:
            self.ends.pop(task.id, None)  # it was skipped
            if (made := self._made.get(task.makes)) is not None and made.done():
                del self._made[task.makes]
        making = {task.makes for task in self.plan.tasks}
        for name, made in self._made.items():
            if name not in making and not made.done():
                made.set_result(None)  # whoever waits for it beyond its plan
        self._begin_new()

    def standing(self, task: Task) -> TaskEnd:
        """How a task stands just now."""
        if (end := self.ends.get(task.id)) is not None:
            return end
        one = self.trying.get(task.id)
        return one.end if one is not None else TaskEnd(id=task.id, status="waiting", goal=task.goal)

    def give_up(self, why: str) -> None:
        """What was under way when the plan was stopped is refused."""
        for id, one in self.trying.items():
            self.ends[id] = msgspec.structs.replace(one.end, status="refused", why=one.end.why or why)

    def _begin_new(self) -> None:
        for task in self.plan.tasks:
            if task.id not in self._working and task.id not in self.ends:
                work = self._working[task.id] = asyncio.create_task(self._task(task))
                work.add_done_callback(functools.partial(self._put, task.id))

    def _put(self, id: str, work: "asyncio.Task[None]") -> None:
        self._finished.put_nowait((id, work))

    def _future(self, name: str) -> "asyncio.Future[Artifact | None]":
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = asyncio.get_running_loop().create_future()
        return made

    # --- one task -------------------------------------------------------------------------------------------------

    async def _task(self, task: Task) -> None:
        inputs = await self._inputs(task)
        if inputs is None:
            return
        await self._open.wait()
        self._begun.add(task.id)
        role = self.staff.find(task.role) or Role(name=task.role)
        given = Assignment(
            task=task,
            mission=self.mission.text,
            inputs=inputs,
            folder=folder_of(self.run, task.id),
            language=self.language,
            order=self.mission.order,
        )
        one = self.trying[task.id] = One(self, task, role, given)
        await one.carry()

    async def _inputs(self, task: Task) -> tuple[Artifact, ...] | None:
        """What it needs, as soon as all is there; None where something will never be."""
        found = []
        for name in task.needs:
            made = await asyncio.shield(self._future(name))
            if made is None:
                end = TaskEnd(
                    id=task.id,
                    status="skipped",
                    goal=task.goal,
                    why=self.say("{name} was not made", name=name),
                )
                await self.over(task, end, None)
                return None
            found.append(made)
        return tuple(found)

    async def over(self, task: Task, end: TaskEnd, made: Artifact | None, *, written: bool = False) -> None:
        """A task has ended."""
        end = msgspec.structs.replace(end, at_us=round(now().timestamp() * 1e6))
        if not written:
            await note(end)
        self.ends[task.id] = end
        self.trying.pop(task.id, None)
        if made is None and any(
            one.makes == task.makes and one.id != task.id and one.id not in self.ends
            for one in self.plan.tasks
        ):
            return  # somebody else makes it now
        self._put_there(task.makes, made)

    def _put_there(self, name: str, made: Artifact | None) -> None:
        future = self._future(name)
        if future.done() and future.result() is None and made is not None:
            del self._made[name]
            future = self._future(name)
        if not future.done():
            future.set_result(made)

    def hands_of(self, role: Role) -> asyncio.Semaphore:
        """Of everybody who holds the role in this mission."""
        return self._hands.setdefault(role.name, asyncio.Semaphore(role.hands))

    def came(self, how: str) -> None:
        """Count what brings nothing; too much of it stops the plan.

        Raises:
            Halted: so much went wrong since something was accepted.
        """
        if how == "accepted":
            self._fruitless = 0
            return
        self._fruitless += 1
        most = self._settings.patience * max(1, len(self.trying))
        if self._fruitless >= most:
            raise Halted(
                self.say(
                    "no progress: {count} tries one after the other brought nothing that was accepted",
                    count=self._fruitless,
                )
            )

    def words_of(self, up: Up) -> str:
        """Why a task goes up, in the mission's language."""
        reasons = "; ".join(up.reasons) or self.say("nobody said why")
        if up.how == "ended":
            return reasons
        phrase = "sent back {times} times, the last time: {reasons}"
        if up.how == "failed":
            phrase = "failed {times} times, the last time: {reasons}"
        return self.say(phrase, times=up.times, reasons=reasons)

    async def up(self, task: Task, why: str) -> Word:
        """Have it decided what is done about a task."""
        return await self._ask_up(self, task, why)

    async def unit(self, role: Role, given: Assignment) -> Made:
        """Have a unit do it."""
        return await self._unit(role, given)

    async def wait_for(self, task: Task, error: Blocked) -> Artifact | None:
        """What a member says it cannot go on without, when it is there; None: it will never be.

        Raises:
            Halted: nobody here makes it; whoever gave the mission has to.
        """
        makers = [
            one for one in self.plan.tasks if error.on in (one.makes, one.role, one.id) and one.id != task.id
        ]
        if not makers:
            if self.mission.depth:
                raise Halted(str(error), error.on)
            return None
        waits = self._waits.setdefault(task.id, set())
        waits.add(makers[0].id)
        around = circle(
            {one.id: [*self._needed(one), *self._waits.get(one.id, ())] for one in self.plan.tasks}
        )
        if around:
            waits.discard(makers[0].id)
            return None
        return await asyncio.shield(self._future(makers[0].makes))

    def circle_with(self, task: Task, on: str) -> str:
        """In words, how tasks would wait for each other if this one waited for that."""
        waits = {one.id: [*self._needed(one), *self._waits.get(one.id, ())] for one in self.plan.tasks}
        for maker in self.plan.tasks:
            if on in (maker.makes, maker.role, maker.id) and maker.id != task.id:
                waits[task.id] = [*waits[task.id], maker.id]
        around = circle(waits)
        return " waits for ".join([*around, around[0]]) if around else ""

    def _needed(self, task: Task) -> list[str]:
        return [one.id for one in self.plan.tasks if one.makes in task.needs]
