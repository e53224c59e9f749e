"""`POST /v1/embeddings`: texts into vectors.

One rule: a vector is sent as the model gave it; it is neither cut nor scaled here.
"""

import base64
from array import array
from typing import Annotated, Any, Literal

import msgspec

from firm.model.models import Models
from firm.serve.body import decode, unsupported, wrong

MAX_TEXTS = 2048


class _Body(msgspec.Struct):
    model: str
    input: str | Annotated[list[str | int | list[int]], msgspec.Meta(max_length=MAX_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


_decoder = msgspec.json.Decoder(_Body)


class Wanted(msgspec.Struct, frozen=True):
    """What a caller wants embedded."""

    model: str
    texts: tuple[str, ...]
    packed: bool
    """As base64 of 32-bit floats, the least significant byte first."""


def read_embedding(raw: bytes) -> Wanted:
    """The body of the request.

    Raises:
        Refusal: it cannot be right, or asks for what is not done here.
    """
    body = decode(raw, _decoder)
    given = [body.input] if isinstance(body.input, str) else body.input
    texts = tuple(text for text in given if isinstance(text, str))
    if len(texts) < len(given):
        raise unsupported("input", "tokens mean something else to each model; give text")
    if not texts or not all(text.strip() for text in texts):
        raise wrong("input", "give one text or more, none of them empty")
    if body.dimensions is not None:
        raise unsupported("dimensions", "vectors are as long as the model makes them; leave it out")
    return Wanted(body.model, texts, body.encoding_format == "base64")


async def embed(models: Models, wanted: Wanted) -> dict[str, Any]:
    """The answer.

    Raises:
        UsageError, ModelError, ModelUnavailable: as `firm.model.error` says.
    """
    found = await models.embed(wanted.texts, wanted.model)
    used = found.usage.read
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _pack(vector) if wanted.packed else list(vector),
            }
            for index, vector in enumerate(found.vectors)
        ],
        "model": wanted.model,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _pack(vector: Any) -> str:
    packed = array("f", vector)
    if _BIG_END_FIRST:
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()


_BIG_END_FIRST = array("H", [1]).tobytes() == b"\0\1"
