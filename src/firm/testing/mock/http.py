"""HTTP/1.1 as far as a mock server needs it: requests out of bytes, heads of replies into bytes. No I/O.

One rule: it is fast and it is for tests. It is not a server for the open network.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class BadRequest(Exception):
    """The bytes are no HTTP request; the connection cannot go on."""


@dataclass(slots=True)
class MockRequest:
    """A request that the server received."""

    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes = b""
    """The body as it came."""
    _json: Any = field(default=msgspec.UNSET, repr=False)

    @property
    def body(self) -> Any:
        """The body read as JSON; None where it is empty or no JSON."""
        if self._json is msgspec.UNSET:
            try:
                self._json = msgspec.json.decode(self.raw) if self.raw else None
            except (msgspec.DecodeError, RecursionError):
                self._json = None
        return self._json

    @property
    def closes(self) -> bool:
        """Whether the client wants the connection closed after the reply."""
        return self.headers.get("connection", "").lower() == "close"


class RequestReader:
    """Requests of one connection, in the order in which they came."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._request: MockRequest | None = None
        self._length: int | None = 0
        self.wants_continue = False
        """Whether the client waits for `CONTINUE` before it sends a body."""

    def feed(self, data: bytes) -> None:
        """Take what came over the wire."""
        self._data += data

    def next(self) -> MockRequest | None:
        """The next whole request; None: more bytes are needed.

        Raises:
            BadRequest: if it is not HTTP, or too large.
        """
        if self._request is None:
            self._request = self._head()
        request = self._request
        if request is None or not self._body(request):
            return None
        self._request = None
        return request

    def _head(self) -> MockRequest | None:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > MAX_HEAD_BYTES:
                raise BadRequest("the head of the request is too long")
            return None
        first, *lines = self._data[:end].decode("latin-1").split("\r\n")
        del self._data[: end + 4]
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise BadRequest(f"not a request of HTTP/1.1: {first[:100]!r}")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self._length = _length(headers)
        self.wants_continue = "expect" in headers
        return MockRequest(words[0], words[1], headers)

    def _body(self, request: MockRequest) -> bool:
        length = self._length
        if length is None:
            return self._chunked_body(request)
        if len(self._data) < length:
            return False
        request.raw = bytes(self._data[:length])
        del self._data[:length]
        return True

    def _chunked_body(self, request: MockRequest) -> bool:
        at = 0
        parts: list[bytes] = []
        while (end := self._data.find(b"\r\n", at)) >= 0:
            try:
                size = int(self._data[at:end].split(b";")[0], 16)
            except ValueError:
                raise BadRequest("a chunk without a size") from None
            at = end + 2 + size + 2
            if len(self._data) < at:
                return False
            if size == 0:
                request.raw = b"".join(parts)
                del self._data[:at]
                return True
            parts.append(bytes(self._data[end + 2 : at - 2]))
        return False


def _length(headers: dict[str, str]) -> int | None:
    """Bytes of the body; None: it comes in chunks."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    text = headers.get("content-length", "0")
    if not text.isdigit() or int(text) > MAX_BODY_BYTES:
        raise BadRequest(f"content-length {text[:40]!r}")
    return int(text)


def head(status: int, headers: dict[str, str], length: int | None) -> bytes:
    """Head of a reply; without a length the body comes in chunks."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """One chunk of a body; an empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)
