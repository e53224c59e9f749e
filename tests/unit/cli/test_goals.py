"""Missions at the level of goals: `firm ps`, `firm show`, `firm tell`."""

import json
from pathlib import Path

import pytest

from .conftest import Firm

MISSIONS = """
import msgspec
from firm import ask, step, workflow
from firm.kernel.api import receive
from firm.kernel.context import current_step
from firm.org.artifact import Artifact, Verdict
from firm.org.mission import Mission, Outcome, TaskEnd
from firm.org.plan import Done, Goal, Plan, Task
from firm.org.record import Planned, end_row, plan_row, task_row

DONE = Done(says="it is good", checks=("not empty",), reviewer="critic")
PLAN = Plan(
    goals=(
        Goal(id="shape", says="A section.", bet="minutes are enough", wrong_if="it stalls", by_days=1),
        Goal(id="proof", says="It is proven."),
    ),
    tasks=(
        Task(id="brief", says="x", role="chief", makes="brief", goal="shape", done=DONE),
        Task(id="draw", says="x", role="drawer", makes="wing", goal="shape", needs=("brief",), done=DONE),
        Task(id="test", says="x", role="tester", makes="report", goal="proof", needs=("wing",), done=DONE),
    ),
    why="no model is strong enough",
)
GOOD = Verdict(accept=True, by="critic", how="model", evidence=("three figures agree",))
BAD = Verdict(accept=False, by="second-solver", reasons=("the lift is too low",), evidence=("solved again",))


@step
async def put(kind: str, ids: list[str]) -> None:
    info = current_step()
    run = info.run.id
    if kind == "plan":
        info.also(plan_row(run, Planned(Mission(text="Design a\\x1b[31m wing 翼", usd=2.0), PLAN)))
    elif kind == "circle":
        a = Task(id="a", says="x", role="a", makes="a", needs=("b",), done=DONE)
        b = Task(id="b", says="x", role="b", makes="b", needs=("a",), done=DONE)
        info.also(plan_row(run, Planned(Mission(text="Turn round"), Plan(goals=PLAN.goals, tasks=(a, b)))))
    elif kind == "end":
        ends = tuple([TaskEnd(id=id, status="accepted") for id in ids])
        info.also(end_row(run, Outcome(run=run, mission="m", ending="partly", why="the tunnel was shut", tasks=ends)))
    else:
        for id in ids:
            work = Artifact(name=id, text="lorem " * 100, maker="drawer", how="model", model="big", task=id)
            verdicts = (GOOD,) if kind == "accepted" else (BAD,)
            end = TaskEnd(id=id, status=kind, role="drawer", rounds=2, artifact=work, verdicts=verdicts)
            info.also(task_row(run, end))


@workflow
async def member(task: str) -> str:
    return task


@workflow
async def wing(stage: str) -> str:
    if stage == "before":
        return str(await ask("Carry it out?"))
    await put("circle" if stage == "circle" else "plan", [])
    if stage == "circle":
        return str(await ask("Go on?"))
    await member("Task brief (round 1)\\n\\nSay what it is for.")
    await put("accepted", ["brief"])
    await put("refused", ["draw"])
    if stage == "ended":
        await put("end", ["brief"])
        return "over"
    return str(await ask("Is 2 m wide enough?", options=["yes", "no"], default="yes", deadline=86400))


@workflow
async def unit(mission: str) -> str:
    await put("plan", [])
    await put("accepted", ["brief", "draw"])
    return str(await ask("Below?"))


@workflow
async def above(stage: str) -> str:
    await put("plan", [])
    return await unit("x")


@workflow
async def listens(mission: str) -> str:
    await ask("Begin?", options=["yes"])
    return str(await receive("facts"))
"""


@pytest.fixture
def missions(firm: Firm, tmp_path: Path) -> Firm:
    (tmp_path / "missions.py").write_text(MISSIONS)
    return firm


def begin(firm: Firm, target: str, word: str, id: str) -> None:
    firm("run", f"missions.py:{target}", word, "--id", id, "--no-wait")


def test_missions_stand_first_with_goals_tasks_who_works_and_what_is_waited_for(missions: Firm) -> None:
    begin(missions, "wing", "going", "wing-1")
    missions("run", "work.py:asks", "we", "--id", "plain", "--no-wait")
    lines = missions("ps").out.splitlines()
    assert lines[0].split() == ["RUN", "MISSION", "GOALS", "TASKS", "WORKING", "SPENT", "WAITS", "FOR"]
    assert lines[1].startswith("wing-1")
    assert "Design a wing 翼" in lines[1]
    assert lines[1].split("翼")[1].split()[:4] == ["0/2", "1/3", "1", "$0.00"]
    assert "Is 2 m wide enough?" in lines[1]
    assert lines[2] == ""
    assert lines[3].split()[:3] == ["RUN", "WORKFLOW", "STATUS"]
    assert lines[4].startswith("plain")
    (record,) = [run for run in json.loads(missions("ps", "--json").out) if "mission" in run]
    assert record["id"] == "wing-1"
    assert {key: record["mission"][key] for key in ("goals", "reached", "tasks", "accepted", "working")} == {
        "goals": 2,
        "reached": 0,
        "tasks": 3,
        "accepted": 1,
        "working": 1,
    }


