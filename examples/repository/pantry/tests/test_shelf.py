from datetime import date

from pantry.shelf import soon, spoiled

TODAY = date(2026, 3, 1)
SHELF = {
    "milk": date(2026, 3, 4),
    "bread": date(2026, 3, 2),
    "rice": date(2027, 1, 1),
    "fish": date(2026, 2, 27),
}


def test_what_is_good_for_long_is_not_urgent():
    assert "rice" not in soon(SHELF, TODAY, 3)


def test_the_last_day_counts():
    assert soon(SHELF, TODAY, 3) == ["bread", "milk"]


def test_what_is_over_is_spoiled_and_no_longer_urgent():
    assert spoiled(SHELF, TODAY) == ["fish"]
    assert "fish" not in soon(SHELF, TODAY, 3)
