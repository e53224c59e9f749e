"""A forecast tells what the data carry, and no more."""

import msgspec
import numpy as np
import pytest
from tests.unit.lab.stories import found, marks, nothing

from firm.lab.report.forecast import FAR, forecast, wilson
from firm.lab.report.story import Mark, Story


@pytest.mark.parametrize(
    ("reached", "of", "low", "high"), [(7, 10, 0.3968, 0.8922), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_intervals_are_those_of_the_tables(reached: int, of: int, low: float, high: float) -> None:
    assert wilson(reached, of) == pytest.approx((low, high), abs=1e-4)


def by_chance(seed: int, until: int) -> tuple[Story, float | None]:
    """A search by pure chance, and what the next 0.1 % really cost beyond what was spent."""
    draws = 10 + np.random.Generator(np.random.Philox(key=seed)).normal(0, 0.3, until * 30)
    best = np.maximum.accumulate(draws)
    places = [place for place in range(until) if place == 0 or best[place] > best[place - 1]]
    told = tuple(Mark((place + 1) / 100, place + 1, float(best[place])) for place in places)
    story = found(progress=told, bound=None)
    assert story.champion is not None
    champion = msgspec.structs.replace(story.champion, value=told[-1].value)
    spent = msgspec.structs.replace(story.spent, cpu_s=until / 100)
    later = np.nonzero(best >= told[-1].value * 1.001)[0]
    real = (int(later[0]) + 1 - until) / 100 if len(later) else None
    return msgspec.structs.replace(story, champion=champion, spent=spent), real


def test_intervals_of_searches_by_chance_mostly_hold_what_came() -> None:
    held = told = 0
    for seed in range(24):
        story, real = by_chance(seed, 1000)
        said = forecast(story)
        assert said is not None
        if said.cost_s is None or said.low_s is None:
            continue
        told += 1
        held += real is not None and said.low_s <= real <= (said.high_s or float("inf"))
    assert told >= 10
    assert held >= 0.6 * told


def test_the_same_story_gives_the_same_forecast() -> None:
    assert forecast(found()) == forecast(found())


def test_nothing_is_told_where_data_are_thin() -> None:
    assert forecast(nothing()) is None
    few = forecast(found(progress=marks(185.2134, 4)))
    assert few is not None and few.cost_s is None and few.why.startswith("only {count}") and few.count == 4
    bounded = forecast(found(bound=185.22))
    assert bounded is not None and bounded.why == "the proven bound leaves less than that"


def test_a_curve_that_has_been_flat_for_long_promises_nothing_soon() -> None:
    story = found(
        progress=tuple(msgspec.structs.replace(mark, cpu_s=mark.cpu_s / 2000) for mark in marks(185.2134))
    )
    said = forecast(story)
    assert said is not None
    assert said.cost_s is None or said.cost_s > 0.2 * story.spent.cpu_s
    assert said.cost_s is None or said.cost_s <= FAR * story.spent.cpu_s
