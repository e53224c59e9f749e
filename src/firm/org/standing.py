"""How a mission stands: goals, tasks, who does what and what is waited for, out of the journal's rows.

One rule: it is read, never kept: the rows of the mission and of the units below it say everything. Showing it is left
to whoever asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from firm.kernel.journal import OWN, Row, own_key
from firm.org.mission import Ending
from firm.org.plan import Goal, Plan, Task, circle
from firm.org.record import BOOK, Planned, read_plan

TaskState = Literal["waiting", "working", "checking", "accepted", "refused", "skipped", "not begun"]
"""As `TaskStatus`; not begun: the mission has ended before."""
OVER = frozenset({"accepted", "refused", "skipped", "not begun"})


class Reader(Protocol):
    """What is needed of a firm."""

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Sequence[Row]:
        """Rows of a book by key."""
        ...


class _Head(msgspec.Struct, frozen=True):
    """Of a task's row what says how it stands; the work itself is passed over."""

    id: str
    status: TaskState
    role: str = ""
    rounds: int = 0
    why: str = ""
    at_us: int = 0


class _End(msgspec.Struct, frozen=True):
    """Of a mission's end what says how it stands."""

    ending: Ending
    why: str = ""


class TaskStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a task stands."""

    task: Task
    state: TaskState
    role: str
    """Who has it now."""
    rounds: int
    """Tries that came to a check."""
    waits_for: tuple[str, ...] = ()
    """Tasks whose artifacts it needs and that are not accepted yet."""
    why: str = ""


class GoalStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a goal stands."""

    goal: Goal
    accepted: int
    tasks: int
    lost: int
    """Tasks that were refused, skipped or never begun."""

    @property
    def reached(self) -> bool:
        """Everything that serves it was accepted."""
        return 0 < self.tasks == self.accepted


class MissionStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a mission stands, without its units."""

    run: str
    planned: Planned
    goals: tuple[GoalStanding, ...]
    tasks: tuple[TaskStanding, ...]
    """In the order of the plan."""
    ending: Ending | Literal[""] = ""
    """'' while it goes on."""
    why: str = ""

    def count(self, *states: TaskState) -> int:
        """Tasks in one of these states."""
        return sum(one.state in states for one in self.tasks)

    @property
    def circle(self) -> tuple[str, ...]:
        """Tasks that wait for each other, each for the next; () where none do."""
        return circle({one.task.id: one.waits_for for one in self.tasks if one.state not in OVER})


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """A mission with its units in numbers, for a list."""

    run: str
    text: str
    """Its words."""
    goals: int
    reached: int
    tasks: int
    """With those of its units."""
    accepted: int
    working: int
    """Tasks that somebody does or checks just now; a unit counts by its tasks."""
    ending: str = ""
    """'' while it goes on."""


class _TaskPart(msgspec.Struct, frozen=True, gc=False):
    id: str
    makes: str
    role: str
    goal: str = ""
    needs: tuple[str, ...] = ()


class _GoalPart(msgspec.Struct, frozen=True):
    id: str


class _PlanPart(msgspec.Struct, frozen=True):
    goals: tuple[_GoalPart, ...]
    tasks: tuple[_TaskPart, ...]


class _Name(msgspec.Struct, frozen=True):
    name: str


class _MissionPart(msgspec.Struct, frozen=True):
    text: str
    unit: str = ""
    given: tuple[_Name, ...] = ()


class _PlannedPart(msgspec.Struct, frozen=True):
    """Of a plan's row what is counted."""

    mission: _MissionPart
    plan: _PlanPart


_part = msgspec.msgpack.Decoder(_PlannedPart)
_head = msgspec.msgpack.Decoder(_Head)
_end = msgspec.msgpack.Decoder(_End)


async def missions_below(firm: Reader, run: str) -> list[MissionStanding]:
    """The mission that is this run, where it is one, and all that it has begun: units, or the mission of an order.

    The order is that of ids, so a mission stands before its units.
    """
    rows = [*await firm.rows(BOOK, prefix=own_key(run)), *await firm.rows(BOOK, prefix=f"{run}/")]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.key.partition(OWN)[0], []).append(row)
    standings = [standing_of(of, some) for of, some in sorted(found.items())]
    return [one for one in standings if one is not None]


