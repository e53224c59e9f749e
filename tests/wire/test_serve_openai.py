"""The official OpenAI client against our server, over a real socket."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from tests.unit.serve.served import Embedder, Live, served

from firm.model.error import ContextTooLong, ModelUnavailable, RateLimited
from firm.model.message import Image, Reasoning, Text, ToolCall, ToolResult
from firm.model.models import Given
from firm.model.reply import Reply, TokenLogprob
from firm.model.request import Delta, Request, Watch
from firm.model.scripted import ScriptedModel
from firm.units import Usage

HI: Any = [{"role": "user", "content": "hi"}]
USAGE = Usage(input=5, cache_read=7, cache_write=11, output=13, reasoning=17)
THOUGHT = Reasoning("hm", "responses", '{"type":"reasoning"}')
CALLS = (ToolCall("c1", "get", '{"town":"Ulm"}'), ToolCall("c2", "get", '{"town":"花"}'))
PARAMETERS = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
TOOLS: Any = [{"type": "function", "function": {"name": "get", "parameters": PARAMETERS}}]
FLAT: Any = [{"type": "function", "name": "get", "parameters": PARAMETERS, "strict": False}]
Use = Callable[[openai.AsyncOpenAI], Awaitable[Any]]


class Trip(BaseModel):
    """What the tests want a reply to be."""

    town: str
    days: int


def with_client(folder: Path, models: Mapping[str, Given], use: Use, **options: Any) -> Any:
    """Run `use` with the official client at a server with these models."""

    async def inside() -> Any:
        async with served(folder, models) as (server, key):
            given: dict[str, Any] = {
                "api_key": key,
                "max_retries": 0,
                "_strict_response_validation": True,
            } | options
            async with openai.AsyncOpenAI(base_url=server.url, **given) as client:
                return await use(client)

    return asyncio.run(inside())


def scripted(*parts: Any, stop: str = "stop") -> dict[str, Given]:
    """One model that always gives these parts."""
    return {"default": ScriptedModel(lambda _: Reply(tuple(parts), USAGE, stop))}


def test_a_chat_completion(tmp_path: Path) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        reply = await client.chat.completions.create(model="default", messages=HI)
        message = reply.choices[0].message
        assert message.content == "Wer nichts weiß, muß alles glauben. 花"
        assert message.reasoning_content == "hm"  # type: ignore[attr-defined]
        usage = reply.usage
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (23, 30, 53)
        assert usage.prompt_tokens_details is not None
        assert usage.prompt_tokens_details.cached_tokens == 7

    with_client(tmp_path, scripted(THOUGHT, Text("Wer nichts weiß, muß alles glauben. 花")), use)


def test_words_are_read_while_the_model_still_speaks(tmp_path: Path) -> None:
    read = asyncio.Event()

    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("one "))
        await asyncio.wait_for(read.wait(), 20)
        watch(Delta("two"))
        return Reply((Text("one two"),), USAGE)

    async def use(client: openai.AsyncOpenAI) -> None:
        words = []
        stream = await client.chat.completions.create(
            model="default", messages=HI, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            words += [choice.delta.content for choice in chunk.choices if choice.delta.content]
            if words == ["one "]:
                read.set()
        assert words == ["one ", "two"]
        assert chunk.usage is not None
        assert chunk.usage.total_tokens == 53

    with_client(tmp_path, {"default": Live(say)}, use)


def test_a_round_with_tools_whole_and_streamed(tmp_path: Path) -> None:
    def rule(request: Request) -> Reply | str:
        results = [part for part in request.messages[-1].parts if isinstance(part, ToolResult)]
        return (
            f"sunny: {[(part.name, part.text) for part in results]}"
            if results
            else Reply(CALLS, stop="tool_calls")
        )

    async def use(client: openai.AsyncOpenAI) -> None:
        first = await client.chat.completions.create(model="default", messages=HI, tools=TOOLS)
        said = first.choices[0].message
        assert [call.function.arguments for call in said.tool_calls or ()] == [
            call.arguments for call in CALLS
        ]  # type: ignore[union-attr]
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": "20 °C"} for call in said.tool_calls or ()
        ]
        messages: Any = [*HI, said, *results]
        second = await client.chat.completions.create(model="default", messages=messages, tools=TOOLS)
        assert second.choices[0].message.content == "sunny: [('get', '20 °C'), ('get', '20 °C')]"
        async with client.chat.completions.stream(model="default", messages=HI, tools=TOOLS) as stream:
            streamed = (await stream.get_final_completion()).choices[0].message
        assert [call.id for call in streamed.tool_calls or ()] == ["c1", "c2"]

    with_client(tmp_path, {"default": ScriptedModel(rule)}, use)


def test_a_reply_is_parsed_as_its_type(tmp_path: Path) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        trip = Trip(town="Ulm", days=3)
        parsed = await client.chat.completions.parse(model="default", messages=HI, response_format=Trip)
        assert parsed.choices[0].message.parsed == trip
        response = await client.responses.parse(model="default", input="hi", text_format=Trip)
        assert response.output_parsed == trip
        async with client.chat.completions.stream(
            model="default", messages=HI, response_format=Trip
        ) as stream:
            assert (await stream.get_final_completion()).choices[0].message.parsed == trip

    with_client(tmp_path, {"default": ScriptedModel({"": {"town": "Ulm", "days": 3}})}, use)


def test_a_response_whole_and_streamed_is_the_same(tmp_path: Path) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        whole = await client.responses.create(model="default", input="hi", tools=FLAT, store=False)
        assert whole.output_text == "well"
        assert [item.type for item in whole.output] == [
            "reasoning",
            "message",
            "function_call",
            "function_call",
        ]
        assert whole.usage is not None
        assert whole.usage.output_tokens_details.reasoning_tokens == 17
        kinds, words = [], []
        async with client.responses.stream(model="default", input="hi", tools=FLAT, store=False) as stream:
            async for event in stream:
                kinds.append(event.type)
                words += [event.delta] if event.type == "response.output_text.delta" else []
            streamed = await stream.get_final_response()
        assert "".join(words) == "well"
        assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 4
        assert streamed.output_text == whole.output_text
        assert [item.type for item in streamed.output] == [item.type for item in whole.output]

    async def say(request: Request, watch: Watch | None) -> Reply:
        for delta in (Delta(reasoning="hm"), Delta("we"), Delta("ll")):
            if watch is not None:
                watch(delta)
                await asyncio.sleep(0)
        return Reply((THOUGHT, Text("well"), *CALLS), USAGE, "tool_calls")

    with_client(tmp_path, {"default": Live(say)}, use)


def test_a_conversation_of_responses_goes_on_with_what_came_back(tmp_path: Path) -> None:
    model = ScriptedModel([Reply((THOUGHT, *CALLS), stop="tool_calls"), "done"])

    async def use(client: openai.AsyncOpenAI) -> None:
        first = await client.responses.create(model="default", input="hi", tools=FLAT)
        results = [
            {"type": "function_call_output", "call_id": item.call_id, "output": "20 °C"}
            for item in first.output
            if item.type == "function_call"
        ]
        again: Any = [*HI, *first.output, *results]
        assert (await client.responses.create(model="default", input=again, tools=FLAT)).output_text == "done"

    with_client(tmp_path, {"default": model}, use)
    said = model.requests[1].messages[1].parts
    assert said == (THOUGHT, *CALLS)


def test_a_picture_and_log_probabilities(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: Reply((Text("x"),), logprobs=(TokenLogprob("x", -0.5, (("x", -0.5),)),)))
    picture = f"data:image/png;base64,{base64.b64encode(b'PNG').decode()}"

    async def use(client: openai.AsyncOpenAI) -> None:
        content: Any = [
            {"type": "text", "text": "what?"},
            {"type": "image_url", "image_url": {"url": picture}},
        ]
        messages: Any = [{"role": "user", "content": content}]
        reply = await client.chat.completions.create(
            model="default", messages=messages, logprobs=True, top_logprobs=1
        )
        logprobs = reply.choices[0].logprobs
        assert logprobs is not None
        assert logprobs.content is not None
        assert logprobs.content[0].top_logprobs[0].logprob == -0.5

    with_client(tmp_path, {"default": model}, use)
    assert model.requests[0].messages[0].parts == (Text("what?"), Image(b"PNG", "image/png"))


def test_embeddings_as_the_client_asks_for_them(tmp_path: Path) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        packed = await client.embeddings.create(model="embedding", input=["a", "b"])
        plain = await client.embeddings.create(model="embedding", input="a", encoding_format="float")
        assert [item.embedding for item in packed.data] == [[0.5, -1.0], [0.25, 2.0]]
        assert plain.data[0].embedding == [0.5, -1.0]
        assert packed.usage.prompt_tokens == 6

    models = {"embedding": Embedder([0.5, -1.0], [0.25, 2.0])}
    with_client(tmp_path, models, use, _strict_response_validation=False)  # its types know no base64


def test_the_models_are_listed(tmp_path: Path) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        assert [model.id async for model in await client.models.list()] == ["big", "default"]
        assert (await client.models.retrieve("big")).id == "big"
        with pytest.raises(openai.NotFoundError, match="known here: big, default"):
            await client.models.retrieve("gpt-5")

    with_client(tmp_path, scripted(Text("x")) | {"big": ScriptedModel({})}, use)


def test_errors_are_the_clients_own(tmp_path: Path) -> None:
    raised: list[Exception] = [
        ContextTooLong("the messages have 17 tokens, 10 fit", 17, 10),
        RateLimited("too many", retry_after_s=7),
        ModelUnavailable("down"),
    ]
    models: dict[str, Given] = {"default": ScriptedModel(lambda _: raised.pop(0))}

    async def use(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as too_long:
            await client.chat.completions.create(model="default", messages=HI)
        assert too_long.value.code == "context_length_exceeded"
        with pytest.raises(openai.RateLimitError) as limited:
            await client.responses.create(model="default", input="hi", stream=True)
        assert limited.value.response.headers["retry-after"] == "7"
        with pytest.raises(openai.InternalServerError, match="down"):
            await client.responses.create(model="default", input="hi")
        with pytest.raises(openai.NotFoundError, match="known here: default"):
            await client.chat.completions.create(model="gpt-5", messages=HI)
        with pytest.raises(openai.BadRequestError, match="one request gives one reply") as many:
            await client.chat.completions.create(model="default", messages=HI, n=2)
        assert many.value.param == "n"
        with pytest.raises(openai.BadRequestError, match="no replies are kept here"):
            await client.responses.create(model="default", input="hi", previous_response_id="resp_1")
        with pytest.raises(openai.AuthenticationError, match="firm key new"):
            await client.with_options(api_key="firm-wrong").models.list()

    with_client(tmp_path, models, use)


def test_a_stream_that_breaks_raises_in_the_client(tmp_path: Path) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("one "))
        await asyncio.sleep(0.01)
        raise ModelUnavailable("the server went away")

    async def use(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.APIError, match="the server went away"):
            async for _ in await client.chat.completions.create(model="default", messages=HI, stream=True):
                pass
        events = [
            event async for event in await client.responses.create(model="default", input="hi", stream=True)
        ]
        last = events[-1]
        assert last.type == "response.failed"
        assert last.response.error is not None
        assert last.response.error.message == "the server went away"

    with_client(tmp_path, {"default": Live(say)}, use)


def test_a_body_that_is_too_large_is_refused_and_the_next_one_is_answered(tmp_path: Path) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        big: Any = [{"role": "user", "content": "x" * (21 * 1024 * 1024)}]
        with pytest.raises(openai.APIStatusError, match="at most|has more than") as refused:
            await client.chat.completions.create(model="default", messages=big)
        assert refused.value.status_code == 413
        assert (await client.chat.completions.create(model="default", messages=HI)).choices

    with_client(tmp_path, scripted(Text("x")), use)


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_away_ends_the_call(tmp_path: Path, stream: bool) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def say(request: Request, watch: Watch | None) -> Reply:
        if watch is not None:
            watch(Delta("one "))
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def use(client: openai.AsyncOpenAI) -> None:
        async def ask() -> None:
            reply: Any = await client.chat.completions.create(model="default", messages=HI, stream=stream)
            async for _ in reply:
                pass

        asking = asyncio.ensure_future(ask())
        await asyncio.wait_for(asked.wait(), 20)
        asking.cancel()
        await asyncio.wait_for(cancelled.wait(), 20)

    with_client(tmp_path, {"default": Live(say)}, use)


def test_two_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    both = asyncio.Barrier(2)

    async def say(request: Request, watch: Watch | None) -> Reply:
        async with asyncio.timeout(20):
            await both.wait()
        return Reply((Text(request.messages[0].text),))

    async def use(client: openai.AsyncOpenAI) -> None:
        async def ask(word: str) -> str | None:
            messages: Any = [{"role": "user", "content": word}]
            reply = await client.chat.completions.create(model="default", messages=messages)
            return reply.choices[0].message.content

        assert await asyncio.gather(ask("a"), ask("b")) == ["a", "b"]

    with_client(tmp_path, {"default": Live(say)}, use)
