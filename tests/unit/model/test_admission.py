"""Who is next."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model.traffic import play

from firm.model.admission import BACKGROUND_TURN, Queue


def line(urgent: int, background: int) -> list[str]:
    """Names of so many that wait, in the order in which they are served."""

    async def scene() -> list[str]:
        queue, names = Queue[int](), {}
        for number in range(background):
            names[join(queue, urgent=False)] = f"b{number}"
        for number in range(urgent):
            names[join(queue, urgent=True)] = f"u{number}"
        assert (len(queue), queue.urgent) == (urgent + background, urgent)
        served = []
        while queue:
            first, _ = queue.first()
            assert queue.serve() is first
            served.append(names[first])
        return served

    return play(scene())


def join(queue: Queue[int], *, urgent: bool = False, again: bool = False) -> asyncio.Future[int | None]:
    """One more that waits."""
    waiter: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    queue.join(waiter, "", urgent=urgent, again=again)
    return waiter


def test_a_person_goes_first_and_every_eighth_place_is_for_the_background() -> None:
    assert line(9, 2) == [f"u{number}" for number in range(7)] + ["b0", "u7", "u8", "b1"]
    assert line(0, 3) == ["b0", "b1", "b2"]


@given(st.integers(0, 60), st.integers(0, 60))
def test_each_line_keeps_its_order_and_nobody_is_starved(urgent: int, background: int) -> None:
    served = line(urgent, background)
    assert [name for name in served if name[0] == "u"] == [f"u{number}" for number in range(urgent)]
    assert [name for name in served if name[0] == "b"] == [f"b{number}" for number in range(background)]
    for number in range(min(background, urgent // BACKGROUND_TURN)):
        assert served.index(f"b{number}") <= (number + 1) * BACKGROUND_TURN


def test_who_was_sent_back_goes_to_the_front_of_its_line() -> None:
    async def scene() -> None:
        queue = Queue[int]()
        join(queue)
        back = join(queue, again=True)
        person = join(queue, urgent=True)
        assert [queue.serve(), queue.serve()] == [person, back]

    play(scene())


def test_who_leaves_is_gone_and_may_leave_twice() -> None:
    async def scene() -> None:
        queue = Queue[int]()
        first, second, third = join(queue), join(queue, urgent=True), join(queue)
        for waiter in (first, second, second):
            queue.leave(waiter)
        assert len(queue) == 1
        assert queue.serve() is third
        assert not queue

    play(scene())
