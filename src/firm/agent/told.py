"""What a call of a tool leaves in the trace: a span `execute_tool` beside its step.

One rule: a call that went well, at once and by itself leaves none, for the journal has all that there is to say of
it; one that failed, took its time, waited in line or was answered from memory is told.
"""

import time

from firm.trace import Moment, Span, attribute, keep
from firm.trace.span import CACHE_HIT, EXECUTE_TOOL, Value

SLOW_S = 0.001
"""A call that took longer is told."""


class Told:
    """Gathers what becomes of one call."""

    __slots__ = ("began_s", "hit", "name", "queued_s")

    def __init__(self, name: str) -> None:
        self.name = name
        self.began_s = time.perf_counter()
        self.queued_s = 0.0
        """How long it waited in line."""
        self.hit = False
        """It was answered from memory."""

    def done(self) -> None:
        """It went well."""
        took_s = time.perf_counter() - self.began_s
        if took_s > SLOW_S or self.hit:
            tell(self.name, took_s, queued_s=self.queued_s, hit=self.hit)

    def failed(self, error: BaseException) -> None:
        """It failed."""
        took_s = time.perf_counter() - self.began_s
        tell(self.name, took_s, error=type(error).__qualname__, queued_s=self.queued_s)


def tell(name: str, took_s: float, *, error: str = "", queued_s: float = 0.0, hit: bool = False) -> None:
    """Keep the span of a call that is over with the run whose step this is.

    Args:
        name: Of the tool.
        took_s: How long it took in all.
        error: Class of the error that it ended with; '': it went well.
        queued_s: How long of that it waited in line.
        hit: Whether it was answered from memory.
    """
    attributes: dict[str, Value] = {attribute.TOOL_NAME: name, attribute.TOOL_TYPE: "function"}
    if queued_s > SLOW_S:
        attributes[attribute.QUEUE_S] = queued_s
    took_us = round(took_s * 1e6)
    start_us = time.time_ns() // 1000 - took_us
    moments = (Moment(CACHE_HIT, start_us),) if hit else ()
    keep([Span(EXECUTE_TOOL, start_us, took_us, attributes, error, moments)])
