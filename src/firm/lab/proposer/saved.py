"""How a proposer's state becomes bytes and comes back.

One rule: what comes back is the same to the last bit, so that an island that was set down goes on as if it had not
been. Arrays are kept as shape and little-endian float64.
"""

from typing import Any, TypeVar

import msgspec
import numpy as np

from firm.errors import UsageError

_State = TypeVar("_State", bound=msgspec.Struct)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.astype("<f8").tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} cannot be kept")


def _array(kind: Any, value: Any) -> Any:
    if kind is np.ndarray:
        shape, packed = value
        return np.frombuffer(packed, "<f8").astype(float).reshape(shape)
    raise NotImplementedError(f"{kind!r} cannot be read")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)


def save(state: msgspec.Struct) -> bytes:
    """As msgpack."""
    return _encoder.encode(state)


def load(state: bytes, kind: type[_State]) -> _State:
    """From `save`.

    Raises:
        UsageError: the bytes are of another arm, or of another version.
    """
    try:
        return msgspec.msgpack.decode(state, type=kind, dec_hook=_array)
    except (msgspec.DecodeError, ValueError) as error:
        raise UsageError(
            f"an island of {kind.__module__.rpartition('.')[2]!r} cannot be read ({error}); it was saved by another "
            "arm or version: begin the search anew, its best candidates can be given to it"
        ) from None
