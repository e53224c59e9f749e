"""The town: 300 restaurants behind one small HTTP server, and the book of all that they have heard.

    python examples/restaurants/town.py --port 8330 --book town.jsonl

One rule: a message is in the book, on disk, before anything is answered; the book holds each `Idempotency-Key` once,
and who asks again with the same key gets the same answer. The book outlives the server. What is said is the business
of `manners.py`; the delays, the silences and the broken lines are this file's.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec

from guide import guide
from manners import Answer, Manner, answer, manners

PORT = 8330
DELAY_S = (0.2, 1.4)
"""How long a restaurant takes to answer, at pace 1."""
MAX_BODY = 100_000


class Line(msgspec.Struct, frozen=True):
    """One line of the book."""

    restaurant: str
    key: str
    message: str
    what: Literal["heard", "again", "down", "paid"] = "heard"
    """'heard'; 'again': it came once more with a key that was there already, and was not heard; 'down': the telephone
    broke down before it was heard; 'paid': a deposit of `usd` arrived."""
    usd: float = 0.0


def printable(text: str) -> str:
    """Words of strangers on one line, cut short, without what a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:120]


def read_book(book: Path) -> list[Line]:
    """All lines of a book; a torn last one was never answered."""
    text = book.read_bytes() if book.exists() else b""
    return [
        msgspec.json.decode(line, type=Line)
        for line in text.splitlines(keepends=True)
        if line.endswith(b"\n")
    ]


class Town:
    """Restaurants that listen; `book` is the file that tells what they have heard."""

    def __init__(self, book: Path, *, pace: float = 1.0) -> None:
        self.book, self.pace = book, pace
        self.heard: list[Line] = []
        """What was heard, each message once, in order."""
        self.again: list[Line] = []
        """What came once more with a known key."""
        self.deposits: list[Line] = []
        self._restaurants = {one.name: one for one in guide()}
        self._manners = manners()
        self._said: dict[str, Answer] = {}
        self._broken: set[str] = set()
        lines = read_book(book)
        book.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))  # without a torn line
        for line in lines:
            self._take_in(line)
        self._file = book.open("ab")
        self._written = self._kept = 0
        """Lines that were written since it was opened, and how many of them are on disk."""
        self._keeping = asyncio.Lock()

    def close(self) -> None:
        """Close the book."""
        self._file.close()

    async def keep(self) -> None:
        """Wait until all that was written is on disk; whoever waits at the same time does so together."""
        wanted = self._written
        async with self._keeping:
            if self._kept < wanted:
                upto = self._written
                await asyncio.to_thread(os.fsync, self._file.fileno())
                self._kept = upto

    def knows(self, name: str) -> bool:
        """Whether there is such a restaurant."""
        return name in self._restaurants

    def hear(self, name: str, key: str, message: str) -> Answer:
        """A restaurant is called; what it says."""
        if key in self._said:
            self._write(Line(name, key, message, "again"))
            return self._said[key]
        manner = self._manners[name]
        if manner is Manner.DOWN or (manner is Manner.FLAKY and key not in self._broken):
            self._write(Line(name, key, message, "down"))
            return Answer("Internal Server Error", status=500)
        self._write(Line(name, key, message))
        return self._said[key]

    def pay(self, payee: str, key: str, usd: float) -> Answer:
        """Money arrives."""
        if key not in {one.key for one in self.deposits}:
            self._write(Line(payee, key, "a deposit", "paid", usd))
        return Answer("Thank you.")

    def last_words(self) -> str:
        """What was said last, and by whom, on one line."""
        if not self.heard:
            return ""
        line = self.heard[-1]
        return f"{line.restaurant}: {printable(self._said[line.key].text) or '…'}"

    def delay_s(self, name: str) -> float:
        """How long it takes to answer this time."""
        calls = sum(1 for one in self.heard if one.restaurant == name)
        return self.pace * random.Random(f"{name}/{calls}").uniform(*DELAY_S)

    def _write(self, line: Line) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        self._written += 1
        self._take_in(line)

    def _take_in(self, line: Line) -> None:
        match line.what:
            case "paid":
                self.deposits.append(line)
            case "again":
                self.again.append(line)
            case "down":
                self._broken.add(line.key)
            case "heard":
                self.heard.append(line)
                name = line.restaurant
                said = [one.message for one in self.heard if one.restaurant == name]
                self._said[line.key] = answer(self._restaurants[name], self._manners[name], said)


