"""The application as ASGI has it: who comes in, what is answered, and what is told when it cannot be."""

import asyncio
import base64
import json
import logging
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.unit.serve.served import Answer, Embedder, Live, api_of, ask

import firm.serve.answer
import firm.serve.api
from firm.errors import BudgetExceeded, PolicyDenied
from firm.model.error import (
    BadRequest,
    ContextTooLong,
    KeyRefused,
    ModelUnavailable,
    NoModel,
    NotAble,
    RateLimited,
    ReplyFiltered,
)
from firm.model.message import Reasoning, Text, ToolCall
from firm.model.reply import Reply, TokenLogprob
from firm.model.request import Delta, Request, Watch
from firm.model.scripted import ScriptedModel
from firm.serve.api import Api
from firm.serve.dialect import Asked, Dialect
from firm.serve.keys import FILE
from firm.serve.refusal import refusal_of
from firm.units import Usage

HI = [{"role": "user", "content": "hi"}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "default", "messages": HI},
    "/v1/responses": {"model": "default", "input": "hi"},
    "/v1/messages": {"model": "default", "messages": HI, "max_tokens": 50},
}
CHAT = "/v1/chat/completions"
USAGE = Usage(input=5, cache_read=7, cache_write=11, output=13, reasoning=17)
SEALED = Reasoning("hm", "anthropic", '{"type":"thinking","signature":"s"}')
CALLS = (ToolCall("c1", "get", '{"town":"Ulm"}'), ToolCall("c2", "get", '{"town":"Bonn"}'))
TOOLS: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [{"type": "function", "function": {"name": "get"}}],
    "/v1/responses": [{"type": "function", "name": "get"}],
    "/v1/messages": [{"name": "get", "input_schema": {"type": "object"}}],
}
TOWN = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
paths = pytest.mark.parametrize("path", list(BODIES))


def go(folder: Path, model: Any, path: str = CHAT, body: object = None, **more: Any) -> Answer:
    """Ask an application with this one model."""

    async def inside() -> Answer:
        api, key = api_of(folder, {"default": model})
        return await ask(api, path, body, **({"key": key} | more))

    return asyncio.run(inside())


def rich() -> ScriptedModel:
    parts = (SEALED, Text("well"), *CALLS)
    return ScriptedModel(lambda _: Reply(parts, USAGE, "tool_calls", "scripted-1"))


def error_of(path: str, answer: Answer) -> Any:
    """The error in a body, in the shape of its protocol."""
    body = answer.json
    if path == "/v1/messages":
        assert body["type"] == "error"
    else:
        assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]


# --- who comes in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*BODIES, "/v1/embeddings", "/v1/models", "/v1/nothing", "/"])
def test_without_a_key_nothing_is_told_and_nothing_is_asked(tmp_path: Path, path: str) -> None:
    model = ScriptedModel({"": "yes"})
    for key in ("", "firm-wrong"):
        answer = (
            go(tmp_path / (key or "none"), model, path, b"{}", key=key) if not _made(tmp_path, key) else None
        )
        assert answer is not None
        assert answer.status == 401
        assert answer.headers[b"www-authenticate"] == b"Bearer"
        assert error_of(path, answer)["type"] == "authentication_error"
    assert model.requests == []


def _made(folder: Path, key: str) -> None:
    (folder / (key or "none")).mkdir()


def test_a_key_comes_in_either_header(tmp_path: Path) -> None:
    async def inside() -> list[int]:
        api, key = api_of(tmp_path, {"default": ScriptedModel({"": "yes"})})
        given = (
            (b"x-api-key", key.encode()),
            (b"authorization", b"bearer " + key.encode()),
            (b"authorization", b"Basic " + key.encode()),
        )
        return [(await ask(api, "/v1/models", headers=[header])).status for header in given]

    assert asyncio.run(inside()) == [200, 200, 401]


def test_a_key_is_looked_for_in_the_other_header_where_one_is_empty(tmp_path: Path) -> None:
    async def inside() -> int:
        api, key = api_of(tmp_path, {"default": ScriptedModel({"": "yes"})})
        headers = [(b"authorization", b"Bearer "), (b"x-api-key", key.encode())]
        return (await ask(api, "/v1/models", headers=headers)).status

    assert asyncio.run(inside()) == 200


