"""Whatever a caller sends: an answer in the shape of its protocol, never a failure of ours."""

import asyncio
import contextlib
import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.serve.served import Answer, api_of, ask

from firm.model.error import NotAble
from firm.model.message import Text, ToolCall
from firm.model.reply import Reply
from firm.model.request import Request
from firm.model.scripted import ScriptedModel
from firm.model.target import Abilities, Model
from firm.model.wire import wire_of

TOOL = {
    "name": "get",
    "description": "d",
    "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
}
FORM = {
    "type": "json_schema",
    "name": "x",
    "schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
}
CALL = {"id": "c", "type": "function", "function": {"name": "get", "arguments": '{"a":"b"}'}}
WORDS = {"type": "text", "text": "t"}
SAID = {"type": "input_text", "text": "t"}
PICTURE = "data:image/png;base64,AAAA"
WHOLE: dict[str, Any] = {
    "/v1/chat/completions": {
        "model": "default",
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "t"},
                    {"type": "image_url", "image_url": {"url": PICTURE}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "r"},
            {"role": "tool", "tool_call_id": "c", "content": "x"},
        ],
        "tools": [{"type": "function", "function": TOOL}],
        "tool_choice": {"type": "function", "function": {"name": "get"}},
        "response_format": {"type": "json_schema", "json_schema": FORM},
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 1,
        "max_tokens": 5,
        "stop": ["a"],
        "logprobs": True,
        "top_logprobs": 2,
        "seed": 1,
        "reasoning_effort": "low",
        "prompt_cache_key": "k",
    },
    "/v1/responses": {
        "model": "default",
        "instructions": "s",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "t"},
                    {"type": "input_image", "image_url": PICTURE},
                ],
            },
            {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "W10="},
            {"type": "function_call", "call_id": "c", "name": "get", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [SAID]},
        ],
        "tools": [{"type": "function"} | TOOL],
        "tool_choice": "auto",
        "text": {"format": FORM},
        "reasoning": {"effort": "high"},
        "include": ["message.output_text.logprobs"],
        "stream": True,
        "store": False,
    },
    "/v1/messages": {
        "model": "default",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "s"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "t"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "h", "signature": "W10="},
                    {"type": "tool_use", "id": "c", "name": "get", "input": {"a": "b"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "t"}]}
                ],
            },
        ],
        "tools": [{"name": "get", "input_schema": TOOL["parameters"]}],
        "tool_choice": {"type": "tool", "name": "get"},
        "output_config": {"effort": "low", "format": FORM},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "stop_sequences": ["a"],
        "stream": True,
    },
    "/v1/embeddings": {"model": "default", "input": ["a"], "encoding_format": "base64"},
}
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**63,
    2**70,
    1e308,
    "",
    "\0",
    "\ud800",
    "x" * 300,
    [],
    {},
    [[]],
    [None],
    {"": None},
]
scalars = (
    st.sampled_from(ODD).map(copy.deepcopy)
    | st.text(max_size=5)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
objects = st.dictionaries(st.text(max_size=5), scalars, max_size=3)
values = scalars | objects | st.lists(scalars | objects, max_size=3)


def places(tree: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree, the root left out."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, node in inner for place in ((*here, key), *places(node, (*here, key)))]


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good body with up to three places changed or taken out, sometimes cut."""
    path = draw(st.sampled_from(sorted(WHOLE)))
    tree = json.loads(json.dumps(WHOLE[path]))
    for _ in range(draw(st.integers(0, 3))):
        there = places(tree)
        if not there:
            break
        *above, last = draw(st.sampled_from(there))
        node = tree
        for key in above:
            node = node[key]
        if draw(st.booleans()):
            del node[last]
        else:
            node[last] = draw(values)
    body = json.dumps(tree).encode()
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(body)))
        body = body[:cut] + draw(st.binary(max_size=4)) + body[cut + draw(st.integers(0, 3)) :]
    return path, body


class Picky(ScriptedModel):
    """Puts each request into bytes for every protocol, as a real server would have it."""

    async def say(self, request: Request, abilities: Abilities, watch: Any) -> Reply:
        """As `ScriptedModel`."""
        for name in ("chat", "responses", "anthropic"):
            with contextlib.suppress(NotAble):
                body = wire_of(name).body(request, Model("http://x.example/v1", "m"), abilities, stream=True)
                assert isinstance(msgspec.json.decode(body), dict)
        return await super().say(request, abilities, watch)


def rule(request: Request) -> Reply:
    """A call where one is wanted, else words that match the schema of the tests."""
    if request.tools and request.tool_choice not in ("none", "auto"):
        return Reply((ToolCall("c", request.tools[0].name, "{}"),), stop="tool_calls")
    return Reply((Text("{}" if request.schema is not None else "\ud800\0well"),))


def check(path: str, answer: Answer) -> None:
    """What every answer has to be."""
    assert answer.status != 500, answer.body
    assert answer.ended
    if answer.headers[b"content-type"].startswith(b"text/event-stream"):
        assert answer.events
    elif answer.status >= 400:
        error = answer.json["error"]
        assert error["message"]
        assert error["type"]
        assert path != "/v1/messages" or answer.json["type"] == "error"
    else:
        assert answer.json


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spoiled(), min_size=8, max_size=8))
def test_no_body_makes_us_fail(bodies: list[tuple[str, bytes]]) -> None:
    async def inside(folder: Path) -> None:
        api, key = api_of(folder, {"default": Picky(rule)})
        for path, body in bodies:
            check(path, await ask(api, path, body, key=key))

    with TemporaryDirectory() as folder:
        asyncio.run(inside(Path(folder)))


@pytest.mark.parametrize("path", sorted(WHOLE))
def test_the_good_bodies_are_good(tmp_path: Path, path: str) -> None:
    async def inside() -> Answer:
        api, key = api_of(tmp_path, {"default": Picky(rule)})
        return await ask(api, path, WHOLE[path], key=key)

    answer = asyncio.run(inside())
    assert answer.status == (400 if path == "/v1/embeddings" else 200), (
        answer.body
    )  # this model makes no vectors
    check(path, answer)


@pytest.mark.parametrize("depth", [50, 120, 900, 5_000, 100_000])
def test_no_depth_makes_us_fail(tmp_path: Path, depth: int) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth

    async def inside() -> None:
        api, key = api_of(tmp_path, {"default": Picky(rule)})
        tool = b'{"type":"function","function":{"name":"a","parameters":%b}}' % nested
        chat = b'{"model":"default","messages":[{"role":"user","content":"x"}],"tools":[%b]}' % tool
        schema = (
            b'{"model":"default","input":"x","text":{"format":{"type":"json_schema","schema":%b}}}' % nested
        )
        use = b'{"type":"tool_use","id":"c","name":"a","input":%b}' % nested
        said = b'[{"role":"user","content":"x"},{"role":"assistant","content":[%b]}]' % use
        messages = b'{"model":"default","max_tokens":9,"messages":%b}' % said
        unknown = b'{"model":"default","input":"x","metadata":%b}' % nested
        for path, body in (
            ("/v1/chat/completions", chat),
            ("/v1/responses", schema),
            ("/v1/messages", messages),
            ("/v1/responses", unknown),
        ):
            check(path, await ask(api, path, body, key=key))

    asyncio.run(inside())
