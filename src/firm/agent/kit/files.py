"""Files in the workspace: list, read by pages, write, edit, search.

One rule: what a model gets back says what to do next: how much is left, where the text occurs else, what comes
nearest. That no path leads out of the workspace is `firm.agent.workspace`'s; a pattern that would never come to an
end runs in a process that is stopped (`firm.agent.kit.pattern`).
"""

import difflib
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from firm.agent.kit import pattern as patterns
from firm.agent.kit.glob import check_glob, matches
from firm.agent.kit.text import as_written, lines_of, text_of
from firm.agent.tool import tool
from firm.agent.workspace import MAX_READ_BYTES, Entry, Workspace, workspace_here
from firm.errors import UsageError

MAX_LISTED = 500
"""Files that one listing shows."""
MAX_LINES = 2_000
"""Lines that can be asked for at once."""
PAGE_CHARS = 15_000
"""Characters that one page has at most."""
MAX_FOUND = 200
"""Places that one search shows."""
MAX_SEARCHED_BYTES = 64 * 1024 * 1024
"""What one search reads at most, all files together."""
MAX_SEARCHED_FILE_BYTES = 4 * 1024 * 1024
"""Larger files are left out of a search."""
PLACE_CHARS = 300
"""Characters of a line that a search shows."""
NEAREST_LINES = 20_000
"""Lines of a file in which what comes nearest is looked for."""
NEAREST_S = 1.0
"""How long it is looked for: lines can be made so that to compare them takes long."""
MAX_PLACES = 100
"""Places of a text in a file that are counted."""
SKIPPED: Final = frozenset(
    {".git", "__pycache__", "node_modules", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
"""Folders that are not looked into, unless a pattern names them."""


@tool(risk="read")
def list_files(pattern: str = "**/*") -> str:
    """List files of the workspace with their size in bytes.

    Args:
        pattern: Which ones: `*` stands for anything in one name, `**` for any number of folders. `*.py` are those
            at the top, `**/*.py` those at any depth, `src/*` what lies in src, its folders too.
    """
    wanted = check_glob(pattern)
    found = [
        entry
        for entry in _entries(workspace_here(), wanted)
        if matches(entry.path, wanted) and (entry.kind != "folder" or "**" not in wanted)
    ]
    if not found:
        more = f"; '**/{pattern}' looks at any depth" if "/" not in pattern and "**" not in pattern else ""
        return f"no file matches {pattern!r}{more}"
    lines = [_shown(entry) for entry in found[:MAX_LISTED]]
    if len(found) > MAX_LISTED:
        lines.append(f"… {len(found) - MAX_LISTED:,} more are not shown: narrow the pattern")
    return "\n".join(lines)


@tool(risk="read")
def read_file(path: str, start: int = 1, lines: int = 200) -> str:
    """Read a text file of the workspace, a page at a time.

    The first line of the result says which lines it shows, of how many; the text follows as it stands in the file,
    without line numbers. A line over 2,000 characters counts as several.

    Args:
        path: Relative to the workspace.
        start: The first line, from 1.
        lines: How many lines, 1 to 2,000.
    """
    if start < 1 or not 1 <= lines <= MAX_LINES:
        raise UsageError(f"start={start!r}, lines={lines!r}: give start from 1, and 1 to {MAX_LINES:,} lines")
    text, form = text_of(workspace_here().read(path), path)
    all_lines = lines_of(text)
    if not all_lines:
        return f"{path}: empty"
    if start > len(all_lines):
        raise UsageError(f"{path!r} has {len(all_lines):,} lines; start={start!r} is behind its end")
    page, chars = list[str](), 0
    for line in all_lines[start - 1 : start - 1 + lines]:
        chars += len(line) + 1
        if page and chars > PAGE_CHARS:
            break
        page.append(line)
    last = start + len(page) - 1
    more = f"; go on with start={last + 1}" if last < len(all_lines) else ""
    return f"{path}: lines {start}-{last} of {len(all_lines)}{form.words}{more}\n" + "\n".join(page)


@tool(risk="write")
def write_file(path: str, text: str) -> str:
    """Write a text file of the workspace, whole; folders on the way are made, a file that is there is replaced.

    Args:
        path: Relative to the workspace.
        text: All that the file shall hold.
    """
    body = _encoded(text, path)
    workspace_here().write(path, body)
    return f"wrote {path}: {len(lines_of(text)):,} lines, {len(body):,} bytes"


@tool(risk="write")
def edit_file(path: str, old: str, new: str) -> str:
    """Replace one place in a text file of the workspace.

    Args:
        path: Relative to the workspace.
        old: The text that stands there now, exactly, with its indentation; it must occur once. Take in lines around
            it where it occurs more often.
        new: What shall stand there instead; empty takes it out.
    """
    if not old:
        raise UsageError(
            "old is empty; give the text that stands there now, or write the file with write_file"
        )
    if old == new:
        raise UsageError("old and new are the same; nothing was changed")
    here = workspace_here()
    with here.alone(path):
        text, form = text_of(here.read(path), path)
        old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
        places = list(islice(_places(text, old), MAX_PLACES))
        if len(places) != 1:
            raise UsageError(_not_once(path, text, old, places))
        at = text.index(old)
        _encoded(new, path)
        here.write(path, as_written(text[:at] + new + text[at + len(old) :], form))
    return f"edited {path} in line {places[0]}"


@tool(risk="read", timeout_s=patterns.SEARCH_S * 4)
async def search_files(pattern: str, files: str = "**/*") -> str:
    """Find lines in text files of the workspace; the result has one line for each, `path:line: text`.

    Args:
        pattern: Regular expression as in Python, searched in each line; `(?i)` at its front ignores case.
        files: Which files, as for list_files.
    """
    wanted = check_glob(files)
    here = workspace_here()
    found = await patterns.search(pattern, lambda: _texts(here, wanted), most=MAX_FOUND)
    lines = [f"{path}:{number}: {_cut(line)}" for path, number, line in found.places]
    if not lines:
        lines.append(f"no line matches {pattern!r} in {found.files:,} files that match {files!r}")
    elif found.more:
        lines.append(f"… more than {MAX_FOUND} lines match: narrow the pattern, or the files")
    if found.left_out:
        lines.append(
            f"… {found.left_out:,} files were left out: binary, too large, or beyond what one search reads"
        )
    return "\n".join(lines)


FILES = (list_files, read_file, write_file, edit_file, search_files)
"""All tools of this file."""


def _entries(here: Workspace, wanted: tuple[str, ...]) -> Iterator[Entry]:
    return here.entries(skip=SKIPPED - frozenset(wanted))


def _shown(entry: Entry) -> str:
    if entry.kind == "folder":
        return f"{entry.path}/"
    return f"{entry.path}  {entry.size}" if entry.kind == "file" else f"{entry.path}  ({entry.kind})"


def _texts(here: Workspace, wanted: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    """Path and text of each file to search; None for one that is left out."""
    total = 0
    for entry in _entries(here, wanted):
        if entry.kind != "file" or not matches(entry.path, wanted):
            continue
        total += entry.size
        if entry.size > MAX_SEARCHED_FILE_BYTES or total > MAX_SEARCHED_BYTES:
            yield entry.path, None
            continue
        try:
            yield entry.path, text_of(here.read(entry.path, max_bytes=MAX_READ_BYTES), entry.path)[0]
        except UsageError:  # binary, or gone since
            yield entry.path, None


def _encoded(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"text for {path!r} has half a character at {error.start}: {text[error.start]!r}; leave it out"
        ) from None


def _places(text: str, old: str) -> Iterator[int]:
    """The lines at which it begins."""
    at, line, before = text.find(old), 1, 0
    while at >= 0:
        line += text.count("\n", before, at)
        before = at
        yield line
        at = text.find(old, at + 1)


def _not_once(path: str, text: str, old: str, places: list[int]) -> str:
    """What to do about a text that does not stand there exactly once."""
    if places:
        lines = list(dict.fromkeys(places))
        at = ", ".join(map(str, lines[:20])) + (" …" if len(lines) > 20 else "")
        often = f"{len(places)} times" if len(places) < MAX_PLACES else f"at least {MAX_PLACES} times"
        return f"old occurs {often} in {path!r}, in lines {at}; take in lines around the one that is meant"
    found = _nearest(text.split("\n"), old.strip("\n").split("\n"))
    if not found:
        return f"old does not occur in {path!r}, nor anything like it; read the file again with read_file"
    first, near = found
    same = " ".join(old.split()) == " ".join(" ".join(near).split())
    last = first + len(near) - 1
    lines_are = f"line {first} is" if last == first else f"lines {first}-{last} are"
    why = f"{lines_are} like it but for spaces" if same else f"{lines_are} nearest"
    shown = "\n".join(line[:PLACE_CHARS] for line in near)
    return f"old does not occur in {path!r}; {why}, and must be given as it stands there:\n{shown}"


def _nearest(lines: list[str], old: list[str]) -> tuple[int, list[str]] | None:
    """The lines that are most like these: number of the first one, and themselves."""
    anchor = max(range(len(old)), key=lambda at: len(old[at].strip()))
    wanted = old[anchor].strip()[:PLACE_CHARS]
    matcher, best, best_at = difflib.SequenceMatcher(autojunk=False), 0.5, -1
    matcher.set_seq2(wanted)
    until = time.monotonic() + NEAREST_S
    for at, line in enumerate(lines[:NEAREST_LINES]):
        if time.monotonic() > until:
            break
        matcher.set_seq1(line.strip()[:PLACE_CHARS])
        if (
            matcher.real_quick_ratio() > best
            and matcher.quick_ratio() > best
            and (ratio := matcher.ratio()) > best
        ):
            best, best_at = ratio, at
            if ratio == 1.0:
                break
    if best_at < 0 or not wanted:
        return None
    first = max(best_at - anchor, 0)
    return first + 1, lines[first : first + min(len(old), 30)]


def _cut(line: str) -> str:
    return line if len(line) <= PLACE_CHARS else f"{line[:PLACE_CHARS]} …"
