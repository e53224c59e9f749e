"""A second request beside a slow one."""

import asyncio

import pytest
from tests.unit.model.traffic import Server, World, fault, now_s, play, request

from firm.model.endpoint import MIN_SAMPLES
from firm.model.error import ModelUnavailable
from firm.model.retry import RESERVE
from firm.model.wire.fault import Fault, Kind


async def world_of(*scripts: tuple[Fault | float | None, ...], hedge: bool = True) -> World:
    """Endpoints that have answered often enough, in a second; then they follow their scripts."""
    world = World(*[Server() for _ in scripts], hedge=hedge)
    for each in world.endpoints:
        each.times_s.extend([1.0] * MIN_SAMPLES)
    for server, script in zip(world.servers, scripts, strict=True):
        server.script = list(script)
    return world


def test_the_faster_one_is_taken_and_the_other_one_is_cancelled() -> None:
    async def scene() -> None:
        world, log = await world_of((90.0,), (90.0, None)), []
        world.servers[1].script = [None]
        world.endpoints[1].in_flight = 1  # so that the slow one is first
        reply = await world.router.call(request(), None, log.append)
        assert reply.endpoint == world.endpoints[1].model.url
        assert now_s() == 2.0
        assert sorted([(attempt.why, attempt.outcome) for attempt in log]) == [
            ("first", "cancelled"),
            ("hedge", "ok"),
        ]
        assert [each.in_flight for each in world.endpoints] == [0, 1]
        assert world.servers[0].inside == 0

    play(scene())


def test_the_only_endpoint_is_asked_twice() -> None:
    async def scene() -> None:
        world = await world_of((90.0, 1.0))
        await world.router.call(request())
        assert (now_s(), world.servers[0].calls) == (2.0, 2)

    play(scene())


def test_one_that_is_fast_enough_stays_alone() -> None:
    async def scene() -> None:
        world = await world_of((0.9,))
        await world.router.call(request())
        assert world.servers[0].calls == 1

    play(scene())


@pytest.mark.parametrize("why_not", ["not asked for", "too few replies", "streamed", "no budget", "no place"])
def test_there_is_no_second_one_without_reason(why_not: str) -> None:
    async def scene() -> None:
        world = await world_of((30.0,), hedge=why_not != "not asked for")
        [it] = world.endpoints
        if why_not == "too few replies":
            it.times_s.clear()
        if why_not == "no place":
            it.limit.value = 1.0
        if why_not == "no budget":
            world.router._lanes["m"].budget.tokens = 0.0
            world.router._lanes["m"].budget.take(0.0)
        watch = (lambda delta: None) if why_not == "streamed" else None
        await world.router.call(request(), watch)
        assert (now_s(), world.servers[0].calls) == (30.0, 1)

    play(scene())


def test_a_failure_of_one_leaves_the_other() -> None:
    async def scene() -> None:
        world = await world_of((3.0, fault(Kind.SERVER)))
        await world.router.call(request())
        assert (now_s(), world.servers[0].calls) == (3.0, 2)

    play(scene())


def test_both_failing_is_a_failure_like_any_other() -> None:
    async def scene() -> None:
        world = await world_of((), ())
        for server in world.servers:
            server.down = Kind.SERVER
        with pytest.raises(ModelUnavailable):
            await world.router.call(request())
        assert [each.in_flight for each in world.endpoints] == [0, 0]

    play(scene())


def test_the_caller_s_cancel_ends_both() -> None:
    async def scene() -> None:
        world = await world_of((90.0,), (90.0,))
        call = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(5)
        assert sum([server.inside for server in world.servers]) == 2
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()
        assert sum([server.inside for server in world.servers]) == 0
        assert [each.in_flight for each in world.endpoints] == [0, 0]

    play(scene())


def test_no_more_than_a_tenth_of_the_calls_is_doubled() -> None:
    async def scene() -> None:
        world = await world_of(tuple([5.0] * 1000))
        await asyncio.gather(*[world.router.call(request()) for _ in range(300)])
        assert 300 / 10 <= world.servers[0].calls - 300 <= 300 / 10 + RESERVE + 1

    play(scene())
