"""Whether a server is asked at all: after enough failures not for a while, then once, then again.

One rule: the states and their changes are the table `TRANSITIONS`; real calls are the only probes.
It does no I/O and reads no clock.
"""

from enum import StrEnum

FAULTS_IN_ROW = 5
"""So many failures with no success between them open it."""
FAULT_RATE = 0.5
"""So large a part of failures opens it,"""
MIN_OUTCOMES = 20
"""once there were so many outcomes"""
WINDOW_S = 30.0
"""in so many seconds."""
COOL_S = 2.0
"""How long it stays open at first; doubled each time a probe fails."""
MAX_COOL_S = 60.0


class State(StrEnum):
    """States of a breaker."""

    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """None does."""
    HALF = "half open"
    """One is on its way, to see."""


class Event(StrEnum):
    """What changes the state."""

    TRIP = "trip"
    """Enough failures."""
    PROBE = "probe"
    """A call after the cool-down."""
    OK = "ok"
    """The probe was answered."""
    FAULT = "fault"
    """The probe failed."""
    DROP = "drop"
    """The probe was cancelled: nothing was learnt."""


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CLOSED, Event.TRIP): State.OPEN,
    (State.OPEN, Event.TRIP): State.OPEN,
    (State.OPEN, Event.PROBE): State.HALF,
    (State.HALF, Event.TRIP): State.OPEN,
    (State.HALF, Event.OK): State.CLOSED,
    (State.HALF, Event.FAULT): State.OPEN,
    (State.HALF, Event.DROP): State.OPEN,
}


class Breaker:
    """The circuit breaker of one server (Nygard, "Release It!", 2007)."""

    __slots__ = (
        "_cool_s",
        "_faults",
        "_in_row",
        "_oks",
        "_probe_s",
        "_window_s",
        "closed",
        "state",
        "until_s",
    )

    def __init__(self) -> None:
        self.state = State.CLOSED
        self.closed = True
        """Whether the state is CLOSED."""
        self.until_s = 0.0
        """While it is open: when it may be probed."""
        self._cool_s = COOL_S
        self._in_row = self._oks = self._faults = 0
        self._window_s = self._probe_s = 0.0

    def allows(self, now_s: float) -> bool:
        """Whether a call may go now."""
        return self.closed or (self.state is State.OPEN and now_s >= self.until_s)

    def entered(self, now_s: float) -> None:
        """A call goes, which `allows` allowed; if the breaker is not closed, it is the probe."""
        if not self.closed:
            self._probe_s = now_s
            self._change(Event.PROBE)

    def answered(self, began_s: float) -> None:
        """A call that began then was answered; what began before a probe is no proof of life."""
        if self.closed:
            self._in_row = 0
            self._oks += 1
        elif self._is_probe(began_s):
            self._change(Event.OK)
            self._cool_s = COOL_S
            self._in_row = self._oks = self._faults = 0

    def failed(self, began_s: float, now_s: float) -> None:
        """A call that began then failed, in a way that may pass."""
        if self.closed:
            if now_s - self._window_s > WINDOW_S:
                self._window_s, self._oks, self._faults = now_s, 0, 0
            self._in_row += 1
            self._faults += 1
            if self._in_row >= FAULTS_IN_ROW or self._too_many():
                self._open(Event.TRIP, now_s, self._cool_s)
        elif self._is_probe(began_s):
            self._cool_s = min(self._cool_s * 2, MAX_COOL_S)
            self._open(Event.FAULT, now_s, self._cool_s)

    def dropped(self, began_s: float, now_s: float) -> None:
        """A call that began then was cancelled."""
        if self._is_probe(began_s):
            self._open(Event.DROP, now_s, 0.0)

    def shut(self, now_s: float, cool_s: float) -> None:
        """Open it for so long, whatever there was before."""
        self._open(Event.TRIP, now_s, cool_s)

    def _is_probe(self, began_s: float) -> bool:
        return self.state is State.HALF and began_s >= self._probe_s

    def _too_many(self) -> bool:
        outcomes = self._oks + self._faults
        return outcomes >= MIN_OUTCOMES and self._faults >= FAULT_RATE * outcomes

    def _open(self, event: Event, now_s: float, cool_s: float) -> None:
        self._change(event)
        self.until_s = now_s + cool_s

    def _change(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]
        self.closed = self.state is State.CLOSED
