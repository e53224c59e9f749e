"""Group commit: what all runs of a worker write down goes to disk together (rule K7).

One rule: an append that raises may have taken effect. It is never simply repeated and never simply given up:
the journal is asked whether it landed.
"""

import asyncio
import logging
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from firm.errors import DiskFull, JournalCorrupt, JournalError, JournalNewer
from firm.kernel.journal import Also, Answer, Event, Journal, Mail, NewRun, Refused

log = logging.getLogger("firm")
FIRST_WAIT_S = 0.05
MAX_WAIT_S = 2.0
_BRING_MAIL = frozenset({Mail, Answer})
"""Lines after which there may be mail to deliver."""

Ack = Callable[[Refused], None]


@dataclass(slots=True)
class Batch:
    """One transaction."""

    events: list[Event] = field(default_factory=list)
    also: list[Also] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    """Told after the commit what was refused."""
    refused: Refused = field(default_factory=Refused)
    look: bool = False
    """Look for mail that other workers have written."""
    mail: list[Mail] = field(default_factory=list)
    """Undelivered mail that has come to light with this commit."""


def _writer(line: Also) -> tuple[str, int]:
    """The run that a line belongs to, and its epoch."""
    return line.writer if type(line) is NewRun else (line.run, line.epoch)


class Outbox:
    """Gathers while a commit is under way; then everything gathered is the next commit."""

    def __init__(
        self, journal: Journal, *, committed: Callable[[Batch], None], trouble: Callable[[bool], None]
    ) -> None:
        self._journal = journal
        self._committed = committed
        self._on_trouble = trouble
        self.batch = Batch()
        self._dirty = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._mail_seen = 0
        self.trouble: JournalError | None = None
        """Why nothing can be written just now (full disk, lost database); no effect begins while it lasts."""

    def event(self, event: Event) -> None:
        """Write an event with the next commit."""
        self.batch.events.append(event)
        self.poke()

    def also(self, *rows: Also) -> None:
        """Write rows with the next commit."""
        self.batch.also.extend(rows)
        self.poke()

    def forget(self, lives: Set[tuple[str, int]]) -> None:
        """Do not write what these lives of runs (id and epoch) still had to say.

        It would be refused, and with it what the next life of the run says in the same commit.
        """
        if not lives:
            return
        batch = self.batch
        batch.events = [event for event in batch.events if (event.run, event.epoch) not in lives]
        batch.also = [line for line in batch.also if _writer(line) not in lives]

    def ack(self, ack: Ack) -> None:
        """Call `ack` after the next commit."""
        self.batch.acks.append(ack)
        self.poke()

    def look(self) -> None:
        """Look for mail that other workers have written."""
        self.batch.look = True
        self.poke()

    def poke(self) -> None:
        """Make sure that a commit follows."""
        if not self._dirty.is_set():
            self._idle.clear()
            self._dirty.set()

    async def empty(self) -> None:
        """Wait until everything is written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit for ever; raises only where the journal itself is broken."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            batch, self.batch = self.batch, Batch()
            batch.refused = await self._commit(batch)
            if batch.look or not _BRING_MAIL.isdisjoint(map(type, batch.also)):
                batch.mail = await self._new_mail()
            self._committed(batch)
            if not self._dirty.is_set():
                self._idle.set()

    async def _commit(self, batch: Batch) -> Refused:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                refused = await self._journal.append(batch.events, batch.also)
                break
            except (JournalCorrupt, JournalNewer):
                raise
            except JournalError as error:
                self._set_trouble(error)
            landed = await self._landed(batch)
            if landed is not None:
                refused = landed
                break
            await asyncio.sleep(wait_s)
            wait_s = min(MAX_WAIT_S, 2 * wait_s)
        self._set_trouble(None)
        return refused

    async def _landed(self, batch: Batch) -> Refused | None:
        while True:
            try:
                return await self._journal.landed(batch.events, batch.also)
            except (JournalCorrupt, JournalNewer):
                raise
            except JournalError as error:
                self._set_trouble(error)
                await asyncio.sleep(MAX_WAIT_S)

    async def _new_mail(self) -> list[Mail]:
        while True:
            try:
                mail = await self._journal.mail_after(self._mail_seen)
                break
            except (JournalCorrupt, JournalNewer):
                raise
            except JournalError as error:
                log.warning("mail cannot be read: %s", error)
                await asyncio.sleep(FIRST_WAIT_S)
        if mail:
            self._mail_seen = mail[-1].number
        return mail

    def _set_trouble(self, error: JournalError | None) -> None:
        before, self.trouble = self.trouble, error
        if error is not None and type(before) is not type(error):
            log.warning("paused: %s", "disk full" if isinstance(error, DiskFull) else error)
        if (before is None) != (error is None):
            self._on_trouble(error is not None)