# --- HTTP ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def open_town(
    book: Path, *, pace: float = 1.0, port: int = 0, hang_up_s: float | None = None
) -> AsyncIterator[tuple[Town, str]]:
    """The town and its address, while the block lasts.

    Args:
        book: What they have heard, and will hear.
        pace: How long they take to answer, as a multiple of `DELAY_S`.
        port: Where to listen; 0 takes a free one.
        hang_up_s: After so long whoever says nothing puts the receiver down; None: never.
    """
    town, lines = Town(book, pace=pace), dict[asyncio.Task[None], asyncio.StreamWriter]()

    def pick_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.get_running_loop().create_task(_talk(town, reader, writer, hang_up_s=hang_up_s))
        lines[line] = writer
        line.add_done_callback(lines.pop)

    server = await asyncio.start_server(pick_up, "127.0.0.1", port, backlog=1024)
    try:
        yield town, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening)
        for _ in range(
            3
        ):  # a server that is closed while somebody comes in would leave him on the line for ever
            await asyncio.sleep(0)
        server.close()
        for line, writer in lines.items():
            line.cancel()
            writer.transport.abort()
        await asyncio.gather(*lines, return_exceptions=True)
        await asyncio.sleep(0)
        town.close()


async def _talk(
    town: Town, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, hang_up_s: float | None
) -> None:
    """One call: a request, an answer, the end."""
    try:
        said = await _asked(town, reader)
        if said.silent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), hang_up_s)  # until one of them hangs up
            return
        head = f"HTTP/1.1 {said.status} -\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        writer.write(f"{head}content-length: {len(said.body)}\r\n\r\n".encode() + said.body)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # they hung up; what was heard is in the book
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _asked(town: Town, reader: asyncio.StreamReader) -> Answer:
    """Read one request and find its answer, after the time that it takes."""
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)
    }
    size, key = headers.get("content-length", "0"), headers.get("idempotency-key", "")
    if not size.isdigit() or int(size) > MAX_BODY:
        return Answer("too much", status=413)
    body = await reader.readexactly(int(size))
    try:
        asked = json.loads(body)
        if first.startswith("POST /deposits "):
            said = town.pay(str(asked["payee"]), key, float(asked["usd"]))
            await town.keep()
            return said
        name, message = str(asked["restaurant"]), str(asked["message"])
    except (ValueError, TypeError, KeyError):
        return Answer("tell me restaurant and message, as JSON", status=400)
    if not first.startswith("POST /calls ") or not town.knows(name):
        return Answer(f"the town has no {name!r}", status=404)
    if not key:
        return Answer("every call needs an Idempotency-Key", status=400)
    said = town.hear(name, key, message)
    await town.keep()
    if said.status == 200:
        await asyncio.sleep(town.delay_s(name))
    return said


async def _serve(chosen: argparse.Namespace) -> None:
    async with open_town(chosen.book, pace=chosen.pace, port=chosen.port) as (_, url):
        print(f"the town listens at {url}; its book is {chosen.book}", flush=True)
        await asyncio.Event().wait()


def main() -> int:
    """Read the command line, and serve until the end."""
    parser = argparse.ArgumentParser(description="300 restaurants that can be called.")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"where to listen (default: {PORT}; 0: a free one)"
    )
    parser.add_argument(
        "--book", type=Path, default=Path("town.jsonl"), help="what they hear (default: town.jsonl)"
    )
    parser.add_argument("--pace", type=float, default=1.0, help="2 for answers that take twice as long")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
