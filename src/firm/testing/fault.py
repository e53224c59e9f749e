"""What goes wrong in a simulation, and when.

One rule: each kind of fault has randomness of its own, so that a kind can be left out and the rest stays.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from firm.testing.door import Shore
from firm.testing.machines import Machines

FAULTS: dict[str, float] = {
    "crash": 12.0,
    "pause": 25.0,
    "clock": 30.0,
    "close": 40.0,
    "commit_before": 12.0,
    "commit_after": 12.0,
    "disk_full": 40.0,
    "read_error": 12.0,
    "slow": 25.0,
    "stale": 30.0,
}
"""Kinds, with the mean time between two of them in virtual seconds."""


class Faults:
    """Does harm until it is stopped.

    Args:
        kinds: Those that may happen, from `FAULTS`.
        random: Gives each kind a generator of its own.
        wild: Whether pauses may last ten minutes and clocks jump by an hour.
    """

    def __init__(
        self, machines: Machines, shore: Shore, kinds: frozenset[str], random: Random, *, wild: bool
    ) -> None:
        self._machines = machines
        self._shore = shore
        self._wild = wild
        self._randoms = {kind: Random(random.random()) for kind in FAULTS}
        self._tasks = [asyncio.ensure_future(self._repeat(kind)) for kind in FAULTS if kind in kinds]

    def stop(self) -> None:
        """From now on nothing goes wrong."""
        for task in self._tasks:
            task.cancel()
        self._shore.calm()

    async def _repeat(self, kind: str) -> None:
        random = self._randoms[kind]
        harm: Callable[[Random], Awaitable[None]] = getattr(self, f"_{kind}")
        while True:
            await asyncio.sleep(random.expovariate(1 / FAULTS[kind]))
            await harm(random)

    async def _crash(self, random: Random) -> None:
        if nodes := self._machines.standing():
            self._machines.crash(random.choice(nodes))

    async def _pause(self, random: Random) -> None:
        if nodes := self._machines.living():
            longest_s = 600.0 if self._wild and random.random() < 0.3 else 40.0
            self._machines.pause(random.choice(nodes), random.random() * longest_s)

    async def _clock(self, random: Random) -> None:
        if nodes := self._machines.standing():
            range_s = 3600.0 if self._wild else 30.0
            self._machines.set_clock(random.choice(nodes), random.uniform(-range_s, range_s))

    async def _close(self, random: Random) -> None:
        if nodes := self._machines.living():
            self._machines.stop_soon(random.choice(nodes), grace_s=random.random() * 3)

    async def _commit_before(self, random: Random) -> None:
        self._shore.fail_before = random.choice((1, 1, 2, 4))

    async def _commit_after(self, random: Random) -> None:
        self._shore.fail_after = random.choice((1, 1, 2))

    async def _disk_full(self, random: Random) -> None:
        self._shore.full = True
        await asyncio.sleep(random.random() * 8)
        self._shore.full = False

    async def _read_error(self, random: Random) -> None:
        self._shore.fail_reads = random.choice((1, 1, 2, 5))

    async def _slow(self, random: Random) -> None:
        self._shore.slow_s = random.choice((0.5, 4.0, 12.0))
        await asyncio.sleep(random.random() * 15)
        self._shore.slow_s = 0.0

    async def _stale(self, random: Random) -> None:
        self._shore.stale = True
        await asyncio.sleep(random.random() * 20)
        self._shore.stale = False
