"""The embedded journal: one SQLite file, blobs beside it, one process that writes.

One rule: every method that writes is one transaction, durable when it returns; reading never waits for it.
What each part does stands in its own file: `writer` (transactions), `batch` (append), `claim`, `reading`,
`worker` (leases), `chain` (hashes), `blob`, `ballast`, `backup`, `retention`, `audit`.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from firm.errors import JournalError
from firm.kernel.journal import (
    Also,
    Claimed,
    Event,
    Mail,
    Question,
    Refused,
    Row,
    Standing,
)
from firm.kernel.status import Status
from firm.store import blob, chain, reading
from firm.store.audit import audit
from firm.store.backup import copy_journal, interrupted
from firm.store.ballast import Ballast
from firm.store.batch import Batch
from firm.store.blob import BlobDict, BlobFolder, Blobs, filled, has_large, put_away
from firm.store.claim import Claim
from firm.store.connection import FILE_NAME, connect, explain
from firm.store.retention import Collected, erase, sweep
from firm.store.schema import MIGRATIONS, version
from firm.store.sizes import Sizes, sizes
from firm.store.worker import Workers
from firm.store.writer import Attempt, Writer, to_the_end

_REMEMBERED_FAILURES = 64
_Result = TypeVar("_Result")
_Line = TypeVar("_Line", Event, Mail)


def wall_us() -> int:
    """The machine's clock, microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class _Failure:
    """An append that raised: what it wanted, and what became of it."""

    events: list[Event]
    also: list[Also]
    attempt: Attempt


