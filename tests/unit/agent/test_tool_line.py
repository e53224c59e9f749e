"""Tools with `limit=`: how many calls are at work at one time, in which order, and what a given-up wait leaves."""

import asyncio
import threading
from typing import Any

import pytest
from tests.unit.agent.commanded import FakeFirm
from tests.unit.kernel.engine import engine

from firm.agent.line import KeptPlaces, Line, Slot
from firm.agent.passage import Passage
from firm.agent.tool import tool, tool_of
from firm.errors import PolicyDenied, UsageError
from firm.kernel import Status, gather, workflow
from firm.kernel.context import opened
from firm.kernel.journal import Kind
from firm.policy.rule import Rule
from firm.trace import attribute, spans_of

AT_WORK = {"now": 0, "most": 0}
BEGUN: list[int] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    AT_WORK.update(now=0, most=0)
    BEGUN.clear()


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


async def _work(number: int) -> int:
    BEGUN.append(number)
    AT_WORK["now"] += 1
    AT_WORK["most"] = max(AT_WORK.values())
    for _ in range(5):
        await asyncio.sleep(0)
    AT_WORK["now"] -= 1
    return number


@tool(risk="read", limit=3, timeout_s=5)
async def fetch(number: int) -> int:
    return await _work(number)


@tool(risk="send", to="to", limit=2)
async def call(to: str, number: int) -> int:
    return await _work(number)


@workflow
async def fetches(count: int) -> list[int]:
    return await gather(*(fetch(number) for number in range(count)))


@workflow
async def calls(count: int) -> list[int]:
    return await gather(*(call("ann", number) for number in range(count)))


def test_no_more_calls_are_at_work_than_the_limit_says_and_all_come_to_their_turn_in_order() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            assert await one.run(fetches, 40) == list(range(40))
        assert (AT_WORK["most"], BEGUN) == (3, [*range(40)])

    run(main())


def test_the_limit_holds_across_runs() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm()) as one:
            for number in range(8):
                await one.start(fetches, 5, id=f"run-{number}")
            for number in range(8):
                assert await one.result(fetches, f"run-{number}") == list(range(5))
        assert AT_WORK["most"] == 3 and len(BEGUN) == 40

    run(main())


def test_effects_wait_in_line_before_their_intent_is_written() -> None:
    async def main() -> None:
        async with engine(firm=FakeFirm(Rule("allow", tool="call"))) as one:
            assert await one.run(calls, 12) == list(range(12))
            events = await one.journal.read("run-1")
        assert AT_WORK["most"] == 2
        open_intents = most = 0
        for event in events:
            open_intents += (event.kind == Kind.INTENT) - (
                event.kind == Kind.DONE and event.place in begun(events)
            )
            most = max(most, open_intents)
        assert 1 <= most <= 2

    def begun(events: Any) -> set[int]:
        return {event.place for event in events if event.kind == Kind.INTENT}

    run(main())


HOLD: dict[str, asyncio.Event] = {}


@tool(risk="send", to="to", limit=1)
async def letter(to: str) -> str:
    BEGUN.append(1)
    await HOLD["go"].wait()
    return f"sent to {to}"


@workflow
async def letters(to: str) -> str:
    return await letter(to)


def test_an_effect_that_is_cancelled_in_line_is_not_in_doubt_and_takes_no_place() -> None:
    async def main() -> None:
        HOLD["go"] = asyncio.Event()
        async with engine(firm=FakeFirm(Rule("allow", tool="letter"))) as one:
            await one.start(letters, "ann")
            await one.until(lambda: _are(len(BEGUN) == 1))
            line = _line(letter)
            await one.start(letters, "bob", id="run-2")
            await one.until(lambda: _are(line.waiting == 1))
            await one.worker.cancel("run-2", by="founder")
            await one.until_status(Status.CANCELLED, "run-2")
            assert line.waiting == 0 and not await one.journal.questions()
            HOLD["go"].set()
            assert await one.result(letters) == "sent to ann"
            assert await one.run(letters, "cat", id="run-3") == "sent to cat"
            assert line.at_work == 0

    run(main())


def test_an_effect_that_lost_its_place_and_is_cancelled_in_line_surely_did_not_happen() -> None:
    async def main() -> None:
        HOLD["go"] = asyncio.Event()
        async with engine(firm=FakeFirm(Rule("allow", tool="letter"))) as one:
            line = _line(letter)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Passage, "_take_place", _take_none)  # as after a crash between gate and effect
                await one.start(letters, "ann")
                await one.until(lambda: _are(len(BEGUN) == 1))
                await one.start(letters, "bob", id="run-2")
                await one.until(lambda: _are(line.waiting == 1))
            assert Kind.INTENT in [event.kind for event in await one.journal.read("run-2")]
            await one.worker.cancel("run-2", by="founder")
            await one.until_status(Status.CANCELLED, "run-2")
            assert not await one.journal.questions(open_only=False)
            HOLD["go"].set()
            assert await one.result(letters) == "sent to ann"
            assert BEGUN == [1] and line.at_work == 0

    run(main())


