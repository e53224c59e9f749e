"""How often the embedded models call the right tool with right arguments, and what narrowing the tools does to it.

150 requests of the Berkeley leaderboard, one draw each at temperature 0, the tools offered as an agent offers them
(`tool_choice` "auto", no repair). Three ways: all candidates of the item; of these the five whose name and description
lie nearest to the request by sentence embeddings; and the five nearest of the functions of all items together, which
no window would hold. Where an item has no more than five candidates the first two are the same request.

It takes hours on two cores, so what was drawn is kept in `bench/out/tool_choice.jsonl` and a run goes on where the
last one stopped: `python bench/tool_choice.py --items 150 --until 14:00`. The figures are of the items that a model has
been asked so far, in an order that a fixed seed drew; those of the first two ways are of the same items.
The models that were pulled are measured, each by a server of its own; the larger one needs `firm models pull`.
"""

import argparse
import asyncio
import datetime
import json
import os
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bfcl
from bench import machine, tell

from firm.ids import digest
from firm.model import Models
from firm.model.embedded import DEFAULT, EMBEDDING, find, store
from firm.model.embedded.launch import stop
from firm.model.error import ModelError
from firm.model.local import Embedded
from firm.model.message import ToolCall
from firm.model.request import Request, Sampling, Tool

LARGER = "qwen2.5-coder-1.5b-instruct-q4_k_m"
NAMES = (DEFAULT, LARGER)
WAYS = ("all candidates", "candidates, top 5", "functions of all items, top 5")
TOP = 5
SEED = 5
PASSES = ((0, 60, WAYS[:2]), (0, 60, WAYS[2:]), (60, 150, WAYS[:2]), (60, 150, WAYS[2:]))
"""In which order cells are filled: from this item, up to that one, which ways; all models in each pass."""
AT_ONCE = 2
MAX_TOKENS = 512
KEPT = Path(__file__).parent / "out" / "tool_choice.jsonl"


@dataclass(frozen=True, slots=True)
class Offer:
    """What one cell offers for one item."""

    item: bfcl.Item
    tools: tuple[Tool, ...]

    @property
    def key(self) -> str:
        """The same for the same request."""
        said = [[message.text for message in self.item.messages], [tool.name for tool in self.tools]]
        return digest("tool choice", self.item.id, json.dumps(said))[:20]


