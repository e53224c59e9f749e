"""AGENTS.md: what a folder tells agents that work in it.

One rule: the nearest file wins. It is guidance of whoever owns the folder, and is shown to the model as such.
"""

from pathlib import Path

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
    for _ in range(MAX_UP):
        if (text := _read(folder / NAME)) is not None:
            return text
        if folder.parent == folder or any((folder / name).exists() for name in STOPS):
            return ""
        folder = folder.parent
    return ""


def _read(path: Path) -> str | None:
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            text = file.read(4 * MAX_CHARS).decode("utf-8", "replace")
    except OSError:
        return None
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}\n[cut at {MAX_CHARS:,} characters]"


def guide_text(text: str) -> str:
    """As the model reads it."""
    return f"{NAME} of this folder says:\n{text}"
