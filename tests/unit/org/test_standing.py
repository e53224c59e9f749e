"""How a mission stands, out of rows; the list's numbers are those of the whole."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from firm.kernel.journal import Row
from firm.org.artifact import Artifact
from firm.org.mission import Mission, Outcome, TaskEnd, TaskStatus
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.record import BOOK, Planned, end_row, plan_row, task_row
from firm.org.standing import missions_below, standing_of, tally

DONE = Done(says="good", checks=("not empty",))
STATES: tuple[TaskStatus, ...] = ("working", "checking", "accepted", "refused", "skipped")


class Kept:
    """Rows in memory."""

    def __init__(self, rows: list[Row]) -> None:
        self.found = rows

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        mine = sorted((row for row in self.found if row.book == book), key=lambda row: row.key)
        return [row for row in mine if row.key.startswith(prefix) and row.key > after][:limit]


def plan(count: int) -> Plan:
    """Tasks in a chain, serving two goals in turn."""
    return Plan(
        goals=(Goal(id="a", says="A."), Goal(id="b", says="B.")),
        tasks=tuple(
            [
                Task(
                    id=f"t{number}",
                    says="x",
                    role="clerk",
                    makes=f"m{number}",
                    goal=("", "b")[number % 2],
                    needs=(f"m{number - 1}",) if number else ("given",),
                    done=DONE,
                )
                for number in range(count)
            ]
        ),
    )


def rows_of(run: str, states: list[tuple[TaskStatus | None, bool]], *, ended: bool) -> list[Row]:
    """A mission whose tasks stand so; True: with a reason."""
    given = (Artifact(name="given", text="x"),)
    found = [plan_row(run, Planned(Mission(text=f"Do {run}.", given=given), plan(len(states))))]
    for number, (state, why) in enumerate(states):
        if state is not None:
            end = TaskEnd(id=f"t{number}", status=state, rounds=1, why="so" if why else "")
            found.append(task_row(run, end))
    if ended:
        found.append(end_row(run, Outcome(run=run, mission="m", ending="partly", why="late")))
    return found


MISSIONS = st.lists(st.tuples(st.sampled_from((None, *STATES)), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(top=MISSIONS, unit=MISSIONS, ended=st.booleans(), below=st.booleans())
def test_the_numbers_of_the_list_are_those_of_the_tasks(
    top: list[tuple[TaskStatus | None, bool]],
    unit: list[tuple[TaskStatus | None, bool]],
    ended: bool,
    below: bool,
) -> None:
    rows = (
        rows_of("top", top, ended=ended)
        + rows_of("top/2", unit, ended=below)
        + rows_of("top2", unit, ended=False)
    )
    firm = Kept(rows)

    async def main() -> None:
        found = await missions_below(firm, "top")
        counted = await tally(firm, "top")
        assert counted is not None
        assert [one.run for one in found] == ["top", "top/2"]
        assert counted.tasks == len(top) + len(unit)
        assert counted.accepted == sum(one.count("accepted") for one in found)
        busy = sum(one.count("working", "checking") for one in found)
        assert counted.working == max(0, busy - (not below))
        assert counted.reached == sum(goal.reached for goal in found[0].goals)
        assert (counted.goals, counted.text) == (2, "Do top.")
        assert counted.ending == found[0].ending == ("partly" if ended else "")

    asyncio.run(main())


def test_what_was_sent_back_is_being_done_again_and_what_was_given_up_is_refused() -> None:
    rows = rows_of("m", [("accepted", False), ("refused", False), (None, False)], ended=False)
    standing = standing_of("m", rows)
    assert standing is not None
    assert [one.state for one in standing.tasks] == ["accepted", "working", "waiting"]
    assert standing.tasks[2].waits_for == ("t1",)
    rows = rows_of("m", [("accepted", False), ("refused", True), ("skipped", True)], ended=False)
    standing = standing_of("m", rows)
    assert standing is not None
    assert [one.state for one in standing.tasks] == ["accepted", "refused", "skipped"]
    assert [(goal.accepted, goal.lost, goal.tasks) for goal in standing.goals] == [(1, 1, 2), (0, 1, 1)]


def test_a_row_that_cannot_be_read_hides_nothing_else_and_without_a_plan_there_is_no_mission() -> None:
    rows = rows_of("m", [("accepted", False), (None, False)], ended=False)
    broken = [*rows, Row(BOOK, rows[1].key.replace("t0", "t1"), b"\xc1")]
    standing = standing_of("m", broken)
    assert standing is not None
    assert [one.state for one in standing.tasks] == ["accepted", "working"]
    assert standing_of("m", rows[1:]) is None
    assert asyncio.run(tally(Kept(rows[1:]), "m")) is None
