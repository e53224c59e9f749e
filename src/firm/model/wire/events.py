"""Server-sent events out of bytes that come in pieces."""

from collections.abc import Iterator

from firm.model.wire.fault import Fault, Kind

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""Largest single event that is taken."""


class Events:
    """Splits a stream into events; bytes may come cut anywhere."""

    __slots__ = ("_data", "_event", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that are whole now: name ('' if it has none) and data.

        Raises:
            Fault: if one event is larger than `MAX_EVENT_BYTES`.
        """
        *lines, self._rest = (self._rest + piece if self._rest else piece).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise Fault(Kind.SIZE, f"one event of the stream has more than {MAX_EVENT_BYTES:,} bytes")
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line or line == b"\r":
                if self._data:
                    yield self._take()
            elif line.startswith(b"event:"):
                self._event = line[6:].strip().decode("utf-8", "replace")

    def end(self) -> Iterator[tuple[str, bytes]]:
        """An event that was not closed by an empty line; some servers end so."""
        yield from self.feed(b"\n\n")

    def _take(self) -> tuple[str, bytes]:
        data = (
            self._data[0] if len(self._data) == 1 else b"\n".join(line.rstrip(b"\r") for line in self._data)
        )
        event, self._event, self._data = self._event, "", []
        return event, data.rstrip(b"\r")
