"""Servers that refuse every call: nobody waits for a repetition that nothing will pay for."""

import asyncio

import pytest
from tests.unit.model.traffic import Server, World, now_s, play, request, start

from firm.model.error import RateLimited
from firm.model.lane import FALLBACK_PAUSE_S, PAUSE_S
from firm.model.reply import Reply
from firm.model.retry import ATTEMPTS


async def outcomes(world: World, calls: int) -> list[Reply | BaseException]:
    """Of so many calls at once."""
    return await asyncio.gather(*start(calls, lambda _: world.router.call(request())), return_exceptions=True)


@pytest.mark.parametrize("calls", [20, 500])
def test_the_model_that_stands_in_is_asked_soon(calls: int) -> None:
    async def scene() -> None:
        world = World(Server(places=0), fallbacks=("spare",))
        world.add("spare", Server())
        found = await outcomes(world, calls)
        assert [type(each) for each in found] == [Reply] * calls
        assert now_s() < ATTEMPTS * (FALLBACK_PAUSE_S + 3.0)

    play(scene())


@pytest.mark.parametrize("calls", [20, 500])
def test_where_none_stands_in_it_is_an_error_before_long(calls: int) -> None:
    async def scene() -> None:
        found = await outcomes(World(Server(places=0)), calls)
        assert [type(each) for each in found] == [RateLimited] * calls
        assert now_s() < ATTEMPTS * (PAUSE_S + 3.0)

    play(scene())


def test_who_waits_for_a_slow_server_goes_on_waiting() -> None:
    async def scene() -> None:
        server = Server(places=2, service_s=5 * PAUSE_S)
        found = await outcomes(World(server), 6)
        assert sum(isinstance(each, Reply) for each in found) > server.places

    play(scene())
