"""One batch on its way through the stages: whatever a candidate is, it becomes a row, and the best go on."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.lab.engines import HASH, SOURCE
from tests.unit.lab.toys import problem

from firm.lab.artifact import Kind, Prompt, Text, Vector
from firm.lab.candidate import Status, id_of
from firm.lab.judging import DRAWN, Judge, best_of
from firm.lab.order import Order
from firm.lab.problem import Axis, Invalid, Score, Stage
from firm.lab.proposer.protocol import Proposal
from firm.lab.wall.verdict import Verdict, judged, raised

Says = Callable[[Any], Any]


class Desk:
    """Scores at once, in this process; notes what it was given."""

    cpu_s = 0.0

    def __init__(self, *stages: Says) -> None:
        self.stages = stages
        self.given: list[tuple[int, Any]] = []

    def score(self, stage: int, artifacts: Sequence[Any], seeds: Sequence[int]) -> list[Verdict]:
        assert len(artifacts) == len(seeds)
        self.given += [(stage, artifact) for artifact in artifacts]
        return [self._one(stage, artifact) for artifact in artifacts]

    def _one(self, stage: int, artifact: Any) -> Verdict:
        try:
            return judged(self.stages[stage](artifact))
        except Exception as error:
            return raised(error)


def first(x: list[float]) -> float:
    return x[0]


def stated(*keeps: float, kind: Kind | None = None, **more: Any) -> Any:
    samples = (("a", "A"),) if isinstance(kind, Prompt) else ()
    stages = tuple(
        Stage(f"stage {place}", first, keep=keep, samples=samples) for place, keep in enumerate(keeps)
    )
    return problem(kind or Vector(-9.0, 99.0, (2,)), stages=stages, **more)


def judge_of(about: Any, desk: Desk, **order: Any) -> Judge:
    given = {"number": 7, "arm": "chance", "seed": 1, "size": 999, "audit": 0.0, **order}
    rng = np.random.Generator(np.random.Philox(key=1))
    return Judge(about, desk, Order(run="r", source=SOURCE, evaluator=HASH, **given), rng)  # type: ignore[arg-type]


def proposals(*values: float) -> list[Proposal]:
    return [Proposal(np.array([value, 0.0])) for value in values]


def test_what_cannot_be_read_or_was_there_before_is_a_row_and_is_not_paid_for() -> None:
    desk = Desk(first)
    judge = judge_of(stated(1.0), desk)
    strange = [np.ones(3), "text", None, {"x": 1}, [[1, 2], [3, 4]]]
    outcomes = judge.judge([*proposals(1.0, 1.0), *(Proposal(one) for one in strange)])
    assert [row.status for row in judge.rows] == [Status.VALID, Status.TWIN] + [Status.UNREADABLE] * 5
    assert judge.rows[1].why == "as number 0 of this block" and judge.rows[1].artifact == b""
    assert len(desk.given) == 1
    assert [outcome.id for outcome in outcomes] == [id_of(7, place) for place in range(7)]
    assert [outcome.fitness for outcome in outcomes] == [-1.0] + [float("-inf")] * 6
    assert all(outcome.missed == float("inf") for outcome in outcomes[1:])


def test_a_twin_of_an_earlier_batch_of_the_burst_is_one_too() -> None:
    judge = judge_of(stated(1.0), Desk(first))
    judge.judge(proposals(1.0))
    judge.judge(proposals(2.0, 1.0, -0.0, 0.0))
    assert [row.status for row in judge.rows] == [
        Status.VALID,
        Status.VALID,
        Status.TWIN,
        Status.VALID,
        Status.TWIN,
    ]


@pytest.mark.parametrize(
    ("says", "status", "why"),
    [
        (lambda x: float("nan"), Status.FAILED, "the score is nan"),
        (lambda x: 1 / 0, Status.FAILED, "ZeroDivisionError"),
        (lambda x: "12", Status.FAILED, "no number"),
        (lambda x: Score(1.0, {"wide": -2.0}), Status.INVALID, "constraint 'wide' is missed by 2"),
        (lambda x: Score(1.0, {"wide": float("nan")}), Status.INVALID, "wide"),
    ],
)
def test_a_scorer_that_fails_makes_a_row_that_says_why(says: Says, status: Status, why: str) -> None:
    judge = judge_of(stated(1.0), Desk(says))
    judge.judge(proposals(1.0, 2.0))
    assert [row.status for row in judge.rows] == [status] * 2
    assert all(why in row.why for row in judge.rows)
    assert judge.statuses()[status] == 2 and judge.elites == []
    [(said, count)] = judge.whys().items()
    assert why.removesuffix(" by 2") in said and count == 2


def test_by_how_much_something_is_missed_makes_no_reason_of_its_own() -> None:
    judge = judge_of(stated(1.0), Desk(lambda x: Score(0.0, {"wide": x[0] - 10})))
    judge.judge(proposals(1.0, 2.5, 9.999999999))
    assert judge.whys() == {"constraint 'wide' is missed": 3}
    assert [row.why.rpartition(" ")[2] for row in judge.rows] == ["9", "7.5", "1e-09"]


def test_where_nothing_is_valid_it_says_which_constraint_and_how_near_one_came() -> None:
    judge = judge_of(stated(1.0), Desk(lambda x: Score(0.0, {"wide": x[0] - 10, "thick": x[0] - 5})))
    judge.judge(proposals(1.0, 9.5, 3.0))
    assert judge.nearest == ("wide", -0.5)


def test_a_refusal_that_says_how_near_it_came_counts_as_near_too() -> None:
    def refuse(x: list[float]) -> float:
        raise Invalid("discs overlap", near=-x[0])

    judge = judge_of(stated(1.0), Desk(refuse))
    judge.judge(proposals(3.0, 0.25))
    assert judge.nearest == ("discs overlap", -0.25)


def test_of_a_large_batch_the_best_share_goes_on() -> None:
    desk = Desk(first, first)
    judge = judge_of(stated(0.2, 1.0), desk)
    judge.judge(proposals(*range(20)))
    assert [x[0] for stage, x in desk.given if stage == 1] == [0.0, 1.0, 2.0, 3.0]  # less is better
    assert judge.statuses()[Status.STOPPED] == 16
    assert judge.rows[-1].why == "stopped after stage 0"


def test_equal_words_of_a_cheap_stage_never_keep_out_a_better_one() -> None:
    desk = Desk(lambda x: 1.0 if x[0] < 9 else 0.0, first)
    judge_of(stated(0.3, 1.0), desk).judge(proposals(*range(10)))
    assert [x[0] for stage, x in desk.given if stage == 1] == [0.0, 1.0, 9.0]


def test_a_lone_candidate_goes_on_where_it_is_above_the_gate() -> None:
    for gate, goes in ((None, True), (-5.0, True), (-4.0, False)):
        desk = Desk(first, first)
        judge_of(stated(0.2, 1.0), desk, gates=(gate,)).judge(proposals(5.0))
        assert ((1, [5.0, 0.0]) in desk.given) is goes


def test_some_of_the_stopped_go_on_by_chance_and_are_marked_and_reported_apart() -> None:
    desk = Desk(first, lambda x: x[0] + 1)
    judge = judge_of(stated(0.1, 1.0), desk, audit=0.3)
    judge.judge(proposals(*range(50)))
    audits = [row for row in judge.rows if row.audit]
    cheap, dear = judge.tallies()
    assert len(cheap.pairs) == 5 and 5 <= len(cheap.audits) == len(audits) <= 25
    assert cheap.pairs == tuple((float(value), value + 1.0) for value in range(5))
    assert dear.scored == 5 + len(audits) and dear.pairs == dear.audits == ()


def test_an_order_may_let_more_go_on_than_the_problem_says() -> None:
    for keeps, passed in (((), 4), ((0.4, 1.0), 8), ((1.0, 1.0), 20)):
        desk = Desk(first, first)
        judge_of(stated(0.2, 1.0), desk, keeps=keeps).judge(proposals(*range(20)))
        assert sum(stage == 1 for stage, _ in desk.given) == passed


def test_of_many_audits_few_are_told_and_all_are_counted() -> None:
    judge = judge_of(stated(0.1, 1.0), Desk(first, first), audit=1.0)
    judge.judge(proposals(*range(99)))
    cheap, _ = judge.tallies()
    assert (len(cheap.audits), cheap.audited) == (DRAWN, sum(row.audit for row in judge.rows))
    assert cheap.audited == 99 - 10


def test_an_audit_of_one_stage_is_none_of_the_next() -> None:
    desk = Desk(first, first, first)
    judge = judge_of(stated(0.5, 1.0, 1.0), desk, audit=1.0)
    judge.judge(proposals(1.0, 2.0))
    zero, one, _ = judge.tallies()
    assert (len(zero.pairs), len(zero.audits)) == (1, 1)
    assert (len(one.pairs), len(one.audits)) == (2, 0)


def test_a_tally_is_bounded_and_drawn_evenly() -> None:
    judge = judge_of(stated(1.0), Desk(first))
    judge.judge(proposals(*(value / 10 for value in range(500))))
    [tally] = judge.tallies()
    assert tally.scored == 500 and len(tally.values) == DRAWN
    assert (tally.values[0], tally.values[-1]) == (0.0, 49.9)


def test_a_prompt_is_scored_by_the_answers_to_it_and_one_without_a_place_for_the_question_by_nothing() -> (
    None
):
    kind, desk = Prompt("Say: {input}"), Desk(lambda answers: float(len(answers[0][2])))
    texts = [kind.pack(text) for text in ("no place", "Shout: {input}")]
    answer = msgspec.json.encode([["a", "A", "AAA"]])
    order = {"given": tuple((text, ()) for text in texts), "answers": ((), (answer,))}
    judge = judge_of(stated(1.0, kind=kind), desk, **order)
    judge.judge([Proposal(kind.unpack(text)) for text in texts])
    assert [row.status for row in judge.rows] == [Status.UNREADABLE, Status.VALID]
    assert desk.given == [(0, [["a", "A", "AAA"]])] and judge.elites[0].value == 3.0


def test_a_text_is_an_elite_with_its_parents_and_all_that_its_stages_said() -> None:
    judge = judge_of(stated(1.0, 1.0, kind=Text("x")), Desk(lambda t: len(t), lambda t: 2 * len(t)))
    judge.judge([Proposal("hello", (3, 4))])
    [elite] = judge.elites
    assert (elite.artifact, elite.value, elite.depth) == (b"hello", 10.0, 1)
    assert (elite.values, elite.parents, elite.arm) == ((5.0, 10.0), (3, 4), "chance")


def test_of_a_burst_the_best_are_reported_and_the_best_of_each_cell() -> None:
    about = stated(1.0, axes=(Axis("x", 0.0, 10.0, 10),))
    judge = judge_of(about, Desk(lambda x: Score(x[0], descriptors=(x[1],))))
    judge.judge([Proposal(np.array([float(place), place % 10])) for place in range(50)])
    chosen = best_of(judge.elites, about, most=3)
    assert [elite.value for elite in chosen[:3]] == [0.0, 1.0, 2.0]
    assert {int(elite.descriptors[0]) for elite in chosen} == set(range(10))
    assert len(chosen) == 10
