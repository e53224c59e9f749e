"""What every wire protocol does: a request into bytes, bytes into a reply. No I/O.

One rule: nothing that a server sends is trusted. What cannot be read is a `Fault`, never a wrong reply.
"""

from typing import Protocol

from firm.model.reply import Reply
from firm.model.request import Delta, Request
from firm.model.target import Abilities, Model


class Stream(Protocol):
    """Puts a reply together from the events of a stream."""

    ended: bool
    """The protocol's own end was seen; a stream that ends before is half a stream."""

    def feed(self, event: str, data: bytes) -> Delta | None:
        """Take one server-sent event; what it adds, None if nothing that one sees.

        Raises:
            Fault: if it is an error, or cannot be read.
        """

    def reply(self) -> Reply:
        """The whole reply, when `ended`."""


class Wire(Protocol):
    """One wire protocol."""

    name: str
    path: str
    """What is asked for, below the address of the model."""

    def headers(self, key: str) -> dict[str, str]:
        """Headers of every request; `key` is '' where there is none."""

    def body(self, request: Request, model: Model, abilities: Abilities, *, stream: bool) -> bytes:
        """The request as the server wants it.

        Raises:
            NotAble: if this protocol has no place for something that the request needs.
        """

    def reply(self, body: bytes) -> Reply:
        """A whole reply.

        Raises:
            Fault: if it is an error after all, or cannot be read.
        """

    def stream(self) -> Stream:
        """A reader for one streamed reply."""
