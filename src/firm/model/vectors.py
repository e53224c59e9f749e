"""Texts into vectors, by the same route as every other call."""

from array import array
from collections.abc import Sequence

from firm.errors import UsageError
from firm.model.reply import Reply
from firm.model.request import Request

MAX_TEXTS = 2048
"""Texts of one call."""


class Texts(Request, frozen=True, omit_defaults=True):
    """What is to become vectors."""

    texts: tuple[str, ...] = ()


class Vectors(Reply, omit_defaults=True):
    """The vectors, one a text."""

    vectors: tuple["array[float]", ...] = ()


def texts_of(texts: Sequence[str], model: str) -> Texts:
    """A request for vectors.

    Raises:
        UsageError: no texts or more than `MAX_TEXTS`, or one that is empty or no text.
    """
    if isinstance(texts, str) or not 1 <= len(texts) <= MAX_TEXTS:
        raise UsageError(f"embed({texts!r:.80}): give a list of 1 to {MAX_TEXTS:,} texts")
    for number, text in enumerate(texts):
        if not str(text).strip():
            raise UsageError(f"embed(): text {number} is {text!r:.80}; give texts that are not empty")
    return Texts((), model, texts=tuple(texts))
