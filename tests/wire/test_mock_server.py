"""The mock server sends what the official clients of the providers accept, on all three wires."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import openai
import pytest

from firm.testing import MockCall, MockOptions, MockReply, MockServer, mock_server
from firm.testing.mock.content import tool_results
from firm.units import Usage

MESSAGES = [{"role": "user", "content": "hi"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "town": {"type": "string", "enum": ["Ulm", "Bonn"]},
        "days": {"type": "integer", "minimum": 2},
    },
    "required": ["town", "days"],
    "additionalProperties": False,
}
USAGE = Usage(input=5, cache_read=7, cache_write=11, output=13, reasoning=17)
RICH = MockReply(
    text="Wer nichts weiß, muß alles glauben. 花は桜木",
    reasoning="What do they want?",
    tool_calls=(MockCall("weather", {"town": "Ulm"}), MockCall("clock")),
    usage=USAGE,
)


def with_openai(options: MockOptions, use: Callable[[openai.AsyncOpenAI, MockServer], Awaitable[Any]]) -> Any:
    """Run `use` with the official client."""

    async def inside() -> Any:
        async with (
            mock_server(options) as server,
            openai.AsyncOpenAI(
                base_url=server.url, api_key="sk-good", max_retries=0, _strict_response_validation=True
            ) as client,
        ):
            return await use(client, server)

    return asyncio.run(inside())


def with_anthropic(
    options: MockOptions, use: Callable[[anthropic.AsyncAnthropic, MockServer], Awaitable[Any]]
) -> Any:
    """Run `use` with the official client."""

    async def inside() -> Any:
        async with (
            mock_server(options) as server,
            anthropic.AsyncAnthropic(
                base_url=server.root, api_key="sk-good", max_retries=0, _strict_response_validation=True
            ) as client,
        ):
            return await use(client, server)

    return asyncio.run(inside())


def test_openai_reads_a_chat_completion() -> None:
    async def use(client: Any, server: MockServer) -> None:
        reply = await client.chat.completions.create(model="m", messages=MESSAGES)
        message = reply.choices[0].message
        assert message.content == RICH.text
        assert message.reasoning_content == RICH.reasoning
        assert [call.function.name for call in message.tool_calls] == ["weather", "clock"]
        assert message.tool_calls[0].function.arguments == '{"town":"Ulm"}'
        assert reply.choices[0].finish_reason == "tool_calls"
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (23, 30)
        assert reply.usage.prompt_tokens_details.cached_tokens == 7
        assert reply.usage.prompt_tokens_details.cache_write_tokens == 11
        assert reply.usage.completion_tokens_details.reasoning_tokens == 17
        assert reply._request_id == "req_00000001"
        assert server.requests[-1].body["messages"] == MESSAGES
        assert server.requests[-1].headers["authorization"] == "Bearer sk-good"

    with_openai(MockOptions(RICH), use)


def test_openai_reads_a_streamed_chat_completion() -> None:
    async def use(client: Any, _: MockServer) -> None:
        async with client.chat.completions.stream(
            model="m", messages=MESSAGES, stream_options={"include_usage": True}
        ) as stream:
            kinds = [event.type async for event in stream]
            whole = await stream.get_final_completion()
        assert kinds.count("content.delta") == 1 + 8  # the first is empty
        message = whole.choices[0].message
        assert message.content == RICH.text
        assert [call.function.arguments for call in message.tool_calls] == ['{"town":"Ulm"}', "{}"]
        assert whole.choices[0].finish_reason == "tool_calls"
        assert whole.usage.total_tokens == USAGE.total

    with_openai(MockOptions(RICH, comments=True), use)


def test_openai_reads_a_response() -> None:
    async def use(client: Any, _: MockServer) -> None:
        reply = await client.responses.create(model="m", input="hi", store=False)
        assert [item.type for item in reply.output] == [
            "reasoning",
            "message",
            "function_call",
            "function_call",
        ]
        assert reply.output_text == RICH.text
        assert reply.output[0].summary[0].text == RICH.reasoning
        assert reply.output[2].arguments == '{"town":"Ulm"}'
        assert reply.status == "completed"
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (23, 30)
        assert reply.usage.input_tokens_details.cached_tokens == 7
        assert reply.usage.output_tokens_details.reasoning_tokens == 17

    with_openai(MockOptions(RICH), use)


def test_openai_reads_a_streamed_response() -> None:
    async def use(client: Any, _: MockServer) -> None:
        async with client.responses.stream(model="m", input="hi") as stream:
            events = [event async for event in stream]
            whole = await stream.get_final_response()
        kinds = [event.type for event in events]
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert kinds.count("response.output_text.delta") == 8
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert whole.output_text == RICH.text
        assert whole.output[2].name == "weather"

    with_openai(MockOptions(RICH), use)


def test_a_cut_response_says_that_it_is_incomplete() -> None:
    async def use(client: Any, _: MockServer) -> None:
        reply = await client.responses.create(model="m", input="hi")
        assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        stream = await client.responses.create(model="m", input="hi", stream=True)
        assert [event.type async for event in stream][-1] == "response.incomplete"

    with_openai(MockOptions(MockReply(stop="length")), use)


def test_anthropic_reads_a_message() -> None:
    async def use(client: Any, server: MockServer) -> None:
        reply = await client.messages.create(model="m", max_tokens=9, messages=MESSAGES)
        assert [block.type for block in reply.content] == ["thinking", "text", "tool_use", "tool_use"]
        assert reply.content[1].text == RICH.text
        assert reply.content[2].input == {"town": "Ulm"}
        assert reply.stop_reason == "tool_use"
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (5, 30)
        assert reply.usage.cache_read_input_tokens == 7
        assert reply.usage.cache_creation_input_tokens == 11
        assert reply.usage.output_tokens_details.thinking_tokens == 17
        assert reply._request_id == "req_00000001"
        assert server.requests[-1].headers["authorization"] == "Bearer sk-good"

    with_anthropic(MockOptions(RICH), use)


def test_anthropic_reads_a_streamed_message() -> None:
    async def use(client: Any, _: MockServer) -> None:
        async with client.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream:
            texts = [text async for text in stream.text_stream]
            whole = await stream.get_final_message()
        assert len(texts) == 8
        assert "".join(texts) == RICH.text
        assert whole.content[0].thinking == RICH.reasoning
        assert whole.content[0].signature
        assert whole.content[2].input == {"town": "Ulm"}
        assert whole.content[3].input == {}
        assert whole.usage.output_tokens == 30

    with_anthropic(MockOptions(RICH), use)


def test_openai_reads_embeddings() -> None:
    async def use(client: Any, server: MockServer) -> None:
        given: Any = {"model": "m", "input": ["a", "b", "a"], "dimensions": 5}
        reply = await client.embeddings.create(**given, encoding_format="float")
        one, two, again = (item.embedding for item in reply.data)
        assert sum(value * value for value in one) == pytest.approx(1)
        assert one == again
        assert one != two
        async with openai.AsyncOpenAI(base_url=server.url, api_key="sk") as lax:
            short = await lax.embeddings.create(**given)  # asks for base64, and decodes it after validation
        assert list(short.data[1].embedding) == pytest.approx(two, abs=1e-6)
        assert server.requests[-1].body["encoding_format"] == "base64"

    with_openai(MockOptions(), use)


def test_both_clients_list_the_models() -> None:
    async def use(client: Any, _: MockServer) -> None:
        assert [model.id async for model in await client.models.list()] == ["big", "small"]

    async def use_too(client: Any, _: MockServer) -> None:
        assert [model.id async for model in client.models.list()] == ["big", "small"]

    with_openai(MockOptions(models=("big", "small")), use)
    with_anthropic(MockOptions(models=("big", "small")), use_too)


def test_a_required_tool_is_called_with_arguments_that_fit() -> None:
    async def use(client: Any, server: MockServer) -> None:
        tools = [
            {"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("one", "two")
        ]
        named = {"type": "function", "function": {"name": "two"}}
        for choice, expected in (("required", "one"), (named, "two")):
            reply = await client.chat.completions.create(
                model="m", messages=MESSAGES, tools=tools, tool_choice=choice
            )
            call = reply.choices[0].message.tool_calls[0].function
            assert (call.name, call.arguments) == (expected, '{"town":"Ulm","days":2}')
        server.options = MockOptions(honours_required=False)
        reply = await client.chat.completions.create(
            model="m", messages=MESSAGES, tools=tools, tool_choice="required"
        )
        assert reply.choices[0].message.tool_calls is None

    with_openai(MockOptions(), use)


def test_a_required_tool_is_called_on_the_other_wires_too() -> None:
    async def use(client: Any, _: MockServer) -> None:
        tools = [{"type": "function", "name": "one", "parameters": SCHEMA}]
        reply = await client.responses.create(model="m", input="hi", tools=tools, tool_choice="required")
        assert reply.output[0].name == "one"

    async def use_too(client: Any, _: MockServer) -> None:
        tools = [{"name": "one", "input_schema": SCHEMA}]
        reply = await client.messages.create(
            model="m", max_tokens=9, messages=MESSAGES, tools=tools, tool_choice={"type": "any"}
        )
        assert reply.content[0].input == {"town": "Ulm", "days": 2}

    with_openai(MockOptions(), use)
    with_anthropic(MockOptions(), use_too)


def test_tools_are_called_in_turn_until_there_are_results_enough() -> None:
    tools: list[Any] = [
        {"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("one", "two")
    ]

    async def use(client: openai.AsyncOpenAI, server: MockServer) -> list[Any]:
        messages: list[Any] = [*MESSAGES]
        said: list[Any] = []
        while True:
            reply = await client.chat.completions.create(model="mock", messages=messages, tools=tools)
            message = reply.choices[0].message
            if not message.tool_calls:
                return [*said, message.content]
            call: Any = message.tool_calls[0]
            said.append((call.function.name, json.loads(call.function.arguments)["days"]))
            messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "ok"}]

    said = with_openai(MockOptions(tool_turns=3, reply="done"), use)
    assert said == [("one", 0), ("two", 1), ("one", 2), "done"]


def test_results_of_tools_are_counted_on_the_other_wires_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": "ok"}
    assert tool_results({"messages": [*MESSAGES, {"role": "user", "content": [result, result]}]}) == 2
    assert tool_results({"input": [{"type": "function_call_output", "call_id": "a", "output": "ok"}]}) == 1
    assert tool_results({"input": "hi"}) == 0


def test_a_schema_is_honoured_or_ignored() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "trip", "schema": SCHEMA, "strict": True}}

    async def use(client: Any, server: MockServer) -> None:
        async def text() -> str:
            reply = await client.chat.completions.create(model="m", messages=MESSAGES, response_format=form)
            return str(reply.choices[0].message.content)

        assert await text() == '{"town":"Ulm","days":2}'
        server.options = MockOptions("no JSON here", honours_schema=False)
        assert await text() == "no JSON here"

    with_openai(MockOptions(), use)


def test_log_probabilities_come_when_asked_for_and_able() -> None:
    async def use(client: Any, server: MockServer) -> None:
        async def tokens() -> Any:
            reply = await client.chat.completions.create(
                model="m", messages=MESSAGES, logprobs=True, top_logprobs=2
            )
            return reply.choices[0].logprobs

        found = (await tokens()).content
        assert [token.token for token in found] == ["Hello", " from", " the", " mock."]
        assert [len(token.top_logprobs) for token in found] == [2, 2, 2, 2]
        async with client.chat.completions.stream(model="m", messages=MESSAGES, logprobs=True) as stream:
            whole = await stream.get_final_completion()
        assert "".join(token.token for token in whole.choices[0].logprobs.content) == "Hello from the mock."
        server.options = MockOptions(logprobs=False)
        assert await tokens() is None

    with_openai(MockOptions(), use)


def test_log_probabilities_come_in_responses_too() -> None:
    async def use(client: Any, _: MockServer) -> None:
        given: Any = {
            "model": "m",
            "input": "hi",
            "top_logprobs": 1,
            "include": ["message.output_text.logprobs"],
        }
        reply = await client.responses.create(**given)
        assert [token.token for token in reply.output[0].content[0].logprobs][:2] == ["Hello", " from"]
        stream = await client.responses.create(**given, stream=True)
        deltas = [event async for event in stream if event.type == "response.output_text.delta"]
        found = [token.token for event in deltas for token in event.logprobs]
        assert "".join(found) == "Hello from the mock."

    with_openai(MockOptions(), use)


def test_a_wrong_key_is_refused_in_the_words_of_the_provider() -> None:
    async def use(client: Any, _: MockServer) -> None:
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key") as caught:
            await client.chat.completions.create(model="m", messages=MESSAGES)
        assert caught.value.code == "invalid_api_key"

    async def use_too(client: Any, _: MockServer) -> None:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            await client.messages.create(model="m", max_tokens=9, messages=MESSAGES)

    with_openai(MockOptions(key="sk-other"), use)
    with_anthropic(MockOptions(key="sk-other"), use_too)


def test_the_right_key_and_a_known_model_are_let_in() -> None:
    async def use(client: Any, _: MockServer) -> None:
        assert (await client.chat.completions.create(model="big", messages=MESSAGES)).model == "big"
        with pytest.raises(openai.NotFoundError, match="`small` does not exist") as caught:
            await client.chat.completions.create(model="small", messages=MESSAGES)
        assert caught.value.code == "model_not_found"

    with_openai(MockOptions(key="sk-good", models=("big",)), use)


def test_a_script_answers_by_rule() -> None:
    def script(body: dict[str, Any]) -> MockReply | str | None:
        said = body["messages"][-1]["content"]
        return {"tool": MockReply(tool_calls=(MockCall("weather"),)), "text": "by rule"}.get(said)

    async def use(client: Any, _: MockServer) -> None:
        async def ask(said: str) -> Any:
            reply = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": said}]
            )
            return reply.choices[0].message

        assert (await ask("tool")).tool_calls[0].function.name == "weather"
        assert (await ask("text")).content == "by rule"
        assert (await ask("else")).content == "otherwise"

    with_openai(MockOptions("otherwise", script=script), use)
