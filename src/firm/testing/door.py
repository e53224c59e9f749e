"""The way from a worker to the journal: latency, lost replies, and a store that fails.

One rule: the journal behind it is the real one. A request travels, takes effect in one piece or not at all, and
the reply travels back; a node may pause or die at any point of that, and the request does not know.
"""

import asyncio
import sqlite3
from collections.abc import Coroutine, Sequence
from contextvars import Context
from random import Random
from typing import Any, TypeVar

from firm.errors import InternalError, JournalError
from firm.kernel.journal import (
    Also,
    Claimed,
    Event,
    Halt,
    Mail,
    Question,
    Refused,
    Release,
    Row,
    Standing,
)
from firm.kernel.status import Status
from firm.store.sqlite import SqliteJournal
from firm.testing.history import History
from firm.testing.node import Node

T = TypeVar("T")
WRITES = frozenset({"append", "claim", "join", "renew", "leave"})
LISTS = frozenset({"claimable", "next_wake_us", "questions"})
"""What a replica may answer from a moment ago. The rest must be up to date, on every store."""
_NOWHERE = Context()
"""Requests on their way belong to no node."""


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise InternalError("the journal waited for something, though it was opened with threaded=False")


class Request:
    """One call on its way."""

    __slots__ = ("args", "arrived", "future", "name", "node", "options")

    def __init__(self, node: Node, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.node, self.name, self.args, self.options = node, name, args, options
        self.future: asyncio.Future[Any] = node.loop.create_future()
        self.arrived = False


class Shore:
    """The journal as all nodes reach it, and what is wrong with it just now.

    Args:
        journal: In memory, opened with `threaded=False`.
        history: Told of every transaction that took effect.
        random: Draws latencies.
        shared: Several workers use it, so requests of a dead one may still arrive; otherwise they die with it.
    """

    def __init__(self, journal: SqliteJournal, history: History, random: Random, *, shared: bool) -> None:
        self.journal = journal
        self.history = history
        self.shared = shared
        self.fail_before = 0
        """So many of the next commits raise and do not take effect."""
        self.fail_after = 0
        """So many of the next commits take effect and raise."""
        self.fail_reads = 0
        """So many of the next reads raise."""
        self.full = False
        """The disk is full."""
        self.slow_s = 0.0
        """Requests and replies take up to this long."""
        self.stale = False
        """Lists are read from a replica that lags."""
        self._random = random
        self._travelling: dict[Request, None] = {}
        self._seen: dict[str, Any] = {}
        self._landed = False
        self._commit = journal.writer.commit
        journal.writer.commit = self._commit_or_fail  # type: ignore[method-assign]

    def calm(self) -> None:
        """Nothing is wrong any more."""
        self.fail_before = self.fail_after = self.fail_reads = 0
        self.full = self.stale = False
        self.slow_s = 0.0

    def ask(self, node: Node, name: str, *args: Any, **options: Any) -> "asyncio.Future[Any]":
        """Send a request; the future gets its reply."""
        request = Request(node, name, args, options)
        self._travelling[request] = None
        node.loop.call_later(self._latency_s(), self._arrive, request, context=_NOWHERE)
        return request.future

    def dies(self, node: Node) -> None:
        """A node crashed. With a journal of its own, what it has under way happens now or never."""
        if not self.shared:
            for request in [one for one in self._travelling if one.node is node]:
                if self._random.random() < 0.5:
                    self._arrive(request)
                request.arrived = True
                self._travelling.pop(request, None)

    def _latency_s(self) -> float:
        chance = self._random.random()
        return 0.0001 + 0.002 * chance**2 + self.slow_s * chance**3

    def _arrive(self, request: Request) -> None:
        if request.arrived:
            return
        request.arrived = True
        self._travelling.pop(request, None)
        value: Any = None
        error: Exception | None = None
        try:
            value = self._carry_out(request)
        except JournalError as trouble:
            error = trouble
        except InternalError as bug:
            self.history.violated(f"{request.node.name} asked the store for what no engine may want: {bug}")
            error = bug
        if error is not None:
            self.history.note("%s %s failed: %s", request.node.name, request.name, error)
        request.node.loop.call_later(
            self._latency_s(), _reply, request.future, value, error, context=_NOWHERE
        )

    def _carry_out(self, request: Request) -> Any:
        name = request.name
        if name not in WRITES and self.fail_reads:
            self.fail_reads -= 1
            raise JournalError("the simulated journal cannot be read just now")
        if self.stale and self.shared and name in self._seen and self._random.random() < 0.5:
            return self._seen[name]
        self._landed = False
        method = getattr(self.journal, name)
        try:
            value = at_once(method(*request.args, **request.options))
        except JournalError:
            if self._landed and name == "append":
                refused = at_once(self.journal.landed(*request.args))
                self._observe(request, refused if refused is not None else Refused())
            elif self._landed:
                self._reread(request)
            raise
        if name in LISTS:
            self._seen[name] = value
        self._observe(request, value)
        return value

    def _observe(self, request: Request, value: Any) -> None:
        if request.name == "append":
            events, also = request.args
            self.history.committed(request.node.name, events, also, value)
            for line in also:
                if type(line) is Halt or type(line) is Release:
                    standing = at_once(self.journal.standing(line.run))
                    if standing is not None:
                        self.history.halted_or_released(request.node.name, standing)
        elif request.name == "claim":
            self.history.claimed(request.node.name, value)

    def _reread(self, request: Request) -> None:
        """A claim took effect though it raised: see whose the runs are now."""
        if request.name == "claim":
            for run in request.args[0]:
                standing = at_once(self.journal.standing(run))
                if standing is not None:
                    self.history.note("%s owns %s e%d unawares", request.node.name, run, standing.epoch)
                    self.history.claimed_unawares(standing)

    def _commit_or_fail(self) -> None:
        if self.full:
            raise _sqlite_error("database or disk is full", sqlite3.SQLITE_FULL, "SQLITE_FULL")
        if self.fail_before:
            self.fail_before -= 1
            raise _sqlite_error("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC")
        self._commit()
        self._landed = True
        if self.fail_after:
            self.fail_after -= 1
            raise _sqlite_error("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC")


def _sqlite_error(text: str, code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


def _reply(future: "asyncio.Future[Any]", value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
        future.exception()  # it may be that nobody waits any more
    else:
        future.set_result(value)


class Door:
    """A `Journal` for one node."""

    def __init__(self, shore: Shore, node: Node) -> None:
        self._shore = shore
        self._node = node

    def _ask(self, name: str, *args: Any, **options: Any) -> "asyncio.Future[Any]":
        return self._shore.ask(self._node, name, *args, **options)

    async def append(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Refused:
        """See `Journal.append`."""
        refused: Refused = await self._ask("append", list(events), list(also))
        return refused

    async def landed(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Refused | None:
        """See `Journal.landed`."""
        refused: Refused | None = await self._ask("landed", list(events), list(also))
        return refused

    async def claim(self, runs: Sequence[str], worker: str) -> list[Claimed]:
        """See `Journal.claim`."""
        claimed: list[Claimed] = await self._ask("claim", list(runs), worker)
        return claimed

    async def claimable(self, now_us: int, *, limit: int) -> list[str]:
        """See `Journal.claimable`."""
        found: list[str] = await self._ask("claimable", now_us, limit=limit)
        return list(found)

    async def next_wake_us(self) -> int | None:
        """See `Journal.next_wake_us`."""
        at_us: int | None = await self._ask("next_wake_us")
        return at_us

    async def owned(self, worker: str) -> dict[str, int]:
        """See `Journal.owned`."""
        found: dict[str, int] = await self._ask("owned", worker)
        return found

    async def mail_after(self, number: int) -> list[Mail]:
        """See `Journal.mail_after`."""
        mail: list[Mail] = await self._ask("mail_after", number)
        return mail

    async def read(self, run: str, *, whole: bool = False) -> list[Event]:
        """See `Journal.read`."""
        events: list[Event] = await self._ask("read", run, whole=whole)
        return events

    async def standing(self, run: str) -> Standing | None:
        """See `Journal.standing`."""
        standing: Standing | None = await self._ask("standing", run)
        return standing

    async def standings(
        self,
        *,
        status: Status | None = None,
        parent: str | None = None,
        workflow: str | None = None,
        limit: int = 1000,
    ) -> list[Standing]:
        """See `Journal.standings`."""
        found: list[Standing] = await self._ask(
            "standings", status=status, parent=parent, workflow=workflow, limit=limit
        )
        return found

    async def questions(self, *, open_only: bool = True, since_us: int = 0) -> list[Question]:
        """See `Journal.questions`."""
        found: list[Question] = await self._ask("questions", open_only=open_only, since_us=since_us)
        return found

    async def question(self, id: str) -> Question | None:
        """See `Journal.question`."""
        found: Question | None = await self._ask("question", id)
        return found

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """See `Journal.rows`."""
        found: list[Row] = await self._ask("rows", book, prefix=prefix, after=after, limit=limit)
        return found

    async def join(self, worker: str, *, lease_s: float | None) -> None:
        """See `Journal.join`."""
        await self._ask("join", worker, lease_s=lease_s)

    async def renew(self, worker: str) -> bool:
        """See `Journal.renew`."""
        alive: bool = await self._ask("renew", worker)
        return alive

    async def leave(self, worker: str) -> None:
        """See `Journal.leave`."""
        await self._ask("leave", worker)
