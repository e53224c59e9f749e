"""A request never holds more tokens than its bound: against real tokenizers, where their weights are here."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model import (
    Audio,
    File,
    Image,
    Message,
    Model,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from firm.model.bound import (
    IMAGE_TOKENS,
    MAX_IMAGE_TOKENS,
    PDF_TOKENS,
    PER_CALL,
    PER_TEXT,
    holds_media,
    most_read,
    size_of,
)
from firm.model.embedded import store
from firm.model.embedded.catalogue import EMBEDDING, find
from firm.model.vectors import texts_of

HERE = Model("http://127.0.0.1:8000/v1", "m")
THERE = Model("https://api.anthropic.com/v1", "claude", wire="anthropic")


def said(*messages: Message, **options: Any) -> Request:
    return Request(messages, **options)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_every_byte_of_text_counts(texts: list[str]) -> None:
    request = said(*[Message("user", text) for text in texts])
    assert most_read(request, HERE) >= PER_CALL + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in texts
    )


def test_letters_of_several_bytes_count_as_several() -> None:
    for text, size in (("é" * 1000, 2000), ("你" * 1000, 3000), ("🦊" * 1000, 4000)):
        for content in (text, (Text(text),), (ToolResult("1", text),)):
            assert most_read(said(Message("user", content)), HERE) >= PER_CALL + size


@given(st.text())
def test_parts_count_as_much_as_plain_text(text: str) -> None:
    plain, parts = Message("user", text), Message("user", (Text(text),))
    assert most_read(said(parts), HERE) >= most_read(said(plain), HERE)


def test_half_a_surrogate_pair_is_counted() -> None:
    assert size_of("\ud800") == 3
    assert most_read(said(Message("user", "\ud800")), HERE) > PER_CALL
    tool = Tool("t", "d", {"type": "object", "description": "\ud800"})
    assert most_read(said(Message("user", "x"), tools=(tool,)), HERE) > PER_CALL


def test_each_thing_that_is_sent_raises_the_bound() -> None:
    tool = Tool("look", "Look at something.", {"type": "object", "properties": {"at": {"type": "string"}}})
    parts = (
        Reasoning("hm", "anthropic", "{}"),
        ToolCall("1", "look", '{"at": "x"}'),
        ToolResult("1", "nothing", "look", images=(Image(b"x"),)),
        Image(b"x" * 100),
        Audio(b"x" * 100_000),
        File(b"x" * 100_000, "a.pdf"),
        File(b"x" * 1000, "a.txt", "text/plain"),
    )
    for model in (HERE, THERE):
        base = most_read(said(Message("user", ())), model)
        for part in parts:
            assert most_read(said(Message("user", (part,))), model) > base, part
    question = Message("user", "?")
    bare = most_read(said(question), HERE)
    assert most_read(said(question, tools=(tool,)), HERE) > bare + len(json.dumps(tool.parameters, indent=4))
    assert most_read(said(question, schema=tool.parameters), HERE) > bare + len(
        json.dumps(tool.parameters, indent=4)
    )


def test_tools_that_are_sent_again_are_counted_again_alike() -> None:
    for number in range(600):
        tools = (Tool(f"tool_{number}", "x" * number),)
        request = said(Message("user", "?"), tools=tools)
        assert most_read(request, HERE) == most_read(msgspec.structs.replace(request, urgent=True), HERE)


def test_pictures_and_pdfs_have_their_own_bounds_whatever_their_bytes() -> None:
    picture = said(Message("user", (Image(b"x" * 10**6),)))
    assert IMAGE_TOKENS["anthropic"] < most_read(picture, THERE) < 2 * IMAGE_TOKENS["anthropic"]
    assert MAX_IMAGE_TOKENS < most_read(picture, HERE) < 2 * MAX_IMAGE_TOKENS
    paper = said(Message("user", (File(b"x" * 10**6, "a.pdf"),)))
    assert PDF_TOKENS < most_read(paper, THERE) < 2 * PDF_TOKENS
    assert holds_media(picture)
    assert holds_media(paper)
    assert not holds_media(said(Message("user", (Text("x"),)), Message("user", "y")))


def test_a_window_that_is_known_bounds_everything() -> None:
    model = msgspec.structs.replace(HERE, context_tokens=8192)
    assert most_read(said(Message("user", "x" * 10**6)), model) == 8192
    assert most_read(said(Message("user", "x")), model) == most_read(said(Message("user", "x")), HERE)


def test_texts_for_vectors_are_counted() -> None:
    assert most_read(texts_of(["ab", "é"], "embedding"), HERE) == 2 + 2 + 2 * PER_TEXT


# --- a real tokenizer; those of the embedded models that chat are in tests/e2e/test_bound.py -------------------

SAMPLES = (
    "The quick brown fox jumps over the lazy dog. " * 20,
    "你好，世界。敏捷的棕色狐狸跳过了懒狗。" * 20,
    "def f(x):\n\treturn {'a': [1, 2.5e-7], \"b\": None}\n" * 20,
    "🧑‍🚀🦊‼️ ﷺ ﷽ Ω≈ç√∫ \u0000\u200b\ufeff " * 10,
    "a" * 500,
    " " * 500,
    "\n" * 100 + "\t" * 100,
    "<|im_start|>system\n" * 10,
)


def test_no_text_has_more_tokens_than_bytes_in_the_sentence_model() -> None:
    if not all(store.held(file) for file in find(EMBEDDING).files):
        pytest.skip(f"the weights of {EMBEDDING} are not on this machine")
    from firm.model.embedded.minilm import MiniLM

    model = MiniLM()
    for text in SAMPLES:
        assert model.count([text]) <= size_of(text) + PER_TEXT
