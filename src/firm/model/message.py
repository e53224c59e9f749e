"""What is said to a model and what it says: messages and their parts.

One rule: a part is what the provider needs to see again. Reasoning is kept as it came, and goes back only to the
wire that it came from.
"""

import mimetypes
from pathlib import Path
from typing import Literal

import msgspec

from firm.errors import UsageError

Role = Literal["system", "user", "assistant", "tool"]
MAX_FILE_BYTES = 50 * 1024 * 1024
"""Largest picture, sound or file that is sent inside a message."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Words."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture: its bytes, or an address that the provider fetches."""

    data: bytes = b""
    mime: str = "image/png"
    url: str = ""


class Audio(msgspec.Struct, frozen=True, tag="audio"):
    """Sound."""

    data: bytes
    format: str = "wav"
    """`wav` or `mp3`."""


class File(msgspec.Struct, frozen=True, tag="file"):
    """A document, such as a PDF."""

    data: bytes
    name: str
    mime: str = "application/pdf"


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """What the model thought, and what its provider needs to have it continued."""

    text: str = ""
    """As far as the provider shows it."""
    wire: str = ""
    """The protocol that it came over; to others it is not sent back."""
    data: str = ""
    """The provider's own item as JSON: signature, encrypted content; sent back unchanged."""


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """The model wants a tool to be called."""

    id: str
    name: str
    arguments: str = "{}"
    """JSON, as the model wrote it: it may be wrong."""

    def decode(self) -> object:
        """The arguments as Python values.

        Raises:
            msgspec.DecodeError: if they are not JSON.
        """
        return msgspec.json.decode(self.arguments or "{}")


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool gave back."""

    id: str
    """Of the call that it answers."""
    text: str
    name: str = ""
    error: bool = False
    """The tool failed; `text` says how."""
    images: tuple[Image, ...] = ()


Part = Text | Image | Audio | File | Reasoning | ToolCall | ToolResult


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation.

    Args:
        role: Who speaks: 'system', 'user', 'assistant' or 'tool' (results of tools).
        content: Words, or parts.
    """

    role: Role
    content: str | tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts."""
        content = self.content
        return (Text(content),) if isinstance(content, str) else content

    @property
    def text(self) -> str:
        """Its words alone."""
        content = self.content
        if isinstance(content, str):
            return content
        return "".join(part.text for part in content if isinstance(part, Text))


def attach(path: str | Path) -> Part:
    """A file as a part: a picture, sound, text, or a document, by its name.

    Raises:
        UsageError: if it cannot be read, or is larger than `MAX_FILE_BYTES`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UsageError(f"{str(path)!r} has {size:,} bytes; at most {MAX_FILE_BYTES:,} can be attached")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be attached: {error.strerror or error}") from None
    mime = mimetypes.guess_type(path.name)[0] or ""
    if mime.startswith("image/"):
        return Image(data, mime)
    if mime.startswith("audio/"):
        return Audio(data, "mp3" if mime == "audio/mpeg" else "wav")
    if mime == "application/pdf":
        return File(data, path.name, mime)
    try:
        return Text(f"{path.name}:\n```\n{data.decode('utf-8')}\n```")
    except UnicodeDecodeError:
        return File(data, path.name, mime or "application/octet-stream")
