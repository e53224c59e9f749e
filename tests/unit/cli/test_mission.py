"""What is typed for a mission: its options, its budget, its end."""

from pathlib import Path

import pytest

from firm import Budget
from firm.agent.repository.order import RepositoryReport, Tally
from firm.cli.mission import DEFAULT, budget_of, check_alone, code_of, is_report, order_of
from firm.cli.target import find_target
from firm.errors import UsageError

GIVEN = {"tests": None, "rounds": None, "isolation": None, "readable": None}


@pytest.mark.parametrize(
    ("usd", "turns", "otherwise", "budget"),
    [
        (None, None, None, None),
        (None, None, DEFAULT, Budget(usd=2.5, calls=150)),
        ("0.75", None, DEFAULT, Budget(usd=0.75, calls=150)),
        ("1", 10, None, Budget(usd=1.0, calls=10)),
    ],
)
def test_a_budget_is_what_was_typed_and_otherwise_the_usual(
    usd: str | None, turns: int | None, otherwise: tuple[float, int] | None, budget: Budget | None
) -> None:
    assert budget_of(usd, turns, otherwise) == budget


@pytest.mark.parametrize("usd", ["much", "-1", "nan"])
def test_a_budget_that_is_no_sum_is_refused(usd: str) -> None:
    with pytest.raises(UsageError):
        budget_of(usd, None, None)


@pytest.mark.parametrize(
    "given", [{"tests": "make test"}, {"rounds": 2}, {"isolation": "limits"}, {"readable": [Path("/opt")]}]
)
def test_options_of_a_mission_need_a_repository(given: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="--repo"):
        check_alone({**GIVEN, **given}, "a repository")
    check_alone(GIVEN, "a repository")


def test_a_mission_without_a_repository_is_told_what_it_needs() -> None:
    with pytest.raises(UsageError, match="--repo DIR"):
        find_target("make these tests pass")


def test_a_folder_without_a_repository_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository"):
        order_of("mend it", tmp_path, GIVEN)


def test_the_exit_code_says_whether_it_was_reached() -> None:
    tally = Tally(True, "1 passed", 1, 1)
    report = RepositoryReport("m", True, "how", "/r", "c", "x", "bubblewrap", tally, tally)
    assert is_report(report) and not is_report({"reached": True})
    assert code_of(report) == 0
    missed = RepositoryReport("m", False, "how", "/r", "c", "x", "bubblewrap", tally, tally)
    assert code_of(missed) == 1
