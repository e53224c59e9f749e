"""What is counted of a run that wakes itself, or answers another one."""

from firm.kernel.pace import REST_US, ROUNDS, Pace

MINUTE_US = 60_000_000


def wake(pace: Pace, times: int, *, every_us: int = MINUTE_US, came_to: bytes = b"nothing") -> None:
    for _ in range(times):
        pace.came_to("look", came_to)
        pace.turned(pace.last_us + every_us if pace.last_us else REST_US)


def test_waking_with_nothing_new_is_counted_from_the_first() -> None:
    pace = Pace()
    wake(pace, 1)
    first_us = pace.last_us
    wake(pace, 4)
    assert (pace.wakes, pace.since_us) == (4, first_us)


def test_a_new_result_a_message_and_an_answer_begin_the_count_anew() -> None:
    pace = Pace()
    for news in (lambda: wake(pace, 1, came_to=b"a ship"), lambda: pace.heard("founder"), pace.news):
        wake(pace, 5)
        assert pace.wakes > 0
        news()
        assert pace.wakes == 0


def test_rounds_in_turn_are_nothing_new() -> None:
    pace = Pace()
    for number in range(10 * ROUNDS):
        wake(pace, 1, came_to=b"%d" % (number % ROUNDS))
    assert pace.wakes == 9 * ROUNDS
    assert len(pace.rounds) == ROUNDS


def test_who_wakes_once_an_hour_or_more_seldom_is_never_counted() -> None:
    pace = Pace()
    wake(pace, 5_000, every_us=24 * REST_US)
    assert pace.wakes == 0
    wake(pace, 5_000, every_us=REST_US)
    assert pace.wakes == 0


def talk(pace: Pace, times: int, *, every_us: int = MINUTE_US) -> int:
    for number in range(times):
        pace.heard("b")
        pace.sent("b", number * every_us)
    return pace.exchanges["b"].count


def test_messages_that_answer_messages_are_counted_and_sending_alone_is_not() -> None:
    pace = Pace()
    for _ in range(5):
        pace.sent("b", 0)
    assert pace.exchanges["b"].count == 0
    assert talk(pace, 7) == 7
    for _ in range(5):
        pace.heard("b")
    assert pace.exchanges["b"].count == 7


def test_each_message_from_outside_allows_one_that_is_not_counted() -> None:
    pace = Pace()
    pace.sent("b", 0)
    assert talk(pace, 7) == 7
    for _ in range(3):
        pace.heard("founder")
    assert pace.exchanges["b"].count == 0
    assert talk(pace, 3) == 0
    assert talk(pace, 3) == 3


def test_a_talk_of_one_message_an_hour_may_last_for_ever() -> None:
    pace = Pace()
    pace.sent("b", 0)
    assert talk(pace, 5_000, every_us=REST_US) == 1


def test_it_goes_with_the_run_into_its_next_generation() -> None:
    pace = Pace()
    pace.sent("b", 0)
    talk(pace, 3)
    wake(pace, 3)
    assert Pace.decode(pace.encode()) == pace
