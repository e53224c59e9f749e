"""The loop breaker: the same call that comes to the same result, again and again.

One rule: it counts only what the journal has, so that a replay counts alike; whether a count is too high is decided
inside an attempt, whose outcome stands in the journal too, so a changed limit makes no replay diverge.

A call that its run makes again after it has waited is no loop of this kind: whoever looks every minute whether
something has come is found by `firm.policy.runaway`, and whoever looks once an hour or more seldom by nobody.
"""

import asyncio
from typing import TYPE_CHECKING

from firm.kernel.pace import REST_US
from firm.kernel.value import TAGGED, encode_input, show_input

if TYPE_CHECKING:
    from firm.kernel.run import Run

STATE = "policy.loop"
MAX_KEYS = 16
"""Different calls that are watched in one run; the one that was made longest ago is forgotten first."""
BEFORE = 8
"""Calls that a question shows as what led to it."""
SHORT_CHARS = 60
"""What is kept of a long text among the arguments of those."""

Key = tuple[str, bytes]
"""Name and encoded arguments of a call."""


class Seen:
    """One call as it went lately."""

    __slots__ = ("at_us", "count", "ended", "outcome")

    def __init__(self, outcome: bytes, ended: int, at_us: int) -> None:
        self.outcome = outcome
        self.at_us = at_us
        """When that was."""
        self.count = 1
        self.ended = ended
        """Number of its last end, counted over all calls of the run."""


class Asking:
    """A question that is put for all calls that go round alike."""

    __slots__ = ("over", "word")

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.word = ""
        """What the founder said; '' where whoever asked was cancelled."""


class Loops:
    """What a run keeps of its calls, in this life; rebuilt by replay."""

    __slots__ = ("_run", "asking", "before", "ends", "seen", "top")

    def __init__(self, run: "Run | None" = None) -> None:
        self._run = run
        self.seen: dict[Key, Seen] = {}
        self.ends = 0
        """Ends of calls so far."""
        self.top = 0
        """The highest count of all: attempts look at this first."""
        self.before: list[tuple[str, bytes]] = []
        """The last calls, the oldest first: at least `BEFORE`."""
        self.asking: dict[Key, Asking] = {}
        """Calls about which the founder is asked already."""

    def ended(self, key: Key, began: int, outcome: bytes) -> None:
        """Count the end of a call; `began` is what `ends` was when it began, `outcome` what it came to, encoded."""
        self.ends += 1
        run = self._run
        now_us, woke_us = (0, 0) if run is None else (run.loop.now_us, run.pace.last_us if run.pace else 0)
        before = self.seen.pop(key, None)
        if before is not None and now_us - before.at_us >= REST_US:
            before.outcome = b""  # it begins anew
        if before is None or before.outcome != outcome:
            if before is None and len(self.seen) >= MAX_KEYS:
                before = self.seen.pop(next(iter(self.seen)))
            self.seen[key] = Seen(outcome, self.ends, now_us)
            if before is not None and 1 < before.count == self.top:
                self._look()
            self.top = self.top or 1
            return
        self.seen[key] = before  # at the end: it was made last
        if began >= before.ended and (not woke_us or woke_us <= before.at_us):
            before.count += 1  # one after the other; what ran beside, or after waiting, does not count
            if before.count > self.top:
                self.top = before.count
        before.ended, before.at_us = self.ends, now_us

    def count(self, key: Key) -> int:
        """How often this call came to the same result, one after the other."""
        found = self.seen.get(key)
        return found.count if found is not None else 0

    def forgive(self, key: Key) -> None:
        """Count anew from here: the founder has said that it may go on."""
        found = self.seen.get(key)
        if found is not None:
            found.count = 0
        self._look()

    def _look(self) -> None:
        self.top = max((seen.count for seen in self.seen.values()), default=0)

    def note(self, name: str, input: bytes, args: tuple[object, ...]) -> None:
        """Remember a call that is over, for what led to a question."""
        if input[:1] == TAGGED:
            input = encode_input(tuple(_short(arg) for arg in args), {})
        self.before.append((name, input))
        if len(self.before) > 2 * BEFORE:
            del self.before[:BEFORE]

    def shown(self) -> list[str]:
        """The last calls, the oldest first, as a person reads them."""
        return [f"{name}{show_input(input)}"[:300] for name, input in self.before[-BEFORE:]]


def _short(value: object) -> object:
    if type(value) is str:
        return value if len(value) <= SHORT_CHARS else value[:SHORT_CHARS] + "…"
    if value is None or type(value) in (bool, int, float):
        return value
    return f"<{type(value).__name__}>"


def loops_of(run: "Run") -> Loops:
    """What a run keeps of its calls."""
    found: Loops | None = run.state.get(STATE)
    if found is None:
        found = run.state[STATE] = Loops(run)
    return found
