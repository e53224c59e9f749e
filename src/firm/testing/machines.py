"""The nodes of a simulation: started, crashed, paused, resumed and closed.

One rule: a name is used once. What crashed is kept, so that nothing of it is finalized while others run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from random import Random

from firm.errors import JournalError
from firm.kernel.worker import Worker
from firm.testing.door import Door, Shore
from firm.testing.history import History
from firm.testing.loop import SimLoop
from firm.testing.node import Node, State

RESTART_S = 3.0
"""Longest time until a crashed worker is replaced."""
STOP_S = 30.0
"""A worker that takes longer to close is killed."""
CONFIRM_S = 20.0
"""Longest time until it is known that a worker is dead."""
SPARED_POLLS = 3
"""So often a living worker is spared when another one asks whether it is dead; then it is killed."""

MakeWorker = Callable[[Node, Door], Worker]
Open = Callable[[Worker, Door], Awaitable[object]]


class Machines:
    """See the module.

    Args:
        make: Builds the worker of a node; called on that node.
        count: How many run at one time.
        open: Awaited on the node before its worker starts.
    """

    def __init__(
        self,
        loop: SimLoop,
        shore: Shore,
        history: History,
        random: Random,
        *,
        make: MakeWorker,
        count: int,
        open: Open | None = None,
    ) -> None:
        self.nodes: list[Node] = []
        self.restarting = True
        self._loop = loop
        self._shore = shore
        self._history = history
        self._random = random
        self._make = make
        self._open = open
        self._count = count
        self._spared: dict[str, int] = {}
        self._context: Context | None = None
        self._closing: list[asyncio.Task[None]] = []

    def living(self) -> list[Node]:
        """Nodes that run and have a worker that has joined."""
        return [node for node in self.nodes if node.state is State.LIVES and node.joined]

    def standing(self) -> list[Node]:
        """Nodes that run or are paused."""
        return [node for node in self.nodes if node.state in (State.LIVES, State.PAUSED)]

    def fill(self) -> None:
        """Start nodes until there are as many as there should be. The first call is made by the world."""
        self._context = self._context or copy_context()
        while len(self.standing()) < self._count:
            self.start()

    def start(self) -> Node:
        """A fresh node with a worker that joins and takes up what it can."""
        node = Node(f"w{len(self.nodes) + 1}", self._loop)
        self.nodes.append(node)
        self._history.note("%s starts", node.name)
        node.spawn(self._run(node))
        return node

    async def _run(self, node: Node) -> None:
        door = Door(self._shore, node)
        worker = node.worker = self._make(node, door)
        try:
            if self._open is not None:
                await self._open(worker, door)
            await worker.start()
        except JournalError as error:
            self._history.note("%s could not start: %s", node.name, error)
            self.crash(node)
            return
        node.joined = True

    def crash(self, node: Node) -> None:
        """Kill it; another one takes its place after a while."""
        if node.state not in (State.LIVES, State.PAUSED):
            return
        self._history.note("%s CRASHES", node.name)
        node.state = State.CRASHED
        self._shore.dies(node)
        self._replace_later()

    def _replace_later(self) -> None:
        if self.restarting:
            delay_s = self._random.random() * RESTART_S
            self._loop.call_later(delay_s, self.fill, context=self._context)

    def pause(self, node: Node, seconds: float) -> None:
        """Stop it for a while, as by SIGSTOP."""
        if node.state is State.LIVES:
            self._history.note("%s PAUSES for %.0f s", node.name, seconds)
            node.state = State.PAUSED
            self._loop.call_later(seconds, self.resume, node)

    def resume(self, node: Node) -> None:
        """Let it go on."""
        if node.state is State.PAUSED:
            self._history.note("%s goes on", node.name)
            self._loop.resume(node)

    def set_clock(self, node: Node, offset_s: float) -> None:
        """Its clock jumps to so far ahead of true time."""
        self._history.note("%s: clock %+.0f s", node.name, offset_s)
        node.offset_us = round(offset_s * 1e6)

    def stop_soon(self, node: Node, grace_s: float) -> None:
        """As `stop`, without waiting."""
        self._closing = [task for task in self._closing if not task.done()]
        self._closing.append(self._loop.create_task(self.stop(node, grace_s)))

    async def stop(self, node: Node, grace_s: float) -> None:
        """Close its worker in order; where that takes too long it is killed."""
        worker = node.worker
        if worker is None or not node.joined or node.state is not State.LIVES or worker.stopping:
            return
        self._history.note("%s closes", node.name)
        closing = node.spawn(worker.stop(grace_s=grace_s))
        done, _ = await asyncio.wait({closing}, timeout=STOP_S)
        if not done or closing.exception() is not None:
            self.crash(node)
        elif node.state is State.LIVES:
            node.state = State.LEFT
            self._replace_later()

    async def confirm_dead(self, name: str) -> bool:
        """Whether a worker surely does nothing any more; it is killed if need be."""
        await asyncio.sleep(CONFIRM_S * self._random.random() ** 3)
        node = next(node for node in self.nodes if node.name == name)
        if node.state is State.LIVES:
            self._spared[name] = self._spared.get(name, 0) + 1
            if self._spared[name] <= SPARED_POLLS:
                return False
        self.crash(node)
        return True

    def calm(self) -> None:
        """No more faults: all go on, and there are as many as there should be."""
        for node in self.nodes:
            self.resume(node)
        self.fill()