async def tally(firm: Reader, run: str) -> Tally | None:
    """A mission and its units in numbers; None: this run is none, or has no plan yet.

    For a mission of an order: the first one below the run. It takes about 5 µs a task.
    """
    rows = [*await firm.rows(BOOK, prefix=own_key(run)), *await firm.rows(BOOK, prefix=f"{run}/")]
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        of, _, name = row.key.partition(OWN)
        found.setdefault(of, {})[name] = row
    parts = [
        (of, _part.decode(some["plan"].value), some) for of, some in sorted(found.items()) if "plan" in some
    ]
    if not parts:
        return None
    counts = [_counted(planned, some) for _, planned, some in parts]
    of, top, rows_of_top = parts[0]
    return Tally(
        run=of,
        text=top.mission.text,
        goals=len(top.plan.goals),
        reached=counts[0].reached,
        tasks=sum(one.tasks for one in counts),
        accepted=sum(one.accepted for one in counts),
        working=max(0, sum(one.working for one in counts) - sum(not one.over for one in counts[1:])),
        ending=_end.decode(rows_of_top["end"].value).ending if "end" in rows_of_top else "",
    )


class _Counts(msgspec.Struct, frozen=True):
    reached: int
    tasks: int
    accepted: int
    working: int
    over: bool


def _counted(planned: _PlannedPart, rows: Mapping[str, Row]) -> _Counts:
    over = "end" in rows
    heads = {name[5:]: _head.decode(row.value) for name, row in rows.items() if name.startswith("task.")}
    made = {one.name for one in planned.mission.given}
    tasks = planned.plan.tasks
    accepted = {id for id, head in heads.items() if head.status == "accepted"}
    made.update([task.makes for task in tasks if task.id in accepted])
    first = planned.plan.goals[0].id if planned.plan.goals else ""
    missed = {task.goal or first for task in tasks if task.id not in accepted}
    served = {task.goal or first for task in tasks}
    working = 0
    for task in tasks if not over else ():
        head = heads.get(task.id)
        if head is not None or made.issuperset(task.needs):
            working += _state(head, (), over=False) in ("working", "checking")
    reached = sum(goal.id in served and goal.id not in missed for goal in planned.plan.goals)
    return _Counts(reached, len(tasks), sum(task.id in accepted for task in tasks), working, over)


def standing_of(run: str, rows: Iterable[Row]) -> MissionStanding | None:
    """How the mission of one run stands; None: it has no plan yet, or none that this program can read."""
    planned: Planned | None = None
    end: _End | None = None
    heads: dict[str, _Head] = {}
    for row in rows:
        name = row.key.partition(OWN)[2]
        try:
            if name == "plan":
                planned = read_plan(row.value)
            elif name == "end":
                end = _end.decode(row.value)
            elif name.startswith("task."):
                head = _head.decode(row.value)
                heads[head.id] = head
        except msgspec.MsgspecError:  # of another version: the rest is shown
            continue
    if planned is None:
        return None
    tasks = _tasks(planned, heads, over=end is not None)
    return MissionStanding(
        run=run,
        planned=planned,
        goals=tuple(_goals(planned.plan, tasks)),
        tasks=tuple(tasks),
        ending=end.ending if end is not None else "",
        why=end.why if end is not None else "",
    )


def _tasks(planned: Planned, heads: Mapping[str, _Head], *, over: bool) -> list[TaskStanding]:
    made = {one.name for one in planned.mission.given}
    made |= {
        task.makes for task in planned.plan.tasks if task.id in heads and heads[task.id].status == "accepted"
    }
    makers = {task.makes: task.id for task in planned.plan.tasks}
    found = []
    for task in planned.plan.tasks:
        head = heads.get(task.id)
        missing = tuple([makers.get(name, name) for name in task.needs if name not in made])
        state = _state(head, missing, over=over)
        found.append(
            TaskStanding(
                task=task,
                state=state,
                role=head.role if head is not None and head.role else task.role,
                rounds=head.rounds if head is not None else 0,
                waits_for=missing if state == "waiting" else (),
                why=head.why if head is not None else "",
            )
        )
    return found


def _state(head: _Head | None, missing: tuple[str, ...], *, over: bool) -> TaskState:
    if head is not None and (
        head.status in ("accepted", "skipped") or (head.status == "refused" and head.why)
    ):
        return head.status
    if over:
        return "refused" if head is not None else "not begun"
    if head is not None:  # what was sent back is being done again
        return "checking" if head.status == "checking" else "working"
    return "waiting" if missing else "working"


def _goals(plan: Plan, tasks: Sequence[TaskStanding]) -> list[GoalStanding]:
    first = plan.goals[0].id if plan.goals else ""
    found = []
    for goal in plan.goals:
        mine = [one for one in tasks if (one.task.goal or first) == goal.id]
        found.append(
            GoalStanding(
                goal=goal,
                accepted=sum(one.state == "accepted" for one in mine),
                tasks=len(mine),
                lost=sum(one.state in ("refused", "skipped", "not begun") for one in mine),
            )
        )
    return found
