"""Agents that go on without end: the same call, calls in turn, helpers without number, chains, talk between two."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Agent, Firm, gather, receive, send, tool, workflow
from firm.agent.toolbox import hand_over
from firm.errors import LoopDetected
from firm.model import Reply, ScriptedModel, ToolCall, storm
from firm.model.error import RateLimited
from firm.model.models import Models
from firm.model.request import Request
from firm.root.view import QuestionView
from firm.units import Usage

Rule = Callable[[Request], Any]
LOOKS: list[str] = []


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    LOOKS.clear()
    monkeypatch.delenv("FIRM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def run_with(rule: Rule, work: Callable[[Firm], Awaitable[Any]], limits: str = "") -> ScriptedModel:
    Path("home").mkdir(exist_ok=True)
    Path("home/firm.toml").write_text(f"[engine]\nidle_s = 0.02\n[limits]\n{limits}\n")
    model = ScriptedModel(rule)

    async def main() -> None:
        async with Firm.open("home", models={"default": model}) as firm:
            await work(firm)

    asyncio.run(asyncio.wait_for(main(), 30))
    return model


async def asked(firm: Firm) -> QuestionView:
    """The only line of the inbox, as soon as there is one."""
    for _ in range(1_000):
        if found := await firm.inbox():
            assert len(found) == 1
            return found[0]
        await asyncio.sleep(0.005)
    raise AssertionError("nobody asked in 5 s")


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(f"call-{name}", name, msgspec.json.encode(arguments).decode())


@tool(risk="read")
async def look(place: str) -> str:
    LOOKS.append(place)
    return f"nothing at {place}"


def give(agent: Agent[Any], *tools: Any) -> None:
    """Tools that stand after it, or itself."""
    object.__setattr__(agent, "tools", tools)
    for name in ("toolbox", "hash"):
        agent.__dict__.pop(name, None)


def turns(request: Request) -> int:
    """Replies so far in this conversation."""
    return sum(message.role == "assistant" for message in request.messages)


def who(request: Request) -> str:
    return request.messages[0].text.partition(" ")[0]


watcher = Agent("watcher", "watcher looks", tools=[look])


def test_an_agent_that_makes_the_same_call_again_and_again_is_asked_about() -> None:
    async def work(firm: Firm) -> None:
        run = await firm.start(watcher, "wait for a ship")
        question = await asked(firm)
        assert question.kind == "loop" and "same result 5 times" in question.text and len(LOOKS) == 5
        await firm.answer(question.id, "go on")
        assert await run.result() == "no ship"

    run_with(lambda r: call("look", place="sea") if turns(r) < 8 else "no ship", work, "same_call = 5")


def test_two_calls_in_turn_are_a_loop_too() -> None:
    def rule(request: Request) -> Any:
        return call("look", place=("sea", "sky")[turns(request) % 2])

    async def work(firm: Firm) -> None:
        run = await firm.start(watcher, "wait for a ship")
        question = await asked(firm)
        assert "same result 5 times" in question.text and len(LOOKS) == 10
        await firm.answer(question.id, "stop")
        with pytest.raises(LoopDetected, match="look"):
            await run.result()

    run_with(rule, work, "same_call = 5")


helper = Agent("helper", "helper helps")
boss = Agent("boss", "boss delegates", tools=[helper, look])


def test_an_agent_that_gives_the_same_work_to_another_again_and_again_is_held() -> None:
    def rule(request: Request) -> Any:
        if who(request) == "helper":
            return "done"
        return call("helper", task="tidy up") if turns(request) < 8 else "tidy"

    async def work(firm: Firm) -> None:
        run = await firm.start(boss, "keep it tidy")
        question = await asked(firm)
        assert question.kind == "brake" and "calls agent 'helper' with the same task" in question.text
        assert "5 times" in question.text
        await firm.answer(question.id, "go on")
        assert await run.result() == "tidy"

    run_with(rule, work, "same_call = 5")


def test_an_agent_that_begins_helpers_without_end_is_held_and_so_are_its_helpers_with_one_line() -> None:
    def rule(request: Request) -> Any:
        turn = turns(request)
        if who(request) == "planner" and turn < 3:  # three helpers, each of which has three …
            return [
                call("planner", task=f"part {turn}.{number} of {request.messages[1].text}")
                for number in "abc"
            ]
        return "planned"

    def reply(request: Request) -> Any:
        found = rule(request)
        if isinstance(found, list):
            calls = tuple(ToolCall(f"{number}", one.name, one.arguments) for number, one in enumerate(found))
            return Reply(calls, Usage(1, output=1), "tool_calls", "scripted")
        return found

    async def work(firm: Firm) -> None:
        run = await firm.start(planner, "plan", id="plan")
        question = await asked(firm)
        assert (
            question.kind == "brake"
            and "'planner' of run 'plan' and its helpers have begun 20 runs" in question.text
        )
        await asyncio.sleep(0.2)
        assert len(await firm.inbox()) == 1 and len(await firm.runs()) == 21
        await firm.answer(question.id, "stop")
        with pytest.raises(LoopDetected, match="have begun 20 runs.*the founder has stopped it"):
            await run.result()

    run_with(reply, work, "helpers = 20")


planner = Agent("planner", "planner plans")
give(planner, planner)


@workflow
async def many(count: int) -> int:
    return len(await gather(*(helper.run(f"piece {number}") for number in range(count))))


def test_plain_workflow_code_may_begin_as_many_agents_as_it_likes() -> None:
    async def work(firm: Firm) -> None:
        assert await (await firm.start(many, 60)).result() == 60
        assert await firm.inbox() == []

    run_with(lambda request: "done", work, "helpers = 20\nhelper_depth = 1\nsame_call = 3")


mouse = Agent("mouse", "mouse asks the cat")
cat = Agent("cat", "cat asks the mouse", tools=[mouse])
give(mouse, cat)
baton = Agent("baton", "baton hands over")
give(baton, hand_over(baton))


def test_agents_that_call_each_other_in_a_chain_are_held() -> None:
    def rule(request: Request) -> Any:
        if turns(request):
            return "squeak"
        depth = int(request.messages[1].text.rpartition(" ")[2])
        return call("cat" if who(request) == "mouse" else "mouse", task=f"ask again {depth + 1}")

    async def work(firm: Firm) -> None:
        run = await firm.start(cat, "ask 1", id="farce")
        question = await asked(firm)
        assert "4 deep in run 'farce': cat → mouse → cat → mouse" in question.text
        await firm.answer(question.id, "stop")
        with pytest.raises(LoopDetected, match="4 deep"):
            await run.result()

    run_with(rule, work, "helper_depth = 4")


def test_an_agent_that_hands_its_work_over_for_ever_is_held() -> None:
    def rule(request: Request) -> Any:
        return call("hand_over_to_baton", task="you do it")

    async def work(firm: Firm) -> None:
        run = await firm.start(baton, "do it", id="relay")
        question = await asked(firm)
        assert "agents call each other 6 deep in run 'relay'" in question.text
        await firm.answer(question.id, "stop")
        with pytest.raises(LoopDetected):
            await run.result()

    run_with(rule, work, "helper_depth = 6")


polite = Agent("polite", "polite answers")


@workflow
async def answers(other: str, first: str) -> None:
    if first:
        await send(other, "mail", first)
    while True:
        said = await receive("mail")
        await send(other, "mail", await polite.run(said))


def test_two_agents_that_answer_each_other_without_end_are_held() -> None:
    count = [0]

    def rule(request: Request) -> Any:
        count[0] += 1
        return f"Thank you, and the {count[0]}th time to you!"

    async def work(firm: Firm) -> None:
        await firm.start(answers, "ben", "", id="ann")
        await firm.start(answers, "ann", "Thank you!", id="ben")
        question = await asked(firm)
        assert "run 'ben' has answered run 'ann' 5 times since" in question.text
        await asyncio.sleep(0.2)
        assert len(await firm.inbox()) == 1 and count[0] <= 12
        await firm.answer(question.id, "stop")
        with pytest.raises(LoopDetected, match="has answered"):
            await firm.run("ben").result()

    run_with(rule, work, "exchanges = 5")


@workflow
async def crew(count: int) -> list[str]:
    return await gather(*(watcher.run(f"watch {number}") for number in range(count)))


def test_agents_wait_out_a_storm_of_refusals_with_one_line_and_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, answered = [0], Models.call

    async def refuses(self: Models, request: Request, watch: Any = None) -> Any:
        calls[0] += 1
        if turns(request) == 1 and calls[0] < 60:
            raise RateLimited("model 'default' answered 429")
        return await answered(self, request, watch)

    monkeypatch.setattr(Models, "call", refuses)
    monkeypatch.setattr(storm, "PROBE_S", 0.05)

    async def work(firm: Firm) -> None:
        storms = firm.models.storms
        assert storms is not None
        run = await firm.start(crew, 30)
        while calls[0] < 30:
            await asyncio.sleep(0.001)
        storms._storms["default"] = storm.Storm(storms._clock() - 600)  # it began long ago
        question = await asked(firm)
        assert "model 'default' answers nothing but" in question.text
        calls[0] = 60
        assert await run.result() == ["no ship"] * 30
        assert await firm.inbox() == [] and len(LOOKS) == 30  # no call of a tool was made again

    run_with(lambda request: "no ship" if turns(request) else call("look", place="sea"), work)
