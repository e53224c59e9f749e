"""How many calls one server takes at once, found out by what it does with them.

One rule: nothing is limited before there was trouble; from then on the limit falls by a factor and rises by steps.
It does no I/O and reads no clock. Who waits, and for whom a place is kept, is not decided here.
"""

import math

CUT = 0.9
"""What a refusal leaves of the calls in flight."""
SLOW_CUT = 0.7
"""What a time-out leaves: it was longer in coming, and says more."""
MIN_CUT = 0.5
"""What the worst rise of latency leaves; a small one leaves `SLOW_CUT`, so that one can tell whether it helped."""
TOLERANCE = 4.0
"""Latency over the best that was seen, above which it has risen. A server that computes replies together is up to
three times as slow for each of them when it is well used."""
WINDOW, GROUP = 32, 8
"""Replies over which latency is averaged, and over which the best one is."""
NEAR = 4.0
"""In each round trip the limit rises by this part of its distance from where the last trouble was,"""
CREEP = 20.0
"""and at least by this part of that, or by 1."""


class Limit:
    """Calls that may be in flight at once at one server.

    Additive increase, multiplicative decrease (Chiu and Jain 1989), with three things that others have found useful:

    - As in TCP (RFC 5681), there is one cut in a round trip: trouble of a call that began before the last cut says
      nothing new. But where refusals come in a wave, the limit follows the calls that are left down to those that
      the server kept: that is what it takes.
    - As in CUBIC (RFC 9438), the way back is fast far from where trouble was, slow near it, and faster again beyond.
    - As in the gradient limit of Netflix's `concurrency-limits`, latency that rises is trouble before anything is
      refused. If fewer calls do not make it fall, the load was not the cause: the cut is undone and the new latency
      is what is normal.

    It rises only while at least half of it is used.
    """

    __slots__ = (
        "_base",
        "_before",
        "_count",
        "_cut_s",
        "_hoped",
        "_load",
        "_since_s",
        "_sum",
        "_sum_before",
        "_wall",
        "value",
    )

    def __init__(self) -> None:
        self.value = math.inf
        """Calls at once, at least 1; infinite while there was no trouble."""
        self._wall = 0.0
        self._cut_s = -math.inf
        self._base = math.inf
        self._sum, self._sum_before, self._load, self._count, self._since_s = 0.0, 0.0, 0, 0, -math.inf
        self._hoped, self._before = 0.0, math.inf

    def answered(self, pace_s: float, began_s: float, now_s: float, in_flight: int) -> None:
        """A call was answered.

        Args:
            pace_s: What it took, in seconds for a unit of work, so that long and short replies compare.
            began_s: When it was sent.
            now_s: Now, by the same clock.
            in_flight: Calls that were at that server when it was sent, itself included.
        """
        value = self.value
        if in_flight * 2 >= value and began_s >= self._cut_s:
            wall = self._wall
            self.value = value + max(abs(value - wall) / NEAR, min(wall / CREEP, 1.0)) / value
        if began_s >= self._since_s:
            self._sum += pace_s
            self._load += in_flight
            self._count += 1
            if not self._count % GROUP:
                self._base = min(self._base, (self._sum - self._sum_before) / GROUP)
                self._sum_before = self._sum
                if self._count == WINDOW:
                    self._close(now_s)

    def refused(self, began_s: float, now_s: float, in_flight: int) -> bool:
        """The server said that there is too much; whether that is news, and not one more of the same wave.

        A call that was alone there is no reason for a limit: others fill that server.
        """
        if began_s < self._cut_s:
            self.value = min(self.value, max(in_flight - 1.0, 1.0))
            return False
        if in_flight > 1:
            self._cut(CUT, now_s, in_flight)
        return True

    def timed_out(self, began_s: float, now_s: float, in_flight: int) -> None:
        """The server did not answer in time."""
        if began_s >= self._cut_s and in_flight > 1:
            self._cut(SLOW_CUT, now_s, in_flight)

    def _cut(self, factor: float, now_s: float, in_flight: float) -> None:
        level = min(in_flight, self.value)
        self._wall = max(level - 1.0, 1.0)
        self.value = max(min(level * factor, level - 1.0), 1.0)
        self._cut_s = now_s
        self._hoped = 0.0
        self._open(now_s)

    def _open(self, now_s: float) -> None:
        """Begin a window: only calls that begin from now on count in it, so it spans a round trip."""
        self._sum, self._sum_before, self._load, self._count, self._since_s = 0.0, 0.0, 0, 0, now_s

    def _close(self, now_s: float) -> None:
        mean = self._sum / self._count
        if self._hoped:
            if mean > self._hoped:
                self.value, self._base = max(self._before, self.value), mean
            self._hoped = 0.0
        elif mean > TOLERANCE * self._base and self._load > self._count:
            before, factor = self.value, min(max(TOLERANCE * self._base / mean, MIN_CUT), SLOW_CUT)
            self._cut(factor, now_s, self._load / self._count)
            self._hoped, self._before, self._wall = mean * (1 + factor) / 2, before, self.value
            return
        self._open(now_s)
