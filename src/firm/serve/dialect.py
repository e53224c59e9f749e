"""What a protocol that we speak must do: a body into a request, a reply into a body or into events.

One rule: a dialect is pure; it neither reads nor sends, and what it refuses leaves as a `Refusal`.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from firm.model.reply import Reply
from firm.model.request import Delta, Request
from firm.serve.refusal import Refusal


def _draw() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants."""

    request: Request
    stream: bool = False
    single: bool = False
    """At most one tool call."""
    usage: bool = True
    """A stream tells what was used."""
    echo: dict[str, Any] = field(default_factory=dict)
    """What the answer repeats of the body."""
    id: str = field(default_factory=_draw)
    """Of the answer; each protocol puts its own word before it."""
    at: int = field(default_factory=lambda: int(time.time()))
    """When it was asked, seconds since 1970."""


class Stream(Protocol):
    """A reply on its way out, as events."""

    def begin(self) -> bytes:
        """What comes first."""

    def piece(self, delta: Delta) -> bytes:
        """A piece of words or reasoning; b'' if there is nothing to tell."""

    def end(self, reply: Reply) -> bytes:
        """What comes last; all words of the reply were told in pieces."""

    def quiet(self) -> bytes:
        """What says that it still goes on."""

    def broken(self, refusal: Refusal) -> bytes:
        """What says that no more will come."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol."""

    read: Callable[[bytes, str], Asked]
    """The body of a request, for the caller whose key has this name."""
    whole: Callable[[Asked, Reply], dict[str, Any]]
    """The answer in one piece."""
    stream: Callable[[Asked], Stream]
    """The answer as a stream."""


QUIET = b": it goes on\n\n"
"""A comment, which every reader passes over."""


_LINE_ENDS = (
    (b"\xc2\x85", b"\\u0085"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)
"""What ends no line of an event, but does for many readers that cut text into lines."""


def event(data: bytes, name: str = "") -> bytes:
    """One server-sent event of JSON."""
    if not data.isascii():
        for raw, escaped in _LINE_ENDS:
            data = data.replace(raw, escaped)
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data) if name else b"data: %b\n\n" % data
