"""The official `openai` and `anthropic` packages as oracles.

What is sent is what their types describe, down to the last key; what comes is read as they read it.
"""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import message_create_params as anthropic_params
from openai.types import CreateEmbeddingResponse, EmbeddingCreateParams
from openai.types.chat import ChatCompletion
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import Response
from openai.types.responses import response_create_params as responses_params
from pydantic import TypeAdapter
from tests.wire.said import HOSTED, REQUESTS, WIRES, body, golden, names, read, watch

from firm.model.reply import Reply
from firm.model.wire.embeddings import body_of, embeddings_of

PARAMS: dict[tuple[str, bool], Any] = {
    ("chat", False): chat_params.CompletionCreateParamsNonStreaming,
    ("chat", True): chat_params.CompletionCreateParamsStreaming,
    ("responses", False): responses_params.ResponseCreateParamsNonStreaming,
    ("responses", True): responses_params.ResponseCreateParamsStreaming,
    ("anthropic", False): anthropic_params.MessageCreateParamsNonStreaming,
    ("anthropic", True): anthropic_params.MessageCreateParamsStreaming,
}
OLD_MODELS_ONLY = {"temperature", "top_p"}
"""What the `anthropic` package no longer has a name for; the provider takes it for older models."""
IMITATORS = ("loose", "error", "failed", "half", "empty-end")
"""Golden files whose shape is not the official one, or that are no replies."""
ANTHROPIC_STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "filter",
}


def official(begin: str, end: str) -> list[tuple[str, str]]:
    return [
        (wire, name)
        for wire in WIRES
        for name in names(wire, begin, end)
        if not any([word in name for word in IMITATORS])
    ]


