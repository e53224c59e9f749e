"""Organizations where everything fails: O1 to O6 of each history, besides what must hold of any run and of money."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.sim.office import JOBS, KINDS, Lookout, of, play

from firm.kernel.journal import Kind
from firm.org import carry, crew, pursuit, work
from firm.org.crew import Crew
from firm.org.mission import TaskEnd
from firm.testing import Options
from firm.testing.invariant import Evidence
from firm.units.budget import Budget

SEEDS = 4
BUDGET = 12
"""Histories in which a planted fault must be found."""


@pytest.mark.parametrize("kind", KINDS)
def test_histories_of_missions_hold_every_invariant(kind: str) -> None:
    history = of(kind)
    for seed in range(SEEDS):
        report = history(seed)
        assert report.ok, report


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_histories_of_missions_hold_every_invariant(kind: str) -> None:
    history = of(kind)
    for seed in range(SEEDS, SEEDS + int(os.environ.get("FIRM_SIM_SEEDS", "400")) // 10):
        report = history(seed)
        assert report.ok, report


def test_missions_beside_each_other_meet_all_that_these_histories_are_there_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met: Counter[str] = Counter()
    check = Lookout.check

    def counted(self: Lookout, evidence: Evidence) -> Iterator[str]:
        yield from check(self, evidence)
        met.update(self.met)
        for events in evidence.events.values():
            met.update([event.name for event in events if event.kind == Kind.DONE])
            met.update([f"ended {event.name}" for event in events if event.kind == Kind.ENDED])
            met.update(["told" for event in events if event.kind == Kind.MESSAGE])
        met.update([f"asked: {question.kind}" for question in evidence.questions])

    monkeypatch.setattr(Lookout, "check", counted)
    history = of()
    for seed in range(3):
        report = history(seed)
        assert report.ok, report
    missing = [what for what in WANTED if not met[what]]
    assert not missing, f"no history met {missing}; met were {sorted(met)}"


WANTED = (
    *("put", "mail", "chat", "run_program", "inspect", "finish", "carry_out", "close_call", "told"),
    *("accepted", "refused", "skipped", "checking", "reached", "partly", "not reached"),
    *("ended succeeded", "ended failed", "asked: ask"),
)


def test_the_same_seed_gives_the_same_history_of_a_mission() -> None:
    history = of("mixed")
    assert [history(seed).fingerprint for seed in (1, 4)] == [history(seed).fingerprint for seed in (1, 4)]


# --- planted faults ------------------------------------------------------------------------------------------------


def found(*kinds: str) -> str:
    """What one of so many histories violates; '' where none does."""
    history = of(*kinds)
    for seed in range(BUDGET):
        report = history(seed)
        if not report.ok:
            return "; ".join(report.violations)
    return ""


def test_a_maker_who_reviews_himself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pursuit, "reviewer_of", lambda staff, given, maker: staff.find(maker))
    assert "O3" in found("clerks")


def test_work_that_is_changed_after_it_was_accepted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    over = Crew.over

    async def polished(self: Crew, task: Any, end: Any, made: Any, **more: Any) -> None:
        if made is not None:
            made = msgspec.structs.replace(made, text=made.text + "!")
            end = msgspec.structs.replace(end, artifact=made)
        await over(self, task, end, made, **more)

    monkeypatch.setattr(Crew, "over", polished)
    assert "O2" in found("clerks")


def test_a_task_that_is_done_twice_in_one_round_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    perform = pursuit.perform

    async def twice(*given: Any) -> Any:
        await perform(*given)
        return await perform(*given)

    monkeypatch.setattr(pursuit, "perform", twice)
    assert "O4" in found("clerks")


def test_a_row_that_says_accepted_before_the_reviewer_has_looked_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = work.write_down

    def hasty(so_far: Any, artifact: Any, verdict: Any, status: str) -> None:
        write(so_far, artifact, verdict, "accepted" if status == "checking" else status)

    monkeypatch.setattr(work, "write_down", hasty)
    assert "O1" in found("clerks")


def test_an_end_that_no_row_says_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(end: Any) -> None:
        """Forgets it."""

    monkeypatch.setattr(crew, "note", nothing)
    assert "O5" in found("trouble")


def test_a_mission_without_a_purse_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "Budget", lambda usd: Budget(usd=usd * 2))
    assert "I9" in found("poor")


def test_a_crew_that_goes_by_chance_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    loose, task_of = random.Random(1), Crew._task

    async def moody(self: Crew, task: Any) -> None:
        if loose.random() < 0.3:
            await work.note(TaskEnd(id=task.id, status="waiting"))
        await task_of(self, task)

    monkeypatch.setattr(Crew, "_task", moody)
    assert "K3" in found("trouble")


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("clerks", "reached"), ("mixed", "reached"), ("trouble", "partly"), ("free", "reached")],
)
def test_an_unbroken_mission_comes_to_the_end_that_its_plan_says(kind: str, ending: str) -> None:
    lookout = Lookout()
    calm = Options(workers=1, faults=frozenset(), harm_s=0.0)
    report = play(JOBS[kind][:1], 1, calm, lookout)
    assert report.ok, report
    assert ending in lookout.met