async def _take_none(self: Passage, key: object, reservation: object) -> None: ...


async def _are(value: bool) -> bool:
    return value


def _line(target: Any) -> Line:
    [passage] = [cell.cell_contents for cell in target.__closure__ if hasattr(cell.cell_contents, "_carry")]
    line: Line = passage._carry.places.line
    return line


def test_an_effect_that_the_gate_refuses_at_last_gives_its_place_back() -> None:
    async def main() -> None:
        firm = FakeFirm(Rule("allow", tool="call"))
        async with engine(firm=firm) as one:
            kept = KeptPlaces.keep

            def keep_and_deny(self: KeptPlaces, key: object, slot: Slot) -> None:
                kept(self, key, slot)
                firm.rule(Rule("deny", tool="call"))

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(KeptPlaces, "keep", keep_and_deny)
                with pytest.raises(PolicyDenied):
                    await one.run(calls, 1)
            assert _line(call).at_work == 0 and not BEGUN

    run(main())


@tool(risk="read", limit=1, timeout_s=0.05)
async def quick(number: int) -> int:
    return number


@workflow
async def quicks() -> int:
    return await quick(1)


def test_the_time_in_line_does_not_count_as_time_of_the_call_and_is_told() -> None:
    async def main() -> None:
        line = _line(quick)
        async with engine(firm=FakeFirm()) as one:
            slot = await line.enter()
            await one.start(quicks)
            await one.until(lambda: _are(line.waiting == 1))
            await asyncio.sleep(0.06)  # longer than the call may take
            line.leave(slot)
            assert await one.result(quicks) == 1
            [span] = [kept.span for kept in await spans_of(one.journal, "run-1")]
            assert span.attributes[attribute.QUEUE_S] > 0.05

    run(main())


LET_GO = threading.Event()


@tool(risk="read", limit=1, timeout_s=0.05)
def thread(number: int) -> int:
    BEGUN.append(number)
    assert LET_GO.wait(10)
    return number


@workflow
async def threads() -> str:
    try:
        await thread(0)
    except TimeoutError as error:
        return f"{error}, then {await thread(1)}"
    return ""


def test_a_thread_that_outlives_its_time_keeps_its_place_until_it_is_over() -> None:
    async def main() -> None:
        LET_GO.clear()
        async with engine(firm=FakeFirm()) as one:
            await one.start(threads)
            line = _line(thread)
            await one.until(lambda: _are(line.waiting == 1))
            assert BEGUN == [0] and line.at_work == 1
            LET_GO.set()
            assert await one.result(threads) == "tool 'thread' took longer than its timeout_s=0.05, then 1"

    run(main())


def test_in_an_open_firm_outside_of_runs_calls_wait_in_line_too() -> None:
    async def main() -> None:
        opened.set(FakeFirm())
        assert await asyncio.gather(*(fetch(number) for number in range(9))) == list(range(9))
        assert AT_WORK["most"] == 3

    run(main())


def test_whoever_is_cancelled_in_the_moment_of_its_turn_hands_the_place_on() -> None:
    async def main() -> None:
        line = Line(1)
        first = await line.enter()
        second, third = (asyncio.create_task(line.enter()) for _ in range(2))
        await asyncio.sleep(0)
        line.leave(first)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        line.leave(await third)
        assert (line.at_work, line.waiting) == (0, 0)

    run(main())


def test_a_place_of_a_loop_that_is_closed_is_free_again() -> None:
    line = Line(1)

    async def leaves_it() -> None:
        await line.enter()

    run(leaves_it())
    run(leaves_it())
    assert line.at_work == 1


def test_waits_of_two_threads_share_one_line() -> None:
    line, seen = Line(2), []

    async def one() -> None:
        for _ in range(20):
            slot = await line.enter()
            seen.append(line.at_work)
            await asyncio.sleep(0)
            line.leave(slot)

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(5)))

    both = [threading.Thread(target=run, args=(many(),)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(20)
    assert len(seen) == 200 and max(seen) <= 2 and line.at_work == 0


@pytest.mark.parametrize("limit", [0, -1, True, 2.0, 10_001])
def test_a_limit_that_cannot_be_is_refused(limit: Any) -> None:
    async def act(what: str) -> None: ...

    with pytest.raises(UsageError, match="how many calls at a time"):
        tool(risk="read", limit=limit)(act)


def test_a_workflow_has_no_limit_of_its_own() -> None:
    with pytest.raises(UsageError, match="limit cannot be given for a workflow"):
        tool(risk="read", limit=2)(fetches)
    assert tool_of(fetch).limit == 3
