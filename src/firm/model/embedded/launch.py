"""The server of the embedded model: started when somebody asks for it, shared by everybody on the machine.

One rule: who wants the server holds its door while looking, starting and waiting, and the server takes the same door
before it stops when idle; so an address that is handed out is good, and there are never two servers of one file.

Files, by the weights' hash, in a folder that only the user can read: `.door` (a lock, held for a moment), `.lock` (a
lock, held by the server as long as it lives), `.json` (where it listens and its key; its time is that of the last one
who asked) and `.log`.
"""

import asyncio
import contextlib
import importlib.util
import os
import platform
import signal
import sys
import time
from pathlib import Path

import msgspec

from firm.errors import UsageError
from firm.model.embedded import store
from firm.model.embedded.catalogue import Entry, catalogue, find
from firm.model.embedded.error import NotInstalled, ServerFailed, ServerSlow
from firm.model.embedded.flock import POLL_S, holding, is_taken

IDLE_S = 300.0
"""How long the server stays when nobody asks."""

START_S = 120.0
"""How long it may take to load."""

LOG_LINES = 12
"""How much of the log an error shows."""

STOP_S = 10.0
"""How long the server may take to end after it was told to."""

PASSED_ON = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "XDG_CACHE_HOME"})
PASSED_ON_PREFIXES = ("CUDA_", "HIP_", "ROCR_", "GGML_", "OMP_", "GOMP_", "VK_", "FIRM_MODELS")
"""Of the environment the server gets only these: it outlives its starter, and needs no keys of anybody."""


SPINNING = {"GOMP_SPINCOUNT": "1000"}
"""How long its threads spin while they wait for each other. With the library's default they burn several times the
processor time, and crawl, as soon as other programs run; sleeping at once halves the speed on a quiet machine."""


class Address(msgspec.Struct, frozen=True):
    """A server that is up.

    Args:
        url: Up to the version, such as 'http://127.0.0.1:40001/v1'.
        key: Bearer token; only this user can read it.
        model: What the server calls the model: its name in the catalogue.
        window_tokens: Context that one request has.
        pid: Process that serves.
    """

    url: str
    key: str
    model: str
    window_tokens: int
    pid: int

    def __repr__(self) -> str:
        return f"Address(url={self.url!r}, model={self.model!r}, pid={self.pid})"


class Desk(msgspec.Struct, frozen=True):
    """The files of one server."""

    stem: Path

    @property
    def door(self) -> Path:
        """Lock of those who look."""
        return self.stem.with_name(self.stem.name + ".door")

    @property
    def lock(self) -> Path:
        """Lock of the server."""
        return self.stem.with_name(self.stem.name + ".lock")

    @property
    def state(self) -> Path:
        """The address."""
        return self.stem.with_name(self.stem.name + ".json")

    @property
    def log(self) -> Path:
        """What the server said since it was last started."""
        return self.stem.with_name(self.stem.name + ".log")


def desk(entry: Entry) -> Desk:
    """The files of an entry's server. A cache that several machines share has a folder for each."""
    folder = store.cache() / "serving" / (platform.node() or "here")
    return Desk(folder / entry.sha256[: store.HASH_DIGITS])


async def ensure(name: str, *, idle_s: float = IDLE_S, start_s: float = START_S) -> Address:
    """The address of the server for `name`; it is started if it is not up, and then this waits until it is ready.

    Args:
        name: A chat model of the catalogue.
        idle_s: A server that this starts stops after so many seconds without a request, at least 0.1.
        start_s: How long to wait at most, in seconds.

    Raises:
        UsageError: the catalogue has no such chat model.
        NotPulled: its weights are not on this machine.
        NotInstalled: `xllamacpp` is not installed.
        ServerFailed: the server ended while it started.
        ServerSlow: it was not ready after `start_s`.
    """
    entry = find(name)
    if entry.kind != "chat":
        raise UsageError(
            f"{name!r} answers no messages, it is of kind {entry.kind!r}; see firm.model.embedded.minilm"
        )
    if not idle_s >= 0.1:
        raise UsageError(f"ensure(idle_s={idle_s!r}): give seconds, at least 0.1")
    weights = store.weights(entry)
    files = desk(entry)
    files.door.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline_s = time.monotonic() + start_s
    try:
        async with holding(files.door, timeout_s=start_s):
            address = _up(files)
            if address is None:
                address = await _start(entry, weights, idle_s, deadline_s)
            os.utime(files.state)
            return address
    except TimeoutError as error:
        raise _slow(entry, start_s) from error


