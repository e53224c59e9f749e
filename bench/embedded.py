"""The embedded models: how fast they read and write, what they hold in memory, and what a second caller waits.

A server of its own for each, with as many threads as there are cores, the file in the page cache. Tokens a second are
those that llama.cpp counts; the best of several rounds, since other programs on the machine slow it down a lot. The
larger model is measured where it was pulled (`firm models pull`), the small ones are pulled here.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from bench import machine, tell

from firm.model.embedded import DEFAULT, EMBEDDING, SMALLEST, find, store
from firm.model.embedded.launch import Address, ensure, stop
from firm.model.embedded.minilm import MiniLM
from firm.model.embedded.pull import pull

ROUNDS = 3
PROMPT = "The boat leaves the harbour at noon and comes back in the evening. " * 20
TOKENS = 64
AT_ONCE = 4
SENTENCES = 256


async def say(session: aiohttp.ClientSession, address: Address, prompt: str) -> dict[str, Any]:
    """What the server says about one answer of `TOKENS` tokens."""
    body = {
        "model": address.model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": TOKENS,
        "ignore_eos": True,
    }
    async with session.post(f"{address.url}/chat/completions", json=body) as got:
        return dict((await got.json())["timings"])


def memory_mb(pid: int, row: str) -> float:
    """A row of /proc/PID/status in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(row):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(row)


async def chat_model(name: str) -> None:
    begun_s = time.perf_counter()
    address = await ensure(name, idle_s=60)
    load_s = time.perf_counter() - begun_s
    waits_ms = []
    for _ in range(50):
        begun_s = time.perf_counter()
        await ensure(name)
        waits_ms.append((time.perf_counter() - begun_s) * 1e3)
    read, written, together = [], [], []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {address.key}"}) as session:
        for number in range(ROUNDS):
            timings = await say(session, address, f"{number}. {PROMPT}")
            read.append(timings["prompt_per_second"])
            written.append(timings["predicted_per_second"])
            begun_s = time.perf_counter()
            await asyncio.gather(*(say(session, address, f"Boat {number} {k}") for k in range(AT_ONCE)))
            together.append(AT_ONCE * TOKENS / (time.perf_counter() - begun_s))
    about = {"rounds": ROUNDS, "bytes": find(name).bytes, "window": address.window_tokens, **machine()}
    tell(f"{name}: tokens written a second", max(written), "1/s", all=[round(v, 1) for v in written], **about)
    tell(f"{name}: tokens written a second, {AT_ONCE} answers at once", max(together), "1/s")
    tell(f"{name}: prompt tokens read a second", max(read), "1/s", all=[round(v) for v in read])
    tell(f"{name}: memory of the server", memory_mb(address.pid, "VmRSS"), "MB")
    tell(f"{name}: of it not the mapped file", memory_mb(address.pid, "RssAnon"), "MB")
    tell(f"{name}: first caller waits", load_s, "s")
    tell(f"{name}: second caller waits", min(waits_ms), "ms", goal="no load time")
    await stop(name)


def sentences() -> None:
    before = memory_mb(os.getpid(), "VmRSS")
    begun_s = time.perf_counter()
    model = MiniLM()
    load_s = time.perf_counter() - begun_s
    texts = [
        f"The quick brown fox number {n} jumps over the lazy dog near the bank." for n in range(SENTENCES)
    ]
    wall, cpu = [], []
    for _ in range(ROUNDS):
        begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
        model.embed(texts)
        wall.append(SENTENCES / (time.perf_counter() - begun_s))
        cpu.append(SENTENCES / (time.process_time() - begun_cpu_s))
    tell(f"{EMBEDDING}: sentences of 18 tokens a second", max(wall), "1/s", all=[round(v) for v in wall])
    tell(f"{EMBEDDING}: sentences a CPU second", max(cpu), "1/s")
    tell(f"{EMBEDDING}: load, with numpy", load_s, "s")
    tell(f"{EMBEDDING}: memory that it adds", memory_mb(os.getpid(), "VmRSS") - before, "MB")


async def main() -> None:
    for name in (SMALLEST, EMBEDDING):
        await pull(name)
    os.environ["FIRM_MODELS"] = str(store.folder())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for name in (SMALLEST, DEFAULT):
            if all(store.held(file) for file in find(name).files):
                await chat_model(name)
    sentences()


if __name__ == "__main__":
    asyncio.run(main())
