"""How a run gets on: whether it wakes itself for nothing, and answers another run without end.

One rule: it counts only what the journal has, so that a run that was evicted counts alike when it is back. Workflow
code never sees it: whether a count is too high is for `Brake` to say, before a call begins.
"""

from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import msgspec

if TYPE_CHECKING:
    from firm.kernel.call import Call
    from firm.kernel.run import Run

REST_US = 3_600_000_000
"""What comes an hour or more after the one before is no runaway: it is not counted."""
ROUNDS = 4
"""Rounds that are remembered: one that comes to the same as one of these is nothing new."""


class Brake(Protocol):
    """Says, before a call begins, whether it may."""

    def look(self, run: "Run", call: "Call | None") -> "str | Exception":
        """Of a run that has a pace. '': go on; a key: it is held until `Worker.free(key)`; an error: it fails with it.

        Args:
            run: That makes the call.
            call: What it calls; None: it goes over to its next generation.
        """
        ...

    def begins(self, run: "Run", call: "Call") -> "str | Exception":
        """The same, of a child run that surely was not begun before."""
        ...

    def left(self, key: str) -> None:
        """Its last call was given up: nothing is held by this key any more."""
        ...


class Exchange(msgspec.Struct, array_like=True):
    """Messages to and from one other run."""

    count: int = 0
    """Messages that were sent after one had come from there, with nothing from outside in between."""
    since_us: int = 0
    last_us: int = 0
    heard: bool = False
    """One has come since the last that was sent."""


class Pace(msgspec.Struct, array_like=True):
    """What is counted of one run; goes with it into its next generation."""

    wakes: int = 0
    """How often in a row it has woken itself, by a timer or as its own next generation, and nothing new came of it."""
    since_us: int = 0
    """When the first of these was; microseconds since 1970."""
    last_us: int = 0
    round: int = 0
    """Checksum of what its calls came to since it last woke itself."""
    rounds: tuple[int, ...] = ()
    """Those of the rounds before."""
    exchanges: dict[str, Exchange] = {}
    """By the other run's id."""
    fresh: int = 0
    """Messages from outside for each of which one may be sent that is not counted: they may still be unread."""

    def turned(self, now_us: int) -> None:
        """It has woken itself."""
        round, self.round = self.round, 0
        if now_us - self.last_us >= REST_US or round not in self.rounds:
            self.rounds = (*self.rounds[1 - ROUNDS :], round)
            self.wakes = 0
        else:
            self.wakes += 1
            if self.wakes == 1:
                self.since_us = self.last_us
        self.last_us = now_us

    def came_to(self, name: str, body: bytes) -> None:
        """A call has an outcome."""
        self.round = crc32(body, crc32(name.encode(), self.round))

    def sent(self, to: str, now_us: int) -> None:
        """A message went out."""
        found = self.exchanges.get(to)
        if found is None:
            found = self.exchanges[to] = Exchange(0, now_us, now_us)
        if found.heard and self.fresh:
            self.fresh -= 1
            found.count = 0
        elif found.heard:
            if now_us - found.last_us >= REST_US:
                found.count = 0
            if not found.count:
                found.since_us = found.last_us
            found.count += 1
        found.heard, found.last_us = False, now_us

    def heard(self, sender: str) -> None:
        """A message has come in."""
        self.wakes = 0
        self.rounds = ()
        found = self.exchanges.get(sender)
        if found is None:
            self.fresh += 1
            self.news()
        else:
            found.heard = True

    def news(self) -> None:
        """Something has come from outside."""
        self.wakes = 0
        self.rounds = ()
        for one in self.exchanges.values():
            one.count = 0

    def encode(self) -> bytes:
        """Bytes for the start of the next generation."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(body: bytes) -> "Pace":
        """From there."""
        return _decode(body)


_decode = msgspec.msgpack.Decoder(Pace).decode
