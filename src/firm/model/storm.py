"""A storm: a model that answers nothing but "too many requests" for long. Runs wait it out, at no cost.

One rule: while it lasts nobody asks that model but one call from time to time, to see; the others are held as if they
had not been made (`firm.kernel.signal.Held`), with one line in the inbox, and go on by themselves when it answers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context

from firm.kernel.signal import Held
from firm.model.error import ModelError, RateLimited
from firm.model.reply import Reply
from firm.policy.approval import when
from firm.policy.brake import Brakes

KEY = "model "
"""Beginning of a storm's brake; the model's name follows."""
PROBE_S = 30.0
"""From the beginning of a storm to the first call that is let through to see; doubled each time it is refused,"""
MAX_PROBE_S = 600.0
"""up to this; later where the server says so."""
RELEASE = 2
"""Calls that are let go on for each one that is answered, when it is over."""


class Storm:
    """What a model has refused since it answered last."""

    __slots__ = ("passes", "probe_s", "refused", "shut", "since_s", "stopped", "timer", "trying")

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        """When it refused first, seconds since 1970."""
        self.refused = 0
        """Calls that it refused in the end."""
        self.shut = False
        """Calls are held."""
        self.stopped = False
        """The founder has stopped the waiting: calls that are refused fail."""
        self.passes = 0
        """Calls that may be made all the same."""
        self.trying = 0
        """Calls that are being made."""
        self.probe_s = PROBE_S
        self.timer: asyncio.TimerHandle | None = None


class Storms:
    """The storms of a firm's models.

    Args:
        brakes: Hold what waits.
        storm_s: So long a model refuses everything before it is a storm; 0: never.
        clock: Seconds since 1970.
    """

    __slots__ = ("_brakes", "_clock", "_storm_s", "_storms")

    def __init__(self, brakes: Brakes, storm_s: float, clock: Callable[[], float] = time.time) -> None:
        self._brakes = brakes
        self._storm_s = storm_s
        self._clock = clock
        self._storms: dict[str, Storm] = {}

    async def call(self, name: str, ask: Callable[[], Awaitable[Reply]], *, last: bool) -> Reply:
        """One call of a step: it is made, or held.

        Args:
            name: Of the model.
            ask: Makes it.
            last: The step makes no further attempt.

        Raises:
            Held: it waits for the end of the storm.
            RateLimited: it was refused, and this is no storm yet.
            ModelError: it was refused, and the founder waits no longer for this model.
        """
        storm = self._storms.get(name)
        if storm is not None and storm.shut:
            if not storm.passes:
                raise Held(KEY + name)
            storm.passes -= 1
        if storm is not None:
            storm.trying += 1
        try:
            reply = await ask()
        except RateLimited as error:
            self._refused(name, error, last=last)
            raise
        finally:
            if storm is not None:
                storm.trying -= 1
        if (storm := self._storms.get(name)) is not None:
            self._answered(name, storm)
        return reply

    def _refused(self, name: str, error: RateLimited, *, last: bool) -> None:
        if self._storm_s <= 0 or self._brakes.desk is None:
            return
        now_s = self._clock()
        storm = self._storms.get(name)
        if storm is None:
            storm = self._storms[name] = Storm(now_s)
        storm.refused += 1
        if storm.stopped:
            raise ModelError(
                f"{error}; it answers nothing else since {when(round(storm.since_s * 1e6))}, and the founder waits no "
                "longer for it"
            ) from error
        if not storm.shut and now_s - storm.since_s >= self._storm_s:
            self._begin(name, storm)
        if storm.shut or last:  # others may be answered: then it waits without a line
            wait_s = error.retry_after_s or 0.0
            if storm.timer is None or wait_s > storm.probe_s:
                self._probe_in(name, storm, max(storm.probe_s, wait_s))
            raise Held(KEY + name)

    def _begin(self, name: str, storm: Storm) -> None:
        storm.shut, storm.probe_s = True, PROBE_S
        text = (
            f"model {name!r} answers nothing but 'too many requests' (429) since "
            f"{when(round(storm.since_s * 1e6))} (refused so far: {storm.refused:,}); what asks it waits, and goes on "
            "by itself when it answers again"
        )
        self._brakes.shut(KEY + name, text, word=lambda go_on: self._word(name, go_on=go_on))

    def restore(self, key: str) -> None:
        """Runs wait for a model since the firm was open before; the first call sees whether it answers."""
        name = key.removeprefix(KEY)
        storm = self._storms[name] = Storm(self._clock())
        storm.shut = True
        self._brakes.restore(key, lambda go_on: self._word(name, go_on=go_on))
        self._probe_in(name, storm, 0.0)

    def _word(self, name: str, *, go_on: bool | None) -> None:
        """The founder's: ask it at once, or wait no longer; None: there was no line, so it was no storm yet."""
        storm = self._storms.get(name)
        if storm is None:
            return
        storm.stopped = go_on is False
        if go_on is not False:
            storm.shut = storm.shut and go_on is True
            self._probe_in(name, storm, 0.0)
        else:
            self._quiet(storm)
            storm.shut = False
            assert self._brakes.desk is not None
            self._brakes.desk.free(KEY + name)

    def _probe_in(self, name: str, storm: Storm, wait_s: float) -> None:
        self._quiet(storm)
        loop = asyncio.get_running_loop()
        storm.timer = loop.call_later(wait_s, self._probe, name, storm, context=Context())

    def _probe(self, name: str, storm: Storm) -> None:
        """Let one call through, to see, unless one is on its way."""
        storm.timer = None
        desk = self._brakes.desk
        if desk is None or self._storms.get(name) is not storm:
            return
        if desk.held(KEY + name):
            if not storm.trying:
                storm.passes = 1
                storm.probe_s = min(2 * storm.probe_s, MAX_PROBE_S)
                desk.free(KEY + name, 1)
        elif storm.passes:  # who was let go has not come yet
            storm.passes = 0
        elif not storm.trying:  # nobody waits: the next call sees for itself
            del self._storms[name]
            self._brakes.over(KEY + name)
            return
        self._probe_in(name, storm, storm.probe_s)

    def _answered(self, name: str, storm: Storm) -> None:
        """It answers again: what waits goes on, the faster the more is answered."""
        storm.stopped = False
        if storm.shut:
            storm.shut, storm.passes = False, 0
            self._brakes.over(KEY + name)
        storm.since_s, storm.refused, storm.probe_s = self._clock(), 0, PROBE_S
        desk = self._brakes.desk
        if desk is None or not desk.held(KEY + name):
            self._quiet(storm)
            self._storms.pop(name, None)
            return
        desk.free(KEY + name, RELEASE)
        self._probe_in(name, storm, PROBE_S)

    def _quiet(self, storm: Storm) -> None:
        if storm.timer is not None:
            storm.timer.cancel()
            storm.timer = None

    def tidy(self, names: Iterable[str]) -> None:
        """Close lines about models that nobody waits for any more, of a firm that was killed."""
        for name in names:
            if name not in self._storms:
                self._brakes.tidy(KEY + name)

    def close(self) -> None:
        """The firm is being closed."""
        for storm in self._storms.values():
            self._quiet(storm)
        self._storms.clear()
