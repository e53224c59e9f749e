"""Requests whose bodies are kept as golden files, and what is read from the golden replies and streams."""

import functools
from pathlib import Path
from typing import Any

from firm.model.message import Audio, File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Sampling, Tool
from firm.model.target import Abilities, Model
from firm.model.wire import wire_of
from firm.model.wire.events import Events
from firm.model.wire.protocol import Stream

HERE = Path(__file__).parent
WIRES = ("chat", "responses", "anthropic")
HOSTED = Model("https://models.example/v1", "big-1")
OWN = Model("http://127.0.0.1:8000/v1", "own-1")
ABLE = Abilities(effort=True, completion_tokens=True)

ITEM = '{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"gA=="}'
PHASE = '{"type":"message","phase":"commentary"}'
BLOCK = '{"type":"thinking","thinking":"Hm.","signature":"EqoB=="}'
HIDDEN = '{"type":"redacted_thinking","data":"Emw=="}'
WEATHER = Tool(
    "weather",
    "Tells the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
NOW = Tool("now", "Tells the time.")
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}

PLAIN = Request((Message("system", "Be brief."), Message("user", "What is 2 × 3? 六?")), model="big")


def conversation(*extra: Part) -> tuple[Message, ...]:
    """A conversation with everything in it that a wire can carry; `extra` goes into the user's first message."""
    return (
        Message("system", "Be brief."),
        Message("system", (Text("Be "), Text("kind."))),
        Message(
            "user",
            (
                Text("Look at these."),
                Image(b"\x89PNG", "image/png"),
                Image(url="https://pictures.example/cat.jpg"),
                File(b"%PDF-1.7", "paper.pdf"),
                *extra,
            ),
        ),
        Message(
            "assistant",
            (
                Reasoning("Hm.", "responses", ITEM),
                Reasoning("Hm.", "anthropic", BLOCK),
                Reasoning("", "anthropic", HIDDEN),
                Reasoning("", "responses", PHASE),
                Text("I will look."),
                ToolCall("call_a", "weather", '{"city":"Köln"}'),
                ToolCall("call_b", "now", "{}"),
            ),
        ),
        Message("tool", (ToolResult("call_a", "rain", "weather", images=(Image(b"\x89PNG", "image/png"),)),)),
        Message("tool", (ToolResult("call_b", "no clock here", "now", error=True),)),
        Message("user", "And now?"),
    )


def everything(wire: str) -> Request:
    """A request with every field that the wire has a place for."""
    stop = () if wire == "responses" else ("END", "STOP")
    return Request(
        conversation(*((Audio(b"RIFF", "wav"),) if wire == "chat" else ())),
        model="big",
        max_tokens=2000,
        schema=SCHEMA,
        tools=(WEATHER, NOW),
        sampling=Sampling(temperature=0.7, top_p=0.9, seed=7, stop=stop, logprobs=2),
        effort="max",
        tier="flex",
        session="run-1/scout",
    )


REQUESTS: dict[str, Any] = {
    "text": lambda wire: (PLAIN, OWN, Abilities()),
    "everything": lambda wire: (everything(wire), HOSTED, ABLE),
    "required": lambda wire: (Request(PLAIN.messages, tools=(NOW,), tool_choice="required"), OWN, ABLE),
    "named": lambda wire: (
        Request(PLAIN.messages, tools=(WEATHER, NOW), tool_choice="now", effort="high"),
        OWN,
        ABLE,
    ),
    "none": lambda wire: (
        Request(PLAIN.messages, tools=(NOW,), tool_choice="none", effort="instant", tier="priority"),
        HOSTED,
        ABLE,
    ),
    "thinking": lambda wire: (Request(PLAIN.messages, effort="high", tier="batch"), HOSTED, ABLE),
    "unable": lambda wire: (
        Request(PLAIN.messages, tools=(NOW,), schema=SCHEMA, sampling=Sampling(logprobs=1), effort="high"),
        OWN,
        Abilities(tools=False, schema=False, logprobs=False, stream_usage=False),
    ),
}


def body(wire: str, name: str, *, stream: bool = False) -> bytes:
    """The body that is sent for one of `REQUESTS`."""
    request, model, abilities = REQUESTS[name](wire)
    return wire_of(wire).body(request, model, abilities, stream=stream)


def golden(wire: str, name: str) -> bytes:
    """A golden file."""
    return (HERE / wire / name).read_bytes()


@functools.cache
def names(wire: str, begin: str, end: str) -> tuple[str, ...]:
    """Golden files of a wire by the beginning and the end of their names."""
    return tuple(sorted(path.name for path in (HERE / wire).glob(f"{begin}*{end}")))


def read(wire: str, name: str) -> Reply:
    """A golden reply as it is read here."""
    return wire_of(wire).reply(golden(wire, name))


def feed(wire: str, data: bytes) -> tuple[Stream, list[Delta]]:
    """A stream, fed with all of its bytes, and what it told."""
    stream, events = wire_of(wire).stream(), Events()
    pieces = [*events.feed(data), *events.end()]
    deltas = [stream.feed(event, piece) for event, piece in pieces]
    return stream, [delta for delta in deltas if delta is not None]


def watch(wire: str, name: str) -> tuple[Reply, list[Delta]]:
    """A golden stream as it is read here."""
    stream, deltas = feed(wire, golden(wire, name))
    assert stream.ended
    return stream.reply(), deltas
