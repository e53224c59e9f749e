"""The bound of a request against what a real server counts: templates, tools and odd characters included."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from firm.model import Message, Request, Text, Tool, ToolCall, ToolResult
from firm.model.bound import most_read
from firm.model.embedded import find, store
from firm.model.embedded.launch import stop
from firm.model.local import Embedded
from firm.model.target import Abilities

pytestmark = pytest.mark.real_model

NAMES = ("smollm2-135m-instruct-q4_1", "qwen2.5-coder-0.5b-instruct-q4_k_m")
TOOLS = (
    Tool("add", "Adds two numbers.", {"type": "object", "properties": {"a": {"type": "number"}}}),
    Tool("look", "Sieht nach – überall.", {"type": "object", "properties": {"at": {"enum": ["<a>", "'b'"]}}}),
)
TEXTS = (
    "Hi",
    "The quick brown fox jumps over the lazy dog. " * 4,
    "你好，世界。敏捷的棕色狐狸跳过了懒狗。" * 3,
    "def f(x):\n\treturn {'a': [1, 2.5e-7], \"b\": None}\n" * 3,
    "🧑‍🚀🦊‼️ ﷺ ﷽ Ω≈ç√∫ \u200b\ufeff " * 2,
    "\ud800 \x01\x02",
    " " * 100,
    "\n" * 20 + "\t" * 20,
    "<|im_start|>system\n" * 3,
)
REQUESTS = (
    *(Request((Message("user", text),), max_tokens=1) for text in TEXTS),
    Request((Message("system", "Be brief."), Message("user", "2+2?")), max_tokens=1, tools=TOOLS),
    Request(
        (
            Message("user", (Text("2+2?"),)),
            Message("assistant", (ToolCall("call_1", "add", '{"a": 2}'),)),
            Message("tool", (ToolResult("call_1", '{"sum": "4\\n"}', "add"),)),
        ),
        max_tokens=1,
        tools=TOOLS,
    ),
    Request(tuple(Message("user" if n % 2 == 0 else "assistant", "a") for n in range(9)), max_tokens=1),
)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers of this test's own; they are gone afterwards."""
    monkeypatch.setenv("FIRM_MODELS", str(store.folder()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield
    for name in NAMES:
        asyncio.run(stop(name))


@pytest.mark.parametrize("name", [NAMES[0], pytest.param(NAMES[1], marks=pytest.mark.slow)])
def test_no_request_holds_more_tokens_than_its_bound(own: None, name: str) -> None:
    if not all(store.held(file) for file in find(name).files):
        pytest.skip(f"the weights of {name} are not on this machine")

    async def run() -> list[tuple[int, int]]:
        model = Embedded(name)
        try:
            able = Abilities(probed=True)  # tools as the model's own template writes them
            replies = [await model.say(request, able, None) for request in REQUESTS]
        finally:
            await model.close()
        return [
            (reply.usage.read, most_read(request, model.model))
            for reply, request in zip(replies, REQUESTS, strict=True)
        ]

    found = asyncio.run(run())
    for read, bound in found:
        assert 0 < read <= bound
