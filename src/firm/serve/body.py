"""What stands in a body: JSON as the types that a protocol has, and what is inside it as ours.

One rule: what cannot be right is refused here, with the field; nothing that passes can break an encoder later.
"""

import base64
import binascii
import re
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from firm.ids import digest
from firm.model.message import Audio, File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from firm.model.request import Tool
from firm.model.schema import MAX_SCHEMA_BYTES
from firm.model.wire.fault import Fault, shorten
from firm.model.wire.text import from_json
from firm.serve.refusal import Refusal

T = TypeVar("T")
MAX_MESSAGES = 20_000
MAX_PARTS = 2_000
MAX_TOOLS = 1_024
MAX_DEPTH = 100
"""How deep a schema, or arguments of a tool, may be nested."""
MAX_URL_CHARS = 8_192

Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Seed = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Tokens = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Alternatives = Annotated[int, msgspec.Meta(ge=0, le=20)]
Stops = Annotated[tuple[str, ...], msgspec.Meta(max_length=4)]

_PATH = re.compile(r" - at `(?:key in )?\$\.?(.*)`$", re.DOTALL)
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.ASCII)
EFFORTS = {
    "none": "instant",
    "minimal": "instant",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
"""Levels as the protocols call them, and as we do."""


def wrong(param: str, told: str) -> Refusal:
    """A field that cannot be right."""
    return Refusal(400, f"{param}: {told}", "invalid_value", param=param)


def unsupported(param: str, told: str) -> Refusal:
    """A field that asks for something that is not done here; ignoring it would change what the answer means."""
    return Refusal(400, f"{param}: {told}", "unsupported_parameter", param=param)


def decode(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """A body as its type; lone surrogates become U+FFFD.

    Raises:
        Refusal: it is not JSON, or something in it is of the wrong type or out of its range.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _mistyped(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return from_json(body, decoder)
    except msgspec.ValidationError as error:
        raise _mistyped(error) from None
    except Fault as fault:
        raise Refusal(400, f"the body is not JSON that can be read: {fault.told}", "invalid_json") from None


def _mistyped(error: msgspec.ValidationError) -> Refusal:
    told = shorten(str(error))
    found = _PATH.search(told)
    param = _INDEX.sub(r".\1", found[1]) if found else ""
    return Refusal(400, f"the body is not right: {told}", "invalid_value", param=param)


def tree(raw: msgspec.Raw, param: str) -> dict[str, Any]:
    """An object whose content is not ours to know, such as a JSON Schema.

    Raises:
        Refusal: it is no object, too large, too deep, or holds a number that no encoder takes.
    """
    size = len(memoryview(raw))
    if size > MAX_SCHEMA_BYTES:
        raise wrong(param, f"it has {size:,} bytes; at most {MAX_SCHEMA_BYTES:,} are taken")
    found = decode(bytes(raw), _tree)
    level: list[Any] = [found]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node, param)]
        if not level:
            return found
    raise wrong(param, f"it is nested more than {MAX_DEPTH} deep")


_tree = msgspec.json.Decoder(dict[str, Any])


def _children(node: Any, param: str) -> list[Any]:
    if type(node) is dict:
        return list(node.values())
    if type(node) is list:
        return node
    if type(node) is int and not -(2**63) <= node < 2**64:
        raise wrong(param, "it holds a whole number of more than 64 bits")
    return []


# --- tools -----------------------------------------------------------------------------------------------------


def absent(raw: msgspec.Raw) -> bool:
    """Whether a value is missing, or null."""
    return bytes(memoryview(raw)[:5]) == b"null"


def tool_of(name: str, description: str | None, schema: msgspec.Raw, param: str) -> Tool:
    """One tool.

    Raises:
        Refusal: its name or its schema cannot be right.
    """
    if not _TOOL_NAME.fullmatch(name):
        raise wrong(f"{param}.name", f"{name!r:.80} is none; give 1 to 128 of A-Z a-z 0-9 _ . : / -")
    if absent(schema):
        return Tool(name, description or "")
    return Tool(name, description or "", tree(schema, f"{param}.parameters"))


def check_tools(tools: tuple[Tool, ...], choice: str, *, named: bool) -> None:
    """Refuse names that stand twice, and a choice that is none of them.

    Args:
        tools: All.
        choice: 'auto', 'required', 'none' or a name.
        named: The caller has named a tool.
    """
    names = {tool.name for tool in tools}
    if len(names) < len(tools):
        raise wrong("tools", "two of them have the same name; give each its own")
    if named and choice in ("auto", "required", "none"):
        raise wrong("tool_choice", f"a tool that is named {choice!r} cannot be chosen; give it another name")
    if named and choice not in names:
        raise wrong(
            "tool_choice", f"there is no tool {choice!r:.80}; there are: {', '.join(names) or 'none'}"
        )
    if choice == "required" and not tools:
        raise wrong("tool_choice", "'required' without tools; give some")


def call_of(id: str, name: str, arguments: str) -> ToolCall:
    """A tool call that the conversation has already."""
    return ToolCall(id, name, arguments or "{}")


# --- parts -----------------------------------------------------------------------------------------------------


def _bytes(text: str, param: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise wrong(param, "this is not base64") from None


def image_of(url: str, param: str) -> Image:
    """A picture by its address, or in a `data:` one.

    Raises:
        Refusal: it is neither.
    """
    if found := _DATA_URL.match(url[:200]):
        mime = found[1] or ""
        if not mime.startswith("image/"):
            raise wrong(param, f"{mime!r} is no picture; give data:image/png;base64,… or the like")
        return Image(_bytes(url[found.end() :], param), mime)
    try:
        parts = urlsplit(url) if len(url) <= MAX_URL_CHARS and url.isprintable() else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise wrong(
            param, f"{url!r:.80} is no address of a picture; give http(s)://… or data:image/…;base64,…"
        )
    return Image(url=url)


def image_bytes(data: str, mime: str, param: str) -> Image:
    """A picture in base64."""
    if not re.fullmatch(r"image/[\w.+-]{1,40}", mime, re.ASCII):
        raise wrong(param, f"{mime!r:.80} is no kind of picture; give image/png or the like")
    return Image(_bytes(data, param), mime)


def audio_of(data: str, format: str, param: str) -> Audio:
    """Sound in base64."""
    return Audio(_bytes(data, param), format)


def file_of(data: str, name: str | None, param: str, mime: str = "") -> File:
    """A document in base64, or in a `data:` address."""
    if found := _DATA_URL.match(data[:200]):
        mime, data = found[1] or mime, data[found.end() :]
    name = (name or "document.pdf")[:200]
    return File(
        _bytes(data, param), name if name.isprintable() else "document.pdf", mime or "application/pdf"
    )


def content_of(parts: list[Part]) -> str | tuple[Part, ...]:
    """Parts as the content of a message; words alone as text."""
    if len(parts) == 1 and type(parts[0]) is Text:
        return parts[0].text
    return tuple(parts)


# --- conversations ---------------------------------------------------------------------------------------------


class Talk:
    """Puts a conversation together: what one side says in a row is one message."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._open: list[Part] = []
        self._role = ""
        self._names: dict[str, str] = {}

    def say(self, role: str, parts: list[Part]) -> None:
        """A message of the system or of the user."""
        self._close()
        self._messages.append(Message(role, content_of(parts)))  # type: ignore[arg-type]

    def add(self, part: Part) -> None:
        """A part of what the model said, or a result of a tool."""
        role = "tool" if type(part) is ToolResult else "assistant"
        if role != self._role:
            self._close()
            self._role = role
        if isinstance(part, ToolCall):
            self._names[part.id] = part.name
        elif isinstance(part, ToolResult) and not part.name:
            part = msgspec.structs.replace(part, name=self._names.get(part.id, ""))
        self._open.append(part)

    def _close(self) -> None:
        if self._role:
            content = content_of(self._open) if self._role == "assistant" else tuple(self._open)
            self._messages.append(Message(self._role, content))  # type: ignore[arg-type]
        self._open, self._role = [], ""

    def messages(self, param: str) -> tuple[Message, ...]:
        """The conversation.

        Raises:
            Refusal: there is nothing in it.
        """
        self._close()
        if not self._messages:
            raise wrong(param, "it is empty; say something")
        return tuple(self._messages)


def session_of(caller: str, given: str | None) -> str:
    """The session of calls that share a prefix, where the caller has named one."""
    return digest("firm/serve/session", caller, given) if given else ""


# --- reasoning that comes back ---------------------------------------------------------------------------------

_sealed = msgspec.json.Decoder(tuple[Reasoning, ...])


class _Kind(msgspec.Struct):
    type: str


_kind = msgspec.json.Decoder(_Kind)
_KINDS = {"anthropic": ("thinking", "redacted_thinking"), "responses": ("reasoning", "message")}
"""What may stand in sealed reasoning; of a message, the wire takes its phase alone."""


def seal(parts: tuple[Part, ...]) -> str:
    """The reasoning of a reply as one word, which a caller sends back unchanged; '' if there is nothing to keep."""
    kept = tuple(part for part in parts if isinstance(part, Reasoning) and part.data)
    return base64.urlsafe_b64encode(msgspec.json.encode(kept)).decode() if kept else ""


def unseal(word: str | None) -> tuple[Reasoning, ...]:
    """The reasoning in such a word; none if it is not ours: other servers' reasoning means nothing to this model.

    What it holds goes into a request unchanged, and anybody can make such a word. So it must be reasoning and nothing
    else, such as a reference to a file that the firm has with the provider.
    """
    try:
        found = _sealed.decode(base64.b64decode(word or "", altchars=b"-_", validate=True))
        whole = all([_kind.decode(part.data).type in _KINDS.get(part.wire, ()) for part in found])
    except (ValueError, RecursionError, msgspec.DecodeError):
        return ()
    return found if whole else ()
