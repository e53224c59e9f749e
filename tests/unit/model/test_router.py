"""One call through the router: attempts, waits, models that stand in."""

import asyncio
import traceback

import pytest
from tests.unit.model.traffic import Server, World, endpoint, fault, now_s, play, request, start

from firm.model.breaker import COOL_S, FAULTS_IN_ROW
from firm.model.error import (
    BadReply,
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelUnavailable,
    NotAble,
    RateLimited,
    UnknownModel,
)
from firm.model.lane import OPEN_S
from firm.model.request import Delta
from firm.model.retry import RESERVE
from firm.model.route import Attempt, Route
from firm.model.router import Router
from firm.model.wire.fault import PASSING, Fault, Kind


def outcomes(attempts: list[Attempt]) -> list[tuple[str, str]]:
    """Why each attempt was made, and what became of it."""
    return [(attempt.why, attempt.outcome) for attempt in attempts]


def test_a_call_that_meets_no_trouble_leaves_nothing_to_tell() -> None:
    async def scene() -> None:
        world, log = World(Server()), []
        reply = await world.router.call(request(), None, log.append)
        assert reply.text == "384,400 km"
        assert log == []
        assert world.endpoints[0].in_flight == 0

    play(scene())


@pytest.mark.parametrize("kind", sorted(PASSING))
def test_what_may_pass_is_tried_again(kind: Kind) -> None:
    async def scene() -> None:
        world, log = World(Server(script=(fault(kind), fault(kind)))), []
        reply = await world.router.call(request(), None, log.append)
        assert outcomes(log) == [("first", kind), ("retry", kind), ("retry", "ok")]
        assert 1.0 < reply.timing.total_s == now_s() < 1.02 + 0.5 + 1.0

    play(scene())


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.CONTEXT, ContextTooLong),
        (Kind.REQUEST, BadRequest),
        (Kind.KEY, KeyRefused),
        (Kind.MODEL, UnknownModel),
    ],
)
def test_what_stays_is_raised_at_once(kind: Kind, error: type[Exception]) -> None:
    async def scene() -> None:
        world = World(Server(script=(fault(kind),)))
        with pytest.raises(error) as raised:
            await world.router.call(request())
        assert type(raised.value.__cause__) is Fault
        assert world.servers[0].calls == 1
        assert (await world.router.call(request())).text  # nothing is left alone where there is nobody else

    play(scene())


def test_after_four_attempts_it_is_over() -> None:
    async def scene() -> None:
        world, log = World(Server()), []
        world.servers[0].down = Kind.SERVER
        with pytest.raises(ModelUnavailable, match=r"model 'm' at http://s0.*4 attempts"):
            await world.router.call(request(), None, log.append)
        assert outcomes(log) == [("first", "server error")] + [("retry", "server error")] * 3

    play(scene())


def test_another_endpoint_is_tried_at_once() -> None:
    async def scene() -> None:
        bad, good = Server(), Server()
        bad.down = Kind.CONNECT
        world = World(bad, good)
        for _ in range(20):
            began_s = now_s()
            assert (await world.router.call(request())).endpoint == world.endpoints[1].model.url
            assert now_s() - began_s < 1.1

    play(scene())


def test_an_endpoint_that_refuses_the_key_is_left_alone_where_there_are_others() -> None:
    async def scene() -> None:
        bad, good = Server(), Server()
        bad.down = Kind.KEY
        world = World(bad, good)
        world.endpoints[1].in_flight = 1  # so that the bad one is first
        for _ in range(5):
            await world.router.call(request())
        assert bad.calls == 1

    play(scene())


