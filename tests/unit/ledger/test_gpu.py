"""Time of the founder's own GPUs: shared by calls that run at once, and never more than there was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.ledger.gpu import GpuPrice, Pool, most_ms, work_of

MS = 1_000_000


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


spans = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 1e5)), min_size=1, max_size=30
)


def play(calls: list[tuple[int, int, float]], places: int = 1) -> list[tuple[int, int]]:
    """(part, own duration) of each call, from (begin, duration, work), in milliseconds."""
    clock = Clock()
    pool = Pool(places, clock)
    moments = sorted(
        [(begin, 0, number) for number, (begin, _, _) in enumerate(calls)]
        + [(begin + took, 1, number) for number, (begin, took, _) in enumerate(calls)]
    )
    began: dict[int, int] = {}
    parts: dict[int, int] = {}
    for moment, ends, number in moments:
        clock.now_ns = moment * MS
        if ends:
            parts[number] = pool.leave(began[number], calls[number][2])
        else:
            began[number] = pool.enter()
    return [(parts[number], took) for number, (_, took, _) in enumerate(calls)]


def busy_ms(calls: list[tuple[int, int, float]]) -> int:
    """Milliseconds in which at least one call ran."""
    return len({moment for begin, took, _ in calls for moment in range(begin, begin + took)})


@given(spans, st.integers(1, 8))
def test_parts_add_up_to_the_busy_time_and_none_is_longer_than_its_call(
    calls: list[tuple[int, int, float]], places: int
) -> None:
    parts = play(calls, places)
    assert sum(part for part, _ in parts) == busy_ms(calls) * places
    for part, took in parts:
        assert 0 <= part <= took * places + 1  # parts are rounded together, not each for itself


def test_a_call_alone_is_given_all_of_its_time() -> None:
    assert play([(0, 100, 5.0), (200, 50, 0.0)]) == [(100, 100), (50, 50)]


def test_calls_that_begin_and_end_together_share_by_their_work() -> None:
    before = [(1000 * number, 1000, 200.0) for number in range(20)]  # what a call does here on average
    parts = [part for part, _ in play([*before, (20_000, 1000, 300.0), (20_000, 1000, 100.0)])]
    assert parts[:20] == [1000] * 20
    assert parts[20] == pytest.approx(600, abs=10)
    assert sum(parts[20:]) == 1000


def test_sixteen_equal_calls_at_once_have_a_sixteenth_each() -> None:
    parts = [part for part, _ in play([(0, 1600, 10.0)] * 16)]
    assert sum(parts) == 1600
    assert max(parts) - min(parts) <= 1


def test_one_that_failed_is_given_only_what_nobody_else_can_have_used() -> None:
    assert [part for part, _ in play([(0, 100, 0.0), (0, 100, 10.0)])] == [0, 100]
    assert [part for part, _ in play([(0, 100, 0.0), (90, 20, 10.0)])] == [90, 20]


def test_work_of_reading_is_less_than_that_of_writing() -> None:
    assert work_of(3200, 0) == work_of(0, 100) == 100


@pytest.mark.parametrize(("deadline_s", "places", "expected"), [(600, 4, 2_400_000), (0.0001, 1, 1)])
def test_the_longest_time_is_that_of_the_deadline(deadline_s: float, places: int, expected: int) -> None:
    assert most_ms(deadline_s, places) == expected


@given(st.floats(0, 1e6), st.integers(1, 64), st.floats(0.001, 1e4), st.floats(0, 1))
def test_gpu_time_never_costs_more_than_its_maximum(
    usd_per_gpu_hour: float, gpus: int, deadline_s: float, part: float
) -> None:
    price = GpuPrice(usd_per_gpu_hour, gpus)
    most, gpu_ms = price.most(deadline_s)
    assert 0 <= price.cost(int(gpu_ms * part)) <= most


def test_gpu_time_costs_what_was_said() -> None:
    assert GpuPrice(2.5, 4).most(3600) == (10_000_000, 4 * 3_600_000)
    assert GpuPrice(0.0).cost(10**9) == 0
    assert GpuPrice(3.6).cost(1) == 1
