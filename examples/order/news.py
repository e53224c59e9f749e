"""What is new in the firm while the order is carried out, as plain data, read from the journal.

One rule: it tells a thing again when it has changed, and after a restart once more; who hears it knows what it knew.
"""

import json
import time
from typing import Any

import msgspec

from firm import Firm
from firm.kernel.journal import own_key
from firm.lab.candidate import BOOK as LAB
from firm.lab.candidate import Block, Status
from firm.org.record import BOOK as ORG
from firm.org.record import read_plan, read_task
from firm.org.trade.order import BOOK as TRADE
from firm.org.trade.order import order_key, orders_in
from wish import ORDER

Item = dict[str, Any]


class News:
    """What there is to tell of one firm."""

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._told: dict[str, str] = {}
        self._mission = self._explore = ""
        self._hands = 0
        self._searches: dict[str, _Search] = {}

    async def all(self) -> list[Item]:
        """All that has changed since the last look."""
        found = {
            **await self._order(),
            **await self._org(),
            **await self._exploring(),
            **await self._opinions(),
            **await self._inbox(),
        }
        return [item for key, item in found.items() if self._is_new(key, item)]

    def _is_new(self, key: str, item: Item) -> bool:
        said = json.dumps({name: value for name, value in item.items() if name != "left_s"}, sort_keys=True)
        is_new = self._told.get(key) != said
        self._told[key] = said
        return is_new

    async def _order(self) -> dict[str, Item]:
        rows = await self._firm.rows(TRADE, prefix=order_key(ORDER))
        return {
            f"order {one.state} {one.round}": {"order": msgspec.to_builtins(one)} for one in orders_in(rows)
        }

    async def _org(self) -> dict[str, Item]:
        """The plan, and how its tasks stand."""
        found: dict[str, Item] = {}
        for row in await self._firm.rows(ORG, prefix=ORDER):
            run, _, what = row.key.partition(own_key(""))
            if what == "plan":
                self._mission = run
                planned = read_plan(row.value)
                found["plan"] = {"plan": msgspec.to_builtins(planned.plan)}
            elif what.startswith("task."):
                end = msgspec.to_builtins(read_task(row.value))
                end.pop("at_us", None)
                if end["id"] == "conditions" and end["status"] == "accepted":
                    self._hands = end["artifact"]["data"]["hands"]
                found[what] = {"task": end}
        return found

    async def _exploring(self) -> dict[str, Item]:
        """How many hands have reported, and how the searches go."""
        if not self._mission or not self._hands:
            return {}
        if not self._explore:
            children = await self._firm.runs(parent=self._mission)
            self._explore = next((run.id for run in children if run.name == "explore"), "")
        if not self._explore:
            return {}
        events = await self._firm.run(self._explore).events()
        done = min(sum(event.kind == "done" for event in events), self._hands)
        found: dict[str, Item] = {"hands": {"hands": done, "of": self._hands}}
        if done == self._hands:
            for number in (1, 2):
                run = f"{self._explore}/{self._hands + number}"
                search = self._searches.setdefault(run, _Search())
                await search.look(self._firm, run)
                if search.candidates:
                    found[f"search {number}"] = {
                        "search": number,
                        "candidates": search.candidates,
                        "best": search.best,
                    }
        return found

    async def _opinions(self) -> dict[str, Item]:
        """What experts have said of the close call."""
        found = {}
        for run in await self._firm.runs(parent=self._mission) if self._mission else []:
            if run.name == "close_call":
                events = await self._firm.run(run.id).events()
                for event in events:
                    if event.kind == "done" and event.name == "opinion":
                        found[f"opinion {event.place}"] = {"opinion": event.value}
        return found

    async def _inbox(self) -> dict[str, Item]:
        return {
            f"question {one.id}": {
                "question": one.id,
                "text": one.text,
                "options": one.options,
                "default": one.default,
                "left_s": None if one.deadline is None else one.deadline.timestamp() - time.time(),
            }
            for one in await self._firm.inbox()
        }


class _Search:
    """How far one search of the lab is, block by block."""

    def __init__(self) -> None:
        self.candidates = 0
        self.best: float | None = None
        self._after = ""

    async def look(self, firm: Firm, run: str) -> None:
        """Count the blocks that are new."""
        for row in await firm.rows(LAB, prefix=own_key(run), after=self._after):
            self._after = row.key
            block = Block.decode(row.value)
            self.candidates += len(block.candidates)
            for one in block.candidates:
                value = one.stages[-1].value if one.status is Status.VALID and one.stages else None
                if value is not None:
                    self.best = value if self.best is None else max(self.best, value)