def test_tasks_of_units_are_counted_and_their_runs_stay_hidden(missions: Firm) -> None:
    begin(missions, "above", "x", "top")
    lines = missions("ps").out.splitlines()
    assert len(lines) == 2
    assert lines[1].split("翼")[1].split()[:3] == ["0/2", "2/6", "1"]
    shown = missions("show", "top").out
    assert "top/2" in shown.split("UNIT")[1]
    assert "2/3" in shown.split("UNIT")[1]
    assert "Below?" in shown


def test_a_mission_is_shown_by_its_goals_and_tasks(missions: Firm) -> None:
    begin(missions, "wing", "going", "wing-1")
    shown = missions("show", "wing-1").out
    assert "mission   Design a wing 翼" in shown
    assert "\x1b" not in shown
    assert "plan      by template: no model is strong enough" in shown
    assert "spent     $0.00 of $2.00" in shown
    goal = next(line for line in shown.splitlines() if line.startswith("shape"))
    assert all(word in goal for word in ("open", "1/2", "minutes are enough", "it stalls", "1 d"))
    tasks = {line.split()[0]: line for line in shown.split("TASK ")[1].splitlines() if line}
    assert "accepted" in tasks["brief"] and "critic: three figures agree" in tasks["brief"]
    assert "drawer (model big)" in tasks["brief"]
    assert "working" in tasks["draw"] and "sent back by second-solver: the lift is too low" in tasks["draw"]
    assert "waiting" in tasks["test"] and "waits for draw" in tasks["test"]
    assert "Is 2 m wide enough?" in shown
    assert "AT " not in shown


def test_what_members_and_units_spent_counts_for_the_task_that_they_were_begun_for(
    missions: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spent(firm: object, run: str) -> dict[str, int]:
        return {run: 70_000, f"{run}/2": 250_000, f"{run}/2/1": 1_000_000, f"{run}/3": 0}

    monkeypatch.setattr("firm.cli.progress.spent_by_run", spent)
    begin(missions, "wing", "going", "wing-1")
    shown = missions("show", "wing-1").out
    assert "spent     $1.32 of $2.00" in shown
    (brief,) = [line for line in shown.splitlines() if line.startswith("brief")]
    assert "$1.25" in brief


def test_the_history_of_a_mission_is_told_when_it_is_asked_for(missions: Firm) -> None:
    begin(missions, "wing", "going", "wing-1")
    told = missions("show", "wing-1", "--events").out
    assert "WHAT" in told and "put" in told and "children" in told
    assert "GOAL" not in told
    record = json.loads(missions("show", "wing-1", "--json").out)
    assert [task["state"] for task in record["mission"]["tasks"]] == ["accepted", "working", "waiting"]
    assert record["events"]


def test_what_has_ended_says_how(missions: Firm) -> None:
    begin(missions, "wing", "ended", "wing-2")
    assert missions("ps").out.startswith("no unfinished runs")
    (_, row) = missions("ps", "--all").out.splitlines()
    assert row.split("翼")[1].split()[:3] == ["0/2", "1/3", "partly"]
    shown = missions("show", "wing-2").out
    assert "ending    partly: the tunnel was shut" in shown
    tasks = {line.split()[0]: line for line in shown.split("TASK ")[1].splitlines() if line}
    assert "refused" in tasks["draw"] and "not begun" in tasks["test"]


def test_tasks_that_wait_for_each_other_are_told(missions: Firm) -> None:
    begin(missions, "wing", "circle", "round")
    assert "circle    a waits for b waits for a: none of them can go on" in missions("show", "round").out


def test_a_run_that_is_no_mission_is_shown_as_before(missions: Firm) -> None:
    missions("run", "work.py:add", "1", "--id", "sum")
    shown = missions("show", "sum").out
    assert "WHAT" in shown and "GOAL" not in shown
    assert "mission" not in json.loads(missions("show", "sum", "--json").out)


def test_a_fact_is_told_to_a_mission_only_and_has_words(
    missions: Firm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin(missions, "listens", "x", "ear")
    refused = missions("tell", "ear", "It rains.")
    assert (refused.code, "is no mission" in refused.err) == (2, True)
    monkeypatch.setattr("firm.cli.goals.CARRIES", f"{tmp_path / 'missions.py'}:listens")
    assert missions("tell", "ear", "  ").code == 2
    assert missions("tell", "ear", "x" * 5000).code == 2
    assert missions("tell", "nobody", "It rains.").code == 2
    told = missions("tell", "ear", "It rains.")
    assert (told.code, told.out) == (0, "told ear: It rains.\n")
    (question,) = json.loads(missions("inbox", "--json").out)
    assert missions("answer", question["id"], "yes").code == 0
    assert "It rains." in missions("run", "missions.py:listens", "x", "--id", "ear").out
