"""One append: lines of many runs, put into the tables inside one transaction.

One rule: what does not depend on what another worker did first is checked and raises `InternalError`; what
does is left out and named in `Refused`.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from firm.errors import InternalError
from firm.kernel.journal import (
    Also,
    Answer,
    Event,
    Halt,
    Kind,
    Mail,
    NewRun,
    Question,
    Refused,
    Release,
    Row,
    Stand,
    Taken,
)
from firm.kernel.status import TERMINAL, TRANSITIONS, Status
from firm.store.chain import encode
from firm.store.fence import left_out, writer
from firm.store.runs import Live
from firm.store.schema import IS_STOPPED
from firm.store.worker import Workers
from firm.store.writer import Writer


class Batch:
    """The lines of one append. Use once, inside `Writer.transaction`."""

    def __init__(self, to: Writer, workers: Workers) -> None:
        self._db: sqlite3.Connection = to.db
        self._runs = to.runs
        self._head = to.head
        self._workers = workers
        self._owners: dict[str, int] = {}
        self._lost_answers: set[str] = set()

    def write(self, events: Sequence[Event], also: Sequence[Also]) -> Refused:
        """Write what may be written and say what was left out."""
        stale = left_out(self._runs, events, also)
        if stale:
            events = [event for event in events if event.run not in stale]
            also = [line for line in also if not self._belongs(line, stale)]
        new = [self._begin(line) for line in also if type(line) is NewRun]
        self._write_events(events, new)
        self._write_rows([line for line in also if type(line) is Row])
        for line in also:
            match line:
                case Question():
                    self._ask(line)
                case Answer():
                    self._answer(line)
                case Taken():
                    self._take(line)
                case Mail():
                    self._deliver(line)
        self._stand([line for line in also if type(line) is Stand])
        for line in also:
            if type(line) is Halt:
                self._halt(line)
            elif type(line) is Release:
                self._release(line)
        return Refused(stale, frozenset(self._lost_answers))

    @staticmethod
    def _belongs(line: Also, stale: frozenset[str]) -> bool:
        if type(line) is NewRun:
            return line.run in stale
        by = writer(line)
        return by is not None and by[0] in stale

    def _begin(self, line: NewRun) -> tuple[Any, ...]:
        running = line.status is Status.RUNNING
        if not running and line.status is not Status.PENDING:
            raise InternalError(f"run {line.run!r} cannot begin as {line.status.value!r}")
        if running != bool(line.owner):
            raise InternalError(f"run {line.run!r} begins as {line.status.value!r} with owner {line.owner!r}")
        self._head.run += 1
        epoch = 1 if running else 0
        live = Live(self._head.run, epoch, line.status, running, next_seq=0, addressed=not running)
        self._runs.keep(line.run, live)
        if running and line.owner not in self._owners:
            self._owners[line.owner] = self._workers.number(line.owner)
        owner = self._owners[line.owner] if running else None
        return (
            live.number,
            line.run,
            line.workflow,
            line.code,
            line.parent,
            line.status.value,
            epoch,
            owner,
            line.created_us,
            line.created_us,
        )

    def _write_events(self, events: Sequence[Event], new: list[tuple[Any, ...]]) -> None:
        find, next_seq, head = self._runs.find, self._runs.next_seq, self._head
        number, hash_, started = head.event, head.hash, int(Kind.STARTED)
        rows: list[tuple[int, int, bytes, bytes]] = []
        bases: list[tuple[int, int]] = []
        blobs: list[tuple[str, int]] = []
        for event in events:
            live = find(event.run)
            assert live is not None
            seq = live.next_seq if live.next_seq >= 0 else next_seq(live)
            if event.seq != seq:
                raise InternalError(f"run {event.run!r}: event {event.seq} does not follow event {seq - 1}")
            live.next_seq = seq + 1
            number += 1
            data = encode(event)
            hash_ = sha256(hash_ + sha256(data).digest()).digest()
            rows.append((number, live.number, hash_, data))
            if event.kind == started:
                bases.append((number, live.number))
            if event.blob:
                blobs.append((event.blob, live.number))
        head.event, head.hash = number, hash_
        if new:
            begins = {run: event for event, run in bases}
            self._db.executemany(
                "INSERT INTO runs (number, id, workflow, code, parent, status, epoch, owner, created_us, changed_us,"
                " base) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*row, begins.pop(row[0], 0)) for row in new],
            )
            bases = [(event, run) for run, event in begins.items()]
        if rows:
            self._db.executemany("INSERT INTO events (id, run, hash, data) VALUES (?, ?, ?, ?)", rows)
        if bases:
            self._db.executemany("UPDATE runs SET base = ? WHERE number = ?", bases)
        if blobs:
            self._db.executemany("INSERT OR IGNORE INTO blobs (hash, run) VALUES (?, ?)", blobs)

    def _write_rows(self, rows: Sequence[Row]) -> None:
        if rows:
            self._db.executemany(
                "INSERT OR REPLACE INTO rows (book, key, value) VALUES (?, ?, ?)",
                [(row.book, row.key, row.value) for row in rows],
            )

    def _ask(self, line: Question) -> None:
        live = self._runs.find(line.run)
        if live is not None:
            live.addressed = True
        done = self._db.execute(
            "INSERT OR IGNORE INTO questions"
            " (id, run, epoch, place, kind, text, options, preset, deadline_us, asked_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                line.id,
                line.run,
                line.epoch,
                line.place,
                line.kind,
                line.text,
                line.options,
                line.default,
                line.deadline_us,
                line.asked_us,
            ),
        )
        if done.rowcount == 0:
            (answered_us,) = self._db.execute(
                "SELECT answered_us FROM questions WHERE id = ?", (line.id,)
            ).fetchone()
            if answered_us and line.run:
                raise InternalError(
                    f"question {line.id!r} of run {line.run!r} was answered before: it needs a new id"
                )

    def _answer(self, line: Answer) -> None:
        done = self._db.execute(
            "UPDATE questions SET answered_us = ?, answer = ?, answered_by = ? WHERE id = ? AND answered_us = 0",
            (line.at_us, line.value, line.by, line.question),
        )
        if done.rowcount == 0:
            self._lost_answers.add(line.question)
        elif line.mail is not None:
            self._deliver(line.mail)

    def _deliver(self, line: Mail) -> None:
        to = self._runs.find(line.to)
        if to is None or to.status in TERMINAL:
            return
        to.addressed = True
        new = self._db.execute(
            "INSERT OR IGNORE INTO seen (run, sender, id) VALUES (?, ?, ?)", (to.number, line.sender, line.id)
        )
        if new.rowcount == 0:
            return
        self._head.mail += 1
        self._db.execute(
            "INSERT INTO mail (number, run, kind, sender, id, place, name, body, blob)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._head.mail,
                to.number,
                line.kind,
                line.sender,
                line.id,
                line.place,
                line.name,
                line.body,
                line.blob,
            ),
        )

    def _take(self, line: Taken) -> None:
        live = self._runs.find(line.run)
        assert live is not None
        for number in line.numbers:
            row = self._db.execute(
                "DELETE FROM mail WHERE number = ? AND run = ? RETURNING kind, sender, id",
                (number, live.number),
            ).fetchone()
            if row is None:
                raise InternalError(f"run {line.run!r} takes mail {number}, which is not waiting for it")
            if row[0] != Kind.MESSAGE:
                self._db.execute(
                    "DELETE FROM seen WHERE run = ? AND sender = ? AND id = ?", (live.number, row[1], row[2])
                )

    def _stand(self, lines: Sequence[Stand]) -> None:
        rows: list[tuple[object, ...]] = []
        ended: list[tuple[int, str, int]] = []
        for line in lines:
            live = self._runs.find(line.run)
            assert live is not None
            if line.status not in TRANSITIONS[live.status] or line.status is Status.RUNNING:
                raise InternalError(
                    f"run {line.run!r} cannot go from {live.status.value!r} to {line.status.value!r}"
                    + (": it runs only by a claim" if line.status is Status.RUNNING else "")
                )
            suspended = line.status is Status.SUSPENDED
            rows.append((line.status.value, line.reason, line.at_us, line.wake_at_us, suspended, live.number))
            self._runs.set_down(line.run, line.status)
            if line.status in TERMINAL and live.addressed:
                ended.append((live.number, line.run, line.at_us))
        if rows:
            self._db.executemany(
                "UPDATE runs SET status = ?, reason = ?, changed_us = ?, wake_at_us = ?, owner = NULL,"
                " crashes = iif(?, 0, crashes) WHERE number = ?",
                rows,
            )
        for number, run, at_us in ended:
            self._clear(number, run, at_us)

    def _halt(self, line: Halt) -> None:
        live = self._runs.find(line.run)
        if live is None or live.status in TERMINAL:
            return
        done = self._db.execute(
            "UPDATE runs SET status = 'stuck', reason = ?, epoch = epoch + 1, owner = NULL, wake_at_us = NULL,"
            f" crashes = 0, changed_us = ? WHERE number = ? AND NOT ({IS_STOPPED})",
            (line.reason, line.at_us, live.number),
        )
        if done.rowcount == 0:
            return
        live.epoch += 1
        self._runs.set_down(line.run, Status.STUCK)
        # what it needed a person for will be asked again when it is released
        self._db.execute(
            "UPDATE questions SET answered_us = ?, answered_by = 'closed'"
            " WHERE run = ? AND answered_us = 0 AND kind = 'stuck'",
            (line.at_us, line.run),
        )

    def _release(self, line: Release) -> None:
        live = self._runs.find(line.run)
        if live is None:
            return
        done = self._db.execute(
            "UPDATE runs SET status = 'suspended', reason = '', wake_at_us = ?, changed_us = ?"
            f" WHERE number = ? AND {IS_STOPPED}",
            (line.at_us, line.at_us, live.number),
        )
        if done.rowcount:
            self._runs.set_down(line.run, Status.SUSPENDED)

    def _clear(self, number: int, run: str, at_us: int) -> None:
        """What a run that has ended leaves in the inbox and the mail."""
        self._db.execute("DELETE FROM mail WHERE run = ?", (number,))
        self._db.execute("DELETE FROM seen WHERE run = ?", (number,))
        self._db.execute(
            "UPDATE questions SET answered_us = ?, answered_by = 'closed' WHERE run = ? AND answered_us = 0",
            (at_us, run),
        )
