"""Workers and their leases.

One rule: a worker is alive while it has not gone and its lease, on the store's clock, has not run out. One
that joins again under its old name is a new one: what the old one owned may be claimed.
"""

import sqlite3
from collections.abc import Callable

from firm.errors import InternalError

LEFT = 1
"""Stopped by itself: what it still owned did not crash."""
DEAD = 2
"""Declared dead by another one's `join`."""

_ALIVE = "gone = 0 AND (lease_until_us IS NULL OR lease_until_us > ?)"


class Workers:
    """Table `workers`. Methods that write are called inside a transaction.

    Args:
        db: the writing connection, or for `living` any.
        now_us: the store's clock, microseconds since 1970.
    """

    def __init__(self, db: sqlite3.Connection, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self._db = db

    def number(self, id: str) -> int:
        """The number of the newest worker of that name. Raises InternalError if none has joined."""
        found = self.find(id)
        if found < 0:
            raise InternalError(f"worker {id!r} has not joined the journal: call join first")
        return found

    def find(self, id: str) -> int:
        """The number of the newest worker of that name, -1 if none has joined or it is long gone."""
        row = self._db.execute("SELECT max(number) FROM workers WHERE id = ?", (id,)).fetchone()
        return -1 if row[0] is None else int(row[0])

    def living(self) -> frozenset[int]:
        """Numbers of those alive."""
        rows = self._db.execute(f"SELECT number FROM workers WHERE {_ALIVE}", (self.now_us(),)).fetchall()
        return frozenset(number for (number,) in rows)

    def left(self) -> frozenset[int]:
        """Numbers of those that stopped by themselves."""
        rows = self._db.execute("SELECT number FROM workers WHERE gone = ?", (LEFT,)).fetchall()
        return frozenset(number for (number,) in rows)

    def join(self, id: str, lease_s: float | None) -> None:
        """Add a worker; without a lease all others are dead."""
        if lease_s is None:
            self._db.execute("UPDATE workers SET gone = ? WHERE gone = 0", (DEAD,))
        self._db.execute("UPDATE workers SET gone = ? WHERE gone = 0 AND id = ?", (DEAD, id))
        self._db.execute(
            "DELETE FROM workers WHERE gone <> 0 AND id <> ?"
            " AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = workers.number)",
            (id,),
        )
        lease_us = None if lease_s is None else round(lease_s * 1e6)
        until_us = None if lease_us is None else self.now_us() + lease_us
        self._db.execute(
            "INSERT INTO workers (id, lease_us, lease_until_us) VALUES (?, ?, ?)", (id, lease_us, until_us)
        )

    def renew(self, id: str) -> bool:
        """Prolong the lease; False if it has run out or the worker is gone."""
        now_us = self.now_us()
        done = self._db.execute(
            "UPDATE workers SET lease_until_us = ? + lease_us"
            f" WHERE number = (SELECT max(number) FROM workers WHERE id = ?) AND {_ALIVE}",
            (now_us, id, now_us),
        )
        return done.rowcount == 1

    def leave(self, id: str) -> None:
        """The worker stopped by itself."""
        self._db.execute("UPDATE workers SET gone = ? WHERE number = ? AND gone = 0", (LEFT, self.number(id)))
