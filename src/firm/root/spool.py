"""The spool: requests as files, from processes that do not own the home to the one that does.

One rule: a request is durable once its file has its name; it is deleted only after what it did is in the journal.
"""

import logging
import os
import socket
import time

import msgspec

from firm.root.home import Home, writing_failed
from firm.root.request import Request
from firm.store.folder import write_whole

SUFFIX = ".request"
MAX_AT_ONCE = 1000
_MAX_SOCKET_PATH = 100
log = logging.getLogger("firm")
_decode = msgspec.msgpack.Decoder(Request).decode


def new_sender() -> str:
    """A name that no other process has; names sort by the time at which they were made."""
    return f"{time.time_ns():x}-{os.getpid()}-{os.urandom(3).hex()}"


def put(home: Home, request: Request) -> None:
    """Put a request down, durably, and tell the owner.

    Raises:
        UsageError, DiskFull, JournalError: it is not there.
    """
    path = home.spool / (request.id + SUFFIX)
    try:
        write_whole(path, msgspec.msgpack.encode(request))
    except OSError as error:
        raise writing_failed(error, path) from error
    poke(home)


def pending(home: Home) -> list[Request]:
    """Requests in the order of their ids, at most MAX_AT_ONCE; what cannot be read is put aside."""
    try:
        names = sorted(name for name in os.listdir(home.spool) if name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    found = []
    for name in names[:MAX_AT_ONCE]:
        path = home.spool / name
        try:
            found.append(_decode(path.read_bytes()))
        except FileNotFoundError:
            continue
        except msgspec.MsgspecError:  # not written by us: a request has its name only when it is whole
            aside = path.with_suffix(".unreadable")
            log.warning("request %s cannot be read: kept as %s", path, aside)
            path.rename(aside)
    return found


def remove(home: Home, request: Request) -> None:
    """Forget a request whose outcome is in the journal."""
    (home.spool / (request.id + SUFFIX)).unlink(missing_ok=True)


def sweep(home: Home) -> None:
    """Delete what a crash left behind while it wrote."""
    for path in home.spool.glob("*.tmp"):
        if time.time() - path.stat().st_mtime > 60:
            path.unlink(missing_ok=True)


# --- the bell ------------------------------------------------------------------------------------------------


def bell(home: Home) -> socket.socket | None:
    """What the owner listens on; None where its path is too long, and polling must do."""
    if len(os.fsencode(home.socket)) > _MAX_SOCKET_PATH:
        return None
    home.socket.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    listening.setblocking(False)
    try:
        listening.bind(str(home.socket))
    except OSError:
        listening.close()
        return None
    return listening


def poke(home: Home) -> None:
    """Tell the owner that there is a request. It looks by itself too, so this may fail."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as talking:
        talking.setblocking(False)
        try:
            talking.sendto(b"!", str(home.socket))
        except OSError:
            pass


def listen(listening: socket.socket) -> None:
    """Empty the bell."""
    try:
        while listening.recv(16):
            pass
    except BlockingIOError:
        pass