def test_other_models_stand_in_in_their_order_and_each_is_told() -> None:
    async def scene() -> None:
        down, bad, good = Server(), Server(), Server()
        down.down, bad.down = Kind.CONNECT, Kind.CONTEXT
        world, log = World(down, fallbacks=("nobody", "small", "tiny"), attempts=2), []
        world.add("small", bad)
        world.add("tiny", good)
        reply = await world.router.call(request(), None, log.append)
        assert reply.text
        assert [(attempt.model, attempt.why, attempt.outcome) for attempt in log] == [
            ("m", "first", "no connection"),
            ("m", "retry", "no connection"),
            ("small", "fallback", "context too long"),
            ("tiny", "fallback", "ok"),
        ]

    play(scene())


def test_no_model_stands_in_for_a_request_that_is_wrong() -> None:
    async def scene() -> None:
        world = World(Server(script=(fault(Kind.REQUEST),)), fallbacks=("small",))
        world.add("small", Server())
        with pytest.raises(BadRequest):
            await world.router.call(request())

    play(scene())


def test_the_error_is_that_of_the_model_that_was_asked_and_names_the_others() -> None:
    async def scene() -> None:
        down, other = Server(), Server()
        down.down, other.down = Kind.SLOW, Kind.KEY
        world = World(down, fallbacks=("small",))
        world.add("small", other)
        with pytest.raises(ModelUnavailable, match=r"model 'm'.*fallback 'small': key refused"):
            await world.router.call(request())

    play(scene())


def test_a_server_that_says_when_is_asked_then_and_not_before() -> None:
    async def scene() -> None:
        world = World(Server(script=(fault(Kind.RATE, 20.0, status=429),)))
        reply = await world.router.call(request())
        assert 21.0 <= now_s() < 22.1
        assert reply.timing.queue_s == pytest.approx(20.0, abs=0.6)

    play(scene())


def test_a_long_pause_sends_the_call_to_the_model_that_stands_in() -> None:
    async def scene() -> None:
        world, log = World(Server(script=(fault(Kind.RATE, 20.0),)), fallbacks=("small",)), []
        world.add("small", Server())
        for _ in range(2):
            await world.router.call(request(), None, log.append)
        assert now_s() < 2.1
        assert [attempt.model for attempt in log] == ["m", "small", "small"]

    play(scene())


def test_a_pause_over_a_minute_without_anybody_else_is_an_error_that_says_how_long() -> None:
    async def scene() -> None:
        world = World(Server(script=(fault(Kind.RATE, 300.0, status=429),)))
        for wait_s in (300.0, 300.0):
            with pytest.raises(RateLimited, match="asked again in 300 s") as raised:
                await world.router.call(request())
            assert raised.value.retry_after_s == pytest.approx(wait_s, abs=0.1)

    play(scene())


async def dead(world: World) -> None:
    """Until calls fail at once."""
    [it] = world.endpoints
    while it.shut_s(now_s()) <= OPEN_S:
        with pytest.raises((ModelUnavailable, BadReply)):
            await world.router.call(request())


def test_a_dead_server_is_not_asked_until_one_call_has_found_it_alive() -> None:
    async def scene() -> None:
        server = Server()
        server.down = Kind.CONNECT
        world = World(server, attempts=1)
        await dead(world)
        asked, began_s = server.calls, now_s()
        assert asked == FAULTS_IN_ROW + 2
        with pytest.raises(ModelUnavailable, match="no connection.*asked again in 8 s") as raised:
            await world.router.call(request())
        assert raised.value.retry_after_s == pytest.approx(4 * COOL_S)
        assert (server.calls, now_s()) == (asked, began_s)
        await asyncio.sleep(4 * COOL_S)
        server.down = None
        # One goes to see; the others wait for what it finds.
        calls = start(10, lambda _: world.router.call(request()))
        await asyncio.sleep(0.5)
        assert server.inside == 1
        await asyncio.gather(*calls)
        assert now_s() == pytest.approx(began_s + 4 * COOL_S + 2.0, abs=0.01)

    play(scene())


