"""Processor time of one chunk of a streamed reply: a bare reader of lines, beside `chat` with somebody who watches.

Once with all chunks in one burst, and once with each chunk in a packet of its own, 32 streams at one time.
"""

import gc
import tempfile
from collections.abc import Callable

import aiohttp
import bare
import orjson
import uvloop
from bench import machine, tell

from firm import Firm, Model, chat
from firm.testing import mock_process

CHUNKS = 500
WORD = "word "
AT_ONCE = 32
ROUNDS = 12
PACES = {"in one burst": "0", "each by itself": "0.002"}
"""Seconds between two chunks."""


def reader(session: aiohttp.ClientSession, url: str, seen: Callable[[str], None]) -> bare.Call:
    where = url + "/chat/completions"

    async def once() -> str:
        pieces = []
        async with session.post(
            where, data=orjson.dumps(bare.body(stream=True)), headers=bare.HEADERS
        ) as response:
            async for line in response.content:
                event = bare.data_of(line)
                if event is None or not event["choices"]:
                    continue
                piece = event["choices"][0]["delta"].get("content")
                if piece:
                    pieces.append(piece)
                    seen(piece)
        return "".join(pieces)

    return once


async def watched() -> str:
    pieces: list[str] = []
    reply = await chat(bare.TEXT, watch=lambda delta: pieces.append(delta.text))
    if "".join(pieces) != reply.text or reply.text != WORD * CHUNKS:
        raise AssertionError("the pieces are not the reply")
    return reply.text


async def measure(pace: str, gap_s: str) -> None:
    arguments = ("--text", WORD, "--repeat", str(CHUNKS), "--chunks", str(CHUNKS), "--chunk-s", gap_s)
    with mock_process(*arguments) as server, tempfile.TemporaryDirectory() as home:
        models = {"default": Model(url=server.url, name="mock", key=bare.KEY)}
        async with bare.open_session() as session, Firm.open(home, models=models):
            pieces: list[str] = []
            works = {
                "bare": bare.lanes(reader(session, server.url, pieces.append)),
                "chat": bare.lanes(watched),
            }
            costs = await bare.take_turns(works, calls=1, at_once=AT_ONCE, rounds=ROUNDS)
    for name in works:
        tell(f"chunk {pace}, {name}, CPU", costs.least(name) / CHUNKS, "µs", **machine())
    over = (costs.least("chat") - costs.least("bare")) / CHUNKS
    tell(f"chunk {pace}, chat over bare, CPU", over, "µs", goal="at most 12")


async def main() -> None:
    gc.set_threshold(100_000, 50, 100)
    for pace, gap_s in PACES.items():
        await measure(pace, gap_s)


if __name__ == "__main__":
    uvloop.run(main())
