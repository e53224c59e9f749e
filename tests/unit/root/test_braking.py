"""Runaways in an open firm: held, with one line in the inbox, over restarts, until the founder has answered."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from firm import Firm, chat, continue_as, receive, send, sleep, step, tool, workflow
from firm.errors import LoopDetected, RunCancelled, StepFailed
from firm.kernel.status import Status
from firm.model import ScriptedModel, storm
from firm.model.error import RateLimited
from firm.model.models import Models
from firm.policy import runaway
from firm.root.view import QuestionView

FAST = "[engine]\nidle_s = 0.02\n"
DONE: list[str] = []


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    DONE.clear()
    monkeypatch.setattr(runaway, "PLAIN", 1)


def run_all(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def settings(folder: Path, limits: str) -> Path:
    (folder / "firm.toml").write_text(f"{FAST}[limits]\n{limits}\n")
    return folder


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(1_000):
        if found := await condition():
            return found
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about in 5 s")


async def line(firm: Firm) -> QuestionView:
    """The one line of the inbox."""
    [found] = await until(firm.inbox)
    assert found.kind == "brake" and found.options == ["go on", "stop"] and found.run == ""
    return found


async def held(firm: Firm, run: str) -> bool:
    [view] = [one for one in await firm.runs() if one.id == run]
    return view.status is Status.SUSPENDED and view.reason.startswith("held: ")


@step
async def look(what: str) -> str:
    DONE.append(what)
    return "nothing"


@workflow
async def looks(times: int) -> str:
    for _ in range(times):
        await sleep(0.001)
        await look("sea")
    return "enough"


@step
async def count() -> int:
    DONE.append("count")
    return len(DONE)


@workflow
async def counts(times: int) -> str:
    for _ in range(times):
        await sleep(0.001)
        await count()
    return "enough"


def test_a_run_that_wakes_itself_for_nothing_is_held_until_the_founder_lets_it_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            run = await firm.start(looks, 15, id="owl")
            question = await line(firm)
            assert "'owl' has woken itself 5 times since 20" in question.text
            await until(lambda: held(firm, "owl"))
            assert len(DONE) == 6
            await firm.answer(question.id, "go on")
            question = await line(firm)  # as often again as before
            assert "10 times" in question.text and len(DONE) == 11
            await firm.answer(question.id, "go on")
            assert await run.result() == "enough" and len(DONE) == 15
            assert await firm.inbox() == []

    run_all(main())


def test_a_run_that_wakes_itself_and_finds_something_new_is_never_held(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 2")) as firm:
            assert await (await firm.start(counts, 12)).result() == "enough"
            assert await firm.inbox() == []

    run_all(main())


def test_without_a_limit_nothing_is_held(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 0\nexchanges = 0")) as firm:
            assert await (await firm.start(looks, 12)).result() == "enough"
            await firm.start(pong, id="b")
            assert await (await firm.start(ping, "b", 12, id="a")).result() == 12
            assert await firm.inbox() == []

    run_all(main())


def test_a_stop_fails_the_call_that_was_held(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            run = await firm.start(looks, 15, id="owl")
            question = await line(firm)
            await firm.answer(question.id, "stop")
            with pytest.raises(
                LoopDetected, match="woken itself 5 times since .*; the founder has stopped it"
            ):
                await run.result()
            assert len(DONE) == 6

    run_all(main())


@workflow
async def tidies(times: int) -> str:
    try:
        for _ in range(times):
            await sleep(0.001)
            await look("sea")
    finally:
        await look("tidied")
    return "enough"


def test_what_was_stopped_or_cancelled_may_clean_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            run = await firm.start(tidies, 15, id="owl")
            await firm.answer((await line(firm)).id, "stop")
            with pytest.raises(LoopDetected):
                await run.result()
            assert DONE[-1] == "tidied"
            DONE.clear()
            run = await firm.start(tidies, 15, id="bat")
            await line(firm)
            await run.cancel()
            with pytest.raises(RunCancelled):
                await run.result()
            assert DONE[-1] == "tidied"

    run_all(main())


@workflow
async def again(turn: int, most: int) -> int:
    return turn if turn == most else continue_as(turn + 1, most)


def test_a_run_that_only_begins_anew_is_held_between_two_generations(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            run = await firm.start(again, 0, 12, id="snake")
            question = await line(firm)
            await until(lambda: held(firm, "snake"))
            assert "'snake' has woken itself 5 times" in question.text
        async with Firm.open(tmp_path) as firm:
            question = await line(firm)
            assert await held(firm, "snake")
            await firm.answer(question.id, "go on")
            question = await line(firm)
            assert "10 times" in question.text
            await firm.answer(question.id, "stop")
            with pytest.raises(LoopDetected):
                await firm.run("snake").result()
        assert run.id == "snake"

    run_all(main())


@workflow
async def ping(other: str, times: int) -> int:
    for turn in range(times):
        await send(other, "ball", ["a", turn])
        await receive("ball")
    return times


@workflow
async def pong() -> None:
    while True:
        _, turn = await receive("ball")
        await send("a", "ball", turn)


def test_two_runs_that_answer_each_other_without_end_are_held_with_one_line(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "exchanges = 5")) as firm:
            await firm.start(pong, id="b")
            run = await firm.start(ping, "b", 9, id="a")
            question = await line(firm)
            assert "has answered run" in question.text and "5 times since" in question.text
            assert len(await firm.inbox()) == 1
            await firm.answer(question.id, "go on")
            question = await line(firm)  # the other one has its own count
            await firm.answer(question.id, "go on")
            assert await run.result() == 9

    run_all(main())


@tool(risk="read")
async def ponder(turn: int) -> int:
    return turn + 1


@workflow
async def talks(other: str, times: int) -> int:
    for _ in range(times):
        await send(other, "ball", ["a", await ponder(await receive("founder"))])
        await receive("ball")
    return times


def test_what_comes_from_outside_in_between_is_no_runaway_nor_is_plain_code_that_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runaway, "PLAIN", 10)

    async def main() -> None:
        async with Firm.open(settings(tmp_path, "exchanges = 3")) as firm:
            await firm.start(pong, id="b")
            run = await firm.start(talks, "b", 12, id="a")
            for turn in range(12):
                await firm.send("a", "founder", turn)
            assert await run.result() == 12
            assert await firm.inbox() == []

    run_all(main())


def test_an_answer_that_was_given_while_nobody_carried_the_runs_counts_when_the_firm_is_opened(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            await firm.start(looks, 9, id="owl")
            question = await line(firm)
            await until(lambda: held(firm, "owl"))
        async with Firm.visit(tmp_path) as visitor:
            await visitor.answer(question.id, "go on")
        async with Firm.open(tmp_path) as firm:
            assert await firm.run("owl").result() == "enough"

    run_all(main())


@tool(risk="read", amount="usd")
async def buy(usd: float) -> str:
    return "bought"


@workflow
async def buys_and_looks(times: int) -> str:
    await buy(0.25)
    for _ in range(times):
        await sleep(0.001)
        await look("sea")
    return "enough"


def test_a_line_says_what_it_cost_so_far_and_those_who_follow_the_run_are_shown_it(tmp_path: Path) -> None:
    from firm.cli.follow import questions_of
    from firm.policy.brake import asks_about

    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            await firm.start(buys_and_looks, 9, id="owl")
            await firm.start(counts, 3, id="other")
            question = await line(firm)
            assert "nothing new came of it; it cost 0.25 USD so far. 'go on', or 'stop' it?" in question.text
            await until(lambda: held(firm, "owl"))
            assert [one.id for one in await questions_of(firm, "owl")] == [question.id]
            assert await questions_of(firm, "other") == []
            assert not asks_about(question.id, "") and not asks_about("x", "held: wakes of owl")

    run_all(main())


def test_a_held_run_can_be_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            run = await firm.start(looks, 9, id="owl")
            await line(firm)
            await until(lambda: held(firm, "owl"))
            await run.cancel()

            async def over() -> bool:
                return await run.status() is Status.CANCELLED

            await until(over)

    run_all(main())


def test_a_changed_limit_lets_a_held_run_go_on_only_after_its_line_was_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "wakes = 5")) as firm:
            await firm.start(looks, 9, id="owl")
            await line(firm)
            await until(lambda: held(firm, "owl"))
        async with Firm.open(settings(tmp_path, "wakes = 50")) as firm:
            question = await line(firm)
            assert await held(firm, "owl")
            await firm.answer(question.id, "go on")
            assert await firm.run("owl").result() == "enough"

    run_all(main())


# --- a storm of refusals -----------------------------------------------------------------------------------------


@workflow
async def asks(number: int) -> str:
    return (await chat(f"question {number}")).text


class Sky:
    """Whether the model refuses everything."""

    bad = True


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Sky:
    found, call = Sky(), Models.call

    async def refuses(self: Models, request: Any, watch: Any = None) -> Any:
        if found.bad:
            DONE.append(request.messages[-1].text)
            raise RateLimited(f"model {request.model!r} answered 429: too many requests")
        return await call(self, request, watch)

    monkeypatch.setattr(Models, "call", refuses)
    monkeypatch.setattr(storm, "PROBE_S", 0.1)
    return found


async def begin_storm(firm: Firm) -> None:
    """It refused first a moment ago."""
    storms = firm.models.storms
    assert storms is not None
    storms._storms["default"] = storm.Storm(storms._clock() - 600)


def test_in_a_storm_runs_wait_at_no_cost_with_one_line_and_go_on_by_themselves(
    tmp_path: Path, sky: Sky
) -> None:
    models = {"default": ScriptedModel(lambda request: "yes")}

    async def main() -> None:
        async with Firm.open(settings(tmp_path, "storm_s = 300"), models=models) as firm:
            await begin_storm(firm)
            for number in range(30):
                await firm.start(asks, number, id=f"r{number}")
            question = await line(firm)
            assert "model 'default' answers nothing but 'too many requests' (429) since 20" in question.text
            for number in range(30):
                await until(lambda number=number: held(firm, f"r{number}"))
            assert firm._desk.worker.active == {}
        asked = len(DONE)
        async with Firm.open(tmp_path, models=models) as firm:
            assert (await line(firm)).id == question.id
            assert len(DONE) <= asked + 2  # one at a time, to see
            sky.bad = False
            assert (
                await asyncio.gather(*(firm.run(f"r{number}").result() for number in range(30)))
                == ["yes"] * 30
            )
            assert await firm.inbox() == []

    run_all(main())


def test_the_founder_may_stop_the_waiting(tmp_path: Path, sky: Sky) -> None:
    models = {"default": ScriptedModel(lambda request: "yes")}

    async def main() -> None:
        async with Firm.open(settings(tmp_path, "storm_s = 300"), models=models) as firm:
            await begin_storm(firm)
            run = await firm.start(asks, 1)
            await firm.answer((await line(firm)).id, "stop")
            with pytest.raises(StepFailed, match="ModelError.*the founder waits no longer for it"):
                await run.result()

    run_all(main())


def test_a_cancelled_run_takes_its_line_along(tmp_path: Path, sky: Sky) -> None:
    async def main() -> None:
        async with Firm.open(settings(tmp_path, "storm_s = 300\nwakes = 5"), models={}) as firm:
            await begin_storm(firm)
            waits = await firm.start(asks, 1)
            owl = await firm.start(looks, 9)
            await until(lambda: both(firm))
            await waits.cancel()
            await owl.cancel()
            await until(lambda: quiet(firm))

    async def both(firm: Firm) -> bool:
        return len(await firm.inbox()) == 2

    async def quiet(firm: Firm) -> bool:
        return await firm.inbox() == []

    run_all(main())