def plain(value: Any) -> Any:
    """What a validator gave, its lazy lists read to their end."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    return [plain(item) for item in value]


def agree_chat(reply: Reply, found: ChatCompletion) -> None:
    [choice] = found.choices
    assert found.usage is not None
    assert reply.text == (choice.message.content or choice.message.refusal or "")
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
        (call.id, call.function.name, call.function.arguments)
        for call in choice.message.tool_calls or ()
        if call.type == "function"
    ]
    assert (reply.usage.read, reply.usage.written) == (
        found.usage.prompt_tokens,
        found.usage.completion_tokens,
    )
    assert reply.usage.total == found.usage.total_tokens
    assert {"filter": "content_filter"}.get(reply.stop, reply.stop) == choice.finish_reason
    assert (reply.model, reply.request_id) == (found.model, found.id)
    said = choice.logprobs.content if choice.logprobs is not None else None
    assert [(token.token, token.logprob) for token in reply.logprobs] == [
        (token.token, token.logprob) for token in said or ()
    ]


def agree_responses(reply: Reply, found: Response) -> None:
    assert found.usage is not None
    refusals = [
        piece.refusal
        for item in found.output
        if item.type == "message"
        for piece in item.content
        if piece.type == "refusal"
    ]
    assert reply.text == found.output_text + "".join(refusals)
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
        (item.call_id, item.name, item.arguments) for item in found.output if item.type == "function_call"
    ]
    usage = found.usage
    assert (reply.usage.read, reply.usage.written) == (usage.input_tokens, usage.output_tokens)
    assert reply.usage.total == usage.total_tokens
    assert reply.usage.cache_read == usage.input_tokens_details.cached_tokens
    assert reply.usage.cache_write == usage.input_tokens_details.cache_write_tokens
    assert reply.usage.reasoning == usage.output_tokens_details.reasoning_tokens
    assert (reply.stop in ("length", "filter")) == (found.status == "incomplete")
    assert (reply.model, reply.request_id) == (found.model, found.id)


def agree_anthropic(reply: Reply, found: AnthropicMessage) -> None:
    assert reply.text == "".join([block.text for block in found.content if block.type == "text"])
    assert reply.reasoning == "".join([block.thinking for block in found.content if block.type == "thinking"])
    assert [(call.id, call.name, call.decode()) for call in reply.tool_calls] == [
        (block.id, block.name, block.input) for block in found.content if block.type == "tool_use"
    ]
    usage = found.usage
    assert reply.usage.input == usage.input_tokens
    assert reply.usage.cache_read == (usage.cache_read_input_tokens or 0)
    assert reply.usage.cache_write == (usage.cache_creation_input_tokens or 0)
    assert reply.usage.written == usage.output_tokens
    assert reply.stop == ANTHROPIC_STOPS[found.stop_reason or ""]
    assert (reply.model, reply.request_id) == (found.model, found.id)


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Any]]:
    """Official clients on a transport that answers with what stands under `body`."""
    state: dict[str, Any] = {}

    def answer(request: httpx2.Request) -> httpx2.Response:
        kind = "text/event-stream" if state["body"][:1] in (b"d", b"e", b":") else "application/json"
        return httpx2.Response(200, content=state["body"], headers={"content-type": kind})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        state["openai"] = openai.OpenAI(api_key="k", base_url="http://model.test/v1", http_client=http)
        state["anthropic"] = anthropic.Anthropic(api_key="k", base_url="http://model.test", http_client=http)
        yield state


@pytest.mark.parametrize("name", [*REQUESTS, "stream"])
@pytest.mark.parametrize("wire", WIRES)
def test_request_is_what_the_official_types_describe(wire: str, name: str) -> None:
    sent = json.loads(body(wire, "text" if name == "stream" else name, stream=name == "stream"))
    unknown = OLD_MODELS_ONLY & sent.keys() if wire == "anthropic" else set()
    adapter: TypeAdapter[Any] = TypeAdapter(PARAMS[wire, name == "stream"])
    assert plain(adapter.validate_python(sent)) == {key: sent[key] for key in sent.keys() - unknown}


@pytest.mark.parametrize(("wire", "name"), official("reply-", ".json"))
def test_reply_is_read_as_the_official_types_read_it(wire: str, name: str) -> None:
    reply, data = read(wire, name), golden(wire, name)
    if wire == "chat":
        agree_chat(reply, ChatCompletion.model_validate_json(data))
    elif wire == "responses":
        agree_responses(reply, Response.model_validate_json(data))
    else:
        agree_anthropic(reply, AnthropicMessage.model_validate_json(data))


@pytest.mark.parametrize(("wire", "name"), official("stream-", ".sse"))
def test_stream_ends_in_the_message_that_the_official_clients_build(
    wire: str, name: str, served: dict[str, Any]
) -> None:
    served["body"] = golden(wire, name)
    reply, deltas = watch(wire, name)
    said = [{"role": "user", "content": "Hi"}]
    if wire == "chat":
        with served["openai"].chat.completions.stream(model="m", messages=said) as stream:
            agree_chat(reply, stream.get_final_completion())
    elif wire == "responses":
        with served["openai"].responses.stream(model="m", input="Hi") as stream:
            events = list(stream)
        agree_responses(reply, events[-1].response)
    else:
        with served["anthropic"].messages.stream(model="m", messages=said, max_tokens=9) as stream:
            agree_anthropic(reply, stream.get_final_message())
    assert "".join([delta.text for delta in deltas]) == reply.text


def test_embeddings_are_sent_and_read_as_the_official_types_do(served: dict[str, Any]) -> None:
    sent = json.loads(body_of(["a", "b"], HOSTED, dimensions=2))
    assert plain(TypeAdapter(EmbeddingCreateParams).validate_python(sent)) == sent
    served["body"] = golden("chat", "embeddings.json")
    theirs = CreateEmbeddingResponse.model_validate_json(served["body"])
    ours = embeddings_of(served["body"], 2)
    assert [list(vector) for vector in ours.vectors] == [
        item.embedding for item in sorted(theirs.data, key=lambda item: item.index)
    ]
    assert ours.usage.total == theirs.usage.total_tokens
    served["body"] = golden("chat", "embeddings-base64.json")
    found = served["openai"].embeddings.create(model="m", input=["a", "b"])
    assert [list(vector) for vector in embeddings_of(served["body"], 2).vectors] == [
        list(item.embedding) for item in found.data
    ]