class SqliteJournal:
    """A `Journal` in a folder (or in memory). Open it with `open`; one process at a time may write."""

    def __init__(
        self,
        folder: Path | None,
        *,
        writer: Writer | None,
        reader: sqlite3.Connection,
        now_us: Callable[[], int],
    ) -> None:
        self.folder = folder
        self.path = None if folder is None else folder / FILE_NAME
        self.name = str(self.path or ":memory:")
        self.blobs: Blobs = BlobDict() if folder is None else BlobFolder(folder / "blobs")
        self.reader = reader
        self.files = asyncio.Lock()
        """Held while blobs are written for events that are not yet, and while `gc` deletes some."""
        self._upkeep = asyncio.Lock()
        self._writer = writer
        self._now_us = now_us
        self._threaded = writer is not None and writer.threaded
        self._failures: deque[_Failure] = deque(maxlen=_REMEMBERED_FAILURES)

    @classmethod
    def open(
        cls,
        folder: Path | None,
        *,
        read_only: bool = False,
        threaded: bool = True,
        now_us: Callable[[], int] = wall_us,
    ) -> "SqliteJournal":
        """Open the journal in `folder`, making what is not there; None: a new one in memory.

        Args:
            folder: holds `journal.db`, `blobs/` and `ballast`.
            read_only: another process may write it meanwhile; all methods that write raise JournalError.
            threaded: commit in a thread, so that the event loop goes on; False is deterministic.
            now_us: the store's clock for leases, microseconds since 1970.

        Raises:
            JournalError, JournalCorrupt, JournalNewer, DiskFull: with the path and what to do.
        """
        path = None if folder is None else folder / FILE_NAME
        writer: Writer | None = None
        try:
            if read_only:
                reader = cls._open_reader(path)
            else:
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)
                    interrupted(folder)
                ballast = Ballast(None if folder is None else folder / "ballast")
                writer = Writer(path, threaded=threaded, ballast=ballast)
                reader = writer.db if path is None else connect(path, writing=False)
                ballast.keep()
        except (sqlite3.Error, OSError) as error:
            if writer is not None:
                writer.close()
            raise explain(error, str(path)) from error
        return cls(folder, writer=writer, reader=reader, now_us=now_us)

    @staticmethod
    def _open_reader(path: Path | None) -> sqlite3.Connection:
        if path is None or not path.exists():
            raise JournalError(f"there is no journal at {path}: start something there first")
        reader = connect(path, writing=False)
        try:
            if (found := version(reader, str(path))) < len(MIGRATIONS):
                raise JournalError(
                    f"{path} has the older schema {found}: open it for writing once (`firm up`)"
                )
        except BaseException:
            reader.close()
            raise
        return reader

    def close(self) -> None:
        """Let a commit in progress finish, then close. Twice is fine."""
        self.reader.close()
        if self._writer is not None:
            self._writer.close()

    @property
    def writer(self) -> Writer:
        """The writing side. Raises JournalError if the journal was opened read-only."""
        if self._writer is None:
            raise JournalError(f"{self.name} was opened read-only: only the owner of the home may write it")
        return self._writer

    async def append(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Refused:
        """Write all in one transaction; see `Journal.append`."""
        if not events and not also:
            return Refused()
        attempt = Attempt()
        try:
            if not has_large(events, also):
                return await self._append(events, also, attempt)
            async with self.files:
                work = partial(put_away, events, also, self.blobs.put)
                try:
                    stored, stored_also = await self._aside(work)
                except OSError as error:
                    raise self.writer.explain(error) from error
                return await self._append(stored, stored_also, attempt)
        except BaseException:
            self._failures.append(_Failure(list(events), list(also), attempt))
            raise

    async def _append(self, events: Sequence[Event], also: Sequence[Also], attempt: Attempt) -> Refused:
        writer = self.writer
        async with writer.transaction(attempt) as db:
            attempt.refused = Batch(writer, Workers(db, self._now_us)).write(events, also)
        return attempt.refused

    async def landed(self, events: Sequence[Event], also: Sequence[Also] = ()) -> Refused | None:
        """What a failed append refused if it took effect, None if it did not."""
        wanted, wanted_also = list(events), list(also)
        for failure in reversed(self._failures):
            if failure.events == wanted and failure.also == wanted_also:
                if failure.attempt.landed is None:
                    await self.writer.resolve()
                return failure.attempt.refused if failure.attempt.landed else None
        return None

    async def claim(self, runs: Sequence[str], worker: str) -> list[Claimed]:
        """Become the owner of those runs that nobody living owns; see `Journal.claim`.

        `standing.reason` is still the one from before the claim. A run whose events or blobs are damaged is
        left out and becomes stuck.
        """
        writer = self.writer
        async with writer.transaction() as db:
            claim = Claim(writer, self.reader, Workers(db, self._now_us), worker)
            claimed = claim.take(runs)
            if claim.has_blobs(claimed):
                claimed = await self._aside(partial(claim.fill, claimed, self.blobs.get))
        return claimed

    async def claimable(self, now_us: int, *, limit: int) -> list[str]:
        """Ids of runs that may be claimed now, the oldest wake first."""
        with self._reading() as db:
            return reading.claimable(db, now_us, Workers(db, self._now_us).living(), limit)

    async def next_wake_us(self) -> int | None:
        """The earliest wake of a suspended run."""
        with self._reading() as db:
            return reading.next_wake_us(db)

    async def owned(self, worker: str) -> dict[str, int]:
        """Epochs of the runs that a worker owns, by id."""
        with self._reading() as db:
            return reading.owned(db, worker)

    async def mail_after(self, number: int) -> list[Mail]:
        """Undelivered mail with a higher number, ascending."""
        with self._reading() as db:
            mail = reading.mail_after(db, number)
        return await self._fetch(mail)

    async def read(self, run: str, *, whole: bool = False) -> list[Event]:
        """Events of the current generation, or of all; none where `gc` has erased them."""
        with self._reading() as db:
            events = reading.events_of(db, self.name, run, whole=whole)
        return await self._fetch(events)

    async def standing(self, run: str) -> Standing | None:
        """How one run stands."""
        with self._reading() as db:
            return reading.standing(db, run)

    async def standings(
        self,
        *,
        status: Status | None = None,
        parent: str | None = None,
        workflow: str | None = None,
        limit: int = 1000,
    ) -> list[Standing]:
        """How runs stand, the newest first."""
        with self._reading() as db:
            return reading.standings(db, status=status, parent=parent, workflow=workflow, limit=limit)

    async def questions(self, *, open_only: bool = True, since_us: int = 0) -> list[Question]:
        """The inbox, the oldest first; only what was asked then or later."""
        with self._reading() as db:
            return reading.questions(db, open_only=open_only, since_us=since_us)

    async def question(self, id: str) -> Question | None:
        """One question."""
        with self._reading() as db:
            return reading.question(db, id)

    async def rows(
        self, book: str, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> list[Row]:
        """Rows of a book by key; `run` and `epoch` are not kept."""
        with self._reading() as db:
            return reading.rows(db, book, prefix, after=after, limit=-1 if limit is None else limit)

    async def join(self, worker: str, *, lease_s: float | None) -> None:
        """Announce a worker; see `Journal.join`. Under a name used before it is a new worker."""
        async with self.writer.transaction() as db:
            Workers(db, self._now_us).join(worker, lease_s)

    async def renew(self, worker: str) -> bool:
        """Prolong the lease; False if it has run out."""
        async with self.writer.transaction() as db:
            return Workers(db, self._now_us).renew(worker)

    async def leave(self, worker: str) -> None:
        """The worker has stopped for good; what it still owns may be claimed and counts no crash."""
        async with self.writer.transaction() as db:
            Workers(db, self._now_us).leave(worker)

    def verify(self) -> int:
        """Check the chain of hashes and every blob; the number of events. May run in a thread.

        Raises:
            JournalCorrupt: names the first event or blob that is not what was written.
        """
        with self._looking() as db:
            count = chain.verify(db, self.name)
            for digest in blob.referenced(db):
                self.blobs.get(digest)
        return count

    def audit(self) -> list[str]:
        """Check the invariants I2, I4, I6 and I7; one sentence for each violation. May run in a thread."""
        with self._looking() as db:
            return audit(db, self.name)

    def sizes(self) -> Sizes:
        """Counts and bytes for `firm doctor`; reads no payload."""
        with self._looking() as db:
            return sizes(db, self.folder, self.blobs)

    async def backup(self, target: Path) -> None:
        """Copy the journal as it stands now, with its blobs, into the new folder `target`.

        Appends go on meanwhile. Put it back with `firm.store.backup.restore`.

        Raises:
            JournalError: `target` is not empty; DiskFull; JournalCorrupt: a blob is damaged.
        """

        def copy() -> None:
            with self._looking() as db:
                copy_journal(db, self.blobs, target)

        async with self._upkeep:
            await self._aside(copy)

    async def gc(self, *, older_than_us: int) -> Collected:
        """Erase the payloads of runs that ended before then, and delete blobs that no event needs.

        Hashes stay, so the chain still verifies; how those runs ended stays in `standing`.
        """
        async with self._upkeep:
            events, runs, size = await erase(self.writer, older_than_us, self._aside)
            blobs, blob_size = await sweep(self.reader, self.blobs, self.files)
        return Collected(runs=runs, events=events, blobs=blobs, bytes=size + blob_size)

    @contextmanager
    def _looking(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own for long reading, so that it may run in a thread."""
        try:
            db = self.reader if self.path is None else connect(self.path, writing=False)
            try:
                yield db
            finally:
                if db is not self.reader:
                    db.close()
        except (sqlite3.Error, OSError) as error:
            raise explain(error, self.name) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self.reader
        except sqlite3.Error as error:
            raise explain(error, self.name) from error

    async def _aside(self, work: Callable[[], _Result]) -> _Result:
        """Do work on files in a thread, or here where all must be deterministic."""
        if not self._threaded:
            return work()
        future = asyncio.get_running_loop().run_in_executor(None, work)
        cancelled = await to_the_end(future)
        if cancelled is not None:
            raise cancelled
        return future.result()

    async def _fetch(self, lines: list[_Line]) -> list[_Line]:
        if not any(line.blob for line in lines):
            return lines
        return await self._aside(lambda: [filled(line, self.blobs.get) for line in lines])
