"""Marks: words that stick to what a run has seen, and to all that comes of it.

One rule: marks are only ever added. The kernel carries them (with results, messages, children and generations) and
gives them no meaning; what a word stands for is the business of later parts.

A body that carries marks is `MARKED`, then a MessagePack array of the sorted words, then the body itself. Neither
MessagePack nor the tagged form of `firm.kernel.value` begins with these two bytes, and a body without marks is
written as if there were none.
"""

from collections.abc import Sequence, Set

import msgspec

from firm.errors import JournalCorrupt, UsageError
from firm.ids import check_id

FIRST = b"\xc1"
MARKED = FIRST + FIRST
NONE: frozenset[str] = frozenset()
MAX_MARKS = 100
"""Words that a run or an attempt may say itself; those that reach it from outside come on top."""

_encode = msgspec.msgpack.encode


def add_marks(marks: frozenset[str], words: Sequence[str]) -> frozenset[str]:
    """The marks with these words, each 1..200 printable characters.

    Raises:
        UsageError: a word is none, or there would be more than MAX_MARKS.
    """
    more = marks.union([check_id(word, "mark") for word in words])
    if len(more) > max(MAX_MARKS, len(marks)):
        raise UsageError(
            f"more than {MAX_MARKS} marks, with {words[-1]!r}: use few words, not one for each thing"
        )
    return more


def marked(body: bytes, marks: Set[str]) -> bytes:
    """The body with these marks; the body itself where there are none."""
    return MARKED + _encode(sorted(marks)) + body if marks else body


def words_of(marks: Set[str]) -> tuple[str, ...]:
    """The marks, sorted."""
    return tuple(sorted(marks)) if marks else ()


def unmarked(body: bytes) -> tuple[bytes, frozenset[str]]:
    """The body without its marks, and the marks.

    Raises:
        JournalCorrupt: it says that it carries marks, and does not.
    """
    if body[:2] != MARKED:
        return body, NONE
    try:
        words, at = [], 0
        count, at = _array_size(body, len(MARKED))
        for _ in range(count):
            size, at = _text_size(body, at)
            words.append(body[at : at + size].decode())
            at += size
        if at > len(body):
            raise IndexError(at)
    except (IndexError, UnicodeDecodeError) as error:
        raise JournalCorrupt(f"a body's marks cannot be read: {body[:40]!r}…; `firm doctor`") from error
    return body[at:], frozenset(words)


def plain(body: bytes) -> bytes:
    """The body without its marks."""
    return unmarked(body)[0] if body[:2] == MARKED else body


def _array_size(body: bytes, at: int) -> tuple[int, int]:
    """Length of the MessagePack array that begins there, and where its items begin."""
    head = body[at]
    if 0x90 <= head <= 0x9F:
        return head & 0x0F, at + 1
    if head == 0xDC:
        return int.from_bytes(body[at + 1 : at + 3]), at + 3
    raise IndexError(head)


def _text_size(body: bytes, at: int) -> tuple[int, int]:
    """Length in bytes of the MessagePack text that begins there, and where it begins."""
    head = body[at]
    if 0xA0 <= head <= 0xBF:
        return head & 0x1F, at + 1
    if head == 0xD9:
        return body[at + 1], at + 2
    if head == 0xDA:
        return int.from_bytes(body[at + 1 : at + 3]), at + 3
    raise IndexError(head)
