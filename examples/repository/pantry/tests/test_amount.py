import pytest
from pantry.amount import parse, show


def test_whole_numbers_are_read():
    assert parse("3 oz") == 84
    assert parse("250 g") == 250


def test_parts_of_a_unit_are_read():
    assert parse("2.5 kg") == 2500
    assert parse("0.5 lb") == 227


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError):
        parse("2 handfuls")


def test_amounts_are_shown_in_the_unit_that_fits():
    assert show(999) == "999 g"
    assert show(1500) == "1.5 kg"
