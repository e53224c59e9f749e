"""What a journal holds of every run, before the kill and at the end, and what became of it.

One rule: it reads the journal as it lies on the disk; nobody who was killed is asked.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firm import Firm
from firm.lab.candidate import BOOK as LAB
from firm.org.trade.bill import bills_in
from firm.org.trade.order import BOOK as TRADE

MOST_RUNS = 100_000
OUTCOMES = ("done", "failed")
Call = tuple[str, int]
"""A run, and the number of a call in it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a journal holds."""

    runs: int
    outcomes: tuple[tuple[Call, str], ...]
    """Of each call that has come to an end its result, as a hash; in the order of recording."""
    blocks: dict[str, str]
    """Blocks of the lab's candidates by key, as hashes."""
    invoices: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """What became of what was recorded before the kill."""

    recorded: int
    lost: int
    changed: int
    repeated: int
    """Calls with two outcomes."""
    total: int
    invoices: int

    @property
    def wrong(self) -> int:
        """What must not be."""
        return self.lost + self.changed + self.repeated + abs(self.invoices - 1)


def recorded(folder: Path) -> Record:
    """What lies in the journal, where nobody works on it."""

    async def read() -> Record:
        async with Firm.visit(folder) as firm:
            runs = await firm.runs(limit=MOST_RUNS)
            outcomes = [
                ((run.id, event.place), _hash([event.kind, event.value, event.error]))
                for run in sorted(runs, key=lambda one: one.id)
                for event in await firm.run(run.id).events()
                if event.kind in OUTCOMES
            ]
            blocks = {row.key: hashlib.sha256(row.value).hexdigest() for row in await firm.rows(LAB)}
            bills = bills_in(await firm.rows(TRADE))
            return Record(len(runs), tuple(outcomes), blocks, len(bills))

    return asyncio.run(read())


def _hash(value: Any) -> str:
    body = json.dumps(msgspec.to_builtins(value, enc_hook=repr), sort_keys=True, default=repr)
    return hashlib.sha256(body.encode()).hexdigest()


def tally(before: Record, after: Record) -> Count:
    """Compare what was recorded before the kill with what is recorded at the end."""
    known = dict(after.outcomes)
    blocks = [(key, block) for key, block in before.blocks.items()]
    lost = sum(call not in known for call, _ in before.outcomes) + sum(
        key not in after.blocks for key, _ in blocks
    )
    changed = sum(known.get(call, value) != value for call, value in before.outcomes)
    changed += sum(after.blocks.get(key, block) != block for key, block in blocks)
    return Count(
        recorded=len(before.outcomes) + len(before.blocks),
        lost=lost,
        changed=changed,
        repeated=len(after.outcomes) - len(known),
        total=len(after.outcomes) + len(after.blocks),
        invoices=after.invoices,
    )
