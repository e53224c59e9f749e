"""What a search has come to so far is counted, and stays small."""

import hashlib
import random

from tests.unit.lab.engines import engine, report

from firm.lab.candidate import Elite
from firm.lab.order import Report
from firm.lab.record import MOST_MARKS, MOST_WHYS, Record


def burst(number: int, **more: object) -> Report:
    return Report(number, f"block {number}", evaluator="e", **more)


def test_counts_of_bursts_add_up() -> None:
    record, orders = Record(), engine(workers=3)
    told = [report(order, random.Random(1)) for _ in range(3) if (order := orders.ask()) is not None]
    for one in told:
        record.add(one, one.statuses[0])
    assert record.blocks == 3
    assert record.spent.evaluations == sum(one.made for one in told) == sum(record.statuses)
    assert record.spent.valid == record.statuses[0]
    assert record.spent.block_bytes == sum(one.length for one in told)


def test_the_root_hangs_on_every_block_and_their_order_and_anybody_can_compute_it() -> None:
    def root(*numbers: int) -> str:
        record = Record()
        for number in numbers:
            record.add(burst(number), 0)
        return record.root

    by_hand = ""
    for number in (1, 2):
        by_hand = hashlib.sha256(f"{by_hand}block {number}".encode()).hexdigest()[:32]
    assert root(1, 2) == by_hand
    assert len({root(1, 2), root(2, 1), root(1), root(1, 3)}) == 4


def test_the_nearest_miss_is_the_one_that_was_missed_by_least() -> None:
    record = Record()
    for number, nearest in enumerate([("", 0.0), ("wide", -3.0), ("thick", -0.5), ("wide", -2.0)]):
        record.add(burst(number, nearest=nearest), 0)
    assert record.nearest == ("thick", -0.5)


def test_reasons_are_counted_and_new_ones_beyond_the_limit_left_out() -> None:
    record = Record()
    for number in range(MOST_WHYS + 10):
        record.add(burst(number, whys={f"why {number}": 1, "why 0": 2}), 0)
    assert len(record.whys) == MOST_WHYS
    assert record.whys["why 0"] == 2 * (MOST_WHYS + 10)


def test_marks_of_progress_stay_bounded_with_the_first_and_the_last_among_them() -> None:
    record = Record()
    for number in range(10 * MOST_MARKS):
        record.spent.evaluations = number
        record.mark(Elite(number, b"", -float(number), 0), "cma")
    assert len(record.marks) <= MOST_MARKS
    assert (record.marks[0].id, record.marks[-1].id) == (0, 10 * MOST_MARKS - 1)
    ids = [mark.id for mark in record.marks]
    assert ids == sorted(set(ids))


def test_an_arm_keeps_the_best_it_ever_gave_whichever_way_is_better() -> None:
    for sign, best in ((1.0, 5.0), (-1.0, 1.0)):
        arm = Record().arm("cma", "", "")
        for values in ((3.0, 1.0), (), (5.0, 2.0)):
            arm.take_best([Elite(0, b"", value, 0) for value in values], sign)
        assert arm.best == best


def test_an_arm_is_a_proposer_with_its_model_and_effort() -> None:
    record = Record()
    lines = [record.arm("rewrite", model, effort) for model in ("a", "b") for effort in ("", "high")]
    assert len({id(line) for line in lines}) == 4 == len(record.arms)
    assert record.arm("rewrite", "b", "high") is lines[-1]
