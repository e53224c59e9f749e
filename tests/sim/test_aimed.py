"""Histories aimed at one danger each, where the reference programs would seldom meet it."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
from tests.sim.mutants import LETTERS, MARKS, PAYMENTS, QUESTIONS, STOPS, aimed

from firm.testing import FAULTS, Options, Program, Report, simulate


def _many_deaths(seed: int) -> Report:
    options = Options(workers=3, faults=frozenset({"pause", "crash"}), harm_s=200.0)
    with patch.dict(FAULTS, crash=7.0, pause=9.0):
        return simulate(Program("x", PAYMENTS), seed=seed, options=options)


AIMED: dict[str, tuple[Callable[[int], Report], int, tuple[int, ...]]] = {
    "effects of workers that pause and die": (
        aimed("pause", "crash", "slow", workers=2, jobs=PAYMENTS[:2]),
        60,
        (1490,),  # a call in doubt that the workflow gave up was looked into twice, and ended twice
    ),
    "effects of workers that die one after the other": (_many_deaths, 0, (1048, 1071)),
    # each time one worker paused in the middle of an effect, and the one that asked whether it was dead died too
    "messages while runs are claimed": (aimed("slow", "commit_before", workers=1, jobs=LETTERS), 60, ()),
    "answers from two devices": (aimed("slow", workers=2, jobs=QUESTIONS), 60, ()),
    "workers that close in the middle": (
        aimed("close", "pause", "slow", workers=2, jobs=PAYMENTS),
        60,
        (12, 311),  # one that closed wrote for a run whose start was refused, and began one after it had left
    ),
    "closing, dying, reading badly": (
        aimed("close", "crash", "read_error", "slow", workers=2, jobs=PAYMENTS),
        20,
        (62, 72),  # an effect in doubt was set down without a time to wake
    ),
    "runs that are stopped": (aimed("slow", workers=1, jobs=STOPS), 30, ()),
    "runs that are stopped while machines die": (
        aimed("crash", "pause", "close", "commit_after", "slow", workers=2, jobs=STOPS),
        30,
        (),
    ),
    "runs that are stopped where little can be read": (
        aimed("read_error", "commit_before", "crash", workers=1, jobs=STOPS),
        30,
        (),
    ),
    "marks and charters where machines die": (aimed("crash", "slow", workers=2, jobs=MARKS), 30, ()),
    "recovery that cannot read": (aimed("crash", "read_error", workers=1, jobs=PAYMENTS), 60, ()),
}
"""What it is aimed at, how many seeds, and seeds that failed once."""


@pytest.mark.parametrize("aim", AIMED)
def test_aimed_histories_hold_every_invariant(aim: str) -> None:
    history, count, kept = AIMED[aim]
    for seed in (*range(count), *kept):
        report = history(seed)
        assert report.ok, report
