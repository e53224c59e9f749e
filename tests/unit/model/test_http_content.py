"""Bodies that are encoded although nobody asked: decoded within a bound, or refused."""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.model.http.content import Headers, Unfold, unfolded
from firm.model.wire.fault import Fault, Kind

LIMIT = 100_000


def raw_deflate(data: bytes) -> bytes:
    """Without the frame of zlib."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b" GZip ": gzip.compress,
}


def encoded(encoding: bytes) -> Headers:
    """Headers that say so."""
    return Headers({b"CONTENT-encoding": encoding})


@pytest.mark.parametrize("encoding", PACKED)
def test_known_encodings_are_decoded(encoding: bytes) -> None:
    assert unfolded(PACKED[encoding](b"hello" * 100), encoded(encoding), LIMIT) == b"hello" * 100


def test_deflate_without_its_frame_is_understood() -> None:
    assert unfolded(raw_deflate(b"hello" * 100), encoded(b"deflate"), LIMIT) == b"hello" * 100


def test_plain_and_empty_bodies_stay() -> None:
    assert unfolded(b"abc", Headers({}), LIMIT) == unfolded(b"abc", encoded(b"identity"), LIMIT) == b"abc"
    with pytest.raises(Fault):
        unfolded(b"abc", encoded(b"identity"), 2)
    assert unfolded(b"", encoded(b"gzip"), LIMIT) == b""


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_pieces_cut_anywhere_unfold_alike(data: bytes, cuts: list[int]) -> None:
    packed = gzip.compress(data)
    edges = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    unfold = Unfold(b"gzip", LIMIT)
    found = b"".join(unfold.feed(packed[start:end]) for start, end in pairwise(edges))
    unfold.end()
    assert found == data


@pytest.mark.parametrize(
    "bomb",
    [gzip.compress(bytes(LIMIT + 1)), gzip.compress(bytes(50_000_000), 1)],
    ids=["by one byte", "by far"],
)
def test_a_bomb_is_not_unfolded(bomb: bytes) -> None:
    with pytest.raises(Fault) as caught:
        unfolded(bomb, encoded(b"gzip"), LIMIT)
    assert caught.value.kind is Kind.SIZE
    assert "more than 100,000 bytes" in caught.value.told


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (b"junk", b"gzip", Kind.JUNK),
        (b"junk", b"br", Kind.JUNK),
        (b"junk", b"gzip, gzip", Kind.JUNK),
        (gzip.compress(b"hello")[:-9], b"gzip", Kind.LOST),
        (gzip.compress(b"hello") + b"x", b"gzip", Kind.JUNK),
    ],
    ids=["no gzip", "another", "two", "cut", "more behind it"],
)
def test_what_cannot_be_decoded_is_a_fault(body: bytes, encoding: bytes, kind: Kind) -> None:
    with pytest.raises(Fault) as caught:
        unfolded(body, encoded(encoding), LIMIT)
    assert caught.value.kind is kind


def test_headers_are_found_in_any_case() -> None:
    headers = Headers({b"RETRY-after": b"3", b"x-\xe4": b"\xe4"})
    assert headers["Retry-After"] == headers.get("retry-AFTER") == "3"
    assert headers.get("x-other") is None
    assert (len(headers), list(headers)) == (2, ["retry-after", "x-ä"])
