"""What the writer must know of a run before it may write a line for it.

One rule: what is kept here is never newer than the table within a transaction; after a failed one it is all
forgotten and read again.
"""

import sqlite3
from dataclasses import dataclass

from firm.kernel.status import TERMINAL, Status
from firm.store.chain import decode


@dataclass(slots=True)
class Live:
    """One run, as the transaction in progress has it."""

    number: int
    epoch: int
    status: Status
    owned: bool
    next_seq: int = -1
    """Sequence number of its next event; -1: not read yet."""
    addressed: bool = True
    """Whether mail or questions of it may lie in the tables; false for a run that began in this process."""

    def may_write(self, epoch: int) -> bool:
        """Whether a line of that epoch takes effect."""
        return self.epoch == epoch and self.status not in TERMINAL


class Runs:
    """Runs by id. Those that a worker owns stay in memory, so that writing their events reads nothing."""

    def __init__(self, db: sqlite3.Connection, path: str) -> None:
        self._db = db
        self._path = path
        self._kept: dict[str, Live] = {}
        self._loose: set[str] = set()

    def find(self, id: str) -> Live | None:
        """The run, None if there is none of that id."""
        live = self._kept.get(id)
        if live is not None:
            return live
        row = self._db.execute("SELECT number, epoch, status, owner FROM runs WHERE id = ?", (id,)).fetchone()
        if row is None:
            return None
        number, epoch, status, owner = row
        return self.keep(id, Live(number, epoch, Status(status), owner is not None))

    def owns(self, id: str, epoch: int) -> bool:
        """Whether the run surely may be written under that epoch; False: look closer."""
        live = self._kept.get(id)
        return live is not None and live.epoch == epoch and live.owned

    def keep(self, id: str, live: Live) -> Live:
        """Remember a run: as long as it is owned, else until `settle`."""
        self._kept[id] = live
        if not live.owned:
            self._loose.add(id)
        return live

    def set_down(self, id: str, status: Status) -> None:
        """The run is owned by nobody from now on."""
        live = self._kept[id]
        live.status, live.owned = status, False
        self._loose.add(id)

    def settle(self) -> None:
        """The transaction took effect: forget what nobody owns."""
        for id in self._loose:
            self._kept.pop(id, None)
        self._loose.clear()

    def kept(self) -> int:
        """How many are in memory."""
        return len(self._kept)

    def clear(self, db: sqlite3.Connection | None = None) -> None:
        """Forget everything; `db` is the connection to read from next."""
        self._kept.clear()
        self._loose.clear()
        if db is not None:
            self._db = db

    def next_seq(self, live: Live) -> int:
        """The sequence number that the run's next event must have."""
        if live.next_seq < 0:
            last = self.last_event(live.number)
            live.next_seq = 0 if last is None else last[0] + 1
        return live.next_seq

    def last_event(self, number: int) -> tuple[int, int] | None:
        """(seq, epoch) of a run's last event."""
        row = self._db.execute(
            "SELECT id, data FROM events WHERE run = ? AND erased = 0 ORDER BY id DESC LIMIT 1", (number,)
        ).fetchone()
        if row is None:
            return None
        event = decode(row[1], row[0], self._path)
        return event.seq, event.epoch
