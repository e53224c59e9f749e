"""The official Anthropic client against our server, over a real socket."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anthropic
import pytest
from tests.unit.serve.served import Live, served

from firm.model.error import ContextTooLong, ModelUnavailable, RateLimited
from firm.model.message import Reasoning, Text, ToolCall, ToolResult
from firm.model.models import Given
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Watch
from firm.model.scripted import ScriptedModel
from firm.units import Usage

HI: Any = [{"role": "user", "content": "hi"}]
USAGE = Usage(input=5, cache_read=7, cache_write=11, output=13, reasoning=17)
THOUGHT = Reasoning("hm", "anthropic", '{"type":"thinking","signature":"s"}')
CALLS = (ToolCall("c1", "get", '{"town":"Ulm"}'), ToolCall("c2", "get", '{"town":"花"}'))
TOOLS: Any = [{"name": "get", "input_schema": {"type": "object", "properties": {"town": {"type": "string"}}}}]
Use = Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]


def with_client(folder: Path, models: Mapping[str, Given], use: Use) -> Any:
    """Run `use` with the official client at a server with these models."""

    async def inside() -> Any:
        async with (
            served(folder, models) as (server, key),
            anthropic.AsyncAnthropic(
                base_url=server.root, api_key=key, max_retries=0, _strict_response_validation=True
            ) as client,
        ):
            return await use(client)

    return asyncio.run(inside())


def test_a_message_whole_and_streamed_is_the_same(tmp_path: Path) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        for delta in (Delta(reasoning="hm"), Delta("we"), Delta("ll")):
            if watch is not None:
                watch(delta)
                await asyncio.sleep(0)
        return Reply((THOUGHT, Text("well"), *CALLS), USAGE, "tool_calls")

    async def use(client: anthropic.AsyncAnthropic) -> None:
        whole = await client.messages.create(model="default", max_tokens=99, messages=HI, tools=TOOLS)
        assert [block.type for block in whole.content] == ["thinking", "text", "tool_use", "tool_use"]
        assert whole.stop_reason == "tool_use"
        assert (whole.usage.input_tokens, whole.usage.output_tokens) == (5, 30)
        assert (whole.usage.cache_read_input_tokens, whole.usage.cache_creation_input_tokens) == (7, 11)
        async with client.messages.stream(model="default", max_tokens=99, messages=HI, tools=TOOLS) as stream:
            words = [text async for text in stream.text_stream]
            streamed = await stream.get_final_message()
        assert words == ["we", "ll"]
        assert [block.model_dump() for block in streamed.content] == [
            block.model_dump() for block in whole.content
        ]
        assert streamed.usage.output_tokens == 30
        assert streamed.stop_reason == "tool_use"

    with_client(tmp_path, {"default": Live(say)}, use)


def test_words_are_read_while_the_model_still_speaks(tmp_path: Path) -> None:
    read = asyncio.Event()

    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("one "))
        await asyncio.wait_for(read.wait(), 20)
        watch(Delta("two"))
        return Reply((Text("one two"),))

    async def use(client: anthropic.AsyncAnthropic) -> None:
        words = []
        async with client.messages.stream(model="default", max_tokens=99, messages=HI) as stream:
            async for text in stream.text_stream:
                words.append(text)
                read.set()
        assert words == ["one ", "two"]

    with_client(tmp_path, {"default": Live(say)}, use)


def test_a_conversation_goes_on_with_what_came_back(tmp_path: Path) -> None:
    model = ScriptedModel([Reply((THOUGHT, *CALLS), stop="tool_calls"), "done"])

    async def use(client: anthropic.AsyncAnthropic) -> None:
        first = await client.messages.create(model="default", max_tokens=99, messages=HI, tools=TOOLS)
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "20 °C", "is_error": False}
            for block in first.content
            if block.type == "tool_use"
        ]
        again: Any = [
            *HI,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        second = await client.messages.create(
            model="default", max_tokens=99, messages=again, tools=TOOLS, system="be brief"
        )
        assert [block.text for block in second.content if block.type == "text"] == ["done"]

    with_client(tmp_path, {"default": model}, use)
    system, _, said, results = model.requests[1].messages
    assert (system.role, system.text) == ("system", "be brief")
    assert said.parts[0] == THOUGHT
    assert [part.decode() for part in said.parts if isinstance(part, ToolCall)] == [
        {"town": "Ulm"},
        {"town": "花"},
    ]
    assert results.parts == (ToolResult("c1", "20 °C", "get"), ToolResult("c2", "20 °C", "get"))


def test_the_models_are_listed(tmp_path: Path) -> None:
    async def use(client: anthropic.AsyncAnthropic) -> None:
        assert [model.id async for model in await client.models.list()] == ["big", "default"]
        assert (await client.models.retrieve("big")).id == "big"

    with_client(tmp_path, {"default": ScriptedModel({}), "big": ScriptedModel({})}, use)


def test_errors_are_the_clients_own(tmp_path: Path) -> None:
    raised: list[Exception] = [
        ContextTooLong("the messages have 17 tokens, 10 fit", 17, 10),
        RateLimited("too many", retry_after_s=7),
        ModelUnavailable("down"),
    ]
    models: dict[str, Given] = {"default": ScriptedModel(lambda _: raised.pop(0))}

    async def use(client: anthropic.AsyncAnthropic) -> None:
        given: Any = {"model": "default", "max_tokens": 9, "messages": HI}
        with pytest.raises(anthropic.BadRequestError, match="10 fit"):
            await client.messages.create(**given)
        with pytest.raises(anthropic.RateLimitError):
            await client.messages.create(**given, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
            await client.messages.create(**given)
        with pytest.raises(anthropic.NotFoundError, match="known here: default"):
            await client.messages.create(**(given | {"model": "claude"}))
        with pytest.raises(anthropic.AuthenticationError, match="firm key new"):
            await client.with_options(api_key="firm-wrong").messages.create(**given)

    with_client(tmp_path, models, use)


def test_a_stream_that_breaks_raises_in_the_client(tmp_path: Path) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("one "))
        await asyncio.sleep(0.01)
        raise ModelUnavailable("the server went away")

    async def use(client: anthropic.AsyncAnthropic) -> None:
        with pytest.raises(anthropic.APIStatusError, match="the server went away"):
            async with client.messages.stream(model="default", max_tokens=9, messages=HI) as stream:
                async for _ in stream.text_stream:
                    pass

    with_client(tmp_path, {"default": Live(say)}, use)
