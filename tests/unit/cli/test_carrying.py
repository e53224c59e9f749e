"""What is typed for a mission of the organization: its words, and what it may take."""

from pathlib import Path

import pytest

from firm import Firm
from firm.cli.carrying import is_mission, mission_of
from firm.errors import UsageError
from firm.org.founding import found


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    found(tmp_path / "desk", "", "law-desk")
    return Firm.open(tmp_path / "desk")


def test_a_mission_of_a_book_s_length_is_a_mission_and_no_name_of_a_file() -> None:
    assert is_mission("Review contracts/example-services.md against the checklist. " * 500)
    assert not is_mission("dinner.py:dinner")


@pytest.mark.parametrize("budget", ["-5", "nan", "inf", "abc"])
def test_a_sum_that_cannot_be_is_refused_before_anything_is_started(firm: Firm, budget: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        mission_of("review it", firm, {"budget": budget})


def test_a_sum_that_is_typed_is_what_the_mission_may_take(firm: Firm) -> None:
    assert mission_of("review it", firm, {"budget": "0.25"}).usd == 0.25
    assert mission_of("review it", firm, {}).usd == 3.0


def test_a_mission_that_is_too_long_is_refused_before_anything_is_started(firm: Firm) -> None:
    with pytest.raises(UsageError, match="put the rest into a file"):
        mission_of("review it " * 3_000, firm, {})
