"""The process that owns the home: it carries the runs, writes the journal and takes in what others ask for.

One rule: a request is deleted from the spool only after its outcome is in the journal.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol, cast

from firm.errors import FirmError, JournalError, UsageError
from firm.ids import check_id
from firm.kernel.carrier import Ended
from firm.kernel.journal import Also, Answer, Question, Row, Standing, is_stopped
from firm.kernel.status import TERMINAL, Status
from firm.kernel.worker import Worker
from firm.ledger.ledger import Ledger
from firm.ledger.line import Tags
from firm.ledger.reservation import Reservation
from firm.model.models import Models
from firm.policy.approval import FOUNDER, CheckProof
from firm.policy.capability import Charter
from firm.root import collector, spool
from firm.root.braking import Braking
from firm.root.command import proof_checker
from firm.root.config import Config
from firm.root.home import Home
from firm.root.lock import Lock
from firm.root.paying import Counter
from firm.root.request import (
    BOOK,
    Request,
    check_kept,
    done,
    find_question,
    refused,
    rows_for,
    tried,
)
from firm.root.stopping import (
    Scope,
    check_not_stopped,
    lift_rows,
    rows_to_release,
    rows_to_stop,
    runs_in,
    stop_key,
    stop_rows,
    stopped_in,
)
from firm.root.treasury import (
    answered,
    asked_lately,
    open_breakers,
    open_ledger,
    pay_without_engine,
    settle_breakers,
)
from firm.root.version import find_version
from firm.store.sqlite import SqliteJournal
from firm.units.amount import Amount
from firm.units.purse import Purse

LOOK_S = 2.0
"""How often the spool is looked at although nobody rang."""
LOOK_DEAF_S = 0.1
"""The same, where there is no bell (its path would be too long)."""
MAX_LISTED = 100_000
"""Unfinished runs of one status that are looked at."""
CLERK_S = 0.2
"""How long a clerk waits for money that is held, before it takes in what comes next."""
TAKE_UP_S = 5.0
"""How long a request that lets a stuck run go on waits for that."""

log = logging.getLogger("firm")


class Owner:
    """Does at once what is asked of it; made by `own`."""

    def __init__(
        self, home: Home, lock: Lock, worker: Worker, ledger: Ledger, braking: Braking, desk: "Served"
    ) -> None:
        journal = cast("SqliteJournal", worker.journal)
        self.home = home
        self.journal = journal
        self.worker = worker
        self.ledger = ledger
        self._desk = desk
        self._braking = braking
        self._counter = Counter(ledger, journal)
        self._reserving: dict[str, asyncio.Task[None]] = {}
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

    async def start(
        self, target: object, args: tuple[object, ...], id: str | None, charter: bytes = b""
    ) -> str:
        """Start a run, durable on return; its id."""
        if id is not None:
            await check_kept(check_id(id, "run id"), self.journal)
        check_not_stopped(self._desk.stopped, Charter.decode(charter).agent)
        return await self.worker.begin(target, args, id=id, by=FOUNDER, charter=charter)

    async def do(self, request: Request) -> None:
        """Send, cancel, answer, resume or stop, durable on return."""
        await self._carry_out(request, ())

    async def reserve(self, most: Amount, purses: Sequence[Purse], tags: Tags) -> Reservation:
        """Hold money for a call, as `Ledger.reserve`."""
        return await self.ledger.reserve(most, purses, tags)

    async def ended(self, run_id: str) -> Ended:
        """Wait until a run has ended."""
        if run_id not in self.worker.active:
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
            for task in self._reserving.values():
                task.cancel()
            await asyncio.gather(*self._reserving.values(), return_exceptions=True)
            self._braking.close()
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
                while requests := self._pending():
                    await asyncio.gather(*(self._take_in(list(some)) for some in by_sender(requests)))
            except (JournalError, OSError) as error:
                log.warning("requests of other processes wait: %s", error)
                await asyncio.sleep(LOOK_S)
                self._rung.set()

    def _pending(self) -> list[Request]:
        """What is to be taken in; not what waits in line for money already."""
        return [request for request in spool.pending(self.home) if request.id not in self._reserving]

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
        if request.what == "reserve" and not rows:  # it may wait in line; what comes after must not
            self._reserving[request.id] = asyncio.create_task(self._reserve(request), name="firm-reserve")
            return
        try:
            if rows and rows[0] == tried(request):
                await self.worker.commit(await settled(request, self.journal))
            elif not rows and request.what == "start":
                await self._start(request)
                await self.worker.commit(done(request))
            elif not rows and request.what == "close":
                await self._counter.close(request.target, request.value)
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

    async def _reserve(self, request: Request) -> None:
        try:
            row = await self._counter.reserve(request.id, request.value, lambda: self._desk.stopped)
            await self.worker.commit(row, done(request))
            spool.remove(self.home, request)
        except JournalError as error:  # it stays in the spool
            log.warning("request %s waits: %s", request.id, error)
        except Exception as error:
            await self.worker.commit(refused(request, error))
            spool.remove(self.home, request)
        finally:
            del self._reserving[request.id]

    async def _start(self, request: Request) -> None:
        definition = find_version(request.name, request.key)
        args, _ = definition.signature.decode_args(request.value)
        await self.start(_Target(definition), args, request.target, request.charter)

    async def _carry_out(self, request: Request, also: Iterable[Row]) -> None:
        if request.what in ("stop", "release"):
            await self._stop(request, also)
            return
        rows = await rows_for(request, self.journal, self._desk.check_proof)
        run_id = _taken_up_by(request, rows)
        before = await self.journal.standing(run_id) if run_id else None
        if rows or also:
            answered = await self.worker.commit(*rows, *also)
            await _check_first(rows, answered.answers, self.journal)
        if request.what == "resume" and not rows:
            await self.worker.resume(request.target)
        if request.what == "answer":
            await self._tell_firm(request)
        if before is not None and before.status is Status.STUCK:
            await self._until_taken_up(before)

    async def _stop(self, request: Request, also: Iterable[Row]) -> None:
        """Stop at once what the founder names, or let it go on."""
        scope, name = cast("Scope", request.name), request.target
        if request.what == "release":
            runs = await runs_in(scope, name, self.journal)
            await self.worker.commit(*lift_rows(scope, name), *also)
            self._desk.set_stopped(await stopped_in(self.journal))
            for run in runs:
                standing = await self.journal.standing(run)
                if standing is not None and is_stopped(standing.status, standing.reason):
                    await self.worker.resume(run)
            if scope == "all":
                open_breakers(self.ledger)
            return
        if scope != "run":  # before anything is looked up: nothing begins from here on
            self._desk.set_stopped(self._desk.stopped | {stop_key(scope, name)})
        runs = await runs_in(scope, name, self.journal)
        await self.worker.commit(*stop_rows(scope, name))
        if runs:
            await self.worker.halt(runs)
        await self.worker.commit(*also)

    async def _tell_firm(self, request: Request) -> None:
        question = await self.journal.question(request.target)
        if question is not None and not question.run:
            answered(question, self.ledger)
            self._braking.answered(question)

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
    if question is not None and question.answered_us and question.answer == request.value:
        return done(request)
    try:
        await find_question(request.target, journal)  # says how it was closed
    except UsageError as error:
        return refused(request, error)
    return done(request)


async def _check_first(rows: list[Also], lost: frozenset[str], journal: SqliteJournal) -> None:
    for row in rows:
        if isinstance(row, Answer) and row.question in lost:
            question = await journal.question(row.question)
            if question is not None and _is_of(row, question):
                continue  # another one came with the same commit, and that was refused
            await find_question(row.question, journal)
            raise UsageError(f"question {row.question!r} was answered at the same moment; see `firm inbox`")


def _is_of(answer: Answer, question: Question) -> bool:
    """Whether it was this answer that has closed the question."""
    return (question.answer, question.by, question.answered_us) == (answer.value, answer.by, answer.at_us)


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


class Served(Protocol):
    """What the owner needs of the firm that it carries."""

    @property
    def stopped(self) -> frozenset[str]:
        """Agents that were stopped; with `EVERYTHING` the firm is."""
        ...

    @property
    def check_proof(self) -> CheckProof:
        """Says whether an answer is the founder's."""
        ...

    @property
    def models(self) -> Models:
        """Whose storms are waited out."""
        ...

    def set_stopped(self, stopped: frozenset[str]) -> None:
        """From now on the gate lets nothing of these through."""
        ...

    def furnish(self, ledger: Ledger, stopped: frozenset[str], asked: Iterable[tuple[str, int]]) -> None:
        """Make the command that the gate goes by; runs may begin right after.

        Args:
            asked: Approvals that were asked for within the last hour: by whom, when (microseconds since 1970).
        """
        ...


