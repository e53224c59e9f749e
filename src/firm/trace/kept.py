"""Reading the spans of a run back.

One rule: reading never fails for one odd row; what cannot be read is left out.
"""

import re

import msgspec

from firm.kernel.journal import Journal, Row, own_key
from firm.trace.keep import BOOK
from firm.trace.span import Span, decode

_NAME = re.compile(r"(\d+)\.(\d+)\.(\d+)\.\d+")


class Kept(msgspec.Struct, frozen=True):
    """A span, and the attempt of a step that made it."""

    generation: int
    """1 for the first."""
    place: int
    """Number of the call in that generation."""
    attempt: int
    """1 for the first."""
    span: Span


async def spans_of(journal: Journal, run_id: str) -> list[Kept]:
    """The spans of one run without those of its children, by generation, place and attempt.

    Raises:
        JournalError: the journal cannot be read.
    """
    prefix = own_key(run_id)
    found: list[Kept] = []
    for row in await journal.rows(BOOK, prefix=prefix):
        found.extend(_read(row, len(prefix)))
    return sorted(found, key=lambda kept: (kept.generation, kept.place, kept.attempt))


def _read(row: Row, start: int) -> list[Kept]:
    matched = _NAME.fullmatch(row.key, start)
    if matched is None:
        return []
    generation, place, attempt = map(int, matched.groups())
    try:
        return [Kept(generation, place, attempt, span) for span in decode(row.value)]
    except msgspec.MsgspecError:  # of another version
        return []