class Kept:
    """What was drawn, by model and request, in a file that only grows."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._found = {(one["model"], one["key"]): one for one in map(json.loads, lines)}

    def get(self, model: str, offer: Offer) -> dict[str, Any] | None:
        """What was drawn for it."""
        return self._found.get((model, offer.key))

    def add(self, model: str, offer: Offer, drawn: dict[str, Any]) -> None:
        """Keep it."""
        line = {"model": model, "key": offer.key, "id": offer.item.id, **drawn}
        self._found[model, offer.key] = line
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


async def near(models: Models, items: list[bfcl.Item]) -> tuple[dict[str, list[Offer]], dict[str, int]]:
    """The offers of each way, and how often narrowing keeps the right function."""
    tools = {_words(tool): tool for item in items for tool in item.tools}
    vectors = dict(zip(tools, (await models.embed(list(tools))).vectors, strict=True))
    asked = (await models.embed([item.messages[-1].text for item in items])).vectors
    offers: dict[str, list[Offer]] = {way: [] for way in WAYS}
    for item, question in zip(items, asked, strict=True):
        own = {tool.name: tool for tool in item.tools}
        others = {tool.name: tool for tool in tools.values() if tool.name not in own}
        for way, given in zip(WAYS, (item.tools, item.tools, (*item.tools, *others.values())), strict=True):
            if way != WAYS[0]:
                given = _nearest(given, question, vectors)
            offers[way].append(Offer(item, tuple(given)))
    kept = {
        way: sum(one.item.name in [tool.name for tool in one.tools] for one in offers[way]) for way in WAYS
    }
    return offers, kept


def _words(tool: Tool) -> str:
    return f"{tool.name}: {tool.description}"


def _nearest(tools: Any, question: Any, vectors: dict[str, Any]) -> list[Tool]:
    """The `TOP` nearest, in the order in which they stood."""

    def nearness(tool: Tool) -> float:
        return sum(one * other for one, other in zip(vectors[_words(tool)], question, strict=True))

    best = {tool.name for tool in sorted(tools, key=nearness, reverse=True)[:TOP]}
    return [tool for tool in tools if tool.name in best]


async def draw(models: Models, name: str, offer: Offer) -> dict[str, Any]:
    """One reply."""
    request = Request(
        offer.item.messages,
        name,
        MAX_TOKENS,
        tools=offer.tools,
        sampling=Sampling(temperature=0.0),
    )
    try:
        reply = await models.call(request)
    except ModelError as error:
        return {"calls": [], "read": 0, "written": 0, "s": 0.0, "error": str(error)[:300]}
    calls = [[call.name, call.arguments] for call in reply.tool_calls]
    seconds = round(reply.timing.total_s, 2)
    return {"calls": calls, "read": reply.usage.read, "written": reply.usage.written, "s": seconds}


async def fill(models: Models, name: str, offers: list[Offer], kept: Kept, until: datetime.datetime) -> None:
    """Draw what is not there yet, until it is time to stop."""
    waiting = [offer for offer in offers if kept.get(name, offer) is None]

    async def lane() -> None:
        while waiting and datetime.datetime.now() < until:
            offer = waiting.pop(0)
            if kept.get(name, offer) is None:
                kept.add(name, offer, await draw(models, name, offer))

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    print(f"{name}: {len(waiting)} left of {len(offers)}", file=sys.stderr, flush=True)


def report(names: list[str], offers: dict[str, list[Offer]], found: dict[str, int], kept: Kept) -> None:
    """The figures of what was drawn so far."""
    everything = len(offers[WAYS[0]])
    for way in WAYS[1:]:
        tell(f"right function kept: {way}", found[way] / everything, "share", items=everything)
    for name in names:
        for ways in (WAYS[:2], WAYS[2:]):
            drawn = [
                number
                for number in range(everything)
                if all(kept.get(name, offers[way][number]) is not None for way in ways)
            ]
            for way in ways:
                cell(name, way, [offers[way][number] for number in drawn], kept)


def cell(name: str, way: str, offers: list[Offer], kept: Kept) -> None:
    """One cell of the table."""
    drawn = [kept.get(name, offer) or {} for offer in offers]
    verdicts = Counter(
        bfcl.judge(offer.item, tuple(ToolCall("", *call) for call in one["calls"]))
        for offer, one in zip(offers, drawn, strict=True)
    )
    count, right = len(offers), verdicts["right"]
    low, high = bfcl.wilson(right, count)
    function = right + verdicts["wrong arguments"]
    about = {"items": count, "right": right, "low": round(low, 3), "high": round(high, 3)}
    tell(
        f"{name}, {way}: right", right / max(count, 1), "share", **about, verdicts=dict(verdicts), **machine()
    )
    low, high = bfcl.wilson(function, count)
    about = {"items": count, "right": function, "low": round(low, 3), "high": round(high, 3)}
    tell(f"{name}, {way}: right function", function / max(count, 1), "share", **about)
    tell(f"{name}, {way}: tokens read an item", sum(one["read"] for one in drawn) / max(count, 1), "tokens")
    tell(
        f"{name}, {way}: tokens written an item",
        sum(one["written"] for one in drawn) / max(count, 1),
        "tokens",
    )
    tools = sum(len(offer.tools) for offer in offers) / max(count, 1)
    tell(f"{name}, {way}: tools offered", tools, "tools", errors=sum("error" in one for one in drawn))


def _until(text: str) -> datetime.datetime:
    hour, minute = map(int, text.split(":"))
    return datetime.datetime.now().replace(hour=hour, minute=minute, second=0)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument(
        "--until", type=_until, default=datetime.datetime.max, help="HH:MM: draw no more then"
    )
    given = parser.parse_args()
    names = [name for name in NAMES if all(map(store.held, find(name).files))]
    if not all(map(store.held, find(EMBEDDING).files)) or not names:
        sys.exit(f"tool_choice: the weights are not here; run: firm models pull {DEFAULT} {EMBEDDING}")
    os.environ["FIRM_MODELS"] = str(store.folder())
    items = bfcl.read()
    random.Random(SEED).shuffle(items)
    kept = Kept(KEPT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # servers of its own, that nobody else asks
        async with Models({name: Embedded(name) for name in names}) as models:
            offers, found = await near(models, items)
            for start, end, ways in PASSES:
                for name in names:
                    places = range(start, min(end, given.items))
                    wanted = [offers[way][place] for place in places for way in ways]
                    if any(kept.get(name, offer) is None for offer in wanted):
                        await fill(models, name, wanted, kept, given.until)
                        await stop(name)
    report(names, offers, found, kept)


if __name__ == "__main__":
    asyncio.run(main())
