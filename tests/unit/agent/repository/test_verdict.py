"""What the tests said is read from what they printed, and a no stays a no."""

import msgspec
import pytest

from firm.agent.repository.order import Tally
from firm.agent.repository.verdict import refusal, tally_of
from firm.sandbox import Finished, Level

PYTEST = b"""..F.E
FAILED tests/test_a.py::test_one - assert 1 == 2
ERROR tests/test_b.py::test_two - ValueError: no
1 failed, 3 passed, 2 skipped, 1 xfailed, 4 warnings, 1 error in 0.12s
"""
UNITTEST = b"""FAIL: test_x (test_a.A.test_x)
----------------------------------------------------------------------
Ran 5 tests in 0.001s

FAILED (failures=1, errors=1, skipped=1)
"""
BEFORE = Tally(False, "7 passed, 3 failed", passed=7, total=10)
AFTER = Tally(True, "10 passed", passed=10, total=10)


def finished(out: bytes = b"", err: bytes = b"", *, code: int = 0, stopped: str = "") -> Finished:
    return Finished(code, out, err, False, stopped, Level.BUBBLEWRAP, 1.234)


def test_the_summary_of_pytest_is_read() -> None:
    tally = tally_of(finished(PYTEST, code=1))
    assert (tally.ok, tally.passed, tally.total, tally.left_out) == (False, 3, 8, 3)
    assert tally.failing == ("tests/test_a.py::test_one", "tests/test_b.py::test_two")
    assert tally.words == "3 passed, 1 failed, 1 errors, 3 skipped"


def test_the_words_of_unittest_are_read() -> None:
    tally = tally_of(finished(b"", UNITTEST, code=1))
    assert (tally.ok, tally.passed, tally.total, tally.left_out) == (False, 2, 5, 1)
    assert tally.failing == ("test_x (test_a.A.test_x)",)
    assert tally_of(finished(b"", b"Ran 2 tests in 0.1s\n\nOK\n")).words == "2 passed"


def test_what_is_not_understood_counts_by_its_exit_code_alone() -> None:
    assert tally_of(finished(b"all is well\n")) == Tally(
        True, "exit code 0", took_s=1.23, isolation="bubblewrap"
    )
    assert tally_of(finished(b"", code=2)).words == "exit code 2"


def test_tests_that_were_stopped_did_not_pass() -> None:
    tally = tally_of(finished(b"10 passed in 0.1s\n", stopped="time"))
    assert not tally.ok and "took too long" in tally.words


def test_words_of_success_with_a_failure_among_them_are_no_success() -> None:
    assert not tally_of(finished(b"9 passed, 1 failed in 0.1s\n", code=0)).ok


def test_a_full_success_is_one() -> None:
    assert refusal(BEFORE, AFTER, ()) == ""


@pytest.mark.parametrize(
    ("changes", "suspects", "said"),
    [
        ({"ok": False, "words": "1 failed"}, (), "say no"),
        ({"passed": 0, "total": 0}, (), "no longer said"),
        ({"passed": 9, "total": 9}, (), "only 9"),
        ({"passed": 8, "left_out": 2}, (), "left out"),
        ({}, ("a.py:1: os._exit(0)",), "speaks to"),
    ],
)
def test_what_only_looks_like_success_is_refused(
    changes: dict[str, object], suspects: tuple[str, ...], said: str
) -> None:
    assert said in refusal(BEFORE, msgspec.structs.replace(AFTER, **changes), suspects)