def test_a_server_that_starts_anew_costs_no_call() -> None:
    async def scene() -> None:
        server = Server(service_s=20.0)
        world = World(server)
        calls = start(8, lambda _: world.router.call(request()))
        await asyncio.sleep(1)
        server.script = [fault(Kind.LOST)] * 8
        server.down = Kind.CONNECT
        calls += start(8, lambda _: world.router.call(request()))
        await asyncio.sleep(1.5)
        server.down = None
        assert all([reply.text for reply in await asyncio.gather(*calls)])

    play(scene())


def test_who_waits_for_a_probe_that_fails_is_told_at_once() -> None:
    async def scene() -> None:
        server = Server()
        server.down = Kind.CONNECT
        world = World(server, attempts=1)
        for _ in range(3):
            world.endpoints[0].breaker.shut(0.0, 1.0)
            world.endpoints[0].breaker.entered(1.0)
            world.endpoints[0].breaker.failed(1.0, 1.0)
        await asyncio.sleep(world.endpoints[0].breaker.until_s)
        began_s = now_s()
        results = await asyncio.gather(
            *[world.router.call(request()) for _ in range(10)], return_exceptions=True
        )
        assert server.calls == 1
        assert all([isinstance(result, ModelUnavailable) for result in results])
        assert now_s() == pytest.approx(began_s + 0.01)

    play(scene())


def test_a_probe_that_is_cancelled_makes_room_for_another_one() -> None:
    async def scene() -> None:
        world = World(Server())
        world.endpoints[0].breaker.shut(0.0, 1.0)
        await asyncio.sleep(1.0)
        probe, other = start(2, lambda _: world.router.call(request()))
        await asyncio.sleep(0.5)
        probe.cancel()
        assert (await other).text
        assert now_s() == 2.5

    play(scene())


def test_unreadable_replies_close_an_endpoint_for_calls_that_have_seen_none() -> None:
    async def scene() -> None:
        world = World(Server(), attempts=1)
        world.servers[0].down = Kind.JUNK
        await dead(world)
        with pytest.raises(ModelUnavailable, match="server error: no.*asked again in"):
            await world.router.call(request())

    play(scene())


def test_a_call_under_way_says_when_to_try_again_if_its_endpoint_is_given_up() -> None:
    async def scene() -> None:
        world = World(Server(script=(20.0,)))
        [it] = world.endpoints
        call = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(0.05)
        world.servers[0].down = Kind.CONNECT
        other = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(0)
        it.breaker.shut(now_s(), 30.0)
        with pytest.raises(ModelUnavailable, match="asked again in 30 s"):
            await other
        assert now_s() < 0.1
        assert (await call).text

    play(scene())


def test_nothing_is_repeated_after_the_deadline() -> None:
    async def scene() -> None:
        slow = Server(script=(fault(Kind.SERVER),) * 3)
        world = World(slow, deadline_s=0.005)
        with pytest.raises(ModelUnavailable):
            await world.router.call(request())
        assert slow.calls == 1

    play(scene())


def test_the_endpoint_that_comes_back_first_is_waited_for() -> None:
    async def scene() -> None:
        world = World(Server(), Server())
        first, second = world.endpoints
        first.paused_s = 50.0
        second.enter(0.0)
        second.limit.value = 1.0
        call = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(1)
        second.paused_s = 5.0
        second.leave()
        await call
        assert now_s() == pytest.approx(6.0, abs=0.01)

    play(scene())


def test_who_waits_alone_and_is_cancelled_leaves_nothing_behind() -> None:
    async def scene() -> None:
        world = World(Server())
        [it] = world.endpoints
        it.enter(0.0)
        it.limit.value = 1.0
        call = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(1)
        assert len(it.wakers) == 1
        call.cancel()
        await asyncio.wait([call])
        assert it.wakers == []

    play(scene())


