"""Counting calls that go round, and questions of one agent."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from firm.kernel.pace import REST_US, Pace
from firm.kernel.value import encode_input
from firm.policy.flood import HOUR_US, Flood
from firm.policy.loop import BEFORE, MAX_KEYS, Loops

KEY = ("look", b"1")


def test_the_same_call_with_the_same_result_counts_up_and_another_result_begins_anew() -> None:
    loops = Loops()
    for count in (1, 2, 3):
        loops.ended(KEY, loops.ends, b"x")
        assert (loops.count(KEY), loops.top) == (count, count)
    loops.ended(KEY, loops.ends, b"y")
    assert (loops.count(KEY), loops.top) == (1, 1)


def test_calls_in_between_do_not_hide_a_loop() -> None:
    loops = Loops()
    for _ in range(5):
        loops.ended(KEY, loops.ends, b"x")
        loops.ended(("write", b"2"), loops.ends, b"y")
    assert loops.count(KEY) == 5


def test_what_ran_beside_counts_once() -> None:
    loops = Loops()
    for _ in range(3):
        began = loops.ends
        for _ in range(10):
            loops.ended(KEY, began, b"x")
    assert loops.count(KEY) == 3


class FakeRun:
    """A run at some time, that slept last at another."""

    class Clock:
        now_us = REST_US

    def __init__(self) -> None:
        self.loop = self.Clock()
        self.pace: Pace | None = None

    def pass_us(self, wait_us: int, *, slept: bool) -> None:
        self.loop.now_us += wait_us
        if slept:
            self.pace = Pace(last_us=self.loop.now_us)


def looked(wait_us: int, *, slept: bool) -> int:
    run: Any = FakeRun()
    loops = Loops(run)
    for _ in range(50):
        loops.ended(KEY, loops.ends, b"x")
        run.pass_us(wait_us, slept=slept)
    return loops.count(KEY)


def test_a_call_before_which_the_run_has_slept_is_no_loop_and_a_slow_one_is() -> None:
    assert looked(60_000_000, slept=True) == 1
    assert looked(60_000_000, slept=False) == 50


def test_a_call_that_is_made_once_an_hour_or_more_seldom_is_never_a_loop() -> None:
    assert looked(REST_US, slept=False) == 1
    assert looked(REST_US - 1, slept=False) == 50


def test_after_the_founders_word_it_is_counted_anew() -> None:
    loops = Loops()
    for _ in range(3):
        loops.ended(KEY, loops.ends, b"x")
    loops.forgive(KEY)
    assert (loops.count(KEY), loops.top) == (0, 0)
    loops.ended(KEY, loops.ends, b"x")
    assert loops.count(KEY) == 1


@given(some.lists(some.tuples(some.integers(0, 30), some.booleans()), max_size=200))
def test_the_top_is_the_highest_count_and_the_memory_is_bounded(calls: list[tuple[int, bool]]) -> None:
    loops = Loops()
    for number, same in calls:
        loops.ended(("tool", b"%d" % number), loops.ends, b"same" if same else b"%d" % loops.ends)
        assert loops.top == max(seen.count for seen in loops.seen.values())
        assert len(loops.seen) <= MAX_KEYS


def test_the_last_calls_are_shown_short() -> None:
    loops = Loops()
    for number in range(40):
        args = ("x" * 500, number)
        loops.note("mail", encode_input(args, {}), args)
    shown = loops.shown()
    assert len(shown) == BEFORE and all(len(line) <= 300 for line in shown)
    assert shown[-1].endswith("…', 39)") and shown[0].endswith("…', 32)")


def test_an_agent_may_ask_so_often_in_an_hour_and_another_is_not_concerned() -> None:
    flood = Flood()
    for at_us in range(3):
        assert flood.may_ask("scout", at_us, 3)
        flood.note("scout", at_us)
    assert not flood.may_ask("scout", 3, 3) and flood.may_ask("other", 3, 3)
    assert flood.may_ask("scout", HOUR_US, 3)
    assert not flood.may_ask("other", 0, 0)
