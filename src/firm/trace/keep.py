"""Where spans go: into the run's journal where a step makes them, and into the memory of a `Recorder`.

One rule: inside a step spans are rows of the book 'span', written in the transaction that says what came of the
attempt. Nothing is written outside of runs.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from firm.kernel.context import StepInfo, current
from firm.kernel.journal import Row, own_key
from firm.trace.span import Span, encode

BOOK = "span"
MAX_RECENT = 1000
"""Spans that a `Recorder` remembers unless it is told otherwise."""


def keep(spans: Sequence[Span]) -> bool:
    """Keep spans with the run whose step this is; False where there is none.

    They are there when the outcome of this attempt is, be it a failure that is tried again; see
    `firm.kernel.context.StepInfo.also` for what leaves nothing. Keys are made of run, generation, place, attempt and
    a number, so an attempt that is made anew after a crash writes its own again and none twice.
    """
    here = current.get()
    if not isinstance(here, StepInfo) or here.run is None or not spans:
        return False
    name = f"{here.run.generation:06d}.{here.place:06d}.{here.attempt:04d}.{len(here.rows):04d}"
    here.also(Row(BOOK, own_key(here.run.id, name), encode(spans)))
    return True


class Recorder:
    """Takes spans as they are made, keeps them with their run, and remembers the newest of all.

    Args:
        limit: How many it remembers, at least 1.
    """

    def __init__(self, limit: int = MAX_RECENT) -> None:
        self._recent: deque[Span] = deque(maxlen=limit)

    def record(self, *spans: Span) -> bool:
        """Take spans that are over, children and parents together; True if they are kept with a run."""
        self._recent.extend(spans)
        return keep(spans)

    def recent(self, count: int = MAX_RECENT) -> list[Span]:
        """The newest spans, in and outside of runs, the newest last."""
        return list(islice(self._recent, max(0, len(self._recent) - count), None))