@pytest.mark.parametrize("name", ["authorization", "host"])
def test_a_header_that_must_be_one_may_not_stand_twice(tmp_path: Path, name: str) -> None:
    headers = [(name.encode(), b"evil.example")]
    answer = go(tmp_path, ScriptedModel({"": "yes"}), "/v1/models", headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, "repeated_header")


def test_a_body_that_is_packed_is_named(tmp_path: Path) -> None:
    answer = go(
        tmp_path, ScriptedModel({"": "yes"}), body=b"\x1f\x8b", headers=[(b"content-encoding", b"gzip")]
    )
    assert (answer.status, "packed as 'gzip'" in answer.json["error"]["message"]) == (415, True)


def test_a_model_is_found_by_its_name_whatever_is_in_it(tmp_path: Path) -> None:
    async def inside() -> list[Any]:
        api, key = api_of(tmp_path, {"a%20b": ScriptedModel({}), "c/d": ScriptedModel({})})
        paths = ["/v1/models/a%20b", "/v1/models/c/d"]  # as ASGI has them, with nothing left to decode
        return [(await ask(api, path, key=key)).json["id"] for path in paths]

    assert asyncio.run(inside()) == ["a%20b", "c/d"]


def test_a_large_body_is_read_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def read(dialect: Dialect, body: bytes, caller: str) -> Asked:
        threads.append(threading.current_thread().name)
        return firm.serve.answer.read(dialect, body, caller)

    monkeypatch.setattr(firm.serve.api, "read", read)
    for size in (10, firm.serve.api.LARGE_BYTES):
        body = BODIES[CHAT] | {"messages": [{"role": "user", "content": "x" * size}]}
        (tmp_path / str(size)).mkdir()
        assert go(tmp_path / str(size), ScriptedModel({"": "yes"}), body=body).status == 200
    assert threads[0] == "MainThread"
    assert threads[1] != "MainThread"


@paths
def test_schemas_of_tools_may_not_be_large_together(tmp_path: Path, path: str) -> None:
    schema = {"type": "object", "description": "x" * 400_000}
    tools: list[dict[str, Any]] = json.loads(json.dumps(TOOLS[path] * 3))
    for number, tool in enumerate(tools):
        inner = tool.get("function", tool)
        inner["name"] = f"get{number}"
        inner["input_schema" if path == "/v1/messages" else "parameters"] = schema
    answer = go(tmp_path, ScriptedModel({"": "yes"}), path, BODIES[path] | {"tools": tools})
    assert (answer.status, "together are taken" in answer.json["error"]["message"]) == (400, True)


def pieces(path: str, events: list[Any]) -> list[str]:
    """The words of a stream as they came."""
    objects = [event for event in events if isinstance(event, dict)]
    if path == CHAT:
        return [event["choices"][0]["delta"].get("content") or "" for event in objects]
    kind = "content_block_delta" if path == "/v1/messages" else "response.output_text.delta"
    deltas = [event["delta"] for event in objects if event["type"] == kind]
    return [delta if isinstance(delta, str) else delta["text"] for delta in deltas]


@paths
def test_words_of_a_model_make_no_events_of_their_own(tmp_path: Path, path: str) -> None:
    words = "a\n\ndata: [DONE]\n\nevent: x\rdata: y\x85z\u2028\u2029\x0b\x0c\x1c\x00b"
    answer = go(tmp_path, ScriptedModel({"": words}), path, BODIES[path] | {"stream": True})
    told = answer.body.decode()
    assert told.splitlines() == told.split("\n")[:-1]
    assert "".join(pieces(path, answer.events)) == words
    assert answer.events.count("[DONE]") == (path == CHAT)


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_a_page_of_another_origin_is_told_nothing_and_may_read_nothing(tmp_path: Path, method: str) -> None:
    asked: list[Request] = []
    headers = [(b"origin", b"http://evil.example"), (b"content-type", b"text/plain")]
    headers.append((b"access-control-request-method", b"POST"))
    model = ScriptedModel(lambda request: asked.append(request) or "yes")
    answer = go(tmp_path, model, CHAT, BODIES[CHAT], method=method, key="", headers=headers)
    assert answer.status == 401
    assert not [name for name in answer.headers if name.startswith(b"access-control")]
    assert asked == []


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path) -> None:
    async def inside() -> Answer:
        api, key = api_of(tmp_path, {"default": ScriptedModel({"": "yes"})})
        (tmp_path / FILE).write_bytes(b"junk")
        return await ask(api, "/v1/models", key=key)

    assert asyncio.run(inside()).status == 503


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil.example",
        "localhost:evil.example",
        "evil.example@localhost:1",
        "[::1]evil.example",
        "[::2]",
        "10.0.0.1",
    ],
)
def test_a_name_that_is_not_this_machines_is_refused(tmp_path: Path, host: str) -> None:
    answer = go(tmp_path, ScriptedModel({"": "yes"}), "/v1/models", host=host)
    assert (answer.status, answer.json["error"]["code"]) == (421, "wrong_host")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.2:1", "localhost:1", "[::1]:8420", "[::1]", "LOCALHOST"]
)
def test_the_names_of_this_machine_are_fine(tmp_path: Path, host: str) -> None:
    assert go(tmp_path, ScriptedModel({"": "yes"}), "/v1/models", host=host).status == 200


