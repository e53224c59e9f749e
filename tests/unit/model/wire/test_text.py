"""JSON that is nearly right is read, JSON that is not is a fault."""

from typing import Any

import msgspec
import pytest

from firm.model.wire.fault import Fault, Kind
from firm.model.wire.text import arguments_of, data_url, from_json, object_of, to_json


class Said(msgspec.Struct):
    text: str | None = None
    number: float | None = None


decoder = msgspec.json.Decoder(Said)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"text":"caf\xc3\xa9"}', "café"),
        (b'\xef\xbb\xbf{"text":"a"}', "a"),
        (b'{"text":"a\\ud800"}', "a\ufffd"),
        (b'{"text":"\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"text":"a\xff"}', "a\ufffd"),
        (b'{"text":"a\nb"}', "a\nb"),
        (b'{"text":"a\\u0000b"}', "a\x00b"),
    ],
)
def test_text_is_made_whole(body: bytes, text: str) -> None:
    assert from_json(body, decoder).text == text


def test_probability_of_zero_has_a_logarithm_that_can_be_kept() -> None:
    assert from_json(b'{"number":-Infinity}', decoder).number == -9999.0
    assert from_json(b'{"number":NaN}', decoder).number is None


@pytest.mark.parametrize("body", [b"", b"{", b'{"text":5}', b"[]", b'{"text":' + b"[" * 5000, b"\x80\x80"])
def test_what_cannot_be_read_is_a_fault_that_shows_its_beginning(body: bytes) -> None:
    with pytest.raises(Fault, match="it begins with") as caught:
        from_json(body, decoder)
    assert caught.value.kind is Kind.JUNK


def test_lone_surrogates_are_sent_as_replacement_characters() -> None:
    assert to_json({"a\udfff": ["\ud800", Said("x\ud800")]}) == (
        '{"a\ufffd":["\ufffd",{"text":"x\ufffd","number":null}]}'.encode()
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"{\\"a\\": 1}"', '{"a": 1}'),
        (b'{"a": 1}', '{"a": 1}'),
        (b'{"a": 1180591620717411303424}', '{"a": 1180591620717411303424}'),
        (b"null", "{}"),
        (b'""', ""),
        (b'"\\ud800"', "\ufffd"),
    ],
)
def test_arguments_come_as_text_or_as_the_object_itself(raw: bytes, text: str) -> None:
    assert arguments_of(msgspec.Raw(raw)) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"a":1}', {"a": 1}), ("[1]", None), ("", None), ("{", None), ("\ud800", None), ("[" * 5000, None)],
)
def test_only_an_object_is_an_object(text: str, found: Any) -> None:
    assert object_of(text) == found


def test_bytes_become_an_address() -> None:
    assert data_url(b"\x89PNG", "image/png") == "data:image/png;base64,iVBORw=="


def test_json_that_was_made_already_stays_beside_text_that_has_to_be_mended() -> None:
    value = {"made": msgspec.Raw(b'[1,"x"]'), "said": "half a pair: \ud800"}
    assert msgspec.json.decode(to_json(value)) == {"made": [1, "x"], "said": "half a pair: \ufffd"}
