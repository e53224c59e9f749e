"""A reservation whose step never came to an end is taken over by the step that is made again at its place."""

from collections.abc import Iterator

import pytest
from tests.unit.ledger.desk import Desk

from firm.ledger import Ledger
from firm.ledger.line import Tags
from firm.units import Limit, Purse
from firm.units.amount import Amount

CALL, TWICE = Amount(calls=1), (Purse("capability/c/nandos", (Limit("calls", 2),)),)
HERE, ELSEWHERE = Tags("r/1", 5), Tags("r/1", 6)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


async def after_a_crash(desk: Desk, *, used: int) -> Ledger:
    """The books of a process that died when it had made `used` calls and had just reserved for another."""
    ledger = await desk.open()
    for _ in range(used):
        (await ledger.reserve(CALL, TWICE, ELSEWHERE)).settle(CALL)
    await ledger.reserve(CALL, TWICE, HERE)
    return await desk.open()


def test_the_same_call_counts_once_though_its_gate_was_made_twice(desk: Desk) -> None:
    async def story() -> None:
        ledger = await after_a_crash(desk, used=1)
        found = ledger.reopen_at(CALL, TWICE, HERE)
        assert found is not None
        found.settle(CALL)
        assert ledger.reopen_at(CALL, TWICE, HERE) is None

    desk.run(story())


@pytest.mark.parametrize(
    "most, purses, tags",
    [
        (CALL, TWICE, ELSEWHERE),
        (CALL, TWICE, Tags("r/2", 5)),
        (Amount(calls=2), TWICE, HERE),
        (CALL, (Purse("capability/c/elsewhere", (Limit("calls", 2),)),), HERE),
    ],
)
def test_what_was_reserved_for_something_else_stays_lost(
    desk: Desk, most: Amount, purses: tuple[Purse, ...], tags: Tags
) -> None:
    async def story() -> None:
        ledger = await after_a_crash(desk, used=0)
        assert ledger.reopen_at(most, purses, tags) is None
        assert ledger.reopen_at(CALL, TWICE, HERE) is not None

    desk.run(story())


def test_it_can_be_given_back_and_then_there_is_room_again(desk: Desk) -> None:
    async def story() -> None:
        ledger = await after_a_crash(desk, used=1)
        found = ledger.reopen_at(CALL, TWICE, HERE)
        assert found is not None
        found.void()
        (await ledger.reserve(CALL, TWICE, ELSEWHERE)).settle(CALL)

    desk.run(story())
