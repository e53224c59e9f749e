"""What is learnt from a search, what is not said, and how it is kept."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from firm import Firm, workflow
from firm.kernel.context import opened
from firm.kernel.journal import Row, own_key
from firm.lab.artifact import Vector
from firm.lab.candidate import BOOK, Block, Candidate, Judged, Status, block_key, id_of
from firm.lab.lesson import (
    Lesson,
    Origin,
    Sample,
    learn,
    lessons,
    lines,
    opinion,
    rank_correlation,
    read,
    recall,
    row_of,
    samples_of,
)
from firm.lab.problem import Objective
from firm.lab.record import Arm
from firm.lab.survey import Form

KIND = Vector(0.0, 1.0, (3,), ("nose", "angle", "noise"))
FORM = Form.of(KIND)
LIFT, LENGTH = Objective("lift", "max"), Objective("length", "min")
HERE = Origin("wing", "run-1", "aaaa", "2026-11-01")


def searched(count: int = 600, *, islands: int = 3, seed: int = 0) -> list[Sample]:
    """Lift grows with the nose, falls with the angle, and knows nothing of the rest."""
    rng = np.random.default_rng(seed)
    numbers = rng.random((count, 3))
    values = numbers[:, 0] - 2.0 * numbers[:, 1] + 0.3 * rng.normal(size=count)
    return [
        Sample(place, place % islands, KIND.pack(row), float(value))
        for place, (row, value) in enumerate(zip(numbers, values, strict=True))
    ]


class Shelf:
    """Keeps rows as an open firm does."""

    def __init__(self, rows: list[Row]) -> None:
        self.kept = {(row.book, row.key): row for row in rows}

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        found = [row for (b, key), row in sorted(self.kept.items()) if b == book and key.startswith(prefix)]
        return found[:limit]


def test_what_goes_with_a_better_value_is_told_with_its_evidence() -> None:
    found = lessons(searched(), FORM, LIFT, origin=HERE)
    angle, nose = found[0], found[1]
    assert angle.text.startswith("smaller angle goes with higher lift: rho = 0.8")
    assert angle.text.endswith("n = 600, in 3 of 3 islands")
    assert nose.fact == "larger"
    assert nose.figures["rho"] > 0.25
    assert len(angle.evidence) == 3
    assert not any("noise" in lesson.text for lesson in found if lesson.fact in ("larger", "smaller"))


def test_the_direction_of_the_objective_turns_the_lesson() -> None:
    assert lessons(searched(), FORM, LENGTH, origin=HERE)[0].text.startswith(
        "larger angle goes with lower length"
    )


def test_the_evidence_is_the_best_of_the_search() -> None:
    samples = searched()
    best = max(samples, key=lambda one: one.value)
    assert lessons(samples, FORM, LIFT, origin=HERE)[0].evidence[0] == best.id


def test_numbers_without_effect_are_named_once_there_is_enough_to_say_so() -> None:
    found = [
        one for one in lessons(searched(3000, seed=1), FORM, LIFT, origin=HERE) if one.fact == "no effect"
    ]
    assert [one.text for one in found] == ["no rank correlation with lift was seen for noise (n = 3000)"]
    assert not [one for one in lessons(searched(100), FORM, LIFT, origin=HERE) if one.fact == "no effect"]


def test_islands_that_disagree_leave_nothing_to_say() -> None:
    rng = np.random.default_rng(0)
    samples = []
    for place in range(600):
        row, island = rng.random(3), place % 3
        value = float(row[0] * (3.0 if island == 0 else -0.9)) + 5.0 * (island == 0)
        samples.append(Sample(place, island, KIND.pack(row), value))
    samples = [one for one in samples if one.island != 2 or one.id % 9 == 2]
    assert not [one for one in lessons(samples, FORM, LIFT, origin=HERE) if "nose" in one.text]


def test_a_bound_that_the_best_press_against_is_told() -> None:
    samples = [
        Sample(place, 0, KIND.pack([1.0 if place < 18 else 0.5, 0.5, 0.5]), -float(place))
        for place in range(40)
    ]
    found = [one for one in lessons(samples, FORM, LIFT, origin=HERE) if one.fact == "at bound"]
    assert [one.text for one in found] == ["18 of the 20 best press nose against its upper bound 1.0"]


def test_the_arm_that_paid_is_told_where_there_was_a_choice() -> None:
    arms = (Arm("chance", cpu_s=90.0, gain=0.2), Arm("diff", model="big", cpu_s=10.0, gain=0.8))
    (found,) = lessons([], FORM, LIFT, origin=HERE, arms=arms)
    assert found.text == "arm diff (big) gave 80% of the gain for 10% of the CPU-seconds"
    assert lessons([], FORM, LIFT, origin=HERE, arms=arms[:1]) == ()
    assert lessons([], FORM, LIFT, origin=HERE, arms=(Arm("a"), Arm("b"))) == ()


def test_a_few_candidates_teach_nothing() -> None:
    assert lessons(searched(29), FORM, LIFT, origin=HERE) == ()
    assert lessons(searched(), Form("Text"), LIFT, origin=HERE) == ()


def test_rank_correlation_shares_ranks_and_knows_what_does_not_vary() -> None:
    assert rank_correlation(np.array([1.0, 2, 3, 4]), np.array([1.0, 8, 27, 64])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 2, 2, 3]), np.array([3.0, 2, 2, 1])) == pytest.approx(-1.0)
    assert rank_correlation(np.array([1.0, 2, 2, 3]), np.array([1.0, 2, 3, 4])) == pytest.approx(0.9486833)
    assert rank_correlation(np.ones(4), np.arange(4.0)) == 0.0


def test_an_opinion_of_a_model_is_marked_and_counts_as_no_evidence() -> None:
    said = opinion("a larger\nnose   helps", "big", HERE)
    fact = Lesson("larger nose goes with higher lift", "larger", HERE)
    assert not said.counted
    assert lines([said, fact, fact]) == [
        "larger nose goes with higher lift",
        "[opinion of the model big, not evidence] a larger nose helps",
    ]


def test_a_lesson_of_another_evaluator_says_so() -> None:
    fact = Lesson("larger nose goes with higher lift", "larger", HERE)
    assert lines([fact], "aaaa") == [fact.text]
    assert lines([fact], "bbbb") == [f"{fact.text} (by another evaluator, 2026-11-01)"]


def block(number: int, samples: list[Sample]) -> Block:
    """A block with one row that is not valid at its end."""
    rows = [Candidate(b"h", one.artifact, (), Status.VALID, (Judged(one.value),)) for one in samples]
    rows.append(Candidate(b"h", b"x", (), Status.INVALID, (Judged(99.0),)))
    return Block(number, "cma", number % 3, 0, 0, "aaaa", "", "", 0, tuple(rows))


def test_only_valid_candidates_are_samples() -> None:
    found = samples_of([block(2, searched(5))])
    assert [one.id for one in found] == [id_of(2, place) for place in range(5)]
    assert {one.island for one in found} == {2}


def test_a_search_is_looked_through_and_its_lessons_are_read_by_the_next() -> None:
    samples = searched(600)
    blocks = [block(number, samples[(number - 1) * 100 : number * 100]) for number in range(1, 7)]
    shelf = Shelf([Row(BOOK, own_key("run-1", block_key(one.number)), one.encode()) for one in blocks])

    async def use() -> tuple[list[Lesson], list[Lesson], list[Lesson]]:
        token = opened.set(shelf)
        try:
            found = await learn(HERE, FORM, LIFT, 6, ())
            for number, lesson in enumerate(found):
                row = row_of(lesson, number)
                shelf.kept[row.book, row.key] = row
            return found, await recall("wing"), await read(shelf, "other")
        finally:
            opened.reset(token)

    found, kept, other = asyncio.run(use())
    assert found[0].text.startswith("smaller angle goes with higher lift")
    assert found[0].figures["n"] == 600
    assert sorted(kept, key=lambda one: one.text) == sorted(found, key=lambda one: one.text)
    assert other == []


def test_without_a_firm_nothing_is_recalled() -> None:
    assert asyncio.run(recall("wing")) == []


def test_newer_lessons_come_first_and_rows_of_another_version_are_left_out() -> None:
    old = Lesson("old", "larger", HERE)
    new = Lesson("new", "larger", Origin("wing", "run-0", "aaaa", "2026-11-20"))
    broken = Row(row_of(old, 0).book, row_of(old, 7).key, b"\xc1")
    found = asyncio.run(read(Shelf([row_of(old, 0), row_of(new, 0), broken]), "wing"))
    assert [one.text for one in found] == ["new", "old"]


@workflow
async def a_search(run: str) -> list[str]:
    """Says what was known, and keeps what it has seen itself."""
    known = await recall("wing")
    arms = (Arm("chance", cpu_s=90.0, gain=0.2), Arm("cma", cpu_s=10.0, gain=0.8))
    await learn(Origin("wing", run, "aaaa", "2026-11-02"), FORM, LIFT, 0, arms)
    return lines(known)


def test_the_next_run_of_a_firm_reads_what_the_one_before_it_kept(tmp_path: Path) -> None:
    async def main() -> list[list[str]]:
        async with Firm.open(tmp_path / "home") as firm:
            return [await (await firm.start(a_search, run, id=run)).result() for run in ("one", "two")]

    first, second = asyncio.run(asyncio.wait_for(main(), 60))
    assert first == []
    assert second == ["arm cma gave 80% of the gain for 10% of the CPU-seconds"]
