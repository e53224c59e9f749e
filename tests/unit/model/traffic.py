"""Made-up servers and traffic in virtual time, for the tests of routing."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from firm.model.endpoint import Endpoint
from firm.model.message import Message, Text
from firm.model.reply import Reply
from firm.model.request import Request, Watch
from firm.model.route import Route
from firm.model.router import Router
from firm.model.target import Model
from firm.model.wire.fault import Fault, Kind
from firm.testing.loop import SimLoop
from firm.units import Usage

Result = TypeVar("Result")
QUESTION = (Message("user", "How high is the moon?"),)


class Guarded(Endpoint):
    """An endpoint that nobody may enter against its will."""

    def enter(self, now_s: float) -> None:
        assert self.free(now_s), f"{self!r} has {self.in_flight} calls and a limit of {self.limit.value}"
        super().enter(now_s)


class Loop(SimLoop):
    """Virtual time; as many steps as a test likes."""

    def _run_one(self) -> None:
        self.steps = 0
        super()._run_one()


def play(scene: Coroutine[Any, Any, Result]) -> Result:
    """Run a scene in virtual time, from 0 s on."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        result = runner.run(scene)
        loop = runner.get_loop()
        assert isinstance(loop, Loop)
        assert loop.errors == []
    return result


def now_s() -> float:
    """Virtual time."""
    return asyncio.get_running_loop().time()


def endpoint(name: str = "a") -> Endpoint:
    """An endpoint that nobody is behind."""
    return Guarded(Model(f"http://{name}:8000/v1", "moon"))


def request(model: str = "m", **options: Any) -> Request:
    """A request."""
    return Request(QUESTION, model=model, **options)


def fault(kind: Kind, retry_after_s: float | None = None, *, status: int = 0) -> Fault:
    """A failure."""
    made = Fault(kind, "no", status=status)
    made.retry_after_s = retry_after_s
    return made


class Server:
    """Serves so many calls at once; refuses more of them (429), or lets them wait.

    Args:
        places: Calls at once.
        service_s: What a call takes once it has a place.
        refuses: Whether it refuses what it has no place for; else that waits.
        script: What it does with its first calls: a fault to raise, seconds to take, or None for the usual.
    """

    def __init__(
        self,
        places: int = 1_000_000,
        service_s: float = 1.0,
        *,
        refuses: bool = True,
        script: tuple[Fault | float | None, ...] = (),
    ) -> None:
        self.places = places
        self.service_s = service_s
        self.refuses = refuses
        self.script = list(script)
        self.calls = self.answers = self.refusals = self.inside = self.peak = 0
        self.down: Kind | None = None
        """With what it fails, as long as it is set."""
        self._waiting: list[asyncio.Future[None]] = []

    async def say(self, watch: Watch | None) -> Reply:
        """Serve one call."""
        self.calls += 1
        act = self.script.pop(0) if self.script else None
        if isinstance(act, Fault):
            await asyncio.sleep(0.01)
            raise act
        if self.down is not None:
            await asyncio.sleep(0.01)
            raise fault(self.down)
        if self.inside >= self.places:
            await self._overflow()
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        try:
            await asyncio.sleep(self.service_s if act is None else act)
        finally:
            self.inside -= 1
            while self._waiting and self.inside < self.places:
                place = self._waiting.pop(0)
                if not place.done():
                    place.set_result(None)
                    break
        self.answers += 1
        return Reply((Text("384,400 km"),), Usage(input=20, output=16))

    async def _overflow(self) -> None:
        if self.refuses:
            self.refusals += 1
            await asyncio.sleep(0.01)
            raise fault(Kind.RATE, status=429)
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place


class World:
    """A router over made-up servers; each name stands for one or more of them.

    Must be made inside `play`.
    """

    def __init__(self, *servers: Server, seed: int = 1, **options: Any) -> None:
        self.servers = servers
        self.endpoints = tuple(endpoint(f"s{number}") for number in range(len(servers)))
        self.sessions: list[str] = []
        """Sessions of what was sent, in order."""
        self._behind = dict(zip(self.endpoints, servers, strict=True))
        self.router = Router(
            {"m": Route("m", self.endpoints, **options)}, self.send, clock=now_s, randomness=Random(seed)
        )

    def add(self, name: str, *servers: Server, **options: Any) -> tuple[Endpoint, ...]:
        """One more route."""
        made = tuple(endpoint(f"{name}{number}") for number in range(len(servers)))
        self._behind.update(zip(made, servers, strict=True))
        self.router.add(Route(name, made, **options))
        return made

    async def send(self, to: Endpoint, asked: Request, watch: Watch | None) -> Reply:
        """One attempt."""
        assert to.in_flight >= 1
        self.sessions.append(asked.session)
        reply = await self._behind[to].say(watch)
        reply.endpoint = to.model.url
        return reply


def start(calls: int, call: Callable[[int], Coroutine[Any, Any, Result]]) -> list[asyncio.Task[Result]]:
    """So many calls at once."""
    return [asyncio.ensure_future(call(number)) for number in range(calls)]