def test_other_names_are_fine_where_other_machines_may_come(tmp_path: Path) -> None:
    async def inside() -> int:
        api, key = api_of(tmp_path, {}, local=False)
        return (await ask(api, "/v1/models", key=key, host="gpu.example")).status

    assert asyncio.run(inside()) == 200


def test_other_paths_and_methods_say_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    nowhere = go(tmp_path, ScriptedModel({"": "yes"}), "/v1/completions", {})
    assert (nowhere.status, "/v1/responses" in nowhere.json["error"]["message"]) == (404, True)
    got = go(tmp_path / "a", ScriptedModel({"": "yes"}), CHAT)
    assert (got.status, "send POST" in got.json["error"]["message"]) == (405, True)


# --- answers ---------------------------------------------------------------------------------------------------


def test_a_chat_completion_has_everything_of_the_reply(tmp_path: Path) -> None:
    model = rich()
    answer = go(tmp_path, model, CHAT, BODIES[CHAT] | {"tools": TOOLS[CHAT]})
    body = answer.json
    (choice,) = body["choices"]
    message = choice["message"]
    assert (message["content"], message["reasoning_content"]) == ("well", "hm")
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == [c.arguments for c in CALLS]
    assert (choice["finish_reason"], body["model"]) == ("tool_calls", "default")
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (23, 30)
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 7, "cache_write_tokens": 11}
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 17}
    assert model.requests[0].urgent


