"""What has fooled other labs does not fool this one: each test shows what a naive evaluator would make of it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firm.lab import Problem, Score
from firm.lab.candidate import Status
from firm.lab.load import evaluator_hash, find_problem, source_of
from firm.lab.order import Source
from firm.lab.wall.desk import Desk, open_desk, rescore
from firm.lab.wall.sensitivity import insensitive
from firm.lab.wall.verdict import agree
from firm.sandbox import Level, probe

POTS = Path(__file__).parent / "honeypots"
boxed = pytest.mark.skipif(
    probe().level < Level.BUBBLEWRAP and not os.environ.get("CI"), reason=f"no box: {probe().why}"
)


def pot(file: str, name: str = "") -> tuple[Source, Problem]:
    source = source_of(f"{POTS / file}.py:{name or file}", {})
    found = find_problem(source)
    assert isinstance(found, Problem)
    return source, found


Open = Callable[..., tuple[Desk, Problem]]


@pytest.fixture
def at() -> Iterator[Open]:
    """Opens desks at honeypots, and closes them."""
    desks: list[Desk] = []

    def opened(file: str, name: str = "") -> tuple[Desk, Problem]:
        source, found = pot(file, name)
        desks.append(open_desk(source, found))
        return desks[-1], found

    yield opened
    for desk in desks:
        desk.close()


def naive_best(problem: Problem, artifacts: list[Any]) -> tuple[float, Any]:
    """What an evaluator in the same process finds that asks for "not invalid" and for "not worse"."""
    best: tuple[float, Any] | None = None
    for artifact in artifacts:
        said = problem.stages[0].score(artifact)
        score = said if isinstance(said, Score) else Score(said)
        if any(margin < 0 for margin in score.constraints.values()):
            continue
        if best is None or not score.value <= best[0]:
            best = score.value, artifact
    assert best is not None
    return best


def test_a_nan_is_no_record_and_a_nan_in_a_constraint_is_missed(at: Open) -> None:
    desk, problem = at("nan_hole")
    honest, hole, gap = [0.5, 0.25], [-0.5, -0.5], [0.9, -0.9]
    value, artifact = naive_best(problem, [honest, hole])
    assert value != value and artifact == hole, "the naive evaluator is fooled"

    good, nan, missed = desk.score(0, [honest, hole, gap], [0, 0, 0])
    assert (good.status, good.value) == (Status.VALID, 0.75)
    assert (nan.status, nan.value) == (Status.FAILED, None)
    assert "nan" in nan.why
    assert (missed.status, missed.nearest) == (Status.INVALID, "room")


def test_an_artifact_that_is_not_finite_or_out_of_bounds_is_not_scored(at: Open) -> None:
    desk, _ = at("nan_hole")
    bad = [
        [float("nan"), 0.0],
        [float("inf"), 0.0],
        [1.0000000000000002, 0.0],
        [True, 0.0],
        ["0.5", 0.0],
        [[0.5, 0.0]],
    ]
    verdicts = desk.score(0, bad, [0] * len(bad))
    assert [each.status for each in verdicts] == [Status.UNREADABLE] * len(bad)
    assert desk.cpu_s == 0, "no scorer was even started"


@boxed
def test_a_score_that_a_program_claims_is_not_looked_at(at: Open) -> None:
    desk, problem = at("claimed_score")
    made, trouble = desk.execute(0, problem.artifact.start)  # type: ignore[union-attr]
    assert trouble is None
    assert made["score"] == 1e9, "an evaluator that reads the field is fooled"
    (verdict,) = desk.score(0, [made], [0])
    assert (verdict.status, verdict.value) == (Status.VALID, 0.1)


def test_a_vector_with_a_field_for_its_score_is_a_wrong_shape(at: Open) -> None:
    desk, _ = at("nan_hole")
    (verdict,) = desk.score(0, [{"artifact": [0.5, 0.5], "score": 99.0}], [0])
    assert verdict.status is Status.UNREADABLE


def test_a_number_that_no_stage_looks_at_is_named(at: Open) -> None:
    desk, problem = at("dead_parameter")
    assert insensitive(desk, problem, [0.2, 0.0, -0.4]) == ["colour"]
    assert insensitive(desk, problem, [1.0, -1.0, 1.0]) == ["colour"], "at a bound, too"


def test_discs_that_overlap_by_less_than_a_tolerance_are_not_valid(at: Open) -> None:
    desk, problem = at("tolerance_slack")
    r = (2 - 2**0.5) / 2
    over, under = r + 1e-12, r - 1e-12
    cheat = [[over, over, over], [1 - over, 1 - over, over]]
    honest = [[r, r, under], [1 - r, 1 - r, under]]
    value, _ = naive_best(problem, [honest, cheat])
    assert value == 2 * over, "the evaluator with a tolerance is fooled"

    assert desk.score(0, [cheat], [0])[0].status is Status.VALID, "as is the stage that searches"
    refused, held = desk.score(len(problem.stages), [cheat, honest], [0, 0])
    assert (refused.status, refused.nearest) == (Status.INVALID, "packed")
    assert 0 < refused.missed < 1e-11
    assert held.status is Status.VALID


def test_a_score_that_depends_on_when_it_was_asked_for_is_seen_by_a_fresh_process(at: Open) -> None:
    desk, problem = at("timing_leak")
    source, _ = pot("timing_leak")
    assert naive_best(problem, [[0.0]] * 50)[0] > 1.4, "the naive evaluator is fooled"
    late = desk.score(0, [[0.0]] * 50, [0] * 50)[-1]
    assert late.value == 1 + 0.01 * 49
    again = rescore(source, problem, 0, [0.0])
    assert again.value == 1.0
    assert not agree(late, again)
    assert agree(again, rescore(source, problem, 0, [0.0]))


@boxed
def test_a_program_cannot_reach_what_judges_it(at: Open) -> None:
    desk, problem = at("writable_scorer")
    source, _ = pot("writable_scorer")
    before, file = evaluator_hash(source), (POTS / "writable_scorer.py").read_bytes()
    (scored,) = desk.score(0, [{"value": 0.5}], [0])
    made, trouble = desk.execute(0, problem.artifact.start)  # type: ignore[union-attr]
    assert trouble is None
    assert made["got"] == []
    assert (POTS / "writable_scorer.py").read_bytes() == file
    assert evaluator_hash(source) == before
    again, after = desk.score(0, [{"value": 0.5}, made], [0, 0])
    assert agree(scored, again)
    assert after.value == 0.25


def _alive(command: bytes) -> list[int]:
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdecimal() and (place / "cmdline").read_bytes() == command:
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_a_scorer_that_hangs_is_ended_with_all_it_started_and_the_others_are_scored(at: Open) -> None:
    desk, _ = at("infinite_loop")
    before = set(_alive(b"sleep\x001000\x00"))
    artifacts = [[0.1, 0.2], [0.9, 0.9], [0.3, 0.4], [0.5, 0.5]]
    began = time.monotonic()
    verdicts = desk.score(0, artifacts, [0] * 4)
    assert time.monotonic() - began < 20
    assert [each.status for each in verdicts] == [Status.VALID, Status.KILLED, Status.VALID, Status.VALID]
    assert verdicts[1].why.startswith("time")
    assert [round(each.value or 0, 6) for each in verdicts] == [0.3, 0, 0.7, 1.0]
    assert verdicts[1].cpu_us > 100_000, "what it used is accounted for"
    assert set(_alive(b"sleep\x001000\x00")) <= before, "nothing is left of it"


@boxed
@pytest.mark.parametrize(
    ("file", "name", "limit"),
    [
        ("infinite_loop", "endless_program", "time"),
        ("fork_bomb", "fork_bomb", "processes"),
        ("allocation", "greedy_program", "memory"),
    ],
)
def test_a_program_that_takes_too_much_is_killed_and_the_limit_is_named(
    at: Open, file: str, name: str, limit: str
) -> None:
    desk, problem = at(file, name)
    made, verdict = desk.execute(0, problem.artifact.start)  # type: ignore[union-attr]
    assert made is None
    assert verdict is not None
    assert (verdict.status, verdict.why.partition(":")[0]) == (Status.KILLED, limit)
    assert verdict.cpu_us > 0


def test_a_scorer_that_wants_10_gb_is_refused_and_goes_on(at: Open) -> None:
    desk, _ = at("allocation")
    greedy, good = desk.score(0, [[0.95], [0.5]], [0, 0])
    assert (greedy.status, greedy.why.partition(":")[0]) == (Status.KILLED, "memory")
    assert (good.status, good.value) == (Status.VALID, 0.5)


def test_a_score_beyond_a_proven_bound_is_there_to_be_seen(at: Open) -> None:
    desk, problem = at("impossible_target")
    (verdict,) = desk.score(0, [[0.9, 0.9]], [0])
    assert problem.bound is not None
    assert verdict.value is not None
    assert verdict.value > problem.bound, "the wall scores; the search quarantines what beats a bound"


def test_a_scorer_that_is_killed_from_outside_is_replaced(at: Open) -> None:
    desk, _ = at("infinite_loop")
    assert desk.score(0, [[0.1, 0.2]], [0])[0].status is Status.VALID
    scorer = desk._scorer
    assert scorer is not None
    os.kill(scorer._process.pid, signal.SIGKILL)
    (verdict,) = desk.score(0, [[0.1, 0.2]], [0])
    assert verdict.status is Status.KILLED
    assert "SIGKILL" in verdict.why
    assert desk.score(0, [[0.1, 0.2]], [0])[0].status is Status.VALID