def _up(files: Desk) -> Address | None:
    """The address of a server that lives and is ready."""
    if not is_taken(files.lock):
        return None
    with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
        address = msgspec.json.decode(files.state.read_bytes(), type=Address)
        return None if _is_dying(address.pid) else address
    return None


def _is_dying(pid: int) -> bool:
    """Whether a process was killed; while its threads end it still has its locks."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] in b"ZX"
    except OSError:
        return False


async def _start(entry: Entry, weights: Path, idle_s: float, deadline_s: float) -> Address:
    """Start a server, or wait for one that somebody else began to start and that is still loading."""
    files = desk(entry)
    while is_taken(files.lock):  # one that loads, or one that is about to end
        if (address := _up(files)) is not None:
            return address
        await _pause(deadline_s)
    if importlib.util.find_spec("xllamacpp") is None:
        raise NotInstalled(
            f"the embedded model {entry.name!r} needs xllamacpp, which is not installed; run: pip install 'firm[local]'"
        )
    await _spawn(entry, weights, idle_s)
    while (address := _up(files)) is None:
        if not is_taken(files.lock):
            raise _failed(entry, "ended while it loaded")
        await _pause(deadline_s)
    return address


async def _pause(deadline_s: float) -> None:
    if time.monotonic() > deadline_s:
        raise TimeoutError
    await asyncio.sleep(POLL_S)


async def _spawn(entry: Entry, weights: Path, idle_s: float) -> None:
    """Start the process. It takes its lock, goes into the background, and only then ends for us."""
    files = desk(entry)
    command = [sys.executable, "-P", "-m", "firm.model.embedded.server", entry.name, str(weights)]
    files.state.unlink(missing_ok=True)  # of one that was killed
    with open(os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            f"--idle-s={idle_s}",
            env=_environment(),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if code:
        raise _failed(entry, f"ended with code {process.returncode}")


def _environment() -> dict[str, str]:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    return SPINNING | passed | {"PYTHONPATH": str(Path(__file__).parents[3])}


def _failed(entry: Entry, what: str) -> ServerFailed:
    return ServerFailed(
        f"the server of the embedded model {entry.name!r} {what}; if the weights are damaged, run: firm models "
        f"remove {entry.name}, then: firm models pull {entry.name}. The end of {str(desk(entry).log)!r}:\n{tail(entry)}"
    )


def _slow(entry: Entry, start_s: float) -> ServerSlow:
    return ServerSlow(
        f"the server of the embedded model {entry.name!r} was not ready after {start_s:g} s; try again, "
        f"or see {str(desk(entry).log)!r}, which ends:\n{tail(entry)}"
    )


def tail(entry: Entry) -> str:
    """The last lines of the server's log."""
    try:
        lines = desk(entry).log.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "(there is no log)"
    return "\n".join(lines[-LOG_LINES:]) or "(it is empty)"


def running() -> list[Address]:
    """Servers that are up on this machine, of this user."""
    found = (_up(desk(entry)) for entry in catalogue().values())
    return [address for address in found if address is not None]


async def stop(name: str) -> bool:
    """End the server of `name`, with what it is just answering; whether there was one.

    Raises:
        UsageError: the catalogue has no such name.
        ServerSlow: it did not end.
    """
    files = desk(find(name))
    address = _up(files)
    if address is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(address.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_S
    while is_taken(files.lock):
        if time.monotonic() > deadline_s:
            raise ServerSlow(f"the server of {name!r} (process {address.pid}) did not end; kill it")
        await asyncio.sleep(POLL_S)
    return True
