"""The engine of the demo: the process that carries the order, and that is killed. `python engine.py FIRM WISH`

One rule: it talks to the parent only by lines of JSON: news to standard output; from standard input what the customer
says and the founder answers.
"""

import asyncio
import json
import select
import sys
from pathlib import Path
from typing import Any

import msgspec

from firm import Firm
from firm.model import Reply, Request
from firm.model.embedded import DEFAULT
from firm.model.embedded.error import NotPulled
from firm.model.local import Embedded
from firm.model.request import Watch
from firm.model.target import Abilities
from firm.org.trade.order import TOPIC, Order
from firm.org.trade.taking import take
from news import News
from wish import CUSTOMER, ORDER, Wish

LOOK_S = 0.2
"""How often it looks for news."""


class Silent(Embedded):
    """Stands where the embedded model would, and says why there is none."""

    def __init__(self, why: str) -> None:
        super().__init__(DEFAULT)
        self._why = why

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Refuse."""
        raise NotPulled(self._why)


async def carry(folder: Path, wish: Wish) -> None:
    """Take the order in, or go on with it, and stay until it has ended.

    The model is named here, the one inside the box: no key of the founder's is spent on a demo.
    """
    model = Silent(wish.no_model) if wish.no_model else Embedded(DEFAULT)
    async with Firm.open(folder, models={"default": model}) as firm:
        run = await firm.start(take, Order(text=wish.text, customer=CUSTOMER), id=ORDER)
        looking, made = asyncio.create_task(look(firm)), asyncio.create_task(run.result())
        await asyncio.wait((looking, made), return_when=asyncio.FIRST_COMPLETED)
        looking.cancel()
        if not made.done():
            made.cancel()
            return
        made.result()
        for one in await News(firm).all():
            note(one)
        note({"ended": True})


async def look(firm: Firm) -> None:
    """Tell the parent what is new, and pass on what it sends back, until it is gone."""
    news = News(firm)
    while True:
        for one in await news.all():
            note(one)
        line = ready_line()
        if line is None:
            return
        if line:
            await heard(firm, json.loads(line))
        await asyncio.sleep(LOOK_S)


async def heard(firm: Firm, said: dict[str, Any]) -> None:
    """What the customer says goes to the order, what the founder answers to the question."""
    if "customer" in said:
        await firm.send(ORDER, TOPIC, said["customer"], id=said["id"])
    elif "question" in said:
        await firm.answer(said["question"], said["answer"])


def note(what: dict[str, Any]) -> None:
    """Tell the parent one thing."""
    print(json.dumps(what), flush=True)


def ready_line() -> str | None:
    """A line from standard input if there is one, without waiting; '' if not, None if there will be none."""
    if not select.select([sys.stdin], [], [], 0)[0]:
        return ""
    return sys.stdin.readline().strip() or None


if __name__ == "__main__":
    asyncio.run(carry(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Wish)))