def test_a_response_has_everything_of_the_reply(tmp_path: Path) -> None:
    body = go(
        tmp_path, rich(), "/v1/responses", BODIES["/v1/responses"] | {"tools": TOOLS["/v1/responses"]}
    ).json
    assert [item["type"] for item in body["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert (body["status"], body["store"]) == ("completed", False)
    assert body["usage"]["input_tokens_details"] == {"cached_tokens": 7, "cache_write_tokens": 11}
    assert body["output"][0]["encrypted_content"]


def test_a_message_has_everything_of_the_reply(tmp_path: Path) -> None:
    body = go(
        tmp_path, rich(), "/v1/messages", BODIES["/v1/messages"] | {"tools": TOOLS["/v1/messages"]}
    ).json
    assert [block["type"] for block in body["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert body["content"][2]["input"] == {"town": "Ulm"}
    assert body["stop_reason"] == "tool_use"
    assert body["usage"] == {
        "input_tokens": 5,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 11,
        "output_tokens": 30,
    }


@paths
def test_at_most_one_tool_call_where_that_was_asked_for(tmp_path: Path, path: str) -> None:
    single: dict[str, Any] = {"parallel_tool_calls": False}
    if path == "/v1/messages":
        single = {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    answer = go(tmp_path, rich(), path, BODIES[path] | {"tools": TOOLS[path]} | single)
    assert (answer.body.count(b"Ulm") > 0, answer.body.count(b"Bonn")) == (True, 0)


def test_log_probabilities_are_told_where_they_were_asked_for(tmp_path: Path) -> None:
    tokens = (TokenLogprob("é", -0.1, (("é", -0.1), ("e", -2.5))),)
    model = ScriptedModel(lambda _: Reply((Text("é"),), logprobs=tokens))
    body = BODIES[CHAT] | {"logprobs": True, "top_logprobs": 2}
    (token,) = go(tmp_path, model, CHAT, body).json["choices"][0]["logprobs"]["content"]
    assert token["bytes"] == [195, 169]
    assert [(top["token"], top["logprob"]) for top in token["top_logprobs"]] == [("é", -0.1), ("e", -2.5)]


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        ("length", ["length", "incomplete", "max_tokens"]),
        ("filter", ["content_filter", "incomplete", "refusal"]),
    ],
)
def test_a_reply_that_was_cut_off_says_so(tmp_path: Path, stop: str, words: list[str]) -> None:
    model = ScriptedModel(lambda _: Reply((Text("wel"),), stop=stop))
    found = []
    for number, path in enumerate(BODIES):
        (tmp_path / str(number)).mkdir()
        body = go(tmp_path / str(number), model, path, BODIES[path]).json
        found.append(body.get("status") or body.get("stop_reason") or body["choices"][0]["finish_reason"])
    assert found == words


def test_embeddings_come_as_numbers_or_packed(tmp_path: Path) -> None:
    model = Embedder([0.5, -1.0], [0.25, 2.0])
    body: dict[str, Any] = {"model": "default", "input": ["a", "b"]}
    (tmp_path / "b").mkdir()
    plain = go(tmp_path, model, "/v1/embeddings", body).json
    assert [item["embedding"] for item in plain["data"]] == [[0.5, -1.0], [0.25, 2.0]]
    assert plain["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    packed = go(tmp_path / "b", model, "/v1/embeddings", body | {"encoding_format": "base64"}).json
    assert struct.unpack("<2f", base64.b64decode(packed["data"][1]["embedding"])) == (0.25, 2.0)


@pytest.mark.parametrize(
    "body",
    [{"input": []}, {"input": ""}, {"input": [1, 2]}, {"input": [[1]]}, {"input": "a", "dimensions": 3}],
)
def test_what_cannot_be_embedded_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    answer = go(tmp_path, ScriptedModel({"": "yes"}), "/v1/embeddings", body | {"model": "default"})
    assert answer.status == 400


# --- schemas ---------------------------------------------------------------------------------------------------


def with_schema(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    form = {"type": "json_schema", "name": "x", "schema": schema}
    more: dict[str, Any] = {
        CHAT: {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}},
        "/v1/responses": {"text": {"format": form}},
        "/v1/messages": {"output_config": {"format": form}},
    }[path]
    return BODIES[path] | more


def text_of(path: str, answer: Answer) -> str:
    """The words of an answer."""
    body = answer.json
    if path == CHAT:
        return str(body["choices"][0]["message"]["content"])
    if path == "/v1/responses":
        return str(body["output"][0]["content"][0]["text"])
    return str(body["content"][0]["text"])


@paths
def test_a_reply_that_misses_the_schema_is_repaired_once(tmp_path: Path, path: str) -> None:
    model = ScriptedModel(["no json", 'Here: ```json\n{"town": "Ulm"}\n```'])
    answer = go(tmp_path, model, path, with_schema(path, TOWN))
    assert json.loads(text_of(path, answer)) == {"town": "Ulm"}
    assert len(model.requests) == 2


@paths
def test_a_reply_that_stays_wrong_is_an_error_and_not_an_answer(tmp_path: Path, path: str) -> None:
    answer = go(tmp_path, ScriptedModel(["no json", '{"town": 3}']), path, with_schema(path, TOWN))
    assert answer.status == 502
    assert answer.headers[b"x-should-retry"] == b"false"
    assert "asked twice" in error_of(path, answer)["message"]


def test_a_schema_that_is_no_object_comes_back_as_it_was_asked_for(tmp_path: Path) -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    answer = go(tmp_path, ScriptedModel(['{"value": [1, 2]}']), CHAT, with_schema(CHAT, schema))
    assert text_of(CHAT, answer) == "[1,2]"


@paths
def test_a_schema_that_cannot_be_one_is_refused_before_it_costs(tmp_path: Path, path: str) -> None:
    model = ScriptedModel({"": "yes"})
    schema = {"type": "object", "properties": {"a": {"$ref": "https://example.org/x"}}}
    assert go(tmp_path, model, path, with_schema(path, schema)).status == 400
    assert model.requests == []


# --- streams ---------------------------------------------------------------------------------------------------


def told(path: str, answer: Answer) -> tuple[str, str]:
    """What a stream told: reasoning and words."""
    reasoning, words = [], []
    for event in answer.events:
        if path == CHAT and event != "[DONE]" and event["choices"]:
            delta = event["choices"][0]["delta"]
            reasoning.append(delta.get("reasoning_content", ""))
            words.append(delta.get("content") or "")
        elif path == "/v1/responses":
            kind = event["type"]
            reasoning += [event["delta"]] if kind == "response.reasoning_summary_text.delta" else []
            words += [event["delta"]] if kind == "response.output_text.delta" else []
        elif path == "/v1/messages" and event["type"] == "content_block_delta":
            reasoning.append(event["delta"].get("thinking", ""))
            words.append(event["delta"].get("text", ""))
    return "".join(reasoning), "".join(words)


def ends(path: str, answer: Answer) -> bool:
    """Whether a stream came to its protocol's end."""
    last = answer.events[-1]
    return last == "[DONE]" if path == CHAT else last["type"] in ("response.completed", "message_stop")


@paths
def test_words_come_as_they_come_and_calls_when_they_are_whole(tmp_path: Path, path: str) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        for delta in (
            Delta(reasoning="h"),
            Delta(reasoning="m"),
            Delta("we"),
            Delta("ll"),
            Delta("", "", "get", "{"),
        ):
            watch(delta)
            await asyncio.sleep(0)
        return Reply((SEALED, Text("well"), *CALLS), USAGE, "tool_calls")

    answer = go(tmp_path, Live(say), path, BODIES[path] | {"stream": True, "tools": TOOLS[path]})
    assert answer.headers[b"content-type"].startswith(b"text/event-stream")
    assert told(path, answer) == ("hm", "well")
    assert ends(path, answer)
    assert answer.ended
    assert answer.body.count(b"Bonn") >= 1


@paths
def test_what_the_server_did_not_stream_is_told_at_the_end(tmp_path: Path, path: str) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        return Reply((SEALED, Text("well")), USAGE)

    answer = go(tmp_path, Live(say), path, BODIES[path] | {"stream": True})
    assert (told(path, answer), ends(path, answer)) == (("hm", "well"), True)


@paths
def test_a_streamed_schema_is_told_when_it_was_checked(tmp_path: Path, path: str) -> None:
    model = ScriptedModel(["no json at all", '{"town": "Ulm"}'])
    answer = go(tmp_path, model, path, with_schema(path, TOWN) | {"stream": True})
    assert told(path, answer)[1] == '{"town": "Ulm"}'


@paths
def test_a_failure_before_the_first_word_has_its_status(tmp_path: Path, path: str) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        raise ContextTooLong("too long by 7", 17, 10)

    answer = go(tmp_path, Live(say), path, BODIES[path] | {"stream": True})
    assert (answer.status, error_of(path, answer)["message"]) == (400, "too long by 7")


@paths
def test_a_failure_in_the_middle_is_told_and_the_stream_has_no_good_end(tmp_path: Path, path: str) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("we"))
        await asyncio.sleep(0.01)
        raise ModelUnavailable("the server went away")

    answer = go(tmp_path, Live(say), path, BODIES[path] | {"stream": True})
    assert (answer.status, answer.ended, ends(path, answer)) == (200, True, False)
    assert "the server went away" in json.dumps(answer.events[-1])


@paths
def test_a_stream_that_would_have_to_begin_anew_ends_with_an_error(tmp_path: Path, path: str) -> None:
    cancelled: list[bool] = []

    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        watch(Delta("we"))
        await asyncio.sleep(0.01)
        watch(Delta(restart=True))
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)
        raise AssertionError

    answer = go(tmp_path, Live(say), path, BODIES[path] | {"stream": True})
    assert "ask again" in json.dumps(answer.events[-1])
    assert cancelled == [True]


def test_a_new_beginning_before_the_first_word_was_told_is_not_noticed(tmp_path: Path) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        assert watch is not None
        for delta in (Delta("we"), Delta(restart=True), Delta("fine")):
            watch(delta)
        return Reply((Text("fine"),))

    answer = go(tmp_path, Live(say), CHAT, BODIES[CHAT] | {"stream": True})
    assert told(CHAT, answer) == ("", "fine")


@paths
def test_a_long_silence_is_told(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firm.serve.answer, "QUIET_S", 0.01)

    async def say(request: Request, watch: Watch | None) -> Reply:
        await asyncio.sleep(0.05)
        return Reply((Text("well"),))

    answer = go(tmp_path, Live(say), path, BODIES[path] | {"stream": True})
    assert (b": it goes on\n\n" in answer.body) or (b"event: ping" in answer.body)
    assert told(path, answer) == ("", "well")


def test_usage_ends_a_stream_only_where_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    body = BODIES[CHAT] | {"stream": True}
    without = go(tmp_path, rich(), CHAT, body).events
    assert all("usage" not in event for event in without[:-1])
    options = {"stream_options": {"include_usage": True}, "tools": TOOLS[CHAT]}
    events = go(tmp_path / "a", rich(), CHAT, body | options).events
    assert events[-2]["choices"] == []
    assert events[-2]["usage"]["total_tokens"] == USAGE.total


# --- what goes wrong -------------------------------------------------------------------------------------------

WRONG = [
    (ContextTooLong("long", 2, 1), 400, "context_length_exceeded", "invalid_request_error"),
    (NotAble("blind"), 400, "unsupported_value", "invalid_request_error"),
    (BadRequest("no"), 400, "invalid_value", "invalid_request_error"),
    (ReplyFiltered("no"), 400, "content_filter", "invalid_request_error"),
    (KeyRefused("key"), 502, "model_key_refused", "api_error"),
    (RateLimited("slow"), 429, "rate_limit_exceeded", "rate_limit_error"),
    (ModelUnavailable("down"), 503, "model_unavailable", "overloaded_error"),
    (NoModel("none"), 503, "no_model", "overloaded_error"),
    (BudgetExceeded("spent"), 429, "insufficient_quota", "rate_limit_error"),
    (PolicyDenied("no"), 403, "policy_denied", "permission_error"),
    (RecursionError("deep"), 400, "nested_too_deeply", "invalid_request_error"),
]


@pytest.mark.parametrize(("error", "status", "code", "kind"), WRONG, ids=lambda value: str(value)[:20])
def test_errors_of_models_have_their_status_and_shape(
    tmp_path: Path, error: Exception, status: int, code: str, kind: str
) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        raise error

    (tmp_path / "a").mkdir()
    answer = go(tmp_path, Live(say), CHAT, BODIES[CHAT])
    assert (answer.status, error_of(CHAT, answer)["code"]) == (status, code)
    other = go(tmp_path / "a", Live(say), "/v1/messages", BODIES["/v1/messages"])
    assert (other.status, error_of("/v1/messages", other)["type"]) == (status, kind)


def test_when_to_try_again_is_told_in_whole_seconds(tmp_path: Path) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        raise RateLimited("slow", retry_after_s=1.2)

    assert go(tmp_path, Live(say), CHAT, BODIES[CHAT]).headers[b"retry-after"] == b"2"


@paths
def test_an_unknown_model_is_not_found(tmp_path: Path, path: str) -> None:
    answer = go(tmp_path, ScriptedModel({"": "yes"}), path, BODIES[path] | {"model": "defualt"})
    assert answer.status == 404
    assert "did you mean 'default'?" in error_of(path, answer)["message"]


def test_a_bug_is_told_as_one_and_its_traceback_goes_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def say(request: Request, watch: Watch | None) -> Reply:
        raise ZeroDivisionError("secret detail")

    with caplog.at_level(logging.ERROR):
        answer = go(tmp_path, Live(say), CHAT, BODIES[CHAT])
    assert (answer.status, b"secret" in answer.body) == (500, False)
    assert "secret detail" in caplog.text


def test_an_unforeseen_error_has_no_refusal_of_its_own() -> None:
    assert refusal_of(ZeroDivisionError()) is None


def test_a_body_that_is_too_large_is_refused_by_its_word_and_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    model = ScriptedModel({"": "yes"})
    words = go(tmp_path, model, CHAT, b"x", headers=[(b"content-length", b"99999999999")])
    assert (words.status, words.headers[b"connection"]) == (413, b"close")
    chunk = b" " * 2**20
    answer = go(tmp_path / "a", model, CHAT, chunks=[chunk] * 22)
    assert (answer.status, answer.json["error"]["code"]) == (413, "request_too_large")
    assert model.requests == []


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firm.serve.exchange.BODY_S", 0.01)
    monkeypatch.setattr("firm.serve.exchange.DISCARD_S", 0.01)

    async def inside() -> Answer:
        api, key = api_of(tmp_path, {"default": ScriptedModel({"": "yes"})})
        return await _slowly(api, key)

    assert asyncio.run(inside()).status == 408


async def _slowly(api: Api, key: str) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"x-api-key", key.encode()), (b"content-length", b"10")]
    await api({"type": "http", "method": "POST", "path": CHAT, "headers": headers}, receive, send)
    return Answer(sent)
