"""What a reply's headers say, and its body decoded.

One rule: a body that unfolds to more than is allowed is never unfolded whole.
"""

import zlib
from collections.abc import Iterator, Mapping

from firm.model.wire.fault import Fault, Kind

_WINDOWS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_RAW = -15
"""Some servers mean it when they say `deflate`, and leave out the frame of zlib."""


class Headers(Mapping[str, str]):
    """Headers of a reply; names in any case."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[bytes, bytes]) -> None:
        self.raw = {name.lower(): value for name, value in raw.items()}
        """By name in lower case."""

    def __getitem__(self, name: str) -> str:
        return self.raw[name.lower().encode()].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self.raw)

    def __len__(self) -> int:
        return len(self.raw)


class Unfold:
    """Decodes a body that comes in pieces.

    Args:
        encoding: as the server says it; '' and 'identity' leave the body as it is.
        limit: so many bytes in all, at most.

    Raises:
        Fault: if the encoding is none that is known here.
    """

    __slots__ = ("_deflate", "_left", "_limit", "_plain", "_unzip")

    def __init__(self, encoding: bytes, limit: int) -> None:
        name = encoding.strip().lower()
        self._plain = name in (b"", b"identity")
        self._limit = self._left = limit
        if not self._plain and name not in _WINDOWS:
            raise Fault(Kind.JUNK, f"the reply is encoded as {encoding.decode('latin-1')!r}, nobody asked")
        self._deflate = name == b"deflate"
        self._unzip = None if self._plain else zlib.decompressobj(_WINDOWS[name])

    def feed(self, piece: bytes) -> bytes:
        """What a piece unfolds to.

        Raises:
            Fault: if it is too much, or not what the encoding says.
        """
        unzip = self._unzip
        if unzip is not None and piece:
            if self._deflate and piece[0] & 15 != 8:
                unzip = self._unzip = zlib.decompressobj(_RAW)
            self._deflate = False
            try:
                piece = unzip.decompress(piece, self._left + 1)
            except zlib.error as error:
                raise Fault(Kind.JUNK, f"the reply is not encoded as it says: {error}") from error
            if unzip.unused_data:
                raise Fault(Kind.JUNK, "something stands behind the end of the encoded reply")
        self._left -= len(piece)
        if self._left < 0:
            raise too_large(self._limit)
        return piece

    def end(self) -> None:
        """The body is over.

        Raises:
            Fault: if the encoded reply is not.
        """
        if self._unzip is not None and not self._unzip.eof:
            raise Fault(Kind.LOST, "the encoded reply ends in the middle")


def too_large(limit: int) -> Fault:
    """More than is read."""
    return Fault(Kind.SIZE, f"the reply has more than {limit:,} bytes")


def unfolded(body: bytes, headers: Headers, limit: int) -> bytes:
    """A whole body, decoded if it is encoded.

    Raises:
        Fault: if it cannot be decoded, or has more than `limit` bytes.
    """
    encoding = headers.raw.get(b"content-encoding")
    if encoding is None or not body:
        return body
    unfold = Unfold(encoding, limit)
    found = unfold.feed(body)
    unfold.end()
    return found
