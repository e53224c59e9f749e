"""Starting a command without a box of its own: a session, a clean environment and limits, and nothing else.

One rule: the limits are set by the shell before the command takes its place, so they hold from its first instruction.
"""

import math
import os
import secrets
from collections.abc import Sequence

from firm.sandbox.box import Box, Limits
from firm.sandbox.bubblewrap import ENVIRONMENT
from firm.sandbox.launch import Started, spawn
from firm.sandbox.tree import MARKER, Session

_SET = 'for limit in $1; do ulimit "${limit%%=*}" "${limit#*=}" 2>/dev/null; done; shift; exec "$@"'


def start(command: Sequence[str], box: Box, *, stdin: int) -> Started:
    """Start `command` in the box's folder, which it sees at its own path.

    Raises:
        OSError: there is no shell.
    """
    marker = secrets.token_hex(8)
    env = ENVIRONMENT | dict(box.env) | {MARKER: marker}
    argv = ["/bin/sh", "-c", _SET, "sh", " ".join(limit_words(box.limits)), *command]
    process = spawn(argv, env=env, stdin=stdin, cwd=os.fspath(box.folder))
    return Started(process, Session(process.pid, marker))


def limit_words(limits: Limits) -> list[str]:
    """What `ulimit` is told: processor time in seconds, data in KiB, files in blocks of 512 bytes, no memory dumps."""
    return [
        f"-t={math.ceil(limits.cpu_s)}",
        f"-d={limits.memory_bytes // 1024}",
        f"-f={math.ceil(limits.disk_bytes / 512)}",
        "-c=0",
    ]
