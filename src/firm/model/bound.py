"""How many tokens a request can hold at most, known before it is sent.

One rule: the bound is never below what a server counts; it may be far above (a token of English has about four bytes).

Why it holds. Every model that is asked here reads tokens of a byte-level vocabulary: BPE over bytes (OpenAI, Llama 3,
Qwen, Mistral, DeepSeek), or SentencePiece that falls back to bytes (Gemini and Gemma, Llama 2). Each token that stands
for text stands for at least one byte of it, and each byte belongs to one token, so that a text has at most as many
tokens as UTF-8 bytes. (WordPiece, of the embedded sentence model, has at least one character in each token.) Everything
else is put around the text by the server's template, and is bounded by a constant for each thing that it is put around:

- the request: marks at its beginning and end, and a system message of the provider's own;
- each message and each part: its role, its marks, the space before it;
- tools: what is said about calling at all (Anthropic: up to 530 tokens), and each tool's JSON, which templates write
  anew with spaces, line breaks and escapes: at most `REWRITTEN` times as long as the shortest writing;
- a picture: what its provider charges at most for one; sound: by its bytes (a second has at least 1,000 and at most 64
  tokens); a PDF: all of the largest window, since its pages are packed.

What is left to belief: that reasoning that a provider encrypts is no shorter than its text. A call that takes more than
its bound all the same is booked at what it took.
"""

from typing import Any

import msgspec

from firm.model.message import Audio, File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.request import Request, Tool
from firm.model.target import Model
from firm.model.transcript import of_each
from firm.model.vectors import Texts

PER_CALL = 512
PER_MESSAGE = 32
PER_PART = 64
PER_TOOLS = 1024
PER_TOOL = 128
PER_SCHEMA = 512
PER_TEXT = 16
"""Of a text that becomes a vector."""
REWRITTEN = 4
"""How many times as long a template may write JSON."""
IMAGE_TOKENS = {"anthropic": 5_000}
"""By wire: 2,576 pixels a side, 750 to a token and a margin."""
MAX_IMAGE_TOKENS = 50_000
"""For all other wires; the most that is charged anywhere is gpt-4o-mini's 48,169."""
SOUND_BYTES = 15
"""Bytes of sound for a token, at least."""
PDF_TOKENS = 1_000_000
PDF_BYTE_TOKENS = 100
"""Tokens of a byte of a PDF, at most."""

_KEPT = 256
_tools: dict[int, tuple[tuple[Tool, ...], int]] = {}
"""Bounds of tools that were seen: agents send the same ones with each call."""


def most_read(request: Request, model: Model) -> int:
    """Tokens that a request holds at most."""
    if type(request) is Texts:
        found = sum([size_of(text) + PER_TEXT for text in request.texts])
    else:
        measure = _anthropic if model.wire == "anthropic" else _most_in_message
        found = PER_CALL + sum(of_each(request.messages, measure.__name__, measure))
        if request.tools:
            found += _most_in_tools(request.tools)
        if request.schema is not None:
            found += PER_SCHEMA + REWRITTEN * _json_size(request.schema)
    window = model.context_tokens
    return found if window is None or found < window else window


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8; half a surrogate pair counts as what stands for it on the wire."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def holds_media(request: Request) -> bool:
    """Whether it holds anything but text: pictures, sound, documents."""
    return any(of_each(request.messages, "media", _has_media))


def _has_media(message: Message) -> bool:
    if type(message.content) is not str:
        for part in message.content:
            if type(part) in (Image, Audio, File) or (type(part) is ToolResult and part.images):
                return True
    return False


def _most_in_message(message: Message, wire: str = "") -> int:
    content = message.content
    if isinstance(content, str):
        return PER_MESSAGE + size_of(content)
    found = PER_MESSAGE + PER_PART * len(content)
    for part in content:
        found += _most_in(part, wire)
    return found


def _anthropic(message: Message) -> int:
    return _most_in_message(message, "anthropic")


def _most_in(part: Part, wire: str) -> int:
    match part:
        case Text(text):
            return size_of(text)
        case ToolResult(id, text, name, _, images):
            found = size_of(text + name + id)
            return found + IMAGE_TOKENS.get(wire, MAX_IMAGE_TOKENS) * len(images) if images else found
        case ToolCall(id, name, arguments):
            return REWRITTEN * size_of(arguments) + size_of(name + id)
        case Reasoning(text, _, data):
            return size_of(text) + size_of(data)
        case Image():
            return IMAGE_TOKENS.get(wire, MAX_IMAGE_TOKENS)
        case Audio(data):
            return len(data) // SOUND_BYTES + PER_PART
        case File(data, name, mime):
            if mime.startswith("text/"):
                return len(data) + size_of(name)
            return min(PDF_TOKENS, PDF_BYTE_TOKENS * len(data)) + size_of(name)


def _most_in_tools(tools: tuple[Tool, ...]) -> int:
    known = _tools.get(id(tools))
    if known is not None and known[0] is tools:
        return known[1]
    found = PER_TOOLS
    for tool in tools:
        words = size_of(tool.name) + size_of(tool.description)
        found += PER_TOOL + REWRITTEN * (words + _json_size(tool.parameters))
    if len(_tools) >= _KEPT:
        _tools.clear()
    _tools[id(tools)] = (tools, found)
    return found


def _json_size(value: Any) -> int:
    try:
        return len(msgspec.json.encode(value))
    except UnicodeEncodeError:  # half a surrogate pair: six characters as an escape
        return 2 * len(repr(value).encode("utf-8", "surrogatepass"))
