"""More calls than servers can take, servers that fail, and what must hold whatever happens."""

import asyncio
import sys
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.model.traffic import Server, World, fault, now_s, play, request, start

from firm.model.admission import BACKGROUND_TURN
from firm.model.error import RAISED, ModelUnavailable
from firm.model.reply import Reply
from firm.model.retry import RESERVE, RESERVE_PER_S, SHARE
from firm.model.route import Attempt
from firm.model.wire.fault import Fault, Kind


def settled(world: World) -> None:
    """Nothing is left behind."""
    for lane in world.router._lanes.values():
        assert (len(lane.queue), len(lane.debtors)) == (0, 0)
        for each in lane.route.endpoints:
            assert (each.in_flight, each.wakers) == (0, [])


def test_ten_thousand_calls_at_fifty_places_end_in_the_order_of_priority() -> None:
    async def scene() -> None:
        world = World(Server(service_s=0.1))
        world.endpoints[0].limit.value = 50.0
        await asyncio.gather(
            *start(
                10_000,
                lambda number: world.router.call(request(session=str(number), urgent=number >= 9000)),
            )
        )
        assert now_s() < 10_000 * 0.1 / 50 + 0.5
        sent = [int(session) for session in world.sessions]
        assert len(sent) == 10_000
        assert sent[:50] == list(range(50))
        behind = sent[50:]
        urgent = [number for number in behind if number >= 9000]
        assert urgent == sorted(urgent)
        last = behind.index(urgent[-1])
        background = [number for number in behind if number < 9000]
        assert background == sorted(background)
        assert last + 1 - len(urgent) == pytest.approx(len(urgent) / (BACKGROUND_TURN - 1), abs=2)
        settled(world)

    play(scene())


def functions_called(calls: int) -> float:
    """Functions of the package that are called for each of so many calls that wait for ten places."""
    counted = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal counted
        counted += event == "call" and "/firm/model/" in frame.f_code.co_filename

    async def scene() -> None:
        world = World(Server(service_s=0.1), Server(service_s=0.1))
        for each in world.endpoints:
            each.limit.value = 5.0
        await asyncio.gather(*start(calls, lambda _: world.router.call(request())))

    sys.setprofile(count)
    try:
        play(scene())
    finally:
        sys.setprofile(None)
    return counted / calls


def test_a_waiting_call_costs_the_same_however_many_wait() -> None:
    few, many = functions_called(200), functions_called(3000)
    assert 20 < few < 200
    assert many < 1.1 * few


def test_a_burst_at_a_server_that_refuses_is_served_without_a_failure() -> None:
    async def scene() -> None:
        world = World(Server(50, service_s=1.0))
        calls = start(2000, lambda _: world.router.call(request()))
        await asyncio.sleep(3)
        assert world.router.state()[0].owing > 1000
        await asyncio.gather(*calls)
        assert now_s() < 1.15 * 2000 / 50
        # The first wave is refused once; afterwards refusals are rare.
        assert world.servers[0].refusals < 2000 * 1.05
        settled(world)

    play(scene())


def offered(
    world: World, rate: float, seconds: float, seed: int = 1, **options: Any
) -> "asyncio.Future[list[Reply | BaseException]]":
    """So many calls a second, at times that chance draws."""
    random, tasks = Random(seed), []

    async def call() -> Reply:
        return await world.router.call(request(**options))

    async def traffic() -> list[Reply | BaseException]:
        end_s = now_s() + seconds
        while now_s() < end_s:
            await asyncio.sleep(random.expovariate(rate))
            tasks.append(asyncio.ensure_future(call()))
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.ensure_future(traffic())


