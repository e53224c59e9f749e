"""The process that owns the home: it carries the runs, writes the journal and takes in what others ask for.

One rule: a request is deleted from the spool only after its outcome is in the journal.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections.abc import AsyncIterator, Iterable

from firm.errors import FirmError, JournalError, UsageError
from firm.ids import check_id
from firm.kernel.carrier import Ended
from firm.kernel.journal import Also, Answer, Row, Standing
from firm.kernel.status import TERMINAL, Status
from firm.kernel.worker import Worker
from firm.root import collector, spool
from firm.root.config import Config
from firm.root.home import Home
from firm.root.lock import Lock
from firm.root.request import (
    BOOK,
    FOUNDER,
    Request,
    check_kept,
    done,
    find_question,
    refused,
    rows_for,
    tried,
)
from firm.root.version import find_version
from firm.store.sqlite import SqliteJournal

LOOK_S = 2.0
"""How often the spool is looked at although nobody rang."""
LOOK_DEAF_S = 0.1
"""The same, where there is no bell (its path would be too long)."""
MAX_LISTED = 100_000
"""Unfinished runs of one status that are looked at."""
TAKE_UP_S = 5.0
"""How long a request that lets a stuck run go on waits for that."""

log = logging.getLogger("firm")


class Owner:
    """Does at once what is asked of it; made by `own`."""

    def __init__(self, home: Home, lock: Lock, journal: SqliteJournal, worker: Worker) -> None:
        self.home = home
        self.journal = journal
        self.worker = worker
        self.parked: list[str] = []
        """Runs that were not at their end when this closed; ids, the newest first."""
        self._lock = lock
        self._rung = asyncio.Event()
        self._bell = spool.bell(home)
        self._taker: asyncio.Task[None] | None = None

    def open_spool(self) -> None:
        """Begin to take in requests."""
        spool.sweep(self.home)
        self._rung.set()
        if self._bell is not None:
            asyncio.get_running_loop().add_reader(self._bell.fileno(), self._ring)
        self._taker = asyncio.create_task(self._take_in_for_ever(), name="firm-spool")

    # --- what a desk does ---------------------------------------------------------------------------------------

    async def start(self, target: object, args: tuple[object, ...], id: str | None) -> str:
        """Start a run, durable on return; its id."""
        if id is not None:
            await check_kept(check_id(id, "run id"), self.journal)
        return await self.worker.begin(target, args, id=id, by=FOUNDER)

    async def do(self, request: Request) -> None:
        """Send, cancel, answer or resume, durable on return."""
        await self._carry_out(request, ())

    async def ended(self, run_id: str) -> Ended:
        """Wait until a run has ended."""
        await check_kept(run_id, self.journal)
        return await self.worker.ended(run_id)

    async def close(self, grace_s: float) -> None:
        """Stop taking in, park every run, let go of the home."""
        collector.restore()
        try:
            if self._taker is not None:
                self._taker.cancel()
                await asyncio.gather(self._taker, return_exceptions=True)
            if self._bell is not None:
                asyncio.get_running_loop().remove_reader(self._bell.fileno())
            await self.worker.stop(grace_s=grace_s)
            with contextlib.suppress(JournalError):
                self.parked = [standing.run for standing in await unfinished(self.journal)]
        finally:
            if self._bell is not None:
                self._bell.close()
                self.home.socket.unlink(missing_ok=True)
            self.journal.close()
            self._lock.release()

    # --- the spool ------------------------------------------------------------------------------------------------

    def _ring(self) -> None:
        if self._bell is not None:
            spool.listen(self._bell)
        self._rung.set()

    async def _take_in_for_ever(self) -> None:
        look_s = LOOK_S if self._bell is not None else LOOK_DEAF_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look_s):  # (wait_for of Python 3.11 can swallow a cancel)
                    await self._rung.wait()
            self._rung.clear()
            try:
                while requests := spool.pending(self.home):
                    await asyncio.gather(*(self._take_in(list(some)) for some in by_sender(requests)))
            except (JournalError, OSError) as error:
                log.warning("requests of other processes wait: %s", error)
                await asyncio.sleep(LOOK_S)
                self._rung.set()

    async def _take_in(self, requests: list[Request]) -> None:
        """Requests of one sender, in order; starts that follow each other go together."""
        for starts, some in itertools.groupby(requests, lambda request: request.what == "start"):
            if starts:
                await asyncio.gather(*(self._take(request) for request in some))
            else:
                for request in some:
                    await self._take(request)

    async def _take(self, request: Request) -> None:
        rows = await self.journal.rows(BOOK, prefix=request.id)
        try:
            if rows and rows[0] == tried(request):
                await self.worker.commit(await settled(request, self.journal))
            elif not rows and request.what == "start":
                await self._start(request)
                await self.worker.commit(done(request))
            elif not rows:
                row = tried(request) if request.what == "answer" else done(request)
                await self._carry_out(request, (row,))
                if request.what == "answer":
                    await self.worker.commit(done(request))
        except JournalError:
            raise
        except Exception as error:  # whatever is wrong with one request is told to who made it
            if not isinstance(error, FirmError):
                log.exception("request %s could not be carried out", request.id)
            await self.worker.commit(refused(request, error))
        spool.remove(self.home, request)

    async def _start(self, request: Request) -> None:
        definition = find_version(request.name, request.key)
        args, _ = definition.signature.decode_args(request.value)
        await self.start(_Target(definition), args, request.target)

    async def _carry_out(self, request: Request, also: Iterable[Row]) -> None:
        rows = await rows_for(request, self.journal)
        run_id = _taken_up_by(request, rows)
        before = await self.journal.standing(run_id) if run_id else None
        if rows or also:
            answered = await self.worker.commit(*rows, *also)
            await _check_first(rows, answered.answers, self.journal)
        if request.what == "resume" and not rows:
            await self.worker.resume(request.target)
        if before is not None and before.status is Status.STUCK:
            await self._until_taken_up(before)

    async def _until_taken_up(self, before: Standing) -> None:
        """A stuck run goes on: wait for that, so that whoever asks next does not find it stuck."""
        deadline_s = time.monotonic() + TAKE_UP_S
        while time.monotonic() < deadline_s and not self.worker.stopping:
            standing = await self.journal.standing(before.run)
            if standing is None or standing.epoch != before.epoch:
                return
            await asyncio.sleep(0.005)


class _Target:
    """What `Worker.begin` takes for a workflow."""

    def __init__(self, definition: object) -> None:
        self.definition = definition


def _taken_up_by(request: Request, rows: list[Also]) -> str:
    """The run that goes on with this request although it was stuck; '' if none does."""
    if request.what == "resume":
        return request.target
    mails = [row.mail for row in rows if isinstance(row, Answer) and row.mail is not None]
    return next((mail.to for mail in mails if not mail.place), "")


async def settled(request: Request, journal: SqliteJournal) -> Row:
    """What became of an answer that was tried before a crash: was it the first?"""
    question = await journal.question(request.target)
    if question is not None and (question.answer, question.by) == (request.value, FOUNDER):
        return done(request)
    try:
        await find_question(request.target, journal)  # says how it was closed
    except UsageError as error:
        return refused(request, error)
    return done(request)


async def _check_first(rows: list[Also], lost: frozenset[str], journal: SqliteJournal) -> None:
    for row in rows:
        if isinstance(row, Answer) and row.question in lost:
            await find_question(row.question, journal)
            raise UsageError(f"question {row.question!r} was answered at the same moment; see `firm inbox`")


def by_sender(requests: list[Request]) -> Iterable[Iterable[Request]]:
    """Requests of each sender, in order."""
    return [list(some) for _, some in itertools.groupby(requests, lambda request: request.sender)]


async def unfinished(journal: SqliteJournal) -> list[Standing]:
    """Runs that have not ended, without children, the newest first."""
    found: list[Standing] = []
    for status in Status:
        if status not in TERMINAL:
            found += await journal.standings(status=status, parent="", limit=MAX_LISTED)
    return sorted(found, key=lambda one: -one.created_us)


async def own(home: Home, lock: Lock, config: Config, *, resume: bool, firm: object) -> Owner:
    """Become the owner; lets go of the lock where that fails.

    Raises:
        JournalError, JournalCorrupt, JournalNewer, DiskFull
    """
    journal: SqliteJournal | None = None
    try:
        journal = SqliteJournal.open(home.state)
        engine = config.engine
        worker = Worker(journal, idle_s=engine.idle_s, cancel_grace_s=engine.cancel_grace_s, firm=firm)
        await worker.start(resume=resume)
    except BaseException:
        if journal is not None:
            journal.close()
        lock.release()
        raise
    collector.calm()
    owner = Owner(home, lock, journal, worker)
    owner.open_spool()
    return owner


@contextlib.asynccontextmanager
async def clerk(home: Home) -> AsyncIterator[SqliteJournal | None]:
    """The journal for writing, for a moment and without an engine; None while somebody owns the home."""
    lock = Lock.take(home.lock, f"clerk of {os.getpid()}")
    if lock is None:
        yield None
        return
    try:
        journal = SqliteJournal.open(home.state)
        try:
            yield journal
        finally:
            journal.close()
    finally:
        lock.release()


async def take_in_without_engine(home: Home, journal: SqliteJournal) -> None:
    """Carry out the requests that need no engine: all but starts."""
    for request in spool.pending(home):
        if request.what == "start":
            continue
        rows = await journal.rows(BOOK, prefix=request.id)
        if rows and rows[0] == tried(request):
            await journal.append([], [await settled(request, journal)])
        elif not rows:
            try:
                wanted = await rows_for(request, journal)
                await journal.append([], [*wanted, done(request)])
            except UsageError as error:
                await journal.append([], [refused(request, error)])
        spool.remove(home, request)
