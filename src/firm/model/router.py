"""Which endpoint answers a call, and what happens when it does not.

One rule: a call that meets no trouble costs next to nothing here. Everything else is the course's.
"""

import difflib
import random
import time
from collections.abc import Callable, Mapping

from firm.kernel.ports import Randomness
from firm.model.course import Course
from firm.model.error import UnknownModel
from firm.model.lane import Lane, LaneState
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.route import Attempt, OnAttempt, Route, Send

__all__ = ["Attempt", "OnAttempt", "Route", "Router", "Send"]


class Router:
    """The routes to models by name.

    Args:
        routes: What each name stands for.
        send: Makes one attempt at one endpoint; raises `Fault`.
        clock: Seconds, by a clock that only goes forward, and as fast as that of the event loop.
        randomness: For jitter and for ties.
    """

    __slots__ = ("_clock", "_lanes", "_randomness", "_send", "routes")

    def __init__(
        self,
        routes: Mapping[str, Route],
        send: Send,
        *,
        clock: Callable[[], float] = time.monotonic,
        randomness: Randomness | None = None,
    ) -> None:
        self.routes: dict[str, Route] = {}
        """What each name stands for; `add` changes it."""
        self._send = send
        self._clock = clock
        self._randomness = random.Random() if randomness is None else randomness
        self._lanes: dict[str, Lane] = {}
        for name, route in routes.items():
            self.add(route, name)

    def add(self, route: Route, name: str = "") -> None:
        """Let a name stand for a route, from the next call on; calls that are under way stay where they are."""
        name = name or route.name
        self.routes[name] = route
        self._lanes[name] = Lane(route, self._clock, self._randomness)

    async def call(
        self, request: Request, watch: Watch | None = None, on_attempt: OnAttempt | None = None
    ) -> Reply:
        """One reply.

        Args:
            request: What is asked; `request.model` names the route.
            watch: Is told of each piece of the reply. `Delta(restart=True)`: the attempt broke off, begin anew.
            on_attempt: Is told of each attempt when it has ended; of a first one that went well, nothing.

        Raises:
            UnknownModel: no route has this name.
            ModelError: the model cannot do what was asked.
            ModelUnavailable: no endpoint answered in the end.
        """
        lane = self._lanes.get(request.model)
        if lane is None:
            raise self._unknown(request.model)
        course = Course(self._lanes, self._send, self._clock, self._randomness)
        return await course.run(lane, request, watch, on_attempt)

    def state(self) -> tuple[LaneState, ...]:
        """How each model fares."""
        return tuple([lane.state() for lane in self._lanes.values()])

    def _unknown(self, name: str) -> UnknownModel:
        near = difflib.get_close_matches(name, self._lanes, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(self._lanes) or 'none'}"
        return UnknownModel(f"no model is named {name!r}; {hint} (firm.toml, section [models.{name}])")
