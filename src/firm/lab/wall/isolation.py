"""What the scorer's process does to itself before it loads anything.

One rule: what cannot be held on this machine is told, never passed over in silence.
"""

import ctypes
import os
import resource
import signal
import sys

_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def shut_in(parent: int) -> tuple[str, ...]:
    """No network, no memory dumps, no new privileges, and no life without the parent; what could not be held.

    Args:
        parent: Process id of the desk. If it is gone already, this process ends.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return ("network", "memory")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    if libc.unshare(_NEW_NETWORK) and libc.unshare(_NEW_USER | _NEW_NETWORK):
        return ("network",)
    return ()


def data_bytes() -> int:
    """Private memory that this process has asked for, as RLIMIT_DATA counts it; 0 where that cannot be told."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def hold_memory(most_bytes: int) -> None:
    """Let this process, and each that it starts, have so much private memory at most, from now on."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        most_bytes = min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, hard))


def used_us() -> int:
    """Processor time of this process and its ended children, in microseconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return round(1e6 * (own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime))
