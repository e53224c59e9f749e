"""AGENTS.md: what a folder tells agents that work in it.

One rule: the nearest file wins, and above the workspace only what belongs to its repository or home counts: in a
folder that many share anybody may leave one. It is guidance of whoever owns the folder, and is shown to the model so.
"""

import os
import stat

from firm.agent.workspace import workspace_here
from firm.kernel import step

NAME = "AGENTS.md"
MAX_CHARS = 32_000
MAX_UP = 20
"""Folders upward that are looked at."""
STOPS = (".git", ".firm", "firm.toml")
"""A folder with one of these is the last that is looked at."""


@step
async def find_guide() -> str:
    """What the nearest AGENTS.md says, from the workspace upward to the top of its repository; '' without one."""
    folder = workspace_here().root
    if (own := _read(f"{folder}/{NAME}")) is not None:
        return own
    nearest: str | None = None
    for _ in range(MAX_UP):
        nearest = _read(f"{folder}/{NAME}") if nearest is None else nearest
        if any(os.path.exists(f"{folder}/{name}") for name in STOPS):
            return nearest or ""
        folder = folder.parent
    return ""  # there is no repository around it


def _read(path: str) -> str | None:
    """The text, of a plain file that is no link and belongs to us or to root."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
            return None
        text = file.read(4 * MAX_CHARS).decode("utf-8", "replace")
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}\n[cut at {MAX_CHARS:,} characters]"


def guide_text(text: str) -> str:
    """As the model reads it."""
    return f"{NAME} of this folder says:\n{text}"
