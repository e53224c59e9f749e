"""What a call to a model on the founder's own machines costs: time that these were busy.

One rule: calls that run at once share the time; together they are given exactly the time in which at least one of them
ran, and none more than it took itself.
"""

import time
from collections.abc import Callable

from firm.units.amount import usd_micro_of

HOUR_MS = 3_600_000
PER_MS = 1_000_000
"""Nanoseconds in a millisecond."""
READ_WORK = 1 / 32
"""What a token that is read anew weighs against one that is written: reading is done many at a time."""
WEIGHT = 0.1
"""Of the latest call in the average."""


class GpuPrice:
    """Price of the founder's own GPUs.

    Args:
        usd_per_gpu_hour: US dollars, at least 0.
        gpus: How many run the model, at least 1.

    Raises:
        UsageError: a price that is none.
    """

    __slots__ = ("gpus", "usd_micro_per_hour")

    def __init__(self, usd_per_gpu_hour: float, gpus: int = 1) -> None:
        self.usd_micro_per_hour = usd_micro_of(usd_per_gpu_hour, "usd_per_gpu_hour")
        self.gpus = gpus

    def cost(self, gpu_ms: int) -> int:
        """What so much GPU time costs, in millionths of a dollar, rounded up."""
        return -(-gpu_ms * self.usd_micro_per_hour // HOUR_MS)

    def most(self, deadline_s: float) -> tuple[int, int]:
        """What a call can cost at most that ends within `deadline_s`: millionths of a dollar, and GPU milliseconds."""
        gpu_ms = most_ms(deadline_s, self.gpus)
        return self.cost(gpu_ms), gpu_ms


def most_ms(deadline_s: float, places: int = 1) -> int:
    """Milliseconds that a call can be given at most that ends within `deadline_s`."""
    return -int(-deadline_s * 1000 // 1) * places


def work_of(read: int, written: int) -> float:
    """How much a call weighs when time is shared."""
    return written + read * READ_WORK


class Pool:
    """Shares the time in which one server was busy among its calls, by how much each read and wrote.

    A call is given its part when it ends, although nobody knows yet how much those beside it will write: for them the
    server's average rate stands in. What was given too little or too much is made up by the calls that end later:

    - Let P be the busy time that nobody was given yet, and E the sum of what the calls that run have taken so far.
      P <= E always: while any call runs, P grows as fast as the clock, and E at least so.
    - A call that ends after `took` is given at least P - E' (E' without it), which keeps the rule for the others,
      and at most `took`. As P <= took + E', there is such a part.
    - The last one to end has E' = 0 and is given all of P: the parts add up to the busy time.

    Args:
        places: GPUs of the server; each counts.
        clock_ns: A clock that only goes forward.
    """

    __slots__ = (
        "_begun_ns",
        "_clock_ns",
        "_given_ns",
        "_left_ns",
        "_places",
        "_rate",
        "_running",
        "_seen_ns",
    )

    def __init__(self, places: int = 1, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._places = places
        self._clock_ns = clock_ns
        self._running = 0
        self._begun_ns = 0
        """Sum of when the running calls began."""
        self._seen_ns = 0
        self._left_ns = 0
        """Busy time that nobody was given yet."""
        self._given_ns = 0
        self._rate = 0.0
        """Average work a nanosecond of one call."""

    def enter(self) -> int:
        """A call begins; give what this returns to `leave`."""
        now_ns = self._clock_ns()
        if self._running:
            self._left_ns += now_ns - self._seen_ns
        self._seen_ns = now_ns
        self._running += 1
        self._begun_ns += now_ns
        return now_ns

    def leave(self, began_ns: int, work: float) -> int:
        """A call ends; its part in milliseconds, each GPU counted. `work`: see `work_of`; 0 if it failed."""
        now_ns = self._clock_ns()
        self._left_ns += now_ns - self._seen_ns
        self._seen_ns = now_ns
        self._running -= 1
        self._begun_ns -= began_ns
        took_ns = now_ns - began_ns
        given_ns = left_ns = self._left_ns
        if self._running:
            others_ns = self._running * now_ns - self._begun_ns
            given_ns = max(left_ns - others_ns, 0)
            if work and took_ns:  # its share, if those beside it write as much as calls here usually do
                beside = (self._rate or work / took_ns) * others_ns
                given_ns = min(max(int(left_ns * (work / (work + beside))), given_ns), took_ns)
        if work and took_ns:
            rate = work / took_ns
            self._rate = self._rate + WEIGHT * (rate - self._rate) if self._rate else rate
        self._left_ns = left_ns - given_ns
        return self._in_ms(given_ns)

    def _in_ms(self, given_ns: int) -> int:
        """Whole milliseconds, so rounded that those of all calls add up."""
        before = self._given_ns * self._places // PER_MS
        self._given_ns += given_ns
        return self._given_ns * self._places // PER_MS - before
