"""What an agent is shown of the files before it begins: the tests that fail, and the modules that they import.

One rule: only whole files, and only so many that a small model still has room to think; the others it reads by itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from firm.agent.workspace import Workspace
from firm.errors import UsageError

SHOWN_CHARS = 9_000
"""Of all files together."""
_IMPORTED = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w.]+))", re.MULTILINE)
_PLACE = re.compile(r"^([\w./-]+\.\w+)(?:::|:\d+)", re.MULTILINE)
_ROOTS = ("", "src/", "lib/")


class Sources(msgspec.Struct, frozen=True):
    """Files that matter for tests that fail."""

    text: str = ""
    """With their names; the most important last, where a small model sees it best. '' where none is found."""
    first: tuple[str, ...] = ()
    """Of these, the modules that the first test imports."""


def sources_of(folder: Path, files: Sequence[str], failing: Iterable[str], printed: str) -> Sources:
    """The files that matter, whole.

    Args:
        folder: Of the worktree.
        files: All of the commit.
        failing: Names of tests.
        printed: What the tests printed; files are named in it too.
    """
    known, here = frozenset(files), Workspace(folder)
    named = [name.partition("::")[0] for name in failing] + _PLACE.findall(printed)
    found, first, left = dict[str, str](), tuple[str, ...](), SHOWN_CHARS
    for test in (path for path in dict.fromkeys(named) if path in known):
        text = _read(here, test)
        inner = list(_imported(text, known))
        first = first or tuple(inner)
        for path in (test, *inner):
            body = _read(here, path)
            if body and path not in found and len(body) <= left:
                left -= len(body)
                found[path] = f"--- {path}\n{body.rstrip()}"
    return Sources("\n\n".join(reversed(found.values())), first)


def _imported(text: str, known: frozenset[str]) -> Iterator[str]:
    for pair in _IMPORTED.findall(text):
        path = (pair[0] or pair[1]).replace(".", "/")
        for root in _ROOTS:
            yield from (name for name in (f"{root}{path}.py", f"{root}{path}/__init__.py") if name in known)


def _read(here: Workspace, path: str) -> str:
    try:
        return here.read(path, max_bytes=4 * SHOWN_CHARS).decode("utf-8")
    except (UsageError, UnicodeDecodeError):  # gone, too large, or no text
        return ""
