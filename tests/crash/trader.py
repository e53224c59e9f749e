"""The process that is killed while it takes an order: `python trader.py HOME COUNT`.

It carries one order, confirmed beforehand, in HOME. It dies by itself right after the COUNT-th commit of the journal;
with COUNT 0 it does not. At its end it prints the state of the order.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from tests.e2e import ordered as shop

from firm import Firm
from firm.org.trade import taking
from firm.store.sqlite import SqliteJournal

KILLED = 99


def die_after(count: int) -> None:
    """End this process, with nothing in order, right after so many commits."""
    append, left = SqliteJournal.append, [count]

    async def counted(self: Any, *args: Any, **options: Any) -> Any:
        found = await append(self, *args, **options)
        left[0] -= 1
        if left[0] == 0:
            os._exit(KILLED)
        return found

    SqliteJournal.append = counted  # type: ignore[method-assign]


async def main(home: Path) -> None:
    """One life."""
    vars(taking)["carry_out"] = shop.carried_out
    async with Firm.open(home, models={"default": shop.silent()}) as firm:
        record = await shop.ordered(firm, shop.WORDS, yes_up_to_usd=5)
        print(record.state, record.invoice)


if __name__ == "__main__":
    if count := int(sys.argv[2]):
        die_after(count)
    asyncio.run(main(Path(sys.argv[1])))
