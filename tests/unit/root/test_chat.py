"""`chat` bare, in an open firm, in a run, and in a run that was interrupted."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Effort, Firm, Message, Model, chat, gather, step, workflow
from firm.errors import UsageError
from firm.model import (
    BadReply,
    Delta,
    KeyRefused,
    Models,
    ModelUnavailable,
    Reply,
    Request,
    Sampling,
    ScriptedModel,
    Text,
    Tool,
    ToolCall,
    UnknownModel,
)
from firm.model.wire.fault import Fault, Kind
from firm.units import Usage

LOOKUP = Tool(
    "look_up",
    "Look a word up.",
    {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
)


class Offer(msgspec.Struct):
    """What a restaurant says."""

    name: str
    fit: float


def in_firm(answers: Any, use: Callable[[Firm], Awaitable[Any]], home: Path = Path("home")) -> Any:
    """Use a firm whose default model is scripted."""
    model = answers if isinstance(answers, ScriptedModel) else ScriptedModel(answers)

    async def inside() -> Any:
        async with Firm.open(home, models={"default": model}) as firm:
            return await use(firm)

    return asyncio.run(inside())


# --- what is asked ------------------------------------------------------------------------------------------------


def test_a_text_is_the_users_message() -> None:
    model = ScriptedModel(["hi"])

    async def use(firm: Firm) -> Reply:
        return await chat("hello", max_tokens=7, effort="low", sampling=Sampling(seed=3), urgent=True)

    reply = in_firm(model, use)
    assert reply.text == "hi"
    [request] = model.requests
    assert request.messages == (Message("user", "hello"),)
    assert (request.max_tokens, request.effort, request.sampling.seed, request.urgent) == (7, "low", 3, True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"messages": []}, "give a text, or a list of Message"),
        ({"messages": [{"role": "user", "content": "x"}]}, "give a text, or a list of Message"),
        ({"messages": "x", "max_tokens": 0}, "max_tokens=0"),
        ({"messages": "x", "max_tokens": 1.5}, "max_tokens=1.5"),
        ({"messages": "x", "effort": "much"}, "effort 'much'"),
        ({"messages": "x", "effort": Effort(target=0.9)}, "takes a level only"),
        ({"messages": "x", "tool_choice": "look_up"}, "tool_choice='look_up'"),
        ({"messages": "x", "schema": {"type": "dict"}}, "object"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_call(given: dict[str, Any], told: str) -> None:
    model = ScriptedModel(["hi"])

    async def use(firm: Firm) -> None:
        with pytest.raises(UsageError, match=told):
            await chat(**given)

    in_firm(model, use)
    assert model.requests == []


def test_an_unknown_model_is_told_with_the_nearest_name() -> None:
    async def use(firm: Firm) -> None:
        with pytest.raises(UnknownModel, match="no model is named 'defalut'; did you mean 'default'"):
            await chat("hello", model="defalut")

    in_firm(["hi"], use)


def test_outside_any_firm_a_name_means_nothing() -> None:
    with pytest.raises(UsageError, match=r"chat\(model='default'\) outside any firm"):
        asyncio.run(chat("hello"))


def test_models_alone_are_enough() -> None:
    async def inside() -> str:
        async with Models({"default": ScriptedModel(["hi"])}):
            return (await chat("hello")).text

    assert asyncio.run(inside()) == "hi"


# --- what is checked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [Offer, {"type": "object", "properties": {"name": {"type": "string"}}}])
def test_a_schema_gives_a_value(schema: Any) -> None:
    async def use(firm: Firm) -> Any:
        return (await chat("?", schema=schema)).value

    value = in_firm(['```json\n{"name": "Sole", "fit": 0.5}\n```'], use)
    assert value == (Offer("Sole", 0.5) if schema is Offer else {"name": "Sole", "fit": 0.5})


def test_a_reply_that_does_not_fit_is_repaired_once_and_both_are_counted() -> None:
    model = ScriptedModel(
        [
            Reply((Text('{"name": "Sole"}'),), Usage(10, output=5)),
            Reply((Text('{"name": "Sole", "fit": 1}'),), Usage(20, output=6)),
        ]
    )

    async def use(firm: Firm) -> Reply:
        return await chat("?", schema=Offer)

    reply = in_firm(model, use)
    assert reply.value == Offer("Sole", 1.0)
    assert reply.usage == Usage(30, output=11)
    assert "fit" in model.requests[1].messages[-1].text


def test_a_reply_that_stays_wrong_is_an_error() -> None:
    model = ScriptedModel(["no", "still no", '{"name": "late", "fit": 1}'])

    async def use(firm: Firm) -> None:
        with pytest.raises(BadReply, match="'default' at .* asked twice and still answers wrongly"):
            await chat("?", schema=Offer)

    in_firm(model, use)
    assert len(model.requests) == 2


def test_a_call_of_a_tool_that_does_not_exist_is_repaired() -> None:
    good = ToolCall("2", "look_up", '{"word": "x"}')
    model = ScriptedModel([ToolCall("1", "lookup", '{"word": "x"}'), good])

    async def use(firm: Firm) -> Reply:
        return await chat("?", tools=[LOOKUP])

    assert in_firm(model, use).tool_calls == (good,)
    assert len(model.requests) == 2


# --- in a run -----------------------------------------------------------------------------------------------------


@workflow
async def haggle(wishes: list[str]) -> list[Offer]:
    """One call a wish."""
    replies = await gather(*(chat(wish, schema=Offer) for wish in wishes), limit=3)
    return [reply.value for reply in replies]


@workflow
async def twice() -> list[str]:
    """Two calls, one after the other."""
    first = await chat("one")
    second = await chat([Message("user", "one"), first.message, Message("user", "two")])
    return [first.text, second.text]


@step
async def inner() -> str:
    """A call inside a step."""
    return (await chat("inside")).text


@workflow
async def outer() -> str:
    """A step that calls a model itself."""
    return await inner()


def test_each_call_in_a_run_is_a_journaled_step_with_its_trace() -> None:
    async def use(firm: Firm) -> Any:
        run = await firm.start(haggle, ["a", "b"], id="h")
        return await run.result(), [event.name for event in await run.events() if event.kind == "done"]

    offers, steps = in_firm(lambda request: {"name": request.messages[0].text, "fit": 1}, use)
    assert offers == [Offer("a", 1.0), Offer("b", 1.0)]
    assert steps == ["chat", "chat"]


def test_calls_of_one_run_share_a_session_that_does_not_tell_its_id() -> None:
    model = ScriptedModel(lambda request: "hi")

    async def use(firm: Firm) -> Any:
        return [await (await firm.start(twice, id=id)).result() for id in ("secret-1", "secret-2")]

    in_firm(model, use)
    one, same, other, _ = [request.session for request in model.requests]
    assert one == same != other
    assert one
    assert "secret" not in one


def test_a_reply_that_is_in_the_journal_is_never_asked_for_again() -> None:
    asked: list[str] = []
    reached = asyncio.Event()

    async def slow(request: Request) -> str:
        asked.append(request.messages[-1].text)
        if len(asked) == 2:
            reached.set()
            await asyncio.Event().wait()  # the first life ends here
        return f"answer to {asked[-1]}"

    async def first_life(firm: Firm) -> None:
        await firm.start(twice, id="t")
        await asyncio.wait_for(reached.wait(), 5)
        firm.grace_s = 0.0

    async def second_life(firm: Firm) -> Any:
        return await (await firm.start(twice, id="t")).result()

    in_firm(slow, first_life)
    assert in_firm(slow, second_life) == ["answer to one", "answer to two"]
    assert asked == ["one", "two", "two"]


def test_inside_a_step_a_call_belongs_to_the_step() -> None:
    async def use(firm: Firm) -> Any:
        run = await firm.start(outer, id="o")
        return await run.result(), [event.name for event in await run.events() if event.kind == "done"]

    assert in_firm(["hi"], use) == ("hi", ["inner"])


def test_an_error_of_a_model_reaches_the_workflow_as_itself() -> None:
    @workflow
    async def caught() -> str:
        try:
            await chat("hello")
        except KeyRefused as error:
            return str(error)
        return "none"

    async def use(firm: Firm) -> Any:
        return await (await firm.start(caught, id="c")).result()

    told = in_firm(lambda request: Fault(Kind.KEY, "no such key", status=401), use)
    assert "'default'" in told
    assert "no such key" in told


def test_a_watcher_sees_the_words_and_the_journal_is_the_same() -> None:
    seen: list[str] = []

    @workflow
    async def watched() -> str:
        return (await chat("hello", watch=lambda delta: seen.append(delta.text))).text

    async def use(firm: Firm) -> Any:
        run = await firm.start(watched, id="w")
        return await run.result()

    assert in_firm(["one two three four"], use) == "one two three four" == "".join(seen)


def test_a_watcher_that_fails_in_a_run_has_nothing_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    model = ScriptedModel(lambda request: "one two three four")

    def gone(delta: Delta) -> None:
        raise BrokenPipeError("nobody reads this any more")

    @workflow
    async def watched() -> str:
        return (await chat("hello", watch=gone)).text

    async def use(firm: Firm) -> Any:
        return await asyncio.wait_for((await firm.start(watched, id="w")).result(), 5)

    assert in_firm(model, use) == "one two three four"
    assert len(model.requests) == 1
    [record] = [record for record in caplog.records if "chat(watch=…)" in record.getMessage()]
    assert "nobody reads this any more" in record.getMessage()


@pytest.mark.parametrize("given", [None, 5, ScriptedModel(["hi"])])
def test_what_is_no_model_is_refused(given: Any) -> None:
    async def use(firm: Firm) -> None:
        with pytest.raises(UsageError, match=r"chat\(model=.*give the name of a model, or a Model"):
            await chat("hello", model=given)

    in_firm(["hi"], use)


def test_each_of_two_models_that_differ_in_their_key_alone_is_asked_with_its_own() -> None:
    asked: list[str] = []

    class Known(Models):
        def server(self, model: Model, name: str) -> Any:
            def answer(request: Request) -> str:
                asked.append(str(model.key))
                return str(model.key)

            return ScriptedModel(answer)

    @workflow
    async def ask_both() -> list[str]:
        models = [Model("http://gpu-1:8000/v1", "m", key=key) for key in ("alice", "bob", "alice")]
        return [reply.text for reply in await gather(*[chat("hello", model=model) for model in models])]

    async def use(firm: Firm) -> None:
        firm._models = Known()
        assert await (await firm.start(ask_both, id="b")).result() == ["alice", "bob", "alice"]
        asked.clear()
        replies = await asyncio.gather(
            *[chat("hello", model=Model("http://gpu-1:8000/v1", "m", key=key)) for key in ("bob", "carol")]
        )
        assert [reply.text for reply in replies] == ["bob", "carol"]

    in_firm([], use)


def test_a_model_that_is_given_as_itself_works_in_a_run_and_its_key_is_not_written() -> None:
    @workflow
    async def direct() -> str:
        try:
            await chat("hello", model=Model("http://127.0.0.1:1/v1", "m", key="sk-canary"))
        except ModelUnavailable as error:
            return str(error)
        return "none"

    async def use(firm: Firm) -> None:
        await firm.start(direct, id="d")
        for _ in range(400):
            if any(event.kind == "attempt" for event in await firm.run("d").events()):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the call was not tried")

    in_firm([], use)
    for path in Path("home/.firm").rglob("*"):
        assert not path.is_file() or b"sk-canary" not in path.read_bytes()


def test_how_a_reply_was_to_be_drawn_stands_in_its_span() -> None:
    async def use(firm: Firm) -> list[dict[str, Any]]:
        await chat("plain")
        await chat("drawn", sampling=Sampling(temperature=0, seed=7, stop=("end",)))
        return [dict(span.attributes) for span in firm.models.recorder.recent()]

    plain, drawn = in_firm(["a", "b"], use)
    assert "gen_ai.request.temperature" not in plain
    assert (drawn["gen_ai.request.temperature"], drawn["gen_ai.request.seed"]) == (0, 7)
    assert drawn["gen_ai.request.stop_sequences"] == ["end"]
