"""The journal's invariants (reliability.md, section 2), checked on what is on disk.

One rule: it trusts no counter and reads every event that is not erased, one run at a time.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise

from firm.kernel.journal import Event, Kind
from firm.kernel.status import TERMINAL
from firm.store.chain import decode

_ENDED = ", ".join(f"'{status.value}'" for status in sorted(TERMINAL))
_OUTCOMES = {Kind.DONE: "outcome", Kind.FAILED: "outcome", Kind.TIMER: "timer", Kind.ANSWERED: "answer"}

_TABLES = {
    f"SELECT id FROM runs WHERE status IN ({_ENDED}) AND owner IS NOT NULL": "I6: run {!r} has ended but has an owner",
    f"SELECT DISTINCT r.id FROM runs AS r JOIN mail AS m ON m.run = r.number WHERE r.status IN ({_ENDED})": (
        "I6: run {!r} has ended but has mail waiting"
    ),
    "SELECT q.id FROM questions AS q JOIN runs AS r ON r.id = q.run"
    f" WHERE q.answered_us = 0 AND r.status IN ({_ENDED})": "I6: question {!r} is open though its run has ended",
    "SELECT id FROM runs WHERE (status = 'running') <> (owner IS NOT NULL)": (
        "I5: run {!r} is running without an owner, or has one without running"
    ),
    # one that is stuck over one effect in doubt may wait for a timer beside it
    "SELECT id FROM runs WHERE wake_at_us IS NOT NULL AND status NOT IN ('suspended', 'stuck')": (
        "I6: run {!r} has a wake though it is not set down"
    ),
}


def audit(db: sqlite3.Connection, path: str) -> list[str]:
    """One sentence for each violation; empty if all holds.

    Raises:
        JournalCorrupt: an event cannot be decoded.
    """
    db.execute("BEGIN")
    try:
        found = [text.format(id) for query, text in _TABLES.items() for (id,) in db.execute(query)]
        for number, id, epoch, base in db.execute("SELECT number, id, epoch, base FROM runs ORDER BY number"):
            rows = db.execute(
                "SELECT id, data FROM events WHERE run = ? AND erased = 0 ORDER BY id", (number,)
            ).fetchall()
            events = [(row, decode(data, row, path)) for row, data in rows]
            found.extend(_check_order(id, epoch, [event for _, event in events]))
            found.extend(_check_outcomes(id, [event for _, event in events]))
            started = [row for row, event in events if event.kind == Kind.STARTED]
            if started and started[-1] != base:
                found.append(
                    f"I7: run {id!r} begins its generation at event {started[-1]}, the table says {base}"
                )
        return found
    finally:
        db.execute("ROLLBACK")


def _check_order(run: str, epoch: int, events: Sequence[Event]) -> Iterator[str]:
    """I4 and I7: sequence, epochs and times only rise; I6: nothing after the end."""
    for before, after in pairwise(events):
        if after.seq != before.seq + 1:
            yield f"I7: run {run!r} has event {after.seq} after event {before.seq}"
        if after.epoch < before.epoch:
            yield f"I4: run {run!r} has event {after.seq} of epoch {after.epoch} after epoch {before.epoch}"
        if after.at_us < before.at_us:
            yield f"I7: run {run!r} has event {after.seq} earlier than the event before it"
        if before.kind == Kind.ENDED:
            yield f"I6: run {run!r} has event {after.seq} after its end"
    if events and events[-1].epoch > epoch:
        yield f"I4: run {run!r} has an event of epoch {events[-1].epoch}, but stands at {epoch}"
    for event in events:
        if event.run != run:
            yield f"I7: run {run!r} holds event {event.seq} of run {event.run!r}"


def _check_outcomes(run: str, events: Sequence[Event]) -> Iterator[str]:
    """I2: one outcome for each place of a generation."""
    seen: set[tuple[str, int]] = set()
    for event in events:
        if event.kind == Kind.STARTED:
            seen.clear()
        elif event.kind == Kind.ASKED:  # an effect may be in doubt again after it was answered 'not done'
            seen.discard(("answer", event.place))
        what = _OUTCOMES.get(Kind(event.kind))
        if what is None or event.place == 0:
            continue
        if (what, event.place) in seen:
            yield f"I2: run {run!r} has a second {what} at place {event.place} (event {event.seq})"
        seen.add((what, event.place))
