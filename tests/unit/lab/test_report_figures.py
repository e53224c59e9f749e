"""Numbers, charts and differences as a person reads them."""

import pytest

from firm.lab.report.chart import decades, steps, ticks
from firm.lab.report.difference import difference, flat
from firm.lab.report.figures import better_by, digits_for, level, number, percent, seconds
from firm.lab.report.story import Goal
from firm.lab.report.words import words

EN = words("en")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.63598308, "2.63598"), (1234567.0, "1,234,567"), (0.0, "0"), (-0.5, "−0.5"), (1.25e-5, "1.25e−5"),
        (1e300, "1e300"), (None, "–"), (float("nan"), "–"), (float("inf"), "–"),
        (99999.96, "100,000"), (1500.5, "1,500.5"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.113, "11.3 %"), (-0.54, "54 %"), (0.00115, "0.115 %"), (4e-6, "0.0004 %"), (0, "0 %"), (12.0, "1,200 %"),
     (1e-12, "less than 0.0000001 %")],
)  # fmt: skip
def test_percent(share: float, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, "0 s"), (0.0032, "3.2 ms"), (5e-6, "5 µs"), (28.04, "28 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min"),
     (1e6, "11 d 14 h"), (3599.9, "60 min")],
)  # fmt: skip
def test_seconds(amount: float, said: str) -> None:
    assert seconds(amount) == said


def test_digits_tell_neighbours_apart() -> None:
    assert digits_for([2.6359830849, 2.6359830812]) == 10
    assert digits_for([1.0, 2.0, None]) == 6


def test_better_follows_the_direction_and_zero_has_no_share() -> None:
    assert better_by(110, 100, Goal("x")) == pytest.approx(0.1)
    assert better_by(110, -100, Goal("x", "min")) == pytest.approx(-2.1)
    assert better_by(1, 0, Goal("x")) is None


def test_level_goes_by_the_digits_that_are_printed() -> None:
    assert level(2.63598308491753, 2.6359830849)
    assert not level(2.6359830, 2.6359830849)
    assert level(930.0, 930) and not level(930.2, 930)


def test_steps_keep_their_height_until_the_next_point() -> None:
    assert steps([(1, 5), (3, 6)], 10) == [(1, 5), (3, 5), (3, 6), (10, 6)]
    assert steps([], 10) == []


def test_ticks_are_round_and_few() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert decades(0.05, 120) == [0.1, 1.0, 10.0, 100.0]
    assert decades(1, 50) == [1, 2, 5, 10, 20, 50]
    assert 2 <= len(decades(1e-6, 1e12)) <= 10


def test_a_difference_of_programs_is_one_of_lines() -> None:
    said = difference("a = 1\nb = 2\n", "a = 1\nb = 3\n", (), EN)
    assert said is not None
    assert '<span class="minus">-b = 2\n</span><span class="plus">+b = 3\n</span>' in said
    long = difference("", "\n".join(f"line {count}" for count in range(200)), (), EN)
    assert long is not None and "… and 141 more lines" in long


def test_a_difference_of_vectors_names_the_numbers_that_changed() -> None:
    said = difference([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.5], [3.0, 4.0]], ("a", "b", "c", "d"), EN)
    assert said is not None
    assert "1 of 4 numbers changed:" in said and "b <b>2 → 2.5</b>" in said
    many = difference([0.0] * 50, list(range(50)), (), EN)
    assert many is not None and many.count("<li>") == 12 and "these the most" in many


def test_what_cannot_be_compared_is_not() -> None:
    assert difference([1.0], [1.0, 2.0], (), EN) is None
    assert difference("a", [1.0], (), EN) is None
    assert difference(None, "a", (), EN) is None
    assert flat([True]) is None and flat({"a": 1}) is None