async def own(home: Home, lock: Lock, config: Config, *, resume: bool, firm: Served) -> Owner:
    """Become the owner; lets go of the lock where that fails.

    Raises:
        JournalError, JournalCorrupt, JournalNewer, DiskFull
    """
    journal: SqliteJournal | None = None
    try:
        journal = SqliteJournal.open(home.state)
        engine = config.engine
        worker = Worker(journal, idle_s=engine.idle_s, cancel_grace_s=engine.cancel_grace_s, firm=firm)
        ledger = await open_ledger(journal, worker, config)
        firm.furnish(ledger, await stopped_in(journal), await asked_lately(journal))
        braking = await Braking.begin(worker, config, firm.models)
        await worker.start(resume=resume)
        braking.restore()
        await settle_breakers(journal, worker, ledger)
    except BaseException:
        if journal is not None:
            journal.close()
        lock.release()
        raise
    collector.calm()
    owner = Owner(home, lock, worker, ledger, braking, firm)
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


async def take_in_without_engine(home: Home, journal: SqliteJournal, config: Config) -> None:
    """Carry out the requests that need no engine: all but starts, and money that is not free just now."""
    pending = [request for request in spool.pending(home) if request.what != "start"]
    for request in sorted(
        pending, key=lambda request: request.what == "reserve"
    ):  # what comes back comes first
        rows = await journal.rows(BOOK, prefix=request.id)
        if rows and rows[0] == tried(request):
            await journal.append([], [await settled(request, journal)])
        elif not rows:
            try:
                async with asyncio.timeout(CLERK_S):
                    wanted = await _without_engine(home, request, journal, config)
                await journal.append([], [*wanted, done(request)])
            except TimeoutError:
                continue  # it waits in line for money that others hold: looked at again
            except FirmError as error:
                if isinstance(error, JournalError):
                    raise
                await journal.append([], [refused(request, error)])
        spool.remove(home, request)


async def _without_engine(home: Home, request: Request, journal: SqliteJournal, config: Config) -> list[Also]:
    if request.what in ("reserve", "close"):
        id = request.id if request.what == "reserve" else request.target
        return await pay_without_engine(request.what, id, request.value, journal, config)
    if request.what in ("stop", "release"):
        rows_to = rows_to_stop if request.what == "stop" else rows_to_release
        return await rows_to(cast("Scope", request.name), request.target, journal, time.time_ns() // 1000)
    return await rows_for(request, journal, proof_checker(home))
