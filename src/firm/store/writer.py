"""The one connection that writes, and its transactions.

One rule: after a COMMIT that raised nothing is believed: the connection is closed, a new one reads the
counter of commits, and that decides whether it took effect. fsync is never tried twice on one descriptor.

INSERTs run on the event loop's thread and only COMMIT (the fsync) in a thread of its own: handing the
interpreter lock to and fro for each row would cost more than the row.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from firm.errors import DiskFull, FirmError, JournalCorrupt, JournalError
from firm.kernel.journal import Refused
from firm.store.ballast import Ballast
from firm.store.chain import ROOT, walk
from firm.store.connection import connect, explain
from firm.store.runs import Runs
from firm.store.schema import migrate

CHECKPOINT_PAGES = 4000
"""About how many pages of 4 KiB the write-ahead log may hold before they are moved into the file."""
TAIL_EVENTS = 1000
"""How many of the last events are checked when a journal is opened."""
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Head:
    """The counters in table `head`."""

    commits: int
    run: int
    mail: int
    event: int
    hash: bytes


@dataclass(slots=True)
class Attempt:
    """What became of one transaction."""

    commits: int = 0
    landed: bool | None = False
    """Whether it took effect; None: not known until the journal can be read again."""
    refused: Refused = field(default_factory=Refused)
    """What it left out, if it was an append."""


async def to_the_end(future: asyncio.Future[_Result]) -> asyncio.CancelledError | None:
    """Wait for work in a thread, which cannot be stopped; a cancel that came meanwhile is returned.

    Raises what the work raised.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    future.result()
    return cancelled


class Writer:
    """Transactions on one journal, one at a time.

    Args:
        path: the file; None: in memory.
        threaded: commit in a thread; else on the calling one.
        ballast: given up when the disk is full.
    """

    def __init__(self, path: Path | None, *, threaded: bool, ballast: Ballast) -> None:
        self.name = str(path or ":memory:")
        self.threaded = threaded and path is not None
        self._path = path
        self._ballast = ballast
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "firm-journal") if self.threaded else None
        self._dead = self._closed = False
        self._unknown: Attempt | None = None
        self._pages = self._changes = 0
        self.db = connect(path, writing=True, create=True)
        try:
            migrate(self.db, self.name)
            self.runs = Runs(self.db, self.name)
            self.head = self._read_head()
            self.check_tail()
        except BaseException:
            self.close()
            raise

    @asynccontextmanager
    async def transaction(self, attempt: Attempt | None = None) -> AsyncIterator[sqlite3.Connection]:
        """A transaction: durable when the block has been left; `attempt` says what became of it.

        Raises:
            JournalError: see `explain`; what the block raised is raised as it is.
        """
        attempt = attempt or Attempt()
        async with self._lock:
            self._begin()
            try:
                yield self.db
                self._save_head()
            except BaseException as error:
                self._roll_back(error)
                if isinstance(error, (sqlite3.Error, OSError)):
                    raise explain(error, self.name) from error
                raise
            await self._finish(attempt)

    async def resolve(self) -> None:
        """Find out about attempts whose outcome is not known. Raises JournalError if that fails again."""
        async with self._lock:
            self._revive()

    def commit(self) -> None:
        """COMMIT, in the thread. Tests and the simulator put faults before and after it."""
        self.db.execute("COMMIT")

    def close(self) -> None:
        """Let a commit in progress finish, then close. Twice is fine."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        self.db.close()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, if it has grown enough."""
        self._pages += 6 + (self.db.total_changes - self._changes) // 4
        self._changes = self.db.total_changes
        if self._path is None or self._pages < CHECKPOINT_PAGES:
            return
        self._pages = 0
        try:
            self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            # All is still in the log; but this connection's descriptors must not be trusted again.
            self._dead = True
            self.explain(error)

    def explain(self, error: BaseException) -> FirmError:
        """As `connection.explain`; if the disk is full, the ballast is given up as well."""
        ours = explain(error, self.name)
        if isinstance(ours, DiskFull):
            self._ballast.release()
        return ours

    def check_tail(self) -> None:
        """Check that the last events are what was written last. Raises JournalCorrupt."""
        row = self.db.execute("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1").fetchone() or (0, ROOT)
        if (row[0], row[1]) != (self.head.event, self.head.hash):
            raise JournalCorrupt(
                f"{self.name} ends with event {row[0]}, but {self.head.event} were written: "
                "put it back with `firm restore BACKUP`"
            )
        walk(self.db, self.name, since=max(0, self.head.event - TAIL_EVENTS))

    def _begin(self) -> None:
        if self._closed:
            raise JournalError(f"{self.name} is closed: open it again")
        self._revive()
        try:
            self.db.execute("BEGIN IMMEDIATE")
            (commits,) = self.db.execute("SELECT commits FROM head").fetchone()
            if commits != self.head.commits:  # a failed transaction, or somebody wrote beside us
                self.head = self._read_head()
                self.runs.clear()
        except sqlite3.Error as error:
            self._roll_back(error)
            raise explain(error, self.name) from error
        self.head.commits += 1

    async def _finish(self, attempt: Attempt) -> None:
        attempt.commits, attempt.landed = self.head.commits, None
        try:
            cancelled = await self._commit()
        except BaseException as error:
            self._unknown = attempt
            self._roll_back(error)
            self._dead = True
            try:
                self._revive()
            except JournalError:
                pass  # tried again before the next transaction; the first error is the one to tell
            if isinstance(error, (sqlite3.Error, OSError)):
                raise explain(error, self.name) from error
            raise
        attempt.landed = True
        self.runs.settle()
        if self._ballast.released:
            self._ballast.keep()
        if cancelled is not None:
            raise cancelled

    async def _commit(self) -> asyncio.CancelledError | None:
        if self._thread is None:
            self._commit_and_checkpoint()
            return None
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._commit_and_checkpoint)
        return await to_the_end(future)

    def _commit_and_checkpoint(self) -> None:
        self.commit()
        self.checkpoint()

    def _roll_back(self, error: BaseException) -> None:
        """Undo, and trust nothing that was kept in memory."""
        self.runs.clear()
        self.head.commits = -1
        try:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
        except sqlite3.Error:
            self._dead = True
        if isinstance(error, sqlite3.Error):
            self._dead = True
        if isinstance(error, (sqlite3.Error, OSError)):
            self.explain(error)

    def _revive(self) -> None:
        """Replace a connection that failed, and settle what it left open. Raises JournalError."""
        if not self._dead:
            return
        try:
            if self._path is not None:
                self.db.close()
                self.db = connect(self._path, writing=True)
                self._changes = 0
            self.runs.clear(self.db)
            self.head = self._read_head()
        except sqlite3.Error as error:
            raise explain(error, self.name) from error
        self.check_tail()
        self._dead = False
        if self._unknown is not None:
            self._unknown.landed = self.head.commits == self._unknown.commits
            self._unknown = None

    def _read_head(self) -> Head:
        return Head(*self.db.execute("SELECT commits, run, mail, event, hash FROM head").fetchone())

    def _save_head(self) -> None:
        head = self.head
        self.db.execute(
            "UPDATE head SET commits = ?, run = ?, mail = ?, event = ?, hash = ?",
            (head.commits, head.run, head.mail, head.event, head.hash),
        )
