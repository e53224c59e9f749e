"""The process that runs a weight file: `python -m firm.model.embedded.server NAME FILE`, started by `launch`.

One rule: it listens on 127.0.0.1 only, and answers nobody without the key. HTTP, batching and streaming are those of
llama.cpp (`xllamacpp`), in threads of its own; what is here decides when it begins and ends. It ends by `os._exit`: it
has nothing to save, and threads that compute cannot be asked.
"""

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from firm.model.embedded.catalogue import Entry, find
from firm.model.embedded.flock import POLL_S, take
from firm.model.embedded.launch import IDLE_S, Address, Desk, desk

SLOTS = 4
"""Requests that are computed at once; more wait inside llama.cpp."""

WINDOW_TOKENS = 8_192
"""Largest window: all slots share one cache of this size, which is held in memory."""

PROMPTS_KEPT_MIB = 128
"""Memory for caches of earlier prompts."""

LOOK_S = 1.0
"""How often the server looks whether it is still wanted."""

LOCK_TRIES = 50
"""How often the lock is tried, 20 ms apart."""

ALREADY_RUNS = 3
"""Exit code: there is a server of this file."""

WORK = ("llamacpp:n_decode_total", "llamacpp:prompt_tokens_total", "llamacpp:requests_processing")
"""Counters that change while something is done."""


def main(words: list[str] | None = None) -> None:
    """Serve until idle, or until SIGTERM, which ends it at once: its lock goes with it, and so its address."""
    parser = argparse.ArgumentParser(prog="python -m firm.model.embedded.server", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--idle-s", type=float, default=IDLE_S)
    options = parser.parse_args(words)
    entry = find(options.name)
    files = desk(entry)
    os.umask(0o077)
    if not take_over(files.lock):
        sys.exit(ALREADY_RUNS)
    files.state.unlink(missing_ok=True)
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    engine, address = load(entry, options.weights)
    publish(files, address)
    watch(engine, files, options.idle_s)
    os._exit(0)


def take_over(lock: Path) -> bool:
    """Take the lock, for as long as this process and what it forks live; who only looks has it for a moment."""
    for _ in range(LOCK_TRIES):
        if take(lock) is not None:
            return True
        time.sleep(POLL_S)
    return False


def load(entry: Entry, weights: Path) -> tuple[Any, Address]:
    """Load the weights and listen; takes as long as the disk and the processor need."""
    import xllamacpp

    window = min(entry.context_tokens, WINDOW_TOKENS)
    key = secrets.token_urlsafe(32)
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {entry.name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_ctx, params.n_parallel, params.kv_unified = window, SLOTS, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = physical_cores()
    params.cache_ram_mib = PROMPTS_KEPT_MIB
    params.endpoint_metrics = True
    params.endpoint_slots = params.ui = False
    try:
        engine = xllamacpp.Server(params)
    except RuntimeError as error:  # llama.cpp has said more above
        sys.exit(f"{weights}: {error}")
    return engine, Address(engine.listening_address + "/v1", key, entry.name, window, os.getpid())


def physical_cores() -> int:
    """Cores that this process may use: hyper-threads count once, a limit of the container counts."""
    usable = os.sched_getaffinity(0)
    cores = set()
    for number in usable:
        path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/core_cpus_list")
        cores.add(path.read_text().strip() if path.exists() else str(number))
    limit = Path("/sys/fs/cgroup/cpu.max")
    quota, _, period = limit.read_text().strip().partition(" ") if limit.exists() else ("max", "", "")
    allowed = len(cores) if quota == "max" else max(1, round(int(quota) / int(period)))
    return min(len(cores), allowed)


def publish(files: Desk, address: Address) -> None:
    """Say where we are; from now on others find us."""
    new = files.state.with_name(files.state.name + ".new")
    new.write_bytes(msgspec.json.encode(address))
    new.replace(files.state)


def watch(engine: Any, files: Desk, idle_s: float) -> None:
    """Return when nobody has asked or been answered for `idle_s`; the address is gone then."""
    before = counters(engine.handle_metrics())
    last_s = time.time()
    while True:
        time.sleep(min(LOOK_S, idle_s / 4))
        now = counters(engine.handle_metrics())
        if now != before or now[-1]:
            before, last_s = now, time.time()
        if quiet_s(files, last_s) >= idle_s and leave(files, last_s, idle_s):
            return


def counters(metrics: str) -> tuple[float, ...]:
    """What `WORK` names, out of the text of the metrics."""
    values = dict(_pairs(metrics.splitlines()))
    return tuple(float(values[name]) for name in WORK)


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(" ")
        yield name, value


def quiet_s(files: Desk, last_s: float) -> float:
    """Seconds since the last work, or since somebody last asked for the address."""
    try:
        asked_s = files.state.stat().st_mtime
    except FileNotFoundError:
        asked_s = 0.0
    return time.time() - max(last_s, asked_s)


def leave(files: Desk, last_s: float, idle_s: float) -> bool:
    """Take the address away, unless somebody is just asking for it."""
    door = take(files.door)
    if door is None:
        return False
    try:
        if quiet_s(files, last_s) < idle_s:
            return False
        files.state.unlink(missing_ok=True)
        return True
    finally:
        os.close(door)


if __name__ == "__main__":
    main()