@pytest.mark.parametrize("refuses", [True, False])
def test_three_times_the_load_leaves_nine_tenths_of_the_capacity_at_work(refuses: bool) -> None:
    async def scene() -> None:
        fleet = [Server(10, service_s=1.0, refuses=refuses) for _ in range(2)]
        world = World(*fleet, deadline_s=10.0)
        traffic = offered(world, 60.0, 90.0)
        await asyncio.sleep(10)
        before = sum([server.answers for server in fleet])
        await asyncio.sleep(60)
        assert sum([server.answers for server in fleet]) - before >= 0.9 * 20 * 60
        results = await traffic
        budget = world.router._lanes["m"].budget
        calls = sum([server.calls for server in fleet])
        assert budget.taken <= SHARE * (calls - budget.taken) + RESERVE
        assert all([type(result) in (Reply, *RAISED) for result in results])
        settled(world)

    play(scene())


def test_a_server_that_is_down_gets_few_calls_and_all_of_them_again_soon_after() -> None:
    async def scene() -> None:
        server = Server(service_s=0.5)
        world = World(server)
        traffic = offered(world, 40.0, 200.0)
        await asyncio.sleep(50)
        server.down = Kind.CONNECT
        before = server.calls
        await asyncio.sleep(60)
        assert server.calls - before < 50
        server.down = None
        await asyncio.sleep(60)
        before = server.calls
        await asyncio.sleep(20)
        assert server.calls - before > 0.9 * 20 * 40
        failed = [result for result in await traffic if isinstance(result, BaseException)]
        assert {type(error) for error in failed} == {ModelUnavailable}
        settled(world)

    play(scene())


def test_a_server_that_fails_often_is_spared_by_a_fleet() -> None:
    async def scene() -> None:
        bad, good = Server(service_s=0.5), Server(service_s=0.5)
        random = Random(4)
        bad.script = [fault(Kind.SERVER) if random.random() < 0.3 else None for _ in range(5000)]
        world = World(bad, good)
        results = await offered(world, 50.0, 60.0)
        assert all([isinstance(result, Reply) for result in results])
        assert bad.calls < 0.4 * good.calls

    play(scene())


moments = st.lists(
    st.tuples(
        st.sampled_from(["call", "urgent", "session", "cancel", "wait", "cut"]),
        st.integers(0, 30),
    ),
    max_size=60,
)
acts = st.lists(
    st.one_of(
        st.none(),
        st.floats(0.01, 30),
        st.builds(
            fault, st.sampled_from(sorted(Kind)), st.one_of(st.none(), st.floats(0, 100)), status=st.just(418)
        ),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(moments, acts, acts, st.booleans(), st.integers(0, 5))
def test_whatever_happens_every_call_ends_and_nothing_is_left_behind(
    happened: list[tuple[str, int]],
    first: list[Fault | float | None],
    second: list[Fault | float | None],
    hedge: bool,
    seed: int,
) -> None:
    async def scene() -> None:
        servers = Server(3, script=tuple(first)), Server(2, refuses=False, script=tuple(second))
        world = World(*servers, seed=seed, hedge=hedge, fallbacks=("spare",), deadline_s=200.0)
        world.add("spare", Server(1))
        for each in world.endpoints:
            each.times_s.extend([0.5] * 20)
        log: list[Attempt] = []
        calls: list[asyncio.Task[Reply]] = []
        for what, number in happened:
            if what == "wait":
                await asyncio.sleep(number / 10)
            elif what == "cancel" and calls:
                calls[number % len(calls)].cancel()
            elif what == "cut":
                it = world.endpoints[number % 2]
                it.limit.refused(now_s(), now_s(), max(it.in_flight, 2))
            else:
                asked = request(urgent=what == "urgent", session="run-1" if what == "session" else "")
                calls.append(asyncio.ensure_future(world.router.call(asked, None, log.append)))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all([type(result) in (Reply, asyncio.CancelledError, *RAISED) for result in results])
        settled(world)
        retries = sum([attempt.why in ("retry", "hedge") for attempt in log])
        moved = sum([attempt.outcome in (Kind.KEY, Kind.MODEL, Kind.FUNDS) for attempt in log])
        answers = sum([attempt.outcome == "ok" for attempt in log])
        both = 2 * (RESERVE + SHARE * len(calls) + RESERVE_PER_S * now_s())
        assert retries <= both + answers + moved

    play(scene())
