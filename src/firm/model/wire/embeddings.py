"""Embeddings: texts into vectors, as OpenAI's `/embeddings` and its many imitators do it.

One rule: as many vectors come back as texts went out, in their order, all of one length and finite; or a fault.
"""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.model.target import Model
from firm.model.wire.fault import Fault, Kind, fault_in
from firm.model.wire.text import from_json, to_json
from firm.model.wire.token import count
from firm.units import Usage

PATH = "/embeddings"
"""What is asked for, below the address of the model; headers are those of Chat Completions."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of texts."""

    vectors: tuple["array[float]", ...]
    """One a text, in the order of the texts, in single precision; `numpy.frombuffer` takes them as they are."""
    usage: Usage
    model: str
    """The model that answered, as its server calls it."""


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _Body(msgspec.Struct):
    data: list[_Vector] | None = None
    model: str | None = ""
    usage: _Usage | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Body)


def body_of(texts: Sequence[str], model: Model, *, dimensions: int | None = None) -> bytes:
    """The request as JSON.

    Args:
        texts: What to embed, at least one; servers limit how many (OpenAI: 2048).
        model: Where it goes.
        dimensions: Length of the vectors, where the model can shorten them; None: as it is.

    Raises:
        UsageError: if there are no texts.
    """
    if isinstance(texts, str) or not texts:
        raise UsageError(f"texts={texts!r}: give a list of at least one text")
    body: dict[str, Any] = {"model": model.name, "input": list(texts)}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return to_json(body)


def embeddings_of(body: bytes, texts: int) -> Embeddings:
    """The vectors of so many texts; numbers as JSON or as base64 are both taken.

    Raises:
        Fault: if it is an error after all, cannot be read, or does not fit the texts.
    """
    found = from_json(body, _decoder)
    if found.error:
        raise fault_in(found.error)
    usage = Usage(count(found.usage.prompt_tokens)) if found.usage is not None else Usage()
    try:
        return Embeddings(_vectors(found, texts), usage, found.model or "")
    except Fault as fault:
        fault.usage = usage
        raise


def _vectors(found: _Body, texts: int) -> "tuple[array[float], ...]":
    data = found.data
    if data is None or len(data) != texts:
        raise Fault(Kind.JUNK, f"{texts} texts were sent, {len(data or ())} vectors came back")
    if any([item.index is not None for item in data]):
        data.sort(key=lambda item: -1 if item.index is None else item.index)
        if [item.index for item in data] != list(range(texts)):
            raise Fault(Kind.JUNK, "the indexes of the vectors are not those of the texts")
    vectors = tuple([_vector(item.embedding) for item in data])
    if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise Fault(Kind.JUNK, "the vectors are empty, or differ in length")
    return vectors


def _vector(found: list[float] | str) -> "array[float]":
    try:
        if isinstance(found, str):
            vector = array("f")
            vector.frombytes(base64.b64decode(found, validate=True))
            if sys.byteorder == "big":
                vector.byteswap()
        else:
            vector = array("f", found)
    except (binascii.Error, ValueError, OverflowError) as error:
        raise Fault(Kind.JUNK, f"a vector cannot be read: {error}") from None
    if not math.isfinite(sum(vector)):
        raise Fault(Kind.JUNK, "a vector has numbers that are not finite")
    return vector
