"""Connections to one server that are open: given out, taken back, closed when they have idled.

One rule: none is given out that is known to be closed, and the one that was used last goes first.
"""

import asyncio
import select
import time

from firm.model.http.connection import Connection
from firm.model.http.opening import Opener

KEPT_S = 60.0
"""How long a connection that is not used stays open; servers often close after 75 s or more."""
ENDING_S = 5.0
"""How long the last bytes of a stream may take that nobody reads any more; looked at with the others."""
SURE_S = 0.5
"""After more than this the socket is asked whether the server has closed it, should the loop not have looked."""
MAX_TURNS = 10
"""Of the event loop until closed connections are gone."""
MAX_OPENING = 500
"""So many are opened at one time; servers have queues of that order."""


class Pool:
    """Connections to one server, of one event loop."""

    __slots__ = ("_closed", "_ending", "_gate", "_idle", "_live", "_loop", "_opener", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, opener: Opener) -> None:
        self._loop = loop
        self._opener = opener
        self._live: set[Connection] = set()
        self._idle: dict[Connection, float] = {}
        """Since when; the one that idles longest first."""
        self._ending: dict[Connection, float] = {}
        self._gate = asyncio.Semaphore(MAX_OPENING)
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> Connection | None:
        """One that is open."""
        idle = self._idle
        while idle:
            connection, since_s = idle.popitem()
            if not connection.open:
                continue
            waited_s = time.monotonic() - since_s
            if waited_s < SURE_S or (waited_s < KEPT_S and not _speaks(connection.fileno)):
                return connection
            connection.abort()
        return None

    async def open(self) -> Connection:
        """A new one, or one that came back while this one waited for its turn.

        Raises:
            Fault: if there is no connection.
        """
        async with self._gate:
            connection = self.take()
            if connection is None:
                connection = await self._opener.open(self._make)
                if not connection.closed:
                    self._live.add(connection)
            return connection

    def _make(self) -> Connection:
        return Connection(self._loop, self)

    def give(self, connection: Connection) -> None:
        """Take one back after an exchange; it is closed if it cannot be used again."""
        if connection.release():
            self.finished(connection)
        elif connection.ending and not self._closed:
            self._ending[connection] = time.monotonic()
            self._look_later()

    def finished(self, connection: Connection) -> None:
        """One can be used again."""
        self._ending.pop(connection, None)
        if self._closed:
            connection.abort()
            return
        self._idle[connection] = time.monotonic()
        self._look_later()

    def lost(self, connection: Connection) -> None:
        """One is closed."""
        self._live.discard(connection)
        self._idle.pop(connection, None)
        self._ending.pop(connection, None)

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(KEPT_S / 4, self._look)

    def _look(self) -> None:
        """Close those that have waited too long."""
        self._timer = None
        now_s = time.monotonic()
        for waiting, kept_s in ((self._idle, KEPT_S), (self._ending, ENDING_S)):
            for connection in [one for one, since_s in waiting.items() if now_s - since_s >= kept_s]:
                del waiting[connection]
                connection.abort()
        if self._idle or self._ending:
            self._look_later()

    async def close(self) -> None:
        """Close all, those in use too."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._idle.clear()
        self._ending.clear()
        for connection in self._live:
            connection.close()
        for _ in range(MAX_TURNS):
            if not self._live:
                break
            await asyncio.sleep(0)


def _speaks(fileno: int) -> bool:
    """Whether there is something to read: between two exchanges only the end, or what nobody asked for."""
    if fileno < 0:
        return True
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))
