"""Claims: how a worker becomes the owner of runs.

One rule: a claim is a compare-and-set inside one transaction; the epoch rises by one with each, which fences
off the owner before.
"""

import sqlite3
from collections.abc import Callable, Sequence

from firm.errors import JournalCorrupt
from firm.kernel.journal import STOPPED, Claimed, Event, Kind, Standing
from firm.kernel.status import TERMINAL, Status
from firm.store.blob import filled
from firm.store.chain import EVENT_COLUMNS, decode_rows
from firm.store.connection import explain
from firm.store.reading import MAY_END, STANDING_COLUMNS, mail_of, to_standing
from firm.store.runs import Live
from firm.store.worker import Workers
from firm.store.writer import Writer

_SELECT = f"""SELECT {STANDING_COLUMNS}, r.number, r.owner, r.base
    FROM runs AS r LEFT JOIN workers AS w ON w.number = r.owner WHERE r.id = ?"""
_EVENTS = f"SELECT {EVENT_COLUMNS} FROM events AS e WHERE e.run = ? AND e.id >= ? ORDER BY e.id"
_UPDATE = """UPDATE runs SET status = 'running', reason = ?, epoch = ?, owner = ?, crashes = ?, wake_at_us = NULL,
    changed_us = ? WHERE number = ?"""


class Claim:
    """One claim of many runs by one worker. Use once, inside `Writer.transaction`."""

    def __init__(self, to: Writer, reader: sqlite3.Connection, workers: Workers, worker: str) -> None:
        self._db, self._runs, self._path = to.db, to.runs, to.name
        # A page that cannot be read spoils the whole transaction of the connection that reads it.
        self._reader = reader
        self._worker, self._number = worker, workers.find(worker)
        self._living, self._left = workers.living(), workers.left()
        self._now_us = workers.now_us()
        self._mail_upto = to.head.mail

    def take(self, runs: Sequence[str]) -> list[Claimed]:
        """Take what nobody living owns. Bodies in blobs are not yet fetched."""
        if self._number not in self._living:
            return []
        return [claimed for run in dict.fromkeys(runs) if (claimed := self._take(run)) is not None]

    def _take(self, run: str) -> Claimed | None:
        row = self._db.execute(_SELECT, (run,)).fetchone()
        if row is None:
            return None
        before, (number, owner, base) = to_standing(row[:-3]), row[-3:]
        others = self._living - {self._number}  # its own: of a claim that took effect though it raised
        if before.status in TERMINAL or owner in others:
            return None
        stopped = before.reason.partition(":")[0] == STOPPED
        if stopped and not self._may_end(number):
            return None
        try:
            events = list(decode_rows(self._reader.execute(_EVENTS, (number, base)).fetchall(), self._path))
        except (JournalCorrupt, sqlite3.DatabaseError) as error:
            damage = explain(error, self._path)
            if not isinstance(damage, JournalCorrupt):
                raise
            self.set_aside(run, str(damage))
            return None
        epoch, crashes = before.epoch + 1, self._crashes(before, owner, events)
        kept = before.reason if stopped else ""  # whoever dies with it in hand must not have set it free
        self._db.execute(_UPDATE, (kept, epoch, self._number, crashes, self._now_us, number))
        self._runs.keep(run, Live(number, epoch, Status.RUNNING, True, events[-1].seq + 1 if events else -1))
        standing = Standing(
            run,
            before.workflow,
            before.code,
            before.parent,
            Status.RUNNING,
            before.reason,  # why it stood still; the table has none from now on
            epoch,
            self._worker,
            crashes,
            None,
            before.created_us,
            self._now_us,
        )
        return Claimed(standing, before.owner, events, mail_of(self._db, number), self._mail_upto)

    def _may_end(self, number: int) -> bool:
        """Whether somebody has cancelled a stopped run, from outside its family."""
        found = self._db.execute(
            f"SELECT 1 FROM runs AS r JOIN mail AS w ON w.run = r.number WHERE r.number = ? AND {MAY_END} LIMIT 1",
            (number, Kind.CANCEL),
        )
        return found.fetchone() is not None

    def _crashes(self, before: Standing, owner: int | None, events: Sequence[Event]) -> int:
        if before.status is Status.STUCK:
            return 0
        if before.status is not Status.RUNNING or owner in self._left or owner == self._number:
            return before.crashes
        return 1 if events and events[-1].epoch == before.epoch else before.crashes + 1

    def set_aside(self, run: str, reason: str) -> None:
        """Make a run stuck that cannot be read, so that the others go on."""
        self._db.execute(
            "UPDATE runs SET status = 'stuck', epoch = epoch + 1, reason = ?, owner = NULL, wake_at_us = NULL,"
            " changed_us = ? WHERE id = ?",
            (f"damaged: {reason}", self._now_us, run),
        )
        self._runs.clear()

    @staticmethod
    def has_blobs(claimed: Sequence[Claimed]) -> bool:
        """Whether `fill` has anything to do."""
        return any(
            any(event.blob for event in one.events) or any(mail.blob for mail in one.mail) for one in claimed
        )

    def fill(self, claimed: Sequence[Claimed], get: Callable[[str], bytes]) -> list[Claimed]:
        """Fetch bodies from blobs; a run of which one is gone is set aside."""
        good = []
        for one in claimed:
            try:
                one.events[:] = [filled(event, get) for event in one.events]
                one.mail[:] = [filled(mail, get) for mail in one.mail]
                good.append(one)
            except JournalCorrupt as error:
                self.set_aside(one.standing.run, str(error))
        return good
