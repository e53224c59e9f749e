"""Reservations: who goes through, who waits, who is refused; and what stands in the books afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.ledger.desk import DAY, Desk, at_desk, turn

from firm.errors import BudgetExceeded, InternalError, JournalError, UsageError
from firm.kernel.context import StepInfo, current
from firm.ledger import Ledger, Reservation, Tags, books_of
from firm.ledger.forward import FORWARD_BOOK
from firm.ledger.pocket import MAX_PASSED
from firm.units import Amount, Limit, Purse

CALL = Amount(40, calls=1)
HUNDRED = Limit("usd_micro", 100, "day")


def told(**more: int) -> Callable[[Callable[[Desk], Awaitable[None]]], Callable[[], None]]:
    def tell(story: Callable[[Desk], Awaitable[None]]) -> Callable[[], None]:
        return lambda: at_desk(story, **more)

    return tell


def begin(ledger: Ledger, usd_micro: int, *purses: Purse, **tags: str) -> asyncio.Task[Reservation]:
    return asyncio.ensure_future(ledger.reserve(Amount(usd_micro, calls=1), purses, Tags(**tags)))  # type: ignore[arg-type]


def stands(ledger: Ledger, purse: str = "firm") -> tuple[int, int, int]:
    [view] = ledger.view(purse)
    return view.limits[0].spent, view.limits[0].reserved, view.limits[0].waiting


@told()
async def test_call_waits_while_reserved_money_may_come_back(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    first, second = await ledger.reserve(CALL), await ledger.reserve(CALL)
    third = begin(ledger, 40)
    await turn()
    assert (third.done(), stands(ledger)) == (False, (0, 80, 1))
    first.settle(Amount(10, calls=1))
    await third
    second.void()
    assert stands(ledger) == (10, 40, 0)


@told()
async def test_refusal_says_every_number_and_what_to_change(desk: Desk) -> None:
    ledger = await desk.open(Limit("usd_micro", 100_000, "day"))
    (await ledger.reserve(Amount(40_000))).settle(Amount(40_000))
    await ledger.reserve(Amount(10_000))
    with pytest.raises(BudgetExceeded) as caught:
        await ledger.reserve(Amount(60_001))
    text = str(caught.value)
    parts = (
        "'firm'",
        "0.10 USD",
        "0.04 USD spent",
        "0.01 USD reserved",
        "0.060001 USD",
        "firm.toml",
        "wait until",
    )
    assert [part for part in parts if part not in text] == []


@told()
async def test_limit_of_nothing_allows_nothing(desk: Desk) -> None:
    ledger = await desk.open(Limit("usd_micro", 0, "day"))
    with pytest.raises(BudgetExceeded):
        await ledger.reserve(Amount(1))
    (await ledger.reserve(Amount(0, input=5))).settle(Amount(0, input=5))


@told()
async def test_what_no_limit_concerns_is_written_only_when_it_is_settled(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    held = await ledger.reserve(Amount(0, output=9, calls=1), (), Tags(name="own", agent="a"))
    await turn()
    assert (held.number, desk.lines()) == (0, [])
    held.settle(Amount(0, output=7, calls=1))
    await turn()
    books = await books_of(desk)
    assert books.balances["used/own"] == Amount(0, output=7, calls=1)
    assert books.spent("agent/a", "day", desk.wall_us)["tokens"] == 7


@told()
async def test_reservations_of_one_turn_are_one_row(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    held = await asyncio.gather(*(ledger.reserve(Amount(1)) for _ in range(50)))
    assert sorted(one.number for one in held) == list(range(1, 51))
    assert [len(rows) for rows in desk.commits] == [1]


@pytest.mark.parametrize("act", ["settle", "void", "lose"])
def test_second_end_of_a_reservation_is_a_bug_of_ours(act: str) -> None:
    async def story(desk: Desk) -> None:
        ledger = await desk.open(HUNDRED)
        held = await ledger.reserve(CALL)
        held.settle(CALL)
        with pytest.raises(InternalError, match="settled"):
            getattr(held, act)(*{"settle": [CALL], "void": [], "lose": ["why"]}[act])

    at_desk(story)


@told(by_hand=True)
async def test_cancelled_while_its_commit_is_under_way_leaves_nothing_held(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    call = begin(ledger, 40)
    await turn()
    assert desk.queue
    call.cancel()
    await turn()
    desk.flush()
    assert stands(ledger) == (0, 0, 0)
    assert (await books_of(desk)).open == {}


@told(by_hand=True)
async def test_cancelled_in_the_turn_in_which_it_landed_leaves_nothing_held(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    call = begin(ledger, 40)
    await turn()
    desk.flush()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await turn()
    desk.flush()
    assert stands(ledger) == (0, 0, 0)
    assert (await books_of(desk)).open == {}


@told()
async def test_cancelled_in_line_lets_the_next_one_through(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    await ledger.reserve(Amount(60))
    big = begin(ledger, 50)
    await turn()
    for _ in range(MAX_PASSED):
        (await ledger.reserve(Amount(1))).void()
    late = begin(ledger, 1)
    await turn()
    assert (big.done(), late.done()) == (False, False), "it was passed over often enough"
    big.cancel()
    assert (await late).most == Amount(1, calls=1)


@pytest.mark.parametrize("land", [True, False])
def test_reservation_whose_commit_raises_holds_nothing_whether_it_landed_or_not(land: bool) -> None:
    async def story(desk: Desk) -> None:
        ledger = await desk.open(HUNDRED)
        call = begin(ledger, 40)
        await turn()
        desk.flush(land=land, raises=True)
        with pytest.raises(JournalError):
            await call
        await turn()
        desk.flush()
        assert stands(ledger) == (0, 0, 0)
        assert (await books_of(desk)).open == {}

    at_desk(story, by_hand=True)


@told()
async def test_settlement_counts_in_the_period_of_its_reservation(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    held = await ledger.reserve(Amount(90))
    desk.wall_us += DAY * 1_000_000
    desk.boot_us += DAY * 1_000_000
    other = await ledger.reserve(Amount(90))
    held.settle(Amount(80))
    assert stands(ledger) == (0, 90, 0)
    other.settle(Amount(70))
    await turn()
    assert {
        day: sum(one.used.usd_micro for one in sums.values())
        for day, sums in (await books_of(desk)).days.items()
    } == {
        "2024-10-04": 80,
        "2024-10-05": 70,
    }


@told()
async def test_wall_clock_that_jumps_ahead_gives_no_new_day(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    (await ledger.reserve(Amount(90))).settle(Amount(90))
    desk.wall_us += 3 * DAY * 1_000_000
    with pytest.raises(BudgetExceeded):
        await ledger.reserve(Amount(90))
    desk.wall_us -= 10 * DAY * 1_000_000
    with pytest.raises(BudgetExceeded):
        await ledger.reserve(Amount(90))


@told()
async def test_clock_behind_the_last_line_counts_on_from_there(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    (await ledger.reserve(Amount(90))).settle(Amount(90))
    await ledger.close()
    desk.wall_us -= 40 * DAY * 1_000_000
    again = await desk.open(HUNDRED)
    assert stands(again) == (90, 0, 0)
    desk.boot_us += DAY * 1_000_000
    desk.wall_us += DAY * 1_000_000
    assert stands(again) == (0, 0, 0), "a day is a day by whatever name"


@told()
async def test_limits_that_change_between_opens_know_what_was_spent(desk: Desk) -> None:
    ledger = await desk.open()
    tags = Tags(agent="a", run="r", name="big")
    (await ledger.reserve(Amount(30), (Purse("run/r"),), tags)).settle(Amount(30))
    await ledger.close()
    purse = Purse("agent/a", (Limit("usd_micro", 50, "day"), Limit("calls", 9)))
    again = await desk.open(purses={"agent/a": purse})
    with pytest.raises(BudgetExceeded, match="agent/a"):
        await again.reserve(Amount(21), (), tags)
    with pytest.raises(BudgetExceeded, match="run/r"):
        await again.reserve(Amount(1), (Purse("run/r", (Limit("usd_micro", 30),)),), tags)
    await again.reserve(Amount(20), (), tags)


@told()
async def test_limit_that_comes_while_calls_are_under_way_counts_them(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    (await ledger.reserve(Amount(10), (Purse("run/r"),))).settle(Amount(10))
    held = await ledger.reserve(Amount(20), (Purse("run/r"),))
    limited = Purse("run/r", (Limit("usd_micro", 40, "hour"),))
    await ledger.reserve(Amount(5), (limited,))
    assert stands(ledger, "run/r") == (10, 25, 0)
    held.settle(Amount(1))
    assert stands(ledger, "run/r") == (11, 5, 0)


@told()
async def test_purse_that_stands_twice_counts_once_with_the_limits_of_both(desk: Desk) -> None:
    ledger = await desk.open(purses={"agent/a": Purse("agent/a", (HUNDRED,))})
    twice = (Purse("run/r", (Limit("usd_micro", 50),)), Purse("run/r", (Limit("usd_micro", 30),)))
    own = Purse("agent/a", (HUNDRED,))
    await ledger.reserve(Amount(20), (*twice, own), Tags(agent="a"))
    assert (stands(ledger, "run/r"), stands(ledger, "agent/a")) == ((0, 20, 0), (0, 20, 0))
    with pytest.raises(BudgetExceeded):
        await ledger.reserve(Amount(31), twice)


@told()
async def test_raised_budget_of_a_run_lets_those_through_who_wait_for_it(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    small, large = (Purse("run/r", (Limit("usd_micro", most),)) for most in (30, 60))
    await ledger.reserve(Amount(20), (small,))
    waits = begin(ledger, 20, small)
    await turn()
    assert not waits.done()
    await ledger.reserve(Amount(1), (large,))
    await waits


@told()
async def test_waiting_call_is_refused_once_the_money_is_really_gone(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    held = await ledger.reserve(Amount(80))
    waits = begin(ledger, 50)
    await turn()
    held.settle(Amount(80))
    with pytest.raises(BudgetExceeded):
        await waits


@told()
async def test_settlement_above_the_reservation_is_booked_and_said(
    desk: Desk,
) -> None:
    ledger = await desk.open(HUNDRED)
    (await ledger.reserve(Amount(80), (), Tags(name="big"))).settle(Amount(130))
    await turn()
    assert stands(ledger) == (130, 0, 0)
    [sums] = (await books_of(desk)).days.values()
    assert [one.overruns for one in sums.values()] == [1]
    with pytest.raises(BudgetExceeded):
        await ledger.reserve(Amount(1))


@pytest.mark.parametrize(("rule", "spent"), [("spent", 40), ("free", 0)])
def test_lost_call_stays_reserved_until_the_rule_writes_it_off(rule: str, spent: int) -> None:
    desk = Desk()
    ledger = desk.run(desk.open(HUNDRED, lost=rule, lost_after_s=100))
    desk.run(ledger.reserve(CALL)).lose("timeout")
    desk.advance(99)
    assert stands(ledger) == (0, 40, 0)
    desk.advance(2)
    assert stands(ledger) == (spent, 0, 0)
    books = desk.run(books_of(desk))
    assert books.balances.get("written-off/unknown", Amount()).usd_micro == spent
    assert books.balances["lost"] == books.balances["reserved"] == Amount()
    desk.run(ledger.close())
    desk.close()


@told()
async def test_reservation_of_a_process_that_died_is_lost_and_can_be_taken_up(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    number = (await ledger.reserve(CALL)).number
    again = await desk.open(HUNDRED)
    [limit] = again.view("firm")[0].limits
    assert (limit.reserved, limit.lost) == (40, 40)
    found = again.reopen(number)
    assert found is not None
    found.settle(Amount(7))
    assert again.reopen(number) is None
    await turn()
    assert stands(again) == (7, 0, 0)
    books = await books_of(desk)
    assert (books.open, books.balances["lost"], books.balances["reserved"]) == ({}, Amount(), Amount())


@told()
async def test_settlement_in_a_step_goes_with_its_outcome_but_never_after_who_uses_the_money(
    desk: Desk,
) -> None:
    ledger = await desk.open(HUNDRED)
    held = await ledger.reserve(Amount(90))
    step = StepInfo(object(), 1, "work", 1)  # type: ignore[arg-type]
    before = current.set(step)
    held.settle(Amount(10))
    current.reset(before)
    await turn()
    assert (len(step.regardless), len(desk.lines())) == (1, 1)
    await ledger.reserve(Amount(90))
    assert [line.kind for line in desk.lines()] == [1, 2, 1]
    desk.put(*step.regardless)
    assert len(desk.lines()) == 3, "the same row"


@told()
async def test_breaker_closes_a_purse_until_the_founder_clears_it(desk: Desk) -> None:
    said: list[tuple[str, str]] = []
    setting = {"usd_per_minute": {"agent/": 0.0001}, "on_trip": lambda *told: said.append(told)}
    ledger = await desk.open(Limit("usd_micro", 10_000, "day"), **setting)
    for _ in range(2):
        (await ledger.reserve(Amount(60), (), Tags(agent="a"))).settle(Amount(60))
    waits = begin(ledger, 10, agent="a")
    await begin(ledger, 10, agent="b")
    assert not waits.done()
    assert [purse for purse, _ in said] == ["agent/a"]
    again = await desk.open(Limit("usd_micro", 10_000, "day"), **setting)
    still = begin(again, 10, agent="a")
    await turn()
    assert (still.done(), len(said)) == (False, 1)
    assert ledger.clear("agent/a", go_on=True) and not ledger.clear("agent/a", go_on=True)
    await waits
    assert again.clear("agent/a", go_on=False)
    with pytest.raises(BudgetExceeded, match="stopped"):
        await still
    with pytest.raises(BudgetExceeded, match="stopped"):
        await again.reserve(Amount(1), (), Tags(agent="a"))


@told()
async def test_spending_slower_than_the_breaker_allows_never_trips_it(desk: Desk) -> None:
    ledger = await desk.open(Limit("usd_micro", 10_000, "day"), usd_per_minute={"firm": 0.0001})
    for _ in range(5):
        (await ledger.reserve(Amount(90))).settle(Amount(90))
        desk.wall_us += 61_000_000
        desk.boot_us += 61_000_000
    assert ledger.view("firm")[0].closed == ""


@told()
async def test_waiting_only_for_lost_money_is_said_once(desk: Desk) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("firm").addHandler(handler)
    ledger = await desk.open(HUNDRED)
    (await ledger.reserve(Amount(80))).lose("timeout")
    waits = [begin(ledger, 40) for _ in range(3)]
    await turn()
    logging.getLogger("firm").removeHandler(handler)
    assert len([line for line in lines if "lost calls hold" in line]) == 1
    for call in waits:
        call.cancel()


@told()
async def test_closed_ledger_sends_away_who_waits_and_who_comes(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    await ledger.reserve(Amount(80))
    waits = begin(ledger, 40)
    await turn()
    await ledger.close()
    with pytest.raises(UsageError, match="closed"):
        await waits
    with pytest.raises(UsageError, match="closed"):
        await ledger.reserve(Amount(1))


@told()
async def test_books_that_were_brought_forward_wait_for_lines_that_are_still_missing(desk: Desk) -> None:
    ledger = await desk.open(HUNDRED)
    held = await ledger.reserve(Amount(30))
    step = StepInfo(object(), 1, "work", 1)  # type: ignore[arg-type]
    before = current.set(step)
    held.settle(Amount(10))
    current.reset(before)
    (await ledger.reserve(Amount(0, 1))).settle(Amount(0, 1))
    ledger.bill("anna", 5, "work")
    await turn()
    await ledger.bring_forward(desk)
    desk.put(*step.regardless)
    assert (await books_of(desk)).spent("firm", "day", desk.wall_us)["usd_micro"] == 10
    assert await ledger.bring_forward(desk) > 0
    assert await ledger.bring_forward(desk) == 0
    whole = await books_of(desk)
    desk.disk = {key: row for key, row in desk.disk.items() if key[0] != FORWARD_BOOK}
    assert (await books_of(desk)).days == whole.days
    assert whole.balances["customer/anna"].usd_micro == 5


@pytest.mark.parametrize("amount", [Amount(-1), Amount(0, -1, output=2), Amount(10**16)])
def test_absurd_amount_is_refused(amount: Amount) -> None:
    async def story(desk: Desk) -> None:
        ledger = await desk.open(HUNDRED)
        with pytest.raises(UsageError, match="whole number"):
            await ledger.reserve(amount)
        held = await ledger.reserve(CALL)
        with pytest.raises(UsageError, match="whole number"):
            held.settle(amount)
        held.void()

    at_desk(story)


@told()
async def test_purse_under_another_id_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="agent/b"):
        await desk.open(purses={"agent/a": Purse("agent/b")})
    with pytest.raises(UsageError, match="limit"):
        await desk.open(Limit("usd_micro", -1))