def test_a_new_call_does_not_overtake_and_one_that_was_sent_back_does() -> None:
    async def scene() -> None:
        world = World(Server(script=(None, None, None, fault(Kind.LOST))))
        [it] = world.endpoints
        it.limit.value = 1.0
        calls = [asyncio.ensure_future(world.router.call(request(session="1")))]
        calls.append(asyncio.ensure_future(world.router.call(request(session="2"))))
        await asyncio.sleep(0.5)
        it.limit.value = 2.0
        calls.append(asyncio.ensure_future(world.router.call(request(session="3"))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert world.sessions == ["1", "2"]
        it.limit.value = 1.0
        calls += start(3, lambda number: world.router.call(request(session=f"{number + 4}")))
        await asyncio.gather(*calls)
        # The fourth breaks off. When it is back, the fifth is at work, and the sixth has waited for longer.
        assert world.sessions == ["1", "2", "3", "4", "5", "4", "6"]

    play(scene())


def test_calls_that_were_refused_are_repeated_in_their_order_once_they_are_paid_for() -> None:
    async def scene() -> None:
        server = Server(script=(fault(Kind.RATE), fault(Kind.RATE)))
        world = World(server)
        budget = world.router._lanes["m"].budget
        budget.tokens = -4.0  # nothing for a while
        first = asyncio.ensure_future(world.router.call(request(session="first")))
        await asyncio.sleep(0.1)
        budget.tokens = 1.0
        second = asyncio.ensure_future(world.router.call(request(session="second")))
        await asyncio.sleep(0.5)
        assert world.router.state()[0].owing == 2
        await first
        assert (await second).timing.queue_s > 1.0
        assert world.sessions == ["first", "second", "first", "second"]

    play(scene())


def test_who_waits_to_be_paid_for_is_told_when_there_is_nobody_left_to_ask() -> None:
    async def scene() -> None:
        world = World(Server(script=(fault(Kind.RATE),)))
        world.router._lanes["m"].budget.tokens = -1000.0
        call = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(3.5)
        assert world.router.state()[0].owing == 1
        world.endpoints[0].breaker.shut(now_s(), 60.0)
        with pytest.raises(RateLimited):
            await call
        assert now_s() < 5.0

    play(scene())


def test_a_watcher_that_raises_gives_the_place_back() -> None:
    async def scene() -> None:
        world = World(Server(script=(fault(Kind.LOST),)))

        def watch(delta: Delta) -> None:
            raise ValueError("no more paper")

        with pytest.raises(ValueError, match="no more paper"):
            await world.router.call(request(), watch)
        assert world.endpoints[0].in_flight == 0

    play(scene())


def test_a_watcher_is_told_to_begin_anew() -> None:
    async def scene() -> None:
        told: list[Delta] = []
        world = World(Server(script=(fault(Kind.LOST),)))
        await world.router.call(request(), told.append)
        await world.router.call(request(), told.append)
        assert told == [Delta(restart=True)]

    play(scene())


def test_a_call_that_is_cancelled_gives_its_place_back_and_is_told() -> None:
    async def scene() -> None:
        world, log = World(Server()), []
        world.endpoints[0].limit.value = 1.0
        first = asyncio.ensure_future(world.router.call(request(), None, log.append))
        second = asyncio.ensure_future(world.router.call(request()))
        third = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(0.1)
        assert world.router.state()[0].waiting == 2
        second.cancel()
        await asyncio.sleep(0)
        first.cancel()
        assert (await third).timing == (await third).timing
        assert now_s() == pytest.approx(1.1)
        assert outcomes(log) == [("first", "cancelled")]
        assert world.endpoints[0].in_flight == 0
        assert world.endpoints[0].wakers == []

    play(scene())


@pytest.mark.parametrize("second_first", [True, False])
def test_a_place_that_was_given_to_a_call_just_cancelled_goes_to_the_next(second_first: bool) -> None:
    async def scene() -> None:
        world = World(Server())
        it = world.endpoints[0]
        it.limit.value = 1.0
        it.enter(0.0)
        waiting = start(2, lambda _: world.router.call(request()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if second_first:
            waiting[0].cancel()
            it.leave()
        else:
            it.leave()
            waiting[0].cancel()
        await asyncio.wait(waiting)
        assert waiting[0].cancelled()
        assert waiting[1].result().text
        assert it.in_flight == 0

    play(scene())


def test_what_is_not_a_fault_passes_through_and_gives_the_place_back() -> None:
    async def scene() -> None:
        log: list[Attempt] = []

        async def send(*_: object) -> None:
            raise NotAble("no eyes")

        it = endpoint()
        router = Router({"m": Route("m", (it,))}, send, clock=now_s)  # type: ignore[arg-type]
        with pytest.raises(NotAble):
            await router.call(request(), None, log.append)
        assert (it.in_flight, it.breaker.closed, outcomes(log)) == (0, True, [("first", "error")])

    play(scene())


def test_waiting_for_a_place_ends_at_the_deadline_and_says_what_was_waited_for() -> None:
    async def scene() -> None:
        world = World(Server(), deadline_s=30.0)
        world.endpoints[0].limit.value = 1.0
        world.endpoints[0].enter(0.0)
        with pytest.raises(ModelUnavailable, match="no place became free in 30 s"):
            await world.router.call(request())
        assert now_s() == 30.0
        assert world.endpoints[0].wakers == []

    play(scene())


def test_calls_of_two_models_at_one_endpoint_take_turns() -> None:
    async def scene() -> None:
        world = World(Server(service_s=1.0))
        [shared] = world.endpoints
        shared.limit.value = 1.0
        world.router.add(Route("other", (shared,)))
        ended: list[str] = []

        async def call(name: str) -> None:
            await world.router.call(request(name))
            ended.append(name)

        calls = [asyncio.ensure_future(call(name)) for name in ["m"] * 5 + ["other"] * 5]
        await asyncio.sleep(4.5)
        assert ended.count("other") in (1, 2, 3)
        await asyncio.gather(*calls)

    play(scene())


def test_a_name_that_nobody_knows_is_an_error_with_the_nearest_one() -> None:
    async def scene() -> None:
        with pytest.raises(UnknownModel, match="'defualt'; did you mean 'default'"):
            world = World(Server())
            world.add("default", Server())
            await world.router.call(request("defualt"))

    play(scene())


def test_a_route_that_is_replaced_serves_new_calls_and_ends_the_old_ones() -> None:
    async def scene() -> None:
        world = World(Server(service_s=5.0))
        old = asyncio.ensure_future(world.router.call(request()))
        await asyncio.sleep(1)
        [new] = world.add("m", Server())
        assert (await world.router.call(request())).endpoint == new.model.url
        assert (await old).endpoint == world.endpoints[0].model.url
        assert world.router.routes["m"].endpoints == (new,)

    play(scene())


def test_the_state_of_each_model_can_be_seen() -> None:
    async def scene() -> None:
        world = World(Server(), Server())
        for each in world.endpoints:
            each.limit.value = 1.0
        calls = start(5, lambda number: world.router.call(request(urgent=number == 4)))
        await asyncio.sleep(0.5)
        [state] = world.router.state()
        assert (state.name, state.waiting, state.urgent, state.owing) == ("m", 3, 1, 0)
        assert state.retries == pytest.approx(RESERVE + 0.5)
        assert [health.in_flight for health in state.endpoints] == [1, 1]
        await asyncio.gather(*calls)

    play(scene())


def test_a_key_that_a_server_repeats_is_in_no_record_of_the_attempt() -> None:
    async def scene() -> None:
        world, log = World(Server(script=(Fault(Kind.KEY, "I do not know the key sk-12345"),))), []
        world.endpoints[0].key = "sk-12345"
        with pytest.raises(KeyRefused) as raised:
            await world.router.call(request(), None, log.append)
        told = "".join(traceback.format_exception(raised.value)) + repr(raised.value.__cause__)
        told += repr([attempt.told for attempt in log]) + repr(world.endpoints[0].health(0.0))
        assert "I do not know the key [key]" in told
        assert "sk-12345" not in told

    play(scene())
