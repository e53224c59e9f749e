"""JSON to and from servers: text that is not quite text is made whole here.

One rule: a lone surrogate becomes U+FFFD, in both directions; everything else passes as it is.
"""

import base64
import json
from typing import Any, TypeVar

import msgspec

from firm.model.wire.fault import Fault, Kind, shorten

T = TypeVar("T")
_encoder = msgspec.json.Encoder()
_words = msgspec.json.Decoder(str)
_CONSTANTS = {"-Infinity": -9999.0}
"""Of what is no JSON, what has a meaning all the same: how a probability of 0 is written. The rest is null."""
NOTHING = msgspec.Raw(b"null")
"""What stands for a value that a server left out."""


def to_json(value: object) -> bytes:
    """JSON of builtins and structs."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_whole(msgspec.to_builtins(value, enc_hook=_read_again)))


def _read_again(value: object) -> object:
    """JSON that was made already."""
    if type(value) is not msgspec.Raw:
        raise TypeError(f"{type(value).__name__} has no place in JSON")
    return msgspec.json.decode(value)


def from_json(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """What a server sent, as the decoder's type.

    Raises:
        Fault: if it is no JSON, or not of this shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        wrong: Exception = error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong = error
        try:  # lone surrogates as escapes, bytes that are no UTF-8, bare control characters: readable all the same
            text = body.decode("utf-8-sig", "replace")
            found = json.loads(text, parse_constant=_CONSTANTS.get, strict=False)
            return decoder.decode(json.dumps(_whole(found)))
        except (ValueError, RecursionError):
            pass
    sample = shorten(body[:200].decode("utf-8", "replace"))
    raise Fault(Kind.JUNK, f"{wrong}; it begins with {sample!r}")


def arguments_of(found: msgspec.Raw) -> str:
    """Arguments of a call as JSON text: most servers send text, some the object itself."""
    body = bytes(found)
    if body[:1] == b'"':
        return from_json(body, _words)
    return "{}" if body == b"null" else body.decode("utf-8", "replace")


def object_of(text: str) -> dict[str, Any] | None:
    """JSON text as an object; None if it is none."""
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError):  # a lone surrogate is a ValueError too
        return None
    return found if isinstance(found, dict) else None


def base64_of(data: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(data).decode()


def data_url(data: bytes, mime: str) -> str:
    """Bytes as an address that holds them."""
    return f"data:{mime};base64,{base64_of(data)}"


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value
